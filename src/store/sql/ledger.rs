//! Reading what is stored, row by row; see [`Ledger`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;

use super::bind::{Row, Value};
use super::commit::{read_books, read_held};
use super::driver::{Database, Tx};
use super::shelf::archived;
use super::statements as sql;
use super::store::{SqlStore, settlement};
use super::survey::end_view;
use super::text::{OwnRow, sql_time};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::plan::{Transfer, columns, reward_table};
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Instant, Kind, show};
use crate::store::error::doing;
use crate::store::{
    Archived, Ledger, Movable, PROBES, Result, RewardRow, RulesVersion, Run, RunFigures, Standing,
    StoreError, StoredTransfer,
};

#[async_trait]
impl Ledger for SqlStore {
    async fn standing(&self) -> Result<Standing> {
        let mut tx = self.database().begin_read().await.map_err(doing("beginning to look"))?;
        let standing = read_standing(&mut tx, self.database()).await;
        end_view(tx).await;
        standing
    }

    async fn chain_head(&self) -> Result<Option<(u64, String)>> {
        let rows = self.page(sql::CHAIN_HEAD, &[], "reading the end of the chain").await?;
        let head = |row| {
            let row = OwnRow { table: "reward_programme", row };
            Ok((row.count(0, "runs")?, row.text(1)?))
        };
        rows.first().map(head).transpose()
    }

    async fn runs_after(&self, sequence: u64, limit: u32) -> Result<Vec<Run>> {
        let rows = self
            .page(sql::RUNS_AFTER, &[number(sequence), i64::from(limit).into()], "reading the runs")
            .await?;
        rows.iter().map(run).collect()
    }

    async fn log_rows_after(&self, sequence: u64, limit: u32) -> Result<Vec<LogRow>> {
        let values = [number(sequence), i64::from(limit).into()];
        let rows = self.page(sql::LOG_ROWS_AFTER, &values, "reading the distribution log").await?;
        rows.iter().map(log_row).collect()
    }

    async fn figures_after(&self, sequence: u64, limit: u32) -> Result<Vec<RunFigures>> {
        let values = [number(sequence), i64::from(limit).into()];
        let rows = self.page(sql::FIGURES_AFTER, &values, "reading the reward log").await?;
        rows.iter().map(figures).collect()
    }

    async fn runs_of(&self, kind: Kind, from: Instant, before: Instant, limit: u32) -> Result<Vec<Run>> {
        let values =
            [kind.name().into(), sql_time(from).into(), sql_time(before).into(), i64::from(limit).into()];
        let rows = self.page(sql::RUNS_OF, &values, "reading the runs").await?;
        rows.iter().map(run).collect()
    }

    async fn run_of(&self, kind: Kind, start: Instant) -> Result<Option<Run>> {
        let values = [kind.name().into(), sql_time(start).into()];
        let rows = self.page(sql::RUN_OF, &values, "looking a run up").await?;
        rows.first().map(run).transpose()
    }

    async fn log_row(&self, sequence: u64) -> Result<Option<LogRow>> {
        let rows = self.page(sql::LOG_ROW, &[number(sequence)], "reading the distribution log").await?;
        rows.first().map(log_row).transpose()
    }

    async fn figures(&self, sequence: u64) -> Result<Option<RunFigures>> {
        let rows = self.page(sql::FIGURES, &[number(sequence)], "reading the reward log").await?;
        rows.first().map(figures).transpose()
    }

    async fn settlements(&self, day: NaiveDate) -> Result<BTreeMap<Instant, (Settlement, bool)>> {
        let values = [day.to_string().into()];
        let rows = self.page(sql::SETTLEMENTS_AND_PAID, &values, "reading the settled hours").await?;
        rows.iter().map(settled).collect()
    }

    async fn reward_rows(
        &self,
        kind: Kind,
        start: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<RewardRow>> {
        if let Some(archived) = self.archived_rewards(kind, start).await? {
            return Ok(archived.after(after_partner, limit));
        }
        let values = [sql_time(start).into(), after_partner.into(), i64::from(limit).into()];
        let rows = self.page(sql::reward_rows(kind), &values, "reading the rewards").await?;
        // Rows that left the table between the two looks are in the archive now; an hour's all go at once.
        if rows.len() < limit as usize
            && let Some(archived) = self.archived_rewards(kind, start).await?
        {
            return Ok(archived.after(after_partner, limit));
        }
        rows.iter().map(|row| reward_row(kind, row)).collect()
    }

    async fn next_reward_time(&self, kind: Kind, from: Instant) -> Result<Option<Instant>> {
        let rows =
            self.page(sql::next_reward_time(kind), &[sql_time(from).into()], "reading the rewards").await?;
        let time = |row| OwnRow { table: reward_table(kind), row }.instant(0, "time");
        rows.first().map(time).transpose()
    }

    async fn partner_rows(&self, kind: Kind, partner_id: i64, starts: &[Instant]) -> Result<Vec<RewardRow>> {
        assert!(starts.len() <= PROBES, "a look for a partner's rows names at most {PROBES} windows");
        if starts.is_empty() {
            return Ok(vec![]);
        }
        let mut values = vec![Value::from(partner_id)];
        values.extend(starts.iter().map(|start| Value::from(sql_time(*start))));
        let statement = sql::partner_rows(kind, starts.len());
        let rows = self.page(statement, &values, "reading a partner's rewards").await?;
        let rows = rows.iter().map(|row| reward_row(kind, row)).collect::<Result<Vec<_>>>()?;
        self.with_archived(kind, partner_id, starts, rows).await
    }

    async fn transfers_after(
        &self,
        after: Option<(i64, Instant)>,
        limit: u32,
    ) -> Result<Vec<StoredTransfer>> {
        let (partner_id, time) = after.unwrap_or((i64::MIN, Instant::UNIX_EPOCH));
        let values = [partner_id.into(), partner_id.into(), sql_time(time).into(), i64::from(limit).into()];
        let rows = self.page(sql::TRANSFERS_AFTER, &values, "reading the transfers").await?;
        rows.iter().map(stored_transfer).collect()
    }

    async fn transfer_of(&self, partner_id: i64, time: Instant) -> Result<Option<StoredTransfer>> {
        let values = [partner_id.into(), sql_time(time).into()];
        let rows = self.page(sql::TRANSFER_OF, &values, "reading a transfer").await?;
        match self.archived_hour(Movable::Transfers, time).await? {
            Some(archived) => Ok(archived.transfers().find(|row| row.transfer.partner_id == partner_id)),
            None => rows.first().map(stored_transfer).transpose(),
        }
    }

    async fn archives(&self) -> Result<Vec<Archived>> {
        let rows = self.page(sql::ARCHIVES, &[], "reading what was archived").await?;
        rows.iter().map(archived).collect()
    }

    async fn next_archived_time(&self, from: Instant) -> Result<Option<Instant>> {
        self.archived_time(from).await
    }

    async fn archived_transfers(&self, archived: &Archived) -> Result<Vec<StoredTransfer>> {
        let mut transfers = vec![];
        for time in self.archived_times(archived).await? {
            transfers.extend(self.archive_hour(archived, time).await?.transfers());
        }
        Ok(transfers)
    }

    async fn rules_versions(&self) -> Result<Vec<RulesVersion>> {
        let rows = self.page(sql::RULES_VERSIONS, &[], "reading the versions of the rules").await?;
        rows.iter().map(rules_version).collect()
    }
}

impl SqlStore {
    pub(super) async fn page(
        &self,
        statement: impl Into<super::Sql>,
        values: &[Value<'_>],
        what: &'static str,
    ) -> Result<Vec<Row>> {
        self.database().fetch(statement, values).await.map_err(doing(what))
    }
}

/// A sequence number as it is bound: they are counted in 63 bits.
pub(super) fn number(sequence: u64) -> Value<'static> {
    Value::Int(i64::try_from(sequence).unwrap_or(i64::MAX))
}

/// All of one view.
async fn read_standing(tx: &mut Tx, database: &Database) -> Result<Standing> {
    let (runs, chain_head, totals) = read_books(tx).await?;
    let totals = read_held(tx, database, totals).await?;
    let pools = tx.fetch(sql::POOLS, &[]).await.map_err(doing("reading the pools"))?;
    let pools = pools.iter().map(|row| {
        let row = OwnRow { table: "reward_pool_state", row };
        Ok((row.date(1, "day")?, row.units(0, "accumulated_daily_pool")?))
    });
    let pools = pools.collect::<Result<_>>()?;
    let rows = tx.fetch(sql::STANDING_SETTLEMENTS, &[]).await;
    let rows = rows.map_err(doing("reading the settled hours"))?;
    let settlements = rows.iter().map(settled).collect::<Result<_>>()?;
    let rows = tx.fetch(sql::holds_by_state(database), &[]).await;
    let rows = rows.map_err(doing("adding up what was set aside"))?;
    let holds = rows.iter().map(super::holds::held_sum).collect::<Result<_>>()?;
    Ok(Standing { runs, chain_head, totals, pools, settlements, holds })
}

fn kind(row: &OwnRow<'_>, index: usize) -> Result<Kind> {
    let name = row.text(index)?;
    Kind::named(&name).ok_or_else(|| StoreError::Unreadable {
        table: row.table,
        column: "reward_type",
        value: name,
        why: "is neither hourly nor daily".to_owned(),
    })
}

pub(super) fn run(row: &Row) -> Result<Run> {
    let row = OwnRow { table: "reward_runs", row };
    Ok(Run {
        sequence: row.count(0, "sequence")?,
        kind: kind(&row, 1)?,
        start: row.instant(2, "time")?,
        rules_version: row.text(3)?,
        committed_at: row.instant(4, "committed_at")?,
    })
}

pub(super) fn log_row(row: &Row) -> Result<LogRow> {
    let row = OwnRow { table: "reward_distribution_logs", row };
    Ok(LogRow {
        sequence: row.count(0, "sequence")?,
        reward_type: row.text(1)?,
        timestamp: show(row.instant(2, "timestamp")?),
        total_amount: row.text(3)?,
        user_counts: row.text(4)?,
        ecc_cap: row.optional_text(5)?,
        record: row.text(6)?,
        previous_hash: row.text(7)?,
    })
}

pub(super) fn figures(row: &Row) -> Result<RunFigures> {
    let row = OwnRow { table: "reward_log", row };
    let ecc_cap = row.optional_text(19)?.map(|_| row.units(19, "ecc_cap")).transpose()?;
    // Nobody else writes an hour that is no number; one that is out of range is as good as none.
    let hour = row.optional_int(3)?.and_then(|hour| u32::try_from(hour).ok());
    Ok(RunFigures {
        sequence: row.count(0, "sequence")?,
        kind: kind(&row, 1)?,
        day: row.date(2, "reward_day")?,
        hour,
        start: row.instant(4, "time")?,
        total_reward_cc: row.units(5, "total_reward_cc")?,
        votes: row.count(6, "votes")?,
        voters: row.count(7, "voters")?,
        cc_total: row.units(8, "cc_total")?,
        cc_rate: row.units(9, "cc_rate")?,
        hourly_share: row.units(10, "hourly_share")?,
        daily_share: row.units(11, "daily_share")?,
        late_cc: row.units(12, "late_cc")?,
        late_reward_cc: row.units(13, "late_reward_cc")?,
        pool_before: row.units(14, "pool_before")?,
        pool_after: row.units(15, "pool_after")?,
        distributed: row.units(16, "distributed")?,
        undistributed: row.units(17, "undistributed")?,
        market_bonus: row.units(18, "market_bonus")?,
        ecc_cap,
    })
}

pub(super) fn settled(row: &Row) -> Result<(Instant, (Settlement, bool))> {
    let settlement = settlement(row)?;
    let paid = OwnRow { table: "reward_settlements", row }.int(7)? != 0;
    Ok((settlement.hour_start, (settlement, paid)))
}

pub(super) fn reward_row(kind: Kind, row: &Row) -> Result<RewardRow> {
    let row = OwnRow { table: reward_table(kind), row };
    let amounts = columns(kind).iter().zip(3..).map(|(column, index)| row.units(index, column));
    let position = row.count(1, "position")?;
    Ok(RewardRow {
        partner_id: row.int(0)?,
        // Past every position there can be; whoever compares it sees that it is wrong.
        position: u32::try_from(position).unwrap_or(u32::MAX),
        start: row.instant(2, "time")?,
        amounts: amounts.collect::<Result<Vec<Units>>>()?,
    })
}

pub(super) fn stored_transfer(row: &Row) -> Result<StoredTransfer> {
    let row = OwnRow { table: "special_transfers", row };
    let instant = |index, column| row.optional_text(index)?.map(|_| row.instant(index, column)).transpose();
    Ok(StoredTransfer {
        transfer: Transfer {
            partner_id: row.int(0)?,
            time: row.instant(1, "time")?,
            amount: row.units(2, "cc_reward")?,
        },
        attempts: u32::try_from(row.count(3, "attempts")?).unwrap_or(u32::MAX),
        next_attempt_at: instant(4, "next_attempt_at")?,
        last_error: row.optional_text(5)?,
        delivered_at: instant(6, "delivered_at")?,
    })
}

pub(super) fn rules_version(row: &Row) -> Result<RulesVersion> {
    let row = OwnRow { table: "reward_rules_versions", row };
    Ok(RulesVersion {
        number: row.count(0, "number")?,
        version: row.text(1)?,
        since: row.instant(2, "since")?,
        rules: row.text(3)?,
    })
}

/// The newest window before an instant in either reward table.
pub(super) async fn last_listed(store: &SqlStore, before: Instant) -> Result<Option<(Kind, Instant)>> {
    let mut last: Option<(Kind, Instant)> = None;
    for kind in [Kind::Hourly, Kind::Daily] {
        let values = [sql_time(before).into()];
        let rows = store.page(sql::last_reward_time(kind), &values, "looking for the last reward").await?;
        let row = OwnRow { table: reward_table(kind), row: &rows[0] };
        if row.optional_text(0)?.is_some() {
            let start = row.instant(0, "time")?;
            last = last.filter(|(_, newest)| *newest >= start).or(Some((kind, start)));
        }
    }
    Ok(last)
}

/// What the last windows of a kind before an instant had to distribute; see [`crate::store::Store::totals_before`].
pub(super) async fn totals_before(
    store: &SqlStore,
    kind: Kind,
    before: Instant,
    runs: u64,
    limit: u32,
) -> Result<Vec<Units>> {
    let values = [kind.name().into(), sql_time(before).into(), number(runs), i64::from(limit).into()];
    let rows = store.page(sql::TOTALS_BEFORE, &values, "reading what earlier windows had").await?;
    rows.iter().map(|row| OwnRow { table: "reward_log", row }.units(0, "total_reward_cc")).collect()
}

/// What every paid window had to distribute.
pub(super) async fn all_totals(store: &SqlStore) -> Result<BTreeMap<(Kind, Instant), Units>> {
    let rows = store.page(sql::TOTALS, &[], "reading what all windows had").await?;
    let total = |row| {
        let row = OwnRow { table: "reward_log", row };
        Ok(((kind(&row, 1)?, row.instant(2, "time")?), row.units(0, "total_reward_cc")?))
    };
    rows.iter().map(total).collect()
}
