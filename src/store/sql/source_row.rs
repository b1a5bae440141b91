//! Rows of a source, whose column types are not ours to choose: each value is taken exactly or refused.

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::chrono::NaiveDateTime;
use sqlx::{AssertSqlSafe, Row as _, TypeInfo, ValueRef};

use super::driver::Tx;
use super::text::parse_time;
use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::error::{BadValue, SourceError};

/// A row, column by column.
pub(super) trait SourceRow: Sync {
    fn text(&self, index: usize) -> Result<&str, BadValue>;
    fn integer(&self, index: usize) -> Result<i64, BadValue>;
    fn amount(&self, index: usize) -> Result<Units, BadValue>;
    fn instant(&self, index: usize) -> Result<Instant, BadValue>;

    /// The value for a message; `NULL` where there is none.
    fn show(&self, index: usize) -> String;
}

impl Tx {
    /// Streams the rows of a query through `take`. After the first error the rest is read and dropped: a stream that
    /// is left in the middle would break its connection.
    pub(super) async fn each_row(
        &mut self,
        sql: &str,
        values: &[String],
        table: &str,
        take: &mut (dyn FnMut(&dyn SourceRow) -> Result<(), SourceError> + Send),
    ) -> Result<(), SourceError> {
        let failed = |source| SourceError::Database { table: table.to_owned(), source };
        let mut outcome = Ok(());
        macro_rules! stream {
            ($connection:expr) => {{
                let query = sqlx::query(AssertSqlSafe(sql));
                let query = values.iter().fold(query, |query, value| query.bind(value));
                let mut rows = query.fetch(&mut **$connection);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    if outcome.is_ok() {
                        outcome = take(&row);
                    }
                }
            }};
        }
        match self {
            Self::MySql(tx) => stream!(tx),
            Self::Sqlite(tx) => stream!(tx),
        }
        outcome
    }
}

/// The type of a value as the driver names it; `NULL` where there is none.
macro_rules! type_name {
    ($row:expr, $index:expr) => {
        match $row.try_get_raw($index) {
            Ok(value) if value.is_null() => "NULL".to_owned(),
            Ok(value) => value.type_info().name().to_owned(),
            Err(error) => format!("unreadable: {error}"),
        }
    };
}

/// Types whose values arrive as text.
const MYSQL_TEXTS: [&str; 13] = [
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

fn parse_amount(text: &str) -> Result<Units, BadValue> {
    Ok(Units::parse(text)?)
}

impl SourceRow for MySqlRow {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            // Texts of a binary collation are announced as binary; what counts is that they are UTF-8.
            name if MYSQL_TEXTS.contains(&name) => {
                let bytes = self.try_get_unchecked(index).map_err(|_| BadValue::NotText)?;
                std::str::from_utf8(bytes).map_err(|_| BadValue::NotText)
            }
            _ => Err(BadValue::NotText),
        }
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            name if name.contains("INT") && name.ends_with("UNSIGNED") => {
                let number: u64 = self.try_get_unchecked(index).map_err(|_| BadValue::NotAnInteger)?;
                i64::try_from(number).map_err(|_| BadValue::NotAnInteger)
            }
            name if name.contains("INT") => self.try_get_unchecked(index).map_err(|_| BadValue::NotAnInteger),
            _ => Err(BadValue::NotAnInteger),
        }
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            name if name.contains("INT") => parse_amount(&self.integer(index)?.to_string()),
            name => match self.text(index) {
                Ok(text) => parse_amount(text),
                Err(_) => Err(BadValue::Inexact(name.to_owned())),
            },
        }
    }

    fn instant(&self, index: usize) -> Result<Instant, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            // A TIMESTAMP is in the session's zone, which is UTC.
            "DATETIME" | "TIMESTAMP" => {
                let time = self.try_get_unchecked::<NaiveDateTime, _>(index);
                time.map(|time| time.and_utc()).map_err(|_| BadValue::NotAnInstant)
            }
            _ => Err(BadValue::NotAnInstant),
        }
    }

    fn show(&self, index: usize) -> String {
        let shown = match type_name!(self, index).as_str() {
            "NULL" => return "NULL".to_owned(),
            "DATETIME" | "TIMESTAMP" => self.instant(index).map(super::text::sql_time),
            name if name.contains("INT") => self.integer(index).map(|number| number.to_string()),
            _ => self.text(index).map(str::to_owned),
        };
        shown.unwrap_or_else(|_| format!("a {}", type_name!(self, index)))
    }
}

impl SourceRow for SqliteRow {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            "TEXT" => self.try_get_unchecked(index).map_err(|_| BadValue::NotText),
            _ => Err(BadValue::NotText),
        }
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            "INTEGER" => self.try_get_unchecked(index).map_err(|_| BadValue::NotAnInteger),
            _ => Err(BadValue::NotAnInteger),
        }
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match type_name!(self, index).as_str() {
            "NULL" => Err(BadValue::Null),
            "TEXT" => parse_amount(self.text(index)?),
            "INTEGER" => parse_amount(&self.integer(index)?.to_string()),
            name => Err(BadValue::Inexact(name.to_owned())),
        }
    }

    fn instant(&self, index: usize) -> Result<Instant, BadValue> {
        match self.text(index) {
            Ok(text) => parse_time(text),
            Err(BadValue::Null) => Err(BadValue::Null),
            Err(_) => Err(BadValue::OtherForm),
        }
    }

    fn show(&self, index: usize) -> String {
        let shown = match type_name!(self, index).as_str() {
            "NULL" => return "NULL".to_owned(),
            "INTEGER" => self.integer(index).map(|number| number.to_string()),
            _ => self.text(index).map(str::to_owned),
        };
        shown.unwrap_or_else(|_| format!("a {}", type_name!(self, index)))
    }
}
