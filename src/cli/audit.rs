//! `rewardd audit`

use std::fs;
use std::io::{self, Read};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Exit;
use super::output::{self, say};
use crate::app::Records;
use crate::audit::{Chain, Checkpoint};
use crate::config::Config;
use crate::rewards::window::{Kind, show};
use crate::store::sql::SqlStore;
use crate::store::{Ledger, StoreError};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Rows of the chain that are read at once.
const PAGE: u32 = 500;

/// Hold on to the newest hash of the distribution logs, and see later whether the history is still the same.
///
/// Each row of reward_distribution_logs carries the hash of the row before it, so the newest hash stands for all of the
/// history. Whoever can write to the database can write all of it anew, hashes and all; a checkpoint that was kept
/// elsewhere (in another system, on paper) shows that.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Checkpoint(PrintCheckpoint),
    Check(Check),
}

/// Print one line about the newest row, to be kept elsewhere.
#[derive(Debug, Args)]
pub(super) struct PrintCheckpoint {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// Hold earlier checkpoints against the chain as it is now. Writes nothing.
///
/// Follows the chain from its first row to its last, and says of each checkpoint whether the history up to it is still
/// the same.
///
/// Exit codes: 0 the same · 6 the chain is broken, or another than it was · 65 a line is no checkpoint.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// A checkpoint as it was printed, or a file with one on each line; `-` is standard input.
    #[arg(value_name = "FILE|LINE")]
    what: String,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        // What is wrong with a line is said before any database is asked.
        let checkpoints = match &self {
            Self::Checkpoint(_) => vec![],
            Self::Check(check) => match read(&check.what)? {
                Ok(checkpoints) => checkpoints,
                Err(why) => {
                    eprintln!("error: {why}");
                    return Ok(Exit::BadData);
                }
            },
        };
        let records = Records::open(&config).await?;
        let exit = match self {
            Self::Checkpoint(print) => print.execute(&records.stored, &config).await,
            Self::Check(check) => check.execute(&records.stored, &checkpoints).await,
        };
        records.database.close().await;
        exit
    }
}

impl PrintCheckpoint {
    async fn execute(self, stored: &SqlStore, config: &Config) -> anyhow::Result<Exit> {
        let Some((sequence, hash)) = stored.chain_head().await?.filter(|(sequence, _)| *sequence > 0) else {
            return Err(anyhow!("nothing has been paid yet, so there is no history to hold on to"));
        };
        let row = stored.log_row(sequence).await?;
        let found = row.as_ref().map(crate::audit::Link::hash);
        let Some(row) = row.filter(|_| found.as_ref() == Some(&hash)) else {
            eprintln!(
                "error: the chain is broken at its end: the books name the hash {hash} for row {sequence}, which {}",
                found.map_or("is missing".to_owned(), |found| format!("has {found}"))
            );
            return Ok(Exit::Tampering);
        };
        let unreadable = || anyhow!("row {sequence} of reward_distribution_logs names no window");
        let start = row.timestamp.parse().map_err(|_| unreadable())?;
        let kind = Kind::named(&row.reward_type).ok_or_else(unreadable)?;
        let run = stored.run_of(kind, start).await?;
        let run = run.ok_or_else(|| anyhow!("reward_runs does not have row {sequence} of the chain"))?;
        let checkpoint = Checkpoint {
            sequence,
            hash,
            window: (kind, start),
            committed_at: run.committed_at,
            database: config.database.url.to_string(),
        };
        if self.json {
            let record = json!({
                "record_version": RECORD_VERSION,
                "sequence": checkpoint.sequence,
                "hash": checkpoint.hash,
                "window": { "kind": kind.name(), "time": show(start) },
                "committed_at": show(checkpoint.committed_at),
                "database": checkpoint.database,
                "line": checkpoint.to_string(),
            });
            say!("{record:#}");
        } else {
            say!("{checkpoint}");
        }
        Ok(Exit::Done)
    }
}

/// The checkpoints of a line, a file or standard input; or what is wrong with one of them.
fn read(what: &str) -> anyhow::Result<Result<Vec<Checkpoint>, String>> {
    if what.trim_start().starts_with("rewardd-checkpoint") {
        return Ok(what
            .parse()
            .map(|checkpoint| vec![checkpoint])
            .map_err(|why| format!("no checkpoint: {why}")));
    }
    let text = if what == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("reading standard input")?;
        text
    } else {
        fs::read_to_string(what).with_context(|| format!("reading {what}"))?
    };
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let parsed = lines.map(|(line, number)| {
        line.parse().map_err(|why| format!("{what}, line {number}: no checkpoint: {why}"))
    });
    let parsed: Result<Vec<Checkpoint>, String> = parsed.collect();
    Ok(parsed.and_then(
        |found| if found.is_empty() { Err(format!("{what} has no checkpoint")) } else { Ok(found) },
    ))
}

impl Check {
    async fn execute(self, stored: &SqlStore, checkpoints: &[Checkpoint]) -> anyhow::Result<Exit> {
        let end = stored.chain_head().await?.unwrap_or_default();
        let bar = output::progress("following the chain", end.0);
        let followed = follow(stored, checkpoints, &end, |row| bar.set_position(row)).await;
        bar.finish_and_clear();
        let followed = followed?;
        if self.json {
            say!("{:#}", followed.record(checkpoints));
        } else {
            followed.say(checkpoints);
        }
        Ok(if followed.holds() { Exit::Done } else { Exit::Tampering })
    }
}

/// What following the chain found.
struct Followed {
    /// Rows of the chain.
    length: u64,
    /// What is wrong with each checkpoint.
    differing: Vec<Option<String>>,
    /// What is wrong with the chain itself.
    breaks: Vec<String>,
}

impl Followed {
    fn holds(&self) -> bool {
        self.breaks.is_empty() && self.differing.iter().all(Option::is_none)
    }

    fn say(&self, checkpoints: &[Checkpoint]) {
        for (checkpoint, why) in checkpoints.iter().zip(&self.differing) {
            let name = format!("sequence {} of {}", checkpoint.sequence, show(checkpoint.committed_at));
            match why {
                None => say!("{name}: the history up to there is the same."),
                Some(why) => say!("{name}: BROKEN: {why}"),
            }
        }
        for found in &self.breaks {
            say!("BROKEN: {found}");
        }
        if self.breaks.is_empty() {
            say!("The chain has {} rows; every link holds.", self.length);
        }
    }

    fn record(&self, checkpoints: &[Checkpoint]) -> Value {
        let of_one = |(checkpoint, why): (&Checkpoint, &Option<String>)| {
            json!({
                "sequence": checkpoint.sequence,
                "committed_at": show(checkpoint.committed_at),
                "same": why.is_none(),
                "why": why,
            })
        };
        json!({
            "record_version": RECORD_VERSION,
            "holds": self.holds(),
            "rows": self.length,
            "breaks": self.breaks,
            "checkpoints": checkpoints.iter().zip(&self.differing).map(of_one).collect::<Vec<_>>(),
        })
    }
}

async fn follow(
    stored: &SqlStore,
    checkpoints: &[Checkpoint],
    end: &(u64, String),
    progress: impl Fn(u64),
) -> Result<Followed, StoreError> {
    let mut chain = Chain::default();
    let gone = |sequence: u64| Some(format!("row {sequence} is not there any more"));
    let mut differing: Vec<_> = checkpoints.iter().map(|checkpoint| gone(checkpoint.sequence)).collect();
    let mut breaks = vec![];
    loop {
        let rows = stored.log_rows_after(chain.length(), PAGE).await?;
        for row in &rows {
            breaks.extend(chain.follow(row));
            for (checkpoint, why) in checkpoints.iter().zip(&mut differing) {
                if checkpoint.sequence == row.sequence {
                    *why = judge(&chain, checkpoint);
                }
            }
            if row.sequence == end.0 {
                breaks.extend(chain.end(end.0, &end.1));
            }
        }
        progress(chain.length());
        if rows.len() < PAGE as usize {
            break;
        }
    }
    let length = chain.length();
    if length < end.0 {
        breaks.extend(chain.end(end.0, &end.1));
    }
    let mut breaks: Vec<String> = breaks.into_iter().map(|found| found.what).collect();
    // Runs may have been committed meanwhile; the books count them all.
    let counted = stored.chain_head().await?.unwrap_or_default().0;
    if length > counted {
        breaks.push(format!("there are {length} rows, but the books count {counted} runs"));
    }
    Ok(Followed { length, differing, breaks })
}

/// What is wrong with a checkpoint, now that the chain was followed up to its row.
fn judge(chain: &Chain, checkpoint: &Checkpoint) -> Option<String> {
    let Checkpoint { sequence, hash, .. } = checkpoint;
    if chain.hash() != hash {
        let now = chain.hash();
        return Some(format!(
            "row {sequence} has the hash {now}, and had {hash}: the history was written anew"
        ));
    }
    chain
        .is_broken()
        .then(|| "its own row is the same, but the rows before it are not, as said below".to_owned())
}
