//! `[confirm]`: whose changes have to be confirmed: of the rules, of reward lists that are kept elsewhere, and of code.

use std::path::PathBuf;
use std::time::Duration;

use super::name_in;
use super::settings::Settings;
use super::show::{Entry, entry};
use super::url::DatabaseUrl;
use super::values::{cron, duration, word};

/// What is confirmed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// Of the rules.
    pub mode: ConfirmMode,
    /// How often a version of the rules that waits is told again.
    pub reminder: Duration,
    /// When to look at files, tables and repositories: cron, as in [`super::Schedule`].
    pub every: String,
    /// How long a signature may be on its way.
    pub valid: Duration,
    /// In the order of the configuration. No two of these and of `repositories` have the same name.
    pub files: Vec<WatchedFile>,
    /// In the order of the configuration.
    pub repositories: Vec<WatchedRepository>,
}

/// What becomes of changed rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmMode {
    /// They are taken, and it is written down.
    Log,
    /// They wait until two people have signed them.
    FourEyes,
}

pub(super) const MODES: [(&str, ConfirmMode); 2] =
    [("log", ConfirmMode::Log), ("four-eyes", ConfirmMode::FourEyes)];

/// A reward list that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFile {
    /// 1 to 32 of a-z, 0-9 and _.
    pub name: String,
    pub rows: WatchedRows,
    /// The columns that name a row together; never empty.
    pub key: Vec<String>,
    /// The other columns that are looked at; empty: all.
    pub columns: Vec<String>,
}

/// Where the rows of a list are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchedRows {
    File {
        path: PathBuf,
        format: FileFormat,
        /// The names that lead to the array of rows in TOML and JSON; empty where the array is the top. Always empty
        /// for CSV.
        at: Vec<String>,
    },
    Table {
        /// Without it, where votes are read from: [`super::Config::source_url`].
        url: Option<DatabaseUrl>,
        /// `table` or `schema.table`. Its name and those of the columns can be quoted into SQL.
        table: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    Csv,
    Toml,
    Json,
}

/// A git repository some lines of which decide about money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedRepository {
    /// 1 to 32 of a-z, 0-9 and _.
    pub name: String,
    /// The folder of the repository on this machine.
    pub path: PathBuf,
    /// A branch, or `HEAD`.
    pub branch: String,
    /// Patterns of the files that are looked at; empty: all.
    pub paths: Vec<String>,
    /// Texts, one of which a changed line holds to be told of, whatever its case; empty: all lines.
    pub keywords: Vec<String>,
}

impl Confirm {
    /// The keys of the section.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let span = |span| humantime::format_duration(span).to_string();
        vec![
            entry("confirm.mode", name_in(&MODES, self.mode)),
            entry("confirm.reminder", span(self.reminder)),
            entry("confirm.every", &*self.every),
            entry("confirm.valid", span(self.valid)),
        ]
    }
}

/// Reads the section.
pub(super) fn read(s: &mut Settings<'_>) -> Confirm {
    Confirm {
        mode: s.read("confirm.mode", |v| word(&MODES, v)),
        reminder: s
            .read("confirm.reminder", duration(Duration::from_mins(1)..=Duration::from_hours(30 * 24))),
        every: s.read("confirm.every", cron),
        valid: s.read("confirm.valid", duration(Duration::from_secs(10)..=Duration::from_hours(24))),
        files: vec![],
        repositories: vec![],
    }
}
