//! Rows of a Parquet file, one row group at a time: memory grows with a group, not with the file. Polars decodes;
//! what comes out of it are texts, 128-bit integers and instants, never a binary floating point number.

use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::io::mmap::MmapBytesReader;
use polars::prelude::*;

use super::error::{self, FileError};
use super::value::{self, Flaw};
use super::{Holds, Row, Table, Take};
use crate::rewards::money::{MoneyError, SCALE, Units};
use crate::rewards::window::Instant;
use crate::store::BadValue;

/// A column of one row group.
enum Cells {
    Text(StringChunked),
    /// Integers and decimals: each is its value divided by 10 to the power of the scale.
    Number {
        values: Int128Chunked,
        scale: u32,
    },
    /// Since 1970, in UTC; a column's own zone is only how its writer would show them.
    Instant {
        values: Int64Chunked,
        unit: TimeUnit,
    },
}

struct ParquetRow<'group> {
    cells: &'group [Cells],
    /// Within the row group.
    index: usize,
    /// Within the file, from 1.
    number: usize,
}

impl Row for ParquetRow<'_> {
    fn text(&self, column: usize) -> Result<&str, Flaw> {
        match &self.cells[column] {
            Cells::Text(values) => value::text(values.get(self.index).unwrap_or_default()),
            Cells::Number { .. } | Cells::Instant { .. } => Err(BadValue::NotText.into()),
        }
    }

    fn integer(&self, column: usize) -> Result<i64, Flaw> {
        match self.number(column)? {
            Some((value, 0)) => Ok(i64::try_from(value).map_err(|_| BadValue::NotAnInteger)?),
            Some(_) => Err(BadValue::NotAnInteger.into()),
            None => value::integer(self.text(column)?),
        }
    }

    fn amount(&self, column: usize) -> Result<Units, Flaw> {
        match self.number(column)? {
            Some((value, scale)) => Ok(units(value, scale).map_err(BadValue::from)?),
            None => value::amount(self.text(column)?),
        }
    }

    fn instant(&self, column: usize) -> Result<Instant, Flaw> {
        match &self.cells[column] {
            Cells::Instant { values, unit } => {
                value::in_years(instant(values.get(self.index).ok_or(BadValue::Null)?, *unit)?)
            }
            Cells::Text(_) | Cells::Number { .. } => value::instant(self.text(column)?),
        }
    }

    fn show(&self, column: usize) -> String {
        let null = || "NULL".to_owned();
        match &self.cells[column] {
            Cells::Text(values) => values.get(self.index).map_or_else(null, error::quoted),
            Cells::Number { values, scale } => {
                values.get(self.index).map_or_else(null, |value| decimal(value, *scale))
            }
            Cells::Instant { values, unit } => {
                let shown = |value| format!("{value} {} since 1970", unit.to_ascii());
                values.get(self.index).map_or_else(null, shown)
            }
        }
    }

    fn place(&self) -> String {
        format!("row {}", self.number)
    }
}

impl ParquetRow<'_> {
    /// A number and its scale; none where the column is no number.
    fn number(&self, column: usize) -> Result<Option<(i128, u32)>, BadValue> {
        match &self.cells[column] {
            Cells::Number { values, scale } => {
                Ok(Some((values.get(self.index).ok_or(BadValue::Null)?, *scale)))
            }
            Cells::Text(_) | Cells::Instant { .. } => Ok(None),
        }
    }
}

pub(super) fn each_row(path: &Path, table: &Table, take: Take<'_>) -> Result<(), FileError> {
    let mut file = File::open(path).map_err(error::io("open", path))?;
    let found = file.metadata().map_err(error::io("read", path))?;
    if found.is_dir() {
        return Err(error::io("read", path)(ErrorKind::IsADirectory.into()));
    }
    if found.len() == 0 {
        return Err(FileError::Empty { path: path.to_owned(), wanted: table.names() });
    }
    rows_of(path, &mut file, table, None, take)
}

/// The rows of a Parquet file that is open, or of a part of it: the first and how many. Row groups outside of the part
/// are not read.
pub(super) fn rows_of<F: MmapBytesReader>(
    path: &Path,
    file: &mut F,
    table: &Table,
    part: Option<(usize, usize)>,
    take: Take<'_>,
) -> Result<(), FileError> {
    let metadata = guarded(path, || ParquetReader::new(&mut *file).get_metadata().cloned())?;
    let names: Vec<&str> = metadata.schema_descr.fields().iter().map(|field| field.name()).collect();
    table.find(path, &names)?;
    let schema = guarded(path, || reader(file, &metadata).schema())?;
    check_types(path, table, &schema)?;

    let columns: Vec<String> = table.columns.iter().map(|column| column.name.to_owned()).collect();
    let (part_first, part_end) = part.map_or((0, usize::MAX), |(first, rows)| (first, first + rows));
    let mut next = 0;
    for group_rows in metadata.row_groups.iter().map(|group| group.num_rows()) {
        let (first, end) = (next.max(part_first), (next + group_rows).min(part_end));
        next += group_rows;
        if first >= end {
            continue;
        }
        let cells = guarded(path, || {
            let reader = reader(file, &metadata)
                .with_columns(Some(columns.clone()))
                .with_slice(Some((first, end - first)))
                .read_parallel(ParallelStrategy::RowGroups);
            cells(table, end - first, &reader.finish()?)
        })?;
        for index in 0..end - first {
            take(&ParquetRow { cells: &cells, index, number: first + index + 1 })?;
        }
    }
    Ok(())
}

fn reader<'file, F: MmapBytesReader>(
    file: &'file mut F,
    metadata: &FileMetadataRef,
) -> ParquetReader<&'file mut F> {
    let mut reader = ParquetReader::new(file);
    reader.set_metadata(Arc::clone(metadata));
    reader
}

/// Runs Polars on a file that may be anything: it panics on some that are damaged, which is no more than an error here.
/// The file is only read, so nothing is left half changed. What this cannot catch is a damaged page that asks for more
/// memory than there is: it ends the process, before anything of the file was used.
fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, FileError> {
    let damaged = |why: String| FileError::Damaged { path: path.to_owned(), why };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|error| damaged(error.to_string())),
        Err(_) => Err(damaged("its contents contradict each other".to_owned())),
    }
}

/// Refuses columns of types that do not hold their values exactly, before any value is read.
fn check_types(path: &Path, table: &Table, schema: &ArrowSchema) -> Result<(), FileError> {
    for column in table.columns {
        let dtype = schema.get(column.name).map(|field| field.dtype());
        let (holds, fits) =
            dtype.map_or(("values of another type", false), |dtype| described(dtype, column.holds));
        if !fits {
            let advice = match column.holds {
                Holds::Integer => "write it as whole numbers of 64 bits",
                Holds::Text => "write it as text",
                Holds::Amount => "write it as DECIMAL or as text, which are exact",
                Holds::Instant => "write it as timestamps or as text",
            };
            return Err(FileError::ColumnType { path: path.to_owned(), column: column.name, holds, advice });
        }
    }
    Ok(())
}

/// What values of a type are called, and whether they can be what a column holds.
fn described(dtype: &ArrowDataType, holds: Holds) -> (&'static str, bool) {
    use ArrowDataType as D;
    let number = matches!(holds, Holds::Integer | Holds::Amount);
    match dtype {
        D::Utf8 | D::LargeUtf8 | D::Utf8View => ("text", true),
        D::Dictionary(_, values, _) => described(values, holds),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => {
            ("whole numbers", number)
        }
        D::Decimal256(precision, _) if *precision > 38 => ("decimals of more than 38 digits", false),
        D::Decimal(_, scale) | D::Decimal32(_, scale) | D::Decimal64(_, scale) | D::Decimal256(_, scale) => {
            ("decimals", holds == Holds::Amount || holds == Holds::Integer && *scale == 0)
        }
        D::Timestamp(..) => ("timestamps", holds == Holds::Instant),
        D::Float16 | D::Float32 | D::Float64 => ("binary floating point numbers, which are not exact", false),
        D::Date32 | D::Date64 => ("dates without a time", false),
        D::Boolean => ("truth values", false),
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => ("bytes", false),
        D::Null => ("nothing but NULL", false),
        _ => ("values of another type", false),
    }
}

/// The columns of a row group in the order of the table's.
fn cells(table: &Table, rows: usize, group: &DataFrame) -> PolarsResult<Vec<Cells>> {
    let cells = |name: &str| {
        let series = group.column(name)?.as_materialized_series().rechunk();
        polars_ensure!(series.len() == rows, ShapeMismatch: "column {name} has {} of {rows} rows", series.len());
        match series.dtype() {
            DataType::String => Ok(Cells::Text(series.str()?.clone())),
            DataType::Categorical(..) | DataType::Enum(..) => {
                Ok(Cells::Text(series.cast(&DataType::String)?.str()?.clone()))
            }
            DataType::Datetime(unit, _) => {
                Ok(Cells::Instant { values: series.to_physical_repr().i64()?.clone(), unit: *unit })
            }
            DataType::Decimal(_, scale) => {
                let values = series.to_physical_repr().i128()?.clone();
                Ok(Cells::Number { values, scale: *scale as u32 })
            }
            _ => {
                Ok(Cells::Number { values: series.strict_cast(&DataType::Int128)?.i128()?.clone(), scale: 0 })
            }
        }
    };
    table.columns.iter().map(|column| cells(column.name)).collect()
}

/// `value · 10⁻ˢᶜᵃˡᵉ` as an amount; digits past the eighth must be zeros.
fn units(value: i128, scale: u32) -> Result<Units, MoneyError> {
    let count = match SCALE.checked_sub(scale) {
        Some(missing) => value.checked_mul(10_i128.pow(missing)).ok_or(MoneyError::OutOfRange)?,
        None => {
            let surplus = 10_i128.checked_pow(scale - SCALE).ok_or(MoneyError::TooPrecise)?;
            if value % surplus != 0 {
                return Err(MoneyError::TooPrecise);
            }
            value / surplus
        }
    };
    Units::new(count)
}

fn decimal(value: i128, scale: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>1$}", value.unsigned_abs(), scale as usize + 1);
    match digits.split_at(digits.len() - scale as usize) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

fn instant(value: i64, unit: TimeUnit) -> Result<Instant, Flaw> {
    let micros = match unit {
        TimeUnit::Nanoseconds if value % 1000 != 0 => return Err(Flaw::FinerThanMicros),
        TimeUnit::Nanoseconds => Some(value / 1000),
        TimeUnit::Microseconds => Some(value),
        TimeUnit::Milliseconds => value.checked_mul(1000),
    };
    Ok(micros.and_then(Instant::from_timestamp_micros).ok_or(BadValue::NotAnInstant)?)
}
