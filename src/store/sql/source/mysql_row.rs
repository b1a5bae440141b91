//! Rows of MySQL and MariaDB.

use chrono::NaiveDate;
use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow;
use sqlx::{
    AssertSqlSafe, Column as _, Decode, Either, Executor, MySql, MySqlConnection, Row as _, TypeInfo,
    ValueRef,
};

use super::row::{SourceRow, Take};
use crate::rewards::money::Units;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::text::sql_time;

/// Streams the rows of a query through `take`. After the first error the rest is read and dropped: a stream that is
/// left in the middle would break its connection.
pub(super) async fn each_row(
    connection: &mut MySqlConnection,
    sql: &str,
    values: &[String],
    table: &str,
    take: Take<'_>,
) -> Result<(), SourceError> {
    let failed = |source| SourceError::Database { table: table.to_owned(), source };
    let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| query.bind(value));
    // What `fetch` is made of, without its filter: that is one layer less for every row.
    let mut rows = connection.fetch_many(query);
    let mut outcome = Ok(());
    let mut kinds = None;
    while let Some(step) = rows.try_next().await.map_err(failed)? {
        let Either::Right(row) = step else { continue };
        let kinds = kinds.get_or_insert_with(|| kinds_of(&row));
        if outcome.is_ok() {
            outcome = take(&MySqlValues { row, kinds });
        }
    }
    outcome
}

/// What the values of a column can be taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Text,
    Time,
    Other,
}

/// Types whose values arrive as text.
const TEXTS: [&str; 13] = [
    "DECIMAL",
    "CHAR",
    "VARCHAR",
    "TINYTEXT",
    "TEXT",
    "MEDIUMTEXT",
    "LONGTEXT",
    "ENUM",
    "BINARY",
    "VARBINARY",
    "TINYBLOB",
    "BLOB",
    "LONGBLOB",
];

/// The kinds of a result's columns, which are the same in each of its rows.
fn kinds_of(row: &MySqlRow) -> Vec<Kind> {
    let kind = |name: &str| match name {
        "DATETIME" | "TIMESTAMP" => Kind::Time,
        name if name.contains("INT") && name.ends_with("UNSIGNED") => Kind::Unsigned,
        name if name.contains("INT") => Kind::Signed,
        name if TEXTS.contains(&name) => Kind::Text,
        _ => Kind::Other,
    };
    row.columns().iter().map(|column| kind(column.type_info().name())).collect()
}

/// A row of the binary protocol, read from its raw bytes: that is what makes a million of them fast.
struct MySqlValues<'kinds> {
    row: MySqlRow,
    kinds: &'kinds [Kind],
}

impl MySqlValues<'_> {
    /// A value as Rust's type for it, without asking whether the types fit: `kinds` has said so.
    fn take<'row, T>(&'row self, index: usize, wrong: BadValue) -> Result<T, BadValue>
    where
        T: Decode<'row, MySql>,
    {
        self.row
            .try_get_unchecked(index)
            .map_err(|_| if self.is_null(index) { BadValue::Null } else { wrong })
    }

    fn is_null(&self, index: usize) -> bool {
        self.row.try_get_raw(index).is_ok_and(|value| value.is_null())
    }

    /// Why a value of another kind cannot be taken.
    fn refuse<T>(&self, index: usize, wrong: BadValue) -> Result<T, BadValue> {
        Err(if self.is_null(index) { BadValue::Null } else { wrong })
    }

    fn type_name(&self, index: usize) -> &str {
        self.row.column(index).type_info().name()
    }
}

/// An instant of the binary protocol: its length, year (two bytes), month, day and, where they are not all zero, hour,
/// minute, second and microsecond (four bytes), the lowest byte first.
fn micros(bytes: &[u8]) -> Option<i64> {
    let (date, time) = bytes.split_first()?.1.split_at_checked(4)?;
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

impl SourceRow for MySqlValues<'_> {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        match self.kinds[index] {
            // Texts of a binary collation are announced as binary; what counts is that they are UTF-8.
            Kind::Text => self.take(index, BadValue::NotText),
            _ => self.refuse(index, BadValue::NotText),
        }
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        match self.kinds[index] {
            Kind::Signed => self.take(index, BadValue::NotAnInteger),
            Kind::Unsigned => {
                let number: u64 = self.take(index, BadValue::NotAnInteger)?;
                i64::try_from(number).map_err(|_| BadValue::NotAnInteger)
            }
            _ => self.refuse(index, BadValue::NotAnInteger),
        }
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match self.kinds[index] {
            Kind::Text => Ok(Units::parse_bytes(self.take(index, BadValue::NotText)?)?),
            Kind::Signed | Kind::Unsigned => Ok(Units::whole(self.integer(index)?)),
            _ => self.refuse(index, BadValue::Inexact(self.type_name(index).to_owned())),
        }
    }

    fn micros(&self, index: usize) -> Result<i64, BadValue> {
        match self.kinds[index] {
            // A TIMESTAMP is in the session's zone, which is UTC.
            Kind::Time => micros(self.take(index, BadValue::NotAnInstant)?).ok_or(BadValue::NotAnInstant),
            _ => self.refuse(index, BadValue::NotAnInstant),
        }
    }

    fn show(&self, index: usize) -> String {
        let shown = match self.kinds[index] {
            _ if self.is_null(index) => return "NULL".to_owned(),
            Kind::Time => self.instant(index).map(sql_time),
            Kind::Signed | Kind::Unsigned => self.integer(index).map(|number| number.to_string()),
            _ => self.text(index).map(str::to_owned),
        };
        shown.unwrap_or_else(|_| format!("a {}", self.type_name(index)))
    }
}
