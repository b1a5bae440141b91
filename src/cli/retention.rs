//! `rewardd retention`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Exit, output};
use crate::app::{App, Mode, Records, open_shelf};
use crate::cli::output::say;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::jobs::{JobError, KeptDay, MovedDay, Retained, Retention, retained_tables};
use crate::ops::logging;
use crate::rewards::window::Instant;
use crate::store::Movable;

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Move old hourly rewards and delivered transfers to archives, and remove old logs.
///
/// The daemon does the same once a day. A day is moved once all its windows are paid, all its transfers are delivered
/// and it is old enough: its rows are written to a Parquet file under retention.archive, read back and compared, and only
/// then removed from the table. verify, explain, export and the dashboard read them there. Other tables are never touched.
///
/// Exit codes: 0 done, also where days stay because something of them is open · 5 rows and their archive differ · 74 a
/// file cannot be read or written · 75 another process is at it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Retain {
    #[command(subcommand)]
    command: Option<Command>,
    /// Act as if it were this instant, such as 2026-11-20T01:00:00Z.
    #[arg(long, value_name = "INSTANT", value_parser = super::distribute::instant)]
    as_of: Option<Instant>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring a day's rows back into their table.
    ///
    /// The file stays. Where the section retention still asks for it, the next look moves the day again: set a greater age
    /// first.
    Restore {
        /// The day, such as 2026-01-15.
        #[arg(long, value_name = "DAY")]
        day: NaiveDate,
        /// Which rows.
        #[arg(long, value_enum, default_value_t = Rows::HourlyRewards)]
        rows: Rows,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    HourlyRewards,
    Transfers,
}

/// What a look came to, log files included.
#[derive(Default)]
struct Done {
    rows: Retained,
    logs: Vec<PathBuf>,
}

impl Retain {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        if let Some(Command::Restore { day, rows }) = self.command {
            return restore(config, day, rows).await;
        }
        if !config.retention.is_on() {
            say!("[retention] asks for nothing: no age is set.");
            return Ok(Exit::Done);
        }
        let now = self.as_of.unwrap_or_else(|| SystemClock.now());
        let _logs = (!self.dry_run).then(|| logging::start(&config.logging, logging::Terminal::Quiet));
        let done = if self.dry_run { would_do(&config, now).await? } else { act(config, now).await? };
        if self.json {
            say!("{:#}", record(&done, self.dry_run));
        } else {
            show(&done, self.dry_run);
        }
        Ok(Exit::Done)
    }
}

fn tables(config: &Config) -> impl Iterator<Item = (Movable, Duration)> {
    let Config { retention, .. } = config;
    retained_tables(retention.hourly_rewards, retention.transfers)
}

/// The present as it was asked for.
struct AsOf(Instant);

impl Clock for AsOf {
    fn now(&self) -> Instant {
        self.0
    }
}

async fn would_do(config: &Config, now: Instant) -> anyhow::Result<Done> {
    let records = Records::open(config).await?;
    let (clock, shelf) = (AsOf(now), open_shelf(config));
    let retention = Retention { mover: &records.stored, shelf: &shelf, clock: &clock };
    let mut done = Done::default();
    for (table, age) in tables(config) {
        let retained = retention.would_move(table, age).await.map_err(JobError::into_error)?;
        done.rows.add(retained);
    }
    records.database.close().await;
    if let Some(age) = config.retention.logs {
        done.logs = logging::old_files(&config.logging.dir, age, now).context("looking for old log files")?;
    }
    Ok(done)
}

async fn act(config: Config, now: Instant) -> anyhow::Result<Done> {
    let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await?;
    let clock = AsOf(now);
    let mut done = Done::default();
    for (table, age) in tables(&app.config) {
        let retained = app.retention(&clock).move_days(table, age, &|| true).await;
        done.rows.add(retained.map_err(JobError::into_error)?);
    }
    app.database.close().await;
    let Config { retention, logging, .. } = &app.config;
    if let Some(age) = retention.logs {
        done.logs = logging::remove_old_files(&logging.dir, age, now).context("removing old log files")?;
    }
    Ok(done)
}

async fn restore(config: Config, day: NaiveDate, rows: Rows) -> anyhow::Result<Exit> {
    let table = match rows {
        Rows::HourlyRewards => Movable::HourlyRewards,
        Rows::Transfers => Movable::Transfers,
    };
    let _logs = logging::start(&config.logging, logging::Terminal::Quiet);
    let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await?;
    let restored = app.retention(&SystemClock).bring_back(table, day).await;
    app.database.close().await;
    let Some(MovedDay { rows, amount, .. }) = restored.map_err(JobError::into_error)? else {
        bail!("{} of {day} is in no archive", table.name());
    };
    say!("{rows} rows of {} of {day}, {amount} in all, are back in the table.", table.name());
    Ok(Exit::Done)
}

fn show(done: &Done, is_dry: bool) {
    let Done { rows: Retained { moved, kept }, logs } = done;
    let would = if is_dry { "would be " } else { "" };
    let row = |day: &MovedDay| {
        vec![day.table.name().to_owned(), day.day.to_string(), day.rows.to_string(), day.amount.to_string()]
    };
    if !moved.is_empty() {
        say!("{}\n", output::table(&["table", "day", "rows", "amount"], 2, moved.iter().map(row).collect()));
    }
    for KeptDay { table, day, why } in kept {
        say!("{} of {day} stays: {why}.", table.name());
    }
    for path in logs {
        say!("{} {would}removed", path.display());
    }
    say!("{} days {would}moved, {} log files {would}removed.", moved.len(), logs.len());
}

fn record(done: &Done, is_dry: bool) -> serde_json::Value {
    let moved = |day: &MovedDay| {
        json!({
            "table": day.table.name(),
            "day": day.day.to_string(),
            "rows": day.rows,
            "amount": day.amount.to_string(),
        })
    };
    let kept =
        |day: &KeptDay| json!({ "table": day.table.name(), "day": day.day.to_string(), "reason": day.why });
    json!({
        "record_version": RECORD_VERSION,
        "software_version": env!("CARGO_PKG_VERSION"),
        "dry_run": is_dry,
        "moved": done.rows.moved.iter().map(moved).collect::<Vec<_>>(),
        "kept": done.rows.kept.iter().map(kept).collect::<Vec<_>>(),
        "log_files": done.logs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
    })
}
