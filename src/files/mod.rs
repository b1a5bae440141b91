//! Votes and rates from files, the five result tables of a simulation into files, [`export`]s of what is stored, and the
//! [`Folder`] of days that were moved out of the tables.
//!
//! A file is read like a database's source is (rules, section 8): every value is taken exactly or the file is refused
//! with its place, nothing is guessed and nothing is skipped. What a name ends in says how to read it, as CSV or as
//! Parquet; both ways hand over rows, and what makes a vote or a quote of a row is written once, here.

use std::path::Path;

mod csv_files;
mod error;
pub mod export;
mod parquet_files;
mod shelf;
mod tables;
mod value;

pub use error::FileError;
pub use shelf::Folder;
pub use tables::Tables;

use crate::frames::{Vote, VoteColumns};
use crate::rewards::money::Units;
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::window::Instant;
use value::Flaw;

/// How many rows are read between two reports of progress.
const PROGRESS_ROWS: usize = 1 << 16;

/// The columns that a file must have.
struct Table {
    columns: &'static [Column],
    /// Whether the first column names the row in messages.
    keyed: bool,
}

/// A column by name; others are ignored, and the order in the file is free.
struct Column {
    name: &'static str,
    holds: Holds,
}

/// What a column holds, which decides the types it may have where a file is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Integer,
    Text,
    Amount,
    Instant,
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, holds }
}

const VOTES: Table = Table {
    columns: &[
        column("id", Holds::Integer),
        column("partner_id", Holds::Integer),
        column("vote_type", Holds::Text),
        column("cc", Holds::Amount),
        column("ecc", Holds::Amount),
        column("voted_at", Holds::Instant),
    ],
    keyed: true,
};

const RATES: Table =
    Table { columns: &[column("quoted_at", Holds::Instant), column("rate", Holds::Amount)], keyed: false };

impl Table {
    /// The names, as a message lists them.
    fn names(&self) -> String {
        error::list(self.columns.iter().map(|column| column.name))
    }

    /// Where each column stands among the names that a file has.
    fn find(&self, path: &Path, names: &[&str]) -> Result<Vec<usize>, FileError> {
        let find = |column: &Column| {
            let name = column.name;
            let mut places = (0..names.len()).filter(|place| names[*place] == name);
            let (path, found) = (|| path.to_owned(), || error::list(names.iter().copied()));
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => Err(FileError::TwoColumns { path: path(), name, found: found() }),
                (None, _) => {
                    Err(FileError::NoColumn { path: path(), name, found: found(), wanted: self.names() })
                }
            }
        };
        self.columns.iter().map(find).collect()
    }
}

/// One row, its cells by the order of [`Table::columns`]. Texts are read the same way in every kind of file.
trait Row {
    fn text(&self, column: usize) -> Result<&str, Flaw>;

    fn integer(&self, column: usize) -> Result<i64, Flaw> {
        value::integer(self.text(column)?)
    }

    fn amount(&self, column: usize) -> Result<Units, Flaw> {
        value::amount(self.text(column)?)
    }

    fn instant(&self, column: usize) -> Result<Instant, Flaw> {
        value::instant(self.text(column)?)
    }

    /// The value for a message.
    fn show(&self, column: usize) -> String;

    /// Where the row stands, for a message: `line 7`, `row 6`.
    fn place(&self) -> String;
}

/// What is done with each row; its error ends the reading.
type Take<'take> = &'take mut dyn FnMut(&dyn Row) -> Result<(), FileError>;

/// The votes of a file, in its order.
#[derive(Clone, Debug, Default)]
pub struct VoteFile {
    /// One per vote, all different.
    pub ids: Vec<i64>,
    pub votes: VoteColumns,
}

/// Reads votes from a `.csv` or `.parquet` file. `progress` is told now and then how many rows have been read, and at
/// the end how many there are.
///
/// # Errors
/// [`FileError`]: the file cannot be read, a column is missing, a value is not exactly what its column holds, or an id
/// comes twice.
pub fn read_votes(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<VoteFile, FileError> {
    let mut file = VoteFile::default();
    each_row(path, &VOTES, &mut |row| {
        let bad = |column| error::bad_value(path, &VOTES, row, column);
        let vote_amount = |column| row.amount(column).and_then(value::vote_amount).map_err(bad(column));
        let id = row.integer(0).map_err(bad(0))?;
        file.votes.push(Vote {
            partner_id: row.integer(1).map_err(bad(1))?,
            vote_type: row.text(2).map_err(bad(2))?,
            cc: vote_amount(3)?,
            ecc: vote_amount(4)?,
            voted_at: row.instant(5).map_err(bad(5))?.timestamp_micros(),
        });
        file.ids.push(id);
        if file.ids.len().is_multiple_of(PROGRESS_ROWS) {
            progress(file.ids.len() as u64);
        }
        Ok(())
    })?;
    progress(file.ids.len() as u64);
    refuse_duplicates(path, &file.ids)?;
    Ok(file)
}

/// Reads CC rates from a `.csv` or `.parquet` file, in its order. They make [`Quotes`]: no two of them conflict.
///
/// # Errors
/// [`FileError`]: the file cannot be read, a column is missing, a value is not exactly what its column holds, or two
/// rates of one instant disagree.
pub fn read_rates(path: &Path) -> Result<Vec<Quote>, FileError> {
    let mut quotes = Vec::new();
    each_row(path, &RATES, &mut |row| {
        let bad = |column| error::bad_value(path, &RATES, row, column);
        quotes.push(Quote {
            at: row.instant(0).map_err(bad(0))?,
            rate: row.amount(1).and_then(value::not_negative).map_err(bad(1))?,
        });
        Ok(())
    })?;
    Quotes::new(quotes.clone()).map_err(|conflict| FileError::conflict(path, &conflict))?;
    Ok(quotes)
}

fn each_row(path: &Path, table: &Table, take: Take<'_>) -> Result<(), FileError> {
    let ending = path.extension().unwrap_or_default();
    if ending.eq_ignore_ascii_case("csv") {
        csv_files::each_row(path, table, take)
    } else if ending.eq_ignore_ascii_case("parquet") {
        parquet_files::each_row(path, table, take)
    } else {
        Err(FileError::Ending { path: path.to_owned() })
    }
}

/// Sources number their votes upwards, so a file is mostly seen to hold no id twice without sorting a copy.
fn refuse_duplicates(path: &Path, ids: &[i64]) -> Result<(), FileError> {
    if ids.is_sorted_by(|id, next| id < next) {
        return Ok(());
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let Some(&[id, _]) = sorted.array_windows().find(|[id, next]| id == next) else { return Ok(()) };
    let mut rows = (1..).zip(ids).filter_map(|(row, other)| (*other == id).then_some(row));
    let mut next = || rows.next().expect("the id was seen twice");
    Err(FileError::DuplicateId { path: path.to_owned(), id, rows: (next(), next()) })
}

#[cfg(test)]
mod tests;
