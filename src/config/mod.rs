//! The configuration: typed sections that mirror `config.toml`, from defaults, a TOML file and the environment.
//!
//! ```text
//! defaults.toml ← file ← .env ← credentials ← environment
//!                                                settings.rs: layers, unknown keys, places
//!       → each value read and judged             values.rs, url.rs
//!       → Config                                 build.rs: one line per key
//!       → TOML again                             show.rs
//! ```
//!
//! Sections such as `[notify.receivers.NAME]` and the tables of lists such as `[[alarms]]`, each with its `name`, have
//! names of the operator's; what each holds is in `elements.toml`.
//!
//! A new key takes a line in `defaults.toml`, in its struct here, in `build.rs`, in `show.rs` and in the commented
//! `config.toml`; the tests hold these together. All that is wrong is reported at once, each with its place and key.

mod alarms;
mod build;
mod changes;
mod confirm;
mod credentials;
mod dotenv;
mod endpoint;
mod error;
mod notify;
mod oidc;
mod people;
mod secret;
mod settings;
mod show;
mod suspicions;
#[cfg(test)]
mod tests;
mod url;
mod values;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::rewards::rules::{RankKey, Rules};
use crate::rewards::suspicions::Suspicion;
use build::WithoutUrl;
use settings::{PREFIX, Settings, Variable};

pub use crate::people::{Person, PublicKey, Role};
pub use changes::{Change, rules_changes};
pub use confirm::{Confirm, ConfirmMode, FileFormat, WatchedFile, WatchedRepository, WatchedRows};
pub use endpoint::Endpoint;
pub use error::ConfigError;
pub use notify::{Body, Channel, Event, Mail, Notify, Receiver, Webhook};
pub use oidc::Oidc;
pub use secret::Secret;
pub use url::{DatabaseUrl, mask_url};

/// Everything an operator decides. `Debug` masks passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub programme: Programme,
    pub database: Database,
    pub source: Source,
    pub remote: Remote,
    pub schedule: Schedule,
    /// `[rules]`, `[special]` and `[[alarms]]`: what decides amounts, and whether they are paid at once.
    pub rules: Rules,
    /// In the order of the file. No part of the rules: they never change what is paid.
    pub suspicions: Vec<Suspicion>,
    pub confirm: Confirm,
    /// By name.
    pub people: Vec<Person>,
    pub logging: Logging,
    pub retention: Retention,
    pub http: Http,
    pub notify: Notify,
    pub process: Process,
}

/// Whose days are paid, and from when (rules, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programme {
    pub timezone: Tz,
    /// The first day to pay; without it, the day of the first run.
    pub start: Option<NaiveDate>,
}

/// Where rewards, pool state, logs and the outbox live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub url: DatabaseUrl,
    /// At least 1.
    pub max_connections: u32,
}

/// Where votes and CC rates are read from (rules, section 8). All names can be quoted into SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// See [`Config::source_url`] for the effective one.
    pub url: Option<DatabaseUrl>,
    /// `table` or `schema.table`.
    pub votes_table: String,
    /// `table` or `schema.table`.
    pub rates_table: String,
    /// How many read a day at the same time.
    pub connections: u32,
    /// What adding a window's votes up may take, bytes.
    pub memory_budget: usize,
    pub aggregate: Aggregate,
    pub columns: Columns,
}

/// Who adds the votes of a partner up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The daemon, which reads them all.
    Daemon,
    /// The source's server.
    Server,
}

/// The source's name of each column of votes and, the last two, of rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    pub id: String,
    pub partner_id: String,
    pub vote_type: String,
    pub cc: String,
    pub ecc: String,
    pub voted_at: String,
    pub quoted_at: String,
    pub rate: String,
}

/// The special partners' database (rules, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Without it, transfers stay queued.
    pub url: Option<DatabaseUrl>,
    /// `table` or `schema.table`.
    pub table: String,
}

/// When to look for what is due: cron patterns of six fields, seconds first, in the programme's time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub hourly: String,
    pub daily: String,
    pub transfers: String,
    /// Due windows that ended longer ago are reported, not paid (rules, section 2). Positive, at most ten years.
    pub catch_up: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    pub dir: PathBuf,
    pub level: Level,
    pub format: Format,
    pub rotation: Rotation,
    /// Log files that are kept, at least 1.
    pub keep: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// As the configuration and log filters write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_in(&LEVELS, self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    Never,
    Hourly,
    Daily,
}

/// What becomes of what is old. An age that is none: nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The folder of the files that rows are moved to.
    pub archive: PathBuf,
    /// At least two days and [`Schedule::catch_up`], so that nothing is moved that is still to be paid.
    pub hourly_rewards: Option<Duration>,
    /// As `hourly_rewards`.
    pub transfers: Option<Duration>,
    pub logs: Option<Duration>,
}

impl Retention {
    /// Whether anything is ever moved or removed.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.hourly_rewards.is_some() || self.transfers.is_some() || self.logs.is_some()
    }
}

/// Metrics, health and dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// None: off.
    pub listen: Option<SocketAddr>,
    /// What the dashboard and the metrics are asked for with; without it, `listen` is a loopback address.
    pub token: Option<Secret>,
    /// None: off.
    pub oidc: Option<Oidc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub state_file: PathBuf,
    /// How long running jobs may take to finish on shutdown; zero to a day.
    pub shutdown_grace: Duration,
    /// How long the holder of the lease may be silent before a standby takes over, at least a second.
    pub lease: Duration,
}

// The words of the file and what they stand for, in the order messages list them.
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];
const AGGREGATES: [(&str, Aggregate); 2] = [("daemon", Aggregate::Daemon), ("server", Aggregate::Server)];
const FORMATS: [(&str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];
const ROTATIONS: [(&str, Rotation); 3] =
    [("never", Rotation::Never), ("hourly", Rotation::Hourly), ("daily", Rotation::Daily)];
const RANK_KEYS: [(&str, RankKey); 3] =
    [("votes", RankKey::Votes), ("ecc", RankKey::Ecc), ("earliest_last_vote", RankKey::EarliestLastVote)];
/// In the order of `DailyRules::split`.
const SPLIT_PARTS: [&str; 3] = ["fixed", "ecc", "top50"];

fn name_in<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, meaning)| *meaning == value).expect("every variant has a word").0
}

impl Config {
    /// The file at `path` with `env` over it: of that, the variables `REWARDD__SECTION__KEY`.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn load(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        let variables = env.map(|(name, text)| Variable::of_process(name, text));
        Self::assemble(&path.display().to_string(), &text, variables, WithoutUrl::Refuse)
    }

    /// [`Config::load`] with the `.env` beside the file, where there is one, over that the credentials in
    /// `$CREDENTIALS_DIRECTORY`, where systemd gave any, and over all the process's environment, which is not changed.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn load_with_environment(path: &Path) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        let mut variables = dotenv::read(&path.with_file_name(".env"))?;
        if let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            variables.extend(credentials::read(Path::new(&dir))?);
        }
        let variables = variables.into_iter().chain(process_variables()?);
        Self::assemble(&path.display().to_string(), &text, variables, WithoutUrl::Refuse)
    }

    /// A file that may hold only what differs from the defaults, for what keeps nothing: without `database.url` the
    /// database is in memory. The environment plays no part, so that the same file gives the same amounts.
    ///
    /// # Errors
    /// Any [`ConfigError`].
    pub fn load_rules_file(path: &Path) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        Self::assemble(&path.display().to_string(), &text, std::iter::empty(), WithoutUrl::InMemory)
    }

    /// The text of a configuration file, complete by itself.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::assemble("configuration", text, std::iter::empty(), WithoutUrl::Refuse)
    }

    /// The defaults, with rewards in the database at `url`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where `url` has no backend.
    pub fn default_with_url(url: &str) -> Result<Self, ConfigError> {
        let mut settings = Settings::new("configuration".to_owned());
        settings.set("database.url", url);
        build::build(settings, WithoutUrl::Refuse)
    }

    /// The rules in a canonical text of theirs, as [`Config::rules_table`] writes it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn parse_rules(text: &str) -> Result<Rules, ConfigError> {
        let config = Self::assemble("rules", text, std::iter::empty(), WithoutUrl::InMemory)?;
        Ok(config.rules)
    }

    /// Where votes and rates are read from: the database itself unless `source.url` says otherwise.
    #[must_use]
    pub fn source_url(&self) -> &DatabaseUrl {
        self.source.url.as_ref().unwrap_or(&self.database.url)
    }

    fn assemble(
        file: &str,
        text: &str,
        variables: impl Iterator<Item = Variable>,
        without_url: WithoutUrl,
    ) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(file.to_owned());
        settings.add_file(text)?;
        settings.add_variables(variables);
        build::build(settings, without_url)
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Unreadable { path: path.to_owned(), source },
    })
}

/// The process's variables that are ours.
///
/// # Errors
/// [`ConfigError::Invalid`] with those whose text is not UTF-8.
fn process_variables() -> Result<Vec<Variable>, ConfigError> {
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        match text.into_string() {
            Ok(text) => variables.push(Variable::of_process(name.to_owned(), text)),
            Err(_) => problems.push(format!("environment variable {name}: is not UTF-8")),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(ConfigError::Invalid(problems)) }
}
