//! The rules in force, and what each change of them has changed.

use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, sheet, trail};
use super::rules_pending;
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use crate::store::RulesVersion;

pub async fn show(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let versions = ctx.view()?.store.rules_versions().await?;
    let table = table(&ctx, &versions);
    let pending = rules_pending::waiting(&ctx).await?;
    let changes = pending.as_ref().map(|pending| rules_pending::changes_table(&ctx, pending));
    let effect = pending.as_ref().and_then(|pending| rules_pending::effect_table(&ctx, pending));
    let tables: Vec<&Table> = [&table].into_iter().chain(&changes).chain(&effect).collect();
    if let Some(answer) = ctx.export(&tables, None)? {
        return Ok(answer);
    }
    let body = html! {
        @if let (Some(pending), Some(changes)) = (&pending, &changes) {
            (rules_pending::section(&ctx, pending, changes, effect.as_ref()))
        }
        (sheet(&ctx, &table, &html! {}))
        @if let Some(last) = versions.last() {
            section.panel {
                h2 { (texts.rules_in_force) }
                pre tabindex="0" aria-label=(texts.rules_in_force) { (last.rules) }
            }
        }
    };
    Ok(Answer::Page(Page { section: Section::Rules, title: texts.rules.to_owned(), body }))
}

fn table(ctx: &Ctx, versions: &[RulesVersion]) -> Table {
    let texts = ctx.texts;
    let newest = versions.last().map(|last| last.number);
    let row = |(index, version): (usize, &RulesVersion)| -> Row {
        let before = index.checked_sub(1).map(|before| versions[before].rules.as_str());
        let (added, removed) = before.map_or((0, 0), |before| changed_lines(before, &version.rules));
        vec![
            Cell::link(format!("/rules/{}", version.number), Cell::Count(version.number)),
            Cell::Time(version.since),
            Cell::Hash(version.version.clone()),
            Cell::Count(added),
            Cell::Count(removed),
            match newest == Some(version.number) {
                true => Cell::State(Tone::Good, texts.in_force.to_owned(), "in force"),
                false => Cell::State(Tone::Plain, texts.replaced.to_owned(), "replaced"),
            },
        ]
        .into()
    };
    let mut rows: Vec<Row> = versions.iter().enumerate().map(row).collect();
    rows.reverse();
    Table {
        name: "versions",
        caption: texts.rules_versions.to_owned(),
        columns: vec![
            number("number", texts.number),
            text("since", texts.since),
            text("version", texts.hash),
            number("lines_added", texts.lines_added),
            number("lines_removed", texts.lines_removed),
            text("state", texts.state),
        ],
        rows,
        empty: texts.nothing_yet,
    }
}

fn changed_lines(before: &str, after: &str) -> (u64, u64) {
    let diff = TextDiff::from_lines(before, after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
    (count(ChangeTag::Insert), count(ChangeTag::Delete))
}

/// One version, line by line beside the one before it, or `?against=` another one.
pub async fn version(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let number: u64 = ctx.part("number").parse().map_err(|_| Failure::NotFound)?;
    let versions = ctx.view()?.store.rules_versions().await?;
    let of = |number: u64| versions.iter().find(|version| version.number == number);
    let version = of(number).ok_or(Failure::NotFound)?;
    let against = match ctx.param::<u64>("against")? {
        Some(against) => Some(of(against).ok_or(Failure::NotFound)?),
        None => number.checked_sub(1).and_then(of),
    };
    let table = table(&ctx, std::slice::from_ref(version));
    if let Some(answer) = ctx.export(&[&table], None)? {
        return Ok(answer);
    }
    let title = fill(texts.version_number, &[&format::count(number, ctx.lang)]);
    let is_in_force = versions.last().is_some_and(|last| last.number == number);
    let body = html! {
        (trail(&[("/rules".to_owned(), texts.rules.to_owned())]))
        p.verdict {
            @if is_in_force { (state(Tone::Good, texts.in_force)) } @else { (state(Tone::Plain, texts.replaced)) }
            " " (texts.since) " " (format::time(version.since, &ctx.calendar, ctx.lang)) " "
            code.long { (version.version) }
        }
        section.panel {
            @if let Some(against) = against {
                h2 { (fill(texts.changes_since, &[&format::count(against.number, ctx.lang)])) }
                (diff(&ctx, &against.rules, &version.rules))
            } @else {
                h2 { (texts.first_version) }
                pre tabindex="0" aria-label=(texts.first_version) { (version.rules) }
            }
        }
    };
    Ok(Answer::Page(Page { section: Section::Rules, title, body }))
}

/// All lines, those that came and those that went marked by a sign as well as by colour.
fn diff(ctx: &Ctx, before: &str, after: &str) -> Markup {
    let diff = TextDiff::from_lines(before, after);
    html! {
        pre.diff tabindex="0" aria-label=(ctx.texts.rules) {
            @for change in diff.iter_all_changes() {
                @match change.tag() {
                    ChangeTag::Insert => ins { "+ " (change.value()) },
                    ChangeTag::Delete => del { "- " (change.value()) },
                    ChangeTag::Equal => span { "  " (change.value()) },
                }
            }
        }
    }
}
