//! What a look writes down of a change: one line for people, and the rest for programs.

use serde_json::{Value, json};

use super::compare::columns_changed;
use super::git::Origin;
use super::repositories::{Blamed, Line, Touched};
use crate::rewards::window::show;
use crate::store::NewChange;

/// A summary is cut after so many characters; the contents have the rest.
const WIDTH: usize = 300;

/// A row that was added, changed or removed.
pub(super) fn row_change(
    key: String,
    (before, after): (Option<String>, Option<String>),
    source: &str,
    line: Option<usize>,
    origin: &Origin,
) -> NewChange {
    let summary = row_summary(before.as_deref(), after.as_deref());
    new_change(key, (before, after), "row", summary, source, line, origin)
}

/// A list that nobody has confirmed yet.
pub(super) fn list_change(whole: String, rows: usize, source: &str, origin: &Origin) -> NewChange {
    let summary = format!("the whole list, {rows} rows");
    new_change(String::new(), (None, Some(whole)), "list", summary, source, None, origin)
}

fn new_change(
    key: String,
    (before, after): (Option<String>, Option<String>),
    kind: &str,
    summary: String,
    source: &str,
    line: Option<usize>,
    origin: &Origin,
) -> NewChange {
    let detail = json!({
        "kind": kind,
        "summary": summary,
        "source": source,
        "line": line,
        "by": origin.by,
        "committed_at": origin.at.map(show),
        "message": origin.summary,
    });
    NewChange { key, before, after, author: origin.author.clone(), revision: origin.revision.clone(), detail }
}

fn row_summary(before: Option<&str>, after: Option<&str>) -> String {
    let changed = columns_changed(before, after).into_iter();
    let text = |text: Option<String>| text.unwrap_or_else(|| "(none)".to_owned());
    let (word, parts): (&str, Vec<String>) = match (before, after) {
        (None, _) => ("added ", changed.map(|(name, _, new)| format!("{name} {}", text(new))).collect()),
        (_, None) => ("removed ", changed.map(|(name, old, _)| format!("{name} {}", text(old))).collect()),
        _ => ("", changed.map(|(name, old, new)| format!("{name} {} → {}", text(old), text(new))).collect()),
    };
    one_line(&format!("{word}{}", parts.join(", ")))
}

/// A commit that touched watched lines.
pub(super) fn commit_change(touched: &Touched) -> NewChange {
    let Touched { commit, author, at, message, path, before, after, left_out, blame } = touched;
    let first = message.lines().next().unwrap_or_default();
    let number = before.first().or(after.first()).map_or(0, |line| line.number);
    let summary = one_line(&format!(
        "{path} line {number}: {} lines taken away, {} came: {first}",
        before.len(),
        after.len()
    ));
    NewChange {
        key: format!("{commit}:{path}"),
        before: Some(lines(before)),
        after: Some(lines(after)),
        author: Some(author.clone()),
        revision: Some(commit.clone()),
        detail: json!({
            "kind": "commit",
            "summary": summary,
            "path": path,
            "message": message,
            "committed_at": at.map(show),
            "lines_left_out": left_out,
            "blame": blame.iter().map(blamed).collect::<Vec<_>>(),
        }),
    }
}

/// A history that is another than it was.
pub(super) fn history_change(last: &str, tip: &str, why: &str) -> NewChange {
    NewChange {
        key: format!("{last}..{tip}"),
        before: None,
        after: None,
        author: None,
        revision: Some(tip.to_owned()),
        detail: json!({ "kind": "history", "summary": why }),
    }
}

fn lines(lines: &[Line]) -> String {
    let line = |line: &Line| json!({ "number": line.number, "text": line.text });
    Value::Array(lines.iter().map(line).collect()).to_string()
}

fn blamed(blamed: &Blamed) -> Value {
    let Blamed { first, last, author, commit, at } = blamed;
    json!({ "first": first, "last": last, "author": author, "commit": commit, "at": at.map(show) })
}

/// A text on one line, cut where it is long.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = line.char_indices().nth(WIDTH) {
        line.truncate(end);
        line.push('…');
    }
    line
}
