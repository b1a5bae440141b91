//! Partners who are many and alike: a farm of accounts of which none is unusual by itself.
//!
//! Each day falls into a cell by what it did (votes, active hours) and by what it was worth (ECC a vote, and whether the
//! partner is new). For people the two have little to do with each other, so a cell holds about as many partners as
//! chance brings: those who did the same, times those who are worth the same, by all. A program that runs many accounts
//! fills one cell beyond that.

use std::collections::HashMap;
use std::hash::Hash;

use super::profile::Profile;
use super::statistics::log2;

/// Fewer partners than that are no cohort.
const MIN_MEMBERS: u64 = 20;

/// Votes are alike within a quarter of a doubling, ECC per vote within a twelfth (6 %), in thousandths.
const VOTES_STEP: i64 = 250;
const ECC_STEP: i64 = 83;

type Activity = (i64, u8);
type Worth = (i64, bool);

/// For each profile, in order, by which factor its cell holds more partners than chance would bring: a logarithm to base
/// 2 in thousandths, at least 0. `is_new` says so of each partner.
pub(super) fn lifts(profiles: &[Profile], is_new: impl Fn(&Profile) -> bool) -> Vec<i64> {
    let cells: Vec<(Activity, Worth)> = profiles
        .iter()
        .map(|profile| {
            let activity = (log2(u64::from(profile.votes)) / VOTES_STEP, profile.active_hours);
            (activity, (log2(profile.ecc_per_vote) / ECC_STEP, is_new(profile)))
        })
        .collect();
    let of_activity = count(cells.iter().map(|(activity, _)| activity));
    let of_worth = count(cells.iter().map(|(_, worth)| worth));
    let of_cell = count(cells.iter());
    let lift = |cell: &(Activity, Worth)| {
        let members = of_cell[cell];
        if members < MIN_MEMBERS {
            return 0;
        }
        // Where chance would bring less than one, one is what it takes to be there at all.
        let by_chance = (of_activity[&cell.0] * of_worth[&cell.1] / profiles.len() as u64).max(1);
        (log2(members) - log2(by_chance)).max(0)
    };
    cells.iter().map(lift).collect()
}

fn count<'a, T: Hash + Eq + 'a>(items: impl Iterator<Item = &'a T>) -> HashMap<&'a T, u64> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}
