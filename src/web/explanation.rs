//! Why a partner received what it received: the window recomputed, one at a time, and the last results kept for a
//! moment.

use std::sync::Arc;

use chrono::TimeDelta;
use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::explained::{Explained, money_facts, position_facts, tables};
use super::format;
use super::layout::{Page, Section, card, facts, sheet, trail};
use super::recent::{Gate, Recent, Turn};
use super::site::View;
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use super::window::{explanation_path, named_window};
use super::windows::window_path;
use crate::errors::chain;
use crate::proof::explain::{Agreement, Explainer, Explanation, ExplanationRecord};
use crate::proof::{ProofError, Recomputed};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window};
use crate::store::{HoldKey, RewardRow, StoredTransfer};

/// Explanations that wait while one is made.
const PLACES: usize = 4;
/// Voters of the windows that are kept recomputed, over all: some 500 bytes each.
const MOST_VOTERS: usize = 100_000;
/// How long a recomputed window is as good as a new one: votes may change meanwhile.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// See the module.
#[derive(Debug)]
pub struct Explanations {
    recent: Recent<(Kind, Instant), (Instant, Recomputed)>,
    gate: Gate,
}

impl Explanations {
    pub const fn new() -> Self {
        Self { recent: Recent::new(MOST_VOTERS), gate: Gate::new(PLACES) }
    }

    /// A turn at reading votes.
    pub async fn turn(&self) -> Result<Turn<'_>, Failure> {
        self.gate.enter().await
    }

    /// What a partner got of a window, and why. Nothing of other partners is in it.
    async fn of(
        &self,
        view: &View,
        window: Window,
        partner: i64,
        now: Instant,
    ) -> Result<Explanation, Failed> {
        let _turn = self.turn().await?;
        let prover = view.prover().await?;
        let key = (window.kind, window.start);
        let fresh = self.recent.get(&key).filter(|kept| now - kept.0 < FRESH);
        let kept = match fresh {
            Some(kept) => kept,
            None => {
                let recomputed = prover.recompute(window, true).await?;
                let weight = recomputed.plan.turnout.ranking.len().max(1);
                self.recent.keep(key, (now, recomputed), weight)
            }
        };
        let stored = prover.ledger.partner_rows(window.kind, partner, &[window.start]).await;
        let stored = stored.map_err(ProofError::from)?.into_iter().next();
        let transfer = transfer(view, &window, partner).await?;
        let key = HoldKey { kind: window.kind, start: window.start, partner_id: partner };
        let hold = prover.ledger.hold(key).await.map_err(ProofError::from)?;
        let kept = Arc::clone(&kept);
        let explain = move || Explainer::new(&kept.1).knowing(hold).explain(partner, stored, transfer);
        let explained = tokio::task::spawn_blocking(explain).await;
        let explained = explained.map_err(|panic| ProofError::Panicked { window, why: panic.to_string() })?;
        Ok(explained?)
    }
}

/// The outbox's row of a partner and an hour.
async fn transfer(view: &View, window: &Window, partner: i64) -> Result<Option<StoredTransfer>, ProofError> {
    if window.kind == Kind::Daily {
        return Ok(None);
    }
    Ok(view.store.transfer_of(partner, window.start).await?)
}

/// Why there is no explanation: nothing to explain, or something went wrong.
enum Failed {
    Proof(ProofError),
    Page(Failure),
}

impl From<ProofError> for Failed {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::Page(failure)
    }
}

pub async fn show(ctx: Ctx) -> Outcome {
    let partner: i64 = ctx.part("id").parse().map_err(|_| Failure::NotFound)?;
    let window = named_window(&ctx.calendar, ctx.part("kind"), ctx.part("start")).ok_or(Failure::NotFound)?;
    match ctx.site.explanations.of(ctx.view()?, window, partner, ctx.now).await {
        Ok(explanation) => answer(&ctx, &window, &Explained::new(explanation)).await,
        Err(Failed::Page(failure)) => Err(failure),
        Err(Failed::Proof(error)) => match error {
            ProofError::VotesGone { position, paid, .. } => Ok(gone(&ctx, &window, partner, position, paid)),
            ProofError::NotPaid { .. } if window.kind == Kind::Daily => unpaid(&ctx, &window, partner).await,
            ProofError::NotPaid { .. }
            | ProofError::NoProgramme
            | ProofError::BeforeStart { .. }
            | ProofError::DidNotVote { .. } => Err(Failure::NotFound),
            error => Err(Failure::Broken(chain(&error))),
        },
    }
}

/// From the partner down to the window; an hour lies in its day.
fn trail_to(ctx: &Ctx, window: &Window, partner: i64) -> Markup {
    let path = format!("/partners/{partner}");
    let mut items = vec![(path.clone(), fill(ctx.texts.partner_title, &[&partner.to_string()]))];
    if window.kind == Kind::Hourly {
        items.push((format!("{path}/day/{}", window.day), format::date(window.day, ctx.lang)));
    }
    trail(&items)
}

fn title(ctx: &Ctx, window: &Window, partner: i64) -> String {
    let name = format::window(window, &ctx.calendar, ctx.lang);
    format!("{}: {name}", fill(ctx.texts.partner_title, &[&partner.to_string()]))
}

/// A day that is still to be paid, some of whose hours are.
async fn unpaid(ctx: &Ctx, day: &Window, partner: i64) -> Outcome {
    let hours = hours(ctx, day, partner).await?;
    if hours.rows.is_empty() {
        return Err(Failure::NotFound);
    }
    if let Some(answer) = ctx.export(&[&hours], None)? {
        return Ok(answer);
    }
    let body = html! {
        (trail_to(ctx, day, partner))
        p.verdict { (state(Tone::Plain, ctx.texts.not_paid_yet)) }
        (sheet(ctx, &hours, &html! {}))
    };
    Ok(Answer::Page(Page { section: Section::Partners, title: title(ctx, day, partner), body }))
}

/// Paid for votes that are no longer there: nothing is left to take apart.
fn gone(ctx: &Ctx, window: &Window, partner: i64, position: u32, paid: Units) -> Answer {
    let (position, paid) =
        (format::count(u64::from(position), ctx.lang), format::amount_text(paid, ctx.lang));
    let body = html! {
        (trail_to(ctx, window, partner))
        p.verdict { (state(Tone::Warn, ctx.texts.drifted)) }
        p { (fill(ctx.texts.votes_gone, &[&paid, &position])) }
    };
    Answer::Page(Page { section: Section::Partners, title: title(ctx, window, partner), body })
}

/// The partner's hours of a day, each of which has an explanation of its own.
async fn hours(ctx: &Ctx, window: &Window, partner: i64) -> Result<Table, Failure> {
    let texts = ctx.texts;
    let rows = match window.kind {
        Kind::Hourly => vec![],
        Kind::Daily => {
            let starts: Vec<Instant> = ctx.calendar.hours(window.day).iter().map(|hour| hour.start).collect();
            ctx.view()?.store.partner_rows(Kind::Hourly, partner, &starts).await?
        }
    };
    let row = |row: &RewardRow| -> Row {
        let hour = ctx.calendar.window_at(Kind::Hourly, row.start);
        let name = format::window(&hour, &ctx.calendar, ctx.lang);
        vec![
            Cell::link(explanation_path(partner, &hour), Cell::Named(name, Box::new(Cell::Time(row.start)))),
            Cell::Count(u64::from(row.position)),
            Cell::Amount(row.amounts.iter().copied().sum()),
        ]
        .into()
    };
    Ok(Table {
        name: "hours",
        caption: texts.hours_of_day.to_owned(),
        columns: vec![
            text("hour", texts.hour),
            number("position", texts.position),
            number("paid_cc", texts.paid),
        ],
        rows: rows.iter().map(row).collect(),
        empty: texts.none,
    })
}

async fn answer(ctx: &Ctx, window: &Window, explained: &Explained) -> Outcome {
    let explanation = &explained.explanation;
    if ctx.params.get("format") == Some("json") && ctx.params.get("table").is_none() {
        let record = serde_json::to_value(ExplanationRecord::new(explanation));
        return record.map(Answer::Json).map_err(|error| Failure::Broken(error.to_string()));
    }
    let partner = explanation.tally.partner_id;
    let [amounts, parts, votes, changes] = tables(ctx, explanation);
    let hours = hours(ctx, window, partner).await?;
    if let Some(answer) = ctx.export(&[&amounts, &parts, &votes, &hours, &changes], None)? {
        return Ok(answer);
    }
    let none = html! {};
    let texts = ctx.texts;
    let body = html! {
        (trail_to(ctx, window, partner))
        (verdict(ctx, explanation.agreement()))
        (cards(ctx, explanation))
        div.columns {
            div.broad {
                (sheet(ctx, &parts, &none))
                (sheet(ctx, &amounts, &none))
                @if !hours.rows.is_empty() { (sheet(ctx, &hours, &none)) }
            }
            div.side {
                section.panel { h2 { (texts.position) } (facts(&position_facts(ctx, explained))) }
                (sheet(ctx, &votes, &none))
                section.panel { h2 { (texts.money) } (facts(&money_facts(ctx, explanation))) }
            }
        }
        @if !changes.rows.is_empty() { (sheet(ctx, &changes, &none)) }
        p.note {
            a href=(window_path(window.kind, window.day, window.start)) { (texts.window_in_full) }
            " · " a href=(ctx.here(&[("format", Some("json"))])) { (texts.explanation_as_json) }
        }
    };
    Ok(Answer::Page(Page { section: Section::Partners, title: title(ctx, window, partner), body }))
}

/// Whether what was paid is what comes out now.
fn verdict(ctx: &Ctx, agreement: Agreement) -> Markup {
    let texts = ctx.texts;
    let (tone, word, text) = match agreement {
        Agreement::Agrees => (Tone::Good, texts.agrees, texts.agrees_text),
        Agreement::Drifted => (Tone::Warn, texts.drifted, texts.drifted_text),
        Agreement::Differs => (Tone::Bad, texts.differs, texts.differs_text),
    };
    html! { p.verdict { (state(tone, word)) span { (text) } } }
}

fn cards(ctx: &Ctx, explanation: &Explanation) -> Markup {
    let (texts, lang, tally) = (ctx.texts, ctx.lang, &explanation.tally);
    let paid = explanation.stored_sum().unwrap_or_else(|| explanation.computed_sum());
    let position = format::count(u64::from(explanation.position), lang);
    let voters = format::count(u64::from(explanation.voters), lang);
    let paid_at = format::time(explanation.run.committed_at, &ctx.calendar, lang);
    html! {
        div.cards role="group" aria-label=(texts.figures) {
            (card(texts.received, &html! { (format::amount(paid, lang)) span.unit { "CC" } }, &html! { (texts.paid_at) " " (paid_at) }))
            (card(texts.position, &html! { (position) }, &html! { (fill(texts.of_voters, &[&voters])) }))
            (card(texts.votes, &html! { (format::count(tally.votes, lang)) }, &html! {
                (fill(texts.active_hours, &[&format::count(u64::from(tally.active_hours), lang)]))
            }))
            (card("ECC", &format::amount(tally.ecc, lang), &html! { (texts.ecc_note) }))
        }
    }
}
