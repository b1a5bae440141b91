//! The audit log: every run as it was recorded, and whether the chain of hashes holds.

use maud::html;
use serde_json::Value;

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, facts, pager, sheet, trail};
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use super::windows::{kind_cell, window_path};
use crate::audit::{CHAIN_START, Link as _, LogRow};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};
use crate::store::Pages;

const ROWS: u32 = 50;

/// What a row's hash is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Holds,
    /// The last row's hash is the one that the books keep.
    HoldsAsHead,
    Broken,
}

/// Whether a row is what its successor, or the books, say that it was; and whether it follows its predecessor.
fn link(row: &LogRow, after: Option<&LogRow>, before: Option<&LogRow>, head: (u64, &str)) -> Link {
    let follows = match before {
        Some(before) => before.sequence + 1 == row.sequence && before.hash() == row.previous_hash,
        // The first of all rows follows nothing; with none before it on the page, the next page looks.
        None => row.sequence != 1 || row.previous_hash == CHAIN_START,
    };
    let hash = row.hash();
    match after {
        _ if !follows => Link::Broken,
        Some(after) if after.sequence == row.sequence + 1 && after.previous_hash == hash => Link::Holds,
        None if head == (row.sequence, &hash) => Link::HoldsAsHead,
        _ => Link::Broken,
    }
}

pub async fn list(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let store = ctx.view()?.store.as_ref();
    let before = ctx.param::<u64>("before")?.unwrap_or(u64::MAX);
    let (runs, head) = store.chain_head().await?.unwrap_or((0, CHAIN_START.to_owned()));
    // One more on either side: a link has two ends.
    let mut rows = store.log_rows_before(before, ROWS + 1).await?;
    let after = match before {
        u64::MAX => None,
        before => store.log_row(before).await?,
    };
    // A run may have come between the two looks; then the newest is the head's successor and is left for the next look.
    rows.retain(|row| row.sequence <= runs);
    let beyond = (rows.len() > ROWS as usize).then(|| rows.pop()).flatten();
    let links: Vec<Link> = (0..rows.len())
        .map(|index| {
            let after = if index == 0 { after.as_ref() } else { rows.get(index - 1) };
            let before = rows.get(index + 1).or(beyond.as_ref());
            link(&rows[index], after, before, (runs, &head))
        })
        .collect();
    // The head of an empty log is that of no run at all.
    let is_cut = rows.is_empty() && before == u64::MAX && runs > 0;
    let broken = links.iter().filter(|link| **link == Link::Broken).count() + usize::from(is_cut);
    let table = table(&ctx, &rows, &links);
    let last = rows.last().filter(|_| beyond.is_some()).map(|row| row.sequence.to_string());
    let older = last.as_deref().map(|last| ctx.here(&[("before", Some(last))]));
    if let Some(answer) = ctx.export(&[&table], older.as_deref())? {
        return Ok(answer);
    }
    let newer = (before != u64::MAX).then(|| (texts.newest, ctx.here(&[("before", None)])));
    let pages = pager(&ctx, texts.audit_log, newer, older.map(|href| (texts.older, href)));
    let count = format::count(links.len() as u64, ctx.lang);
    let judged = match broken {
        0 => state(Tone::Good, &fill(texts.chain_holds, &[&count])),
        broken => state(Tone::Bad, &fill(texts.chain_broken, &[&format::count(broken as u64, ctx.lang)])),
    };
    let body = html! {
        p.verdict { (judged) }
        p.note { (texts.chain_text) }
        (sheet(&ctx, &table, &pages))
    };
    Ok(Answer::Page(Page { section: Section::Audit, title: texts.audit_log.to_owned(), body }))
}

/// The window of a row, as a link to its page.
fn window_cell(ctx: &Ctx, row: &LogRow) -> Cell {
    let start = row.timestamp.parse::<Instant>();
    let (Some(kind), Ok(start)) = (Kind::named(&row.reward_type), start) else {
        return Cell::Text(row.timestamp.clone());
    };
    let window = ctx.calendar.window_at(kind, start);
    let name = format::window(&window, &ctx.calendar, ctx.lang);
    Cell::link(window_path(kind, window.day, start), Cell::Named(name, Box::new(Cell::Time(start))))
}

fn table(ctx: &Ctx, rows: &[LogRow], links: &[Link]) -> Table {
    let texts = ctx.texts;
    let row = |(row, link): (&LogRow, &Link)| -> Row {
        let link = match link {
            Link::Holds => Cell::State(Tone::Good, texts.link_holds.to_owned(), "holds"),
            Link::HoldsAsHead => Cell::State(Tone::Good, texts.link_is_head.to_owned(), "head"),
            Link::Broken => Cell::State(Tone::Bad, texts.link_broken.to_owned(), "broken"),
        };
        let kind = Kind::named(&row.reward_type)
            .map_or(Cell::Text(row.reward_type.clone()), |kind| kind_cell(ctx.lang, kind));
        vec![
            Cell::link(format!("/audit/{}", row.sequence), Cell::Count(row.sequence)),
            window_cell(ctx, row),
            kind,
            Units::parse(&row.total_amount).map_or(Cell::Text(row.total_amount.clone()), Cell::Amount),
            link,
            Cell::Hash(row.hash()),
            Cell::Hash(row.previous_hash.clone()),
        ]
        .into()
    };
    Table {
        name: "log",
        caption: texts.audit_log.to_owned(),
        columns: vec![
            number("run", texts.sequence),
            text("window", texts.window),
            text("kind", texts.kind),
            number("total_cc", texts.paid),
            text("chain", texts.chain),
            text("hash", texts.hash),
            text("previous_hash", texts.previous_hash),
        ],
        rows: rows.iter().zip(links).map(row).collect(),
        empty: texts.nothing_yet,
    }
}

/// One row as it is stored, with its neighbours in the chain.
pub async fn show(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let sequence: u64 = ctx.part("sequence").parse().map_err(|_| Failure::NotFound)?;
    let store = ctx.view()?.store.as_ref();
    let row = store.log_row(sequence).await?.ok_or(Failure::NotFound)?;
    if ctx.params.get("format") == Some("json") {
        let record: Value = serde_json::from_str(&row.record).unwrap_or(Value::String(row.record));
        return Ok(Answer::Json(record));
    }
    let found = link_of(store, &row).await?;
    let table = table(&ctx, std::slice::from_ref(&row), &[found]);
    if let Some(answer) = ctx.export(&[&table], None)? {
        return Ok(answer);
    }
    let pretty = |json: &str| {
        serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| format!("{value:#}"))
    };
    let neighbours = [sequence.checked_sub(1).filter(|before| *before > 0), sequence.checked_add(1)];
    let exists = store.chain_head().await?.map_or(0, |(runs, _)| runs);
    let path = |sequence: u64| format!("/audit/{sequence}");
    let newer = neighbours[1].filter(|after| *after <= exists).map(|after| (texts.newer, path(after)));
    let older = neighbours[0].map(|before| (texts.older, path(before)));
    let style = ctx.style();
    let cells = &table.rows[0].cells;
    let body = html! {
        (trail(&[("/audit".to_owned(), texts.audit_log.to_owned())]))
        section.panel {
            (facts(&[
                (texts.window, cells[1].html(&style)),
                (texts.kind, cells[2].html(&style)),
                (texts.paid, cells[3].html(&style)),
                (texts.chain, cells[4].html(&style)),
                (texts.hash, html! { code.long { (row.hash()) } }),
                (texts.previous_hash, html! { code.long { (row.previous_hash) } }),
                (texts.members, html! { code { (row.user_counts) } }),
            ]))
        }
        section.panel {
            h2 { (texts.record) }
            pre tabindex="0" aria-label=(texts.record) { (pretty(&row.record)) }
            div.tools {
                div.downloads { span { (texts.download) ":" } " " a href=(ctx.here(&[("format", Some("json"))])) { "JSON" } }
                (pager(&ctx, texts.audit_log, newer, older))
            }
        }
    };
    let title = fill(texts.run_title, &[&format::count(sequence, ctx.lang)]);
    Ok(Answer::Page(Page { section: Section::Audit, title, body }))
}

async fn link_of(store: &dyn Pages, row: &LogRow) -> Result<Link, Failure> {
    let (runs, head) = store.chain_head().await?.unwrap_or_default();
    let before = match row.sequence {
        0 | 1 => None,
        sequence => Some(store.log_row(sequence - 1).await?),
    };
    if before.as_ref().is_some_and(Option::is_none) {
        return Ok(Link::Broken);
    }
    let after = store.log_row(row.sequence.saturating_add(1)).await?.filter(|after| after.sequence <= runs);
    Ok(link(row, after.as_ref(), before.flatten().as_ref(), (runs, &head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sequence: u64, previous_hash: &str) -> LogRow {
        LogRow {
            sequence,
            reward_type: "hourly".to_owned(),
            timestamp: "2026-11-21T12:00:00.000000Z".to_owned(),
            total_amount: "1.00000000".to_owned(),
            user_counts: "{}".to_owned(),
            ecc_cap: None,
            record: "{}".to_owned(),
            previous_hash: previous_hash.to_owned(),
        }
    }

    #[test]
    fn a_link_holds_where_both_of_its_ends_do() {
        let first = row(1, CHAIN_START);
        let second = row(2, &first.hash());
        let head = second.hash();
        assert_eq!(link(&second, None, Some(&first), (2, &head)), Link::HoldsAsHead);
        assert_eq!(link(&first, Some(&second), None, (2, &head)), Link::Holds);

        let changed = LogRow { total_amount: "2.00000000".to_owned(), ..first.clone() };
        assert_eq!(link(&changed, Some(&second), None, (2, &head)), Link::Broken);
        assert_eq!(link(&second, None, Some(&changed), (2, &head)), Link::Broken);
        // A forged end is not what the books say, and a missing row shows.
        assert_eq!(link(&second, None, Some(&first), (2, &changed.hash())), Link::Broken);
        assert_eq!(link(&second, None, Some(&first), (3, &head)), Link::Broken);
        assert_eq!(link(&row(4, &head), None, Some(&second), (4, &row(4, &head).hash())), Link::Broken);
        assert_eq!(link(&row(1, &head), None, None, (1, &row(1, &head).hash())), Link::Broken);
    }
}
