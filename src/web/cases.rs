//! Cases: partners whose days are out of the ordinary, each with what one needs to decide.

use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::form::{self, Form, note, note_field};
use super::format;
use super::layout::{Page, Section, card, form_key, pager, sheet, trail};
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use super::windows::window_path;
use crate::people::Role;
use crate::report::{CasePage, case_decision, case_page, thousandths};
use crate::rewards::window::Kind;
use crate::store::{Case, CaseDecided, CaseState, CaseVerdict};

const ROWS: u32 = 50;

pub async fn list(ctx: Ctx) -> Outcome {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let wanted = match ctx.params.get("state") {
        None => Some(CaseState::Open),
        Some("all") => None,
        Some(name) => Some(CaseState::named(name).ok_or_else(|| ctx.bad(name))?),
    };
    let before = ctx.param::<u64>("before")?;
    let mut cases = ctx.view()?.store.cases_before(wanted, before.unwrap_or(u64::MAX), ROWS + 1).await?;
    let has_more = cases.len() > ROWS as usize;
    cases.truncate(ROWS as usize);
    let older = cases.last().filter(|_| has_more).map(|last| last.number.to_string());
    let older = older.map(|last| ctx.here(&[("before", Some(&last))]));
    let table = table(&ctx, &cases);
    if let Some(answer) = ctx.export(&[&table], older.as_deref())? {
        return Ok(answer);
    }
    let newer = before.is_some().then(|| (texts.newest, ctx.here(&[("before", None)])));
    let pages = pager(&ctx, deciding.cases, newer, older.map(|href| (texts.older, href)));
    let body = html! {
        (form::decided(&ctx))
        nav.tabs aria-label=(texts.state) {
            @for each in CaseState::ALL.map(Some).into_iter().chain([None]) {
                a.button href=(format!("/cases?state={}", each.map_or("all", CaseState::name)))
                    aria-current=[(each == wanted).then_some("true")] {
                    (each.map_or(deciding.all, |each| state_name(&ctx, each)))
                }
            }
        }
        (sheet(&ctx, &table, &pages))
    };
    Ok(Answer::Page(Page { section: Section::Cases, title: deciding.cases.to_owned(), body }))
}

const fn state_name(ctx: &Ctx, state: CaseState) -> &'static str {
    match state {
        CaseState::Open => ctx.deciding.open,
        CaseState::Confirmed => ctx.deciding.confirmed,
        CaseState::Dismissed => ctx.deciding.dismissed,
        CaseState::Closed => ctx.deciding.closed,
    }
}

const fn tone(state: CaseState) -> Tone {
    match state {
        CaseState::Open => Tone::Warn,
        CaseState::Confirmed => Tone::Bad,
        CaseState::Dismissed | CaseState::Closed => Tone::Plain,
    }
}

fn table(ctx: &Ctx, cases: &[Case]) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let row = |case: &Case| -> Row {
        vec![
            Cell::link(format!("/cases/{}", case.number), Cell::Count(case.number)),
            Cell::State(tone(case.state), state_name(ctx, case.state).to_owned(), case.state.name()),
            Cell::Text(case.suspicion.clone()),
            Cell::link(format!("/partners/{}", case.partner_id), Cell::Id(case.partner_id)),
            Cell::Day(case.day),
            Cell::Count(u64::from(case.stage)),
            Cell::Text(thousandths(case.score)),
            Cell::Time(case.opened_at),
        ]
        .into()
    };
    Table {
        name: "cases",
        caption: deciding.cases.to_owned(),
        columns: vec![
            number("number", deciding.case),
            text("state", texts.state),
            text("suspicion", deciding.suspicion),
            number("partner_id", texts.partner),
            text("day", texts.day),
            number("stage", deciding.stage),
            number("score", deciding.score),
            text("opened_at", deciding.opened_at),
        ],
        rows: cases.iter().map(row).collect(),
        empty: deciding.no_cases,
    }
}

pub async fn show(ctx: Ctx) -> Outcome {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let view = ctx.view()?;
    let case = find(&ctx).await?;
    let found =
        case_page(view.store.as_ref(), Some(view.ballots.as_ref()), (&ctx.calendar, &view.suspicions), case)
            .await?;
    let (days, decisions) = (days_table(&ctx, &found), super::decisions::table(&ctx, &found.decisions));
    if let Some(answer) = ctx.export(&[&days, &decisions], None)? {
        return Ok(answer);
    }
    let case = &found.case;
    let none = html! {};
    let body = html! {
        (trail(&[("/cases".to_owned(), deciding.cases.to_owned())]))
        (form::decided(&ctx))
        p.verdict {
            (state(tone(case.state), state_name(&ctx, case.state))) " " (case.suspicion) " · "
            a href=(format!("/partners/{}", case.partner_id)) { (fill(texts.partner_title, &[&case.partner_id.to_string()])) }
        }
        div.cards role="group" aria-label=(texts.figures) {
            (card(deciding.stage, &html! { (case.stage) }, &html! {
                @if let Some(stages) = &found.stages {
                    (deciding.stages) " "
                    (stages.iter().map(|stage| format::decimal(*stage, ctx.lang)).collect::<Vec<_>>().join(" · "))
                }
            }))
            (card(deciding.score, &html! { (thousandths(case.score)) }, &html! { (format::date(case.day, ctx.lang)) }))
            (card(deciding.at_stake, &html! { (format::amount(found.stake, ctx.lang)) }, &html! {
                @if let Some(watched) = &found.watched {
                    (deciding.held_since) " " (format::time(watched.since, &ctx.calendar, ctx.lang))
                }
            }))
        }
        section.panel {
            h2 { (deciding.what_was_found) }
            ul { @for line in found.why() { li { (line) } } }
            @if let Some(hours) = &found.hours {
                p.note { (deciding.by_hour) ": " (hours.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")) }
            }
        }
        (sheet(&ctx, &days, &none))
        (sheet(&ctx, &decisions, &none))
        (forms(&ctx, case))
    };
    let title = fill(deciding.case_title, &[&case.number.to_string()]);
    Ok(Answer::Page(Page { section: Section::Cases, title, body }))
}

async fn find(ctx: &Ctx) -> Result<Case, Failure> {
    let number: u64 = ctx.part("number").parse().map_err(|_| Failure::NotFound)?;
    ctx.view()?.store.case(number).await?.ok_or(Failure::NotFound)
}

/// The partner's last days.
fn days_table(ctx: &Ctx, found: &CasePage) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let rows = found.days.iter().map(|day| -> Row {
        let start = ctx.calendar.midnight(day.day);
        vec![
            Cell::link(window_path(Kind::Daily, day.day, start), Cell::Day(day.day)),
            Cell::optional(day.position.map(u64::from), Cell::Count),
            Cell::optional(day.votes, Cell::Count),
            Cell::Amount(day.hourly),
            Cell::Amount(day.daily),
        ]
        .into()
    });
    Table {
        name: "days",
        caption: deciding.last_days.to_owned(),
        columns: vec![
            text("day", texts.day),
            number("position", texts.position),
            number("votes", texts.votes),
            number("hourly_cc", texts.hourly_rewards),
            number("daily_cc", texts.daily_rewards),
        ],
        rows: rows.collect(),
        empty: texts.no_rewards,
    }
}

/// What can be decided of a case as it is.
fn forms(ctx: &Ctx, case: &Case) -> Markup {
    let deciding = ctx.deciding;
    if !matches!(case.state, CaseState::Open | CaseState::Confirmed) {
        return html! {};
    }
    if !ctx.may(Role::Reviewer) {
        return form::who_decides(ctx, Role::Reviewer);
    }
    html! {
        section.panel {
            h2 { (deciding.decide) }
            form.decide action=(format!("/cases/{}", case.number)) method="post" {
                (form_key(ctx))
                (note_field(ctx, "case"))
                div.buttons {
                    @if case.state == CaseState::Open {
                        button type="submit" name="verdict" value="dismiss" { (deciding.dismiss) }
                        button.grave type="submit" name="verdict" value="confirm" { (deciding.confirm_case) }
                        button.grave type="submit" name="verdict" value="hold" { (deciding.confirm_and_hold) }
                    } @else {
                        button type="submit" name="verdict" value="close" { (deciding.close) }
                    }
                }
                p.note { (deciding.case_note) }
            }
        }
    }
}

pub async fn decide(ctx: Ctx, by: String, sent: Form) -> Outcome {
    let case = find(&ctx).await?;
    let verdict = match sent.get("verdict") {
        "confirm" => CaseVerdict::Confirm { hold: false },
        "hold" => CaseVerdict::Confirm { hold: true },
        "dismiss" => CaseVerdict::Dismiss,
        "close" => CaseVerdict::Close,
        other => return Err(ctx.bad(other)),
    };
    let note = note(&ctx, &sent)?;
    let decision = case_decision(&case, verdict, (&by, &note), None, ctx.now);
    let pen = ctx.view()?.pen().await?;
    match pen.records.decide_case(case.number, verdict, &decision).await? {
        CaseDecided::Done(number) => Ok(Answer::Redirect(format!("/cases/{}?decided={number}", case.number))),
        CaseDecided::Is(state) => {
            let state = state_name(&ctx, state);
            Err(Failure::Conflict(fill(ctx.deciding.case_is, &[&case.number.to_string(), state])))
        }
        CaseDecided::Missing => Err(Failure::NotFound),
    }
}
