//! A store that lives as long as the process: the whole walk without a database, for `simulate`, and the state that
//! a dry run goes on from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{
    Commit, Committed, HeldWindow, Loaded, NewHeldWindow, Programme, QueuedTransfer, Request, Result,
    RulesVersion, Source, SourceError, Store, StoreError, Totals, WatchedPartner, WindowState,
};
use crate::frames::VoteColumns;
use crate::rewards::money::Units;
use crate::rewards::plan::Transfer;
use crate::rewards::pool::{Books, Settlement};
use crate::rewards::rates::Quotes;
use crate::rewards::window::{Instant, Kind, Window};

/// Everything a store knows that bears on further runs.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub programme: Option<Programme>,
    pub runs: u64,
    pub paid: BTreeSet<(Kind, Instant)>,
    /// What each paid window had to distribute.
    pub distributed: BTreeMap<(Kind, Instant), Units>,
    pub settled: BTreeMap<Instant, Settlement>,
    pub pools: BTreeMap<NaiveDate, Units>,
    pub transfers: BTreeSet<Transfer>,
    pub totals: Totals,
    /// Windows that are held or were approved, and not paid.
    pub held_windows: BTreeMap<(Kind, Instant), HeldWindow>,
    pub watchlist: Vec<WatchedPartner>,
    /// The newest window before the programme that has reward rows: another program's.
    pub listed_before: Option<(Kind, Instant)>,
}

impl State {
    /// The starts of the windows of a kind that were paid, from an instant on, in order.
    fn paid_from(&self, kind: Kind, from: Instant) -> impl Iterator<Item = Instant> {
        self.paid.range((kind, from)..=(kind, Instant::MAX_UTC)).map(|(_, start)| *start)
    }

    /// What is held, read off the tables.
    fn held(&self) -> Totals {
        let open = |hour: &&Settlement| !self.paid.contains(&(Kind::Hourly, hour.hour_start));
        Totals {
            pools_held: self.pools.values().copied().sum(),
            hours_held: self.settled.values().filter(open).map(|hour| hour.hourly_share).sum(),
            ..self.totals
        }
    }

    fn apply(&mut self, commit: Commit<'_>) -> Result<Committed> {
        let plan = commit.plan;
        if self.paid.contains(&(plan.window.kind, plan.window.start)) {
            return Ok(Committed::AlreadyPaid);
        }
        let key = (plan.window.kind, plan.window.start);
        if self.held_windows.get(&key).is_some_and(|known| known.state == WindowState::Held) {
            return Err(StoreError::Stale);
        }
        if self.runs != commit.runs_before {
            return Err(StoreError::Stale);
        }
        if plan.pool_changes.iter().any(|change| self.pools.get(&change.day).copied() != change.before) {
            return Err(StoreError::Stale);
        }
        let totals = self.totals.paid_with(plan);
        self.totals = totals.map_err(|error| StoreError::Broken { what: format!("a total {error}") })?;
        self.held_windows.remove(&key);
        self.runs += 1;
        self.paid.insert((plan.window.kind, plan.window.start));
        self.distributed.insert((plan.window.kind, plan.window.start), plan.total);
        for settlement in &plan.settlements {
            self.settled.insert(settlement.hour_start, settlement.clone());
        }
        self.pools.extend(plan.pool_changes.iter().map(|change| (change.day, change.after)));
        self.transfers.extend(&plan.transfers);
        self.totals.set_aside = self.totals.set_aside + plan.set_aside_sums().0;
        // What is held is read off everything; where it does not add up there is no database to roll back, and no use
        // in going on.
        self.held().check().map_err(|what| StoreError::Broken { what })?;
        Ok(Committed::Done)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

impl MemoryStore {
    #[must_use]
    pub const fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    /// A copy of all it holds.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no run panics while it holds the state")
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn programme(&self) -> Result<Option<Programme>> {
        Ok(self.lock().programme.clone())
    }

    async fn record_programme(&self, programme: &Programme) -> Result<()> {
        self.lock().programme = Some(programme.clone());
        Ok(())
    }

    async fn rules_in_force(&self) -> Result<Option<RulesVersion>> {
        // Nothing here is paid by other rules than the configuration's.
        Ok(None)
    }

    async fn runs(&self) -> Result<u64> {
        Ok(self.lock().runs)
    }

    async fn paid_since(&self, kind: Kind, since: Instant) -> Result<BTreeSet<Instant>> {
        Ok(self.lock().paid_from(kind, since).collect())
    }

    async fn paid_count(&self, kind: Kind, from: Instant, before: Instant) -> Result<u64> {
        Ok(self.lock().paid_from(kind, from).take_while(|start| *start < before).count() as u64)
    }

    async fn paid_before(&self, before: Instant) -> Result<u64> {
        let state = self.lock();
        let later = [Kind::Daily, Kind::Hourly].map(|kind| state.paid_from(kind, before).count());
        Ok((state.paid.len() - later.iter().sum::<usize>()) as u64)
    }

    /// Nobody looks back here: all runs are the first ones.
    async fn totals_before(&self, kind: Kind, before: Instant, _runs: u64, limit: u32) -> Result<Vec<Units>> {
        let state = self.lock();
        let earlier = state.distributed.range((kind, Instant::MIN_UTC)..(kind, before)).rev();
        Ok(earlier.map(|(_, total)| *total).take(limit as usize).collect())
    }

    async fn books(&self, window: &Window, carry_day: NaiveDate) -> Result<Books> {
        let state = self.lock();
        let of_day = state.settled.iter().filter(|(_, hour)| hour.day == window.day);
        let settled = of_day.map(|(start, hour)| (*start, hour.clone())).collect();
        let pools = [window.day, carry_day].into_iter();
        let pools = pools.filter_map(|day| state.pools.get(&day).map(|pool| (day, *pool))).collect();
        Ok(Books { settled, pools, carry_day })
    }

    async fn commit(&self, commit: Commit<'_>) -> Result<Committed> {
        self.lock().apply(commit)
    }

    async fn held_windows(&self) -> Result<Vec<HeldWindow>> {
        let mut held: Vec<HeldWindow> = self.lock().held_windows.values().cloned().collect();
        held.sort_by_key(|window| (window.start, window.kind));
        Ok(held)
    }

    async fn watchlist(&self) -> Result<Vec<WatchedPartner>> {
        Ok(self.lock().watchlist.clone())
    }

    async fn held_window(&self, window: &Window) -> Result<Option<HeldWindow>> {
        Ok(self.lock().held_windows.get(&(window.kind, window.start)).cloned())
    }

    async fn hold_window(&self, new: NewHeldWindow<'_>) -> Result<bool> {
        let mut state = self.lock();
        let key = (new.window.kind, new.window.start);
        if state.paid.contains(&key) {
            return Ok(false);
        }
        state.held_windows.entry(key).or_insert_with(|| new.held());
        Ok(true)
    }

    async fn queued_transfers(
        &self,
        _due_by: Instant,
        after: Option<&Transfer>,
        limit: u32,
    ) -> Result<Vec<QueuedTransfer>> {
        let state = self.lock();
        let past = state.transfers.iter().filter(|transfer| after.is_none_or(|after| *transfer > after));
        let queued = |transfer: &Transfer| QueuedTransfer { transfer: *transfer, attempts: 0 };
        Ok(past.take(limit as usize).map(queued).collect())
    }

    async fn transfers_delivered(&self, transfers: &[Transfer], _now: Instant) -> Result<()> {
        self.lock().transfers.retain(|queued| !transfers.contains(queued));
        Ok(())
    }

    async fn transfers_failed(&self, _transfers: &[Transfer], _reason: &str, _next: Instant) -> Result<()> {
        Ok(())
    }

    async fn requeue_transfers(&self, _transfers: &[Transfer], _now: Instant) -> Result<u64> {
        // What was delivered is not kept here.
        Ok(0)
    }

    async fn queue_length(&self) -> Result<(u64, Units)> {
        let state = self.lock();
        Ok((state.transfers.len() as u64, state.transfers.iter().map(|transfer| transfer.amount).sum()))
    }

    async fn last_listed(&self, before: Instant) -> Result<Option<(Kind, Instant)>> {
        Ok(self.lock().listed_before.filter(|(_, start)| *start < before))
    }

    async fn totals(&self) -> Result<Totals> {
        Ok(self.lock().held())
    }
}

/// Votes and quotes that were read from files.
#[derive(Debug, Default)]
pub struct MemorySource {
    votes: VoteColumns,
    /// Rows of `votes` by `voted_at`.
    order: Vec<u32>,
    quotes: Quotes,
}

impl MemorySource {
    /// # Panics
    /// On more than 2³² votes.
    #[must_use]
    pub fn new(votes: VoteColumns, quotes: Quotes) -> Self {
        let rows = u32::try_from(votes.len()).expect("a file holds less than 2³² votes");
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_by_key(|row| votes.get(*row as usize).voted_at);
        Self { votes, order, quotes }
    }

    /// The instant of the first vote, in microseconds.
    #[must_use]
    pub fn first_vote_at(&self) -> Option<i64> {
        self.order.first().map(|row| self.votes.get(*row as usize).voted_at)
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn load(&self, request: &Request) -> Result<Loaded, SourceError> {
        let window = &request.window;
        let before = |instant: Instant| {
            let micros = instant.timestamp_micros();
            self.order.partition_point(|row| self.votes.get(*row as usize).voted_at < micros)
        };
        let mut votes = request.gathered();
        for row in &self.order[before(window.start)..before(window.end)] {
            votes.push(self.votes.get(*row as usize));
        }
        Ok(Loaded { votes, quotes: self.quotes.between(request.quotes_from, window.end) })
    }
}
