//! The outbox of the special partners: what waits, what fails and why, what has arrived.

use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, card, pager, sheet};
use super::tables::{Cell, Row, Table, Tone, number, text};
use super::texts::fill;
use super::windows::window_path;
use crate::rewards::window::{Instant, Kind, show as show_instant};
use crate::store::{Queue, StoredTransfer};

const ROWS: u32 = 50;

/// `2026-11-21T12:00:00.000000Z,7`: a transfer by its hour and partner.
fn key(transfer: &StoredTransfer) -> String {
    format!("{},{}", show_instant(transfer.transfer.time), transfer.transfer.partner_id)
}

fn parse_key(ctx: &Ctx, name: &str) -> Result<Option<(Instant, i64)>, Failure> {
    let Some(text) = ctx.params.get(name) else { return Ok(None) };
    let parsed =
        text.split_once(',').and_then(|(time, partner)| Some((time.parse().ok()?, partner.parse().ok()?)));
    parsed.map(Some).ok_or_else(|| ctx.bad(text))
}

pub async fn show(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let store = ctx.view()?.store.as_ref();
    let (after, before) = (parse_key(&ctx, "after")?, parse_key(&ctx, "before")?);
    let queue = store.queue().await?;
    let mut waiting = store.waiting_transfers(after, ROWS + 1).await?;
    let mut delivered = store.delivered_transfers(before, ROWS + 1).await?;
    let next = |rows: &mut Vec<StoredTransfer>, name| {
        let more = rows.len() > ROWS as usize;
        rows.truncate(ROWS as usize);
        rows.last().filter(|_| more).map(|last| ctx.here(&[(name, Some(&key(last)))]))
    };
    let (next_waiting, next_delivered) = (next(&mut waiting, "after"), next(&mut delivered, "before"));
    let (waiting, delivered) = (waiting_table(&ctx, &waiting), delivered_table(&ctx, &delivered));
    let next = match ctx.params.get("table") {
        Some("delivered") => next_delivered.as_deref(),
        _ => next_waiting.as_deref(),
    };
    if let Some(answer) = ctx.export(&[&waiting, &delivered], next)? {
        return Ok(answer);
    }
    let first = |given: bool, name, label: &'static str| given.then(|| (label, ctx.here(&[(name, None)])));
    let pages = [
        (texts.waiting, first(after.is_some(), "after", texts.first_page), next_waiting, texts.next),
        (texts.delivered, first(before.is_some(), "before", texts.newest), next_delivered, texts.older),
    ];
    let [of_waiting, of_delivered] =
        pages.map(|(what, back, next, name)| pager(&ctx, what, back, next.map(|href| (name, href))));
    let body = html! {
        (cards(&ctx, &queue))
        (sheet(&ctx, &waiting, &of_waiting))
        (sheet(&ctx, &delivered, &of_delivered))
    };
    Ok(Answer::Page(Page { section: Section::Transfers, title: texts.transfers.to_owned(), body }))
}

fn cards(ctx: &Ctx, queue: &Queue) -> Markup {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let age =
        queue.oldest.map_or_else(|| texts.none.to_owned(), |oldest| format::span(ctx.now - oldest, lang));
    html! {
        div.cards role="group" aria-label=(texts.figures) {
            (card(texts.waiting, &html! { (format::count(queue.waiting, lang)) }, &html! {
                (fill(texts.queued_note, &[&format::amount_text(queue.amount, lang)]))
            }))
            (card(texts.failing, &html! { (format::count(queue.failing, lang)) }, &html! { (texts.failing_note) }))
            (card(texts.oldest, &html! { (age) }, &html! {
                @if let Some(oldest) = queue.oldest { (format::time(oldest, &ctx.calendar, lang)) } @else { (texts.nothing_waits) }
            }))
        }
    }
}

/// The hour and the partner of a transfer, and its amount.
fn common(ctx: &Ctx, stored: &StoredTransfer) -> Vec<Cell> {
    let transfer = &stored.transfer;
    let window = ctx.calendar.window_at(Kind::Hourly, transfer.time);
    vec![
        Cell::link(window_path(Kind::Hourly, window.day, transfer.time), Cell::Time(transfer.time)),
        Cell::link(format!("/partners/{}", transfer.partner_id), Cell::Id(transfer.partner_id)),
        Cell::Amount(transfer.amount),
    ]
}

fn waiting_table(ctx: &Ctx, waiting: &[StoredTransfer]) -> Table {
    let texts = ctx.texts;
    let row = |stored: &StoredTransfer| -> Row {
        let mut cells = common(ctx, stored);
        cells.extend([
            match stored.attempts {
                0 => Cell::State(Tone::Plain, texts.queued_state.to_owned(), "queued"),
                _ => Cell::State(Tone::Warn, texts.failing.to_owned(), "failing"),
            },
            Cell::Count(u64::from(stored.attempts)),
            Cell::optional(stored.next_attempt_at, Cell::Time),
            Cell::optional(stored.last_error.clone(), Cell::Text),
        ]);
        cells.into()
    };
    Table {
        name: "waiting",
        caption: texts.waiting.to_owned(),
        columns: vec![
            text("hour", texts.hour),
            number("partner_id", texts.partner),
            number("amount_cc", texts.amount),
            text("state", texts.state),
            number("attempts", texts.attempts),
            text("next_attempt_at", texts.next_attempt),
            text("last_error", texts.reason).wrapping(),
        ],
        rows: waiting.iter().map(row).collect(),
        empty: texts.nothing_waits,
    }
}

fn delivered_table(ctx: &Ctx, delivered: &[StoredTransfer]) -> Table {
    let texts = ctx.texts;
    let row = |stored: &StoredTransfer| -> Row {
        let mut cells = common(ctx, stored);
        cells.extend([
            Cell::Count(u64::from(stored.attempts)),
            Cell::optional(stored.delivered_at, Cell::Time),
        ]);
        cells.into()
    };
    Table {
        name: "delivered",
        caption: texts.delivered.to_owned(),
        columns: vec![
            text("hour", texts.hour),
            number("partner_id", texts.partner),
            number("amount_cc", texts.amount),
            number("failed_attempts", texts.failed_attempts),
            text("delivered_at", texts.delivered_at),
        ],
        rows: delivered.iter().map(row).collect(),
        empty: texts.nothing_delivered,
    }
}
