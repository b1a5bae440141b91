//! Reading what is stored as the dashboard shows it; see [`Pages`].

use async_trait::async_trait;

use super::bind::Value;
use super::holds::raised_alarm;
use super::ledger::{figures, log_row, number, reward_row, run, stored_transfer};
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use crate::audit::LogRow;
use crate::rewards::plan::reward_table;
use crate::rewards::window::{Instant, Kind};
use crate::store::{
    AlarmCount, AlarmFilter, AlarmPlace, PROBES, Pages, Queue, RaisedAlarm, Result, RewardRow, Run,
    RunFigures, StoreError, StoredTransfer, end_of_time,
};

#[async_trait]
impl Pages for SqlStore {
    async fn runs_before(&self, sequence: u64, limit: u32) -> Result<Vec<Run>> {
        let values = [number(sequence), i64::from(limit).into()];
        let rows = self.page(sql::RUNS_BEFORE, &values, "reading the runs").await?;
        rows.iter().map(run).collect()
    }

    async fn log_rows_before(&self, sequence: u64, limit: u32) -> Result<Vec<LogRow>> {
        let values = [number(sequence), i64::from(limit).into()];
        let rows = self.page(sql::LOG_ROWS_BEFORE, &values, "reading the distribution log").await?;
        rows.iter().map(log_row).collect()
    }

    async fn figures_of(&self, sequences: &[u64]) -> Result<Vec<RunFigures>> {
        assert!(sequences.len() <= PROBES, "a look for figures names at most {PROBES} runs");
        if sequences.is_empty() {
            return Ok(vec![]);
        }
        let values: Vec<Value<'_>> = sequences.iter().map(|sequence| number(*sequence)).collect();
        let rows = self.page(sql::figures_of(sequences.len()), &values, "reading the reward log").await?;
        rows.iter().map(figures).collect()
    }

    async fn positions(
        &self,
        kind: Kind,
        start: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<(i64, u32)>> {
        if let Some(archived) = self.archived_rewards(kind, start).await? {
            let rows = archived.after(after_partner, limit).into_iter();
            return Ok(rows.map(|row| (row.partner_id, row.position)).collect());
        }
        let values = [sql_time(start).into(), after_partner.into(), i64::from(limit).into()];
        let rows = self.page(sql::positions(kind), &values, "reading the positions").await?;
        let position = |row| {
            let row = OwnRow { table: reward_table(kind), row };
            Ok((row.int(0)?, u32::try_from(row.count(1, "position")?).unwrap_or(u32::MAX)))
        };
        rows.iter().map(position).collect()
    }

    async fn rows_of(&self, kind: Kind, start: Instant, partners: &[i64]) -> Result<Vec<RewardRow>> {
        assert!(partners.len() <= PROBES, "a look for rows names at most {PROBES} partners");
        if partners.is_empty() {
            return Ok(vec![]);
        }
        if let Some(archived) = self.archived_rewards(kind, start).await? {
            return Ok(archived.rewards().filter(|row| partners.contains(&row.partner_id)).collect());
        }
        let mut values = vec![Value::from(sql_time(start))];
        values.extend(partners.iter().map(|partner| Value::from(*partner)));
        let rows = self.page(sql::rows_of(kind, partners.len()), &values, "reading the rewards").await?;
        rows.iter().map(|row| reward_row(kind, row)).collect()
    }

    async fn queue(&self) -> Result<Queue> {
        let rows = self.page(sql::QUEUE, &[], "adding up the queued transfers").await?;
        let mut queue = Queue::default();
        for row in &rows {
            let row = OwnRow { table: "special_transfers", row };
            let time = row.instant(0, "time")?;
            let amount = queue.amount.checked_add(row.units(1, "cc_reward")?);
            queue.amount = amount.map_err(|why| StoreError::Unreadable {
                table: row.table,
                column: "cc_reward",
                value: "a sum of all that waits".to_owned(),
                why: why.to_string(),
            })?;
            queue.waiting += 1;
            queue.failing += u64::from(row.count(2, "attempts")? > 0);
            queue.oldest = Some(queue.oldest.map_or(time, |oldest| oldest.min(time)));
        }
        Ok(queue)
    }

    async fn waiting_transfers(
        &self,
        after: Option<(Instant, i64)>,
        limit: u32,
    ) -> Result<Vec<StoredTransfer>> {
        let (time, partner_id) = after.unwrap_or((Instant::UNIX_EPOCH, i64::MIN));
        let time = sql_time(time);
        let values = [time.as_str().into(), time.as_str().into(), partner_id.into(), i64::from(limit).into()];
        let rows = self.page(sql::WAITING_TRANSFERS, &values, "reading the transfers that wait").await?;
        rows.iter().map(stored_transfer).collect()
    }

    async fn delivered_transfers(
        &self,
        before: Option<(Instant, i64)>,
        limit: u32,
    ) -> Result<Vec<StoredTransfer>> {
        let (time, partner_id) = before.unwrap_or((end_of_time(), i64::MAX));
        let time = sql_time(time);
        let values = [time.as_str().into(), time.as_str().into(), partner_id.into(), i64::from(limit).into()];
        let rows = self.page(sql::DELIVERED_TRANSFERS, &values, "reading the delivered transfers").await?;
        rows.iter().map(stored_transfer).collect()
    }

    async fn alarms_before(
        &self,
        filter: &AlarmFilter,
        before: Option<AlarmPlace>,
        limit: u32,
    ) -> Result<Vec<RaisedAlarm>> {
        let mut values: Vec<Value<'_>> = vec![];
        values.extend(filter.alarm.as_deref().map(Value::from));
        values.extend(filter.partner_id.map(Value::from));
        let number_before = before.map_or(u64::MAX, |place| place.number);
        match filter.window {
            Some((kind, start)) => {
                values.extend([kind.name().into(), sql_time(start).into(), number(number_before)]);
            }
            None => {
                // Past every kind there is, where there is no place.
                let (start, kind) =
                    before.map_or((end_of_time(), "~"), |place: AlarmPlace| (place.start, place.kind.name()));
                let start = sql_time(start);
                values.extend([start.clone().into(), start.into(), kind.into(), kind.into()]);
                values.push(number(number_before));
            }
        }
        values.push(i64::from(limit).into());
        let (by_alarm, by_partner) = (filter.alarm.is_some(), filter.partner_id.is_some());
        let statement = sql::alarms_before(by_alarm, by_partner, filter.window.is_some());
        self.page(statement, &values, "reading the alarms").await?.iter().map(raised_alarm).collect()
    }

    async fn alarm_counts(&self, since: Instant) -> Result<Vec<AlarmCount>> {
        let rows = self.page(sql::ALARM_COUNTS, &[sql_time(since).into()], "counting the alarms").await?;
        let counted = |row| {
            let row = OwnRow { table: "reward_alarms", row };
            let kind = row.text(1)?;
            let unreadable = || StoreError::Unreadable {
                table: row.table,
                column: "reward_type",
                value: kind.clone(),
                why: "is no kind".to_owned(),
            };
            Ok(AlarmCount {
                start: row.instant(0, "time")?,
                kind: Kind::named(&kind).ok_or_else(unreadable)?,
                alarm: row.text(2)?,
                alarms: row.count(3, "alarm")?,
            })
        };
        rows.iter().map(counted).collect()
    }
}
