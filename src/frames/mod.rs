//! Votes of a window → one tally per partner → ranking (rules, section 3).
//!
//! Sources add votes up as they stream ([`Gathered`]), in 128 bits: Polars' own sums wrap silently. Polars sorts the
//! frame of partners.

mod columns;
mod gathered;
mod watch;

use polars::prelude::*;

pub use columns::{Vote, VoteColumns};
pub use gathered::{Gathered, Sums, TypeCount};
pub use watch::{Offence, VoteTime, Watch, Watched};

use crate::rewards::money::{MoneyError, Units};
use crate::rewards::rules::{RankKey, Rules};
use crate::rewards::vote::{Tally, Turnout};
use crate::rewards::window::Instant;

/// Why votes could not be added up.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the sum of {column} {whose} {source}")]
    Sum { column: &'static str, whose: String, source: MoneyError },
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

/// Ranks what was gathered.
///
/// # Errors
/// [`FrameError::Sum`] where a sum is past what can be stored.
pub fn turnout(mut gathered: Gathered, rules: &Rules) -> Result<Turnout, FrameError> {
    gathered.add_waiting();
    let by_type = gathered.by_type()?;
    let whose = || format!("of {}", gathered.window());
    let cc_by_hour = gathered.cc_by_hour(&rules.pool.vote_types);
    units("cc", cc_by_hour.iter().sum(), whose)?;
    let pool_cc_by_hour =
        cc_by_hour.into_iter().map(|sum| units("cc", sum, whose)).collect::<Result<_, _>>()?;
    let ranking = tallies(ranked(&frame(&gathered)?, &rules.ranking)?)?;
    Ok(Turnout { ranking, votes: by_type.iter().map(|total| total.votes).sum(), by_type, pool_cc_by_hour })
}

/// One row per partner, in no order: `partner_id`, `votes`, `cc` and `ecc` (units of 10⁻⁸), `last` (microseconds since
/// 1970, UTC), `active_hours`.
fn frame(gathered: &Gathered) -> PolarsResult<DataFrame> {
    let partners = || gathered.partners();
    DataFrame::new_infer_height(vec![
        Column::new("partner_id".into(), partners().map(|(id, _)| id).collect::<Vec<_>>()),
        Column::new("votes".into(), partners().map(|(_, sums)| u64::from(sums.votes)).collect::<Vec<_>>()),
        Column::new("cc".into(), partners().map(|(_, sums)| sums.cc).collect::<Vec<_>>()),
        Column::new("ecc".into(), partners().map(|(_, sums)| sums.ecc).collect::<Vec<_>>()),
        Column::new("last".into(), partners().map(|(_, sums)| sums.last).collect::<Vec<_>>()),
        Column::new(
            "active_hours".into(),
            partners().map(|(_, sums)| sums.hours.count_ones()).collect::<Vec<_>>(),
        ),
    ])
}

/// Sorts by the configured keys and by `partner_id` last, which makes the order total.
fn ranked(frame: &DataFrame, order: &[RankKey]) -> PolarsResult<DataFrame> {
    let name = |key: &RankKey| match key {
        RankKey::Votes => "votes",
        RankKey::Ecc => "ecc",
        RankKey::EarliestLastVote => "last",
    };
    let by: Vec<&str> = order.iter().map(name).chain(["partner_id"]).collect();
    let mut descending: Vec<bool> = order.iter().map(|key| *key != RankKey::EarliestLastVote).collect();
    descending.push(false);
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    frame.sort(by, options)
}

/// The rows of a frame as tallies, in its order.
fn tallies(mut frame: DataFrame) -> Result<Vec<Tally>, FrameError> {
    frame.rechunk_mut();
    let partner_ids = frame.column("partner_id")?.i64()?.cont_slice()?;
    let votes = frame.column("votes")?.u64()?.cont_slice()?;
    let (cc, ecc) = (frame.column("cc")?.i128()?, frame.column("ecc")?.i128()?);
    let (cc, ecc) = (cc.cont_slice()?, ecc.cont_slice()?);
    let last = frame.column("last")?.i64()?.cont_slice()?;
    let active_hours = frame.column("active_hours")?.u32()?.cont_slice()?;
    let tally = |row: usize| {
        let whose = || format!("of partner {}", partner_ids[row]);
        Ok(Tally {
            partner_id: partner_ids[row],
            votes: votes[row],
            cc: units("cc", cc[row], whose)?,
            ecc: units("ecc", ecc[row], whose)?,
            last: Instant::from_timestamp_micros(last[row]).expect("a vote's instant came from a date"),
            active_hours: active_hours[row],
        })
    };
    (0..frame.height()).map(tally).collect()
}

/// A sum as an amount.
fn units(column: &'static str, count: i128, whose: impl Fn() -> String) -> Result<Units, FrameError> {
    Units::new(count).map_err(|source| FrameError::Sum { column, whose: whose(), source })
}

#[cfg(test)]
mod tests;
