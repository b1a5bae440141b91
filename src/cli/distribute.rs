//! `rewardd run` and `rewardd once`

use crate::cli::output::say;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Exit;
use crate::app::{App, Mode};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::daemon;
use crate::errors::chain;
use crate::guard::alarms::groups;
use crate::jobs::{FirstDay, JobError, JudgedDay, Observer, Outcome, Relayed, Walk, WalkReport, relay};
use crate::ops::logging;
use crate::rewards::alarms::Raised;
use crate::rewards::plan::Plan;
use crate::rewards::pool::PoolChange;
use crate::rewards::window::{Calendar, Instant, Kind, Window, show};

/// Run the daemon: pay every hour and every day on time, until it is asked to stop.
///
/// SIGTERM and SIGINT end it in good order, a second one at once. SIGHUP reads the configuration and opens the log files
/// again, SIGUSR1 writes the status to the log.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Do one hourly, one daily and one transfer cycle against the configured database, then exit: 0 when all that
    /// was due is paid.
    ///
    /// On an empty database the programme starts the day before, so that there is a day to pay.
    #[arg(long)]
    test_cycle: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub async fn execute(self, path: &Path, config: Config) -> anyhow::Result<Exit> {
        if !self.test_cycle {
            return daemon::run(path, config).await.map(|()| Exit::Done);
        }
        let now = SystemClock.now();
        let cycle = Cycle { job: Job::All, now, window: None, first_day: FirstDay::Yesterday };
        cycle.execute(config, Mode::Pay, self.json).await
    }
}

/// What `once` looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Job {
    Hourly,
    Daily,
    Transfers,
    All,
}

impl Job {
    fn kinds(self) -> Vec<Kind> {
        match self {
            Self::Hourly => vec![Kind::Hourly],
            Self::Daily => vec![Kind::Daily],
            Self::Transfers => vec![],
            Self::All => vec![Kind::Daily, Kind::Hourly],
        }
    }
}

/// Do once what the daemon would do: pay all that is due and not done, oldest first.
///
/// A window that was paid already is left alone; asking for it says so and exits with 0. Windows that ended longer ago
/// than schedule.catch_up are reported, not paid: run each by hand with --window.
///
///   rewardd once --dry-run                              what would be paid now
///   rewardd once hourly                                 the hours only
///   rewardd once daily --window 2026-11-19              one day, chosen by hand
///   rewardd once hourly --window 2026-11-19T13:00:00Z   one hour, by its start
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Once {
    #[arg(value_enum, default_value_t = Job::All)]
    job: Job,
    /// Act as if it were this instant, such as 2026-11-20T01:00:00Z.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    as_of: Option<Instant>,
    /// Pay this one window: its start, or the date of a day.
    #[arg(long, value_name = "START")]
    window: Option<String>,
    /// Compute and print, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Once {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let present = SystemClock.now();
        let now = self.as_of.unwrap_or(present);
        if now > present {
            eprintln!("warning: --as-of is in the future: votes still to come are left out of what is paid");
        }
        let calendar = Calendar::new(config.programme.timezone);
        let window = self.window.as_deref().map(|text| chosen(self.job, text, &calendar)).transpose()?;
        let mode = if self.dry_run { Mode::DryRun } else { Mode::Pay };
        let cycle = Cycle { job: self.job, now, window, first_day: FirstDay::Today };
        cycle.execute(config, mode, self.json).await
    }
}

/// An instant of the command line.
pub(super) fn instant(text: &str) -> Result<Instant, String> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc());
    parsed.map_err(|_| "write it as 2026-11-20T01:00:00Z, or with an offset such as +01:00".to_owned())
}

/// The kind and start that `--window` means.
fn chosen(job: Job, text: &str, calendar: &Calendar) -> anyhow::Result<(Kind, Instant)> {
    let kind = match job {
        Job::Hourly => Kind::Hourly,
        Job::Daily => Kind::Daily,
        _ => bail!("--window needs to know which kind: `rewardd once hourly --window …` or `once daily …`"),
    };
    match (text.parse::<NaiveDate>(), kind) {
        (Ok(date), Kind::Daily) => Ok((kind, calendar.midnight(date))),
        _ => match instant(text) {
            Ok(start) => Ok((kind, start)),
            Err(why) => bail!("--window {text}: {why}; a day may be named by its date"),
        },
    }
}

/// One look at all that is due.
struct Cycle {
    job: Job,
    now: Instant,
    window: Option<(Kind, Instant)>,
    first_day: FirstDay,
}

impl Cycle {
    async fn execute(self, config: Config, mode: Mode, as_json: bool) -> anyhow::Result<Exit> {
        let _logs = (mode == Mode::Pay).then(|| logging::start(&config.logging, logging::Terminal::Quiet));
        let app = App::open(config, Arc::new(SystemClock), mode).await?;
        let mut lines = Lines { mode, as_json, entries: vec![], judged: vec![] };
        let report = match self.distribute(&app, mode, &mut lines).await {
            Ok(report) => report,
            Err(error) => {
                let exit = Exit::of_job(&error);
                eprintln!("error: {}", chain(error.error().as_ref()));
                return Ok(exit);
            }
        };
        let relayed = if mode == Mode::Pay { self.relay(&app).await? } else { None };
        if mode == Mode::Pay && self.job.kinds().contains(&Kind::Daily) {
            lines.judged(app.judging().look(self.now).await);
        }
        lines.finish(&report, relayed);
        app.database.close().await;
        // A remote that fails is no failure of a distribution, but of a command that is there for it.
        let refused = relayed.is_some_and(|relayed| relayed.failed > 0);
        Ok(if self.job == Job::Transfers && refused { Exit::TryAgain } else { exit(&report) })
    }

    async fn distribute(&self, app: &App, mode: Mode, lines: &mut Lines) -> Result<WalkReport, JobError> {
        let distributor = &app.distributor;
        let configured = app.config.programme.start;
        let programme = match mode {
            Mode::Pay => distributor.open_programme(configured, self.first_day, self.now).await?,
            Mode::DryRun => distributor.programme(configured, self.first_day, self.now).await?,
        };
        let walk = Walk {
            kinds: self.job.kinds().into_iter().map(|kind| (kind, self.now)).collect(),
            start: programme.start,
            now: self.now,
            catch_up: app.config.schedule.catch_up,
        };
        let Some((kind, start)) = self.window else {
            return distributor.walk(&walk, lines).await;
        };
        let window = distributor.chosen(kind, start, &walk)?;
        let outcome = distributor.pay(window, programme.start).await?;
        lines.paid(window, &outcome);
        let held = matches!(outcome, Outcome::Held(_)).then_some(window);
        Ok(WalkReport { held: held.into_iter().collect(), ..WalkReport::default() })
    }

    /// Looks after the queued transfers. A remote that cannot be reached is said, and is no failure: they stay queued.
    async fn relay(&self, app: &App) -> anyhow::Result<Option<Relayed>> {
        if !matches!(self.job, Job::All | Job::Transfers) || self.window.is_some() {
            return Ok(None);
        }
        match app.remote().await {
            Ok(None) => Ok(None),
            Ok(Some(remote)) => {
                // By hand means now, whatever pause earlier failures earned.
                let all = "9999-12-31T00:00:00Z".parse()?;
                let relayed = relay(app.store.as_ref(), remote.as_ref(), &SystemClock, all).await;
                Ok(Some(relayed.map_err(JobError::into_error).context("relaying transfers")?))
            }
            Err(error) => {
                eprintln!("warning: transfers stay queued: {}", chain(error.as_ref()));
                Ok(None)
            }
        }
    }
}

fn exit(report: &WalkReport) -> Exit {
    match report.failed.first() {
        Some((_, error)) => Exit::of_job(error),
        None if report.is_complete() => Exit::Done,
        None => Exit::Waiting,
    }
}

/// Tells the operator what happens while it happens, or all of it as JSON in the end.
struct Lines {
    mode: Mode,
    as_json: bool,
    entries: Vec<Value>,
    judged: Vec<JudgedDay>,
}

impl Observer for Lines {
    fn paid(&mut self, window: Window, outcome: &Outcome) {
        let text = match outcome {
            Outcome::AlreadyPaid => format!("{window}: was paid already, nothing changed"),
            Outcome::Held(held) => {
                let verb = if self.mode == Mode::Pay { "held" } else { "would hold" };
                format!("{window}: {verb} by {}, {} are at stake", held.alarms.join(", "), held.stake)
            }
            Outcome::Paid(plan, _) => {
                let (verb, writes) = match self.mode {
                    Mode::Pay => ("paid", String::new()),
                    Mode::DryRun => ("would pay", writes(plan)),
                };
                format!(
                    "{window}: {verb} {} to {} of {} voters{}{}{}{writes}",
                    plan.distributed() - plan.set_aside_sums().0,
                    plan.parts.iter().map(|part| part.members.len()).max().unwrap_or(0),
                    plan.turnout.voters(),
                    amount_if(", market bonus", plan.market_bonus()),
                    amount_if(", carried", plan.undistributed()),
                    amount_if(", set aside", plan.set_aside_sums().0),
                )
            }
        };
        if self.as_json {
            self.entries.push(entry(window, outcome));
            return;
        }
        say!("{text}");
        if let Outcome::Paid(plan, _) = outcome {
            groups(&plan.raised).for_each(|group| say!("  {group}"));
        }
    }
}

impl Lines {
    fn finish(&self, report: &WalkReport, relayed: Option<Relayed>) {
        let failed = report.failed.iter().map(|(window, error)| (window, chain(error.error().as_ref())));
        let blocked = report.blocked.iter().map(|(window, reason)| (window, reason.clone()));
        let list = |windows: Vec<(&Window, String)>| -> Vec<Value> {
            let entry = |(window, reason): (&Window, String)| json!({ "kind": window.kind.name(), "time": show(window.start), "reason": reason });
            windows.into_iter().map(entry).collect()
        };
        if self.as_json {
            let held = report.held.iter().map(|window| (window, "an alarm holds it".to_owned()));
            let overdue = report.overdue.iter().map(|window| (window, "past catch-up".to_owned()));
            let mut report = json!({
                "dry_run": self.mode == Mode::DryRun,
                "windows": self.entries,
                "failed": list(failed.collect()),
                "blocked": list(blocked.collect()),
                "held": list(held.collect()),
                "overdue": list(overdue.collect()),
                "transfers": relayed.map(|relayed| {
                    json!({ "delivered": relayed.delivered, "failed": relayed.failed })
                }),
            });
            if !self.judged.is_empty() {
                let judged = |day: &JudgedDay| json!({ "day": day.day.to_string(), "opened": day.opened, "raised": day.raised });
                report["suspicions"] = self.judged.iter().map(judged).collect();
            }
            say!("{report:#}");
            return;
        }
        for (_, reason) in failed {
            eprintln!("error: {reason}");
        }
        for (window, reason) in blocked {
            eprintln!("error: {window} was not paid: {reason}");
        }
        for window in &report.held {
            eprintln!(
                "error: {window} was not paid: an alarm holds it; `rewardd holds show {} {}` says why",
                window.kind,
                show(window.start)
            );
        }
        if let (Some(first), Some(last)) = (report.overdue.first(), report.overdue.last()) {
            eprintln!(
                "warning: {} due windows ended longer ago than schedule.catch_up and were not paid: {first} to \
                 {last}; pay each with `rewardd once hourly|daily --window START`",
                report.overdue.len(),
            );
        }
        if let Some(relayed) = relayed {
            say!("transfers: {} delivered, {} failed", relayed.delivered, relayed.failed);
        }
        if report.paid.is_empty() && report.is_complete() && self.window_count() == 0 {
            say!("Nothing else is due.");
        } else if self.mode == Mode::DryRun {
            say!("Dry run: nothing was written.");
        }
    }

    /// What the suspicions found in the days that were paid. Where they could not be judged, they will be: nobody waits
    /// for it.
    fn judged(&mut self, days: Result<Vec<JudgedDay>, JobError>) {
        match days {
            Ok(days) if self.as_json => self.judged.extend(days),
            Ok(days) => {
                for day in days.iter().filter(|day| day.opened + day.raised > 0) {
                    let JudgedDay { day, opened, raised, .. } = day;
                    say!(
                        "suspicions of {day}: {opened} cases opened, {raised} raised; see `rewardd case list`"
                    );
                }
            }
            Err(error) => eprintln!("warning: {}", chain(error.error().as_ref())),
        }
    }

    fn window_count(&self) -> usize {
        self.entries.len()
    }
}

/// What a dry run leaves unwritten, besides the logs and the run's record.
fn writes(plan: &Plan) -> String {
    let pool = |change: &PoolChange| format!(", pool of {} = {}", change.day, change.after);
    let pools: String = plan.pool_changes.iter().map(pool).collect();
    format!("; would write {} reward rows, {} transfers{pools}", plan.turnout.voters(), plan.transfers.len())
}

fn alarm(raised: &Raised) -> Value {
    json!({
        "alarm": raised.alarm,
        "rule": raised.rule,
        "action": raised.action.name(),
        "partner_id": raised.partner_id,
        "figure": raised.figure,
        "limit": raised.limit,
        "stake": raised.stake.to_string(),
    })
}

fn amount_if(label: &str, amount: crate::rewards::money::Units) -> String {
    if amount.is_zero() { String::new() } else { format!("{label} {amount}") }
}

fn entry(window: Window, outcome: &Outcome) -> Value {
    let figures = |plan: &Plan| {
        json!({
            "total_reward_cc": plan.total.to_string(),
            "votes": plan.turnout.votes,
            "voters": plan.turnout.voters(),
            "distributed": plan.distributed().to_string(),
            "undistributed": plan.undistributed().to_string(),
            "market_bonus": plan.market_bonus().to_string(),
            "transfers": plan.transfers.len(),
            "alarms": plan.raised.iter().map(alarm).collect::<Vec<_>>(),
        })
    };
    let (state, plan) = match outcome {
        Outcome::Paid(plan, _) => ("paid", Some(figures(plan))),
        Outcome::AlreadyPaid => ("already_paid", None),
        Outcome::Held(_) => ("held", None),
    };
    json!({ "kind": window.kind.name(), "time": show(window.start), "state": state, "plan": plan })
}
