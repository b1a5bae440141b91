//! What can go wrong with a database, and whether trying again can help.

use std::borrow::Cow;

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{ErrPacket, SqlState};
use sqlx::error::{DatabaseError, ErrorKind};

use super::shelf::ArchiveError;
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
    #[error(
        "the database lacks a migration, and this user may not make it: run `rewardd migrate` as one who may, by \
         deploy/grants/migrate.sql"
    )]
    MigrateRights { source: sqlx::Error },
    #[error(
        "another program has made {tables}: they have another form, or rows that rewardd has not written. Nothing was \
         changed. `rewardd migrate --convert --dry-run` says what would become of them, `rewardd migrate --convert` \
         converts them and keeps them as they are beside"
    )]
    OldTables { tables: String },
    #[error("{why}")]
    Foreign { why: String },
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
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

    /// Why trying again may help.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Stale => Cause::StalePlan,
            Self::Database { source, .. } | Self::Connect { source: Some(source), .. } => {
                passing(source).unwrap_or(Cause::Other)
            }
            _ => Cause::Other,
        }
    }
}

/// For `map_err`: what was being done when the database failed.
pub(crate) fn doing(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

/// Why something that can be tried again has to be, in the words of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Deadlock,
    LockWait,
    /// Another transaction has changed what this one saw; certification of clusters among it.
    Conflict,
    /// Lost, refused, or silent for too long.
    ConnectionLost,
    TooManyConnections,
    /// As a failover leaves an old primary.
    ReadOnly,
    /// The server ended the statement.
    Interrupted,
    /// SQLite's one lock.
    Busy,
    /// Another run was committed while the plan was made.
    StalePlan,
    Other,
}

impl Cause {
    pub const ALL: [Self; 10] = [
        Self::Deadlock,
        Self::LockWait,
        Self::Conflict,
        Self::ConnectionLost,
        Self::TooManyConnections,
        Self::ReadOnly,
        Self::Interrupted,
        Self::Busy,
        Self::StalePlan,
        Self::Other,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::LockWait => "lock_wait",
            Self::Conflict => "conflict",
            Self::ConnectionLost => "connection_lost",
            Self::TooManyConnections => "too_many_connections",
            Self::ReadOnly => "read_only",
            Self::Interrupted => "interrupted",
            Self::Busy => "busy",
            Self::StalePlan => "stale_plan",
            Self::Other => "other",
        }
    }
}

/// Error numbers of MySQL, MariaDB and TiDB after which the whole transaction may simply be tried again.
const TRANSIENT_NUMBERS: [(u16, Cause); 24] = [
    (1020, Cause::Conflict), // record has changed since last read (MariaDB, snapshot isolation)
    (1040, Cause::TooManyConnections), // too many connections
    (1047, Cause::ConnectionLost), // node not prepared (Galera, out of the primary component)
    (1053, Cause::ConnectionLost), // server shutdown in progress
    (1158, Cause::ConnectionLost), // communication errors, and the next three
    (1159, Cause::ConnectionLost),
    (1160, Cause::ConnectionLost),
    (1161, Cause::ConnectionLost),
    (1180, Cause::ConnectionLost), // error during commit: Galera lost its primary component in the middle of one
    (1205, Cause::LockWait),       // lock wait timeout
    (1213, Cause::Deadlock),       // deadlock, also certification failure at commit
    (1203, Cause::TooManyConnections), // too many connections of this user
    (1290, Cause::ReadOnly),       // running with --read-only, as a failover leaves an old primary
    (1317, Cause::Interrupted),    // query interrupted
    (1412, Cause::Conflict),       // a table was changed after the transaction had begun, as by ALTER TABLE
    (1836, Cause::ReadOnly),       // running in read-only mode
    (1927, Cause::ConnectionLost), // connection was killed (MariaDB)
    (1969, Cause::Interrupted),    // statement took too long (MariaDB)
    (3024, Cause::Interrupted),    // statement took too long (MySQL)
    (3100, Cause::Conflict),       // group replication: a hook refused, as where the group is reforming
    (3101, Cause::Conflict),       // group replication: rolled back at commit by certification
    (4031, Cause::ConnectionLost), // disconnected for inactivity: the process was suspended (MySQL)
    (8002, Cause::Conflict),       // TiDB: write conflict
    (8005, Cause::Conflict),       // TiDB: transaction retryable
];

/// Whether a driver's error is of the kind that passes: a lost connection, a deadlock, a lock that was busy, a
/// server that restarts or is being failed over.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    passing(error).is_some()
}

/// Why a driver's error passes, if it does.
fn passing(error: &sqlx::Error) -> Option<Cause> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Some(Cause::ConnectionLost)
        }
        sqlx::Error::PoolTimedOut => Some(Cause::TooManyConnections),
        sqlx::Error::Database(sqlite) => match server_number(error) {
            Some(number) => {
                let known = TRANSIENT_NUMBERS.iter().find(|(known, _)| *known == number);
                known.map(|(_, cause)| *cause)
            }
            None => {
                let busy =
                    sqlite.code().is_some_and(|code| matches!(code.as_ref(), "5" | "6" | "261" | "517"));
                busy.then_some(Cause::Busy)
            }
        },
        _ => None,
    }
}

/// The number by which MySQL and MariaDB call an error; none where it is not one of theirs.
pub(crate) fn server_number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?;
    let by_sqlx = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|error| error.number());
    by_sqlx.or_else(|| error.try_downcast_ref::<ServerError>().map(|error| error.number))
}

/// What MySQL or MariaDB said to a reader of ours; sqlx lets nobody else make its own.
#[derive(Debug, thiserror::Error)]
#[error("{number} ({state}): {message}")]
pub(crate) struct ServerError {
    number: u16,
    state: String,
    message: String,
}

impl ServerError {
    /// From a packet.
    pub(crate) fn read(packet: &[u8]) -> std::io::Result<Self> {
        // Before a session has begun there may be no state.
        let parse = |abilities| ParseBuf(packet).parse::<ErrPacket<'_>>(abilities);
        let packet =
            parse(CapabilityFlags::CLIENT_PROTOCOL_41).or_else(|_| parse(CapabilityFlags::empty()))?;
        let error = packet.server_error();
        Ok(Self {
            number: error.error_code(),
            state: error.sql_state_ref().map_or("HY000".into(), SqlState::as_str).into_owned(),
            message: error.message_str().into_owned(),
        })
    }
}

impl DatabaseError for ServerError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.state))
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
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
