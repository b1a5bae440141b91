//! The form of tables: ours as the first migration makes them, and those that are there.

use std::collections::BTreeMap;

use super::{TABLES, backup_of, kind_of};
use crate::rewards::window::Kind;
use crate::store::error::doing;
use crate::store::sql::migrate::first_migration;
use crate::store::sql::text::OwnRow;
use crate::store::sql::{Applied, Database, statements as sql};
use crate::store::{Result, StoreError};

/// A column of a table of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldColumn {
    pub name: String,
    /// As the database calls it.
    pub column_type: String,
    /// What ours is; none for a column that ours has not.
    pub ours: Option<&'static str>,
}

/// A table under one of our names that another program has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldTable {
    pub name: &'static str,
    /// What its rows list; none where they are not carried over.
    pub kind: Option<Kind>,
    pub columns: Vec<OldColumn>,
    /// Columns of ours that it lacks.
    pub missing: Vec<&'static str>,
    pub key: Vec<String>,
    /// What its primary key would be in ours.
    pub our_key: Vec<&'static str>,
    pub rows: u64,
    pub backup: String,
    /// A table has the name of the backup already: nothing is converted then.
    pub has_backup: bool,
}

impl OldTable {
    pub(super) fn column(&self, name: &str) -> Option<&OldColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Tables that another program has made, in the order of [`TABLES`], in a database with these migrations. Writes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn inspect(database: &Database, migrations: &[Applied]) -> Result<Vec<OldTable>> {
    let found = found(database).await?;
    let is_migrated = migrations.first().is_some_and(|first| first.applied);
    if is_migrated && found.iter().all(|(name, found)| Form::ours(database, name).is_form_of(found)) {
        return Ok(vec![]);
    }
    let backups = TABLES.map(backup_of);
    let backups = present(database, &backups).await?;
    let is_ours = is_migrated || has_paid(database).await?;
    let mut old = vec![];
    for name in TABLES {
        let Some(found) = found.get(name) else { continue };
        let ours = Form::ours(database, name);
        let has_backup = backups.contains(&backup_of(name));
        // One that was converted has its backup; otherwise nobody but us fills it, and not before it is migrated.
        let is_filled =
            || async { Ok::<_, StoreError>(!is_ours && !has_backup && has_rows(database, name).await?) };
        if ours.is_form_of(found) && !is_filled().await? {
            continue;
        }
        let rows = database.fetch(sql::count_rows(name), &[]).await.map_err(doing("counting rows"))?;
        let rows = OwnRow { table: name, row: &rows[0] }.count(0, "count")?;
        let type_of =
            |column: &str| ours.columns.iter().find(|(name, _)| *name == column).map(|(_, ours)| *ours);
        let columns = found.columns.iter().map(|(name, column_type)| OldColumn {
            name: name.clone(),
            column_type: column_type.clone(),
            ours: type_of(name),
        });
        let missing = ours.columns.iter().map(|(name, _)| *name);
        let is_missing = |name: &&str| !found.columns.iter().any(|(column, _)| column == name);
        old.push(OldTable {
            name,
            kind: kind_of(name),
            columns: columns.collect(),
            missing: missing.filter(is_missing).collect(),
            key: found.key.clone(),
            our_key: ours.key,
            rows,
            backup: backup_of(name),
            has_backup,
        });
    }
    Ok(old)
}

/// Refuses to go on beside tables that another program has made.
pub(in crate::store::sql) async fn refuse_old(database: &Database, migrations: &[Applied]) -> Result<()> {
    let old = inspect(database, migrations).await?;
    if old.is_empty() {
        return Ok(());
    }
    let tables = old.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
    Err(StoreError::OldTables { tables })
}

/// Which of some tables are there.
async fn present(database: &Database, tables: &[String]) -> Result<Vec<String>> {
    let rows = database.fetch(sql::present_tables(database, tables), &[]).await;
    let rows = rows.map_err(doing("looking for tables"))?;
    rows.iter().map(|row| row.text(0).map_err(doing("looking for tables"))).collect()
}

async fn has_rows(database: &Database, table: &str) -> Result<bool> {
    let rows = database.fetch(sql::any_row(table), &[]).await.map_err(doing("looking for rows"))?;
    Ok(!rows.is_empty())
}

/// Whether rewardd has paid anything into this database.
pub(super) async fn has_paid(database: &Database) -> Result<bool> {
    let runs = "reward_runs";
    Ok(!present(database, &[runs.to_owned()]).await?.is_empty() && has_rows(database, runs).await?)
}

/// A table as it is there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub columns: Vec<(String, String)>,
    key: Vec<String>,
    is_strict: bool,
}

/// The tables under our names, by name.
pub(super) async fn found(database: &Database) -> Result<BTreeMap<String, Found>> {
    let rows = database.fetch(sql::forms(database, &TABLES), &[]).await;
    let rows = rows.map_err(doing("looking at the form of tables"))?;
    let mut tables: BTreeMap<String, Found> = BTreeMap::new();
    for row in &rows {
        let text = |column| row.text(column).map_err(doing("looking at the form of tables"));
        let table = tables.entry(text(0)?).or_default();
        let name = text(1)?;
        if text(3)? == "1" {
            table.key.push(name.clone());
        }
        table.is_strict = text(4)? == "1";
        table.columns.push((name, text(2)?));
    }
    Ok(tables)
}

/// A table as the first migration makes it.
pub(super) struct Form {
    columns: Vec<(&'static str, &'static str)>,
    key: Vec<&'static str>,
    /// What follows its name in the statement that makes it.
    pub body: &'static str,
}

impl Form {
    /// Reads it off the migration, so that the two cannot differ.
    ///
    /// # Panics
    /// Where the first migration does not make the table.
    pub fn ours(database: &Database, table: &str) -> Self {
        let begin = format!("CREATE TABLE IF NOT EXISTS {table} ");
        let rest = first_migration(database).split_once(&begin).expect("the first migration makes it").1;
        let body = rest.split_once(';').expect("a statement ends").0;
        let (mut columns, mut key) = (vec![], vec![]);
        for line in body.lines().map(str::trim).filter(|line| !line.starts_with([')', '('])) {
            let mut words = line.trim_end_matches(',').split_whitespace();
            let (Some(name), Some(column_type)) = (words.next(), words.next()) else { continue };
            match name {
                "PRIMARY" => {
                    let names = line.split(['(', ')']).nth(1).unwrap_or_default();
                    key = names.split(", ").collect();
                }
                "KEY" => {}
                _ => {
                    columns.push((name, column_type));
                    if line.contains("PRIMARY KEY") {
                        key.push(name);
                    }
                }
            }
        }
        Self { columns, key, body }
    }

    /// Whether a table is one of ours: it has each of our columns, of our type, and our key. Further columns are its
    /// operator's affair.
    fn is_form_of(&self, found: &Found) -> bool {
        let has = |(name, column_type): &(&str, &str)| {
            let same =
                |(column, found): &(String, String)| column == name && bare(found) == bare(column_type);
            found.columns.iter().any(same)
        };
        let mut key: Vec<&str> = found.key.iter().map(String::as_str).collect();
        let mut ours = self.key.clone();
        key.sort_unstable();
        ours.sort_unstable();
        found.is_strict && key == ours && self.columns.iter().all(has)
    }
}

/// A type without the width at which some servers would show its integers.
fn bare(column_type: &str) -> String {
    let lower = column_type.to_lowercase();
    match lower.split_once('(') {
        Some((name, rest)) if name.ends_with("int") => {
            format!("{name}{}", rest.split_once(')').map_or("", |(_, attributes)| attributes))
        }
        _ => lower,
    }
}
