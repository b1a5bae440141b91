//! Whatever the votes and the rules, what is explained is what the plan pays.

use proptest::prelude::*;

use super::*;
use crate::audit::RunRecord;
use crate::config::Config;
use crate::frames::{self, Gathered, Vote};
use crate::proof::Recomputed;
use crate::rewards::plan::Plan;
use crate::rewards::plan_window;
use crate::rewards::pool::Books;
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::rules::Rules;
use crate::rewards::window::{Calendar, Instant};

/// Partner, type, CC and ECC in units, seconds into the day.
type RandomVote = (i64, bool, i64, i64, i64);

fn calendar() -> Calendar {
    Calendar::new(chrono_tz::Europe::Budapest)
}

fn random_votes() -> impl Strategy<Value = Vec<RandomVote>> {
    let amount = prop_oneof![0..3_i64, 0..100_000_000_000_i64, Just(i64::MAX / 1000)];
    prop::collection::vec((0..60_i64, any::<bool>(), amount.clone(), amount, 0..25 * 3600_i64), 1..300)
}

fn random_rules() -> impl Strategy<Value = Rules> {
    let weight = || prop_oneof![Just(0_i64), 1..5_i64, 1..1_000_000_000_i64];
    let weights = || [weight(), weight(), weight(), weight(), weight()];
    let keys = Just(vec![RankKey::Votes, RankKey::Ecc, RankKey::EarliestLastVote]).prop_shuffle();
    let order = (keys, 0..4_usize).prop_map(|(keys, count)| keys[..count].to_vec());
    let minima = [0..6_u64, 0..6_u64, 0..6_u64, 0..6_u64, 0..6_u64];
    let least = (0..4_u64, 0..4_u64);
    let cap = prop_oneof![Just(0_i64), 1..1_000_000_000_i64];
    (order, weights(), weights(), minima, least, 0..=100_000_000_i64, cap).prop_map(
        |(order, hourly, tiers, minima, least, fixed, cap)| {
            let mut rules = Config::parse("[database]\nurl = \"sqlite::memory:\"").unwrap().rules;
            let sum_is_positive = |mut weights: [i64; 5]| {
                weights[4] += i64::from(weights.iter().all(|weight| *weight == 0));
                weights.map(Units::from_i64)
            };
            rules.ranking = order;
            rules.hourly.weights = sum_is_positive(hourly);
            rules.daily.tier_weights = sum_is_positive(tiers);
            rules.daily.tier_min_votes = minima;
            (rules.daily.min_votes, rules.daily.min_active_hours) = least;
            let half = (100_000_000 - fixed) / 2;
            rules.daily.split = [fixed, half, 100_000_000 - fixed - half].map(Units::from_i64);
            rules.daily.ecc_cap_multiplier = Units::from_i64(cap);
            rules.special_partners = vec![3, 4];
            rules
        },
    )
}

fn plan(window: Window, votes: &[RandomVote], rates: &[i64], rules: &Rules, pool: i64) -> Recomputed {
    let day = calendar().day(window.day);
    let mut gathered = Gathered::new(window, true);
    for (partner_id, in_pool, cc, ecc, second) in votes {
        let voted_at = day.start + chrono::TimeDelta::seconds(*second);
        if window.contains(voted_at) {
            let vote_type = if *in_pool { "cc" } else { "free" };
            let voted_at = voted_at.timestamp_micros();
            gathered.push(Vote { partner_id: *partner_id, vote_type, cc: *cc, ecc: *ecc, voted_at });
        }
    }
    let quote = |(index, rate): (usize, &i64)| Quote {
        at: day.start - chrono::TimeDelta::days(9 - 2 * index as i64),
        rate: Units::from_i64(*rate),
    };
    let quotes = Quotes::new(rates.iter().enumerate().map(quote).collect()).unwrap();
    let pools = [(window.day, Units::from_i64(pool))].into();
    let carry_day = if window.kind == Kind::Hourly { window.day } else { calendar().day_after(window.day) };
    let books = Books { pools, carry_day, ..Books::default() };
    let counts = gathered.type_counts().into_iter();
    let counts = counts.map(|count| (count.partner_id, count.vote_type.to_owned(), count.votes)).collect();
    let turnout = frames::turnout(gathered, rules).unwrap();
    let plan = plan_window(window, turnout, &quotes, &books, &calendar(), rules).unwrap();
    let run = Run {
        sequence: 1,
        kind: window.kind,
        start: window.start,
        rules_version: "v".to_owned(),
        committed_at: Instant::UNIX_EPOCH,
    };
    let record = RunRecord::new(&plan, "v");
    Recomputed {
        run,
        record,
        plan,
        rules: std::sync::Arc::new(rules.clone()),
        holds: Default::default(),
        alarms: vec![],
        type_counts: counts,
    }
}

/// The row as the plan writes it.
fn row(plan: &Plan, row: usize) -> RewardRow {
    RewardRow {
        partner_id: plan.turnout.ranking[row].partner_id,
        position: u32::try_from(row + 1).unwrap(),
        start: plan.window.start,
        amounts: plan.amounts.iter().map(|column| column[row]).collect(),
    }
}

/// What has to hold of every explanation of a clean run.
fn hold(explainer: &Explainer<'_>, plan: &Plan, index: usize) {
    let (tally, stored) = (plan.turnout.ranking[index], row(plan, index));
    let queued = plan.transfers.iter().find(|transfer| transfer.partner_id == tally.partner_id);
    let queued = queued.map(|transfer| StoredTransfer {
        transfer: *transfer,
        attempts: 0,
        next_attempt_at: None,
        last_error: None,
        delivered_at: None,
    });
    let explained = explainer.explain(tally.partner_id, Some(stored), queued).unwrap();
    assert_eq!(explained.agreement(), Agreement::Agrees, "{explained:#?}");
    assert_eq!(explained.differing(), [""; 0]);
    assert_eq!(Some(explained.computed_sum()), explained.stored_sum());
    assert_eq!(explained.votes_by_type.iter().map(|by| by.votes).sum::<u64>(), tally.votes);
    for (explained, part) in explained.parts.iter().zip(&plan.parts) {
        assert_eq!(explained.cuts.last().unwrap().share.amount(), part.part, "{}", part.column);
        let is_member = part.members.contains(&u32::try_from(index + 1).unwrap());
        assert_eq!(explained.is_member(), is_member, "{}: {:?}", part.column, explained.conditions);
        assert_eq!(explained.share.is_some(), is_member && part.undistributed.is_zero());
    }
    match explained.source {
        Money::Hour { cc_total, rate, total, hourly_share, shared } => {
            assert_eq!(cc_total.floor_mul(rate), Ok(total));
            assert_eq!(total.floor_mul(hourly_share), Ok(shared));
        }
        Money::Day { pool_before, settled, late_total, shared, .. } => {
            assert_eq!(pool_before + settled + late_total, shared);
        }
    }
    let neighbours = explained.neighbours.unwrap();
    for (neighbour, at) in [(neighbours.before, index.checked_sub(1)), (neighbours.after, Some(index + 1))] {
        assert_eq!(
            neighbour.map(|other| other.tally),
            at.and_then(|at| plan.turnout.ranking.get(at)).copied()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_explained_is_what_the_plan_pays(
        votes in random_votes(),
        rules in random_rules(),
        rates in prop::collection::vec(1..1_000_000_000_i64, 1..6),
        pool in 0..1_000_000_000_000_i64,
        hour in 0..25_usize,
    ) {
        let date = "2026-10-25".parse().unwrap();
        for window in [calendar().day(date), calendar().hours(date)[hour]] {
            let recomputed = plan(window, &votes, &rates, &rules, pool);
            let explainer = Explainer::new(&recomputed);
            for index in 0..recomputed.plan.turnout.voters() {
                hold(&explainer, &recomputed.plan, index);
            }
        }
    }
}
