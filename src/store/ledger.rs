//! What is stored, for those who look at it: verify, explain, status, export and the dashboard. Reads only.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{Archived, Decisions, HoldState, Holds, Result, RulesVersion, Store, Totals};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::plan::Transfer;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Instant, Kind};

/// The rewards' database as it is read by people. What has been committed never changes, so reads of single runs need
/// no common view; what does change is read at once, as [`Standing`].
#[async_trait]
pub trait Ledger: Store + Decisions + Holds {
    /// The books, the pools and the settled hours, all of one view.
    async fn standing(&self) -> Result<Standing>;

    /// How many rows the hash chain has and the hash of the last, as the books name them; none on an empty database.
    async fn chain_head(&self) -> Result<Option<(u64, String)>>;

    /// Runs after a sequence number, in order of it, at most `limit`.
    async fn runs_after(&self, sequence: u64, limit: u32) -> Result<Vec<Run>>;

    /// Rows of `reward_distribution_logs` after a sequence number, in order of it, at most `limit`.
    async fn log_rows_after(&self, sequence: u64, limit: u32) -> Result<Vec<LogRow>>;

    /// Rows of `reward_log` after a sequence number, in order of it, at most `limit`.
    async fn figures_after(&self, sequence: u64, limit: u32) -> Result<Vec<RunFigures>>;

    /// The runs of a kind whose windows start in `[from, before)`, newest first, at most `limit`.
    async fn runs_of(&self, kind: Kind, from: Instant, before: Instant, limit: u32) -> Result<Vec<Run>>;

    /// The run of one window.
    async fn run_of(&self, kind: Kind, start: Instant) -> Result<Option<Run>>;

    /// The row of `reward_distribution_logs` with a sequence number.
    async fn log_row(&self, sequence: u64) -> Result<Option<LogRow>>;

    /// The row of `reward_log` with a sequence number.
    async fn figures(&self, sequence: u64) -> Result<Option<RunFigures>>;

    /// The settled hours of a day, by their start, and whether each has been paid.
    async fn settlements(&self, day: NaiveDate) -> Result<BTreeMap<Instant, (Settlement, bool)>>;

    /// Reward rows of a window past a partner, in order of partners, at most `limit`.
    async fn reward_rows(
        &self,
        kind: Kind,
        start: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<RewardRow>>;

    /// The first window start at or after an instant that a reward table itself has rows of.
    async fn next_reward_time(&self, kind: Kind, from: Instant) -> Result<Option<Instant>>;

    /// A partner's row in each of some windows of a kind, where there is one, in order of the windows. At most
    /// [`PROBES`] windows at once.
    async fn partner_rows(&self, kind: Kind, partner_id: i64, starts: &[Instant]) -> Result<Vec<RewardRow>>;

    /// Queued and delivered transfers of the table itself, past one, in order of partner and time, at most `limit`.
    async fn transfers_after(&self, after: Option<(i64, Instant)>, limit: u32)
    -> Result<Vec<StoredTransfer>>;

    /// The transfer of a partner for an hour, queued or delivered.
    async fn transfer_of(&self, partner_id: i64, time: Instant) -> Result<Option<StoredTransfer>>;

    /// The days whose rows were moved to files, by table and day. Reads of single windows and partners find them there
    /// by themselves; those that go along a table ([`Ledger::next_reward_time`], [`Ledger::transfers_after`]) do not.
    async fn archives(&self) -> Result<Vec<Archived>>;

    /// [`Ledger::next_reward_time`] of the hours in archives.
    async fn next_archived_time(&self, from: Instant) -> Result<Option<Instant>>;

    /// All transfers of an archive, in order of time and partner.
    async fn archived_transfers(&self, archived: &Archived) -> Result<Vec<StoredTransfer>>;

    /// Every change of the rules, oldest first.
    async fn rules_versions(&self) -> Result<Vec<RulesVersion>>;
}

/// How many windows one look for a partner's rows may name.
pub const PROBES: usize = 1000;

/// What changes with every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub runs: u64,
    /// The hash of the last row of `reward_distribution_logs`.
    pub chain_head: String,
    pub totals: Totals,
    pub pools: BTreeMap<NaiveDate, Units>,
    /// By the hour's start; whether the hour itself has been paid.
    pub settlements: BTreeMap<Instant, (Settlement, bool)>,
    /// All that was ever set aside, by what has become of it.
    pub holds: Vec<HeldSum>,
}

/// What partners' amounts come to that have the same fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldSum {
    pub state: HoldState,
    pub kind: Kind,
    /// Of what was forfeited: the day whose pool took it, and how many runs there were by then.
    pub forfeited: Option<(NaiveDate, u64)>,
    pub count: u64,
    pub from_pool: Units,
    pub market_bonus: Units,
}

/// A row of `reward_runs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Counts from 1.
    pub sequence: u64,
    pub kind: Kind,
    /// The window's start.
    pub start: Instant,
    pub rules_version: String,
    pub committed_at: Instant,
}

/// A row of `reward_log` (rules, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFigures {
    pub sequence: u64,
    pub kind: Kind,
    pub day: NaiveDate,
    /// None for a day.
    pub hour: Option<u32>,
    pub start: Instant,
    pub total_reward_cc: Units,
    pub votes: u64,
    pub voters: u64,
    pub cc_total: Units,
    pub cc_rate: Units,
    pub hourly_share: Units,
    pub daily_share: Units,
    pub late_cc: Units,
    pub late_reward_cc: Units,
    pub pool_before: Units,
    pub pool_after: Units,
    pub distributed: Units,
    pub undistributed: Units,
    pub market_bonus: Units,
    pub ecc_cap: Option<Units>,
}

/// A row of a reward table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewardRow {
    pub partner_id: i64,
    /// Counts from 1.
    pub position: u32,
    /// The window's start.
    pub start: Instant,
    /// In the order of [`crate::rewards::plan::columns`].
    pub amounts: Vec<Units>,
}

/// A row of `special_transfers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransfer {
    pub transfer: Transfer,
    pub attempts: u32,
    /// None once it has been delivered.
    pub next_attempt_at: Option<Instant>,
    pub last_error: Option<String>,
    pub delivered_at: Option<Instant>,
}
