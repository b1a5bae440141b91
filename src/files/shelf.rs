//! The folder of archives: a Parquet file for each table and day that was moved out of the database.
//!
//! ```text
//! archive/reward_list_hourly/2026-01-15.SHA.parquet     an hour after the other, each in row groups of its own
//! archive/special_transfers/2026-01-15.SHA.parquet
//! archive/lock                                          held by whoever moves rows
//! ```
//!
//! SHA are the first 16 digits of the file's SHA-256: so a file that has its name is never replaced by another.
//! A file is read as a whole before anything of it is used, and only where its bytes are those that were written.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Cursor};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::error::{FileError, bad_value};
use super::export::parquet::Parquet;
use super::export::{Exported, Sink, reward_row, transfer};
use super::parquet_files::rows_of;
use super::{Holds, Row, Table, column};
use crate::fault;
use crate::rewards::plan::{HOURLY_COLUMNS, Transfer};
use crate::rewards::window::{Instant, Kind};
use crate::store::{
    ArchiveError, Archived, BadValue, Contents, Held, Movable, MovedRow, NewArchive, Result, RewardRow,
    Shelf, StoredTransfer, Tallying,
};

/// What a file is called until it is complete.
const PART: &str = "part";

/// So many digits of its SHA-256 are in a file's name.
const NAMED_BY: usize = 16;

const REWARDS: Table = Table {
    columns: &[
        column("partner_id", Holds::Integer),
        column("position", Holds::Integer),
        column("time", Holds::Instant),
        column(HOURLY_COLUMNS[0], Holds::Amount),
        column(HOURLY_COLUMNS[1], Holds::Amount),
        column(HOURLY_COLUMNS[2], Holds::Amount),
        column(HOURLY_COLUMNS[3], Holds::Amount),
        column(HOURLY_COLUMNS[4], Holds::Amount),
    ],
    keyed: false,
};

/// A delivered transfer has neither a next attempt nor an error.
const TRANSFERS: Table = Table {
    columns: &[
        column("partner_id", Holds::Integer),
        column("time", Holds::Instant),
        column("cc_reward", Holds::Amount),
        column("attempts", Holds::Integer),
        column("delivered_at", Holds::Instant),
    ],
    keyed: false,
};

const TIMES: Table = Table { columns: &[column("time", Holds::Instant)], keyed: false };

/// See the module.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The last file of each table that was read.
    open: Mutex<BTreeMap<Movable, Arc<Opened>>>,
}

/// A file whose bytes are those that were written.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    table: Movable,
    sha256: String,
    bytes: Vec<u8>,
    /// The first row of each hour, and how many it has.
    hours: BTreeMap<Instant, (usize, usize)>,
    /// The hour that was read last.
    last: Mutex<Option<(Instant, Arc<Vec<MovedRow>>)>>,
}

impl Folder {
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: Mutex::default() }
    }

    fn opened(&self, archived: &Archived) -> Result<Arc<Opened>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = open.get(&archived.table).filter(|opened| opened.sha256 == archived.sha256) {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(Opened::read(self.path.join(&archived.file), archived)?);
        open.insert(archived.table, Arc::clone(&opened));
        Ok(opened)
    }
}

impl Opened {
    fn read(path: PathBuf, archived: &Archived) -> Result<Self> {
        let bytes = fs::read(&path).map_err(|source| cannot("read", &path, source))?;
        let sha256 = hash(&bytes);
        let changed = |why: String| ArchiveError::Changed { path: path.clone(), why };
        if sha256 != archived.sha256 {
            return Err(changed(format!("its SHA-256 is {sha256}, not {}", archived.sha256)).into());
        }
        let mut hours: BTreeMap<Instant, (usize, usize)> = BTreeMap::new();
        let mut rows = 0;
        rows_of(&path, &mut Cursor::new(bytes.as_slice()), &TIMES, None, &mut |row| {
            let time = row.instant(0).map_err(bad_value(&path, &TIMES, row, 0))?;
            hours.entry(time).or_insert((rows, 0)).1 += 1;
            rows += 1;
            Ok(())
        })
        .map_err(|error| changed(crate::errors::chain(&error)))?;
        if rows as u64 != archived.rows {
            return Err(changed(format!("it has {rows} rows, not {}", archived.rows)).into());
        }
        let (table, sha256) = (archived.table, archived.sha256.clone());
        Ok(Self { path, table, sha256, bytes, hours, last: Mutex::default() })
    }

    fn rows(&self, time: Instant) -> Result<Arc<Vec<MovedRow>>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = last.as_ref().filter(|(hour, _)| *hour == time) {
            return Ok(Arc::clone(rows));
        }
        let Some(part) = self.hours.get(&time) else { return Ok(Arc::default()) };
        let mut rows = Vec::with_capacity(part.1);
        each(&self.path, &self.bytes, self.table, Some(*part), &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        let rows = Arc::new(rows);
        *last = Some((time, Arc::clone(&rows)));
        Ok(rows)
    }
}

impl Shelf for Folder {
    fn hold(&self, known: Option<&Archived>) -> Result<Box<dyn Held>> {
        if let Some(archived) = known {
            let file = self.path.join(&archived.file);
            if !file.try_exists().map_err(|source| cannot("read", &file, source))? {
                let (path, file) = (self.path.clone(), archived.file.clone());
                return Err(ArchiveError::Elsewhere { path, file }.into());
            }
        }
        let path = self.path.join("lock");
        make(&self.path)?;
        let lock = File::create(&path).map_err(|source| cannot("locked", &path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(ArchiveError::Busy { path: self.path.clone() }.into());
            }
            Err(TryLockError::Error(source)) => return Err(cannot("locked", &path, source).into()),
        }
        for table in Movable::ALL {
            let folder = self.path.join(table.name());
            make(&folder)?;
            remove_parts(&folder).map_err(|source| cannot("cleared", &folder, source))?;
        }
        Ok(Box::new(Lock(lock)))
    }

    fn begin(&self, table: Movable, day: NaiveDate) -> Result<Box<dyn NewArchive>> {
        let folder = self.path.join(table.name());
        // As any new file, which the process's umask narrows; a temporary one would be its owner's only.
        let part = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o666))
            .prefix(&day.to_string())
            .suffix(&format!(".{PART}"))
            .tempfile_in(&folder)
            .map_err(|source| cannot("begun", &folder, source))?;
        let path = part.path().to_owned();
        let writer = part.as_file().try_clone().map_err(|source| cannot("begun", &path, source))?;
        let sink =
            Parquet::new(exported(table), Box::new(writer)).map_err(|error| unwritable(&path, &error))?;
        Ok(Box::new(Writing { table, day, folder, part, sink }))
    }

    fn inspect(&self, table: Movable, file: &str) -> Result<Contents> {
        let path = self.path.join(file);
        let bytes = fs::read(&path).map_err(|source| cannot("read", &path, source))?;
        let mut hours: BTreeMap<Instant, Tallying> = BTreeMap::new();
        each(&path, &bytes, table, None, &mut |row| {
            let tally = hours.entry(row.time()).or_default();
            tally.add(&row).map_err(|why| why.to_string())
        })?;
        let hours = hours.into_iter().map(|(time, tally)| (time, tally.done())).collect();
        Ok(Contents { sha256: hash(&bytes), hours })
    }

    fn times(&self, archived: &Archived) -> Result<Vec<Instant>> {
        Ok(self.opened(archived)?.hours.keys().copied().collect())
    }

    fn rows(&self, archived: &Archived, time: Instant) -> Result<Arc<Vec<MovedRow>>> {
        self.opened(archived)?.rows(time)
    }
}

/// The lock goes with the file.
struct Lock(#[expect(dead_code, reason = "it is held, and nothing else")] File);

impl Held for Lock {}

/// What a killed process has left unfinished.
fn remove_parts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == PART) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

struct Writing {
    table: Movable,
    day: NaiveDate,
    folder: PathBuf,
    part: NamedTempFile,
    sink: Parquet,
}

impl NewArchive for Writing {
    fn add(&mut self, rows: &[MovedRow]) -> Result<()> {
        let cells = |row: &MovedRow| match row {
            MovedRow::Reward(row) => reward_row(row),
            MovedRow::Transfer(row) => transfer(row),
        };
        let rows: Vec<_> = rows.iter().map(cells).collect();
        Ok(self.sink.rows(&rows).map_err(|error| unwritable(self.part.path(), &error))?)
    }

    fn end_hour(&mut self) -> Result<()> {
        Ok(self.sink.write_group().map_err(|error| unwritable(self.part.path(), &error))?)
    }

    fn finish(self: Box<Self>) -> Result<String> {
        let Self { table, day, folder, part, mut sink } = *self;
        sink.finish().map_err(|error| unwritable(part.path(), &error))?;
        drop(sink);
        fault::point("archive written");
        let synced = part.as_file().sync_all();
        synced.map_err(|source| cannot("brought to the disk", part.path(), source))?;
        let bytes = fs::read(part.path()).map_err(|source| cannot("read", part.path(), source))?;
        let sha256 = hash(&bytes);
        let name = format!("{day}.{}.parquet", &sha256[..NAMED_BY]);
        let path = folder.join(&name);
        match part.persist_noclobber(&path) {
            Ok(_) => {}
            // The same rows were written before, by a process that was killed or for a day that was brought back.
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => same(&path, &bytes)?,
            Err(failed) => return Err(cannot("named", &path, failed.error).into()),
        }
        fault::point("archive named");
        // Its name is on the disk only once the folder is.
        sync(&folder)?;
        Ok(format!("{}/{name}", table.name()))
    }
}

/// Takes a file that is there, where it holds these bytes; brings it to the disk.
fn same(path: &Path, bytes: &[u8]) -> Result<(), ArchiveError> {
    if fs::read(path).map_err(|source| cannot("read", path, source))? != bytes {
        let why = "a file of this name is there and holds something else; move it away".to_owned();
        return Err(ArchiveError::Unwritable { path: path.to_owned(), why });
    }
    sync(path)
}

/// Makes a folder and those above it, where they are missing, and brings their names to the disk.
fn make(folder: &Path) -> Result<(), ArchiveError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(folder);
    make(above)?;
    match fs::create_dir(folder) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
            Err(cannot("made", folder, source))
        }
        _ => sync(if above.as_os_str().is_empty() { Path::new(".") } else { above }),
    }
}

/// Brings a file, or the names in a folder, to the disk.
fn sync(path: &Path) -> Result<(), ArchiveError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| cannot("brought to the disk", path, source))
}

const fn exported(table: Movable) -> Exported {
    match table {
        Movable::HourlyRewards => Exported::Rewards(Kind::Hourly),
        Movable::Transfers => Exported::Transfers,
    }
}

/// Hands over the rows of a file, or of a part of it.
fn each(
    path: &Path,
    bytes: &[u8],
    table: Movable,
    part: Option<(usize, usize)>,
    take: &mut dyn FnMut(MovedRow) -> Result<(), String>,
) -> Result<(), ArchiveError> {
    let columns = match table {
        Movable::HourlyRewards => &REWARDS,
        Movable::Transfers => &TRANSFERS,
    };
    let mut refused = None;
    let read = rows_of(path, &mut Cursor::new(bytes), columns, part, &mut |row| {
        let moved = match table {
            Movable::HourlyRewards => MovedRow::Reward(reward(path, row)?),
            Movable::Transfers => MovedRow::Transfer(delivered(path, row)?),
        };
        if let Err(why) = take(moved) {
            refused.get_or_insert(why);
        }
        Ok(())
    });
    let why = read.err().map(|error| crate::errors::chain(&error)).or(refused);
    why.map_or(Ok(()), |why| Err(ArchiveError::Changed { path: path.to_owned(), why }))
}

fn reward(path: &Path, row: &dyn Row) -> Result<RewardRow, FileError> {
    let bad = |column| bad_value(path, &REWARDS, row, column);
    let position = row.integer(1).map_err(bad(1))?;
    let amounts = 3..3 + HOURLY_COLUMNS.len();
    Ok(RewardRow {
        partner_id: row.integer(0).map_err(bad(0))?,
        position: u32::try_from(position).map_err(|_| bad(1)(BadValue::NotAnInteger.into()))?,
        start: row.instant(2).map_err(bad(2))?,
        amounts: amounts.map(|column| row.amount(column).map_err(bad(column))).collect::<Result<_, _>>()?,
    })
}

fn delivered(path: &Path, row: &dyn Row) -> Result<StoredTransfer, FileError> {
    let bad = |column| bad_value(path, &TRANSFERS, row, column);
    let attempts = row.integer(3).map_err(bad(3))?;
    Ok(StoredTransfer {
        transfer: Transfer {
            partner_id: row.integer(0).map_err(bad(0))?,
            time: row.instant(1).map_err(bad(1))?,
            amount: row.amount(2).map_err(bad(2))?,
        },
        attempts: u32::try_from(attempts).map_err(|_| bad(3)(BadValue::NotAnInteger.into()))?,
        next_attempt_at: None,
        last_error: None,
        delivered_at: Some(row.instant(4).map_err(bad(4))?),
    })
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cannot(doing: &'static str, path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Io { doing, path: path.to_owned(), source }
}

fn unwritable(path: &Path, error: &(dyn std::error::Error + 'static)) -> ArchiveError {
    ArchiveError::Unwritable { path: path.to_owned(), why: crate::errors::chain(error) }
}
