//! Votes of a window → Polars frame → one tally per partner → ranking (rules, section 3).
//!
//! Polars groups and sorts. Money is added up here, in 128 bits over its groups: its own sums wrap silently.

mod columns;

use polars::prelude::*;

pub use columns::{Vote, VoteColumns};

use crate::rewards::money::{MoneyError, Units};
use crate::rewards::rules::{RankKey, Rules};
use crate::rewards::vote::{Tally, Turnout, TypeTotal};
use crate::rewards::window::{Instant, Window};

/// Why votes could not be added up.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the sum of {column} {whose} {source}")]
    Sum { column: &'static str, whose: String, source: MoneyError },
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

/// The votes of one window as a Polars frame: `partner_id`, `vote_type` (a code), `cc` and `ecc` (units of 10⁻⁸),
/// `voted_at` (microseconds since 1970, UTC).
pub struct VoteFrame {
    window: Window,
    frame: DataFrame,
    /// The vote type behind each code.
    types: Vec<String>,
}

/// How often one partner cast one type of vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCount<'frame> {
    pub partner_id: i64,
    pub vote_type: &'frame str,
    pub votes: u64,
}

impl VoteFrame {
    /// Takes columns whose rows are all votes of the window.
    ///
    /// # Errors
    /// [`FrameError::Polars`] where the columns make no frame.
    ///
    /// # Panics
    /// Where a vote is not of the window: a source that hands over another window's votes is broken.
    pub fn new(window: Window, columns: VoteColumns) -> Result<Self, FrameError> {
        let (start, end) = (window.start.timestamp_micros(), window.end.timestamp_micros());
        assert!(columns.voted_at.iter().all(|at| (start..end).contains(at)), "{window} holds all its votes");
        let frame = DataFrame::new_infer_height(vec![
            Column::new("partner_id".into(), columns.partner_id),
            Column::new("vote_type".into(), columns.vote_type),
            Column::new("cc".into(), columns.cc),
            Column::new("ecc".into(), columns.ecc),
            Column::new("voted_at".into(), columns.voted_at),
        ])?;
        Ok(Self { window, frame, types: columns.types })
    }

    /// Adds up and ranks.
    ///
    /// # Errors
    /// [`FrameError::Sum`] where a sum is past what can be stored.
    pub fn turnout(&self, rules: &Rules) -> Result<Turnout, FrameError> {
        let tallies = self.tallies()?;
        let by_type = self.by_type()?;
        let pool_cc_by_hour = self.pool_cc_by_hour(&rules.pool.vote_types)?;
        let ranking = rank(tallies, &rules.ranking)?;
        Ok(Turnout { ranking, votes: self.frame.height() as u64, by_type, pool_cc_by_hour })
    }

    /// One tally per partner, in no order.
    fn tallies(&self) -> Result<Vec<Tally>, FrameError> {
        let (cc, ecc, voted_at) = (self.integers("cc")?, self.integers("ecc")?, self.integers("voted_at")?);
        let partner_ids = self.integers("partner_id")?;
        let grouped = self.frame.group_by(["partner_id"])?;
        let mut tallies = Vec::with_capacity(grouped.get_groups().len());
        for group in grouped.get_groups().iter() {
            let votes = votes_of(&group);
            let first = *votes.first().expect("a group has a vote") as usize;
            let (mut cc_sum, mut ecc_sum, mut last, mut hours) = (0_i128, 0_i128, i64::MIN, 0_u32);
            for vote in votes.iter().map(|vote| *vote as usize) {
                cc_sum += i128::from(cc[vote]);
                ecc_sum += i128::from(ecc[vote]);
                last = last.max(voted_at[vote]);
                hours |= 1 << self.hour_of(voted_at[vote]);
            }
            let partner_id = partner_ids[first];
            let sum = |column, count| units(column, count, || format!("of partner {partner_id}"));
            tallies.push(Tally {
                partner_id,
                votes: votes.len() as u64,
                cc: sum("cc", cc_sum)?,
                ecc: sum("ecc", ecc_sum)?,
                last: instant(last),
                active_hours: hours.count_ones(),
            });
        }
        Ok(tallies)
    }

    fn by_type(&self) -> Result<Vec<TypeTotal>, FrameError> {
        let (codes, cc) = (self.codes()?, self.integers("cc")?);
        let mut totals = vec![(0_u64, 0_i128); self.types.len()];
        for (code, cc) in codes.iter().zip(cc) {
            let (votes, sum) = &mut totals[*code as usize];
            *votes += 1;
            *sum += i128::from(*cc);
        }
        let mut by_type = Vec::with_capacity(totals.len());
        for (vote_type, (votes, sum)) in self.types.iter().zip(totals) {
            let cc = units("cc", sum, || format!("of type {vote_type:?}"))?;
            by_type.push(TypeTotal { vote_type: vote_type.clone(), votes, cc });
        }
        by_type.sort_by(|a, b| a.vote_type.cmp(&b.vote_type));
        Ok(by_type)
    }

    fn pool_cc_by_hour(&self, pool_types: &[String]) -> Result<Vec<Units>, FrameError> {
        let in_pool: Vec<bool> = self.types.iter().map(|name| pool_types.contains(name)).collect();
        let (codes, cc, voted_at) = (self.codes()?, self.integers("cc")?, self.integers("voted_at")?);
        let mut sums = vec![0_i128; self.hour_of(self.window.end.timestamp_micros() - 1) + 1];
        for vote in 0..cc.len() {
            if in_pool[codes[vote] as usize] {
                sums[self.hour_of(voted_at[vote])] += i128::from(cc[vote]);
            }
        }
        units("cc", sums.iter().sum(), || format!("of {}", self.window))?;
        sums.into_iter().map(|sum| units("cc", sum, || format!("of {}", self.window))).collect()
    }

    /// How often each partner cast each type of vote, by partner and type.
    ///
    /// # Errors
    /// [`FrameError::Polars`].
    pub fn type_counts(&self) -> Result<Vec<TypeCount<'_>>, FrameError> {
        let (partner_ids, codes) = (self.integers("partner_id")?, self.codes()?);
        let grouped = self.frame.group_by(["partner_id", "vote_type"])?;
        let count = |group: GroupsIndicator| {
            let votes = votes_of(&group);
            let first = *votes.first().expect("a group has a vote") as usize;
            let vote_type = self.types[codes[first] as usize].as_str();
            TypeCount { partner_id: partner_ids[first], vote_type, votes: votes.len() as u64 }
        };
        let mut counts: Vec<_> = grouped.get_groups().iter().map(count).collect();
        counts.sort_by_key(|count| (count.partner_id, count.vote_type));
        Ok(counts)
    }

    /// k of "hour k" of the window that an instant in microseconds falls in.
    fn hour_of(&self, micros: i64) -> usize {
        const HOUR_MICROS: i64 = 3_600_000_000;
        ((micros - self.window.start.timestamp_micros()) / HOUR_MICROS) as usize
    }

    fn integers(&self, column: &str) -> PolarsResult<&[i64]> {
        self.frame.column(column)?.i64()?.cont_slice()
    }

    fn codes(&self) -> PolarsResult<&[u32]> {
        self.frame.column("vote_type")?.u32()?.cont_slice()
    }
}

/// Sorts by the configured keys and by `partner_id` last, which makes the order total.
fn rank(tallies: Vec<Tally>, order: &[RankKey]) -> PolarsResult<Vec<Tally>> {
    let column = |key: &RankKey| match key {
        RankKey::Votes => Column::new("votes".into(), collect(&tallies, |tally| tally.votes)),
        RankKey::Ecc => Column::new("ecc".into(), collect(&tallies, |tally| tally.ecc.count())),
        RankKey::EarliestLastVote => {
            Column::new("last".into(), collect(&tallies, |tally| tally.last.timestamp_micros()))
        }
    };
    let mut columns: Vec<Column> = order.iter().map(column).collect();
    columns.push(Column::new("partner_id".into(), collect(&tallies, |tally| tally.partner_id)));
    let mut descending: Vec<bool> = order.iter().map(|key| *key != RankKey::EarliestLastVote).collect();
    descending.push(false);
    let by: Vec<PlSmallStr> = columns.iter().map(|column| column.name().clone()).collect();
    let rows = u32::try_from(tallies.len()).expect("Polars frames hold less than 2³² rows");
    columns.push(Column::new("tally".into(), (0..rows).collect::<Vec<u32>>()));

    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    let sorted = DataFrame::new_infer_height(columns)?.sort(by, options)?;
    let order = sorted.column("tally")?.u32()?;
    Ok(order.into_no_null_iter().map(|tally| tallies[tally as usize]).collect())
}

fn collect<T>(tallies: &[Tally], field: impl Fn(&Tally) -> T) -> Vec<T> {
    tallies.iter().map(field).collect()
}

/// The rows of a group.
fn votes_of<'group>(group: &'group GroupsIndicator<'group>) -> &'group [IdxSize] {
    match group {
        GroupsIndicator::Idx((_, votes)) => votes,
        GroupsIndicator::Slice(_) => unreachable!("slices come of sorted keys, which these are not"),
    }
}

/// A sum as an amount. A window holds less than 2³² votes of 64 bits each, so 128 bits cannot overflow before.
fn units(column: &'static str, count: i128, whose: impl Fn() -> String) -> Result<Units, FrameError> {
    Units::new(count).map_err(|source| FrameError::Sum { column, whose: whose(), source })
}

fn instant(micros: i64) -> Instant {
    Instant::from_timestamp_micros(micros).expect("a vote's instant came from a date")
}
