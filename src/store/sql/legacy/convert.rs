//! The conversion: tables of ours are made and filled beside the old ones and checked, then all names change at once.
//!
//! Until then the old tables stand as they were, and a conversion that was killed begins again; after it only the
//! migrations are left, which every start applies.

use super::read::{RowOf, Scan, Sink, scan};
use super::shape::{Form, OldTable, has_paid};
use super::value::{Amount, Inexact};
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::Kind;
use crate::store::error::doing;
use crate::store::sql::bind::Value;
use crate::store::sql::migrate::HISTORY_TABLE;
use crate::store::sql::text::{OwnRow, sql_time};
use crate::store::sql::transaction::Work;
use crate::store::sql::{Database, Tx, migrate, statements as sql};
use crate::store::{Result, StoreError};

/// Rows that are written in one transaction, and in one statement of it.
const SLICE: usize = 5_000;
const ROWS_PER_STATEMENT: usize = 500;

/// A table whose rows were carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    pub table: &'static str,
    pub scan: Scan,
}

/// Converts the tables that [`super::inspect`] has found, and migrates. The old program must not write meanwhile.
///
/// # Errors
/// [`StoreError::Foreign`], with everything as it was; [`StoreError`].
pub async fn convert(database: &Database, tables: &[OldTable], inexact: Inexact) -> Result<Vec<Converted>> {
    refuse(database, tables).await?;
    let mut converted = vec![];
    for table in tables {
        make_beside(database, table).await?;
        if let Some(kind) = table.kind {
            converted
                .push(Converted { table: table.name, scan: fill(database, table, kind, inexact).await? });
        }
    }
    for (table, done) in tables.iter().filter(|table| table.kind.is_some()).zip(&converted) {
        let rows = database.fetch(sql::count_rows(table.name), &[]).await.map_err(doing("counting rows"))?;
        let rows = OwnRow { table: table.name, row: &rows[0] }.count(0, "count")?;
        if rows != done.scan.rows {
            return Err(not_converted(format!(
                "{} has {rows} rows, and {} when it was read: stop the program that writes it",
                table.name, done.scan.rows
            )));
        }
    }
    // What it says of the old tables is no longer so; the migrations may all run again.
    change(database, vec![sql::drop_table(HISTORY_TABLE)]).await?;
    change(database, swap(database, tables)).await?;
    migrate(database).await?;
    Ok(converted)
}

fn not_converted(why: String) -> StoreError {
    StoreError::Foreign { why: format!("{why}; nothing was converted") }
}

/// Whatever would make a conversion wrong, before anything is changed.
async fn refuse(database: &Database, tables: &[OldTable]) -> Result<()> {
    for table in tables {
        if table.has_backup {
            return Err(not_converted(format!(
                "{} is there already: move it elsewhere if it is no backup that you want to keep here",
                table.backup
            )));
        }
        if let (Some(_), Some(missing)) = (table.kind, table.missing.first()) {
            return Err(not_converted(format!("{} has no column {missing}", table.name)));
        }
    }
    if has_paid(database).await? {
        return Err(not_converted(
            "rewardd has already paid runs into this database, so these rows may be its own: restore the tables \
             from a backup"
                .to_owned(),
        ));
    }
    Ok(())
}

fn beside(table: &str) -> String {
    format!("{table}_converting")
}

/// An empty table of ours under another name; what an earlier attempt has left of it goes.
async fn make_beside(database: &Database, table: &OldTable) -> Result<()> {
    let (name, body) = (beside(table.name), Form::ours(database, table.name).body);
    change(database, vec![sql::drop_table(&name), sql::create_table(&name, body)]).await
}

/// All that has to happen for the names to change.
fn swap(database: &Database, tables: &[OldTable]) -> Vec<String> {
    let away = tables.iter().map(|table| (table.name.to_owned(), table.backup.clone()));
    let here = tables.iter().map(|table| (beside(table.name), table.name.to_owned()));
    let mut statements = sql::rename_tables(database, &away.chain(here).collect::<Vec<_>>());
    if let Database::Sqlite(_) = database {
        // There the names of indexes are the file's, and those of ours have to be free for the migrations.
        statements.extend(["reward_log_by_day", "reward_pool_state_by_pool"].map(sql::drop_index));
    }
    statements
}

async fn change(database: &Database, statements: Vec<String>) -> Result<()> {
    database.run_tx(&Change(statements)).await
}

/// Makes, drops and renames tables. A server commits each statement on its own.
struct Change(Vec<String>);

impl Work for Change {
    const NAME: &'static str = "convert_tables";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for statement in &self.0 {
            tx.execute(statement.clone(), &[]).await.map_err(doing("changing tables"))?;
        }
        Ok(())
    }
}

/// Copies the rows and reads them back.
async fn fill(database: &Database, table: &OldTable, kind: Kind, inexact: Inexact) -> Result<Scan> {
    let mut filling = Filling { database, table: beside(table.name), kind, rows: vec![] };
    let scan = scan(database, table, inexact, &mut filling).await?;
    if scan.refused > 0 {
        return Err(not_converted(format!("{} rows of {} do not convert", scan.refused, table.name)));
    }
    filling.write().await?;
    let texts: Vec<String> = columns(kind).iter().map(|column| format!("CAST({column} AS CHAR)")).collect();
    let (mut rows, mut sums) = (0, vec![0_i128; texts.len()]);
    database
        .each(sql::old_texts(&filling.table, &texts), async |row| {
            rows += 1;
            let row = OwnRow { table: table.name, row: &row };
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum += row.units(column, columns(kind)[column])?.count();
            }
            Ok(())
        })
        .await?;
    if rows != scan.rows || sums != scan.sums {
        let what = format!("{} does not read back as it was written", filling.table);
        return Err(StoreError::Broken { what });
    }
    Ok(scan)
}

/// A table that is being filled, slice by slice.
struct Filling<'a> {
    database: &'a Database,
    table: String,
    kind: Kind,
    rows: Vec<RowOf>,
}

impl Sink for Filling<'_> {
    async fn row(&mut self, row: RowOf) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() < SLICE { Ok(()) } else { self.write().await }
    }
}

impl Filling<'_> {
    async fn write(&mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.database.run_tx(&*self).await?;
            self.rows.clear();
        }
        Ok(())
    }
}

impl Work for Filling<'_> {
    const NAME: &'static str = "convert_rows";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for rows in self.rows.chunks(ROWS_PER_STATEMENT) {
            let mut values = Vec::with_capacity(rows.len() * (columns(self.kind).len() + 3));
            for row in rows {
                values.extend([
                    Value::Int(row.partner_id),
                    Value::Int(i64::from(row.position)),
                    sql_time(row.start).into(),
                ]);
                values.extend(row.amounts.iter().copied().map(Amount::units).map(Units::into));
            }
            let statement = sql::insert_into(&self.table, self.kind, rows.len());
            tx.execute(statement, &values).await.map_err(doing("copying rows"))?;
        }
        Ok(())
    }
}
