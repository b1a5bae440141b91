//! `rewardd status`

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::{Exit, output};
use crate::app::Records;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::errors::chain;
use crate::notify::line;
use crate::ops::signals::{self, Request};
use crate::ops::state_file::Activity;
use crate::rewards::window::{Instant, show};
use crate::status::{
    DueState, Holding, JOBS, Known, LeaseWatch, Life, Notified, Process, Queue, Standing, Status, Stored,
    look, record,
};
use crate::store::Leases;

/// How often the lease is looked at while it is found out whether its holder renews it.
const LEASE_LOOK: Duration = Duration::from_millis(200);

/// Windows that are named one by one.
const NAMED: usize = 10;

/// Takes the cursor home and clears the screen below it.
const HOME: &str = "\x1b[H\x1b[J";

/// Show how the programme stands: the daemon, the lease, what was paid, what is due and what waits, and why.
///
/// Reads the database and the daemon's state file (process.state_file), so it works beside a daemon that runs, stands
/// by or is stopped, and where the database does not answer. Writes nothing. Where the lease is held on another host,
/// it looks for a few seconds whether the holder renews it.
///
/// Exit codes: 0 all is well · 3 something waits or fails, as said at the end · 69, 75 the database cannot be read · 70
/// the books do not add up.
#[derive(Debug, Args)]
pub(super) struct ShowStatus {
    /// Print it as JSON; with --watch, an object on a line each time.
    #[arg(long)]
    json: bool,
    /// Show it again and again, every so many seconds [default: 2], until Ctrl-C.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    watch: Option<u32>,
}

impl ShowStatus {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let mut lease = LeaseWatch::default();
        let Some(seconds) = self.watch else {
            let (status, exit) = gather(&config, &mut lease, true).await;
            self.show(&status)?;
            return Ok(exit);
        };
        let mut requests = signals::listen()?;
        loop {
            let looked = tokio::select! {
                looked = gather(&config, &mut lease, false) => looked,
                () = stop(&mut requests) => return Ok(Exit::Done),
            };
            // A reader that has gone wants no more.
            if self.show(&looked.0).is_err() {
                return Ok(looked.1);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds.into())) => {}
                () = stop(&mut requests) => return Ok(looked.1),
            }
        }
    }

    fn show(&self, status: &Status) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match (self.json, self.watch) {
            (true, None) => writeln!(out, "{:#}", record(status))?,
            (true, Some(_)) => writeln!(out, "{}", record(status))?,
            (false, Some(_)) if out.is_terminal() => write!(out, "{HOME}{}", Page(status))?,
            (false, Some(_)) => writeln!(out, "{}", Page(status))?,
            (false, None) => write!(out, "{}", Page(status))?,
        }
        out.flush()
    }
}

async fn stop(requests: &mut mpsc::UnboundedReceiver<Request>) {
    while !matches!(requests.recv().await, Some(Request::Stop) | None) {}
}

/// Looks at everything, and says how the command ends.
async fn gather(config: &Config, lease: &mut LeaseWatch, wait: bool) -> (Status, Exit) {
    let process = Process::read(&config.process.state_file);
    let stored = stored(config, &process, lease, wait).await;
    let error = stored.as_ref().err().map(Exit::of);
    let stored = stored.unwrap_or_else(|error| Stored::Unreachable(chain(error.as_ref())));
    let status = Status { at: SystemClock.now(), process, stored };
    let problems = status.problems();
    let exit = match error {
        Some(exit) => exit,
        None if problems.iter().any(|problem| problem.is_broken) => Exit::Broken,
        None if problems.is_empty() => Exit::Done,
        None => Exit::Waiting,
    };
    (status, exit)
}

async fn stored(
    config: &Config,
    process: &Process,
    lease: &mut LeaseWatch,
    wait: bool,
) -> anyhow::Result<Stored> {
    let records = Records::open_as_is(config).await?;
    let known = known(config, process, &records, lease, wait).await;
    records.database.close().await;
    known
}

async fn known(
    config: &Config,
    process: &Process,
    records: &Records,
    lease: &mut LeaseWatch,
    wait: bool,
) -> anyhow::Result<Stored> {
    let migrations = records.migrations.clone();
    if migrations.iter().any(|migration| !migration.applied) {
        return Ok(Stored::Unprepared(migrations));
    }
    let stored = &records.stored;
    let mut known = look(stored, stored, stored, migrations, config, process, SystemClock.now()).await?;
    lease.add(&known.lease, &mut known.holding, config.process.lease);
    while wait && known.holding == Holding::Elsewhere {
        tokio::time::sleep(LEASE_LOOK).await;
        lease.add(&stored.lease().await?, &mut known.holding, config.process.lease);
    }
    Ok(Stored::Known(Box::new(known)))
}

/// A status as people read it.
struct Page<'a>(&'a Status);

impl std::fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Status { at, process, stored } = self.0;
        writeln!(f, "rewardd {} at {}\n", env!("CARGO_PKG_VERSION"), show(*at))?;
        writeln!(f, "daemon      {}", daemon(process))?;
        match stored {
            Stored::Unreachable(_) => writeln!(f, "database    cannot be read, see below")?,
            Stored::Unprepared(_) => writeln!(f, "database    lacks migrations, see below")?,
            Stored::Known(known) => write!(f, "{}", summary(known, *at))?,
        }
        writeln!(f, "\n{}", jobs(process))?;
        if let Stored::Known(known) = stored
            && let Some(standing) = &known.programme
        {
            write!(f, "{}", windows(standing))?;
        }
        let problems = self.0.problems();
        if problems.is_empty() {
            return writeln!(f, "\nAll is well.");
        }
        writeln!(f, "\nNot well:")?;
        problems.iter().try_for_each(|problem| writeln!(f, "  {}", problem.text))
    }
}

fn daemon(process: &Process) -> String {
    let Some(state) = &process.state else {
        return match process.life {
            Life::Running => "running; it has not said yet what it does".to_owned(),
            Life::Unknown => "not known, see below".to_owned(),
            _ => "has never run with this state file".to_owned(),
        };
    };
    let heard = process.written_at.map_or_else(|| "an unknown time".to_owned(), show);
    let who = format!("rewardd {}, pid {} on {}", state.version, state.pid, state.host);
    match process.life {
        Life::Running => {
            let doing = match &state.activity {
                Activity::Idle if state.standby => "standing by: another instance holds the lease".to_owned(),
                activity => activity.to_string(),
            };
            format!("{doing} ({who}, running since {})", show(state.started_at))
        }
        Life::Stopped => format!("not running since {heard}: it was stopped ({who})"),
        _ => format!("not running: it died, and was last heard of at {heard} ({who})"),
    }
}

fn summary(known: &Known, at: Instant) -> String {
    let mut lines = vec![format!("lease       {}", lease(known)), format!("rules       {}", rules(known))];
    if let Some(standing) = &known.programme {
        let (day, pool) = standing.today;
        let shown = |amount: Result<_, _>| {
            amount.map_or("out of range".to_owned(), |a: crate::rewards::money::Units| a.to_string())
        };
        lines.push(format!(
            "pools       {pool} for today, {day}; {} held in all; conservation difference {}",
            shown(standing.totals.held()),
            shown(standing.totals.difference())
        ));
        if standing.holds > 0 {
            let (holds, amount) = (standing.holds, standing.totals.set_aside);
            lines.push(format!("holds       {holds} partners' amounts are set aside, {amount} of the pools"));
        }
    } else {
        lines.push("pools       none: nothing has been paid yet".to_owned());
    }
    lines.push(format!("transfers   {}", queue(&known.queue, at)));
    for row in &known.queue.failures {
        lines.push(format!(
            "            partner {} of {}, tried {} times: {}",
            row.transfer.partner_id,
            show(row.transfer.time),
            row.attempts,
            row.last_error.as_deref().unwrap_or("no reason is noted")
        ));
    }
    if !known.archived.is_empty() {
        let tables = known.archived.iter();
        let tables = tables.map(|(table, days, last)| format!("{} to {last} ({days} days)", table.name()));
        lines.push(format!("archives    {}", tables.collect::<Vec<_>>().join(", ")));
    }
    if let Some(notified) = &known.notified {
        lines.extend(told(notified));
    }
    lines.push(format!("migrations  all {} are in place", known.migrations.len()));
    lines.push(String::new());
    lines.join("\n")
}

/// What receivers are told.
fn told(Notified { incidents, waiting }: &Notified) -> Vec<String> {
    let mut lines = vec![match incidents.len() {
        0 => "incidents   none is open".to_owned(),
        count => format!("incidents   {count} open"),
    }];
    for incident in incidents.iter().take(NAMED) {
        lines.push(format!("            {}, since {}", line(incident), show(incident.opened_at)));
    }
    if incidents.len() > NAMED {
        lines.push(format!("            and {} more", incidents.len() - NAMED));
    }
    lines.push(match waiting.first() {
        None => "messages    none waits".to_owned(),
        Some(first) => format!(
            "messages    {} wait; the next, to {}, is sent at {}",
            waiting.len(),
            first.receiver,
            show(first.next_attempt_at)
        ),
    });
    lines
}

fn lease(known: &Known) -> String {
    let by = format!("number {}, held by {}", known.lease.fence, known.lease.holder);
    match known.holding {
        Holding::Free => format!("number {}, given back: free", known.lease.fence),
        Holding::Here => format!("{by}: the daemon here"),
        Holding::Dead => format!("{by}: the daemon here, which does not run; the next one takes it over"),
        Holding::Elsewhere => by,
        Holding::Renewed => format!("{by}, who renews it"),
        Holding::Silent(time) => format!("{by}, who has not renewed it for {} s", time.as_secs()),
    }
}

fn rules(known: &Known) -> String {
    let short = |version: &str| version.chars().take(12).collect::<String>();
    let configured = short(&known.rules.configured);
    let Some(recorded) = &known.rules.recorded else {
        return format!("{configured} in the configuration; none is recorded yet");
    };
    let (number, since) = (recorded.number, show(recorded.since));
    let version = short(&recorded.version);
    if known.rules.differ() {
        format!(
            "number {number} ({version}) since {since}; the configuration has others ({configured}), see `rewardd rules diff`"
        )
    } else {
        format!("number {number} ({version}) since {since}, as configured")
    }
}

fn queue(queue: &Queue, at: Instant) -> String {
    let Some(oldest) = queue.oldest else { return "none waits".to_owned() };
    let age = (at - oldest).to_std().unwrap_or_default();
    let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
    format!(
        "{} wait, {} in all; the oldest is of {}, {age} ago; {} fail",
        queue.count,
        queue.sum,
        show(oldest),
        queue.failing
    )
}

fn jobs(process: &Process) -> String {
    let state = process.state.as_ref();
    let row = |job: &&str| {
        let at = |instant: Option<&Instant>| instant.map_or_else(|| "-".to_owned(), |instant| show(*instant));
        let next =
            state.filter(|_| process.life == Life::Running).and_then(|state| state.next_ticks.get(*job));
        vec![(*job).to_owned(), at(state.and_then(|state| state.last_success.get(*job))), at(next)]
    };
    output::table(&["job", "last success", "next tick"], 3, JOBS.iter().map(row).collect()).to_string()
}

fn windows(standing: &Standing) -> String {
    let mut text = String::new();
    let runs = standing.runs.iter().map(|(run, figures)| {
        let figures = figures.as_ref();
        vec![
            run.kind.name().to_owned(),
            show(run.start),
            show(run.committed_at),
            figures.map_or_else(|| "-".to_owned(), |figures| figures.voters.to_string()),
            figures.map_or_else(
                || "-".to_owned(),
                |figures| (figures.distributed + figures.market_bonus).to_string(),
            ),
        ]
    });
    let runs: Vec<Vec<String>> = runs.collect();
    if !runs.is_empty() {
        let header = ["last runs", "window", "committed", "voters", "paid"];
        text.push_str(&format!("\n{}\n", output::table(&header, 3, runs)));
    }
    if standing.due.is_empty() && standing.overdue.is_empty() {
        text.push_str("\nNothing is due.\n");
        return text;
    }
    text.push_str("\ndue\n");
    if let (Some(first), Some(last)) = (standing.overdue.first(), standing.overdue.last()) {
        text.push_str(&format!("  {} past catch-up: {first} to {last}\n", standing.overdue.len()));
    }
    for due in standing.due.iter().take(NAMED) {
        let state = match &due.state {
            DueState::NextTick => "at the next tick",
            DueState::Running => "is being paid",
            DueState::InTurn => "comes in turn",
            DueState::Waits(_) => "waits, see below",
        };
        text.push_str(&format!("  {}: {state}\n", due.window));
    }
    if standing.due.len() > NAMED {
        text.push_str(&format!("  and {} more\n", standing.due.len() - NAMED));
    }
    text
}
