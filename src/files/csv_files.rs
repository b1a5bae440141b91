//! Rows of a CSV file: UTF-8, comma, a header line. Read as a stream into one record that is used again, so memory
//! does not grow with the file.

use std::path::Path;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};

use super::error::{self, FileError};
use super::value::{self, Flaw};
use super::{Row, Table, Take};

/// How much is read from the disk at a time.
const BUFFER_BYTES: usize = 1 << 18;

struct CsvRow<'file> {
    record: &'file StringRecord,
    /// Where each column of the table stands in the record.
    fields: &'file [usize],
}

impl Row for CsvRow<'_> {
    fn text(&self, column: usize) -> Result<&str, Flaw> {
        value::text(&self.record[self.fields[column]])
    }

    fn show(&self, column: usize) -> String {
        error::quoted(&self.record[self.fields[column]])
    }

    fn place(&self) -> String {
        place(self.record.position())
    }
}

pub(super) fn each_row(path: &Path, table: &Table, take: Take<'_>) -> Result<(), FileError> {
    let failed = |error| csv_error(path, error);
    let mut reader = ReaderBuilder::new().buffer_capacity(BUFFER_BYTES).from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?;
    if header.is_empty() {
        return Err(FileError::Empty { path: path.to_owned(), wanted: table.names() });
    }
    let fields = table.find(path, &header.iter().collect::<Vec<_>>())?;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(failed)? {
        // A quotation mark that is never closed swallows the lines up to the next one. No value of ours has a line
        // break, so nothing is lost by refusing them all; otherwise rows would be skipped in silence.
        if record.as_slice().contains(['\n', '\r']) {
            return Err(FileError::LineBreak { path: path.to_owned(), place: place(record.position()) });
        }
        take(&CsvRow { record: &record, fields: &fields })?;
    }
    Ok(())
}

fn place(position: Option<&Position>) -> String {
    format!("line {}", position.map_or(1, Position::line))
}

fn csv_error(path: &Path, error: csv::Error) -> FileError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => FileError::NotUtf8 { path, place: place(pos.as_ref()) },
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            FileError::Ragged { path, place: place(pos.as_ref()), fields: *len, columns: *expected_len }
        }
        _ => FileError::Io { doing: "read", path, source: error.into() },
    }
}
