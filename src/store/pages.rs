//! What the dashboard reads besides [`Ledger`]: the newest first, and a window's rows by chosen partners. Every look
//! is a few rows by an index, whatever there is.

use async_trait::async_trait;

use super::{Ledger, RaisedAlarm, Result, RewardRow, Run, RunFigures, StoredTransfer};
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

    /// What alarms found, those before a place, the newest window first, at most `limit`.
    async fn alarms_before(
        &self,
        filter: &AlarmFilter,
        before: Option<AlarmPlace>,
        limit: u32,
    ) -> Result<Vec<RaisedAlarm>>;

    /// How many alarms each window from `since` on has raised, by the alarm.
    async fn alarm_counts(&self, since: Instant) -> Result<Vec<AlarmCount>>;
}

/// Which alarms are wanted: where nothing is named, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    pub alarm: Option<String>,
    pub partner_id: Option<i64>,
    /// By its kind and start.
    pub window: Option<(Kind, Instant)>,
}

/// Where an alarm stands among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmPlace {
    pub start: Instant,
    pub kind: Kind,
    pub number: u64,
}

/// How often an alarm was raised in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmCount {
    pub start: Instant,
    pub kind: Kind,
    pub alarm: String,
    pub alarms: u64,
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
