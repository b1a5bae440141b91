//! Several connections that see the same state of a source.
//!
//! A snapshot belongs to one transaction; two that begin one after the other may see different votes. On a server a
//! guard locks the tables against writes for the moment in which the snapshots are taken (`LOCK TABLES … READ`, which
//! asks for that privilege and nothing else, also on a replica, where it holds the applier up). A SQLite file tells
//! whether anybody has written while they were taken. Where equality cannot be had at once, or where it would not prove
//! anything, one connection reads alone: slower, and as exact.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sqlx::SqlitePool;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};

use super::row::{SourceRow, Take};
use super::session::{Reader, Session};
use super::sqlite_row;
use crate::errors::chain;
use crate::store::error::SourceError;
use crate::store::sql::driver::{BEGIN_VIEW, Database};

/// What tells one server from another. On a Galera node a lock does not reach what other nodes replicate.
const SERVER: &str = "/* views */ SHOW VARIABLES WHERE Variable_name IN \
     ('hostname', 'port', 'server_id', 'server_uuid', 'datadir', 'version', 'version_comment', 'wsrep_on')";

/// Servers that answer `LOCK TABLES` and lock nothing, by what their version says.
const LOCKLESS: [&str; 2] = ["tidb", "vitess"];

/// Seconds. Behind a long write, one connection has begun to read before the lock is had.
const LOCK_WAIT: &str = "/* views */ SET SESSION lock_wait_timeout = 1";

/// Begins to read a SQLite file: only the first look makes the view.
const BEGIN_LOOKING: &str = "BEGIN; /* views */ SELECT name FROM sqlite_master LIMIT 1";

/// Changes where another connection has committed since the last time.
const DATA_VERSION: &str = "/* views */ PRAGMA data_version";

/// How often views of a SQLite file are begun anew.
const ATTEMPTS: u32 = 5;

/// How long reading waits for a writer of a SQLite file that is not in WAL mode.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

type Variables = Vec<(String, String)>;

/// A transaction that only reads, on a connection of its own that ends with it.
pub(super) enum View {
    MySql(Session),
    Sqlite(Connection),
}

impl View {
    /// Hands the rows of a query to `take` until it gives an error.
    pub(super) async fn each_row(
        &mut self,
        sql: &str,
        values: &[String],
        table: &str,
        take: Take<'_>,
    ) -> Result<(), SourceError> {
        match self {
            Self::MySql(view) => view.each_row(sql, values, table, take).await,
            Self::Sqlite(view) => {
                tokio::task::block_in_place(|| sqlite_row::each_row(view, sql, values, table, take))
            }
        }
    }
}

/// Begins up to `wanted` views of the same state of `tables`, whose names are quoted; at least one.
///
/// # Errors
/// [`SourceError`], naming `table`.
pub(super) async fn begin(
    database: &Database,
    tables: &[String],
    wanted: u32,
    table: &str,
    reader: Reader,
) -> Result<Vec<View>, SourceError> {
    match database {
        Database::MySql(pool) => {
            let failed = |source| SourceError::Database { table: table.to_owned(), source };
            begin_on_server(pool, tables, wanted, reader).await.map_err(failed)
        }
        Database::Sqlite(pool) => {
            let failed = |why| SourceError::Sqlite { table: table.to_owned(), why };
            tokio::task::block_in_place(|| begin_on_file(pool, wanted)).map_err(failed)
        }
    }
}

fn alone(why: &str) {
    tracing::info!(why, "votes are read over one connection");
}

fn begin_on_file(pool: &SqlitePool, wanted: u32) -> rusqlite::Result<Vec<View>> {
    let options = pool.connect_options();
    let open = || {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let view = Connection::open_with_flags(options.get_filename(), flags)?;
        view.busy_timeout(BUSY_TIMEOUT)?;
        Ok::<_, rusqlite::Error>(view)
    };
    let version = |view: &Connection| view.query_row(DATA_VERSION, (), |row| row.get::<_, i64>(0));
    for _ in 0..ATTEMPTS {
        let first = open()?;
        let before = version(&first)?;
        let others = (1..wanted).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
        others.iter().try_for_each(|view| view.execute_batch(BEGIN_LOOKING))?;
        first.execute_batch(BEGIN_LOOKING)?;
        if wanted <= 1 || version(&first)? == before {
            return Ok(std::iter::once(first).chain(others).map(View::Sqlite).collect());
        }
    }
    alone("the file is being written all the time");
    begin_on_file(pool, 1)
}

async fn begin_on_server(
    pool: &MySqlPool,
    tables: &[String],
    wanted: u32,
    reader: Reader,
) -> sqlx::Result<Vec<View>> {
    let options = pool.connect_options();
    if wanted > 1 {
        let guard = Session::open(&options, reader).await?;
        match begin_under_lock(guard, &options, tables, wanted, reader).await {
            Ok(views) => return Ok(views),
            Err(why) => alone(&why),
        }
    }
    let mut view = Session::open(&options, reader).await?;
    view.execute(BEGIN_VIEW).await?;
    Ok(vec![View::MySql(view)])
}

/// The views, or why they cannot be proved equal.
async fn begin_under_lock(
    mut guard: Session,
    options: &MySqlConnectOptions,
    tables: &[String],
    wanted: u32,
    reader: Reader,
) -> Result<Vec<View>, String> {
    let failed = |error: sqlx::Error| format!("no further connection is to be had: {}", chain(&error));
    // All are there before the lock is taken: nobody may have to wait for a connection under it.
    let mut views = Vec::new();
    for _ in 0..wanted {
        views.push(Session::open(options, reader).await.map_err(failed)?);
    }
    let unlocked =
        |error: sqlx::Error| format!("the tables cannot be locked for a moment: {}", chain(&error));
    lock(&mut guard, tables).await.map_err(unlocked)?;
    let server = variables(&mut guard).await?;
    let is_called = |name: &str| server.iter().any(|(_, value)| value.to_lowercase().contains(name));
    if let Some(name) = LOCKLESS.into_iter().find(|name| is_called(name)) {
        return Err(format!("this server is {name}, whose LOCK TABLES locks nothing"));
    }
    if server.iter().any(|(name, value)| name == "wsrep_on" && value == "ON") {
        return Err("on a Galera node a lock does not hold for the whole cluster".to_owned());
    }
    for view in &mut views {
        view.execute(BEGIN_VIEW).await.map_err(failed)?;
        if variables(view).await? != server {
            return Err("connections lead to different servers".to_owned());
        }
    }
    // An answer shows that the guard, and so the lock, has lived until all snapshots were taken.
    guard.execute("/* views */ UNLOCK TABLES").await.map_err(unlocked)?;
    Ok(views.into_iter().map(View::MySql).collect())
}

async fn lock(guard: &mut Session, tables: &[String]) -> sqlx::Result<()> {
    guard.execute(LOCK_WAIT).await?;
    let tables: Vec<String> = tables.iter().map(|table| format!("{table} READ")).collect();
    guard.execute(&format!("/* views */ LOCK TABLES {}", tables.join(", "))).await
}

async fn variables(session: &mut Session) -> Result<Variables, String> {
    let mut variables = Vec::new();
    let mut push = |row: &dyn SourceRow| {
        variables.push((row.show(0), row.show(1)));
        Ok(())
    };
    let read = session.each_row(SERVER, &[], "SHOW VARIABLES", &mut push).await;
    read.map_err(|error| format!("the server does not say who it is: {}", chain(&error)))?;
    Ok(variables)
}
