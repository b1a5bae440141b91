//! Rows of SQLite, by its own library: sqlx hands each row from one thread to another, which takes longer than all the
//! rest of a load.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use super::row::{SourceRow, Take};
use crate::rewards::money::Units;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::text::parse_micros;

/// Hands the rows of a query to `take` until it gives an error.
pub(super) fn each_row(
    connection: &Connection,
    sql: &str,
    values: &[String],
    table: &str,
    take: Take<'_>,
) -> Result<(), SourceError> {
    let failed = |why| SourceError::Sqlite { table: table.to_owned(), why };
    let mut query = connection.prepare(sql).map_err(failed)?;
    let mut rows = query.query(params_from_iter(values)).map_err(failed)?;
    let mut rows_returned = 0_u64;
    while let Some(row) = rows.next().map_err(failed)? {
        take(row)?;
        rows_returned += 1;
    }
    // As sqlx has it, for whoever reads the log at this level.
    tracing::trace!(target: "sqlx::query", { db.statement = sql, rows_returned }, "sent");
    Ok(())
}

/// SQLite's columns have no type that their values must keep to: each value says its own.
impl SourceRow for rusqlite::Row<'_> {
    fn text(&self, index: usize) -> Result<&str, BadValue> {
        match self.get_ref(index) {
            Ok(ValueRef::Null) => Err(BadValue::Null),
            Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).map_err(|_| BadValue::NotText),
            _ => Err(BadValue::NotText),
        }
    }

    fn integer(&self, index: usize) -> Result<i64, BadValue> {
        match self.get_ref(index) {
            Ok(ValueRef::Null) => Err(BadValue::Null),
            Ok(ValueRef::Integer(number)) => Ok(number),
            _ => Err(BadValue::NotAnInteger),
        }
    }

    fn amount(&self, index: usize) -> Result<Units, BadValue> {
        match self.get_ref(index) {
            Ok(ValueRef::Null) => Err(BadValue::Null),
            Ok(ValueRef::Text(bytes)) => Ok(Units::parse_bytes(bytes)?),
            Ok(ValueRef::Integer(number)) => Ok(Units::whole(number)),
            _ => Err(BadValue::Inexact(type_name(self, index))),
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
        match self.get_ref(index) {
            Ok(ValueRef::Null) => "NULL".to_owned(),
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Text(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => format!("a {}", type_name(self, index)),
        }
    }
}

fn type_name(row: &rusqlite::Row<'_>, index: usize) -> String {
    row.get_ref(index)
        .map_or_else(|error| error.to_string(), |value| value.data_type().to_string().to_uppercase())
}
