//! Pays the same days on an empty programme and on one that has paid for three years, and shows what each step took.
//!
//! ```sh
//! cargo bench --bench history
//! cargo bench --bench history -- --days 100 --backend sqlite
//! ```
//!
//! SQLite lies in a temporary folder; MariaDB is the server that REWARDD_TEST_MARIADB_URL names, or a private one that
//! `tests/servers` starts. Three years take a few minutes to make and some gigabytes for a while.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{Days, NaiveDate};
use clap::{Parser, ValueEnum};
use rewardd::app::{App, Mode};
use rewardd::clock::ManualClock;
use rewardd::config::{Config, DatabaseUrl};
use rewardd::jobs::{FirstDay, JobError, Walk};
use rewardd::rewards::window::{self, Calendar, Kind, Window};
use rewardd::scheduler::due::due;
use rewardd::store::Commit;
use rewardd::store::sql::{Access, Database};
use tempfile::TempDir;

#[path = "../../tests/it/support/history.rs"]
mod history;

use history::{History, Votes};

const BACKENDS: [Backend; 2] = [Backend::Sqlite, Backend::Mariadb];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    Sqlite,
    Mariadb,
}

/// Pays days on an empty programme and on one with history, and compares the times.
#[derive(Debug, Parser)]
struct Options {
    /// Days of history.
    #[arg(long, default_value_t = 3 * 365)]
    days: u32,
    /// Partners that voted in each hour.
    #[arg(long, default_value_t = 200)]
    hourly_voters: u32,
    /// Partners that voted on each day.
    #[arg(long, default_value_t = 3000)]
    daily_voters: u32,
    /// Days that are paid and measured, after one that is only paid.
    #[arg(long, default_value_t = 3)]
    measured_days: u32,
    /// Only this one; default: each.
    #[arg(long)]
    backend: Option<Backend>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for backend in BACKENDS.into_iter().filter(|backend| options.backend.is_none_or(|only| only == *backend))
    {
        let folder = TempDir::new()?;
        let server = (backend == Backend::Mariadb).then(|| Server::find(folder.path())).transpose()?;
        let mut columns = vec![];
        for days in [0, options.days] {
            let url = match &server {
                None => format!("sqlite://{}", folder.path().join(format!("{days}.db")).display()),
                Some(server) => runtime.block_on(server.new_database(days))?,
            };
            columns.push(runtime.block_on(measure(&options, folder.path(), &url, days))?);
        }
        print(backend, options.days, &columns);
        if let Some(server) = server {
            runtime.block_on(server.clear([0, options.days]))?;
        }
    }
    Ok(())
}

/// What one window took, step by step.
#[derive(Clone, Copy, Debug)]
struct Times {
    kind: Kind,
    /// Finding out what is due.
    look: Duration,
    /// Reading the books and the votes, and making the plan.
    prepare: Duration,
    commit: Duration,
}

impl Times {
    fn whole(&self) -> Duration {
        self.look + self.prepare + self.commit
    }
}

/// Makes a programme that has paid `days` days, and pays the next ones: the same dates for every history.
async fn measure(options: &Options, folder: &Path, url: &str, days: u32) -> anyhow::Result<Vec<Times>> {
    let first: NaiveDate = "2028-12-31".parse()?;
    let start = first - Days::new(u64::from(days));
    let app = open(folder, url, start).await?;
    let began = now();
    let history = History {
        start,
        days,
        hours: 0,
        hourly_voters: options.hourly_voters,
        daily_voters: options.daily_voters,
        specials: 3,
    };
    history.store(&app.database).await.context("storing the history")?;
    let votes = Votes {
        from_hour: 0,
        hours: (days + 1 + options.measured_days) * 24,
        per_hour: options.hourly_voters,
        partners: options.daily_voters,
    };
    votes.store(&app.database, start).await.context("storing votes")?;
    eprintln!("{days} days of history made in {:.0?}", began.elapsed());

    let calendar = Calendar::new(app.config.programme.timezone);
    let until = calendar.midnight(first + Days::new(1 + u64::from(options.measured_days)));
    let mut windows: Vec<Window> =
        [Kind::Daily, Kind::Hourly].into_iter().flat_map(|kind| calendar.due(kind, first, until)).collect();
    windows.sort_by_key(Window::order);
    let mut times = vec![];
    for window in windows {
        let paid = pay(&app, window).await.map_err(JobError::into_error)?;
        // The first day pays for what making the history has left unwritten, and is not counted.
        if window.day > first {
            times.push(paid);
        }
    }
    app.store.totals().await?.check().map_err(anyhow::Error::msg)?;
    app.database.close().await;
    Ok(times)
}

async fn open(folder: &Path, url: &str, start: NaiveDate) -> anyhow::Result<App> {
    let path = folder.join("config.toml");
    std::fs::write(&path, format!("[database]\nurl = {url:?}\n[programme]\nstart = \"{start}\"\n"))?;
    let config = Config::load(&path, std::iter::empty())?;
    App::open(config, Arc::new(ManualClock::new(window::Instant::UNIX_EPOCH)), Mode::Pay).await
}

/// Pays a window as a look right after its end would.
async fn pay(app: &App, window: Window) -> Result<Times, JobError> {
    let distributor = &app.distributor;
    let began = now();
    let programme =
        distributor.open_programme(app.config.programme.start, FirstDay::Today, window.end).await?;
    let kinds = vec![(Kind::Daily, window.end), (Kind::Hourly, window.end)];
    let catch_up = app.config.schedule.catch_up;
    let walk = Walk { kinds, start: programme.start, now: window.end, catch_up };
    let found = due(app.store.as_ref(), &distributor.calendar, &walk).await?;
    assert_eq!(found.open.first(), Some(&window), "it is the one that is due");
    assert!(found.overdue.is_empty(), "all before it is paid");
    let looked = now();
    let runs_before = app.store.runs().await?;
    let plan = distributor.prepare(window, programme.start).await?.plan;
    let prepared = now();
    let rules_version = &distributor.rules.version;
    app.store.commit(Commit { plan: &plan, runs_before, rules_version, now: window.end }).await?;
    let look = looked - began;
    Ok(Times { kind: window.kind, look, prepare: prepared - looked, commit: prepared.elapsed() })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the machine's clock, and nothing else from it"
)]
fn now() -> Instant {
    Instant::now()
}

fn print(backend: Backend, days: u32, columns: &[Vec<Times>]) {
    println!("\n{backend:?}, milliseconds, median (slowest)");
    println!("{:<8}{:<10}{:>20}{:>20}", "", "", "empty", format!("{days} days paid"));
    for kind in [Kind::Hourly, Kind::Daily] {
        for (step, time) in [
            ("look", (|times| times.look) as fn(&Times) -> Duration),
            ("prepare", |times| times.prepare),
            ("commit", |times| times.commit),
            ("whole", Times::whole),
        ] {
            let cells = columns.iter().map(|times| {
                let times = times.iter().filter(|times| times.kind == kind).map(time);
                median_and_slowest(times.collect())
            });
            println!("{:<8}{step:<10}{}", kind.name(), cells.collect::<String>());
        }
    }
}

fn median_and_slowest(mut times: Vec<Duration>) -> String {
    times.sort();
    let show = |time: Option<&Duration>| {
        let micros = time.map_or(0, Duration::as_micros);
        format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
    };
    format!("{:>20}", format!("{} ({})", show(times.get(times.len() / 2)), show(times.last())))
}

/// A MariaDB: one that runs, or one of our own, which ends with the benchmark.
struct Server {
    url: String,
    /// Its folder, where it is ours.
    own: Option<std::path::PathBuf>,
}

impl Server {
    fn find(folder: &Path) -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var("REWARDD_TEST_MARIADB_URL") {
            return Ok(Self { url, own: None });
        }
        let own = folder.join("mariadb");
        let started = servers().args(["start", "mariadb"]).arg(&own).output()?;
        let said = String::from_utf8_lossy(&started.stderr);
        ensure!(started.status.success(), "no MariaDB could be started: {said}");
        Ok(Self { url: String::from_utf8(started.stdout)?.trim_end().to_owned(), own: Some(own) })
    }

    async fn new_database(&self, days: u32) -> anyhow::Result<String> {
        let name = name(days);
        self.run(format!("DROP DATABASE IF EXISTS {name}")).await?;
        self.run(format!("CREATE DATABASE {name}")).await?;
        Ok(format!("{}/{name}", self.url))
    }

    async fn clear(&self, databases: [u32; 2]) -> anyhow::Result<()> {
        for days in databases {
            self.run(format!("DROP DATABASE {}", name(days))).await?;
        }
        Ok(())
    }

    async fn run(&self, sql: String) -> anyhow::Result<()> {
        let url = DatabaseUrl::parse(&format!("{}/mysql", self.url)).map_err(anyhow::Error::msg)?;
        let database = Database::open(&url, Access::Write, 1).await?;
        database.fetch(sql, &[]).await?;
        database.close().await;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let stopped = servers().arg("stop").arg(own).status();
            if !stopped.is_ok_and(|status| status.success()) {
                eprintln!("the MariaDB in {} could not be stopped", own.display());
            }
        }
    }
}

fn servers() -> Command {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers"))
}

fn name(days: u32) -> String {
    format!("history_{}_{days}", std::process::id())
}
