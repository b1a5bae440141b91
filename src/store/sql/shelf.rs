//! Days that were moved out of the tables are read where they are: in archives.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bind::Row;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use crate::rewards::window::{Instant, Kind};
use crate::store::{
    ArchiveError, Archived, Ledger, Movable, MovedRow, Result, RewardRow, Shelf, StoreError, StoredTransfer,
};

/// The rows of an hour from an archive, in order of partners.
pub(super) struct Hour(Arc<Vec<MovedRow>>);

impl Hour {
    pub fn rewards(&self) -> impl Iterator<Item = RewardRow> {
        self.0.iter().filter_map(|row| match row {
            MovedRow::Reward(row) => Some(row.clone()),
            MovedRow::Transfer(_) => None,
        })
    }

    pub fn transfers(&self) -> impl Iterator<Item = StoredTransfer> {
        self.0.iter().filter_map(|row| match row {
            MovedRow::Transfer(row) => Some(row.clone()),
            MovedRow::Reward(_) => None,
        })
    }

    /// The rewards past a partner, at most `limit`.
    pub fn after(&self, partner: i64, limit: u32) -> Vec<RewardRow> {
        let first = self.0.partition_point(|row| row.partner_id() <= partner);
        let rest = Self(Arc::new(self.0[first..].iter().take(limit as usize).cloned().collect()));
        rest.rewards().collect()
    }
}

impl SqlStore {
    /// The rewards of a window, where its day is in an archive. Only hours ever are.
    pub(super) async fn archived_rewards(&self, kind: Kind, start: Instant) -> Result<Option<Hour>> {
        match kind {
            Kind::Hourly => self.archived_hour(Movable::HourlyRewards, start).await,
            Kind::Daily => Ok(None),
        }
    }

    /// The rows of an hour, where its day is in an archive.
    pub(super) async fn archived_hour(&self, table: Movable, time: Instant) -> Result<Option<Hour>> {
        match self.archive_at(table, time).await? {
            Some(archived) => self.archive_hour(&archived, time).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn archive_hour(&self, archived: &Archived, time: Instant) -> Result<Hour> {
        let known = archived.clone();
        self.aside(archived, move |shelf| shelf.rows(&known, time)).await.map(Hour)
    }

    pub(super) async fn archived_times(&self, archived: &Archived) -> Result<Vec<Instant>> {
        let known = archived.clone();
        self.aside(archived, move |shelf| shelf.times(&known)).await
    }

    /// The first hour at or after an instant that an archive has rewards of.
    pub(super) async fn archived_time(&self, from: Instant) -> Result<Option<Instant>> {
        let mut next = self.archive_at(Movable::HourlyRewards, from).await?;
        let mut after = from;
        loop {
            if let Some(archived) = next {
                let times = self.archived_times(&archived).await?;
                if let Some(time) = times.into_iter().find(|time| *time >= from) {
                    return Ok(Some(time));
                }
                after = archived.span.0.max(from);
            }
            let values = [Movable::HourlyRewards.name().into(), sql_time(after).into()];
            let rows = self.page(sql::ARCHIVE_AFTER, &values, "looking an archive up").await?;
            let Some(row) = rows.first() else { return Ok(None) };
            next = Some(archived(row)?);
        }
    }

    /// Puts a partner's rows of archived windows in their places among those of the table.
    pub(super) async fn with_archived(
        &self,
        kind: Kind,
        partner_id: i64,
        starts: &[Instant],
        rows: Vec<RewardRow>,
    ) -> Result<Vec<RewardRow>> {
        if kind == Kind::Daily {
            return Ok(rows);
        }
        let mut by_start: BTreeMap<Instant, RewardRow> =
            rows.into_iter().map(|row| (row.start, row)).collect();
        for archived in self.archives().await?.iter().filter(|row| row.table == Movable::HourlyRewards) {
            for start in starts.iter().filter(|start| archived.holds(**start)) {
                let hour = self.archive_hour(archived, *start).await?;
                let found = hour.0.binary_search_by_key(&partner_id, MovedRow::partner_id).ok();
                match found.map(|index| &hour.0[index]) {
                    Some(MovedRow::Reward(row)) => by_start.insert(*start, row.clone()),
                    _ => by_start.remove(start),
                };
            }
        }
        Ok(by_start.into_values().collect())
    }

    async fn archive_at(&self, table: Movable, time: Instant) -> Result<Option<Archived>> {
        let values = [table.name().into(), sql_time(time).into()];
        let rows = self.page(sql::ARCHIVE_AT, &values, "looking an archive up").await?;
        let found = rows.first().map(archived).transpose()?;
        Ok(found.filter(|archived| archived.holds(time)))
    }

    /// Reads from the folder of archives, on a thread that may wait.
    async fn aside<T: Send + 'static>(
        &self,
        archived: &Archived,
        read: impl FnOnce(&dyn Shelf) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let missing = || ArchiveError::NoFolder { table: archived.table.name(), day: archived.day };
        let shelf = Arc::clone(self.shelf().ok_or_else(missing)?);
        let ended = tokio::task::spawn_blocking(move || read(shelf.as_ref())).await;
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

/// A row of `reward_archives`.
pub(super) fn archived(row: &Row) -> Result<Archived> {
    let row = OwnRow { table: "reward_archives", row };
    let name = row.text(0)?;
    let table = Movable::ALL.into_iter().find(|table| table.name() == name);
    let table = table.ok_or_else(|| StoreError::Unreadable {
        table: row.table,
        column: "table_name",
        value: name,
        why: "is no table whose rows are moved".to_owned(),
    })?;
    Ok(Archived {
        table,
        day: row.date(1, "day")?,
        span: (row.instant(2, "from_time")?, row.instant(3, "until_time")?),
        file: row.text(4)?,
        rows: row.count(5, "row_count")?,
        amount: row.units(6, "amount")?,
        sha256: row.text(7)?,
        archived_at: row.instant(8, "archived_at")?,
        cleared_at: row.optional_text(9)?.map(|_| row.instant(9, "cleared_at")).transpose()?,
    })
}
