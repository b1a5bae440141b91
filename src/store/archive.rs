//! What is stored, by ranges of time and a page at a time: for exports, status and the history of the rules. Reads only.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{Ledger, Result, Run, RunFigures, StoredTransfer};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Instant, Kind};

/// After all that is stored, and still an instant that every database can hold.
#[must_use]
pub fn end_of_time() -> Instant {
    const MICROS: i64 = 253_402_214_400_000_000;
    Instant::from_timestamp_micros(MICROS).unwrap_or(Instant::MAX_UTC)
}

/// Instants strictly between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    pub after: Instant,
    pub before: Instant,
}

/// The use that was made of a version of the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RulesUse {
    pub runs: u64,
    /// The starts of the earliest and the latest window; none where there was no run.
    pub windows: Option<(Instant, Instant)>,
}

/// Each page is found by an index and begins after the last row of the one before; `limit` is how many rows it has at
/// most. Memory does not grow with the range.
#[async_trait]
pub trait Archive: Ledger {
    /// Runs of a kind by the start of their windows.
    async fn runs_page(&self, kind: Kind, range: Between, limit: u32) -> Result<Vec<Run>>;

    /// Rows of `reward_distribution_logs` of runs of a kind, by the start of their windows.
    async fn log_rows_page(&self, kind: Kind, range: Between, limit: u32) -> Result<Vec<LogRow>>;

    /// Rows of `reward_log` past a day and sequence number up to the end of a day, in order of both.
    async fn figures_page(
        &self,
        after: (NaiveDate, u64),
        to: NaiveDate,
        limit: u32,
    ) -> Result<Vec<RunFigures>>;

    /// Settled hours by their start, and whether each has been paid.
    async fn settlements_page(&self, range: Between, limit: u32) -> Result<Vec<(Settlement, bool)>>;

    /// Pools of the days past one, up to another.
    async fn pools_page(
        &self,
        after: NaiveDate,
        to: NaiveDate,
        limit: u32,
    ) -> Result<Vec<(NaiveDate, Units)>>;

    /// The runs by a version of the rules that were committed in `[from, before)`.
    async fn rules_use(&self, version: &str, from: Instant, before: Instant) -> Result<RulesUse>;

    /// How many queued transfers have been tried in vain, and those that were tried last, at most `limit`.
    async fn failing_transfers(&self, limit: u32) -> Result<(u64, Vec<StoredTransfer>)>;
}
