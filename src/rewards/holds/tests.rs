use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::rewards::plan_window;
use crate::rewards::pool::Books;
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::vote::{Tally, Turnout};
use crate::rewards::window::{Calendar, Instant, Kind};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// A window of so many partners, whose pool is worth so much.
fn plan(kind: Kind, partners: i64, cc: i64) -> Plan {
    let text = "[database]\nurl = \"sqlite::memory:\"\n[special]\npartners = [1, 4, 5]";
    let rules = Config::parse(text).unwrap().rules;
    let calendar = Calendar::new(chrono_tz::UTC);
    let window = calendar.window_at(kind, at("2026-11-19T00:00:00Z"));
    let tally = |partner_id| Tally {
        partner_id,
        votes: 100 - partner_id as u64,
        cc: Units::ONE,
        ecc: Units::from_i64(partner_id * 7),
        last: window.start,
        active_hours: 1,
    };
    let hours = if kind == Kind::Hourly { 1 } else { 24 };
    let turnout = Turnout {
        ranking: (1..=partners).map(tally).collect(),
        votes: 1,
        by_type: vec![],
        pool_cc_by_hour: vec![Units::from_i64(cc); hours],
    };
    let quote = |(day, rate)| Quote { at: at(day), rate: Units::from_i64(rate) };
    let rates = [("2026-11-15T00:00:00Z", 100_000_000), ("2026-11-19T00:00:00Z", 112_345_678)];
    let quotes = Quotes::new(rates.map(quote).to_vec()).unwrap();
    let books = Books { carry_day: calendar.day_after(window.day), ..Books::default() };
    plan_window(window, turnout, &quotes, &books, &calendar, &rules).unwrap()
}

fn alarm(partner_id: i64, action: Action) -> Raised {
    let (alarm, text) = (format!("alarm_{}", partner_id % 2), String::new());
    let (figure, limit) = (text.clone(), text);
    Raised { alarm, rule: "reward", action, partner_id: Some(partner_id), figure, limit, stake: Units::ONE }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_made_by_holding(
        daily in any::<bool>(),
        partners in 0..40_i64,
        cc in 0..1_000_000_000_000_i64,
        by_alarms in prop::collection::btree_set(1..50_i64, 0..20),
        named in prop::collection::btree_set(1..50_i64, 0..5),
    ) {
        let kind = if daily { Kind::Daily } else { Kind::Hourly };
        let free = plan(kind, partners, cc);
        let raised: Vec<Raised> = by_alarms.iter().map(|id| alarm(*id, Action::HoldPartner)).collect();
        let held = free.clone().hold(raised, &named);
        let is_there = |id: &&i64| **id <= partners;
        let expected: BTreeSet<i64> = by_alarms.union(&named).filter(is_there).copied().collect();
        prop_assert_eq!(held.set_aside().map(|held| held.partner_id).collect::<BTreeSet<_>>(), expected.clone());
        prop_assert_eq!(&held.amounts, &free.amounts, "amounts never change");
        let (from_pool, bonus) = held.set_aside_sums();
        let columns = 0..columns(kind).len();
        let written: Units = columns.flat_map(|c| (0..partners as usize).map(move |row| (c, row)))
            .map(|(column, row)| held.written(column, row))
            .sum();
        prop_assert_eq!(written + from_pool + bonus, free.distributed() + free.market_bonus());
        let mut transfers = [held.transfers.clone(), held.withheld.clone()].concat();
        transfers.sort();
        prop_assert_eq!(transfers, free.transfers);
        prop_assert!(held.transfers.iter().all(|transfer| !expected.contains(&transfer.partner_id)));
        prop_assert!(held.withheld.iter().all(|transfer| expected.contains(&transfer.partner_id)));
        prop_assert_eq!(held.set_aside().filter(|held| held.has_transfer).count(), held.withheld.len());
    }
}

#[test]
fn an_alarm_that_only_tells_or_holds_the_window_holds_no_partner() {
    let raised = vec![alarm(1, Action::Notify), alarm(2, Action::HoldWindow)];
    let plan = plan(Kind::Hourly, 5, 1_000).hold(raised.clone(), &BTreeSet::new());
    assert_eq!((plan.held.len(), &plan.raised), (0, &raised));
    assert!(plan.holders().is_empty());
}
