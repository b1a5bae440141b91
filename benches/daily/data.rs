//! The databases: votes, kept between runs; results, made anew for each run and compared.

use std::thread::sleep;
use std::time::Duration;

use crate::Outcome;
use crate::generate::{self, FORMAT, Size};
use crate::server::Server;

const MIGRATION: &str = include_str!("../../migrations/mysql/0001_rewards.sql");
/// What every contestant has to write.
pub const RESULT_TABLE: &str = "reward_list_daily";
/// How many rows of a difference are shown.
const SHOWN: u32 = 5;
/// Tenths of a second that a server may take to come to rest.
const PATIENCE: u32 = 600;

/// The statement of the project's own migration that makes a table.
fn table(name: &str) -> Outcome<&'static str> {
    let begin = format!("CREATE TABLE IF NOT EXISTS {name} (");
    let from = MIGRATION.find(&begin).ok_or_else(|| format!("the migration makes no table {name}"))?;
    let statement = &MIGRATION[from..];
    Ok(&statement[..statement.find(';').ok_or("the migration's statement has no end")?])
}

/// The database that holds a size's votes.
pub fn votes_database(size: Size) -> String {
    format!("votes_{}", size.name.to_lowercase())
}

/// Makes sure that the size's votes are there, and in memory. Those of an earlier run are taken when they were
/// made from the same seed.
pub fn prepare(server: &Server, size: Size, seed: u64) -> Outcome<()> {
    let database = votes_database(size);
    // Said by the table itself once all of it is there.
    let mark = format!("{} votes, {} partners, seed {seed}, format {FORMAT}", size.votes, size.partners);
    let found = server.sql(
        "",
        &format!(
            "SELECT table_comment FROM information_schema.tables
             WHERE table_schema = '{database}' AND table_name = 'votes'"
        ),
    )?;
    if found.trim() != mark {
        eprintln!("Making {mark} in {database}.");
        fresh(server, &database, &["votes", "cc_rates"])?;
        server.load(&database, "cc_rates", |out| generate::rates(seed, out))?;
        server.load(&database, "votes", |out| generate::votes(size, seed, out))?;
        let finish = format!("ANALYZE TABLE votes, cc_rates; ALTER TABLE votes COMMENT = '{mark}'");
        server.sql(&database, &finish)?;
    }
    // The whole of the index that all contestants read.
    let scan = "SELECT COUNT(*), SUM(cc), SUM(ecc), MAX(vote_type), MAX(partner_id)
                FROM votes FORCE INDEX (votes_by_time) WHERE voted_at >= '1000-01-01'";
    server.sql(&database, scan)?;
    Ok(())
}

/// A database with these tables, empty.
pub fn fresh(server: &Server, database: &str, tables: &[&str]) -> Outcome<()> {
    let mut statements =
        format!("DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database}; USE {database};");
    for name in tables {
        statements += table(name)?;
        statements += ";";
    }
    server.sql("", &statements)?;
    Ok(())
}

/// Fails where two databases do not hold the same daily rewards, row for row and column for column.
pub fn compare(server: &Server, expected: &str, found: &str) -> Outcome<()> {
    // The tables have a key, so their rows are sets.
    let without = |a: &str, b: &str| {
        server.sql(
            "",
            &format!(
                "SELECT * FROM {a}.{RESULT_TABLE} EXCEPT SELECT * FROM {b}.{RESULT_TABLE}
                 ORDER BY position LIMIT {SHOWN}"
            ),
        )
    };
    let (lacks, extra) = (without(expected, found)?, without(found, expected)?);
    if lacks.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the result differs from rewardd's.\nFirst rows of rewardd's:\n{lacks}First rows instead:\n{extra}"
    )
    .into())
}

/// Waits until the server has written out what earlier runs left in its memory, so that no run pays for another.
pub fn settle(server: &Server) -> Outcome<()> {
    const LEFT: &str = "SELECT variable_name, variable_value FROM information_schema.global_status
        WHERE variable_name IN ('INNODB_BUFFER_POOL_PAGES_DIRTY', 'INNODB_HISTORY_LIST_LENGTH')
        AND CAST(variable_value AS INTEGER) > 16";
    server.sql("", "SET GLOBAL innodb_max_dirty_pages_pct = 0")?;
    let mut left = String::new();
    for _ in 0..PATIENCE {
        left = server.sql("", LEFT)?;
        if left.is_empty() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    server.sql("", "SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT")?;
    if left.is_empty() { Ok(()) } else { Err(format!("the server does not come to rest:\n{left}").into()) }
}
