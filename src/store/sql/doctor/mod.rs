//! `rewardd doctor`: looks at a database and says what to change.
//!
//! ```text
//! a database and its uses
//!   → server.rs, file.rs, table.rs   Facts: what is seen, by the statements of statements.rs
//!     → judge/                       Finding: what is thought of it, line by line           (pure)
//! ```
//!
//! Nothing is written. Of a SQLite database that is to be written, the write lock is taken for an instant; who closes
//! such a file last moves what is left in its journal into it, as every command does.

mod facts;
mod file;
mod finding;
mod grants;
mod judge;
mod server;
pub mod statements;
mod table;

use super::driver::{Access, Database};
use super::migrate::{Applied, applied};
use super::source::SourceNames;
use super::statements as own;
use crate::config::DatabaseUrl;
use crate::errors::chain;
use crate::rewards::window::{Kind, Window};
use crate::store::StoreError;
use crate::store::error::server_number;
use facts::{Facts, Looked, Place, Rewards, Source};

pub use finding::{Finding, Level};

/// What a database is used for: one of these at least.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// It holds rewards, pools, logs and the outbox.
    pub rewards: bool,
    /// Its old rows are moved to archives.
    pub moves: bool,
    /// It holds votes and rates, under these names.
    pub source: Option<SourceNames>,
    /// It holds the special partners' table, of this name.
    pub remote_table: Option<String>,
}

impl Uses {
    const fn writes(&self) -> bool {
        self.rewards || self.remote_table.is_some()
    }
}

/// What came of looking at one database.
#[derive(Clone, Debug)]
pub struct Checkup {
    /// It could be opened and answered.
    pub is_reached: bool,
    pub findings: Vec<Finding>,
}

/// Looks at one database. `key` is what the configuration calls its URL, for advice; `yesterday` is the day whose
/// votes are asked for, as a plan only.
pub async fn examine(url: &DatabaseUrl, key: &str, uses: &Uses, yesterday: &Window) -> Checkup {
    let seen = match Database::open(url, Access::Read, 1).await {
        Ok(database) => {
            let facts = look(&database, url, uses, yesterday).await;
            database.close().await;
            facts.map_err(|error| (chain(&error), advice(&error, key)))
        }
        Err(error) => Err(unreached(error, url, uses)),
    };
    match seen {
        Ok(facts) => Checkup { is_reached: true, findings: judge::judge(&facts, uses, key) },
        Err((why, advice)) => {
            Checkup { is_reached: false, findings: vec![Finding::problem("connection", why, advice)] }
        }
    }
}

/// Why a database cannot be opened, and what to do.
fn unreached(error: StoreError, url: &DatabaseUrl, uses: &Uses) -> (String, String) {
    let (why, advice) = match error {
        StoreError::Connect { why, source: Some(source), .. } => (chain(&source), why),
        other => (chain(&other), "see what the database says".to_owned()),
    };
    if url.is_sqlite() && uses.rewards {
        return (why, format!("{advice}; a database that is not there yet is made by `rewardd migrate`"));
    }
    (why, advice)
}

/// What helps where a database was opened and then says nothing of itself.
fn advice(error: &sqlx::Error, key: &str) -> String {
    const NOT_PRIMARY: u16 = 1047;
    match server_number(error) {
        Some(NOT_PRIMARY) => format!("bring the node back into its cluster, or name another in {key}"),
        _ => "see what the database says".to_owned(),
    }
}

async fn look(
    database: &Database,
    url: &DatabaseUrl,
    uses: &Uses,
    yesterday: &Window,
) -> sqlx::Result<Facts> {
    let place = match database {
        Database::MySql(_) => Place::Server(Box::new(server::look(database, url).await?)),
        Database::Sqlite(_) => Place::File(file::look(database, url, uses.writes()).await?),
    };
    let rewards = if uses.rewards { Some(rewards(database, uses.moves).await) } else { None };
    let source = match &uses.source {
        Some(names) => Some(source(database, names, yesterday).await),
        None => None,
    };
    let remote = match &uses.remote_table {
        Some(name) => Some(table::look(database, name).await),
        None => None,
    };
    Ok(Facts { place, rewards, source, remote })
}

/// The migrations, and where all of them are in, whether the database takes every statement of ours: it looks at
/// tables, columns and rights when a statement is prepared.
async fn rewards(database: &Database, moves: bool) -> Rewards {
    let migrations: Looked<Vec<Applied>> = applied(database).await.map_err(|error| chain(&error));
    let newest = migrations.iter().flatten().map(|migration| migration.version).max();
    let any = migrations.iter().flatten().any(|migration| migration.applied);
    let all = migrations.iter().flatten().all(|migration| migration.applied);
    let history = if any { history(database).await } else { (None, None) };
    let refused = if migrations.is_ok() && all { Some(refused(database, moves).await) } else { None };
    Rewards {
        migrations,
        newer: history.0.filter(|version| Some(*version) > newest),
        interrupted: history.1,
        refused,
    }
}

/// The newest migration of all, and one that was interrupted.
async fn history(database: &Database) -> (Option<i64>, Option<i64>) {
    let rows = database.fetch(statements::HISTORY, &[]).await.unwrap_or_default();
    let number = |column| rows.first()?.optional_text(column).ok()??.parse().ok();
    (number(0), number(1))
}

/// What the database says to those of our statements that it does not take.
async fn refused(database: &Database, moves: bool) -> Vec<String> {
    let rewards = [Kind::Hourly, Kind::Daily].map(|kind| own::insert_rewards(kind, 1));
    let mut refused: Vec<String> = Vec::new();
    let asked = |sql: &&str| moves || !own::MOVING.contains(sql);
    let others = [
        own::insert_alarms as fn(usize) -> String,
        own::insert_holds,
        own::insert_changes,
        own::insert_watched_rows,
    ];
    let rows = rewards.into_iter().chain(others.map(|insert| insert(1)));
    for sql in own::all().filter(asked).map(str::to_owned).chain(rows) {
        if let Err(error) = database.prepare(&sql).await {
            let why = chain(&error);
            if !refused.contains(&why) {
                refused.push(why);
            }
        }
    }
    refused
}

async fn source(database: &Database, names: &SourceNames, yesterday: &Window) -> Source {
    let votes = table::look(database, &names.votes_table).await;
    let rates = table::look(database, &names.rates_table).await;
    let plan = match &votes {
        Ok(Some(_)) => Some(table::plan(database, names, yesterday).await),
        _ => None,
    };
    Source { votes, rates, plan }
}
