//! What goes into a statement and comes out of it: SQL, values, rows.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::driver::Database;
use crate::rewards::money::Units;

/// SQL with `?` for values: one of our named constants, or text made of constants and checked names. Made of an
/// [`Arc`], it can be run again without a copy.
#[derive(Clone, Debug)]
pub struct Sql(pub(super) SqlStr);

impl From<&'static str> for Sql {
    fn from(sql: &'static str) -> Self {
        Self(sql.into_sql_str())
    }
}

impl From<String> for Sql {
    fn from(sql: String) -> Self {
        Self(AssertSqlSafe(sql).into_sql_str())
    }
}

impl From<Arc<str>> for Sql {
    fn from(sql: Arc<str>) -> Self {
        Self(AssertSqlSafe(sql).into_sql_str())
    }
}

/// A value for a `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Amount(Units),
}

impl From<Units> for Value<'_> {
    fn from(amount: Units) -> Self {
        Self::Amount(amount)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Values in the form in which a driver sends them.
pub enum Bound {
    MySql(MySqlArguments),
    Sqlite(SqliteArguments),
}

impl Bound {
    /// # Errors
    /// The driver's, where it cannot send a value.
    pub fn new(database: &Database, values: &[Value<'_>]) -> sqlx::Result<Self> {
        Ok(match database {
            Database::MySql(_) => Self::MySql(bind(values)?),
            Database::Sqlite(_) => Self::Sqlite(bind(values)?),
        })
    }
}

pub(super) fn bind<A: Arguments>(values: &[Value<'_>]) -> sqlx::Result<A>
where
    A::Database: sqlx::Database,
    for<'v> Option<&'v str>: sqlx::Encode<'v, A::Database> + sqlx::Type<A::Database>,
    for<'v> &'v str: sqlx::Encode<'v, A::Database> + sqlx::Type<A::Database>,
    for<'v> i64: sqlx::Encode<'v, A::Database> + sqlx::Type<A::Database>,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), 16 * values.len());
    let mut add = |value: &Value<'_>| -> Result<(), BoxDynError> {
        match value {
            Value::Null => arguments.add(None::<&str>),
            Value::Int(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_ref()),
            Value::Amount(amount) => arguments.add(amount.text().as_str()),
        }
    };
    values.iter().try_for_each(&mut add).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// A row of texts and integers, by column index.
#[derive(Debug)]
pub enum Row {
    MySql(MySqlRow),
    Sqlite(SqliteRow),
}

macro_rules! column {
    ($row:expr, $index:expr) => {
        match $row {
            Row::MySql(row) => sqlx::Row::try_get(row, $index),
            Row::Sqlite(row) => sqlx::Row::try_get(row, $index),
        }
    };
}

impl Row {
    /// # Errors
    /// The driver's, where the column is NULL or no text.
    pub fn text(&self, index: usize) -> sqlx::Result<String> {
        column!(self, index)
    }

    /// # Errors
    /// The driver's, where the column is no text.
    pub fn optional_text(&self, index: usize) -> sqlx::Result<Option<String>> {
        column!(self, index)
    }

    /// # Errors
    /// The driver's, where the column is no integer.
    pub fn optional_int(&self, index: usize) -> sqlx::Result<Option<i64>> {
        column!(self, index)
    }

    /// # Errors
    /// The driver's, where the column is NULL or no integer.
    pub fn int(&self, index: usize) -> sqlx::Result<i64> {
        column!(self, index)
    }
}
