//! Whoever is held and whatever is decided: conservation holds, and verify finds nothing.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rewardd::jobs::Fate;
use rewardd::rewards::alarms::Action;
use rewardd::rewards::window::Kind;
use rewardd::store::{Committed, Deciding, HoldKey};

use super::{DAY, RATES, config, open, pay_with, raised, votes, window};
use crate::support::{Backend, Scratch};
use crate::verify::assert_clean;

/// For each of three windows whom it holds, and for each of them what is decided and when.
type Case = Vec<Vec<(i64, Option<bool>)>>;

fn cases() -> impl Strategy<Value = Case> {
    let held = prop::collection::btree_map(1..30_i64, prop::option::of(any::<bool>()), 0..12);
    prop::collection::vec(held.prop_map(|held| held.into_iter().collect()), 3)
}

#[test]
fn every_unit_is_accounted_for_whoever_is_held_and_whatever_is_decided() {
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) });
    runner
        .run(&cases(), |case| {
            one(&case);
            Ok(())
        })
        .unwrap();
}

fn one(case: &Case) {
    let scratch = Scratch::new(Backend::Sqlite);
    scratch.write_config(config());
    scratch.import(&votes(30), RATES);
    scratch.run(&["once", "hourly", "--as-of", "2026-11-19T04:00:00Z"]);
    let windows =
        [(Kind::Hourly, "2026-11-19T04:00:00Z"), (Kind::Hourly, "2026-11-19T05:00:00Z"), (Kind::Daily, DAY)];
    for ((kind, start), held) in windows.into_iter().zip(case) {
        if kind == Kind::Daily {
            scratch.run(&["once", "hourly", "--as-of", "2026-11-19T23:30:00Z"]);
        }
        scratch.block_on(async {
            let app = open(&scratch).await;
            let raised =
                held.iter().map(|(partner, _)| raised(Some(*partner), Action::HoldPartner)).collect();
            let window = window(&app, kind, start);
            assert_eq!(pay_with(&app, window, raised).await, Committed::Done);
            for fate in [Fate::Forfeited, Fate::Released] {
                let wanted = held.iter().filter(|(_, decision)| *decision == Some(fate == Fate::Released));
                let key = |partner_id| HoldKey { kind, start: window.start, partner_id };
                let keys: Vec<HoldKey> = wanted.map(|(partner, _)| key(*partner)).collect();
                if keys.is_empty() {
                    continue;
                }
                let deciding = Deciding {
                    by: "anna".to_owned(),
                    at: super::AFTER_THE_DAY.parse().unwrap(),
                    note: "by chance".to_owned(),
                    signed: serde_json::Value::Null,
                };
                let decide = || app.distributor.decide_holds(app.rewards.as_ref(), &keys, fate, &deciding);
                let done = decide().await.unwrap().unwrap();
                assert_eq!(decide().await.unwrap().unwrap(), done, "asked again, it says the same");
                app.store.totals().await.unwrap().check().unwrap();
            }
            app.database.close().await;
        });
        assert_clean(&scratch, &format!("{case:?}"));
    }
    scratch.run(&["once", "all", "--as-of", "2026-11-21T02:00:00Z"]);
    assert_clean(&scratch, &format!("{case:?}"));
}
