//! CSV and JSON lines.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::error;
use super::{Cell, ExportError, Exported, Sink};

type Out = BufWriter<Box<dyn Write + Send + Sync>>;

/// For `map_err`: which file could not be written.
fn failed(path: &Path) -> impl Fn(io::Error) -> ExportError + use<> {
    let to_file_error = error::io("write", path);
    move |source| to_file_error(source).into()
}

/// A header line, then a line for each row; NULL is an empty field.
pub(super) struct Csv {
    path: PathBuf,
    out: csv::Writer<Out>,
}

impl Csv {
    pub fn new(
        table: Exported,
        out: Box<dyn Write + Send + Sync>,
        path: PathBuf,
    ) -> Result<Self, ExportError> {
        let mut csv = Self { path, out: csv::Writer::from_writer(BufWriter::new(out)) };
        csv.record(table.columns().iter().map(|(name, _)| (*name).to_owned()))?;
        Ok(csv)
    }

    fn record(&mut self, fields: impl Iterator<Item = String>) -> Result<(), ExportError> {
        let written = self.out.write_record(fields.map(String::into_bytes));
        written.map_err(|error| {
            failed(&self.path)(match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            })
        })
    }
}

impl Sink for Csv {
    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<(), ExportError> {
        rows.iter().try_for_each(|row| self.record(row.iter().map(|cell| cell.text().unwrap_or_default())))
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        self.out.flush().map_err(failed(&self.path))
    }
}

/// One object for each row, a line each: integers as numbers, everything else as text.
pub(super) struct Json {
    table: Exported,
    path: PathBuf,
    out: Out,
}

impl Json {
    pub fn new(table: Exported, out: Box<dyn Write + Send + Sync>, path: PathBuf) -> Self {
        Self { table, path, out: BufWriter::new(out) }
    }

    fn line(&mut self, row: &[Cell]) -> io::Result<()> {
        let value = |cell: &Cell| match cell {
            Cell::Integer(number) => Value::from(*number),
            cell => cell.text().map_or(Value::Null, Value::String),
        };
        let columns = self.table.columns();
        let fields = columns.iter().zip(row).map(|((name, _), cell)| ((*name).to_owned(), value(cell)));
        let object: Map<String, Value> = fields.collect();
        serde_json::to_writer(&mut self.out, &object)?;
        self.out.write_all(b"\n")
    }
}

impl Sink for Json {
    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<(), ExportError> {
        rows.iter().try_for_each(|row| self.line(row)).map_err(failed(&self.path))
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        self.out.flush().map_err(failed(&self.path))
    }
}
