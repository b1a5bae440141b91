//! `rewardd rules`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

mod pending;

use super::Exit;
use super::output::{self, say};
use crate::app::Records;
use crate::audit::text_hash;
use crate::config::{Config, ConfirmMode, rules_changes};
use crate::pending::Verdict;
use crate::rewards::window::{Instant, show};
use crate::store::sql::SqlStore;
use crate::store::{Archive, Ledger, RulesUse, RulesVersion, end_of_time};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// How much of a version's hash tables show: enough to name it by.
const SHOWN: usize = 12;

/// Show the rules and every version of them, what changed between two, and decide about changes.
///
/// The rules (the sections rules and special and the list alarms of the configuration) are recorded with the first look
/// that is made by them, and each run names the version that it used. A version is named by its number, or by the first
/// digits of its hash.
///
/// Under `[confirm] mode = "four-eyes"` a change waits, under the number that it will have: one person proposes it, another
/// one confirms it, and the next window is paid by it.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Show(Show),
    Diff(Diff),
    History(History),
    Pending(pending::Pending),
    Effect(pending::Effect),
    /// Sign a change of the rules as its author; another person confirms it.
    ///
    /// It takes a person with the role reviewer or admin, and the person's token.
    Propose(pending::Decision),
    /// Sign a change of the rules that another person has proposed: the next window is paid by it.
    ///
    /// It takes a person with the role admin, and the person's token.
    Confirm(pending::Decision),
    /// Reject a change of the rules: what is in force stays. Proposed again, it begins anew.
    ///
    /// It takes a person with the role reviewer or admin, and the person's token.
    Reject(pending::Decision),
}

/// Print rules as TOML: those of the configuration, or of a recorded version.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The number of a version, or the first digits of its hash.
    #[arg(value_name = "VERSION")]
    name: Option<String>,
}

/// Print what differs between two versions, key by key.
///
/// Without versions, the last recorded one against the configuration; with one, that against the configuration.
///
/// Exit codes: 0 they are equal · 1 they differ · 2 there is no such version.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The older version.
    a: Option<String>,
    /// The newer version.
    b: Option<String>,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// List every change of the rules, and which runs used each version.
#[derive(Debug, Args)]
pub(super) struct History {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        if let Self::Show(Show { name: None }) = self {
            let text = config.rules_table();
            say!("# version {}, of the configuration\n{}", text_hash(&text), text.trim_end());
            return Ok(Exit::Done);
        }
        let (verdict, decision) = match self {
            Self::Pending(pending) => return pending.execute(&config).await,
            Self::Effect(effect) => return effect.execute(&config).await,
            Self::Propose(decision) => (Verdict::Proposed, decision),
            Self::Confirm(decision) => (Verdict::Confirmed, decision),
            Self::Reject(decision) => (Verdict::Rejected, decision),
            recorded => return recorded.of_the_past(&config).await,
        };
        decision.execute(verdict, &config).await
    }

    /// What only reads recorded versions.
    async fn of_the_past(self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let exit = match self {
            Self::Show(show) => show.execute(&records.stored).await,
            Self::Diff(diff) => diff.execute(&records.stored, config).await,
            Self::History(history) => history.execute(&records.stored, config).await,
            _ => Ok(Exit::Usage),
        };
        records.database.close().await;
        exit
    }
}

impl Show {
    async fn execute(self, stored: &SqlStore) -> anyhow::Result<Exit> {
        let versions = stored.rules_versions().await?;
        let found = match find(&versions, &self.name.unwrap_or_default()) {
            Ok(found) => found,
            Err(why) => return Ok(refused(&why)),
        };
        say!("# version {}, number {}, since {}", found.version, found.number, show(found.since));
        say!("{}", found.rules.trim_end());
        if text_hash(&found.rules) != found.version {
            eprintln!("error: these rules have another hash than their version: their text was changed");
            return Ok(Exit::Tampering);
        }
        Ok(Exit::Done)
    }
}

impl Diff {
    async fn execute(self, stored: &SqlStore, config: &Config) -> anyhow::Result<Exit> {
        let versions = stored.rules_versions().await?;
        let named = |version: &RulesVersion| {
            (format!("number {} ({})", version.number, short(&version.version)), version.rules.clone())
        };
        let find = |name: &str| find(&versions, name).map(named);
        let of_configuration = || {
            let text = config.rules_table();
            Ok((format!("the configuration ({})", short(&text_hash(&text))), text))
        };
        let last = || {
            let none = "no rules are recorded yet: the first run records them".to_owned();
            versions.last().map(named).ok_or(none)
        };
        let old = self.a.as_deref().map_or_else(last, find);
        let new = self.b.as_deref().map_or_else(of_configuration, find);
        let ((old_name, old), (new_name, new)) = match (old, new) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(why), _) | (_, Err(why)) => return Ok(refused(&why)),
        };
        let changes = match rules_changes(&old, &new) {
            Ok(changes) => changes,
            Err(why) => {
                eprintln!("error: recorded rules are no TOML, so they were changed: {why}");
                return Ok(Exit::Tampering);
            }
        };
        let differ = !changes.is_empty();
        if self.json {
            let record = json!({
                "record_version": RECORD_VERSION,
                "old": text_hash(&old),
                "new": text_hash(&new),
                "changes": changes
                    .iter()
                    .map(|change| json!({ "key": change.key, "old": change.old, "new": change.new }))
                    .collect::<Vec<_>>(),
            });
            say!("{record:#}");
        } else if differ {
            say!("From {old_name} to {new_name}:");
            for change in changes {
                let text = |value: Option<String>| value.unwrap_or_else(|| "(not there)".to_owned());
                say!("  {}: {} → {}", change.key, text(change.old), text(change.new));
            }
        } else {
            say!("{old_name} and {new_name} are equal.");
        }
        // As `diff` has it.
        Ok(if differ { Exit::Failed } else { Exit::Done })
    }
}

/// A change of the rules, and the runs that were made by it until the next.
struct Entry {
    version: RulesVersion,
    used: RulesUse,
    is_last: bool,
}

impl History {
    async fn execute(self, stored: &SqlStore, config: &Config) -> anyhow::Result<Exit> {
        let entries = entries(stored).await?;
        let configured = text_hash(&config.rules_table());
        let recorded = entries.last().map(|entry| entry.version.version.as_str());
        let is_recorded = recorded == Some(configured.as_str());
        if self.json {
            let record = json!({
                "record_version": RECORD_VERSION,
                "versions": entries.iter().map(record).collect::<Vec<_>>(),
                "configuration": { "version": configured, "recorded": is_recorded },
            });
            say!("{record:#}");
            return Ok(Exit::Done);
        }
        if entries.is_empty() {
            say!("No rules are recorded yet: the first run records them.");
            return Ok(Exit::Done);
        }
        let row = |entry: &Entry| {
            let window = |start: Option<Instant>| start.map_or_else(|| "-".to_owned(), show);
            vec![
                entry.version.number.to_string(),
                show(entry.version.since),
                short(&entry.version.version).to_owned(),
                if entry.is_last { "in force" } else { "" }.to_owned(),
                window(entry.used.windows.map(|(first, _)| first)),
                window(entry.used.windows.map(|(_, last)| last)),
                entry.used.runs.to_string(),
            ]
        };
        let header = ["number", "since", "version", "", "first window", "last window", "runs"];
        say!("{}", output::table(&header, 6, entries.iter().map(row).collect()));
        if !is_recorded {
            let version = short(&configured);
            let then = match config.confirm.mode {
                ConfirmMode::Log => "the next look at what is due records them",
                ConfirmMode::FourEyes => {
                    "they wait until two people have confirmed them, see `rewardd rules pending`"
                }
            };
            say!("The configuration has other rules ({version}): {then}.");
        }
        Ok(Exit::Done)
    }
}

/// Every change with its use. Rules that came back after others have a row each time, which are told apart by when
/// their runs were committed.
async fn entries(stored: &SqlStore) -> anyhow::Result<Vec<Entry>> {
    let versions = stored.rules_versions().await?;
    let far = end_of_time();
    let mut entries = vec![];
    for (index, version) in versions.iter().enumerate() {
        let came_back = versions.iter().filter(|other| other.version == version.version).count() > 1;
        let until = versions.get(index + 1).map_or(far, |next| next.since);
        let (from, before) = if came_back { (version.since, until) } else { (Instant::UNIX_EPOCH, far) };
        let used = stored.rules_use(&version.version, from, before).await?;
        entries.push(Entry { version: version.clone(), used, is_last: index + 1 == versions.len() });
    }
    Ok(entries)
}

fn record(entry: &Entry) -> Value {
    let Entry { version, used, is_last } = entry;
    json!({
        "number": version.number,
        "version": version.version,
        "since": show(version.since),
        "in_force": is_last,
        "runs": used.runs,
        "first_window": used.windows.map(|(first, _)| show(first)),
        "last_window": used.windows.map(|(_, last)| show(last)),
    })
}

/// The version of a number or of the first digits of a hash; the last one where the same rules came back.
fn find<'v>(versions: &'v [RulesVersion], name: &str) -> Result<&'v RulesVersion, String> {
    let by_number = name.parse().ok().and_then(|number: u64| versions.iter().find(|v| v.number == number));
    if let Some(found) = by_number {
        return Ok(found);
    }
    let fits =
        |version: &&RulesVersion| !name.is_empty() && version.version.starts_with(&name.to_lowercase());
    let mut found = versions.iter().rev().filter(fits);
    let Some(first) = found.next() else {
        return Err(match versions.last() {
            Some(last) => format!(
                "there is no version {name} of the rules: there are numbers 1 to {}, see `rewardd rules history`",
                last.number
            ),
            None => format!("there is no version {name} of the rules: none is recorded yet"),
        });
    };
    match found.find(|other| other.version != first.version) {
        Some(other) => Err(format!(
            "{name} may be {} or {}: write more of it",
            short(&other.version),
            short(&first.version)
        )),
        None => Ok(first),
    }
}

fn refused(why: &str) -> Exit {
    eprintln!("error: {why}");
    Exit::Usage
}

fn short(version: &str) -> &str {
    version.get(..SHOWN).unwrap_or(version)
}
