//! What one run writes (rules, section 7), statement by statement, inside one transaction.

use std::sync::Arc;

use super::bind::{Bound, Row, Sql, Value};
use super::driver::{Database, Tx};
use super::holds;
use super::statements as sql;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::audit::{Link as _, LogRow};
use crate::rewards::money::Units;
use crate::rewards::plan::{DailyFigures, Plan, reward_table};
use crate::rewards::window::Kind;
use crate::store::error::doing;
use crate::store::{Commit, Committed, Result, StoreError, Totals, WindowState};

/// Reward rows in one statement: small prepared statements measure best, and stay far below every limit of
/// placeholders and packets.
const ROWS_PER_STATEMENT: usize = 500;

pub(super) struct CommitRun<'a> {
    pub database: &'a Database,
    pub commit: Commit<'a>,
}

impl Work for CommitRun<'_> {
    const NAME: &'static str = "commit_run";
    type Output = Committed;

    async fn run(&self, tx: &mut Tx) -> Result<Committed> {
        if let Some(committed) = self.already_paid(tx).await? {
            return Ok(committed);
        }
        self.refuse_held(tx).await?;
        self.advance_books(tx).await?;
        self.settle(tx).await?;
        self.change_pools(tx).await?;
        self.insert_rewards(tx).await?;
        self.set_aside(tx).await?;
        self.insert_log(tx).await?;
        self.queue_transfers(tx).await?;
        self.check(tx).await?;
        Ok(Committed::Done)
    }
}

impl CommitRun<'_> {
    fn plan(&self) -> &Plan {
        self.commit.plan
    }

    fn kind(&self) -> Kind {
        self.plan().window.kind
    }

    fn time(&self) -> String {
        sql_time(self.plan().window.start)
    }

    fn sequence(&self) -> i64 {
        i64::try_from(self.commit.runs_before + 1).expect("runs are counted in 63 bits")
    }

    /// Looks the run's key up. A run that is there with our own sequence and instant is this one, whose commit was
    /// answered by a lost connection.
    async fn already_paid(&self, tx: &mut Tx) -> Result<Option<Committed>> {
        let key = [self.kind().name().into(), self.time().into()];
        let rows = tx.fetch(sql::RUN, &key).await.map_err(doing("looking the run up"))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = OwnRow { table: "reward_runs", row };
        let ours = row.int(0)? == self.sequence() && row.text(1)? == sql_time(self.commit.now);
        Ok(Some(if ours { Committed::Done } else { Committed::AlreadyPaid }))
    }

    /// A window that is held is not paid. One that was is noted as paid now.
    async fn refuse_held(&self, tx: &mut Tx) -> Result<()> {
        match holds::read_held_window(tx, &self.plan().window).await?.map(|known| known.state) {
            None => Ok(()),
            Some(WindowState::Approved) => {
                let key = [self.kind().name().into(), self.time().into()];
                let paid = tx.execute(sql::HELD_WINDOW_PAID, &key).await;
                assert_rows(paid.map_err(doing("noting a held window as paid"))?, "the held window")
            }
            Some(WindowState::Held | WindowState::Paid) => Err(StoreError::Stale),
        }
    }

    /// Takes the lock that orders all runs, links the audit row to the one before, and records the run.
    async fn advance_books(&self, tx: &mut Tx) -> Result<()> {
        let (runs, chain_head, totals) = read_books(tx).await?;
        if runs != self.commit.runs_before {
            return Err(StoreError::Stale);
        }
        let log = LogRow::new(self.plan(), self.commit.rules_version, runs + 1, &chain_head);
        let totals = totals.paid_with(self.plan()).map_err(|error| broken(format!("a total {error}")))?;
        let values = [
            self.sequence().into(),
            log.hash().into(),
            totals.contributed.into(),
            totals.hourly_paid.into(),
            totals.daily_paid.into(),
            totals.market_bonus.into(),
            (self.sequence() - 1).into(),
        ];
        let advanced = tx.execute(sql::ADVANCE_BOOKS, &values).await.map_err(doing("locking the books"))?;
        if advanced != 1 {
            return Err(StoreError::Stale);
        }
        let values = [
            self.kind().name().into(),
            self.time().into(),
            self.sequence().into(),
            self.commit.rules_version.into(),
            sql_time(self.commit.now).into(),
        ];
        tx.execute(sql::INSERT_RUN, &values).await.map_err(doing("recording the run"))?;
        let values = [
            self.sequence().into(),
            self.kind().name().into(),
            self.time().into(),
            log.total_amount.into(),
            log.user_counts.into(),
            log.ecc_cap.into(),
            log.record.into(),
            log.previous_hash.into(),
        ];
        let written = tx.execute(sql::INSERT_DISTRIBUTION_LOG, &values).await;
        written.map(drop).map_err(doing("writing the distribution log"))
    }

    async fn settle(&self, tx: &mut Tx) -> Result<()> {
        for settlement in &self.plan().settlements {
            let values = [
                sql_time(settlement.hour_start).into(),
                settlement.day.to_string().into(),
                settlement.cc_total.into(),
                settlement.rate.into(),
                settlement.total.into(),
                settlement.hourly_share.into(),
                settlement.daily_share.into(),
            ];
            tx.execute(sql::INSERT_SETTLEMENT, &values).await.map_err(doing("settling an hour"))?;
        }
        if self.kind() == Kind::Hourly {
            let paid = tx.execute(sql::SETTLEMENT_PAID, &[self.time().into()]).await;
            let paid = paid.map_err(doing("marking the hour as paid"))?;
            assert_rows(paid, "the settlement of the hour")?;
        }
        Ok(())
    }

    async fn change_pools(&self, tx: &mut Tx) -> Result<()> {
        for change in &self.plan().pool_changes {
            let day = change.day.to_string();
            if read_pool(tx, &day).await? != change.before {
                return Err(StoreError::Stale);
            }
            let statement = if change.before.is_some() { sql::UPDATE_POOL } else { sql::INSERT_POOL };
            let values = [change.after.into(), day.into()];
            let changed = tx.execute(statement, &values).await.map_err(doing("changing a pool"))?;
            assert_rows(changed, "the pool of the day")?;
        }
        Ok(())
    }

    /// Reward rows, in the order of the table's key.
    async fn insert_rewards(&self, tx: &mut Tx) -> Result<()> {
        let ranking = &self.plan().turnout.ranking;
        let mut order: Vec<usize> = (0..ranking.len()).collect();
        order.sort_unstable_by_key(|row| ranking[*row].partner_id);
        let statement = |rows| Sql::from(Arc::<str>::from(sql::insert_rewards(self.kind(), rows)));
        // All but the last take the same statement, which is prepared once.
        let full = statement(ROWS_PER_STATEMENT);
        let mut chunks = order.chunks(ROWS_PER_STATEMENT);
        let mut bind_next =
            || chunks.next().map(|rows| Ok((rows.len(), self.bind_rewards(rows)?))).transpose();
        let mut next = bind_next().map_err(doing("binding reward rows"))?;
        while let Some((rows, values)) = next {
            let statement = if rows == ROWS_PER_STATEMENT { full.clone() } else { statement(rows) };
            // While the server writes these rows, the next are put into its form.
            let (written, bound) = tokio::join!(tx.execute_bound(statement, values), async { bind_next() });
            written.map_err(doing("writing reward rows"))?;
            next = bound.map_err(doing("binding reward rows"))?;
        }
        Ok(())
    }

    /// The values of some rows, by their place in the ranking.
    fn bind_rewards(&self, rows: &[usize]) -> sqlx::Result<Bound> {
        let (ranking, columns) = (&self.plan().turnout.ranking, 0..self.plan().amounts.len());
        let time = self.plan().window.start;
        let mut values = Vec::with_capacity(rows.len() * (columns.len() + 3));
        for row in rows {
            values.push(Value::Int(ranking[*row].partner_id));
            values.push(Value::Int(*row as i64 + 1));
            values.push(Value::Instant(time));
            values.extend(columns.clone().map(|column| Value::Amount(self.plan().written(column, *row))));
        }
        Bound::new(self.database, &values)
    }

    /// What alarms found, and what they keep back.
    async fn set_aside(&self, tx: &mut Tx) -> Result<()> {
        let (plan, now) = (self.plan(), self.commit.now);
        holds::insert_alarms(tx, self.database, &plan.window, &plan.raised, now).await?;
        holds::insert_holds(tx, self.database, plan, now).await
    }

    async fn insert_log(&self, tx: &mut Tx) -> Result<()> {
        let plan = self.plan();
        let daily = plan.daily.as_ref();
        let late = |amount: fn(&DailyFigures) -> Units| daily.map_or(Units::ZERO, amount).to_string();
        let hourly_share = if self.kind() == Kind::Hourly { plan.to_share } else { Units::ZERO };
        let values = [
            self.sequence().into(),
            self.kind().name().into(),
            plan.window.day.to_string().into(),
            plan.window.hour.map(i64::from).into(),
            self.time().into(),
            plan.total.into(),
            (plan.turnout.votes as i64).into(),
            (plan.turnout.voters() as i64).into(),
            plan.cc_total.into(),
            plan.rate.into(),
            hourly_share.to_string().into(),
            plan.daily_share.into(),
            late(|daily| daily.late_cc).into(),
            late(|daily| daily.late_total).into(),
            plan.pool.0.into(),
            plan.pool.1.into(),
            plan.distributed().to_string().into(),
            plan.undistributed().to_string().into(),
            plan.market_bonus().to_string().into(),
            daily.and_then(|daily| daily.ecc_cap).map(|cap| cap.to_string()).into(),
        ];
        tx.execute(sql::INSERT_LOG, &values).await.map(drop).map_err(doing("writing the reward log"))
    }

    async fn queue_transfers(&self, tx: &mut Tx) -> Result<()> {
        for transfer in &self.plan().transfers {
            let values = [
                transfer.partner_id.into(),
                self.time().into(),
                transfer.amount.into(),
                sql_time(self.commit.now).into(),
            ];
            tx.execute(sql::INSERT_TRANSFER, &values).await.map_err(doing("queueing a transfer"))?;
        }
        Ok(())
    }

    /// Reads back what was written: the rows of this run, and conservation over all runs.
    async fn check(&self, tx: &mut Tx) -> Result<()> {
        let statement = sql::rewards_written(self.database, self.kind());
        let rows =
            tx.fetch(statement, &[self.time().into()]).await.map_err(doing("reading back the rewards"))?;
        let (count, written) = counted_sum(reward_table(self.kind()), &rows[0])?;
        let (from_pool, bonus) = self.plan().set_aside_sums();
        let set_aside = (from_pool + bonus).count();
        let planned = (self.plan().distributed() + self.plan().market_bonus()).count() - set_aside;
        if count != self.plan().turnout.voters() as u64 || written != planned {
            return Err(broken(format!(
                "{count} rows worth {written} units were written where {} rows worth {planned} units were planned",
                self.plan().turnout.voters(),
            )));
        }
        if !self.plan().held.is_empty() {
            let (count, written) = holds::holds_written(tx, self.database, self.plan()).await?;
            if count != self.plan().held.len() as u64 || written != set_aside {
                return Err(broken(format!(
                    "{count} rows worth {written} units were set aside where {} rows worth {set_aside} units were \
                     planned",
                    self.plan().held.len(),
                )));
            }
        }
        read_totals(tx, self.database).await?.check().map_err(broken)
    }
}

/// The number of rows and the units they come to, as a row of [`sql::rewards_written`] tells them.
pub(super) fn counted_sum(table: &'static str, row: &Row) -> Result<(u64, i128)> {
    let row = OwnRow { table, row };
    let fraction: i128 = row.text(2)?.parse().map_err(|_| broken("a sum is no number".to_owned()))?;
    Ok((row.count(0, "count")?, row.units(1, "sum")?.count() + fraction))
}

pub(super) fn broken(what: String) -> StoreError {
    StoreError::Broken { what }
}

pub(super) fn assert_rows(matched: u64, what: &str) -> Result<()> {
    if matched == 1 { Ok(()) } else { Err(broken(format!("{what} matched {matched} rows instead of one"))) }
}

/// The running sums and what is held, as the tables have it.
pub(super) async fn read_totals(tx: &mut Tx, database: &Database) -> Result<Totals> {
    let (_, _, totals) = read_books(tx).await?;
    read_held(tx, database, totals).await
}

/// Adds what the tables hold to the running sums.
pub(super) async fn read_held(tx: &mut Tx, database: &Database, totals: Totals) -> Result<Totals> {
    let pools = tx.fetch(sql::POOLS_HELD, &[]).await.map_err(doing("adding up the pools"))?;
    let hours = tx.fetch(sql::UNPAID_HOURLY_SHARES, &[]).await.map_err(doing("adding up hours"))?;
    let (_, set_aside) = holds::read_set_aside(tx, database).await?;
    held(Totals { set_aside, ..totals }, &pools, &hours)
}

/// The running sums, without what is held.
pub(super) async fn read_books(tx: &mut Tx) -> Result<(u64, String, Totals)> {
    books_of(&tx.fetch(sql::BOOKS, &[]).await.map_err(doing("reading the books"))?)
}

/// The running sums in the rows of [`sql::BOOKS`].
pub(super) fn books_of(rows: &[Row]) -> Result<(u64, String, Totals)> {
    let row = rows.first().ok_or_else(|| broken("no programme is recorded".to_owned()))?;
    let row = OwnRow { table: "reward_programme", row };
    let totals = Totals {
        contributed: row.units(2, "contributed")?,
        hourly_paid: row.units(3, "hourly_paid")?,
        daily_paid: row.units(4, "daily_paid")?,
        market_bonus: row.units(5, "market_bonus")?,
        ..Totals::default()
    };
    Ok((row.count(0, "runs")?, row.text(1)?, totals))
}

/// Adds up what pools and hours hold.
pub(super) fn held(totals: Totals, pools: &[Row], hours: &[Row]) -> Result<Totals> {
    let sum = |rows: &[Row], table, column| {
        let amounts = rows.iter().map(|row| OwnRow { table, row }.units(0, column));
        let amounts: Vec<Units> = amounts.collect::<Result<_>>()?;
        Units::checked_sum(amounts).map_err(|error| broken(format!("the sum of {table}.{column} {error}")))
    };
    Ok(Totals {
        pools_held: sum(pools, "reward_pool_state", "accumulated_daily_pool")?,
        hours_held: sum(hours, "reward_settlements", "hourly_share")?,
        ..totals
    })
}

pub(super) async fn read_pool(tx: &mut Tx, day: &str) -> Result<Option<Units>> {
    let rows = tx.fetch(sql::POOL, &[day.into()]).await.map_err(doing("reading a pool"))?;
    rows.first()
        .map(|row| OwnRow { table: "reward_pool_state", row }.units(0, "accumulated_daily_pool"))
        .transpose()
}
