//! Changes of watched lists and repositories: what waits to be confirmed, with what was there before.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::form::{self, Form, note, note_field};
use super::layout::{Page, Section, facts, form_key, pager, sheet, trail};
use super::tables::{Cell, Row, Table, Tone, number, state, text};
use super::texts::fill;
use crate::confirm::{self, NoMatter, Wanted, columns_changed};
use crate::people::{Decider, Role};
use crate::store::{BeforeAfter, Change, ChangeState, DecidedChanges, Watched};

const ROWS: u32 = 50;
/// How much of a commit is shown.
const SHOWN: usize = 12;
/// Rows of a whole list that are offered one by one.
const LISTED: usize = 500;

pub async fn list(ctx: Ctx) -> Outcome {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let store = ctx.view()?.store.as_ref();
    let before = ctx.param::<u64>("before")?;
    let pending = store.pending_changes(None).await?;
    let mut past = store.changes_page(before.unwrap_or(u64::MAX), ROWS + 1).await?;
    let has_more = past.len() > ROWS as usize;
    past.truncate(ROWS as usize);
    let older = past.last().filter(|_| has_more).map(|last| last.number.to_string());
    let older = older.map(|last| ctx.here(&[("before", Some(&last))]));
    let waiting = table(&ctx, "pending", deciding.to_confirm, &pending);
    let all = table(&ctx, "changes", deciding.all_changes, &past);
    if let Some(answer) = ctx.export(&[&waiting, &all], older.as_deref())? {
        return Ok(answer);
    }
    let watches = store.watches().await?;
    let newer = before.is_some().then(|| (texts.newest, ctx.here(&[("before", None)])));
    let pages = pager(&ctx, deciding.all_changes, newer, older.map(|href| (texts.older, href)));
    let body = html! {
        (form::decided(&ctx))
        (troubles(&ctx, &watches))
        @if !pending.is_empty() && ctx.may(Role::Reviewer) {
            @for (watch, changes) in by_watch(&pending) { (watch_form(&ctx, watch, &changes)) }
        } @else {
            (sheet(&ctx, &waiting, &html! {}))
            @if !pending.is_empty() { (form::who_decides(&ctx, Role::Reviewer)) }
        }
        (sheet(&ctx, &all, &pages))
    };
    Ok(Answer::Page(Page { section: Section::Changes, title: deciding.changes.to_owned(), body }))
}

fn troubles(ctx: &Ctx, watches: &[Watched]) -> Markup {
    html! {
        @for watch in watches {
            @if let Some(trouble) = &watch.trouble {
                p.alarm.warn { (fill(ctx.deciding.cannot_be_read, &[&watch.name])) ": " (trouble) }
            }
        }
    }
}

fn by_watch(changes: &[Change]) -> Vec<(&str, Vec<&Change>)> {
    let mut groups: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        groups.entry(&change.watch).or_default().push(change);
    }
    groups.into_iter().collect()
}

/// What waits of one list or repository, to be ticked and decided.
fn watch_form(ctx: &Ctx, watch: &str, changes: &[&Change]) -> Markup {
    let deciding = ctx.deciding;
    html! {
        section.panel {
            h2 { (watch) " · " (changes.len()) }
            form.decide action="/changes" method="post" {
                (form_key(ctx))
                input type="hidden" name="watch" value=(watch);
                div.scroll role="region" aria-label=(watch) tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { span.hidden { (deciding.tick) } }
                            th.number scope="col" { (deciding.change) }
                            th scope="col" { (deciding.row) }
                            th scope="col" { (deciding.what) }
                            th scope="col" { (deciding.author) }
                        } }
                        tbody { @for change in changes { tr {
                            td { input type="checkbox" name="change" value=(change.number)
                                aria-label=(fill(deciding.change_title, &[&change.number.to_string()])); }
                            th.number scope="row" { a href=(format!("/changes/{}", change.number)) { (change.number) } }
                            td { (row_name(change)) }
                            td.wrap { (change.summary()) }
                            td { (author(change)) }
                        } } }
                    }
                }
                label.tick { input type="checkbox" name="all" value="yes"; " " (deciding.all_of_these) }
                (note_field(ctx, watch))
                (buttons(ctx))
                p.note { (deciding.change_note) }
            }
        }
    }
}

fn buttons(ctx: &Ctx) -> Markup {
    html! {
        div.buttons {
            button type="submit" name="verdict" value="confirm" { (ctx.deciding.confirm) }
            button.grave type="submit" name="verdict" value="reject" { (ctx.deciding.reject) }
        }
    }
}

fn row_name(change: &Change) -> &str {
    if change.is_of_list() { &change.key } else { "" }
}

fn author(change: &Change) -> String {
    let by = change.author.as_deref().or(change.detail["by"].as_str()).unwrap_or_default();
    let revision = change.revision.as_deref().map(|revision| revision.get(..SHOWN).unwrap_or(revision));
    revision.map_or_else(|| by.to_owned(), |revision| format!("{by} {revision}"))
}

const fn state_name(ctx: &Ctx, state: ChangeState) -> (Tone, &'static str) {
    let deciding = ctx.deciding;
    match state {
        ChangeState::Pending => (Tone::Warn, deciding.pending),
        ChangeState::Confirmed => (Tone::Good, deciding.confirmed),
        ChangeState::Rejected => (Tone::Bad, deciding.rejected),
        ChangeState::Superseded => (Tone::Plain, deciding.superseded),
        ChangeState::Withdrawn => (Tone::Plain, deciding.withdrawn),
    }
}

fn table(ctx: &Ctx, name: &'static str, caption: &str, changes: &[Change]) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let row = |change: &Change| -> Row {
        let (tone, state) = state_name(ctx, change.state);
        vec![
            Cell::link(format!("/changes/{}", change.number), Cell::Count(change.number)),
            Cell::State(tone, state.to_owned(), change.state.name()),
            Cell::Text(change.watch.clone()),
            Cell::Text(row_name(change).to_owned()),
            Cell::Text(change.summary().to_owned()),
            Cell::Text(author(change)),
            Cell::Time(change.seen_at),
        ]
        .into()
    };
    Table {
        name,
        caption: caption.to_owned(),
        columns: vec![
            number("number", deciding.change),
            text("state", texts.state),
            text("watch", deciding.watch),
            text("row", deciding.row),
            text("what", deciding.what).wrapping(),
            text("author", deciding.author),
            text("seen_at", deciding.seen_at),
        ],
        rows: changes.iter().map(row).collect(),
        empty: deciding.no_changes,
    }
}

pub async fn show(ctx: Ctx) -> Outcome {
    let deciding = ctx.deciding;
    let number: u64 = ctx.part("number").parse().map_err(|_| Failure::NotFound)?;
    let store = ctx.view()?.store.as_ref();
    let (change, contents) = store.change(number).await?.ok_or(Failure::NotFound)?;
    let table = before_after(&ctx, &change, &contents);
    if let Some(answer) = ctx.export(&[&table], None)? {
        return Ok(answer);
    }
    let (tone, name) = state_name(&ctx, change.state);
    let is_pending = change.state == ChangeState::Pending;
    let body = html! {
        (trail(&[("/changes".to_owned(), deciding.changes.to_owned())]))
        p.verdict { (state(tone, name)) " " (change.watch) }
        section.panel { (facts(&known(&ctx, &change))) }
        (sheet(&ctx, &table, &html! {}))
        @if is_pending && ctx.may(Role::Reviewer) { (decide_form(&ctx, &change, &contents)) }
        @else if is_pending { (form::who_decides(&ctx, Role::Reviewer)) }
    };
    let title = fill(deciding.change_title, &[&number.to_string()]);
    Ok(Answer::Page(Page { section: Section::Changes, title, body }))
}

/// What is known of a change beside its contents.
fn known(ctx: &Ctx, change: &Change) -> Vec<(&'static str, Markup)> {
    let deciding = ctx.deciding;
    let detail = |name: &str| match &change.detail[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let line = detail("line");
    let place = [detail("source"), detail("path"), line].join(" ");
    let blame = change.detail["blame"].as_array().into_iter().flatten().map(|blamed| {
        let text = |name: &str| blamed[name].as_str().unwrap_or_default();
        let (author, commit) = (text("author"), text("commit"));
        format!("{}–{}: {author} {}", blamed["first"], blamed["last"], commit.get(..SHOWN).unwrap_or(commit))
    });
    let pairs = [
        (deciding.what, change.summary().to_owned()),
        (deciding.row, row_name(change).to_owned()),
        (deciding.source, place.trim().to_owned()),
        (deciding.author, author(change)),
        (deciding.message, detail("message")),
        (deciding.blame, blame.collect::<Vec<_>>().join("; ")),
        (deciding.decision, change.decision.map(|number| number.to_string()).unwrap_or_default()),
    ];
    pairs
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, html! { (text) }))
        .collect()
}

/// A whole list: its rows by key.
fn rows_of(contents: &BeforeAfter) -> BTreeMap<String, BTreeMap<String, String>> {
    contents.after.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What was there and what is there now: column by column, row by row, or line by line.
fn before_after(ctx: &Ctx, change: &Change, contents: &BeforeAfter) -> Table {
    let deciding = ctx.deciding;
    let or_none = |text: Option<String>| Cell::optional(text, Cell::Text);
    let rows: Vec<Row> = if change.is_whole() {
        let whole = rows_of(contents);
        let shown = |(key, row): (String, BTreeMap<String, String>)| -> Row {
            let row: Vec<String> = row.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
            vec![Cell::Text(key), Cell::Empty, Cell::Text(row.join(", "))].into()
        };
        whole.into_iter().map(shown).collect()
    } else if change.is_of_list() {
        let changed = columns_changed(contents.before.as_deref(), contents.after.as_deref());
        let row = |(column, old, new)| -> Row { vec![Cell::Text(column), or_none(old), or_none(new)].into() };
        changed.into_iter().map(row).collect()
    } else {
        [(&contents.before, true), (&contents.after, false)]
            .into_iter()
            .flat_map(|(lines, is_before)| {
                let lines = lines.as_deref().and_then(|lines| serde_json::from_str::<Vec<Value>>(lines).ok());
                lines.unwrap_or_default().into_iter().map(move |line| -> Row {
                    let text = Cell::Text(line["text"].as_str().unwrap_or_default().to_owned());
                    let (old, new) = if is_before { (text, Cell::Empty) } else { (Cell::Empty, text) };
                    vec![Cell::Text(line["number"].to_string()), old, new].into()
                })
            })
            .collect()
    };
    Table {
        name: "content",
        caption: deciding.what.to_owned(),
        columns: vec![
            text("place", deciding.place),
            text("before", deciding.before).wrapping(),
            text("after", deciding.after).wrapping(),
        ],
        rows,
        empty: deciding.no_changes,
    }
}

fn decide_form(ctx: &Ctx, change: &Change, contents: &BeforeAfter) -> Markup {
    let deciding = ctx.deciding;
    html! {
        section.panel {
            h2 { (deciding.decide) }
            form.decide action="/changes" method="post" {
                (form_key(ctx))
                @if change.is_whole() {
                    input type="hidden" name="watch" value=(change.watch);
                    input type="hidden" name="whole" value="yes";
                    p.note { (deciding.whole_note) }
                    div.scroll role="region" aria-label=(deciding.row) tabindex="0" {
                        @for key in rows_of(contents).keys().take(LISTED) {
                            label.tick { input type="checkbox" name="row" value=(key); " " (key) } " "
                        }
                    }
                } @else { input type="hidden" name="change" value=(change.number); }
                (note_field(ctx, "change"))
                (buttons(ctx))
            }
        }
    }
}

/// Confirms or rejects what was ticked: changes by their numbers, all of a watch, or rows of a whole list.
pub async fn decide(ctx: Ctx, by: String, sent: Form) -> Outcome {
    let deciding = ctx.deciding;
    let confirm = match sent.get("verdict") {
        "confirm" => true,
        "reject" => false,
        other => return Err(ctx.bad(other)),
    };
    let numbers: Result<Vec<u64>, _> = sent.all("change").map(str::parse).collect();
    let numbers = numbers.map_err(|_| ctx.bad("change"))?;
    let is_all = sent.get("all") == "yes" || sent.get("whole") == "yes";
    if numbers.is_empty() && !is_all {
        return Err(Failure::BadRequest(deciding.nothing_ticked.to_owned()));
    }
    let wanted = Wanted {
        numbers: if is_all { vec![] } else { numbers },
        all_of: is_all.then(|| sent.get("watch").to_owned()),
        rows: sent.all("row").map(str::to_owned).collect(),
        confirm,
    };
    let note = note(&ctx, &sent)?;
    let records = ctx.view()?.pen().await?.records.as_ref();
    let matter = confirm::matter(records, &wanted).await.map_err(|why| match why {
        NoMatter::Store(error) => Failure::from(error),
        other => Failure::Conflict(other.to_string()),
    })?;
    let decider = Decider { name: by, signed: None };
    match confirm::decide(records, &matter, decider, &note, ctx.now).await? {
        DecidedChanges::Done(number) => Ok(Answer::Redirect(format!("/changes?decided={number}"))),
        DecidedChanges::NotPending(others) => {
            let numbers: Vec<String> = others.iter().map(|(number, _)| number.to_string()).collect();
            Err(Failure::Conflict(fill(deciding.not_pending, &[&numbers.join(", ")])))
        }
        DecidedChanges::NoSuchRows(rows) => {
            Err(Failure::Conflict(fill(deciding.no_such_rows, &[&rows.join(", ")])))
        }
    }
}
