//! What is known and announced, against what is there now: decided here, without a clock and without a database.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::store::{OpenChange, WatchState};

/// What a look has to write down of a list. All of it is empty where nothing is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Keys whose content is to be announced, with what is known and what is there now; none: not there.
    pub announced: Vec<(String, Option<String>, Option<String>)>,
    /// Numbers of changes that wait and have been overtaken by another content.
    pub superseded: Vec<u64>,
    /// Numbers of changes that wait and were taken back in the source.
    pub withdrawn: Vec<u64>,
    /// Keys whose rejected content is there no more, so that it would be announced again if it came back.
    pub forgotten: Vec<String>,
}

/// Compares. `now` has the content of each key.
#[must_use]
pub fn reconcile(state: &WatchState, now: &BTreeMap<&str, &str>) -> Outcome {
    let mut outcome = Outcome::default();
    let known = state.known.keys().chain(state.rejected.keys()).chain(state.open.keys());
    let keys: BTreeSet<&str> = known.map(String::as_str).chain(now.keys().copied()).collect();
    for key in keys {
        let before = state.known.get(key).map(String::as_str);
        let after = now.get(key).copied();
        let open = state.open.get(key);
        let rejected = state.rejected.get(key).map(Option::as_deref);
        if before == after {
            outcome.withdrawn.extend(open.map(|open| open.number));
            outcome.forgotten.extend(rejected.map(|_| key.to_owned()));
        } else if open.is_some_and(|open: &OpenChange| open.after.as_deref() == after) {
            // It waits already.
        } else if open.is_none() && rejected == Some(after) {
            // It was rejected, and has not changed since.
        } else {
            outcome.superseded.extend(open.map(|open| open.number));
            outcome.forgotten.extend(rejected.map(|_| key.to_owned()));
            outcome.announced.push((key.to_owned(), before.map(str::to_owned), after.map(str::to_owned)));
        }
    }
    outcome
}

/// The columns that differ between two contents, each with its two texts.
#[must_use]
pub fn columns_changed(
    before: Option<&str>,
    after: Option<&str>,
) -> Vec<(String, Option<String>, Option<String>)> {
    let (before, after) = (columns(before), columns(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |side: &BTreeMap<String, String>, name| side.get(name).cloned();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| (name.clone(), of(&before, name), of(&after, name))).collect()
}

fn columns(content: Option<&str>) -> BTreeMap<String, String> {
    let read = content.and_then(|content| serde_json::from_str::<BTreeMap<String, Value>>(content).ok());
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    read.unwrap_or_default().into_iter().map(|(name, value)| (name, text(value))).collect()
}
