//! `rewardd changes`

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Exit;
use super::decided::{Decided, Matter};
use super::output::{self, say};
use crate::app::{Records, open_notices};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::confirm::{self, NoMatter, Wanted, columns_changed};
use crate::people::Role;
use crate::rewards::window::show;
use crate::store::sql::SqlStore;
use crate::store::{self, BeforeAfter, Change, Changes, Store};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;
/// How many of the changes that were decided are listed.
const LISTED: u32 = 200;
/// How much of a commit tables show.
const SHOWN: usize = 12;

/// Look after changes of watched reward lists and repositories ([confirm]): see them, confirm or reject them.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    List(List),
    Show(Show),
    Look(LookNow),
    Confirm(Decide),
    Reject(Decide),
    Rows(Rows),
}

/// List the changes that wait to be confirmed.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only of this list or repository.
    #[arg(long, value_name = "WATCH")]
    of: Option<String>,
    /// Also those that wait no more: the last 200, newest first.
    #[arg(long)]
    all: bool,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Show all of a change: what was there and what is there now, and who wrote it.
///
/// Exit codes: 0 · 2 there is no such change.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The change's number.
    number: u64,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Look at all lists and repositories now, as the daemon does by confirm.every.
///
/// Exit codes: 0 · 1 one of them cannot be read, which is said.
#[derive(Debug, Args)]
pub(super) struct LookNow {}

/// Decide: what is confirmed is known from then on; what is rejected is not told again until it changes.
///
/// Where `[people]` are configured this takes a reviewer, and the reviewer's token.
///
/// Exit codes: 0 · 1 nothing was decided, and why.
#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The changes' numbers.
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u64>,
    /// All changes of this list or repository.
    #[arg(long, value_name = "WATCH")]
    all_of: Option<String>,
    /// Of these only this row, by its key; may be given again. Of a list that waits as a whole the other rows are told
    /// one by one then.
    #[arg(long = "row", value_name = "KEY", requires = "all_of")]
    rows: Vec<String>,
    #[command(flatten)]
    decided: Decided,
}

/// Print the confirmed rows of a list, for programs that want no others.
///
/// Exit codes: 0 · 3 the list has not been confirmed yet: nothing is printed.
#[derive(Debug, Args)]
pub(super) struct Rows {
    /// The list, by its name in [[confirm.files]].
    watch: String,
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Csv,
    Json,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        match self {
            Self::Look(LookNow {}) => look(&config).await,
            Self::Confirm(decide) => decide.execute(&config, true).await,
            Self::Reject(decide) => decide.execute(&config, false).await,
            reads => {
                let records = Records::open(&config).await?;
                let exit = match reads {
                    Self::List(list) => list.execute(&records.stored).await,
                    Self::Show(show) => show.execute(&records.stored).await,
                    Self::Rows(rows) => rows.execute(&records.stored).await,
                    _ => Ok(Exit::Done),
                };
                records.database.close().await;
                exit
            }
        }
    }
}

impl List {
    async fn execute(self, stored: &SqlStore) -> anyhow::Result<Exit> {
        let of = self.of.as_deref();
        let changes = match self.all {
            true => {
                let mut page = stored.changes_page(u64::MAX, LISTED).await?;
                page.retain(|change| of.is_none_or(|of| change.watch == of));
                page
            }
            false => stored.pending_changes(of).await?,
        };
        let mut watches = stored.watches().await?;
        watches.retain(|watch| watch.trouble.is_some() && of.is_none_or(|of| watch.name == of));
        if self.json {
            let trouble = watches.iter().map(|watch| json!({ "watch": watch.name, "why": watch.trouble }));
            let record = json!({
                "record_version": RECORD_VERSION,
                "changes": changes.iter().map(record).collect::<Vec<_>>(),
                "trouble": trouble.collect::<Vec<_>>(),
            });
            say!("{record:#}");
            return Ok(Exit::Done);
        }
        if changes.is_empty() {
            say!("No change waits to be confirmed.");
        } else {
            let header = ["number", "watch", "row", "what", "by", "seen", "state"];
            say!("{}", output::table(&header, header.len(), changes.iter().map(line).collect()));
        }
        for watch in watches {
            say!("{} cannot be read: {}", watch.name, watch.trouble.unwrap_or_default());
        }
        Ok(Exit::Done)
    }
}

fn line(change: &Change) -> Vec<String> {
    let by = match (&change.author, &change.revision) {
        (Some(author), Some(revision)) => format!("{author} {}", short(revision)),
        (Some(author), None) => author.clone(),
        _ => change.detail["by"].as_str().unwrap_or_default().to_owned(),
    };
    let row = if change.is_of_list() { change.key.clone() } else { String::new() };
    let (number, watch, what) =
        (change.number.to_string(), change.watch.clone(), change.summary().to_owned());
    vec![number, watch, row, what, by, show(change.seen_at), change.state.name().to_owned()]
}

fn short(revision: &str) -> &str {
    revision.get(..SHOWN).unwrap_or(revision)
}

fn record(change: &Change) -> Value {
    json!({
        "number": change.number,
        "watch": change.watch,
        "row": change.is_of_list().then_some(&change.key),
        "author": change.author,
        "revision": change.revision,
        "seen_at": show(change.seen_at),
        "state": change.state.name(),
        "decision": change.decision,
        "ended_at": change.ended_at.map(show),
        "detail": change.detail,
    })
}

impl Show {
    async fn execute(self, stored: &SqlStore) -> anyhow::Result<Exit> {
        let Some((change, BeforeAfter { before, after })) = stored.change(self.number).await? else {
            eprintln!("error: there is no change {}", self.number);
            return Ok(Exit::Usage);
        };
        if self.json {
            let read = |text: &Option<String>| {
                text.as_ref().and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default()
            };
            let mut record = record(&change);
            record["record_version"] = RECORD_VERSION.into();
            (record["before"], record["after"]) = (read(&before), read(&after));
            say!("{record:#}");
            return Ok(Exit::Done);
        }
        say!("Change {} of {}, {}", change.number, change.watch, change.state.name());
        for (name, value) in facts(&change) {
            say!("{name:<10} {value}");
        }
        if change.is_whole() {
            say!("{}", rows_of_whole(&after.unwrap_or_default()));
        } else if change.is_of_list() {
            for (column, old, new) in columns_changed(before.as_deref(), after.as_deref()) {
                let text = |text: Option<String>| text.unwrap_or_else(|| "(none)".to_owned());
                say!("  {column}: {} → {}", text(old), text(new));
            }
        } else {
            for (sign, lines) in [("-", before), ("+", after)] {
                for line in serde_json::from_str::<Vec<Value>>(&lines.unwrap_or_default()).unwrap_or_default()
                {
                    let number = line["number"].as_u64().unwrap_or_default();
                    say!("  {sign} {number:>5} {}", line["text"].as_str().unwrap_or_default());
                }
            }
            for blamed in change.detail["blame"].as_array().into_iter().flatten() {
                let text = |name: &str| blamed[name].as_str().unwrap_or_default().to_owned();
                let (lines, commit) = (format!("{} to {}", blamed["first"], blamed["last"]), text("commit"));
                say!("  lines {lines} were by {}, {} of {}", text("author"), short(&commit), text("at"));
            }
        }
        Ok(Exit::Done)
    }
}

/// What is known of a change beside its contents.
fn facts(change: &Change) -> Vec<(&'static str, String)> {
    let text = |name: &str| change.detail[name].as_str().map(str::to_owned);
    let line = change.detail["line"].as_u64().map(|line| line.to_string());
    let facts = [
        ("what", Some(change.summary().to_owned())),
        ("row", change.is_of_list().then(|| change.key.clone()).filter(|key| !key.is_empty())),
        ("source", text("source")),
        ("path", text("path")),
        ("line", line),
        ("author", change.author.clone()),
        ("revision", change.revision.clone()),
        ("known by", text("by")),
        ("committed", text("committed_at")),
        ("message", text("message")),
        ("seen", Some(show(change.seen_at))),
        ("decision", change.decision.map(|number| number.to_string())),
        ("ended", change.ended_at.map(show)),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A list that waits as a whole, as CSV.
fn rows_of_whole(whole: &str) -> String {
    let rows: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(whole).unwrap_or_default();
    csv_of(&rows.into_values().collect::<Vec<_>>()).unwrap_or_default()
}

fn csv_of(rows: &[BTreeMap<String, String>]) -> anyhow::Result<String> {
    let columns: BTreeSet<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    if columns.is_empty() {
        return Ok(String::new());
    }
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(&columns)?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| row.get(*column).map_or("", String::as_str)))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    let text = String::from_utf8(bytes)?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

async fn look(config: &Config) -> anyhow::Result<Exit> {
    let watches = confirm::watches(config);
    if watches.is_empty() {
        say!("Nothing is watched: add [[confirm.files]] or [[confirm.repositories]], see config.toml.");
        return Ok(Exit::Done);
    }
    let (database, stored) = open_notices(config).await?;
    let mut exit = Exit::Done;
    for watch in watches {
        let name = watch.name();
        let found = confirm::look(watch, config, &stored, SystemClock.now()).await;
        let found = found.with_context(|| format!("writing down what was seen of {name}"))?;
        match found.trouble {
            Some(why) => {
                say!("{name}: cannot be read: {why}");
                exit = Exit::Failed;
            }
            None => say!("{name}: {} to be confirmed are new", found.announced),
        }
    }
    database.close().await;
    Ok(exit)
}

impl Decide {
    async fn execute(self, config: &Config, confirm: bool) -> anyhow::Result<Exit> {
        let (database, stored) = open_notices(config).await?;
        let exit = self.decide(config, &stored, confirm).await;
        database.close().await;
        exit
    }

    async fn decide(self, config: &Config, stored: &SqlStore, confirm: bool) -> anyhow::Result<Exit> {
        let Self { numbers, all_of, rows, decided } = self;
        let wanted = Wanted { numbers, all_of, rows, confirm };
        let matter = match confirm::matter(stored, &wanted).await {
            Ok(matter) => matter,
            Err(NoMatter::Store(error)) => return Err(error.into()),
            Err(why) => return Ok(refused(&why.to_string())),
        };
        let scope = scope(stored, config).await?;
        let (subject, what) = (matter.subject(), matter.what.clone());
        let signed = Matter { scope: &scope, subject: &subject, verdict: matter.verdict(), what };
        let decider = match decided.by(&config.people, Role::Reviewer, signed)? {
            Ok(decider) => decider,
            Err(why) => return Ok(refused(&why.to_string())),
        };
        let done = confirm::decide(stored, &matter, decider, &decided.note, SystemClock.now()).await?;
        Ok(match done {
            store::DecidedChanges::Done(number) => {
                let count = matter.numbers.len();
                say!("{count} {}, by decision {number}", matter.verdict());
                Exit::Done
            }
            store::DecidedChanges::NotPending(others) => {
                let state = |(number, state): &(u64, Option<store::ChangeState>)| match state {
                    Some(state) => format!("change {number} is {} already", state.name()),
                    None => format!("there is no change {number}"),
                };
                let others: Vec<String> = others.iter().map(state).collect();
                refused(&format!("{}; nothing was decided", others.join(", ")))
            }
            store::DecidedChanges::NoSuchRows(rows) => {
                refused(&format!("the list has no row {}; nothing was decided", rows.join(", ")))
            }
        })
    }
}

fn refused(why: &str) -> Exit {
    eprintln!("error: {why}");
    Exit::Failed
}

/// Where a signature counts: in this programme.
async fn scope(stored: &SqlStore, config: &Config) -> anyhow::Result<String> {
    let programme = stored.programme().await.context("reading the programme")?;
    Ok(programme.map_or_else(
        || config.programme.timezone.to_string(),
        |programme| format!("{} {}", programme.timezone, programme.start),
    ))
}

impl Rows {
    async fn execute(self, stored: &SqlStore) -> anyhow::Result<Exit> {
        let Some(rows) = stored.confirmed_rows(&self.watch).await? else {
            eprintln!("error: {} has not been confirmed yet", self.watch);
            return Ok(Exit::Waiting);
        };
        let rows: Vec<BTreeMap<String, String>> = rows
            .values()
            .map(|row| serde_json::from_str(row))
            .collect::<Result<_, _>>()
            .context("reading a row")?;
        match self.format {
            Format::Csv => say!("{}", csv_of(&rows)?),
            Format::Json => say!("{:#}", json!(rows)),
        }
        Ok(Exit::Done)
    }
}
