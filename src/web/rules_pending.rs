//! The version of the rules that waits: what it changes, what it would have meant, and the signatures of two people.

use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::form::{self, Form, note, note_field};
use super::format;
use super::layout::{facts, form_key, sheet};
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use crate::audit::{EffectRecord, OldNew};
use crate::config::Change;
use crate::pending::{Ask, DecideError, EffectState, Keys, Verdict, View, view};
use crate::people::{self, Refused, Role, Statement, Token};
use crate::rewards::money::Units;
use crate::store::PendingState;

/// What waits, where something does.
pub async fn waiting(ctx: &Ctx) -> Result<Option<View>, Failure> {
    Ok(view(ctx.view()?.store.as_ref()).await?)
}

/// What it changes, key by key.
pub fn changes_table(ctx: &Ctx, pending: &View) -> Table {
    let deciding = ctx.deciding;
    let row = |Change { key, old, new }: &Change| -> Row {
        vec![
            Cell::Text(key.clone()),
            Cell::optional(old.clone(), Cell::Text),
            Cell::optional(new.clone(), Cell::Text),
        ]
        .into()
    };
    Table {
        name: "pending",
        caption: fill(deciding.pending_version, &[&pending.pending.number.to_string()]),
        columns: vec![
            text("key", deciding.key),
            text("before", deciding.before).wrapping(),
            text("after", deciding.after).wrapping(),
        ],
        rows: pending.changes.iter().map(row).collect(),
        empty: deciding.no_changes,
    }
}

/// What it would have meant, in CC.
pub fn effect_table(ctx: &Ctx, pending: &View) -> Option<Table> {
    let Some(EffectState::Known(effect)) = &pending.effect else { return None };
    let deciding = ctx.deciding;
    let partner = |id: i64| fill(ctx.texts.partner_title, &[&id.to_string()]);
    let categories = effect.categories.iter().map(|part| (part.column.clone(), &part.amount));
    let partners = effect.top_winners.iter().chain(&effect.top_losers);
    let partners = partners.map(|each| (partner(each.partner_id), &each.amount));
    let totals =
        [(deciding.in_all.to_owned(), &effect.total), (deciding.carried.to_owned(), &effect.carried)];
    let row = |(name, amount): (String, &OldNew)| -> Row {
        let OldNew { old, new, difference } = amount;
        let cell = |text: &String| Units::parse(text).map_or_else(|_| Cell::Text(text.clone()), Cell::Amount);
        vec![Cell::Text(name), cell(old), cell(new), cell(difference)].into()
    };
    Some(Table {
        name: "effect",
        caption: days(ctx, effect),
        columns: vec![
            text("what", deciding.what),
            number("old_cc", deciding.by_old),
            number("new_cc", deciding.by_new),
            number("difference_cc", ctx.texts.difference),
        ],
        rows: totals.into_iter().chain(categories).chain(partners).map(row).collect(),
        empty: deciding.no_changes,
    })
}

fn days(ctx: &Ctx, effect: &EffectRecord) -> String {
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "–".to_owned());
    fill(ctx.deciding.effect_of_days, &[&day(&effect.first_day), &day(&effect.last_day)])
}

pub fn section(ctx: &Ctx, pending: &View, changes: &Table, effect: Option<&Table>) -> Markup {
    let deciding = ctx.deciding;
    let waits = pending.pending.state.waits();
    let decisions = pending.decisions.iter().map(|made| {
        (deciding.decision, html! { (made.verdict) ", " (made.by) ", " (made.at) ": " (made.note) })
    });
    let mut known = vec![
        (ctx.texts.state, state(tone(pending.pending.state), state_name(ctx, pending.pending.state))),
        (ctx.texts.hash, html! { code.long { (pending.pending.version) } }),
        (deciding.seen_at, format::time(pending.pending.seen_at, &ctx.calendar, ctx.lang)),
    ];
    known.extend(decisions);
    if let Some(EffectState::Known(effect)) = &pending.effect {
        let count = |number: u64| format::count(number, ctx.lang);
        let who = [count(effect.winners), count(effect.losers), count(effect.partners)];
        known.push((deciding.effect, html! { (fill(deciding.winners, &[&who[0], &who[1], &who[2]])) }));
    }
    html! {
        section.panel { h2 { (changes.caption) } (facts(&known)) }
        (sheet(ctx, changes, &html! {}))
        @match (&pending.effect, effect) {
            (_, Some(effect)) => (sheet(ctx, effect, &html! {})),
            (Some(EffectState::Failed(why)), _) => p.alarm.warn { (deciding.effect_failed) ": " (why) },
            _ => p.note { (deciding.effect_awaited) },
        }
        @if waits && ctx.may(Role::Reviewer) { (sign_form(ctx, pending)) }
        @else if waits { (form::who_decides(ctx, Role::Reviewer)) }
    }
}

const fn tone(state: PendingState) -> Tone {
    match state {
        PendingState::Seen | PendingState::Proposed => Tone::Warn,
        PendingState::Confirmed | PendingState::Adopted => Tone::Good,
        PendingState::Rejected | PendingState::Refused => Tone::Bad,
        PendingState::Superseded | PendingState::Withdrawn => Tone::Plain,
    }
}

const fn state_name(ctx: &Ctx, state: PendingState) -> &'static str {
    let deciding = ctx.deciding;
    match state {
        PendingState::Seen => deciding.seen,
        PendingState::Proposed => deciding.proposed,
        PendingState::Confirmed | PendingState::Adopted => deciding.confirmed,
        PendingState::Rejected | PendingState::Refused => deciding.rejected,
        PendingState::Superseded => deciding.superseded,
        PendingState::Withdrawn => deciding.withdrawn,
    }
}

/// The person's token is typed in, signs, and is forgotten: a session alone signs nothing.
fn sign_form(ctx: &Ctx, pending: &View) -> Markup {
    let deciding = ctx.deciding;
    html! {
        section.panel {
            h2 { (deciding.decide) }
            form.decide action="/rules" method="post" {
                (form_key(ctx))
                input type="hidden" name="version" value=(pending.pending.version);
                div.field {
                    label for="signing-token" { (deciding.own_token) }
                    input #signing-token name="token" type="password" required autocomplete="off" maxlength="256";
                }
                (note_field(ctx, "rules"))
                div.buttons {
                    @if pending.pending.state == PendingState::Seen {
                        button type="submit" name="verdict" value="propose" { (deciding.propose) }
                    } @else if ctx.may(Role::Admin) {
                        button type="submit" name="verdict" value="confirm" { (deciding.confirm) }
                    }
                    button.grave type="submit" name="verdict" value="reject" { (deciding.reject) }
                }
                p.note { (deciding.sign_note) }
            }
        }
    }
}

/// Signs what is pending with the token of whoever is logged in.
pub async fn decide(ctx: Ctx, by: String, sent: Form) -> Outcome {
    let verdict = match sent.get("verdict") {
        "propose" => Verdict::Proposed,
        "confirm" => Verdict::Confirmed,
        "reject" => Verdict::Rejected,
        other => return Err(ctx.bad(other)),
    };
    let note = note(&ctx, &sent)?;
    let view = ctx.view()?;
    let people = ctx.site.desk.people();
    let token = Token::parse(sent.get("token")).map_err(Failure::BadRequest)?;
    let keys = Keys { people: &people, valid: view.signatures_valid };
    let records = view.pen().await?.records.as_ref();
    let ask = Ask::new(records, keys, sent.get("version"), verdict, ctx.now).await.map_err(refused)?;
    let statement = Statement {
        scope: ask.scope.clone(),
        subject: ask.subject.to_string(),
        verdict: verdict.name().to_owned(),
        what: ask.pending.version.clone(),
        by: by.clone(),
        issued_at: ctx.now,
        nonce: Statement::nonce().map_err(|error| Failure::Broken(error.to_string()))?,
    };
    let decider = people::authorize(&people, &by, verdict.needs(), Some(&token), statement);
    let decider = decider.map_err(|why| match why {
        Refused::Role { needed, .. } => Failure::Forbidden(needed),
        other => Failure::BadRequest(other.to_string()),
    })?;
    ask.decide(records, keys, decider, &note, ctx.now).await.map_err(refused)?;
    Ok(Answer::Redirect("/rules".to_owned()))
}

fn refused(error: DecideError) -> Failure {
    match error {
        DecideError::Store(error) => error.into(),
        other => Failure::Conflict(other.to_string()),
    }
}
