//! Rows of a source, whose column types are not ours to choose: each value is taken exactly or refused.

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::chrono::NaiveDateTime;
use sqlx::{AssertSqlSafe, Column as _, Decode, MySql, Row as _, TypeInfo, ValueRef};

use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::driver::Tx;
use crate::store::sql::text::{parse_micros, sql_time};

/// A row, column by column.
pub(super) trait SourceRow: Sync {
    fn text(&self, index: usize) -> Result<&str, BadValue>;
    fn integer(&self, index: usize) -> Result<i64, BadValue>;
    fn amount(&self, index: usize) -> Result<Units, BadValue>;

    /// Microseconds since 1970, UTC.
    fn micros(&self, index: usize) -> Result<i64, BadValue>;

    fn instant(&self, index: usize) -> Result<Instant, BadValue> {
        Instant::from_timestamp_micros(self.micros(index)?).ok_or(BadValue::NotAnInstant)
    }

    /// The value for a message; `NULL` where there is none.
    fn show(&self, index: usize) -> String;
}

/// What is done with each row; after its first error no more rows are handed over.
pub(super) type Take<'take> = &'take mut (dyn FnMut(&dyn SourceRow) -> Result<(), SourceError> + Send);

impl Tx {
    /// Streams the rows of a query through `take`. After the first error the rest is read and dropped: a stream that
    /// is left in the middle would break its connection.
    pub(super) async fn each_row(
        &mut self,
        sql: &str,
        values: &[String],
        table: &str,
        take: Take<'_>,
    ) -> Result<(), SourceError> {
        let failed = |source| SourceError::Database { table: table.to_owned(), source };
        let query = AssertSqlSafe(sql);
        let mut outcome = Ok(());
        match self {
            Self::MySql(tx) => {
                let query = values.iter().fold(sqlx::query(query), |query, value| query.bind(value));
                let mut rows = query.fetch(&mut **tx);
                let mut kinds = None;
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    let kinds = kinds.get_or_insert_with(|| mysql_kinds(&row));
                    if outcome.is_ok() {
                        outcome = take(&MySqlValues { row, kinds });
                    }
                }
            }
            Self::Sqlite(tx) => {
                let query = values.iter().fold(sqlx::query(query), |query, value| query.bind(value));
                let mut rows = query.fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    if outcome.is_ok() {
                        outcome = take(&row);
                    }
                }
            }
        }
        outcome
    }
}

/// What a value can be taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Signed,
    Unsigned,
    Text,
    Time,
    Other,
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

/// The kinds of a result's columns, which are the same in each of its rows.
fn mysql_kinds(row: &MySqlRow) -> Vec<Kind> {
    let kind = |name: &str| match name {
        "DATETIME" | "TIMESTAMP" => Kind::Time,
        name if name.contains("INT") && name.ends_with("UNSIGNED") => Kind::Unsigned,
        name if name.contains("INT") => Kind::Signed,
        name if MYSQL_TEXTS.contains(&name) => Kind::Text,
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
            Kind::Time => {
                let time: NaiveDateTime = self.take(index, BadValue::NotAnInstant)?;
                Ok(time.and_utc().timestamp_micros())
            }
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

/// The kind of one value: SQLite's columns have none that their values must keep to.
fn sqlite_kind(row: &SqliteRow, index: usize) -> Kind {
    match row.try_get_raw(index) {
        Ok(value) if value.is_null() => Kind::Null,
        Ok(value) => match value.type_info().name() {
            "TEXT" => Kind::Text,
            "INTEGER" => Kind::Signed,
            _ => Kind::Other,
        },
        Err(_) => Kind::Other,
    }
}

fn sqlite_type(row: &SqliteRow, index: usize) -> String {
    match row.try_get_raw(index) {
        Ok(value) => value.type_info().name().to_owned(),
        Err(error) => format!("value that is unreadable: {error}"),
    }
}

impl SourceRow for SqliteRow {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        match sqlite_kind(self, index) {
            Kind::Null => Err(BadValue::Null),
            Kind::Text => self.try_get_unchecked(index).map_err(|_| BadValue::NotText),
            _ => Err(BadValue::NotText),
        }
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        match sqlite_kind(self, index) {
            Kind::Null => Err(BadValue::Null),
            Kind::Signed => self.try_get_unchecked(index).map_err(|_| BadValue::NotAnInteger),
            _ => Err(BadValue::NotAnInteger),
        }
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match sqlite_kind(self, index) {
            Kind::Null => Err(BadValue::Null),
            Kind::Text => Ok(Units::parse(self.text(index)?)?),
            Kind::Signed => Ok(Units::whole(self.integer(index)?)),
            _ => Err(BadValue::Inexact(sqlite_type(self, index))),
        }
    }

    fn micros(&self, index: usize) -> Result<i64, BadValue> {
        match self.text(index) {
            Ok(text) => parse_micros(text),
            Err(BadValue::Null) => Err(BadValue::Null),
            Err(_) => Err(BadValue::OtherForm),
        }
    }

    fn show(&self, index: usize) -> String {
        let shown = match sqlite_kind(self, index) {
            Kind::Null => return "NULL".to_owned(),
            Kind::Signed => self.integer(index).map(|number| number.to_string()),
            _ => self.text(index).map(str::to_owned),
        };
        shown.unwrap_or_else(|_| format!("a {}", sqlite_type(self, index)))
    }
}
