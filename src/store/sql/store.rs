//! The rewards' database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::bind::Row;
use super::cases;
use super::commit::{CommitRun, read_totals};
use super::driver::{Database, Tx};
use super::holds::{HoldWindow, held_window};
use super::ledger::{all_totals, last_listed, rules_version, totals_before};
use super::outbox::{RequeueTransfers, TransfersDelivered, TransfersFailed};
use super::statements as sql;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::audit::CHAIN_START;
use crate::rewards::money::Units;
use crate::rewards::plan::Transfer;
use crate::rewards::pool::{Books, Settlement};
use crate::rewards::window::{Instant, Kind, Window};
use crate::store::error::doing;
use crate::store::memory::State;
use crate::store::{
    Commit, Committed, HeldWindow, NewHeldWindow, OnRetry, Programme, QueuedTransfer, Result, RulesVersion,
    Shelf, Store, StoreError, Totals, WatchedPartner, end_of_time,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct SqlStore {
    database: Database,
    fence: Arc<Fence>,
    retries: Arc<dyn OnRetry>,
    /// Where days are that were moved out of the tables; none where nobody reads them.
    shelf: Option<Arc<dyn Shelf>>,
}

/// The fence that this process writes under; shared by all that writes for it.
#[derive(Debug)]
pub struct Fence(AtomicI64);

impl Fence {
    /// Writes are refused until the fence is set: no lease has this number.
    const CLOSED: i64 = -1;

    #[must_use]
    pub const fn closed() -> Self {
        Self(AtomicI64::new(Self::CLOSED))
    }

    pub fn open(&self, fence: i64) {
        self.0.store(fence, Ordering::SeqCst);
    }

    pub fn close(&self) {
        self.open(Self::CLOSED);
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.number_if_open().is_some()
    }

    /// The lease's number, where it is held.
    #[must_use]
    pub fn number_if_open(&self) -> Option<i64> {
        Some(self.number()).filter(|number| *number != Self::CLOSED)
    }

    fn number(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A write under the fence.
struct Fenced<'a, W> {
    fence: i64,
    retries: &'a dyn OnRetry,
    work: &'a W,
}

impl<W: Work> Work for Fenced<'_, W> {
    const NAME: &'static str = W::NAME;
    type Output = W::Output;

    async fn run(&self, tx: &mut Tx) -> Result<W::Output> {
        let held =
            tx.execute(sql::RENEW_LEASE, &[self.fence.into()]).await.map_err(doing("checking the lease"))?;
        if held != 1 {
            return Err(StoreError::Fenced);
        }
        self.work.run(tx).await
    }

    fn retried(&self, error: &StoreError) {
        self.retries.retried(error.cause());
    }
}

impl SqlStore {
    #[must_use]
    pub const fn new(database: Database, fence: Arc<Fence>, retries: Arc<dyn OnRetry>) -> Self {
        Self { database, fence, retries, shelf: None }
    }

    /// Finds days that were moved out of the tables, too.
    #[must_use]
    pub fn with_shelf(self, shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf: Some(shelf), ..self }
    }

    pub(super) const fn shelf(&self) -> Option<&Arc<dyn Shelf>> {
        self.shelf.as_ref()
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn retries(&self) -> &dyn OnRetry {
        self.retries.as_ref()
    }

    /// Every write of this store goes through here.
    pub(super) async fn write<W: Work>(&self, work: &W) -> Result<W::Output> {
        let (fence, retries) = (self.fence.number(), self.retries.as_ref());
        self.database.run_tx(&Fenced { fence, retries, work }).await
    }

    /// Everything that bears on further runs, for runs in memory that go on from here.
    ///
    /// # Errors
    /// [`crate::store::StoreError`].
    pub async fn state(&self) -> Result<State> {
        let Some(programme) = self.programme().await? else {
            return Ok(State { listed_before: self.last_listed(end_of_time()).await?, ..State::default() });
        };
        let mut state = State { runs: self.runs().await?, totals: self.totals().await?, ..State::default() };
        let begin =
            if state.runs > 0 { programme.calendar()?.midnight(programme.start) } else { end_of_time() };
        state.listed_before = self.last_listed(begin).await?;
        for kind in [Kind::Daily, Kind::Hourly] {
            let paid = self.paid_since(kind, Instant::UNIX_EPOCH).await?;
            state.paid.extend(paid.into_iter().map(|start| (kind, start)));
        }
        state.distributed = all_totals(self).await?;
        let rows = self.database.fetch(sql::SETTLEMENTS, &[]).await;
        for row in rows.map_err(doing("reading the settled hours"))? {
            let settlement = settlement(&row)?;
            state.settled.insert(settlement.hour_start, settlement);
        }
        let rows = self.database.fetch(sql::POOLS, &[]).await.map_err(doing("reading the pools"))?;
        for row in &rows {
            let row = OwnRow { table: "reward_pool_state", row };
            state.pools.insert(row.date(1, "day")?, row.units(0, "accumulated_daily_pool")?);
        }
        let held = self.held_windows().await?.into_iter();
        state.held_windows = held.map(|window| ((window.kind, window.start), window)).collect();
        state.watchlist = self.watchlist().await?;
        state.programme = Some(programme);
        Ok(state)
    }

    async fn settled(&self, day: NaiveDate) -> Result<BTreeMap<Instant, Settlement>> {
        let rows = self.database.fetch(sql::SETTLEMENTS_OF_DAY, &[day.to_string().into()]).await;
        let rows = rows.map_err(doing("reading the settled hours"))?;
        rows.iter().map(|row| settlement(row).map(|hour| (hour.hour_start, hour))).collect()
    }

    async fn pools(&self, days: [NaiveDate; 2]) -> Result<BTreeMap<NaiveDate, Units>> {
        let mut pools = BTreeMap::new();
        for day in days {
            let rows = self.database.fetch(sql::POOL, &[day.to_string().into()]).await;
            if let Some(row) = rows.map_err(doing("reading a pool"))?.first() {
                let row = OwnRow { table: "reward_pool_state", row };
                pools.insert(day, row.units(0, "accumulated_daily_pool")?);
            }
        }
        Ok(pools)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn programme(&self) -> Result<Option<Programme>> {
        let rows = self.database.fetch(sql::PROGRAMME, &[]).await.map_err(doing("reading the programme"))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = OwnRow { table: "reward_programme", row };
        Ok(Some(Programme { timezone: row.text(0)?, start: row.date(1, "start_day")? }))
    }

    async fn record_programme(&self, programme: &Programme) -> Result<()> {
        self.write(&RecordProgramme(programme)).await
    }

    async fn rules_in_force(&self) -> Result<Option<RulesVersion>> {
        let rows = self.database.fetch(sql::LAST_RULES_VERSION, &[]).await;
        let rows = rows.map_err(doing("reading the version of the rules"))?;
        rows.first().map(rules_version).transpose()
    }

    async fn runs(&self) -> Result<u64> {
        let rows = self.database.fetch(sql::RUNS, &[]).await.map_err(doing("counting the runs"))?;
        let row = rows.first().map(|row| OwnRow { table: "reward_programme", row });
        row.map_or(Ok(0), |row| row.count(0, "runs"))
    }

    async fn paid_since(&self, kind: Kind, since: Instant) -> Result<BTreeSet<Instant>> {
        let key = [kind.name().into(), sql_time(since).into()];
        let rows = self.database.fetch(sql::PAID_SINCE, &key).await.map_err(doing("reading the runs"))?;
        rows.iter().map(|row| OwnRow { table: "reward_runs", row }.instant(0, "time")).collect()
    }

    async fn paid_count(&self, kind: Kind, from: Instant, before: Instant) -> Result<u64> {
        let key = [kind.name().into(), sql_time(from).into(), sql_time(before).into()];
        let rows = self.database.fetch(sql::PAID_COUNT, &key).await.map_err(doing("counting the runs"))?;
        OwnRow { table: "reward_runs", row: &rows[0] }.count(0, "count")
    }

    async fn paid_before(&self, before: Instant) -> Result<u64> {
        let rows = self.database.fetch(sql::PAID_BEFORE, &[sql_time(before).into()]).await;
        let rows = rows.map_err(doing("counting the runs"))?;
        let row = rows.first().map(|row| OwnRow { table: "reward_programme", row });
        row.map_or(Ok(0), |row| row.count(0, "runs"))
    }

    async fn totals_before(&self, kind: Kind, before: Instant, runs: u64, limit: u32) -> Result<Vec<Units>> {
        totals_before(self, kind, before, runs, limit).await
    }

    async fn books(&self, window: &Window, carry_day: NaiveDate) -> Result<Books> {
        let settled = self.settled(window.day).await?;
        let pools = self.pools([window.day, carry_day]).await?;
        Ok(Books { settled, pools, carry_day })
    }

    async fn commit(&self, commit: Commit<'_>) -> Result<Committed> {
        let committed = self.write(&CommitRun { database: &self.database, commit }).await;
        // No transaction is tried again for it, but the plan is.
        if let Err(error @ StoreError::Stale) = &committed {
            self.retries.retried(error.cause());
        }
        committed
    }

    async fn held_windows(&self) -> Result<Vec<HeldWindow>> {
        let rows = self.database.fetch(sql::HELD_WINDOWS, &[]).await;
        rows.map_err(doing("reading the held windows"))?.iter().map(held_window).collect()
    }

    async fn watchlist(&self) -> Result<Vec<WatchedPartner>> {
        cases::watchlist(self).await
    }

    async fn held_window(&self, window: &Window) -> Result<Option<HeldWindow>> {
        let key = [window.kind.name().into(), sql_time(window.start).into()];
        let rows = self.database.fetch(sql::HELD_WINDOW, &key).await;
        rows.map_err(doing("looking for a held window"))?.first().map(held_window).transpose()
    }

    async fn hold_window(&self, new: NewHeldWindow<'_>) -> Result<bool> {
        self.write(&HoldWindow { database: &self.database, new }).await
    }

    async fn queued_transfers(
        &self,
        due_by: Instant,
        after: Option<&Transfer>,
        limit: u32,
    ) -> Result<Vec<QueuedTransfer>> {
        let (time, partner_id) = after.map_or((Instant::UNIX_EPOCH, 0), |last| (last.time, last.partner_id));
        let time = sql_time(time);
        let values = [
            sql_time(due_by).into(),
            time.as_str().into(),
            time.as_str().into(),
            partner_id.into(),
            i64::from(limit).into(),
        ];
        let rows = self.database.fetch(sql::QUEUED_TRANSFERS, &values).await;
        let rows = rows.map_err(doing("reading the queued transfers"))?;
        let queued = |row| {
            let row = OwnRow { table: "special_transfers", row };
            let transfer = Transfer {
                partner_id: row.int(0)?,
                time: row.instant(1, "time")?,
                amount: row.units(2, "cc_reward")?,
            };
            let attempts = u32::try_from(row.count(3, "attempts")?).unwrap_or(u32::MAX);
            Ok(QueuedTransfer { transfer, attempts })
        };
        rows.iter().map(queued).collect()
    }

    async fn transfers_delivered(&self, transfers: &[Transfer], now: Instant) -> Result<()> {
        self.write(&TransfersDelivered { transfers, now }).await
    }

    async fn transfers_failed(&self, transfers: &[Transfer], reason: &str, next: Instant) -> Result<()> {
        self.write(&TransfersFailed { transfers, reason, next }).await
    }

    async fn requeue_transfers(&self, transfers: &[Transfer], now: Instant) -> Result<u64> {
        self.write(&RequeueTransfers { transfers, now }).await
    }

    async fn queue_length(&self) -> Result<(u64, Units)> {
        let rows =
            self.database.fetch(sql::TRANSFERS_WAITING, &[]).await.map_err(doing("reading the queue"))?;
        let amount = |row| OwnRow { table: "special_transfers", row }.units(0, "cc_reward");
        let amounts = rows.iter().map(amount).collect::<Result<Vec<Units>>>()?;
        Ok((amounts.len() as u64, amounts.into_iter().sum()))
    }

    async fn last_listed(&self, before: Instant) -> Result<Option<(Kind, Instant)>> {
        last_listed(self, before).await
    }

    async fn totals(&self) -> Result<Totals> {
        self.database.run_tx(&ReadTotals(&self.database)).await
    }
}

pub(super) fn settlement(row: &Row) -> Result<Settlement> {
    let row = OwnRow { table: "reward_settlements", row };
    Ok(Settlement {
        day: row.date(6, "day")?,
        hour_start: row.instant(0, "time")?,
        cc_total: row.units(1, "cc_total")?,
        rate: row.units(2, "cc_rate")?,
        total: row.units(3, "total_reward_cc")?,
        hourly_share: row.units(4, "hourly_share")?,
        daily_share: row.units(5, "daily_share")?,
    })
}

struct RecordProgramme<'a>(&'a Programme);

impl Work for RecordProgramme<'_> {
    const NAME: &'static str = "record_programme";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let (timezone, start) = (self.0.timezone.as_str(), self.0.start.to_string());
        // Another process may have recorded and paid since the caller looked.
        let runs = tx.fetch(sql::RUNS, &[]).await.map_err(doing("counting the runs"))?;
        let recorded = tx.fetch(sql::PROGRAMME, &[]).await.map_err(doing("reading the programme"))?;
        if let (Some(runs), Some(row)) = (runs.first(), recorded.first()) {
            let row = OwnRow { table: "reward_programme", row };
            let has_paid = OwnRow { table: "reward_programme", row: runs }.count(0, "runs")? > 0;
            if has_paid && (row.text(0)? != timezone || row.date(1, "start_day")? < self.0.start) {
                return Err(StoreError::Stale);
            }
        }
        let values = [timezone.into(), start.as_str().into()];
        let updated =
            tx.execute(sql::UPDATE_PROGRAMME, &values).await.map_err(doing("recording the start"))?;
        if updated == 0 {
            let values = [timezone.into(), start.as_str().into(), CHAIN_START.into()];
            let inserted = tx.execute(sql::INSERT_PROGRAMME, &values).await;
            inserted.map_err(doing("recording the start"))?;
        }
        Ok(())
    }
}

pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Reads only, but all of one view.
struct ReadTotals<'a>(&'a Database);

impl Work for ReadTotals<'_> {
    const NAME: &'static str = "read_totals";
    type Output = Totals;

    async fn run(&self, tx: &mut Tx) -> Result<Totals> {
        read_totals(tx, self.0).await
    }
}
