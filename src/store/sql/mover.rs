//! The writes that move days out of the tables and back, each a small transaction; see [`Mover`].

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::commit::counted_sum;
use super::driver::{Database, Tx};
use super::ledger::{number, reward_row, stored_transfer};
use super::shelf;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::store::error::doing;
use crate::store::{ArchiveError, Archived, Ledger, Movable, MovedRow, Mover, Result, StoreError, Tally};

/// Rows in one statement, as many as a payment writes at once.
const ROWS_PER_STATEMENT: usize = 500;

#[async_trait]
impl Mover for SqlStore {
    async fn next_movable(&self, table: Movable, from: Instant) -> Result<Option<Instant>> {
        if table == Movable::HourlyRewards {
            return self.next_reward_time(Kind::Hourly, from).await;
        }
        let rows = self.page(sql::NEXT_DELIVERED, &[sql_time(from).into()], "reading the transfers").await?;
        let time = |row| OwnRow { table: table.name(), row }.instant(0, "time");
        rows.first().map(time).transpose()
    }

    async fn movable_rows(
        &self,
        table: Movable,
        time: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<MovedRow>> {
        let values = [sql_time(time).into(), after_partner.into(), i64::from(limit).into()];
        let what = "reading the rows of an hour";
        Ok(match table {
            Movable::HourlyRewards => {
                let rows = self.page(sql::reward_rows(Kind::Hourly), &values, what).await?;
                let row = |row| reward_row(Kind::Hourly, row).map(MovedRow::Reward);
                rows.iter().map(row).collect::<Result<_>>()?
            }
            Movable::Transfers => {
                let rows = self.page(sql::DELIVERED_OF, &values, what).await?;
                rows.iter().map(|row| stored_transfer(row).map(MovedRow::Transfer)).collect::<Result<_>>()?
            }
        })
    }

    async fn movable_tally(&self, table: Movable, time: Instant) -> Result<Tally> {
        let statement = sql::movable_tally(self.database(), table);
        let rows = self.page(statement, &[sql_time(time).into()], "adding up the rows of an hour").await?;
        tally(table, &rows[0])
    }

    async fn waiting_of(&self, day: &Window) -> Result<u64> {
        let values = [sql_time(day.start).into(), sql_time(day.end).into()];
        let rows = self.page(sql::WAITING_OF, &values, "counting the transfers that wait").await?;
        OwnRow { table: Movable::Transfers.name(), row: &rows[0] }.count(0, "count")
    }

    async fn open_holds_of(&self, day: &Window) -> Result<u64> {
        let values = [sql_time(day.start).into(), sql_time(day.end).into()];
        let rows = self.page(sql::OPEN_HOLDS_OF, &values, "counting what is set aside").await?;
        OwnRow { table: "reward_holds", row: &rows[0] }.count(0, "count")
    }

    async fn archive(&self, archived: &Archived) -> Result<()> {
        self.write(&Archive(archived)).await
    }

    async fn clear(&self, archived: &Archived, time: Instant, tally: &Tally) -> Result<()> {
        self.write(&Clear { database: self.database(), archived, time, tally }).await
    }

    async fn cleared(&self, archived: &Archived, now: Instant) -> Result<()> {
        self.write(&Cleared { archived, at: Some(now) }).await
    }

    async fn uncleared(&self, archived: &Archived) -> Result<()> {
        self.write(&Cleared { archived, at: None }).await
    }

    async fn refill(&self, archived: &Archived, time: Instant, rows: &[MovedRow]) -> Result<()> {
        self.write(&Refill { database: self.database(), archived, time, rows }).await
    }

    async fn unarchive(&self, archived: &Archived) -> Result<()> {
        self.write(&Unarchive { database: self.database(), archived }).await
    }
}

fn tally(table: Movable, row: &Row) -> Result<Tally> {
    let (rows, count) = counted_sum(table.name(), row)?;
    let amount = Units::new(count).map_err(|why| StoreError::Unreadable {
        table: table.name(),
        column: "sum",
        value: count.to_string(),
        why: why.to_string(),
    })?;
    Ok(Tally { rows, amount, digest: String::new() })
}

fn differs(table: Movable, what: String) -> StoreError {
    ArchiveError::Differs { table: table.name(), what }.into()
}

/// The archive's row as it is now, where there is one; an error where it is not the one that the caller knows.
async fn known(tx: &mut Tx, archived: &Archived) -> Result<Option<Archived>> {
    let key = [archived.table.name().into(), archived.day.to_string().into()];
    let rows = tx.fetch(sql::ARCHIVE_OF, &key).await.map_err(doing("looking an archive up"))?;
    let found = rows.first().map(shelf::archived).transpose()?;
    if found.as_ref().is_some_and(|found| found.sha256 != archived.sha256) {
        let what = format!("reward_archives names another file for {}", archived.day);
        return Err(differs(archived.table, what));
    }
    Ok(found)
}

/// An error where the archive's row is another than the caller knows, or none.
async fn assert_known(tx: &mut Tx, archived: &Archived) -> Result<()> {
    match known(tx, archived).await? {
        Some(_) => Ok(()),
        None => Err(differs(archived.table, format!("reward_archives names no file for {}", archived.day))),
    }
}

/// What the table itself holds of an hour; an error where a transfer of it waits, which is in no archive.
async fn held(tx: &mut Tx, database: &Database, table: Movable, time: Instant) -> Result<Tally> {
    if table == Movable::Transfers {
        let hour = [sql_time(time).into(), sql_time(time + chrono::TimeDelta::microseconds(1)).into()];
        let rows = tx.fetch(sql::WAITING_OF, &hour).await;
        let rows = rows.map_err(doing("counting the transfers that wait"))?;
        let waiting = OwnRow { table: table.name(), row: &rows[0] }.count(0, "count")?;
        if waiting > 0 {
            return Err(differs(table, format!("{waiting} of {} wait to be delivered", show(time))));
        }
    }
    let statement = sql::movable_tally(database, table);
    let rows = tx.fetch(statement, &[sql_time(time).into()]).await;
    tally(table, &rows.map_err(doing("adding up the rows of an hour"))?[0])
}

struct Archive<'a>(&'a Archived);

impl Work for Archive<'_> {
    const NAME: &'static str = "archive";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self(archived) = self;
        if known(tx, archived).await?.is_some() {
            // Ours, whose commit was answered by a lost connection.
            return Ok(());
        }
        let values = [
            archived.table.name().into(),
            archived.day.to_string().into(),
            sql_time(archived.span.0).into(),
            sql_time(archived.span.1).into(),
            archived.file.as_str().into(),
            number(archived.rows),
            archived.amount.into(),
            archived.sha256.as_str().into(),
            sql_time(archived.archived_at).into(),
        ];
        tx.execute(sql::INSERT_ARCHIVE, &values).await.map(drop).map_err(doing("naming an archive"))
    }
}

/// Removes an hour's rows: at most as many as its payment has written in one transaction.
struct Clear<'a> {
    database: &'a Database,
    archived: &'a Archived,
    time: Instant,
    tally: &'a Tally,
}

impl Work for Clear<'_> {
    const NAME: &'static str = "clear";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self { database, archived, time, tally } = *self;
        let table = archived.table;
        assert_known(tx, archived).await?;
        let held = held(tx, database, table, time).await?;
        if held.rows == 0 {
            return Ok(());
        }
        let says = |tally: &Tally| format!("{} rows worth {}", tally.rows, tally.amount);
        if (held.rows, held.amount) != (tally.rows, tally.amount) {
            let what = format!("{} of {}, where the file has {}", says(&held), show(time), says(tally));
            return Err(differs(table, what));
        }
        let removed = tx.execute(sql::clear(table), &[sql_time(time).into()]).await;
        let removed = removed.map_err(doing("removing archived rows"))?;
        if removed != tally.rows {
            return Err(differs(table, format!("{removed} rows of {} went for {}", show(time), says(tally))));
        }
        Ok(())
    }
}

struct Cleared<'a> {
    archived: &'a Archived,
    /// None: rows are being brought back.
    at: Option<Instant>,
}

impl Work for Cleared<'_> {
    const NAME: &'static str = "cleared";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self { archived, at } = self;
        assert_known(tx, archived).await?;
        let values = [
            Value::from(at.map(sql_time)),
            archived.table.name().into(),
            archived.day.to_string().into(),
            archived.sha256.as_str().into(),
        ];
        tx.execute(sql::ARCHIVE_CLEARED, &values).await.map(drop).map_err(doing("noting a moved day"))
    }
}

struct Refill<'a> {
    database: &'a Database,
    archived: &'a Archived,
    time: Instant,
    rows: &'a [MovedRow],
}

impl Work for Refill<'_> {
    const NAME: &'static str = "refill";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self { database, archived, time, rows } = *self;
        let table = archived.table;
        assert_known(tx, archived).await?;
        let before = held(tx, database, table, time).await?;
        if before.rows == rows.len() as u64 {
            return Ok(());
        }
        if before.rows > 0 {
            let what = format!("{} of {} rows of {} are there", before.rows, rows.len(), show(time));
            return Err(differs(table, what));
        }
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            let statement = match table {
                Movable::HourlyRewards => sql::insert_rewards(Kind::Hourly, rows.len()),
                Movable::Transfers => sql::refill_transfers(rows.len()),
            };
            let values: Vec<Value<'_>> = rows.iter().flat_map(values).collect();
            tx.execute(statement, &values).await.map_err(doing("bringing archived rows back"))?;
        }
        Ok(())
    }
}

/// A row in the order of its statement.
fn values(row: &MovedRow) -> Vec<Value<'_>> {
    match row {
        MovedRow::Reward(row) => {
            let key = [row.partner_id.into(), i64::from(row.position).into(), sql_time(row.start).into()];
            key.into_iter().chain(row.amounts.iter().map(|amount| Value::Amount(*amount))).collect()
        }
        MovedRow::Transfer(row) => vec![
            row.transfer.partner_id.into(),
            sql_time(row.transfer.time).into(),
            row.transfer.amount.into(),
            i64::from(row.attempts).into(),
            row.delivered_at.map(sql_time).into(),
        ],
    }
}

struct Unarchive<'a> {
    database: &'a Database,
    archived: &'a Archived,
}

impl Work for Unarchive<'_> {
    const NAME: &'static str = "unarchive";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self { database, archived } = *self;
        let (table, day) = (archived.table, archived.day);
        let Some(known) = known(tx, archived).await? else {
            // Ours, whose commit was answered by a lost connection.
            return Ok(());
        };
        let span = [sql_time(archived.span.0).into(), sql_time(archived.span.1).into()];
        let rows = tx.fetch(sql::brought_back(database, table), &span).await;
        let back = tally(table, &rows.map_err(doing("adding up the rows of a day"))?[0])?;
        if known.cleared_at.is_some() || (back.rows, back.amount) != (archived.rows, archived.amount) {
            let says = |rows: u64, amount: Units| format!("{rows} rows worth {amount}");
            let (back, file) = (says(back.rows, back.amount), says(archived.rows, archived.amount));
            return Err(differs(table, format!("{back} of {day} are back, where the file has {file}")));
        }
        let key = [table.name().into(), day.to_string().into(), archived.sha256.as_str().into()];
        let removed = tx.execute(sql::DELETE_ARCHIVE, &key).await.map_err(doing("forgetting an archive"))?;
        if removed != 1 {
            return Err(differs(table, format!("reward_archives had {removed} rows for {day}")));
        }
        Ok(())
    }
}
