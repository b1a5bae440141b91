//! `rewardd verify`

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::Exit;
use crate::app::{self, Records};
use crate::cli::output::say;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Event};
use crate::errors::chain;
use crate::notify::{self, Condition, Stored};
use crate::proof::verify::{Class, Days, Finding, Progress, Report, verify};
use crate::rewards::window::{Window, show};
use crate::store::{Notices, StoreError};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Prove what was paid: recompute it from the votes and hold it against all that is stored.
///
/// The chain of the audit log, the history that its records tell and the sums over all runs are looked at from the first
/// run on; rewards and transfers of the days from --from to --to are recomputed and compared row by row. It only
/// reads, but for --notify, and may run beside the daemon.
///
/// A finding is one of: drift (votes or rates came, changed or vanished after payment), mismatch (an amount, a row or a
/// sum is not what it must be), tampering (the audit log itself does not hold together).
///
/// Exit codes: 0 nothing was found · 4 drift · 5 mismatch · 6 tampering; the worst counts.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The first day to recompute [default: the programme's first].
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// The last day to recompute [default: today].
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Open an incident where something is found, which the daemon tells the receivers of [notify] of; close it where
    /// all days were recomputed and nothing is found.
    #[arg(long)]
    notify: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let days = Days { from: self.from, to: self.to };
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            bail!("--from {from} is after --to {to}");
        }
        let records = Records::open(&config).await?;
        let verified = prove(&records, &config, &days).await;
        records.database.close().await;
        // What was found comes first: whether it can be written down is another matter.
        let exit = verified.as_ref().map_or(Exit::Failed, |report| self.print(report, &days));
        if self.notify
            && let Err(error) = self.note(&config, &verified).await
        {
            if exit == Exit::Done {
                return Err(error);
            }
            eprintln!("error: {}", chain(error.as_ref()));
        }
        verified.map(|_| exit)
    }

    fn print(&self, report: &Report, days: &Days) -> Exit {
        if self.json {
            say!("{:#}", record(report, days));
        } else {
            show_report(report);
        }
        match report.worst() {
            None => Exit::Done,
            Some(Class::Drift) => Exit::Drift,
            Some(Class::Mismatch) => Exit::Mismatch,
            Some(Class::Tampering) => Exit::Tampering,
        }
    }

    /// Writes down what was found, for the daemon to tell.
    async fn note(&self, config: &Config, verified: &anyhow::Result<Report>) -> anyhow::Result<()> {
        if config.notify.receivers.is_empty() {
            eprintln!(
                "no receiver is configured under [notify.receivers], so only the daemon's metrics tell of it"
            );
        }
        let detail = match verified {
            Err(error) => Some(format!("it could not be verified what was paid: {}", chain(error.as_ref()))),
            Ok(report) => report.findings.first().map(|first| {
                format!("{}; the first: {}; `rewardd verify` names each", counted(report), told(first))
            }),
        };
        let is_whole = self.from.is_none() && self.to.is_none();
        if detail.is_none() && !is_whole {
            return Ok(());
        }
        let event = Event::VerifyFindings;
        let found = detail.map(|detail| Condition { event, subject: "verify".to_owned(), detail });
        let (database, notices) = app::open_notices(config).await?;
        let noted = note(&notices, found.as_ref()).await;
        database.close().await;
        noted.context("writing down what was found")
    }
}

async fn prove(records: &Records, config: &Config, days: &Days) -> anyhow::Result<Report> {
    let prover = records.prover(config).await?;
    let mut bar = Bar(ProgressBar::hidden());
    let verified = verify(&prover, &config.people, days, &mut bar).await;
    bar.0.finish_and_clear();
    Ok(verified?)
}

/// Another that writes at the same time makes what was decided here stale.
async fn note(notices: &dyn Notices, found: Option<&Condition>) -> Result<(), StoreError> {
    loop {
        let changes = notices.changes().await?;
        let stored = Stored { changes, open: notices.open_incidents().await?, ..Stored::default() };
        let Some(notes) = notify::verified(&stored, found, SystemClock.now()) else { return Ok(()) };
        match notices.note(&notes).await {
            Err(StoreError::Stale) => {}
            done => return done,
        }
    }
}

/// On standard error, and only where that is a terminal.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn begin(&mut self, runs: u64) {
        let style = "{bar:40} {pos} of {len} runs, {eta} to go";
        self.0 = ProgressBar::new(runs).with_style(ProgressStyle::with_template(style).expect("a style"));
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn next(&mut self, run: u64) {
        self.0.set_position(run);
    }
}

fn show_report(report: &Report) {
    for finding in &report.findings {
        say!("{:<10} {}", finding.class.name(), told(finding));
    }
    let Report { runs, windows, rewards, transfers, before_start, findings } = report;
    if !findings.is_empty() {
        say!("");
    }
    say!(
        "{runs} runs of the audit log, {windows} windows recomputed, {rewards} reward rows and {transfers} transfers \
         compared."
    );
    if *before_start > 0 {
        say!(
            "{before_start} windows before the programme's start were paid by another program: not ours to prove."
        );
    }
    match report.worst() {
        None => say!("Nothing was found: everything that is stored follows from the votes."),
        Some(_) => say!("{}.", counted(report)),
    }
}

/// A finding with its place.
fn told(Finding { window, table, key, what, .. }: &Finding) -> String {
    let window = window.as_ref().map_or(String::new(), |window| format!("{window}: "));
    format!("{window}{table}, {key}: {what}")
}

fn counted(report: &Report) -> String {
    let count = |class: Class| {
        let count = report.findings.iter().filter(|finding| finding.class == class).count();
        (count > 0).then(|| format!("{count} × {}", class.name()))
    };
    let classes = [Class::Tampering, Class::Mismatch, Class::Drift].into_iter().filter_map(count);
    classes.collect::<Vec<_>>().join(", ")
}

fn record(report: &Report, days: &Days) -> Value {
    let window = |window: &Window| {
        json!({
            "reward_type": window.kind.name(),
            "day": window.day.to_string(),
            "hour": window.hour,
            "start": show(window.start),
        })
    };
    let finding = |finding: &Finding| {
        json!({
            "class": finding.class.name(),
            "window": finding.window.as_ref().map(window),
            "table": finding.table,
            "key": finding.key,
            "what": finding.what,
        })
    };
    json!({
        "record_version": RECORD_VERSION,
        "software_version": env!("CARGO_PKG_VERSION"),
        "from": days.from.map(|day| day.to_string()),
        "to": days.to.map(|day| day.to_string()),
        "runs": report.runs,
        "windows": report.windows,
        "rewards": report.rewards,
        "transfers": report.transfers,
        "windows_before_start": report.before_start,
        "worst": report.worst().map(Class::name),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
