//! Where things are kept, behind three traits: [`Store`] (rewards, pools, logs, outbox), [`Source`] (votes and CC
//! rates, only ever read) and [`Remote`] (the special partners' database).
//!
//! [`memory`] keeps nothing beyond the process and serves `simulate` and dry runs; [`sql`] is SQLite, MySQL and
//! MariaDB. One conformance suite holds for every one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::frames::{Gathered, Watch};
use crate::rewards::money::Units;
use crate::rewards::plan::{Plan, Transfer};
use crate::rewards::pool::Books;
use crate::rewards::rates::Quotes;
use crate::rewards::window::{Calendar, Instant, Kind, Window};

mod archive;
mod cases;
mod changes;
mod decisions;
mod error;
mod holds;
mod ledger;
pub mod memory;
mod notices;
mod pages;
mod pending;
mod shelf;
pub mod sql;
pub mod totals;

pub use archive::{Archive, Between, RulesUse, end_of_time};
pub use cases::{
    Case, CaseDecided, CaseGroup, CaseState, CaseVerdict, Cases, FINDINGS, Finding, Opened, WatchedPartner,
};
pub use changes::{
    BeforeAfter, Change, ChangeState, Changes, DecidedChanges, DecidingChanges, Look, NewChange, OpenChange,
    Waits, WatchState, Watched,
};
pub use decisions::{Decision, Decisions, Subject};
pub use error::{BadValue, Cause, Result, SourceError, StoreError};
pub use holds::{
    Decided, DecidedHolds, Deciding, HeldWindow, Hold, HoldKey, HoldState, Holds, NewHeldWindow, RaisedAlarm,
    Undecidable, Verdict, WindowState,
};
pub use ledger::{HeldSum, Ledger, PROBES, RewardRow, Run, RunFigures, Standing, StoredTransfer};
pub use notices::{Incident, NotTaken, Notes, Notices, Outgoing, Told, Waiting};
pub use pages::{AlarmCount, AlarmFilter, AlarmPlace, Pages, Queue};
pub use pending::{Confirmations, PendingRules, PendingState, RulesDecision, SeenRules};
pub use shelf::{
    ArchiveError, Archived, Contents, Held, Movable, MovedRow, Mover, NewArchive, Shelf, Tally, Tallying,
};
pub use totals::Totals;

/// What is fixed with the first run (rules, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programme {
    /// IANA name of the zone that the days are of.
    pub timezone: String,
    /// The first day that is ever settled or paid.
    pub start: NaiveDate,
}

impl Programme {
    /// Its days and hours.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] where what is recorded is no time zone.
    pub fn calendar(&self) -> Result<Calendar> {
        let unreadable = |_| StoreError::Unreadable {
            table: "reward_programme",
            column: "timezone",
            value: self.timezone.clone(),
            why: "is no time zone".to_owned(),
        };
        Ok(Calendar::new(self.timezone.parse().map_err(unreadable)?))
    }
}

/// The rules from some instant on, until the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesVersion {
    /// Counts the changes, from 1.
    pub number: u64,
    /// SHA-256 of `rules`: what runs name.
    pub version: String,
    /// The first look that was made by them.
    pub since: Instant,
    /// `[rules]`, `[special]` and `[[alarms]]` in their canonical text.
    pub rules: String,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Done,
    /// The window had been paid before; nothing was changed.
    AlreadyPaid,
}

/// A plan on its way into the store, with what the run's record names besides it.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'plan> {
    pub plan: &'plan Plan,
    /// [`Store::runs`] before anything was read that the plan is made of: it is refused where another run has come
    /// between.
    pub runs_before: u64,
    pub rules_version: &'plan str,
    /// When the run was made; kept with the run's record and nowhere else.
    pub now: Instant,
}

/// The rewards' database.
#[async_trait]
pub trait Store: Send + Sync {
    /// What the first run recorded; none on an empty database.
    async fn programme(&self) -> Result<Option<Programme>>;

    /// Records the programme, or moves its start; the caller has checked that it may.
    async fn record_programme(&self, programme: &Programme) -> Result<()>;

    /// The last rules that were recorded.
    async fn rules_in_force(&self) -> Result<Option<RulesVersion>>;

    /// How many runs have been committed.
    async fn runs(&self) -> Result<u64>;

    /// The starts of the windows of a kind that were paid, from `since` on.
    async fn paid_since(&self, kind: Kind, since: Instant) -> Result<BTreeSet<Instant>>;

    /// How many windows of a kind that start in `[from, before)` were paid.
    async fn paid_count(&self, kind: Kind, from: Instant, before: Instant) -> Result<u64>;

    /// How many windows of both kinds that start before an instant were paid. It takes no longer for their number.
    async fn paid_before(&self, before: Instant) -> Result<u64>;

    /// What the windows of a kind that start before an instant had to distribute ([`Plan::total`]), the last of them
    /// first, at most `limit`; of the first `runs` runs only.
    async fn totals_before(&self, kind: Kind, before: Instant, runs: u64, limit: u32) -> Result<Vec<Units>>;

    /// What a plan for the window is to be made from. `carry_day` is where its undistributed money goes.
    async fn books(&self, window: &Window, carry_day: NaiveDate) -> Result<Books>;

    /// Writes everything of a run in one transaction, or nothing (rules, section 7).
    async fn commit(&self, commit: Commit<'_>) -> Result<Committed>;

    /// The windows that are held, and those that are approved and not paid yet, by their start.
    async fn held_windows(&self) -> Result<Vec<HeldWindow>>;

    /// The partners whose windows are set aside until their cases are closed, by partner.
    async fn watchlist(&self) -> Result<Vec<WatchedPartner>>;

    /// A window that is or was held; none where it never was.
    async fn held_window(&self, window: &Window) -> Result<Option<HeldWindow>>;

    /// Holds a window, in one transaction: nothing of it is paid until somebody decides. False where it has been paid
    /// meanwhile, and nothing was changed.
    async fn hold_window(&self, new: NewHeldWindow<'_>) -> Result<bool>;

    /// Queued transfers whose next attempt is not after `due_by`, in order of time and partner, those past `after`,
    /// at most `limit`.
    async fn queued_transfers(
        &self,
        due_by: Instant,
        after: Option<&Transfer>,
        limit: u32,
    ) -> Result<Vec<QueuedTransfer>>;

    /// Notes that transfers have arrived.
    async fn transfers_delivered(&self, transfers: &[Transfer], now: Instant) -> Result<()>;

    /// Notes that transfers have not arrived, why, and when to try again.
    async fn transfers_failed(&self, transfers: &[Transfer], reason: &str, next: Instant) -> Result<()>;

    /// Queues delivered transfers again, those that wait already left as they are; gives how many.
    async fn requeue_transfers(&self, transfers: &[Transfer], now: Instant) -> Result<u64>;

    /// How many transfers wait, and the sum of their amounts.
    async fn queue_length(&self) -> Result<(u64, Units)>;

    /// The newest window that starts before an instant and has reward rows, whoever wrote them.
    async fn last_listed(&self, before: Instant) -> Result<Option<(Kind, Instant)>>;

    /// What all runs together have brought in and paid.
    async fn totals(&self) -> Result<Totals>;
}

/// All that the rewards' database can do.
pub trait RewardsDatabase:
    Archive + Pages + Leases + Notices + Mover + Confirmations + Changes + Cases
{
}

impl<T: Archive + Pages + Leases + Notices + Mover + Confirmations + Changes + Cases> RewardsDatabase for T {}

/// Whoever wants to know when a transaction or a plan has to be made again.
pub trait OnRetry: std::fmt::Debug + Send + Sync {
    fn retried(&self, cause: Cause);
}

/// Nobody.
impl OnRetry for () {
    fn retried(&self, _cause: Cause) {}
}

/// A transfer that waits, and how often it has been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedTransfer {
    pub transfer: Transfer,
    pub attempts: u32,
}

/// The row that says who may pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it, for people; empty where it was given back.
    pub holder: String,
    /// Grows with each new holder.
    pub fence: i64,
    /// Grows with each renewal and each write, so that a standby sees whether the holder lives.
    pub renewals: i64,
}

/// The lease on the rewards' database. It needs no clock that two machines agree on: a standby takes it over when it
/// has not changed for the lease time by the standby's own clock, and a holder that comes back late is kept out by
/// its fence, which every write transaction checks.
#[async_trait]
pub trait Leases: Send + Sync {
    async fn lease(&self) -> Result<Lease>;

    /// Takes the lease over as it was seen; gives the new fence, or none where it has changed since.
    async fn take_lease(&self, seen: &Lease, holder: &str) -> Result<Option<i64>>;

    /// Shows that the holder lives; false where another has taken over.
    async fn renew_lease(&self, fence: i64) -> Result<bool>;

    /// Gives the lease back, so that the next one need not wait.
    async fn release_lease(&self, fence: i64) -> Result<()>;
}

/// What is asked of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub window: Window,
    /// Quotes are wanted from the newest at or before this instant up to the window's end.
    pub quotes_from: Instant,
    /// Whether to keep how often each partner cast each type of vote, which only the debug log shows.
    pub count_types: bool,
    /// What alarms need to know of single votes.
    pub watch: Option<Arc<Watch>>,
}

impl Request {
    /// Where the votes are added up.
    #[must_use]
    pub fn gathered(&self) -> Gathered {
        Gathered::new(self.window, self.count_types).watching(self.watch.clone())
    }
}

/// What a source hands over for one window, all of one view of the source.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub votes: Gathered,
    pub quotes: Quotes,
}

/// Votes and CC rates.
#[async_trait]
pub trait Source: Send + Sync {
    /// The votes of a window and the quotes that bear on it.
    async fn load(&self, request: &Request) -> Result<Loaded, SourceError>;
}

/// Votes of one partner, for those who look at its history.
#[async_trait]
pub trait Ballots: Send + Sync {
    /// How many votes a partner cast in each of some windows.
    async fn votes_of(&self, partner_id: i64, windows: &[Window]) -> Result<Vec<u64>, SourceError>;
}

/// The special partners' database.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Writes transfers; one that is there already with the same amount is as good as written. Gives back those
    /// that the remote holds with another amount, with that amount: they were not overwritten.
    async fn deliver(&self, transfers: &[Transfer]) -> Result<Vec<(Transfer, String)>>;

    /// What the remote holds for each of some transfers, as text; none where it has no such row.
    async fn held(&self, transfers: &[Transfer]) -> Result<Vec<Option<String>>>;
}
