//! Looking at a table, its columns and indexes, and at how a query would go through it.

use sqlx::Row as _;

use super::facts::{Column, Index, Looked, Plan, Step, Table};
use super::statements as sql;
use crate::errors::chain;
use crate::rewards::window::Window;
use crate::store::sql::bind::{Row, Value};
use crate::store::sql::driver::Database;
use crate::store::sql::source::{SourceNames, bound};

/// A table, by its name with or without its schema. None: there is none, or none that the user may see.
pub(super) async fn look(database: &Database, name: &str) -> Looked<Option<Table>> {
    let table = match database {
        Database::MySql(_) => on_server(database, name).await,
        Database::Sqlite(_) => in_file(database, name).await,
    };
    table.map_err(|error| chain(&error))
}

/// How the votes of a window would be read.
pub(super) async fn plan(database: &Database, names: &SourceNames, window: &Window) -> Plan {
    let values = [bound(window.start).into(), bound(window.end).into()];
    let step = match database {
        Database::MySql(_) => server_step,
        Database::Sqlite(_) => file_step,
    };
    match database.fetch(sql::votes_plan(database, names), &values).await {
        Ok(rows) => Plan::Steps(rows.iter().map(step).collect()),
        Err(error) => match database.prepare(&names.votes_query(true)).await {
            Ok(()) => Plan::Hidden(chain(&error)),
            Err(error) => Plan::Refused(chain(&error)),
        },
    }
}

/// Name and schema, for the statements that take both.
fn key(name: &str) -> [Value<'_>; 2] {
    match name.split_once('.') {
        Some((schema, table)) => [table.into(), schema.into()],
        None => [name.into(), Value::Null],
    }
}

async fn on_server(database: &Database, name: &str) -> sqlx::Result<Option<Table>> {
    let tables = database.fetch(sql::TABLE, &key(name)).await?;
    let Some(table) = tables.first() else { return Ok(None) };
    let is_view = table.text(0)?.ends_with("VIEW");
    let storage = table.optional_text(1)?;
    let columns = database.fetch(sql::COLUMNS, &key(name)).await?;
    let columns = columns.iter().map(server_column).collect::<sqlx::Result<_>>()?;
    let indexes = if is_view { vec![] } else { database.fetch(sql::indexes(name), &[]).await? };
    let mut table = Table { is_view, storage, is_strict: true, columns, indexes: vec![] };
    for row in &indexes {
        let text = |column| named(row, column).unwrap_or_default();
        let index = Index {
            name: text("Key_name"),
            is_unique: text("Non_unique") == "0",
            is_primary: text("Key_name") == "PRIMARY",
            is_used: text("Visible") != "NO" && text("Ignored") != "YES",
            columns: vec![],
        };
        let column = named(row, "Column_name").filter(|_| named(row, "Sub_part").is_none());
        add_to_index(&mut table.indexes, index, column);
    }
    Ok(Some(table))
}

fn server_column(row: &Row) -> sqlx::Result<Column> {
    let number = |column| Ok::<_, sqlx::Error>(row.optional_text(column)?.and_then(|text| text.parse().ok()));
    let default = row.optional_text(6)?.unwrap_or_default().to_lowercase();
    Ok(Column {
        name: row.text(0)?,
        data_type: row.text(1)?.to_lowercase(),
        full_type: row.text(2)?,
        scale: number(3)?,
        second_digits: number(4)?,
        is_nullable: row.text(5)? == "YES",
        defaults_to_now: default.starts_with("current_timestamp"),
    })
}

async fn in_file(database: &Database, name: &str) -> sqlx::Result<Option<Table>> {
    let tables = database.fetch(sql::SQLITE_TABLE, &key(name)).await?;
    let Some(table) = tables.first() else { return Ok(None) };
    let (is_view, is_strict) = (table.text(0)? == "view", table.int(1)? == 1);
    let columns = database.fetch(sql::SQLITE_COLUMNS, &key(name)).await?;
    let column = |row: &Row| {
        let full_type = row.text(1)?;
        let data_type = full_type.to_lowercase();
        let is_nullable = row.int(2)? == 0;
        Ok(Column { name: row.text(0)?, data_type, full_type, is_nullable, ..Column::default() })
    };
    let columns = columns.iter().map(column).collect::<sqlx::Result<_>>()?;
    let mut table = Table { is_view, storage: None, is_strict, columns, indexes: vec![] };
    for row in &database.fetch(sql::SQLITE_INDEXES, &key(name)).await? {
        let index = Index {
            name: row.text(0)?,
            is_unique: row.int(1)? == 1,
            is_primary: row.int(2)? == 1,
            is_used: row.int(3)? == 0,
            columns: vec![],
        };
        add_to_index(&mut table.indexes, index, row.optional_text(4)?);
    }
    Ok(Some(table))
}

/// Columns come one by one, those of an index together and in order.
fn add_to_index(indexes: &mut Vec<Index>, index: Index, column: Option<String>) {
    if indexes.last().is_none_or(|last| last.name != index.name) {
        indexes.push(index);
    }
    indexes.last_mut().expect("one is there now").columns.push(column);
}

fn server_step(row: &Row) -> Step {
    let extra = named(row, "Extra").unwrap_or_default();
    Step {
        is_scan: matches!(named(row, "type").as_deref(), Some("ALL" | "index")),
        index: named(row, "key"),
        is_covered: extra.split("; ").any(|part| part == "Using index"),
        rows: named(row, "rows").and_then(|rows| rows.parse().ok()),
    }
}

/// `SEARCH votes USING COVERING INDEX votes_by_time (voted_at>? AND voted_at<?)`, or `SCAN votes`.
fn file_step(row: &Row) -> Step {
    let detail = row.text(3).unwrap_or_default();
    let words = detail.split(' ').collect::<Vec<_>>();
    let index = words.iter().position(|word| *word == "INDEX").and_then(|at| words.get(at + 1));
    Step {
        is_scan: words[0] == "SCAN",
        index: index.map(|index| (*index).to_owned()),
        is_covered: words.contains(&"COVERING"),
        rows: None,
    }
}

/// A column of what a server shows of itself, as text whatever its type. None: NULL, or not shown by this server.
fn named(row: &Row, column: &str) -> Option<String> {
    let Row::MySql(row) = row else { return None };
    let text = || row.try_get::<Option<String>, _>(column);
    let signed =
        || row.try_get::<Option<i64>, _>(column).map(|number| number.map(|number| number.to_string()));
    let unsigned =
        || row.try_get::<Option<u64>, _>(column).map(|number| number.map(|number| number.to_string()));
    text().or_else(|_| signed()).or_else(|_| unsigned()).ok().flatten()
}
