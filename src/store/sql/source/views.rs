//! Several connections that see the same state of a source.
//!
//! A snapshot belongs to one transaction; two that begin one after the other may see different votes. So a guard locks
//! the tables against writes for the moment in which the snapshots are taken (`LOCK TABLES … READ`, which asks for
//! that privilege and nothing else, also on a replica, where it holds the applier up). Where that cannot be had at
//! once, or where it would not prove anything, one connection reads alone: slower, and as exact.

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, MySqlPool, Row as _, SqlitePool};

use crate::errors::chain;
use crate::store::sql::driver::{Database, Tx};

/// What tells one server from another. On a Galera node a lock does not reach what other nodes replicate.
const SERVER: &str = "/* views */ SHOW VARIABLES WHERE Variable_name IN \
     ('hostname', 'port', 'server_id', 'server_uuid', 'datadir', 'wsrep_on')";

/// Waiting longer would make all writers wait behind the guard.
const LOCK_WAIT: &str = "/* views */ SET SESSION lock_wait_timeout = 1";

/// Connections of the pool that are left to others: the guard, and what a daemon does meanwhile.
pub const LEFT_TO_OTHERS: u32 = 3;

/// Changes where another connection has committed since the last time.
const DATA_VERSION: &str = "/* views */ PRAGMA data_version";

const FIRST_LOOK: &str = "/* views */ SELECT name FROM sqlite_master LIMIT 1";

/// How often views of a SQLite file are begun anew.
const ATTEMPTS: u32 = 5;

type Variables = Vec<(String, String)>;

impl Database {
    /// Begins up to `wanted` transactions that all read the same state of `tables`, whose names are quoted; at least one.
    ///
    /// # Errors
    /// The driver's.
    pub(super) async fn begin_views(&self, tables: &[String], wanted: u32) -> sqlx::Result<Vec<Tx>> {
        let most = match self {
            Self::MySql(pool) => pool.options().get_max_connections(),
            Self::Sqlite(pool) => pool.options().get_max_connections(),
        };
        let wanted = wanted.min(most.saturating_sub(LEFT_TO_OTHERS));
        if wanted <= 1 {
            return Ok(vec![self.begin_read().await?]);
        }
        let views = match self {
            Self::MySql(pool) => self.begin_under_lock(pool, tables, wanted).await?,
            Self::Sqlite(pool) => self.begin_unchanged(pool, wanted).await?,
        };
        match views {
            Ok(views) => Ok(views),
            Err(why) => {
                tracing::info!(why, "votes are read over one connection");
                Ok(vec![self.begin_read().await?])
            }
        }
    }

    /// The views, or why they cannot be proved equal. SQLite can tell whether anybody has committed while they began.
    async fn begin_unchanged(&self, pool: &SqlitePool, wanted: u32) -> sqlx::Result<Result<Vec<Tx>, String>> {
        let mut witness = pool.acquire().await?;
        for _ in 0..ATTEMPTS {
            let before: i64 = sqlx::query_scalar(DATA_VERSION).fetch_one(&mut *witness).await?;
            let mut views = Vec::new();
            for _ in 0..wanted {
                let mut view = self.begin_read().await?;
                // Only the first look makes the view.
                view.fetch(FIRST_LOOK, &[]).await?;
                views.push(view);
            }
            let after: i64 = sqlx::query_scalar(DATA_VERSION).fetch_one(&mut *witness).await?;
            if before == after {
                return Ok(Ok(views));
            }
        }
        Ok(Err("the file is being written all the time".to_owned()))
    }

    /// The views, or why they cannot be proved equal.
    async fn begin_under_lock(
        &self,
        pool: &MySqlPool,
        tables: &[String],
        wanted: u32,
    ) -> sqlx::Result<Result<Vec<Tx>, String>> {
        let mut guard = pool.acquire().await?;
        // However this ends, also in the middle, the locks end with the connection.
        guard.close_on_drop();
        if let Err(error) = lock(&mut guard, tables).await {
            return Ok(Err(format!("the tables cannot be locked for a moment: {}", chain(&error))));
        }
        let server = variables(&mut guard).await?;
        if server.iter().any(|(name, value)| name == "wsrep_on" && value == "ON") {
            return Ok(Err("on a Galera node a lock does not hold for the whole cluster".to_owned()));
        }
        let mut views = Vec::new();
        for _ in 0..wanted {
            let mut view = self.begin_read().await?;
            if let Tx::MySql(view) = &mut view
                && variables(view).await? != server
            {
                return Ok(Err("connections lead to different servers".to_owned()));
            }
            views.push(view);
        }
        unlock(guard).await?;
        Ok(Ok(views))
    }
}

async fn lock(guard: &mut MySqlConnection, tables: &[String]) -> sqlx::Result<()> {
    guard.execute(LOCK_WAIT).await?;
    let tables: Vec<String> = tables.iter().map(|table| format!("{table} READ")).collect();
    let sql = format!("/* views */ LOCK TABLES {}", tables.join(", "));
    // No server takes this as a prepared statement.
    guard.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop)
}

/// An answer shows that the guard, and so the lock, has lived until all snapshots were taken.
async fn unlock(mut guard: PoolConnection<MySql>) -> sqlx::Result<()> {
    guard.execute(sqlx::raw_sql("/* views */ UNLOCK TABLES")).await.map(drop)
}

async fn variables(connection: &mut MySqlConnection) -> sqlx::Result<Variables> {
    let rows = connection.fetch_all(SERVER).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
