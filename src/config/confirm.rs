//! `[confirm]`: whose changes have to be confirmed: of the rules, of reward lists that are kept elsewhere, and of code.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value as Shown;

use super::name_in;
use super::settings::{FILES, Keys, REPOSITORIES, Settings};
use super::show::{Entry, entry};
use super::url::DatabaseUrl;
use super::values::{Value, column, cron, duration, filled, list, optional, path, table, text, url, word};

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

pub(super) const FILE_FORMATS: [(&str, FileFormat); 3] =
    [("csv", FileFormat::Csv), ("toml", FileFormat::Toml), ("json", FileFormat::Json)];

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
        let mut entries = vec![
            entry("confirm.mode", name_in(&MODES, self.mode)),
            entry("confirm.reminder", span(self.reminder)),
            entry("confirm.every", &*self.every),
            entry("confirm.valid", span(self.valid)),
        ];
        entries.extend(self.files.iter().flat_map(file_entries));
        entries.extend(self.repositories.iter().flat_map(repository_entries));
        entries
    }
}

fn file_entries(file: &WatchedFile) -> Vec<Entry> {
    let WatchedFile { name, rows, key, columns } = file;
    let of = |key: &str, value: Shown| (format!("{FILES}.{name}.{key}"), value);
    let mut entries = vec![of("name", name.as_str().into())];
    entries.extend(match rows {
        WatchedRows::File { path, format, at } => {
            let rows = (!at.is_empty()).then(|| of("rows", at.join(".").into()));
            let path = of("path", path.to_string_lossy().as_ref().into());
            let format = of("format", name_in(&FILE_FORMATS, *format).into());
            [path, format].into_iter().chain(rows).collect()
        }
        WatchedRows::Table { url, table } => {
            let url = url.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![of("url", url.into()), of("table", table.as_str().into())]
        }
    });
    entries.extend([of("key", key.clone().into()), of("columns", columns.clone().into())]);
    entries
}

fn repository_entries(repository: &WatchedRepository) -> Vec<Entry> {
    let WatchedRepository { name, path, branch, paths, keywords } = repository;
    let of = |key: &str, value: Shown| (format!("{REPOSITORIES}.{name}.{key}"), value);
    vec![
        of("name", name.as_str().into()),
        of("path", path.to_string_lossy().as_ref().into()),
        of("branch", branch.as_str().into()),
        of("paths", paths.clone().into()),
        of("keywords", keywords.clone().into()),
    ]
}

/// Reads the section.
pub(super) fn read(s: &mut Settings<'_>) -> Confirm {
    Confirm {
        mode: s.read("confirm.mode", |v| word(&MODES, v)),
        reminder: s
            .read("confirm.reminder", duration(Duration::from_mins(1)..=Duration::from_hours(30 * 24))),
        every: s.read("confirm.every", cron),
        valid: s.read("confirm.valid", duration(Duration::from_secs(10)..=Duration::from_hours(24))),
        files: files(s),
        repositories: repositories(s),
    }
}

fn files(s: &mut Settings<'_>) -> Vec<WatchedFile> {
    s.names(FILES).into_iter().filter_map(|name| file(&mut Keys::new(s, FILES, &name), name)).collect()
}

/// None where something was said to be a problem.
fn file(keys: &mut Keys<'_, '_>, name: String) -> Option<WatchedFile> {
    let path = keys.read("path", |v| optional(v, path));
    let table = keys.read("table", |v| optional(v, table));
    let is_table = table.is_some();
    let names = |v: &Value<'_>| if is_table { list(v, column) } else { list(v, filled) };
    let (key, columns) = (keys.read("key", names), keys.read("columns", names));
    if key.is_empty() && keys.are_valid() {
        keys.report("key is missing: name the columns that tell a row from all others, as in key = [\"id\"]");
    }
    if let Some(both) = columns.iter().find(|column| key.contains(column)) {
        keys.report_key("columns", &format!("{both:?} is in key, which is always looked at"));
    }
    let rows = match (path, table) {
        (Some(path), None) => {
            keys.refuse(["url"], "is not for a file, but for a table");
            rows_of_file(keys, path)
        }
        (None, Some(table)) => {
            keys.refuse(["format", "rows"], "is not for a table, but for a file");
            let url = keys.read("url", |v| optional(v, url));
            Some(WatchedRows::Table { url, table })
        }
        (Some(_), Some(_)) => {
            keys.report_key("table", "and path are both set: the rows are in a file or in a table");
            None
        }
        (None, None) => {
            if keys.are_valid() {
                keys.report("path is missing: say which file has the rows, or which table");
            }
            None
        }
    };
    keys.are_valid().then_some(WatchedFile { name, rows: rows?, key, columns })
}

fn rows_of_file(keys: &mut Keys<'_, '_>, path: PathBuf) -> Option<WatchedRows> {
    let named = keys.read("format", |v| optional(v, |v| word(&FILE_FORMATS, v)));
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let of_ending =
        FILE_FORMATS.iter().find(|(word, _)| Some(*word) == ending.as_deref()).map(|(_, format)| *format);
    let at = keys.read("rows", |v| optional(v, dotted)).unwrap_or_default();
    let Some(format) = named.or(of_ending) else {
        if keys.are_valid() {
            keys.report("format is missing, and the path does not end with it: set it to csv, toml or json");
        }
        return None;
    };
    if format == FileFormat::Csv {
        keys.refuse(["rows"], "is not for CSV, whose rows are all there is");
    }
    if format == FileFormat::Toml && at.is_empty() && keys.are_valid() {
        keys.report("rows is missing: a TOML file has its rows under a name, as in rows = \"rewards\"");
    }
    Some(WatchedRows::File { path, format, at })
}

/// Names with dots between them.
fn dotted(value: &Value<'_>) -> Result<Vec<String>, String> {
    let text = text(value)?;
    let names: Vec<String> = text.split('.').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err(format!("{text:?} is not names with dots between them, such as \"programme.rewards\""));
    }
    Ok(names)
}

fn repositories(s: &mut Settings<'_>) -> Vec<WatchedRepository> {
    let files = s.names(FILES);
    let mut repositories = vec![];
    for name in s.names(REPOSITORIES) {
        let mut keys = Keys::new(s, REPOSITORIES, &name);
        // Both are stored by name alone.
        if files.contains(&name) {
            keys.report("is the name of one of confirm.files already: take another name");
        }
        let path = keys.required("path", path, "say in which folder the repository is");
        let branch = keys.read("branch", filled);
        let paths = keys.read("paths", |v| list(v, filled));
        let keywords = keys.read("keywords", |v| list(v, filled));
        repositories.extend(path.map(|path| WatchedRepository { name, path, branch, paths, keywords }));
    }
    repositories
}
