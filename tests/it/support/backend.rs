//! Scratch databases: a file, or one of its own on a server that `tests/run` has started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rewardd::config::DatabaseUrl;
use rewardd::store::sql::{Access, Database, Row};
use tempfile::TempDir;

use super::{rewardd, succeed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    MariaDb,
    MySql,
}

impl Backend {
    /// The server's URL; none where MySQL could not be had here, which `tests/run` says loudly.
    fn server(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::MariaDb => Some(std::env::var("REWARDD_TEST_MARIADB_URL").unwrap_or_else(|_| {
                panic!("REWARDD_TEST_MARIADB_URL is not set: run the tests by tests/run, which starts the servers")
            })),
            Self::MySql => std::env::var("REWARDD_TEST_MYSQL_URL").ok(),
        }
    }

    /// Whether tests can run on it. MariaDB is required, MySQL is not to be had everywhere.
    pub fn is_there(self) -> bool {
        let there = self == Self::Sqlite || self.server().is_some();
        if !there {
            eprintln!("NOT RUN on MySQL: REWARDD_TEST_MYSQL_URL is not set");
        }
        there
    }

    /// The fault points at which a test kills the program here: every one on SQLite. The servers, which take back
    /// what was not committed as that does, and are slower, share them.
    pub fn fault_points(self) -> impl Iterator<Item = u64> {
        let (first, step) = match self {
            Self::Sqlite => (1, 1),
            Self::MariaDb => (1, if Self::MySql.is_there() { 2 } else { 1 }),
            Self::MySql => (2, 2),
        };
        (first..).step_by(step)
    }
}

/// Makes a test per backend of functions that take one.
#[macro_export]
macro_rules! on_every_backend {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            $crate::on_the_servers!(@each $test);

            #[test]
            fn on_sqlite() {
                super::$test(Backend::Sqlite);
            }
        })+
    };
}

/// The same for what SQLite has nothing of.
#[macro_export]
macro_rules! on_the_servers {
    (@each $test:ident) => {
        use $crate::support::Backend;

        #[test]
        fn on_mariadb() {
            super::$test(Backend::MariaDb);
        }

        #[test]
        fn on_mysql() {
            if Backend::MySql.is_there() {
                super::$test(Backend::MySql);
            }
        }
    };
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            $crate::on_the_servers!(@each $test);
        })+
    };
}

/// MySQL encrypts where both sides can, and each such connection begins with a wait of 40 ms: the client's second small
/// packet stays back until the first is acknowledged. Most tests make dozens of short connections that show nothing of
/// encryption. (MariaDB has no certificate here. And `tests/servers` has logged in before: a password that MySQL does not
/// remember takes an encrypted connection.)
const PLAIN: &str = "?ssl-mode=disabled";

/// A folder with a configuration and a database of its own.
pub struct Scratch {
    pub dir: TempDir,
    pub backend: Backend,
    pub url: String,
    /// What the URLs end with.
    parameters: &'static str,
    databases: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

impl Scratch {
    pub fn new(backend: Backend) -> Self {
        Self::with(backend, if backend == Backend::MySql { PLAIN } else { "" })
    }

    /// With connections as they are where the URL says nothing: encrypted, where the server can.
    pub fn encrypted(backend: Backend) -> Self {
        Self::with(backend, "")
    }

    fn with(backend: Backend, parameters: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let dir = TempDir::new().unwrap();
        let mut scratch = Self { dir, backend, url: String::new(), parameters, databases: vec![], runtime };
        scratch.url = scratch.new_database("rewards");
        scratch.write_config("");
        scratch
    }

    /// Another database of this scratch, such as a remote.
    pub fn new_database(&mut self, name: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Some(server) = self.backend.server() else {
            return format!("sqlite://{}", self.path(&format!("{name}.db")).display());
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("t{}_{number}_{name}", std::process::id());
        self.at_server(&server, &format!("CREATE DATABASE {database}"));
        let url = format!("{server}/{database}{}", self.parameters);
        self.databases.push(database);
        url
    }

    /// By way of a database that is always there.
    fn at_server(&self, server: &str, sql: &str) {
        self.query_at(&format!("{server}/mysql{}", self.parameters), sql);
    }

    /// The name of a server's database.
    pub fn database(&self) -> &str {
        database_of(&self.url)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes config.toml: the database and the log folder, then `more`.
    pub fn write_config(&self, more: &str) {
        let logs = self.path("logs");
        let state = self.path("processes.json");
        let text = format!(
            "{more}\n[database]\nurl = {:?}\n[logging]\ndir = {:?}\n[process]\nstate_file = {:?}\n",
            self.url,
            logs.display().to_string(),
            state.display().to_string()
        );
        fs::write(self.path("config.toml"), text).unwrap();
    }

    /// The binary with this configuration.
    pub fn rewardd(&self, args: &[&str]) -> Command {
        let mut command = rewardd();
        command.arg("--config").arg(self.path("config.toml")).args(args).current_dir(self.dir.path());
        command
    }

    /// Runs a command that has to succeed.
    pub fn run(&self, args: &[&str]) -> String {
        succeed(&mut self.rewardd(args))
    }

    pub fn import(&self, votes: &str, rates: &str) {
        fs::write(self.path("votes.csv"), votes).unwrap();
        fs::write(self.path("rates.csv"), rates).unwrap();
        self.run(&["import", "--votes", "votes.csv", "--rates", "rates.csv"]);
    }

    /// Rows of texts. Every column has to be a text or NULL: cast what is not.
    pub fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.query_at(&self.url, sql)
    }

    pub fn query_at(&self, url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        self.ask(url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The rows, or nothing where the database does not answer now.
    pub fn try_query(&self, sql: &str) -> Option<Vec<Vec<Option<String>>>> {
        self.ask(&self.url, sql).ok()
    }

    /// The rows, or why there are none.
    pub fn ask(&self, url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let url = DatabaseUrl::parse(url)?;
        self.runtime.block_on(async {
            let database =
                Database::open(&url, Access::Create, 1).await.map_err(|error| error.to_string())?;
            let rows = database.fetch(sql.to_owned(), &[]).await.map_err(|error| error.to_string())?;
            let columns =
                rows.first().map_or(0, |row| (0..).take_while(|c| row.optional_text(*c).is_ok()).count());
            let texts = |row: &Row| (0..columns).map(|column| row.optional_text(column).unwrap()).collect();
            let texts = rows.iter().map(texts).collect();
            database.close().await;
            Ok(texts)
        })
    }

    /// The first column of the first row.
    pub fn one(&self, sql: &str) -> String {
        self.query(sql)[0][0].clone().unwrap()
    }

    /// Waits for a future on the scratch's own runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Has the scratch's own runtime do something meanwhile.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(work)
    }
}

/// A URL as messages show it, and as others can add parameters of their own.
pub fn without_parameters(url: &str) -> &str {
    url.split('?').next().unwrap()
}

/// The name of the database that a URL leads to.
pub fn database_of(url: &str) -> &str {
    without_parameters(url).rsplit('/').next().unwrap()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(server) = self.backend.server() {
            for database in std::mem::take(&mut self.databases) {
                self.at_server(&server, &format!("DROP DATABASE {database}"));
            }
        }
    }
}
