//! Rows of MySQL and MariaDB, as the binary protocol has them.

use chrono::NaiveDate;
use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{Column, NullBitmap};
use mysql_common::value::ServerSide;

use super::row::{SourceRow, Take};
use super::wire::{Wire, beyond};
use crate::rewards::money::Units;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::text::sql_time;

/// No query of a source asks for more.
pub(super) const MOST_COLUMNS: usize = 8;

/// Hands the rows of a query to `take`. After its first error the rest is read and dropped, so that the connection can
/// be asked again.
pub(super) async fn each_row(
    wire: &mut Wire,
    sql: &str,
    values: &[String],
    table: &str,
    take: Take<'_>,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Database { table: table.to_owned(), source };
    let columns: Vec<_> = wire.ask(sql, values).await.map_err(failed)?.iter().map(Shape::of).collect();
    let mut outcome = Ok(());
    let mut rows_returned = 0_u64;
    while let Some(packet) = wire.row().await.map_err(failed)? {
        let row = MySqlRow::new(packet, &columns);
        let row = row.ok_or_else(|| failed(beyond("a row has a form that is not known")))?;
        if outcome.is_ok() {
            outcome = take(&row);
        }
        rows_returned += 1;
    }
    // As sqlx has it, for whoever reads the log at this level.
    tracing::trace!(target: "sqlx::query", { db.statement = sql, rows_returned }, "sent");
    outcome
}

/// What the values of a column can be taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signed,
    Unsigned,
    Text,
    Time,
    Other,
}

/// What a column says of its values.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub kind: Kind,
    pub type_name: String,
    /// How many bytes each value has, where all have as many; else a value says it itself.
    bytes: Option<usize>,
}

impl Shape {
    fn of(column: &Column) -> Self {
        use ColumnType::*;
        let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        let (kind, bytes) = match column.column_type() {
            MYSQL_TYPE_TINY => (Kind::Signed, Some(1)),
            MYSQL_TYPE_SHORT => (Kind::Signed, Some(2)),
            MYSQL_TYPE_LONG | MYSQL_TYPE_INT24 => (Kind::Signed, Some(4)),
            MYSQL_TYPE_LONGLONG => (Kind::Signed, Some(8)),
            MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_DATETIME => (Kind::Time, None),
            // Texts of a binary collation are announced as binary; what counts is that they are UTF-8.
            MYSQL_TYPE_DECIMAL
            | MYSQL_TYPE_NEWDECIMAL
            | MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_STRING
            | MYSQL_TYPE_ENUM
            | MYSQL_TYPE_SET
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
            | MYSQL_TYPE_BLOB => (Kind::Text, None),
            MYSQL_TYPE_FLOAT => (Kind::Other, Some(4)),
            MYSQL_TYPE_DOUBLE => (Kind::Other, Some(8)),
            MYSQL_TYPE_YEAR => (Kind::Other, Some(2)),
            MYSQL_TYPE_NULL => (Kind::Other, Some(0)),
            _ => (Kind::Other, None),
        };
        let kind = if kind == Kind::Signed && is_unsigned { Kind::Unsigned } else { kind };
        let type_name = format!("{:?}", column.column_type()).replace("MYSQL_TYPE_", "");
        Self { kind, type_name, bytes }
    }

    /// Of values whose bytes are there already.
    pub(super) fn cut(kind: Kind, type_name: &str) -> Self {
        Self { kind, type_name: type_name.to_owned(), bytes: None }
    }
}

/// Values that lie where they have arrived: that is what makes a million of them fast.
pub(super) struct MySqlRow<'row> {
    pub columns: &'row [Shape],
    /// As many as there are columns; none is NULL.
    pub values: [Option<&'row [u8]>; MOST_COLUMNS],
}

impl<'row> MySqlRow<'row> {
    /// A zero, a bit for each column that says whether it is NULL, and the other values.
    fn new(packet: &'row [u8], columns: &'row [Shape]) -> Option<Self> {
        let mut rest = ParseBuf(packet.get(1..)?);
        let nulls = rest.checked_eat(NullBitmap::<ServerSide, &[u8]>::bitmap_len(columns.len()))?;
        let nulls = NullBitmap::<ServerSide, _>::from_bytes(nulls);
        let mut values = [None; MOST_COLUMNS];
        for (index, column) in columns.iter().enumerate() {
            if !nulls.is_null(index) {
                let value = match column.bytes {
                    Some(bytes) => rest.checked_eat(bytes),
                    None => rest.checked_eat_lenenc_str(),
                };
                *values.get_mut(index)? = Some(value?);
            }
        }
        rest.is_empty().then_some(Self { columns, values })
    }

    /// A value, where it is of a kind that can be taken.
    fn take(&self, index: usize, kinds: &[Kind], wrong: BadValue) -> Result<&'row [u8], BadValue> {
        let value = self.values[index].ok_or(BadValue::Null)?;
        if kinds.contains(&self.columns[index].kind) { Ok(value) } else { Err(wrong) }
    }
}

/// An integer of one, two, four or eight bytes, the lowest first.
fn integer(bytes: &[u8], kind: Kind) -> Option<i64> {
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let number = i64::from_le_bytes(wide);
    match kind {
        Kind::Signed => {
            let spare = 64 - 8 * bytes.len() as u32;
            Some(number << spare >> spare)
        }
        _ => (number >= 0).then_some(number),
    }
}

/// An instant: year (two bytes), month, day and, where they are not all zero, hour, minute, second and microsecond (four
/// bytes), the lowest byte first.
fn micros(bytes: &[u8]) -> Option<i64> {
    let (date, time) = bytes.split_at_checked(4)?;
    let date = NaiveDate::from_ymd_opt(
        i32::from(u16::from_le_bytes([date[0], date[1]])),
        u32::from(date[2]),
        u32::from(date[3]),
    )?;
    let (second, micros) = match *time {
        [] => ([0; 3], 0),
        [hour, minute, second] => ([hour, minute, second], 0),
        [hour, minute, second, a, b, c, d] => ([hour, minute, second], u32::from_le_bytes([a, b, c, d])),
        _ => return None,
    };
    let [hour, minute, second] = second.map(u32::from);
    Some(date.and_hms_micro_opt(hour, minute, second, micros)?.and_utc().timestamp_micros())
}

impl SourceRow for MySqlRow<'_> {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        let bytes = self.take(index, &[Kind::Text], BadValue::NotText)?;
        std::str::from_utf8(bytes).map_err(|_| BadValue::NotText)
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        let bytes = self.take(index, &[Kind::Signed, Kind::Unsigned], BadValue::NotAnInteger)?;
        integer(bytes, self.columns[index].kind).ok_or(BadValue::NotAnInteger)
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match (self.columns[index].kind, self.values[index]) {
            (_, None) => Err(BadValue::Null),
            (Kind::Text, Some(bytes)) => Ok(Units::parse_bytes(bytes)?),
            (Kind::Signed | Kind::Unsigned, _) => Ok(Units::whole(self.integer(index)?)),
            _ => Err(BadValue::Inexact(self.columns[index].type_name.clone())),
        }
    }

    fn micros(&self, index: usize) -> Result<i64, BadValue> {
        // A TIMESTAMP is in the session's zone, which is UTC.
        micros(self.take(index, &[Kind::Time], BadValue::NotAnInstant)?).ok_or(BadValue::NotAnInstant)
    }

    fn show(&self, index: usize) -> String {
        let column = &self.columns[index];
        let shown = match column.kind {
            _ if self.values[index].is_none() => return "NULL".to_owned(),
            Kind::Time => self.instant(index).map(sql_time),
            Kind::Signed | Kind::Unsigned => self.integer(index).map(|number| number.to_string()),
            _ => self.text(index).map(str::to_owned),
        };
        shown.unwrap_or_else(|_| format!("a {}", column.type_name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn column(of_type: ColumnType, flags: ColumnFlags) -> Shape {
        Shape::of(&Column::new(of_type).with_flags(flags))
    }

    #[test]
    fn values_are_taken_from_their_bytes_or_refused() {
        let signed = ColumnFlags::empty();
        let columns = [
            column(ColumnType::MYSQL_TYPE_LONGLONG, signed),
            column(ColumnType::MYSQL_TYPE_LONGLONG, ColumnFlags::UNSIGNED_FLAG),
            column(ColumnType::MYSQL_TYPE_VAR_STRING, signed),
            column(ColumnType::MYSQL_TYPE_DATETIME, signed),
            column(ColumnType::MYSQL_TYPE_VECTOR, signed),
        ];
        // Nothing is NULL but the third.
        let mut packet = vec![0, 0b0001_0000];
        packet.extend((-2_i64).to_le_bytes());
        packet.extend(u64::MAX.to_le_bytes());
        packet.extend([7, 0xea, 7, 11, 19, 13, 30, 1, 3, 1, 2, 3]);
        let row = MySqlRow::new(&packet, &columns).unwrap();
        assert_eq!(row.integer(0).unwrap(), -2);
        assert!(matches!(row.integer(1), Err(BadValue::NotAnInteger)));
        assert!(matches!(row.text(2), Err(BadValue::Null)));
        assert_eq!(row.show(3), "2026-11-19 13:30:01.000000");
        assert!(matches!(row.amount(4), Err(BadValue::Inexact(_))));
        assert!(MySqlRow::new(&packet[..packet.len() - 1], &columns).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(
            columns in vec((any::<u8>(), any::<u16>()), 0..12),
            packet in vec(any::<u8>(), 0..60),
        ) {
            let _ = ParseBuf(&packet).parse::<Column>(());
            let columns = columns.into_iter().filter_map(|(of_type, flags)| {
                Some(column(ColumnType::try_from(of_type).ok()?, ColumnFlags::from_bits_truncate(flags)))
            });
            let columns: Vec<_> = columns.collect();
            if let Some(row) = MySqlRow::new(&packet, &columns) {
                for index in 0..columns.len() {
                    let _ = (row.integer(index), row.text(index), row.amount(index), row.micros(index));
                    row.show(index);
                }
            }
        }
    }
}
