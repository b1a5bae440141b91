//! Rows that no window would ever hold, and that would otherwise never be seen.

use super::row::SourceRow;
use super::{SqlSource, bad_row, quoted};
use crate::rewards::window::Window;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::driver::{Database, Tx};

/// How an instant is written in SQLite, up to its second.
const SQLITE_INSTANT: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*";

impl SqlSource {
    /// Finds rows that no window would ever hold: without an instant, of a type that is none, or, in SQLite, which keeps
    /// instants as text, written so that comparing texts is not comparing instants.
    pub(super) async fn refuse_strays(&self, view: &mut Tx, window: &Window) -> Result<(), SourceError> {
        let names = &self.names;
        for (table, id, at) in [
            (&names.votes_table, &names.id, &names.voted_at),
            (&names.rates_table, &names.quoted_at, &names.quoted_at),
        ] {
            let (id, column, from) = (quoted(id), quoted(at), quoted(table));
            let select = format!("/* strays */ SELECT {id}, {column} FROM {from} WHERE");
            let mut stray = |row: &dyn SourceRow| {
                let why = if row.show(1) == "NULL" { BadValue::Null } else { BadValue::OtherForm };
                Err(bad_row(table, row, 1, at)(why))
            };
            view.each_row(&format!("{select} {column} IS NULL LIMIT 1"), &[], table, &mut stray).await?;
            // A wrong type shows in any row; a text that sorts outside of all instants is the first or the last.
            let mut instant =
                |row: &dyn SourceRow| row.instant(1).map(drop).map_err(bad_row(table, row, 1, at));
            for end in ["MIN", "MAX"] {
                let sql = format!("{select} {column} = (SELECT {end}({column}) FROM {from}) LIMIT 1");
                view.each_row(&sql, &[], table, &mut instant).await?;
            }
            if matches!(self.database, Database::Sqlite(_)) {
                let sql = format!("{select} {column} >= ? AND {column} < ? AND {column} NOT GLOB ? LIMIT 1");
                for month in [window.start, window.end].map(|instant| instant.format("%Y-%m").to_string()) {
                    let range = [format!("{month}-"), format!("{month}."), SQLITE_INSTANT.to_owned()];
                    view.each_row(&sql, &range, table, &mut stray).await?;
                }
            }
        }
        Ok(())
    }
}
