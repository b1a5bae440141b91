//! What was seen of a database, before anything is thought of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::store::sql::Applied;

/// What was seen, or what the database said instead.
pub type Looked<T> = Result<T, String>;

/// A database and what is in it.
#[derive(Clone, Debug)]
pub struct Facts {
    pub place: Place,
    /// Of the rewards' database.
    pub rewards: Option<Rewards>,
    /// Where votes and rates are read here.
    pub source: Option<Source>,
    /// The special partners' table, where it is here; none where there is none.
    pub remote: Option<Looked<Option<Table>>>,
}

#[derive(Clone, Debug)]
pub enum Place {
    Server(Box<Server>),
    File(File),
}

impl Place {
    pub fn engine(&self) -> Engine {
        match self {
            Self::File(_) => Engine::Sqlite,
            Self::Server(server) => server.engine(),
        }
    }
}

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    MySql,
    MariaDb,
    /// Speaks MySQL's protocol and is not tested.
    TiDb,
}

/// A server as a session of ours sees it.
#[derive(Clone, Debug)]
pub struct Server {
    /// As `VERSION()` gives it.
    pub version: String,
    /// As `CURRENT_USER()` gives it: `name@host`.
    pub user: String,
    /// The database that the URL names.
    pub schema: Option<String>,
    /// A socket, or a loopback address.
    pub is_local: bool,
    /// The URL demands encryption.
    pub demands_encryption: bool,
    /// The middle of a few.
    pub round_trip: Duration,
    /// By name; what the server does not know is not there.
    pub session: BTreeMap<String, String>,
    pub global: BTreeMap<String, String>,
    pub status: BTreeMap<String, String>,
    /// The rows of `SHOW GRANTS`. They may hold hashes of passwords: never to be shown.
    pub grants: Looked<Vec<String>>,
}

impl Server {
    pub fn engine(&self) -> Engine {
        if self.version.contains("MariaDB") {
            Engine::MariaDb
        } else if self.version.contains("TiDB") {
            Engine::TiDb
        } else {
            Engine::MySql
        }
    }

    /// A global variable in lower case; empty where the server does not know it.
    pub fn global(&self, name: &str) -> String {
        self.global.get(name).map(|value| value.to_lowercase()).unwrap_or_default()
    }

    /// A status variable as it is; empty where the server does not know it.
    pub fn status(&self, name: &str) -> &str {
        self.status.get(name).map_or("", String::as_str)
    }

    pub fn is_galera(&self) -> bool {
        self.global("wsrep_on") == "on"
    }

    /// Whether what a server writes by itself, such as a default of `CURRENT_TIMESTAMP`, is in UTC.
    pub fn writes_utc(&self) -> bool {
        let zone = self.global("time_zone");
        let zone = if zone == "system" { self.global("system_time_zone") } else { zone };
        ["utc", "gmt", "+00:00", "etc/utc", "universal", "zulu", ""].contains(&zone.as_str())
    }
}

/// A SQLite file.
#[derive(Clone, Debug)]
pub struct File {
    pub version: String,
    pub path: PathBuf,
    pub journal_mode: String,
    /// What `quick_check` found wrong.
    pub damage: Looked<Vec<String>>,
    /// Bytes that the daemon's user may still write; none where the file system does not say.
    pub free_bytes: Option<u64>,
    /// Whether the write lock could be had; none where nothing is to be written.
    pub write_lock: Option<Looked<WriteLock>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteLock {
    Free,
    /// Held for longer than a commit of ours would wait.
    Held,
    /// The file, or its folder, may not be written.
    Denied,
}

/// How far the rewards' own tables are.
#[derive(Clone, Debug)]
pub struct Rewards {
    pub migrations: Looked<Vec<Applied>>,
    /// A migration of the database that this program does not know.
    pub newer: Option<i64>,
    /// A migration that was interrupted.
    pub interrupted: Option<i64>,
    /// What was said to those of our statements that cannot be prepared; none where the tables are not there yet.
    pub refused: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct Source {
    pub votes: Looked<Option<Table>>,
    pub rates: Looked<Option<Table>>,
    /// How the votes of yesterday would be read; none where there is no table.
    pub plan: Option<Plan>,
}

/// A table, or a view.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub is_view: bool,
    /// The storage engine of a server's table.
    pub storage: Option<String>,
    /// A SQLite table that holds its columns to their types.
    pub is_strict: bool,
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
}

impl Table {
    /// A column by its name, which no database tells by its case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    pub name: String,
    /// The bare type in lower case: `decimal`.
    pub data_type: String,
    /// The whole type as the database shows it: `decimal(28,8)`.
    pub full_type: String,
    /// Digits after the point of a decimal.
    pub scale: Option<u32>,
    /// Digits of a second's fraction.
    pub second_digits: Option<u32>,
    pub is_nullable: bool,
    /// The default is the server's clock.
    pub defaults_to_now: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Index {
    pub name: String,
    pub is_unique: bool,
    pub is_primary: bool,
    /// Not invisible (MySQL), ignored (MariaDB) or partial (SQLite).
    pub is_used: bool,
    /// In order. None: an expression, or the beginning of a text only.
    pub columns: Vec<Option<String>>,
}

/// How a query would be run.
#[derive(Clone, Debug)]
pub enum Plan {
    Steps(Vec<Step>),
    /// The database takes the query, and tells its plan to others: under a view may be tables that are not to be seen.
    Hidden(String),
    /// The query itself is refused.
    Refused(String),
}

/// One step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// A whole table is gone through, row by row or along an index.
    pub is_scan: bool,
    /// The index in use.
    pub index: Option<String>,
    /// The index alone answers.
    pub is_covered: bool,
    /// As the server estimates.
    pub rows: Option<u64>,
}
