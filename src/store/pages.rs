//! What the dashboard reads besides [`Ledger`]: the newest first, and a window's rows by chosen partners. Every look
//! is a few rows by an index, whatever there is.

use async_trait::async_trait;

use super::{Ledger, Result, RewardRow, Run, RunFigures, StoredTransfer};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};

/// See the module.
#[async_trait]
pub trait Pages: Ledger {
    /// Runs before a sequence number, newest first, at most `limit`.
    async fn runs_before(&self, sequence: u64, limit: u32) -> Result<Vec<Run>>;

    /// Rows of `reward_distribution_logs` before a sequence number, newest first, at most `limit`.
    async fn log_rows_before(&self, sequence: u64, limit: u32) -> Result<Vec<LogRow>>;

    /// The rows of `reward_log` with some sequence numbers, newest first. At most [`super::PROBES`] of them.
    async fn figures_of(&self, sequences: &[u64]) -> Result<Vec<RunFigures>>;

    /// Who stands where in a window: (partner, position) past a partner, in order of partners, at most `limit`.
    async fn positions(
        &self,
        kind: Kind,
        start: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<(i64, u32)>>;

    /// The rows of a window that some partners have, in no order. At most [`super::PROBES`] partners.
    async fn rows_of(&self, kind: Kind, start: Instant, partners: &[i64]) -> Result<Vec<RewardRow>>;

    /// What waits for the remote database.
    async fn queue(&self) -> Result<Queue>;

    /// Transfers that wait, past one, in order of time and partner, at most `limit`.
    async fn waiting_transfers(
        &self,
        after: Option<(Instant, i64)>,
        limit: u32,
    ) -> Result<Vec<StoredTransfer>>;

    /// Transfers that were delivered, before one, newest hour first, at most `limit`.
    async fn delivered_transfers(
        &self,
        before: Option<(Instant, i64)>,
        limit: u32,
    ) -> Result<Vec<StoredTransfer>>;
}

/// What waits for the remote database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub waiting: u64,
    /// Of them, those that have been tried in vain.
    pub failing: u64,
    pub amount: Units,
    /// The oldest hour that waits.
    pub oldest: Option<Instant>,
}
