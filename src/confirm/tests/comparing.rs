use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::confirm::{Outcome, columns_changed, reconcile};
use crate::store::{OpenChange, WatchState};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, content)| ((*key).to_owned(), (*content).to_owned())).collect()
}

fn borrowed(map: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    map.iter().map(|(key, content)| (key.as_str(), content.as_str())).collect()
}

/// What the store would hold after an outcome was written down.
fn after(mut state: WatchState, outcome: Outcome) -> WatchState {
    let gone = [outcome.superseded, outcome.withdrawn].concat();
    state.open.retain(|_, open| !gone.contains(&open.number));
    state.rejected.retain(|key, _| !outcome.forgotten.contains(key));
    let next = 1 + state.open.values().map(|open| open.number).max().unwrap_or(100);
    for (number, (key, _, after)) in (next..).zip(outcome.announced) {
        assert!(state.open.insert(key, OpenChange { number, after }).is_none(), "one waits at most");
    }
    state
}

#[test]
fn each_kind_of_change_is_told_once() {
    let known = map(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
    let state = WatchState { known, ..WatchState::default() };
    let now = map(&[("same", "1"), ("changed", "2"), ("new", "3")]);
    let outcome = reconcile(&state, &borrowed(&now));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        outcome.announced,
        [
            ("changed".to_owned(), text("1"), text("2")),
            ("gone".to_owned(), text("1"), None),
            ("new".to_owned(), None, text("3")),
        ]
    );
    let state = after(state, outcome);
    assert_eq!(reconcile(&state, &borrowed(&now)), Outcome::default(), "nothing is told again");
}

#[test]
fn what_waits_is_overtaken_or_taken_back() {
    let known = map(&[("a", "1")]);
    let open = BTreeMap::from([("a".to_owned(), OpenChange { number: 5, after: Some("2".to_owned()) })]);
    let state = WatchState { known, open, ..WatchState::default() };
    let overtaken = reconcile(&state, &BTreeMap::from([("a", "3")]));
    assert_eq!((overtaken.superseded, overtaken.announced.len()), (vec![5], 1));
    let taken_back = reconcile(&state, &BTreeMap::from([("a", "1")]));
    assert_eq!(taken_back, Outcome { withdrawn: vec![5], ..Outcome::default() });
}

#[test]
fn what_was_rejected_is_not_told_again_until_it_changes() {
    let known = map(&[("a", "1")]);
    let rejected = BTreeMap::from([("a".to_owned(), Some("2".to_owned()))]);
    let state = WatchState { known, rejected, ..WatchState::default() };
    assert_eq!(reconcile(&state, &BTreeMap::from([("a", "2")])), Outcome::default());
    let other = reconcile(&state, &BTreeMap::from([("a", "3")]));
    assert_eq!((other.announced.len(), other.forgotten.clone()), (1, vec!["a".to_owned()]));
    let back = reconcile(&state, &BTreeMap::from([("a", "1")]));
    assert_eq!(back, Outcome { forgotten: vec!["a".to_owned()], ..Outcome::default() });
    let again = reconcile(&after(state, back), &BTreeMap::from([("a", "2")]));
    assert_eq!(again.announced.len(), 1, "it came back after it had been right");
}

#[test]
fn columns_are_compared_one_by_one() {
    let text = |text: &str| Some(text.to_owned());
    let changed = columns_changed(Some(r#"{"a":"1","b":"2","c":"3"}"#), Some(r#"{"a":"1","b":"4","d":""}"#));
    assert_eq!(
        changed,
        [
            ("b".to_owned(), text("2"), text("4")),
            ("c".to_owned(), text("3"), None),
            ("d".to_owned(), None, text("")),
        ]
    );
}

fn lists() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-e]", "[1-3]", 0..5)
}

proptest! {
    /// After any looks, what waits and what was rejected make up exactly what differs from what is known.
    #[test]
    fn nothing_is_missed_and_nothing_is_told_twice(
        known in lists(),
        looks in prop::collection::vec((lists(), any::<bool>(), any::<bool>()), 1..6),
    ) {
        let mut state = WatchState { known, ..WatchState::default() };
        for (now, decides, confirms) in looks {
            state = after(state.clone(), reconcile(&state, &borrowed(&now)));
            prop_assert_eq!(reconcile(&state, &borrowed(&now)), Outcome::default());
            for key in state.known.keys().chain(now.keys()) {
                let told = state.open.get(key).map(|open| &open.after).or(state.rejected.get(key));
                let differs = state.known.get(key) != now.get(key);
                prop_assert_eq!(told.is_some(), differs);
                prop_assert!(told.is_none_or(|told| told.as_ref() == now.get(key)));
            }
            if decides {
                for (key, open) in std::mem::take(&mut state.open) {
                    match (confirms, open.after) {
                        (true, Some(after)) => drop(state.known.insert(key, after)),
                        (true, None) => drop(state.known.remove(&key)),
                        (false, after) => drop(state.rejected.insert(key, after)),
                    }
                }
            }
        }
    }
}
