//! The rows of MySQL and MariaDB by sqlx: slower than over a [`Wire`](super::wire::Wire), and able to do all that the
//! pool can. Its values are the same bytes.

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow as Row;
use sqlx::{AssertSqlSafe, Column as _, Either, Executor, MySqlConnection, Row as _, TypeInfo};

use super::mysql_row::{Kind, MOST_COLUMNS, MySqlRow, Shape};
use super::row::Take;
use crate::store::error::SourceError;

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
    let mut columns = None;
    while let Some(step) = rows.try_next().await.map_err(failed)? {
        let Either::Right(row) = step else { continue };
        let columns = columns.get_or_insert_with(|| row.columns().iter().map(shape).collect::<Vec<_>>());
        if outcome.is_ok() {
            let values = cut(&row, columns).map_err(failed)?;
            outcome = take(&MySqlRow { columns, values });
        }
    }
    outcome
}

fn shape(column: &sqlx::mysql::MySqlColumn) -> Shape {
    let name = column.type_info().name();
    let kind = match name {
        "DATETIME" | "TIMESTAMP" => Kind::Time,
        _ if name.contains("INT") && name.ends_with("UNSIGNED") => Kind::Unsigned,
        _ if name.contains("INT") => Kind::Signed,
        _ if TEXTS.contains(&name) => Kind::Text,
        _ => Kind::Other,
    };
    Shape::cut(kind, name)
}

fn cut<'row>(row: &'row Row, columns: &[Shape]) -> sqlx::Result<[Option<&'row [u8]>; MOST_COLUMNS]> {
    let mut values = [None; MOST_COLUMNS];
    for (index, (value, column)) in values.iter_mut().zip(columns).enumerate() {
        let bytes: Option<&[u8]> = row.try_get_unchecked(index)?;
        // Of an instant, sqlx keeps the length before it.
        *value = if column.kind == Kind::Time { bytes.and_then(|bytes| bytes.get(1..)) } else { bytes };
    }
    Ok(values)
}
