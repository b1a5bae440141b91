//! What holds for any votes: conservation, and indifference to the order of arrival and to when it is looked.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rewardd::app::distributor;
use rewardd::clock::ManualClock;
use rewardd::config::Config;
use rewardd::frames::{Vote, VoteColumns};
use rewardd::jobs::{Outcome, Walk};
use rewardd::rewards::money::Units;
use rewardd::rewards::plan::Plan;
use rewardd::rewards::rates::{Quote, Quotes};
use rewardd::rewards::window::{Instant, Kind};
use rewardd::store::memory::{MemorySource, MemoryStore, State};
use rewardd::store::{Programme, Store};

const DAY_MICROS: i64 = 86_400_000_000;

/// Partner, type, CC and ECC in units, seconds into the week.
type RandomVote = (i64, bool, i64, i64, i64);

fn start() -> Instant {
    "2026-10-22T00:00:00Z".parse().unwrap()
}

fn random_votes() -> impl Strategy<Value = Vec<RandomVote>> {
    let amount = prop_oneof![0..5_i64, 0..100_000_000_000_i64, Just(i64::MAX / 8)];
    let vote = (1..40_i64, any::<bool>(), amount.clone(), amount, 0..7 * 86_400_i64);
    prop::collection::vec(vote, 0..120)
}

fn columns(votes: &[RandomVote]) -> VoteColumns {
    let mut columns = VoteColumns::default();
    for (partner_id, in_pool, cc, ecc, second) in votes {
        columns.push(Vote {
            partner_id: *partner_id,
            vote_type: if *in_pool { "cc" } else { "free" },
            cc: *cc,
            ecc: *ecc,
            voted_at: start().timestamp_micros() + second * 1_000_000,
        });
    }
    columns
}

/// Pays a week, looking `looks` times, and gives every plan and the state in the end.
fn pay(config: &Config, votes: &[RandomVote], looks: i64) -> (Vec<Plan>, State) {
    let quote = |day: i64| Quote {
        at: start() + chrono::TimeDelta::days(day - 8),
        rate: Units::from_i64(100_000_000 + day * 1_234_567),
    };
    let quotes = Quotes::new((0..16).map(quote).collect()).unwrap();
    let calendar_start = start().with_timezone(&config.programme.timezone).date_naive();
    let programme =
        Programme { timezone: config.programme.timezone.name().to_owned(), start: calendar_start };
    let store = Arc::new(MemoryStore::new(State { programme: Some(programme), ..State::default() }));
    let source = Arc::new(MemorySource::new(columns(votes), quotes));
    let distributor = distributor(
        config,
        Arc::clone(&store) as Arc<dyn Store>,
        source,
        Arc::new(ManualClock::new(start())),
    );
    let mut plans = vec![];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for look in 1..=looks {
        let now = start() + chrono::TimeDelta::microseconds(8 * DAY_MICROS * look / looks);
        let kinds = vec![(Kind::Daily, now), (Kind::Hourly, now)];
        let walk = Walk { kinds, start: calendar_start, now, catch_up: Duration::MAX };
        let mut paid = |_, outcome: &Outcome| {
            if let Outcome::Paid(plan, _) = outcome {
                plans.push((**plan).clone());
            }
        };
        assert!(runtime.block_on(distributor.walk(&walk, &mut paid)).unwrap().is_complete());
    }
    (plans, store.state())
}

fn config(zone: &str) -> Config {
    Config::parse(&format!(
        "[database]\nurl = \"sqlite::memory:\"\n[programme]\ntimezone = {zone:?}\n[special]\npartners = [1, 2]\n\
         [rules.daily.fixed.min_votes]\nall = 2"
    ))
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_unit_of_a_random_week_is_accounted_for(votes in random_votes(), zone in prop::sample::select(vec![
        "UTC", "Europe/Budapest", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    ])) {
        let (plans, state) = pay(&config(zone), &votes, 1);
        let sum = |amounts: &mut dyn Iterator<Item = Units>| amounts.fold(Units::ZERO, |sum, amount| sum + amount);
        let contributed = sum(&mut state.settled.values().map(|hour| hour.total));
        let paid = sum(&mut plans.iter().map(Plan::distributed));
        let held = sum(&mut state.pools.values().copied());
        let open = state.settled.values().filter(|hour| !state.paid.contains(&(Kind::Hourly, hour.hour_start)));
        let open = sum(&mut open.map(|hour| hour.hourly_share));
        prop_assert_eq!(contributed, paid + held + open);
        let voted = plans.iter().filter(|plan| plan.window.kind == Kind::Hourly).map(|plan| plan.turnout.votes);
        prop_assert_eq!(voted.sum::<u64>(), votes.len() as u64, "no vote falls between windows");
    }

    #[test]
    fn order_of_arrival_and_times_of_looking_do_not_matter(votes in random_votes(), looks in 2..40_i64) {
        let config = config("Europe/Budapest");
        let (plans, state) = pay(&config, &votes, 1);
        let mut arrived_otherwise = votes.clone();
        arrived_otherwise.reverse();
        let (others, other_state) = pay(&config, &arrived_otherwise, looks);
        prop_assert_eq!(plans, others);
        prop_assert_eq!(state.pools, other_state.pools);
        prop_assert_eq!(state.transfers, other_state.transfers);
        prop_assert_eq!(state.totals, other_state.totals);
    }
}
