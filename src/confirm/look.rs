//! One look at one watch: read, compare, write down.

use std::path::Path;

use tokio::task::spawn_blocking;
use tracing::warn;

use super::compare::reconcile;
use super::git::{Origin, origins};
use super::lists::{List, ListError, Shape, bytes_of, listed, rows_of, whole};
use super::repositories::look_at;
use super::words::{commit_change, history_change, list_change, row_change};
use crate::config::{Config, DatabaseUrl, WatchedFile, WatchedRepository, WatchedRows};
use crate::confirm::formats::RawRow;
use crate::errors::chain;
use crate::fault;
use crate::rewards::window::Instant;
use crate::store::sql::{Access, Database, read_listing};
use crate::store::{Changes, Look, NewChange, StoreError, WatchState};

/// How often a look is made anew because another has written meanwhile.
const ATTEMPTS: u32 = 5;

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub enum Watch<'a> {
    List(&'a WatchedFile),
    Repository(&'a WatchedRepository),
}

impl Watch<'_> {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::List(file) => &file.name,
            Self::Repository(repository) => &repository.name,
        }
    }
}

/// All that a configuration watches, lists first.
#[must_use]
pub fn watches(config: &Config) -> Vec<Watch<'_>> {
    let lists = config.confirm.files.iter().map(Watch::List);
    lists.chain(config.confirm.repositories.iter().map(Watch::Repository)).collect()
}

/// What came of a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Changes that wait from now on.
    pub announced: usize,
    /// Changes that wait no more, as their source is another since.
    pub superseded: usize,
    pub withdrawn: usize,
    /// Why it could not be looked at; what is known stays as it is.
    pub trouble: Option<String>,
}

/// Looks at one watch, and writes down what has changed. A source that is away or broken is no error: it is written down
/// as the watch's trouble.
///
/// # Errors
/// [`StoreError`], of the rewards' database.
pub async fn look(
    watch: Watch<'_>,
    config: &Config,
    store: &dyn Changes,
    now: Instant,
) -> Result<Found, StoreError> {
    let mut attempt = 1;
    loop {
        match look_once(watch, config, store, now).await {
            Err(StoreError::Stale) if attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}

async fn look_once(
    watch: Watch<'_>,
    config: &Config,
    store: &dyn Changes,
    now: Instant,
) -> Result<Found, StoreError> {
    let state = store.watch_state(watch.name()).await?;
    let seen = match watch {
        Watch::List(file) => look_at_list(file, config, &state).await,
        Watch::Repository(repository) => look_at_repository(repository, &state).await,
    };
    fault::point("looked");
    let known = &state.watch;
    let seen = seen.unwrap_or_else(|why| Seen { trouble: Some(why), ..Seen::default() });
    let position = seen.position.as_deref().or(known.position.as_deref());
    let trouble = seen.trouble.as_deref();
    let is_as_it_was =
        known.version > 0 && position == known.position.as_deref() && trouble == known.trouble.as_deref();
    if !is_as_it_was || seen.has_changes() {
        let look = Look {
            watch: watch.name(),
            version_before: known.version,
            position,
            trouble,
            announced: &seen.announced,
            superseded: &seen.superseded,
            withdrawn: &seen.withdrawn,
            forgotten: &seen.forgotten,
            now,
        };
        store.record_look(&look).await?;
    }
    Ok(Found {
        announced: seen.announced.len(),
        superseded: seen.superseded.len(),
        withdrawn: seen.withdrawn.len(),
        trouble: seen.trouble,
    })
}

/// What is to be written down.
#[derive(Default)]
struct Seen {
    position: Option<String>,
    trouble: Option<String>,
    announced: Vec<NewChange>,
    superseded: Vec<u64>,
    withdrawn: Vec<u64>,
    forgotten: Vec<String>,
}

impl Seen {
    fn has_changes(&self) -> bool {
        !(self.announced.is_empty()
            && self.superseded.is_empty()
            && self.withdrawn.is_empty()
            && self.forgotten.is_empty())
    }
}

/// Runs what takes time or waits for a disk aside of everything else; gives why it failed, as people read it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(format!("the look has failed: {error}")))
}

/// What a list holds now, and the bytes of the file that it was read from.
async fn read(file: &WatchedFile, config: &Config) -> Result<(List, Vec<u8>), String> {
    match &file.rows {
        WatchedRows::File { .. } => {
            let file = file.clone();
            aside(move || read_file(&file).map_err(|error| chain(&error))).await
        }
        WatchedRows::Table { url, table } => {
            let url = url.as_ref().unwrap_or_else(|| config.source_url());
            let rows = read_table(url, table, file).await.map_err(|error| chain(&error))?;
            let list = listed(table, rows, Shape::of(file)).map_err(|error| chain(&error))?;
            Ok((list, vec![]))
        }
    }
}

fn read_file(file: &WatchedFile) -> Result<(List, Vec<u8>), ListError> {
    let WatchedRows::File { path, format, at } = &file.rows else { return Ok((List::new(), vec![])) };
    let bytes = bytes_of(path)?;
    let rows = rows_of(&path.display(), &bytes, *format, at)?;
    Ok((listed(&path.display(), rows, Shape::of(file))?, bytes))
}

/// Over a connection of its own, so that no payment waits for it.
async fn read_table(url: &DatabaseUrl, table: &str, file: &WatchedFile) -> Result<Vec<RawRow>, StoreError> {
    let database = Database::open(url, Access::Read, 1).await?;
    let mut columns = file.columns.clone();
    if !columns.is_empty() {
        columns.extend(file.key.iter().filter(|key| !file.columns.contains(key)).cloned());
    }
    let rows = read_listing(&database, table, &columns).await;
    database.close().await;
    Ok(rows?.into_iter().map(|values| RawRow { line: None, values }).collect())
}

async fn look_at_list(file: &WatchedFile, config: &Config, state: &WatchState) -> Result<Seen, String> {
    let (list, bytes) = read(file, config).await?;
    let (path, source) = match &file.rows {
        WatchedRows::File { path, .. } => (Some(path.as_path()), path.display().to_string()),
        WatchedRows::Table { table, .. } => (None, table.clone()),
    };
    let whole = whole(&source, &list).map_err(|error| chain(&error))?;
    let now = match state.watch.has_baseline {
        true => list.iter().map(|(key, entry)| (key.as_str(), entry.content.as_str())).collect(),
        false => [("", whole.as_str())].into(),
    };
    let outcome = reconcile(state, &now);
    let line = |key: &str| list.get(key).and_then(|entry| entry.line);
    let lines: Vec<Option<usize>> = outcome.announced.iter().map(|(key, ..)| line(key)).collect();
    let (whole_origin, origins) = match path {
        Some(path) if !lines.is_empty() => origins_of(path, bytes, lines.clone()).await,
        _ => (Origin::default(), vec![Origin::default(); lines.len()]),
    };
    let announced = outcome.announced.into_iter().zip(lines).zip(origins);
    let announced = announced.map(|(((key, before, after), line), origin)| match (key.as_str(), after) {
        ("", Some(after)) => list_change(after, list.len(), &source, &whole_origin),
        (_, after) => row_change(key, (before, after), &source, line, &origin),
    });
    Ok(Seen {
        announced: announced.collect(),
        superseded: outcome.superseded,
        withdrawn: outcome.withdrawn,
        forgotten: outcome.forgotten,
        ..Seen::default()
    })
}

/// What git cannot tell keeps no change from being announced.
async fn origins_of(path: &Path, bytes: Vec<u8>, lines: Vec<Option<usize>>) -> (Origin, Vec<Origin>) {
    let (owned, count) = (path.to_owned(), lines.len());
    let found = aside(move || origins(&owned, &bytes, &lines).map_err(|error| chain(&error))).await;
    found.unwrap_or_else(|why| {
        warn!(why, "git does not tell who has changed a watched list");
        let unknown = Origin { by: Origin::UNREADABLE, ..Origin::default() };
        (unknown.clone(), vec![unknown; count])
    })
}

async fn look_at_repository(repository: &WatchedRepository, state: &WatchState) -> Result<Seen, String> {
    let (watch, last) = (repository.clone(), state.watch.position.clone());
    let looked = aside(move || look_at(&watch, last.as_deref()).map_err(|error| chain(&error))).await?;
    let last = state.watch.position.as_deref().unwrap_or_default();
    let rewritten = looked.rewritten.as_deref().map(|why| history_change(last, &looked.tip, why));
    let mut announced: Vec<NewChange> =
        rewritten.into_iter().chain(looked.touched.iter().map(commit_change)).collect();
    // After a branch went back and forth, a commit may still wait from before.
    announced.retain(|change| !state.open.contains_key(&change.key));
    Ok(Seen { position: Some(looked.tip), announced, ..Seen::default() })
}

/// Says what keeps a file or a repository from being read, without writing anything down. No database is opened.
///
/// # Errors
/// Why it cannot be read, as people read it.
pub fn check(watch: Watch<'_>) -> Result<(), String> {
    match watch {
        Watch::List(WatchedFile { rows: WatchedRows::Table { .. }, .. }) => Ok(()),
        Watch::List(file) => read_file(file).map(drop).map_err(|error| chain(&error)),
        Watch::Repository(repository) => look_at(repository, None).map(drop).map_err(|error| chain(&error)),
    }
}
