//! Reading ranges of what is stored; see [`Archive`].

use async_trait::async_trait;
use chrono::NaiveDate;

use super::bind::Value;
use super::ledger::{figures, log_row, number, run, settled, stored_transfer};
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Instant, Kind};
use crate::store::{Archive, Between, Result, RulesUse, Run, RunFigures, StoredTransfer};

#[async_trait]
impl Archive for SqlStore {
    async fn runs_page(&self, kind: Kind, range: Between, limit: u32) -> Result<Vec<Run>> {
        let rows = self.page(sql::RUNS_PAGE, &by_window(kind, range, limit), "reading the runs").await?;
        rows.iter().map(run).collect()
    }

    async fn log_rows_page(&self, kind: Kind, range: Between, limit: u32) -> Result<Vec<LogRow>> {
        let values = by_window(kind, range, limit);
        let rows = self.page(sql::LOG_ROWS_PAGE, &values, "reading the distribution log").await?;
        rows.iter().map(log_row).collect()
    }

    async fn figures_page(
        &self,
        (day, sequence): (NaiveDate, u64),
        to: NaiveDate,
        limit: u32,
    ) -> Result<Vec<RunFigures>> {
        let (day, to) = (day.to_string(), to.to_string());
        let values =
            [day.as_str().into(), to.into(), day.as_str().into(), number(sequence), i64::from(limit).into()];
        let rows = self.page(sql::FIGURES_PAGE, &values, "reading the reward log").await?;
        rows.iter().map(figures).collect()
    }

    async fn settlements_page(&self, range: Between, limit: u32) -> Result<Vec<(Settlement, bool)>> {
        let values = [sql_time(range.after).into(), sql_time(range.before).into(), i64::from(limit).into()];
        let rows = self.page(sql::SETTLEMENTS_PAGE, &values, "reading the settled hours").await?;
        rows.iter().map(|row| Ok(settled(row)?.1)).collect()
    }

    async fn pools_page(
        &self,
        after: NaiveDate,
        to: NaiveDate,
        limit: u32,
    ) -> Result<Vec<(NaiveDate, Units)>> {
        let values = [after.to_string().into(), to.to_string().into(), i64::from(limit).into()];
        let rows = self.page(sql::POOLS_PAGE, &values, "reading the pools").await?;
        let pool = |row| {
            let row = OwnRow { table: "reward_pool_state", row };
            Ok((row.date(0, "day")?, row.units(1, "accumulated_daily_pool")?))
        };
        rows.iter().map(pool).collect()
    }

    async fn rules_use(&self, version: &str, from: Instant, before: Instant) -> Result<RulesUse> {
        let values = [version.into(), sql_time(from).into(), sql_time(before).into()];
        let rows = self.page(sql::RULES_USE, &values, "counting the runs by a version of the rules").await?;
        let Some(row) = rows.first() else { return Ok(RulesUse::default()) };
        let row = OwnRow { table: "reward_runs", row };
        let runs = row.count(0, "count")?;
        let windows = if runs > 0 { Some((row.instant(1, "time")?, row.instant(2, "time")?)) } else { None };
        Ok(RulesUse { runs, windows })
    }

    async fn failing_transfers(&self, limit: u32) -> Result<(u64, Vec<StoredTransfer>)> {
        let count = self.page(sql::COUNT_FAILING_TRANSFERS, &[], "counting failing transfers").await?;
        let count = OwnRow { table: "special_transfers", row: &count[0] }.count(0, "count")?;
        let values = [i64::from(limit).into()];
        let rows = self.page(sql::FAILING_TRANSFERS, &values, "reading failing transfers").await?;
        Ok((count, rows.iter().map(stored_transfer).collect::<Result<_>>()?))
    }
}

fn by_window(kind: Kind, range: Between, limit: u32) -> [Value<'static>; 4] {
    [kind.name().into(), sql_time(range.after).into(), sql_time(range.before).into(), i64::from(limit).into()]
}
