//! A whole table of somebody else's, as texts: for lists that are watched. Only ever read.

use super::driver::Database;
use super::source::quoted;
use crate::store::error::doing;
use crate::store::{Result, StoreError};

/// More texts than this are no list that somebody confirms, bytes.
const LARGEST: usize = 8 * 1024 * 1024;
const MOST_ROWS: usize = 100_000;

/// A column and its text, for each that is not NULL.
pub type ListedRow = Vec<(String, String)>;

/// The rows of a table. `columns` are those that are read; empty: all. Names are checked ones.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Foreign`] where there is no such table, it is too large, or a column's name cannot be
/// quoted.
pub async fn read_listing(database: &Database, table: &str, columns: &[String]) -> Result<Vec<ListedRow>> {
    let columns = if columns.is_empty() { columns_of(database, table).await? } else { columns.to_vec() };
    let texts: Vec<String> =
        columns.iter().map(|column| format!("CAST({} AS CHAR)", quoted(column))).collect();
    let sql =
        format!("/* listing */ SELECT {} FROM {} LIMIT {}", texts.join(", "), quoted(table), MOST_ROWS + 1);
    let found = database.fetch(sql, &[]).await.map_err(doing("reading a watched table"))?;
    let (mut rows, mut bytes) = (vec![], 0);
    for row in &found {
        let mut values: ListedRow = vec![];
        for (index, column) in columns.iter().enumerate() {
            let text = row.optional_text(index).map_err(doing("reading a watched table"))?;
            values.extend(text.map(|text| (column.clone(), text)));
        }
        bytes += values.iter().map(|(column, text)| column.len() + text.len()).sum::<usize>();
        rows.push(values);
    }
    if bytes > LARGEST || rows.len() > MOST_ROWS {
        return Err(foreign(format!(
            "{table} is larger than 8 MB or {MOST_ROWS} rows, so it is not looked at"
        )));
    }
    Ok(rows)
}

async fn columns_of(database: &Database, table: &str) -> Result<Vec<String>> {
    let (schema, bare) = match table.split_once('.') {
        Some((schema, bare)) => (Some(schema), bare),
        None => (None, table),
    };
    let sql = match database {
        Database::MySql(_) => {
            "/* listing */ SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
             WHERE table_name = ? AND table_schema = COALESCE(?, DATABASE()) ORDER BY ordinal_position"
        }
        Database::Sqlite(_) => "/* listing */ SELECT name FROM pragma_table_info(?, COALESCE(?, 'main'))",
    };
    let rows = database.fetch(sql, &[bare.into(), schema.into()]).await;
    let rows = rows.map_err(doing("looking for the columns of a watched table"))?;
    let names: Vec<String> = rows
        .iter()
        .map(|row| row.text(0))
        .collect::<sqlx::Result<_>>()
        .map_err(doing("reading a column's name"))?;
    let is_plain = |name: &&String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    };
    if names.is_empty() {
        return Err(foreign(format!("there is no table {table}, or it may not be read")));
    }
    match names.iter().find(|name| !is_plain(name)) {
        Some(name) => {
            Err(foreign(format!("{table} has a column {name:?}: name those to look at in `columns`")))
        }
        None => Ok(names),
    }
}

const fn foreign(why: String) -> StoreError {
    StoreError::Foreign { why }
}
