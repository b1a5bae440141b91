//! Migrations, compiled in, applied under the driver's lock.

use std::borrow::Cow;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::bind::Row;
use super::driver::Database;
use super::legacy::refuse_old;
use crate::store::error::{doing, server_number};
use crate::store::{Result, StoreError};

/// Version, description, MySQL and SQLite text of each migration, in order.
const MIGRATIONS: [(i64, &str, &str, &str); 11] = [
    (
        1,
        "rewards",
        include_str!("../../../migrations/mysql/0001_rewards.sql"),
        include_str!("../../../migrations/sqlite/0001_rewards.sql"),
    ),
    (
        2,
        "pools held",
        include_str!("../../../migrations/mysql/0002_pools_held.sql"),
        include_str!("../../../migrations/sqlite/0002_pools_held.sql"),
    ),
    (
        3,
        "rules versions",
        include_str!("../../../migrations/mysql/0003_rules_versions.sql"),
        include_str!("../../../migrations/sqlite/0003_rules_versions.sql"),
    ),
    (
        4,
        "runs by rules",
        include_str!("../../../migrations/mysql/0004_runs_by_rules.sql"),
        include_str!("../../../migrations/sqlite/0004_runs_by_rules.sql"),
    ),
    (
        5,
        "notifications",
        include_str!("../../../migrations/mysql/0005_notifications.sql"),
        include_str!("../../../migrations/sqlite/0005_notifications.sql"),
    ),
    (
        6,
        "archives",
        include_str!("../../../migrations/mysql/0006_archives.sql"),
        include_str!("../../../migrations/sqlite/0006_archives.sql"),
    ),
    (
        7,
        "decisions",
        include_str!("../../../migrations/mysql/0007_decisions.sql"),
        include_str!("../../../migrations/sqlite/0007_decisions.sql"),
    ),
    (
        8,
        "alarms and holds",
        include_str!("../../../migrations/mysql/0008_alarms_and_holds.sql"),
        include_str!("../../../migrations/sqlite/0008_alarms_and_holds.sql"),
    ),
    (
        9,
        "rules pending",
        include_str!("../../../migrations/mysql/0009_rules_pending.sql"),
        include_str!("../../../migrations/sqlite/0009_rules_pending.sql"),
    ),
    (
        10,
        "changes",
        include_str!("../../../migrations/mysql/0010_changes.sql"),
        include_str!("../../../migrations/sqlite/0010_changes.sql"),
    ),
    (
        11,
        "cases",
        include_str!("../../../migrations/mysql/0011_cases.sql"),
        include_str!("../../../migrations/sqlite/0011_cases.sql"),
    ),
];

pub(super) const HISTORY_TABLE: &str = "_sqlx_migrations";

/// A migration, and whether the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub version: i64,
    pub description: &'static str,
    pub applied: bool,
}

/// Every migration of this program, and whether the database has it. Writes nothing.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn applied(database: &Database) -> Result<Vec<Applied>> {
    let exists = match database {
        Database::MySql(_) => {
            "/* applied */ SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '_sqlx_migrations'"
        }
        Database::Sqlite(_) => {
            "/* applied */ SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
    };
    let exists = database.fetch(exists, &[]).await.map_err(doing("looking for migrations"))?;
    let versions: Vec<i64> = if exists[0].int(0).map_err(doing("looking for migrations"))? == 0 {
        vec![]
    } else {
        let rows = database
            .fetch("/* applied */ SELECT version FROM _sqlx_migrations WHERE success = TRUE", &[])
            .await
            .map_err(doing("reading the migrations"))?;
        let version = |row: &Row| row.int(0);
        rows.iter().map(version).collect::<sqlx::Result<_>>().map_err(doing("reading the migrations"))?
    };
    let migrations = MIGRATIONS.iter();
    let applied = migrations.map(|(version, description, _, _)| Applied {
        version: *version,
        description,
        applied: versions.contains(version),
    });
    Ok(applied.collect())
}

/// The text of the first migration, which makes the tables.
pub(super) const fn first_migration(database: &Database) -> &'static str {
    match database {
        Database::MySql(_) => MIGRATIONS[0].2,
        Database::Sqlite(_) => MIGRATIONS[0].3,
    }
}

/// Applies what the database lacks. Where it lacks nothing, this only reads: a daemon needs no right to make tables.
///
/// # Errors
/// [`StoreError::OldTables`] where another program has made tables under our names, which are left as they are;
/// [`StoreError::Migrate`], also where the database was migrated by a newer program; [`StoreError::MigrateRights`].
pub async fn migrate(database: &Database) -> Result<()> {
    let before = applied(database).await?;
    refuse_old(database, &before).await?;
    let migration =
        |(version, description, mysql, sqlite): (i64, &'static str, &'static str, &'static str)| {
            let text = match database {
                Database::MySql(_) => mysql,
                Database::Sqlite(_) => sqlite,
            };
            let text = AssertSqlSafe(text).into_sql_str();
            Migration::new(version, Cow::Borrowed(description), MigrationType::Simple, text, false)
        };
    let migrator = Migrator {
        migrations: Cow::Owned(MIGRATIONS.into_iter().map(migration).collect()),
        ..Migrator::DEFAULT
    };
    let lacks = before.iter().find(|migration| !migration.applied);
    if lacks.is_none() && is_as_it_should_be(&migrator, database).await? {
        return Ok(());
    }
    match run(&migrator, database).await {
        // MySQL commits each statement on its own, so a start that was killed leaves a migration half done. Ours may
        // run again; the driver's note that it began is all that stands in the way.
        Err(MigrateError::Dirty(version)) => {
            tracing::warn!(version, "a migration was interrupted and is applied again");
            forget(database, version).await.map_err(doing("healing an interrupted migration"))?;
            Ok(run(&migrator, database).await?)
        }
        Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _))
            if is_denied(&source) =>
        {
            Err(StoreError::MigrateRights { source })
        }
        done => Ok(done?),
    }
}

/// Whether a server refuses for want of a right.
fn is_denied(error: &sqlx::Error) -> bool {
    const DENIED: [u16; 4] = [1044, 1142, 1143, 1227];
    server_number(error).is_some_and(|number| DENIED.contains(&number))
}

/// Whether the migrations are those of this program and came to their end. The driver finds out as well, but first makes
/// its own table, also where that is there.
async fn is_as_it_should_be(
    migrator: &Migrator,
    database: &Database,
) -> std::result::Result<bool, MigrateError> {
    match database {
        Database::MySql(pool) => holds(migrator, &mut *pool.acquire().await?).await,
        Database::Sqlite(pool) => holds(migrator, &mut *pool.acquire().await?).await,
    }
}

async fn holds<C: Migrate>(migrator: &Migrator, link: &mut C) -> std::result::Result<bool, MigrateError> {
    let is_whole = link.dirty_version(HISTORY_TABLE).await?.is_none();
    let applied = link.list_applied_migrations(HISTORY_TABLE).await?;
    let expected = migrator.iter().map(|migration| (migration.version, &migration.checksum));
    Ok(is_whole && expected.eq(applied.iter().map(|applied| (applied.version, &applied.checksum))))
}

async fn run(migrator: &Migrator, database: &Database) -> std::result::Result<(), MigrateError> {
    match database {
        Database::MySql(pool) => migrator.run_direct(None, &mut *pool.acquire().await?, false).await,
        Database::Sqlite(pool) => migrator.run_direct(None, &mut *pool.acquire().await?, false).await,
    }
}

async fn forget(database: &Database, version: i64) -> sqlx::Result<()> {
    let sql =
        format!("/* migrate */ DELETE FROM {HISTORY_TABLE} WHERE version = {version} AND success = FALSE");
    database.fetch(sql, &[]).await.map(drop)
}
