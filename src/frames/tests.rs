//! However votes come in, and in however many parts, they come to the same.

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::rewards::window::{Calendar, Window};

/// Partner, type, CC and ECC in units, seconds into the day.
type RandomVote = (i64, u8, i64, i64, i64);

fn day() -> Window {
    Calendar::new(chrono_tz::Europe::Budapest).day("2026-10-25".parse().unwrap())
}

fn rules() -> Rules {
    Config::parse("[database]\nurl = \"sqlite::memory:\"").unwrap().rules
}

fn gather<'v>(votes: impl Iterator<Item = &'v RandomVote>) -> Gathered {
    let mut gathered = Gathered::new(day(), true);
    for (partner_id, vote_type, cc, ecc, second) in votes {
        let voted_at = day().start.timestamp_micros() + second * 1_000_000;
        let vote_type = ["cc", "free", "bonus"][*vote_type as usize % 3];
        gathered.push(Vote { partner_id: *partner_id, vote_type, cc: *cc, ecc: *ecc, voted_at });
    }
    gathered
}

fn random_votes() -> impl Strategy<Value = Vec<RandomVote>> {
    let amount = prop_oneof![0..5_i64, 0..100_000_000_000_i64, Just(i64::MAX)];
    prop::collection::vec((0..50_i64, any::<u8>(), amount.clone(), amount, 0..25 * 3600_i64), 0..900)
}

proptest! {
    #[test]
    fn parts_in_any_order_make_the_whole(votes in random_votes(), parts in 1..7_usize) {
        let whole = gather(votes.iter());
        let mut total = Gathered::new(day(), true);
        for part in (0..parts).rev() {
            let mut part = gather(votes.iter().enumerate().filter(|(n, _)| n % parts == part).map(|(_, vote)| vote));
            total.absorb(&mut part);
            // What is left of a part that was handed over goes on as an empty one.
            prop_assert_eq!(turnout(part, &rules()).unwrap().voters(), 0);
        }
        prop_assert_eq!(total.type_counts(), whole.type_counts());
        prop_assert_eq!(turnout(total, &rules()).unwrap(), turnout(whole, &rules()).unwrap());
    }

    #[test]
    fn sums_are_those_of_128_bits(votes in random_votes()) {
        let turnout = turnout(gather(votes.iter()), &rules()).unwrap();
        for tally in &turnout.ranking {
            let own = || votes.iter().filter(|vote| vote.0 == tally.partner_id);
            prop_assert_eq!(tally.votes, own().count() as u64);
            prop_assert_eq!(tally.cc.count(), own().map(|vote| i128::from(vote.2)).sum::<i128>());
            prop_assert_eq!(tally.ecc.count(), own().map(|vote| i128::from(vote.3)).sum::<i128>());
            let hours: std::collections::BTreeSet<i64> = own().map(|vote| vote.4 / 3600).collect();
            prop_assert_eq!(tally.active_hours as usize, hours.len());
        }
        let of_pool = votes.iter().filter(|vote| vote.1 % 3 == 0).map(|vote| i128::from(vote.2));
        prop_assert_eq!(turnout.pool_cc().count(), of_pool.sum::<i128>());
        prop_assert_eq!(turnout.votes, votes.len() as u64);
    }
}
