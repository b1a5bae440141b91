//! Patterns in the times of one partner's votes, which are in order.

use std::time::Duration;

use crate::frames::VoteTime;

/// The fullest stretch of some length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub votes: u64,
    /// Microseconds since 1970, UTC.
    pub start: i64,
}

/// The fullest of the stretches that follow one another from an origin on, all of the same length in microseconds; the
/// first of equals.
pub(super) fn fullest(times: &[VoteTime], origin: i64, length: i64) -> Option<Stretch> {
    let stretch = |vote: &VoteTime| (vote.voted_at - origin).div_euclid(length);
    let stretches = times.chunk_by(|one, next| stretch(one) == stretch(next));
    let mut fullest: Option<Stretch> = None;
    for votes in stretches {
        let count = votes.len() as u64;
        if fullest.is_none_or(|fullest| fullest.votes < count) {
            fullest = Some(Stretch { votes: count, start: origin + stretch(&votes[0]) * length });
        }
    }
    fullest
}

/// Votes in a row at equal gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// At least 2.
    pub votes: u64,
    /// Microseconds; 0 where all are at one instant.
    pub gap: i64,
    /// The instant of the first.
    pub start: i64,
}

/// The most votes in a row whose gaps are equal to the microsecond and shorter than `below`; the first of equals.
pub(super) fn longest_run(times: &[VoteTime], below: Duration) -> Option<Run> {
    let gap = |pair: &[VoteTime]| pair[1].voted_at - pair[0].voted_at;
    let is_short = |gap: i64| Duration::from_micros(gap.unsigned_abs()) < below;
    let (mut longest, mut run): (Option<Run>, Option<Run>) = (None, None);
    for pair in times.windows(2) {
        let gap = gap(pair);
        run = match run {
            Some(run) if run.gap == gap => Some(Run { votes: run.votes + 1, ..run }),
            _ => is_short(gap).then_some(Run { votes: 2, gap, start: pair[0].voted_at }),
        };
        if let Some(run) = run
            && longest.is_none_or(|longest| longest.votes < run.votes)
        {
            longest = Some(run);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn at(instants: &[i64]) -> Vec<VoteTime> {
        instants.iter().map(|voted_at| VoteTime { partner_id: 7, voted_at: *voted_at }).collect()
    }

    fn second() -> Duration {
        Duration::from_secs(1)
    }

    #[test]
    fn a_minute_ends_before_the_next_begins() {
        let votes = at(&[0, MINUTE - 1, MINUTE, MINUTE + 1, 2 * MINUTE - 1, 2 * MINUTE]);
        assert_eq!(fullest(&votes, 0, MINUTE), Some(Stretch { votes: 3, start: MINUTE }));
        // From another origin on, other stretches.
        assert_eq!(fullest(&votes, MINUTE - 1, MINUTE), Some(Stretch { votes: 3, start: MINUTE - 1 }));
        // Before 1970 as well.
        assert_eq!(fullest(&at(&[-1, 0]), 0, MINUTE), Some(Stretch { votes: 1, start: -MINUTE }));
        assert_eq!(fullest(&[], 0, MINUTE), None);
    }

    #[test]
    fn a_run_is_of_equal_gaps_that_are_short_enough() {
        let run = |instants: &[i64]| {
            longest_run(&at(instants), second()).map(|run| (run.votes, run.gap, run.start))
        };
        assert_eq!(run(&[5]), None);
        assert_eq!(run(&[0, 200, 400, 600, 801]), Some((4, 200, 0)));
        // The vote at which the gap changes belongs to both runs.
        assert_eq!(run(&[0, 10, 20, 25, 30, 35]), Some((4, 5, 20)));
        assert_eq!(run(&[3, 3, 3, 3]), Some((4, 0, 3)), "at one instant");
        assert_eq!(run(&[0, 999_999, 1_999_998]), Some((3, 999_999, 0)));
        assert_eq!(run(&[0, 1_000_000, 2_000_000]), None, "a gap of the limit is not below it");
    }

    proptest! {
        /// Held against looking at every minute and every beginning of a run.
        #[test]
        fn what_is_found_is_what_counting_finds(mut instants in prop::collection::vec(0..500_i64, 0..60)) {
            instants.sort_unstable();
            let votes = at(&instants);
            let counts = (0..50).map(|n| instants.iter().filter(|at| **at / 10 == n).count() as u64);
            let found = fullest(&votes, 0, 10);
            prop_assert_eq!(found.map_or(0, |found| found.votes), counts.max().unwrap_or(0));
            if let Some(found) = found {
                let of_stretch = |n: i64| instants.iter().filter(|at| **at / 10 == n).count() as u64;
                let first = (0..50).find(|n| of_stretch(*n) == found.votes);
                prop_assert_eq!(Some(found.start / 10), first);
            }

            let below = Duration::from_micros(8);
            let run_from = |first: usize| {
                let gap = instants.get(first + 1)? - instants[first];
                let run = (first + 1..instants.len()).take_while(|n| instants[*n] - instants[*n - 1] == gap);
                (gap < 8).then(|| run.count() as u64 + 1)
            };
            let longest = (0..instants.len()).filter_map(run_from).max();
            prop_assert_eq!(longest_run(&votes, below).map(|run| run.votes), longest);
        }
    }
}
