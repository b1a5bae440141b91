//! Several connections that see the same state of a source.
//!
//! A snapshot belongs to one transaction; two that begin one after the other may see different votes. So a guard locks
//! the tables against writes for the moment in which the snapshots are taken (`LOCK TABLES … READ`, which asks for
//! that privilege and nothing else, also on a replica, where it holds the applier up). Where that cannot be had at
//! once, or where it would not prove anything, one connection reads alone: slower, and as exact.

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, MySqlPool, Row as _};

use crate::errors::chain;
use crate::store::sql::driver::{Database, Tx};

/// What tells one server from another. On a Galera node a lock does not reach what other nodes replicate.
const SERVER: &str = "/* views */ SHOW VARIABLES WHERE Variable_name IN \
     ('hostname', 'port', 'server_id', 'server_uuid', 'datadir', 'wsrep_on')";

/// Waiting longer would make all writers wait behind the guard.
const LOCK_WAIT: &str = "/* views */ SET SESSION lock_wait_timeout = 1";

/// Connections of the pool that are left to others: the guard, and what a daemon does meanwhile.
pub const LEFT_TO_OTHERS: u32 = 3;

type Variables = Vec<(String, String)>;

impl Database {
    /// Begins up to `wanted` transactions that all read the same state of `tables`, whose names are quoted; at least one.
    ///
    /// # Errors
    /// The driver's.
    pub(super) async fn begin_views(&self, tables: &[String], wanted: u32) -> sqlx::Result<Vec<Tx>> {
        let Self::MySql(pool) = self else { return Ok(vec![self.begin_read().await?]) };
        let most = pool.options().get_max_connections().saturating_sub(LEFT_TO_OTHERS);
        let wanted = wanted.min(most);
        if wanted <= 1 {
            return Ok(vec![self.begin_read().await?]);
        }
        match self.begin_equal_views(pool, tables, wanted).await? {
            Ok(views) => Ok(views),
            Err(why) => {
                tracing::info!(why, "votes are read over one connection");
                Ok(vec![self.begin_read().await?])
            }
        }
    }

    /// The views, or why they cannot be proved equal.
    async fn begin_equal_views(
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
