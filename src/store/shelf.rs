//! Days of rows that retention moves from tables to files: which there are, and how they are read back.
//!
//! The table `reward_archives` names the days that are in files. From the moment that a day's row is there its rows are
//! read from the file, whatever the table still holds of them; before, from the table. So at every moment, also between
//! two steps of a move that was killed, each row is in exactly one place that counts.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::{Ledger, Result, RewardRow, StoredTransfer};
use crate::rewards::money::{MoneyError, Units};
use crate::rewards::window::{Instant, Window};

/// The tables whose old rows can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Movable {
    HourlyRewards,
    /// Those that have been delivered.
    Transfers,
}

impl Movable {
    pub const ALL: [Self; 2] = [Self::HourlyRewards, Self::Transfers];

    /// As the database names the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HourlyRewards => "reward_list_hourly",
            Self::Transfers => "special_transfers",
        }
    }
}

/// A row of either table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovedRow {
    Reward(RewardRow),
    Transfer(StoredTransfer),
}

impl MovedRow {
    #[must_use]
    pub const fn partner_id(&self) -> i64 {
        match self {
            Self::Reward(row) => row.partner_id,
            Self::Transfer(row) => row.transfer.partner_id,
        }
    }

    /// The start of the row's hour.
    #[must_use]
    pub const fn time(&self) -> Instant {
        match self {
            Self::Reward(row) => row.start,
            Self::Transfer(row) => row.transfer.time,
        }
    }
}

/// A row of `reward_archives`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    pub table: Movable,
    pub day: NaiveDate,
    /// The day's start and end.
    pub span: (Instant, Instant),
    /// Within the folder of archives.
    pub file: String,
    pub rows: u64,
    /// The sum of all amounts of all rows.
    pub amount: Units,
    /// Of the file's bytes.
    pub sha256: String,
    pub archived_at: Instant,
    /// When the last of the rows had left its table; none while they are being removed, or brought back.
    pub cleared_at: Option<Instant>,
}

impl Archived {
    #[must_use]
    pub fn holds(&self, time: Instant) -> bool {
        self.span.0 <= time && time < self.span.1
    }
}

/// What rows come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub rows: u64,
    pub amount: Units,
    /// SHA-256 over every value of every row, in order; empty where only numbers were asked for.
    pub digest: String,
}

/// A tally that is being made.
#[derive(Clone, Default)]
pub struct Tallying {
    rows: u64,
    amount: Units,
    digest: Sha256,
}

impl Tallying {
    /// # Errors
    /// [`MoneyError`] where the sum is out of range.
    pub fn add(&mut self, row: &MovedRow) -> Result<(), MoneyError> {
        self.rows += 1;
        self.digest.update(row.partner_id().to_le_bytes());
        let mut amount = |amount: Units| {
            self.digest.update(amount.count().to_le_bytes());
            self.amount = self.amount.checked_add(amount)?;
            Ok(())
        };
        match row {
            MovedRow::Reward(row) => {
                row.amounts.iter().try_for_each(|units| amount(*units))?;
                self.digest.update(row.position.to_le_bytes());
            }
            MovedRow::Transfer(row) => {
                amount(row.transfer.amount)?;
                self.digest.update(row.attempts.to_le_bytes());
                let delivered = row.delivered_at.map_or(i64::MIN, |at| at.timestamp_micros());
                self.digest.update(delivered.to_le_bytes());
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn done(self) -> Tally {
        let digest = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Tally { rows: self.rows, amount: self.amount, digest }
    }
}

/// What a file holds, as read back from the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Of its bytes.
    pub sha256: String,
    /// By the start of the hour.
    pub hours: BTreeMap<Instant, Tally>,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive {path} cannot be {doing}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("the archive {path} is not the file that was written: {why}; bring it back from a backup")]
    Changed { path: PathBuf, why: String },
    #[error("the archive {path} cannot be written: {why}")]
    Unwritable { path: PathBuf, why: String },
    #[error("{table} and its archive differ: {what}; nothing more was changed")]
    Differs { table: &'static str, what: String },
    #[error(
        "the folder of archives {path} does not have {file}, which reward_archives names; nothing was moved. Is its disk \
         mounted, and is it the folder that retention.archive named then? Else bring the file back from a backup"
    )]
    Elsewhere { path: PathBuf, file: String },
    #[error("{table} of {day} is in an archive, and no folder of archives is open")]
    NoFolder { table: &'static str, day: NaiveDate },
    #[error("rows of {table} were moved to an archive meanwhile; ask again")]
    Moving { table: &'static str },
    #[error("another process is moving rows to {path}")]
    Busy { path: PathBuf },
}

/// The folder of archives is held; dropped, it is free.
pub trait Held: Send + Sync {}

/// The folder of archives. Everything here blocks: it is called aside from what is asynchronous.
pub trait Shelf: Debug + Send + Sync {
    /// Keeps every other process from moving rows, and clears away what a killed one has left. A folder that lacks the
    /// file of an archive that is known is another folder, and is left alone.
    fn hold(&self, known: Option<&Archived>) -> Result<Box<dyn Held>>;

    /// Begins a file of a day; it has its name once it is finished, and replaces none that is there.
    fn begin(&self, table: Movable, day: NaiveDate) -> Result<Box<dyn NewArchive>>;

    /// Reads a file of the folder from the disk, every row of it.
    fn inspect(&self, table: Movable, file: &str) -> Result<Contents>;

    /// The hours that an archive has rows of, where its file is the one that was written.
    fn times(&self, archived: &Archived) -> Result<Vec<Instant>>;

    /// The rows of an hour in order of partners, where the file is the one that was written.
    fn rows(&self, archived: &Archived, time: Instant) -> Result<Arc<Vec<MovedRow>>>;
}

/// The file of a day while it is being written.
pub trait NewArchive: Send {
    /// Rows of one hour, which comes after those before.
    fn add(&mut self, rows: &[MovedRow]) -> Result<()>;

    /// The hour is complete: it can be read without the others.
    fn end_hour(&mut self) -> Result<()>;

    /// Brings it to the disk, and gives it the name within the folder that it returns.
    fn finish(self: Box<Self>) -> Result<String>;
}

/// Moving rows between the tables and the files; each write is one small transaction.
#[async_trait]
pub trait Mover: Ledger {
    /// The first hour at or after an instant that the table has rows of, that may be moved.
    async fn next_movable(&self, table: Movable, from: Instant) -> Result<Option<Instant>>;

    /// The table's own rows of an hour past a partner, in order of partners, at most `limit`.
    async fn movable_rows(
        &self,
        table: Movable,
        time: Instant,
        after_partner: i64,
        limit: u32,
    ) -> Result<Vec<MovedRow>>;

    /// How many rows of an hour the table has itself, and what they come to.
    async fn movable_tally(&self, table: Movable, time: Instant) -> Result<Tally>;

    /// How many transfers of a day still wait to be delivered.
    async fn waiting_of(&self, day: &Window) -> Result<u64>;

    /// How many partners' amounts of a day's windows are set aside and not decided.
    async fn open_holds_of(&self, day: &Window) -> Result<u64>;

    /// Names a day's file: from here on its rows are read from there.
    async fn archive(&self, archived: &Archived) -> Result<()>;

    /// Removes the rows of an hour from the table, where they are what the archive holds; none where they are gone.
    async fn clear(&self, archived: &Archived, time: Instant, tally: &Tally) -> Result<()>;

    /// Notes that all rows have left the table.
    async fn cleared(&self, archived: &Archived, now: Instant) -> Result<()>;

    /// Notes that rows are being brought back.
    async fn uncleared(&self, archived: &Archived) -> Result<()>;

    /// Brings the rows of an hour back into the table; nothing is done where they are there.
    async fn refill(&self, archived: &Archived, time: Instant, rows: &[MovedRow]) -> Result<()>;

    /// Forgets an archive whose rows are all back: from here on they are read from the table.
    async fn unarchive(&self, archived: &Archived) -> Result<()>;
}
