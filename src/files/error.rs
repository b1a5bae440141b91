//! What can be wrong with a file: what, where, why, and what to do about it.

use std::path::{Path, PathBuf};

use super::value::Flaw;
use super::{Row, Table};
use crate::rewards::rates::Conflict;
use crate::rewards::window::show;

/// How much of a value or a list a message shows: enough to find it by.
const SHOWN_CHARS: usize = 120;

/// Why a file was not read or not written. Nothing of a refused file is used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path}: the name must end in .csv or .parquet, which says how to read it")]
    Ending { path: PathBuf },
    #[error("cannot {doing} {path}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is there already; name another file, or replace it with --force")]
    Exists { path: PathBuf },
    #[error("{path} is empty; its first line must name the columns {wanted}")]
    Empty { path: PathBuf, wanted: String },
    #[error("{path} has no column {name}; it has {found}, and must have {wanted}")]
    NoColumn { path: PathBuf, name: &'static str, found: String, wanted: String },
    #[error("{path} has the column {name} twice; it has {found}; rename or remove one")]
    TwoColumns { path: PathBuf, name: &'static str, found: String },
    #[error("{path}: the column {column} holds {holds}; {advice}")]
    ColumnType { path: PathBuf, column: &'static str, holds: &'static str, advice: &'static str },
    #[error("{path}, {place}: {fields} fields where the header names {columns}; correct the line")]
    Ragged { path: PathBuf, place: String, fields: u64, columns: u64 },
    #[error(
        "{path}, {place}: a field goes over the end of the line; close its quotation mark, or take the line breaks out"
    )]
    LineBreak { path: PathBuf, place: String },
    #[error("{path}, {place}: the text is not UTF-8; save the file as UTF-8")]
    NotUtf8 { path: PathBuf, place: String },
    #[error("{path}, {place}: {column} is {value}, which {why}; correct the file, nothing of it was used")]
    BadValue { path: PathBuf, place: String, column: &'static str, value: String, why: String },
    #[error(
        "{path}: the votes of rows {first} and {second} have the same id {id}; remove one (the header is no row)",
        first = rows.0, second = rows.1
    )]
    DuplicateId { path: PathBuf, id: i64, rows: (u64, u64) },
    #[error(
        "{path} has two rates quoted at {at}: {first} and {second}; remove one",
        at = show(conflict.at), first = conflict.rates.0, second = conflict.rates.1
    )]
    Conflict { path: PathBuf, conflict: Conflict },
    #[error("{path} is damaged or not a Parquet file ({why}); write it anew")]
    Damaged { path: PathBuf, why: String },
}

impl FileError {
    /// Two rates of a file disagree.
    #[must_use]
    pub fn conflict(path: &Path, conflict: &Conflict) -> Self {
        Self::Conflict { path: path.to_owned(), conflict: *conflict }
    }

    /// Whether reading or writing failed as such; otherwise it is what the file holds.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Exists { .. })
    }
}

/// For `map_err`: what was being done to which file.
pub(super) fn io(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError::Io { doing, path: path.clone(), source }
}

/// For `map_err`: which value of which row is bad.
pub(super) fn bad_value<'row>(
    path: &'row Path,
    table: &'row Table,
    row: &'row dyn Row,
    column: usize,
) -> impl FnOnce(Flaw) -> FileError + use<'row> {
    move |why| {
        let id = if table.keyed && column > 0 { row.integer(0).ok() } else { None };
        let place = id.map_or_else(|| row.place(), |id| format!("{} (id {id})", row.place()));
        FileError::BadValue {
            path: path.to_owned(),
            place,
            column: table.columns[column].name,
            value: clipped(row.show(column)),
            why: why.to_string(),
        }
    }
}

/// Names as a message lists them.
pub(super) fn list<'name>(names: impl IntoIterator<Item = &'name str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.escape_debug().to_string()).collect();
    clipped(names.join(", "))
}

/// A text as a message shows it: in quotation marks, so that blanks are seen, and without control characters.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { format!("\"{}\"", text.escape_debug()) }
}

fn clipped(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}
