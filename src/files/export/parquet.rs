//! Parquet: amounts as DECIMAL(28,8), instants as microseconds in UTC, days as dates.

use std::io::Write;

use polars::prelude::*;

use super::{Cell, Column, ExportError, Exported, Holds, Sink};
use crate::rewards::money::SCALE;

/// Digits of an amount, as the tables declare them.
const PRECISION: usize = 28;

/// Rows of a group: what is held in memory until they are written.
const GROUP_ROWS: usize = 50_000;

/// Days from 0001-01-01, which chrono counts from, to 1970-01-01, which Parquet counts from.
const DAYS_TO_1970: i32 = 719_163;

pub(in crate::files) struct Parquet {
    table: Exported,
    columns: Vec<Column>,
    writer: BatchedWriter<Box<dyn Write + Send + Sync>>,
    /// By column.
    group: Vec<Vec<Cell>>,
}

impl Parquet {
    pub fn new(table: Exported, out: Box<dyn Write + Send + Sync>) -> Result<Self, ExportError> {
        let columns = table.columns();
        let fields = columns.iter().map(|(name, holds)| Field::new((*name).into(), dtype(*holds)));
        let schema: Schema = fields.collect();
        // One column after the other: the server is what this waits for.
        let writer = ParquetWriter::new(out).set_parallel(false).batched(&schema).map_err(failed(table))?;
        let group = vec![vec![]; columns.len()];
        Ok(Self { table, columns, writer, group })
    }

    /// Ends a row group: what follows can be read without it.
    pub fn write_group(&mut self) -> Result<(), ExportError> {
        let rows = self.group[0].len();
        if rows == 0 {
            return Ok(());
        }
        let cells = self.group.iter_mut().map(std::mem::take);
        let series = self
            .columns
            .iter()
            .zip(cells)
            .map(|((name, holds), cells)| Ok(series(name, *holds, &cells)?.into_column()));
        let frame =
            series.collect::<PolarsResult<Vec<Column_>>>().and_then(|columns| DataFrame::new(rows, columns));
        frame.and_then(|frame| self.writer.write_batch(&frame)).map_err(failed(self.table))
    }
}

/// Polars has a column of its own.
type Column_ = polars::prelude::Column;

impl Sink for Parquet {
    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<(), ExportError> {
        for row in rows {
            for (column, cell) in self.group.iter_mut().zip(row) {
                column.push(cell.clone());
            }
        }
        if self.group[0].len() >= GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), ExportError> {
        self.write_group()?;
        self.writer.finish().map(drop).map_err(failed(self.table))
    }
}

fn failed(table: Exported) -> impl Fn(PolarsError) -> ExportError {
    move |error| ExportError::Parquet { table: table.name(), why: error.to_string() }
}

const fn dtype(holds: Holds) -> DataType {
    match holds {
        Holds::Integer => DataType::Int64,
        Holds::Text => DataType::String,
        Holds::Amount => DataType::Decimal(PRECISION, SCALE as usize),
        Holds::Instant => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        Holds::Day => DataType::Date,
    }
}

fn series(name: &str, holds: Holds, cells: &[Cell]) -> PolarsResult<Series> {
    let name = PlSmallStr::from_str(name);
    let integer = |cell: &Cell| match cell {
        Cell::Integer(number) => Some(*number),
        Cell::Instant(instant) => Some(instant.timestamp_micros()),
        _ => None,
    };
    Ok(match holds {
        Holds::Integer => Int64Chunked::from_iter_options(name, cells.iter().map(integer)).into_series(),
        Holds::Instant => Int64Chunked::from_iter_options(name, cells.iter().map(integer))
            .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
            .into_series(),
        Holds::Text => {
            let text = |cell: &Cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None };
            StringChunked::from_iter_options(name, cells.iter().map(text)).into_series()
        }
        Holds::Amount => {
            let units =
                |cell: &Cell| if let Cell::Amount(amount) = cell { Some(amount.count()) } else { None };
            let units = Int128Chunked::from_iter_options(name, cells.iter().map(units));
            units.into_decimal(PRECISION, SCALE as usize)?.into_series()
        }
        Holds::Day => {
            let days = |cell: &Cell| {
                let Cell::Day(day) = cell else { return None };
                Some(chrono::Datelike::num_days_from_ce(day) - DAYS_TO_1970)
            };
            Int32Chunked::from_iter_options(name, cells.iter().map(days)).into_date().into_series()
        }
    })
}
