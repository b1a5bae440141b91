//! What can go wrong with a database, and whether trying again can help.

use crate::rewards::money::MoneyError;
use crate::rewards::rates::Conflict;
use crate::rewards::window::show;

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A failure of the rewards' database or of the remote.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{doing}")]
    Database { doing: &'static str, source: sqlx::Error },
    #[error("another run was committed while this one was being prepared")]
    Stale,
    #[error("another process has taken the lease over; this one may not write any more")]
    Fenced,
    #[error("{table}.{column} holds {value:?}, which {why}: it was not written by rewardd")]
    Unreadable { table: &'static str, column: &'static str, value: String, why: String },
    #[error(
        "the remote table cannot hold {due}, it reads back as {holds}; its cc_reward must be DECIMAL(28,8)"
    )]
    RemoteInexact { due: String, holds: String },
    #[error(
        "{what}; the run was rolled back. This must never happen: keep the database as it is and report it"
    )]
    Broken { what: String },
    #[error("cannot open {url}: {why}")]
    Connect { url: String, why: String, source: Option<sqlx::Error> },
    #[error("{table} already has a row with {key} {value}; nothing was imported")]
    Duplicate { table: String, key: String, value: String },
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the same attempt can succeed later although nobody mends anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Stale => true,
            Self::Database { source, .. } | Self::Connect { source: Some(source), .. } => {
                is_transient(source)
            }
            _ => false,
        }
    }
}

/// For `map_err`: what was being done when the database failed.
pub(crate) fn doing(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

/// Error numbers of MySQL, MariaDB and TiDB after which the whole transaction may simply be tried again.
const TRANSIENT_NUMBERS: [u16; 24] = [
    1020, // record has changed since last read (MariaDB, snapshot isolation)
    1040, // too many connections
    1047, // node has not yet prepared for application use (Galera, out of the primary component)
    1053, // server shutdown in progress
    1158, // communication errors, and the next three
    1159, 1160, 1161,
    1180, // error during commit: Galera lost its primary component in the middle of one
    1205, // lock wait timeout
    1213, // deadlock, also certification failure at commit
    1203, // too many connections of this user
    1290, // running with --read-only, as a failover leaves an old primary
    1317, // query interrupted
    1412, // a table was changed after the transaction had begun, as by ALTER TABLE
    1836, // running in read-only mode
    1927, // connection was killed (MariaDB)
    1969, // statement took too long (MariaDB)
    3024, // statement took too long (MySQL)
    3100, // group replication: a hook refused, as where the group is reforming
    3101, // group replication: rolled back at commit by certification
    4031, // disconnected for inactivity: the process was suspended (MySQL)
    8002, // TiDB: write conflict
    8005, // TiDB: transaction retryable
];

/// Whether a driver's error is of the kind that passes: a lost connection, a deadlock, a lock that was busy, a
/// server that restarts or is being failed over.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let mysql = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
            let busy = error.code().is_some_and(|code| matches!(code.as_ref(), "5" | "6" | "261" | "517"));
            mysql.map_or(busy, |mysql| TRANSIENT_NUMBERS.contains(&mysql.number()))
        }
        _ => false,
    }
}

/// A failure of the source of votes and rates. What is wrong with a row is said with its id and column.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{table} row {id}: {column} is {value}, which {why}; correct the row, the run will try again")]
    BadRow { table: String, id: String, column: String, value: String, why: String },
    #[error(
        "{table} has two rates quoted at {at}: {first} and {second}; remove one, the run will try again",
        at = show(conflict.at), first = conflict.rates.0, second = conflict.rates.1
    )]
    Conflict { table: String, conflict: Conflict },
    #[error("reading {table}, as [source] of the configuration names it")]
    Database { table: String, source: sqlx::Error },
    #[error("reading {table}, as [source] of the configuration names it: {why}")]
    Sqlite { table: String, why: rusqlite::Error },
    #[error(
        "{table} has changed between two looks at it, which [source] aggregate = \"server\" must not see"
    )]
    Moved { table: String },
    #[error("cannot open the source of votes")]
    Open(#[source] StoreError),
}

impl SourceError {
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_transient(source),
            Self::Sqlite { why, .. } => matches!(
                why.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ),
            Self::Open(source) => source.is_transient(),
            Self::Moved { .. } => true,
            Self::BadRow { .. } | Self::Conflict { .. } => false,
        }
    }
}

/// Why a value of a source is no amount of a vote, a rate or an id; ends the sentence "… is X, which".
#[derive(Debug, thiserror::Error)]
pub enum BadValue {
    #[error("must not be NULL")]
    Null,
    #[error("must not be negative")]
    Negative,
    #[error("{0}")]
    Money(#[from] MoneyError),
    #[error("is out of range (an amount of one vote is at most 92233720368.54775807)")]
    PastVoteRange,
    #[error("is not an instant of the calendar")]
    NotAnInstant,
    #[error("is not written as YYYY-MM-DD HH:MM:SS.ffffff in UTC")]
    OtherForm,
    #[error("is not a whole number of 64 bits")]
    NotAnInteger,
    #[error("is not a text")]
    NotText,
    #[error("is not exact; the column must be DECIMAL (SQLite: TEXT), it holds {0}")]
    Inexact(String),
}
