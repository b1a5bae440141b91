//! What meets the tables of an older program: looks at their form, reads them as they are, and makes ours beside them.
//! They may have any types and no index, so each is read from end to end, once, when an operator asks for it.

use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::Kind;
use crate::store::sql::Database;

/// Columns of the tables that both programs have: table, column, type, whether it is of the primary key, and whether the
/// table keeps to its types.
#[must_use]
pub fn forms(database: &Database, tables: &[&str]) -> String {
    let names = tables.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    match database {
        Database::MySql(_) => format!(
            "/* legacy::forms */ SELECT CAST(table_name AS CHAR), CAST(LOWER(column_name) AS CHAR), \
             CAST(column_type AS CHAR), CAST(column_key = 'PRI' AS CHAR), '1' FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name IN ({names}) ORDER BY table_name, ordinal_position"
        ),
        Database::Sqlite(_) => format!(
            "/* legacy::forms */ SELECT list.name, LOWER(info.name), info.type, CAST(info.pk > 0 AS TEXT), \
             CAST(list.strict AS TEXT) FROM pragma_table_list list, pragma_table_info(list.name) info \
             WHERE list.schema = 'main' AND list.name IN ({names}) ORDER BY list.name, info.cid"
        ),
    }
}

/// Which of some tables are there.
#[must_use]
pub fn present_tables(database: &Database, tables: &[String]) -> String {
    let names = tables.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    match database {
        Database::MySql(_) => format!(
            "/* legacy::present_tables */ SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name IN ({names})"
        ),
        Database::Sqlite(_) => {
            format!(
                "/* legacy::present_tables */ SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ({names})"
            )
        }
    }
}

#[must_use]
pub fn any_row(table: &str) -> String {
    format!("/* legacy::any_row */ SELECT 1 FROM {table} LIMIT 1")
}

#[must_use]
pub fn count_rows(table: &str) -> String {
    format!("/* legacy::count_rows */ SELECT COUNT(*) FROM {table}")
}

/// A column as the text that says its value to the last digit.
///
/// Servers print a DOUBLE by its shortest text that reads back as the same number; `+ 0e0` takes the display width
/// from a `DOUBLE(20,8)`, and shows of a FLOAT what it holds instead of six digits. SQLite has no such text, so it
/// is found by trying.
#[must_use]
pub fn as_text(database: &Database, column: &str, column_type: &str) -> String {
    let column_type = column_type.to_lowercase();
    match database {
        Database::MySql(_) if column_type.starts_with("double") || column_type.starts_with("float") => {
            format!("CAST(`{column}` + 0e0 AS CHAR)")
        }
        Database::MySql(_) => format!("CAST(`{column}` AS CHAR)"),
        Database::Sqlite(_) => {
            let attempt = |digits: u32| format!("printf('%!.{digits}g', \"{column}\")");
            let tried: Vec<String> = [15, 16, 17]
                .map(|digits| format!("WHEN CAST({0} AS REAL) = \"{column}\" THEN {0}", attempt(digits)))
                .to_vec();
            format!(
                "CASE WHEN typeof(\"{column}\") <> 'real' THEN CAST(\"{column}\" AS TEXT) {} ELSE {} END",
                tried.join(" "),
                attempt(20)
            )
        }
    }
}

/// Texts of a table in the order of its windows, those of a partner together, perhaps between two instants.
#[must_use]
pub fn old_rows(table: &str, texts: &[String], between: Option<(&str, &str)>) -> String {
    let range = between
        .map_or_else(String::new, |(from, before)| format!(" WHERE time >= '{from}' AND time < '{before}'"));
    format!(
        "/* legacy::old_rows */ SELECT {} FROM {table}{range} ORDER BY {table}.time, {table}.partner_id, {table}.position",
        texts.join(", ")
    )
}

/// Texts of a table in any order.
#[must_use]
pub fn old_texts(table: &str, texts: &[String]) -> String {
    format!("/* legacy::old_texts */ SELECT {} FROM {table}", texts.join(", "))
}

/// Rows of a table that is being filled.
#[must_use]
pub fn insert_into(table: &str, kind: Kind, rows: usize) -> String {
    let columns = columns(kind);
    let row = format!("(?, ?, ?{})", ", ?".repeat(columns.len()));
    format!(
        "/* legacy::insert_into */ INSERT INTO {table} (partner_id, position, time, {}) VALUES {}",
        columns.join(", "),
        vec![row; rows].join(", ")
    )
}

#[must_use]
pub fn drop_table(table: &str) -> String {
    format!("/* legacy::drop_table */ DROP TABLE IF EXISTS {table}")
}

/// A table with the columns and keys that another is made with.
#[must_use]
pub fn create_table(table: &str, body: &str) -> String {
    format!("/* legacy::create_table */ CREATE TABLE {table} {body}")
}

/// Of SQLite alone, where an index has a name of its own.
#[must_use]
pub fn drop_index(index: &str) -> String {
    format!("/* legacy::drop_index */ DROP INDEX IF EXISTS {index}")
}

/// All names change at once: on a server by one statement, in SQLite in one transaction.
#[must_use]
pub fn rename_tables(database: &Database, names: &[(String, String)]) -> Vec<String> {
    match database {
        Database::MySql(_) => {
            let pairs: Vec<String> = names.iter().map(|(from, to)| format!("{from} TO {to}")).collect();
            vec![format!("/* legacy::rename_tables */ RENAME TABLE {}", pairs.join(", "))]
        }
        Database::Sqlite(_) => {
            let rename = |(from, to): &(String, String)| {
                format!("/* legacy::rename_tables */ ALTER TABLE {from} RENAME TO {to}")
            };
            names.iter().map(rename).collect()
        }
    }
}

/// The last window before an instant that a reward table has rows of: the end of a range of its key.
#[must_use]
pub fn last_reward_time(kind: Kind) -> String {
    format!(
        "/* last_reward_time */ SELECT CAST(MAX({0}.time) AS CHAR) FROM {0} WHERE time < ?",
        reward_table(kind)
    )
}
