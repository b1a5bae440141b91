//! One way to speak to SQLite and to MySQL or MariaDB: text and integers in, text and integers out. What differs
//! between them beyond the driver is in `statements.rs`.

use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, MySql, MySqlConnection, SqlSafeStr, Sqlite, SqliteConnection,
    Transaction,
};

use super::bind::{Bound, Row, Sql, Value, bind};
use crate::config::DatabaseUrl;
use crate::fault;
use crate::store::error::{doing, server_number};
use crate::store::{Result, StoreError};

/// How long a statement waits for a lock of another SQLite connection.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long opening or borrowing a connection may take before the attempt counts as failed.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that has not answered for this long is as good as gone, although nothing says so: a network that swallows
/// packets closes no connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Idle connections are given up before the server would end them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Fits every session to the rules: UTC, and no value is ever bent to fit a column. A session that falls silent in the
/// middle of a transaction, because its process hangs or its host is gone, is ended by the server and holds no lock
/// longer than that.
pub(super) const MYSQL_SESSION: &str = "/* session */ SET SESSION time_zone = '+00:00', \
     sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
     transaction_isolation = 'REPEATABLE-READ', wait_timeout = 30";

/// The same for MariaDB before 11.1, which knows the variable by its old name only.
pub(super) const MARIADB_SESSION: &str = "/* session */ SET SESSION time_zone = '+00:00', \
     sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
     tx_isolation = 'REPEATABLE-READ', wait_timeout = 30";

/// What a server says that does not know one of them.
pub(super) const UNKNOWN_SYSTEM_VARIABLE: u16 = 1193;

/// One view of everything, in the form that most engines take.
pub(super) const BEGIN_VIEW: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

/// What a database may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Made where there is none (SQLite).
    Create,
    Write,
    Read,
}

/// A pool of connections to one database.
#[derive(Clone, Debug)]
pub enum Database {
    MySql(MySqlPool),
    Sqlite(SqlitePool),
}

impl Database {
    /// Opens a database and makes sure that it answers.
    ///
    /// # Errors
    /// [`StoreError::Connect`], naming the database with its password masked and what to look at.
    pub async fn open(url: &DatabaseUrl, access: Access, max_connections: u32) -> Result<Self> {
        let shown = url.to_string();
        let failed = |source: sqlx::Error| StoreError::Connect {
            url: shown.clone(),
            why: advice(&source).to_owned(),
            source: Some(source),
        };
        let is_sqlite = url.is_sqlite();
        let url = url.expose();
        if is_sqlite {
            let options = sqlite_options(url, access).map_err(failed)?;
            if access == Access::Create
                && let Some(folder) = options.get_filename().parent()
            {
                std::fs::create_dir_all(folder).map_err(|error| failed(error.into()))?;
            }
            let pool =
                SqlitePoolOptions::new().max_connections(max_connections).acquire_timeout(ACQUIRE_TIMEOUT);
            Ok(Self::Sqlite(pool.connect_with(options).await.map_err(failed)?))
        } else {
            let options = url.parse::<MySqlConnectOptions>().map_err(failed)?.pipes_as_concat(false);
            let options = log_statements(options);
            let pool = MySqlPoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(IDLE_TIMEOUT)
                .after_connect(|connection, _| Box::pin(prepare_session(connection)));
            // The pool would try again until its time is up, and then only say that it was.
            let first = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
            let first = first.unwrap_or_else(|_| Err(timed_out())).map_err(failed)?;
            sqlx::Connection::close(first).await.map_err(failed)?;
            Ok(Self::MySql(pool.connect_with(options).await.map_err(failed)?))
        }
    }

    /// All rows of a query outside any transaction.
    ///
    /// # Errors
    /// The driver's.
    pub async fn fetch(&self, sql: impl Into<Sql>, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        let fetch = async {
            match self {
                Self::MySql(pool) => Link::MySql(&mut *pool.acquire().await?).fetch(sql.into(), values).await,
                Self::Sqlite(pool) => {
                    Link::Sqlite(&mut *pool.acquire().await?).fetch(sql.into(), values).await
                }
            }
        };
        tokio::time::timeout(PATIENCE, fetch).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Hands the rows of a query over one by one, however many there are.
    ///
    /// # Errors
    /// The driver's, or what `take` gave; the connection is closed then.
    pub(super) async fn each(
        &self,
        sql: impl Into<Sql>,
        take: impl AsyncFnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let sql = sql.into();
        match self {
            Self::MySql(pool) => {
                let mut link = pool.acquire().await.map_err(doing("reading a table row by row"))?;
                // A stream that is given up in the middle breaks its connection.
                link.close_on_drop();
                hand_over(sqlx::query(sql.0).fetch(&mut *link).map_ok(Row::MySql), take).await
            }
            Self::Sqlite(pool) => {
                let mut link = pool.acquire().await.map_err(doing("reading a table row by row"))?;
                hand_over(sqlx::query(sql.0).fetch(&mut *link).map_ok(Row::Sqlite), take).await
            }
        }
    }

    /// Has the database check a statement without running it.
    ///
    /// # Errors
    /// The driver's.
    pub async fn prepare(&self, sql: &str) -> sqlx::Result<()> {
        match self {
            Self::MySql(pool) => {
                pool.acquire().await?.prepare(AssertSqlSafe(sql).into_sql_str()).await.map(drop)
            }
            Self::Sqlite(pool) => {
                pool.acquire().await?.prepare(AssertSqlSafe(sql).into_sql_str()).await.map(drop)
            }
        }
    }

    /// Begins a transaction that takes the write lock at once where there is one lock for all (SQLite).
    ///
    /// # Errors
    /// The driver's.
    #[expect(
        clippy::disallowed_methods,
        reason = "transactions begin here; run_tx is the only caller for writes"
    )]
    pub(super) async fn begin(&self) -> sqlx::Result<Tx> {
        Ok(match self {
            Self::MySql(pool) => Tx::MySql(pool.begin().await?),
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Begins a transaction that only reads: one view of everything until it ends.
    ///
    /// # Errors
    /// The driver's.
    #[expect(clippy::disallowed_methods, reason = "a view to read from is no write")]
    pub(super) async fn begin_read(&self) -> sqlx::Result<Tx> {
        Ok(match self {
            Self::MySql(pool) => Tx::MySql(pool.begin_with(BEGIN_VIEW).await?),
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?),
        })
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::MySql(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}

async fn hand_over(
    rows: impl Stream<Item = sqlx::Result<Row>>,
    mut take: impl AsyncFnMut(Row) -> Result<()>,
) -> Result<()> {
    let mut rows = std::pin::pin!(rows);
    loop {
        let next = tokio::time::timeout(PATIENCE, rows.try_next()).await;
        let next = next.unwrap_or_else(|_| Err(timed_out())).map_err(doing("reading a table row by row"))?;
        let Some(row) = next else { return Ok(()) };
        take(row).await?;
    }
}

/// A silent server, as the error of a lost one.
pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// Sets the session up. MySQL 8 and MariaDB 11.1 know `transaction_isolation`; older ones refuse it by name.
async fn prepare_session(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    match connection.execute(MYSQL_SESSION).await {
        Err(error) if server_number(&error) == Some(UNKNOWN_SYSTEM_VARIABLE) => {
            connection.execute(MARIADB_SESSION).await.map(drop)
        }
        other => other.map(drop),
    }
}

fn sqlite_options(url: &str, access: Access) -> sqlx::Result<SqliteConnectOptions> {
    let options = log_statements(url.parse::<SqliteConnectOptions>()?.busy_timeout(SQLITE_BUSY_TIMEOUT));
    Ok(match access {
        Access::Read => options.read_only(true),
        // WAL lets dashboards read while a run writes; FULL makes a commit survive a loss of power.
        Access::Write | Access::Create => options
            .create_if_missing(access == Access::Create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full),
    })
}

/// Each statement is a line of the log at level `trace`, and at no other, however slow it is.
fn log_statements<O: ConnectOptions>(options: O) -> O {
    let level = "trace".parse().expect("it is one");
    options.log_statements(level).log_slow_statements(level, Duration::MAX)
}

/// What to look at when a database cannot be opened.
fn advice(error: &sqlx::Error) -> &'static str {
    const ACCESS_DENIED: [u16; 2] = [1044, 1045];
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            Some(error) if ACCESS_DENIED.contains(&error.number()) => {
                "check user and password, and that the user may use this database"
            }
            Some(error) if error.number() == 1049 => "create the database first (CREATE DATABASE)",
            Some(_) => "the server refuses the connection",
            None => "check that the file exists, is a SQLite database and may be written, and its folder too",
        },
        sqlx::Error::Io(_) => "check that the server runs, and host, port or path",
        sqlx::Error::Configuration(_) => "the URL cannot be read",
        sqlx::Error::Tls(_) => "the encrypted connection failed; see ssl-mode in the URL",
        _ => "no connection came about",
    }
}

/// One connection, borrowed for a statement.
enum Link<'c> {
    MySql(&'c mut MySqlConnection),
    Sqlite(&'c mut SqliteConnection),
}

impl Link<'_> {
    async fn execute(self, sql: Sql, values: &[Value<'_>]) -> sqlx::Result<u64> {
        Ok(match self {
            Self::MySql(link) => {
                sqlx::query_with(sql.0, bind::<MySqlArguments>(values)?).execute(link).await?.rows_affected()
            }
            Self::Sqlite(link) => {
                sqlx::query_with(sql.0, bind::<SqliteArguments>(values)?).execute(link).await?.rows_affected()
            }
        })
    }

    async fn fetch(self, sql: Sql, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        Ok(match self {
            Self::MySql(link) => sqlx::query_with(sql.0, bind::<MySqlArguments>(values)?)
                .fetch_all(link)
                .await?
                .into_iter()
                .map(Row::MySql)
                .collect(),
            Self::Sqlite(link) => sqlx::query_with(sql.0, bind::<SqliteArguments>(values)?)
                .fetch_all(link)
                .await?
                .into_iter()
                .map(Row::Sqlite)
                .collect(),
        })
    }
}

/// An open transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub enum Tx {
    MySql(Transaction<'static, MySql>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    fn link(&mut self) -> Link<'_> {
        match self {
            Self::MySql(tx) => Link::MySql(&mut *tx),
            Self::Sqlite(tx) => Link::Sqlite(&mut *tx),
        }
    }

    /// Runs a statement and gives the number of rows it matched.
    ///
    /// # Errors
    /// The driver's.
    pub async fn execute(&mut self, sql: impl Into<Sql>, values: &[Value<'_>]) -> sqlx::Result<u64> {
        let done = self.link().execute(sql.into(), values).await;
        fault::point("statement");
        done
    }

    /// [`Tx::execute`] with values that were bound before.
    ///
    /// # Errors
    /// The driver's.
    ///
    /// # Panics
    /// Where they were bound for a database of another kind.
    pub(super) async fn execute_bound(&mut self, sql: Sql, values: Bound) -> sqlx::Result<u64> {
        let done = match (self, values) {
            (Self::MySql(tx), Bound::MySql(values)) => {
                sqlx::query_with(sql.0, values).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            (Self::Sqlite(tx), Bound::Sqlite(values)) => {
                sqlx::query_with(sql.0, values).execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            _ => panic!("values are bound for the database that takes them"),
        };
        fault::point("statement");
        done
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// The driver's.
    pub async fn fetch(&mut self, sql: impl Into<Sql>, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        let rows = self.look(sql, values).await;
        fault::point("statement");
        rows
    }

    /// [`Tx::fetch`] for what is read in the background, at no fixed place among the others: tests that stop the
    /// process at a statement do not count it.
    ///
    /// # Errors
    /// The driver's.
    pub(super) async fn look(&mut self, sql: impl Into<Sql>, values: &[Value<'_>]) -> sqlx::Result<Vec<Row>> {
        self.link().fetch(sql.into(), values).await
    }

    /// # Errors
    /// The driver's. A lost connection leaves it open whether the commit took place.
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        fault::point("commit");
        let done = match self {
            Self::MySql(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        };
        fault::point("committed");
        done
    }

    /// # Errors
    /// The driver's.
    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        match self {
            Self::MySql(tx) => tx.rollback().await,
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}
