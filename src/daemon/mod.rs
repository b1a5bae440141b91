//! `rewardd run`: on time, alone, and unkillable.
//!
//! ```text
//! signals ─┐
//! beats  ──┼─→ main loop ─→ triggers ─→ distribution worker ─→ walk
//! lease  ──┘                        ├─→ transfer worker     ─→ relay
//!                                   ├─→ retention worker    ─→ old days to archives
//!                                   └─→ suspicions worker   ─→ cases
//! ```
//!
//! A tick only means "do all that is due". Each worker does one thing at a time; a tick that comes meanwhile is kept.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_cron_scheduler::{Job, JobScheduler};
use tracing::{error, info, warn};

mod board;
mod changes;
mod delivery;
mod desk;
mod leader;
mod lookout;
mod open;
mod pending;
mod record;
mod reports;
mod retention;
mod survey;
mod suspicions;
mod worker;

use crate::app::App;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::errors::chain;
use crate::notify::Condition;
use crate::ops::health::Health;
use crate::ops::logging::{self, Logs, Terminal};
use crate::ops::metrics::Metrics;
use crate::ops::signals::{self, Request};
use crate::ops::state_file::{Activity, Claim, StateFile};
use crate::ops::systemd;
use crate::rewards::window::{Instant, Kind, show};
use crate::scheduler::cron::{LATE, Pattern, Ticker};
use crate::store::Cause;
use crate::store::sql::Fence;
use crate::web::{self, Server, Site};
use board::Board;
use desk::FrontDesk;
use open::Opener;
use worker::{TRANSFERS, Worker};

/// Without a beat for this long, the main loop makes its own.
const BEAT_PATIENCE: Duration = Duration::from_secs(5);
/// How long reading the configuration again may take, its databases included.
const RELOAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long giving back the lease may take on the way out.
const RELEASE_PATIENCE: Duration = Duration::from_secs(5);
/// How long clients may still read what they have asked for, on the way out; the shutdown grace, where that is shorter.
const CLIENTS_PATIENCE: Duration = Duration::from_secs(2);

/// What all parts of the daemon share.
struct Shared {
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    desk: Arc<FrontDesk>,
    /// What is due was looked at, and which rules wait.
    looked: Notify,
    /// Something was paid or delivered: metrics and health are to be brought up to date.
    changed: Notify,
    /// The database was looked at: what is not well may be told.
    surveyed: Notify,
    /// A message was queued.
    queued: Notify,
    /// What the watch is still to write down.
    happened: Mutex<Vec<Condition>>,
    fence: Arc<Fence>,
    /// Replaced as a whole when the configuration is read again.
    app: RwLock<Arc<App>>,
    stop: watch::Sender<bool>,
}

impl Shared {
    fn app(&self) -> Arc<App> {
        Arc::clone(&self.app.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether this instance may pay from here on, and under which number.
    fn hold(&self, fence: Option<i64>) {
        match fence {
            Some(fence) => self.fence.open(fence),
            None => self.fence.close(),
        }
        self.metrics.lease(fence.is_some());
        self.changed.notify_one();
    }
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What keeps it from starting: another daemon on this host (its state file is locked), a database that cannot be used.
pub async fn run(path: &Path, config: Config) -> anyhow::Result<()> {
    let (file, claim) = StateFile::claim(&config.process.state_file)?;
    let logs = logging::start(&config.logging, Terminal::Warnings);
    let mut requests = signals::listen().context("listening to signals")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new(clock.now(), &Cause::ALL.map(Cause::name)));
    metrics.count_panics();
    let health = Arc::new(Health::starting());
    let board = Arc::new(Board::new(file, Arc::clone(&clock), Arc::clone(&metrics)));
    let state = board.state();
    info!(pid = state.pid, host = state.host, version = state.version, "starting");
    if let Some(warning) = claim.warning() {
        warn!("{warning}");
    }
    // From here on, so that it also tells what the start waits for.
    let desk = Arc::new(FrontDesk::new(Arc::clone(&board), Arc::clone(&clock), &config));
    let server = config.http.listen.map(|listen| {
        let board = Arc::clone(&board);
        let site = Site::new(Arc::clone(&clock), Arc::clone(&desk) as _, &config.http);
        let router = web::dashboard(Arc::new(site), web::router(Arc::clone(&metrics), Arc::clone(&health)));
        Server::start(listen, router, move |address| board.http(address))
    });
    let fence = Arc::new(Fence::closed());
    let opener = Opener { clock: &clock, fence: &fence, metrics: &metrics };
    let opened = opener.open(&config, &health, &mut requests).await;
    if !matches!(opened, Ok(Some(_))) {
        board.activity(Activity::Stopped);
    }
    let Some(app) = opened.inspect_err(|error| error!(error = chain(error.as_ref()), "cannot start"))? else {
        return Ok(());
    };
    metrics.rules(&app.distributor.rules.version);
    if server.is_some() {
        desk.open(&app.config);
    }
    let (stop, _) = watch::channel(false);
    let app = RwLock::new(Arc::new(app));
    let shared = Arc::new(Shared {
        clock,
        board,
        metrics,
        health,
        desk,
        looked: Notify::new(),
        changed: Notify::new(),
        surveyed: Notify::new(),
        queued: Notify::new(),
        happened: Mutex::default(),
        fence,
        app,
        stop,
    });
    let former = match claim {
        Claim::Healed(state) => Some(format!("{} pid {}", state.host, state.pid)),
        _ => None,
    };
    Daemon::start(shared, former, server).await?.serve(path, requests, logs).await
}

/// The running parts.
struct Daemon {
    shared: Arc<Shared>,
    worker: Arc<Worker>,
    /// The workers and the leader. None of them ends before the daemon does.
    tasks: JoinSet<()>,
    leader: AbortHandle,
    beats: mpsc::Receiver<()>,
    tickers: Vec<(&'static str, Ticker)>,
    /// Kept for as long as beats are wanted.
    scheduler: JobScheduler,
    /// What looks and tells.
    aside: [AbortHandle; 5],
    server: Option<Server>,
}

impl Daemon {
    async fn start(
        shared: Arc<Shared>,
        former: Option<String>,
        server: Option<Server>,
    ) -> anyhow::Result<Self> {
        let worker = Arc::new(Worker::new(Arc::clone(&shared)));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&worker).distribute());
        tasks.spawn(Arc::clone(&worker).relay());
        tasks.spawn(Arc::clone(&worker).retain());
        tasks.spawn(Arc::clone(&worker).judge());
        let leader = tasks.spawn(leader::lead(Arc::clone(&shared), Arc::clone(&worker), former));
        // Apart from the others: no payment depends on them.
        let aside = [
            tokio::spawn(survey::keep_looking(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(lookout::keep_watching(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(delivery::keep_delivering(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(pending::keep_simulating(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(changes::keep_looking(Arc::clone(&shared))).abort_handle(),
        ];
        let (beat, beats) = mpsc::channel(1);
        let scheduler = JobScheduler::new().await.context("making the scheduler")?;
        let every_second = Job::new_async("* * * * * *", move |_, _| {
            let beat = beat.clone();
            Box::pin(async move {
                // A beat that is still waiting to be heard is as good as this one.
                let _ = beat.try_send(());
            })
        });
        scheduler.add(every_second?).await.context("adding the beat")?;
        scheduler.start().await.context("starting the scheduler")?;
        let tickers = vec![];
        let mut daemon = Self { shared, worker, tasks, leader, beats, tickers, scheduler, aside, server };
        daemon.set_tickers();
        daemon.shared.board.activity(Activity::Idle);
        daemon.shared.health.beat();
        systemd::ready();
        Ok(daemon)
    }

    /// Takes the schedule of the configuration in force.
    fn set_tickers(&mut self) {
        let app = self.shared.app();
        let now = self.shared.clock.now();
        let ticker =
            |(job, pattern)| (job, Ticker::new(Pattern::new(pattern, app.config.programme.timezone), now));
        self.tickers = schedule(&app.config).into_iter().map(ticker).collect();
        for (job, ticker) in &self.tickers {
            self.shared.board.next_tick(job, ticker.next());
        }
    }

    async fn serve(
        mut self,
        path: &Path,
        mut requests: mpsc::UnboundedReceiver<Request>,
        logs: Logs,
    ) -> anyhow::Result<()> {
        let ended = loop {
            tokio::select! {
                ended = self.tasks.join_next() => {
                    let why = ended.map(|ended| ended.map_or_else(|error| error.to_string(), |()| "ended".to_owned()));
                    error!(?why, "a part of the daemon has ended before its time; it has to be started again");
                    break Err(anyhow!("a part of the daemon has ended before its time: {why:?}"));
                }
                request = requests.recv() => match request {
                    Some(Request::Reload) => self.reload(path, &logs).await,
                    Some(Request::Status) => self.log_status(),
                    Some(Request::Stop) | None => break Ok(()),
                },
                beat = timeout(BEAT_PATIENCE, self.beats.recv()) => {
                    if beat.is_err() {
                        warn!("the scheduler gives no beat; the main loop looks by itself");
                    }
                    self.beat();
                }
            }
        };
        self.stop().await;
        drop(logs);
        ended
    }

    fn beat(&mut self) {
        systemd::watchdog();
        self.shared.health.beat();
        let now = self.shared.clock.now();
        let mut ticked = false;
        for (job, ticker) in &mut self.tickers {
            let Some(tick) = ticker.beat(now) else { continue };
            if now - tick > LATE {
                warn!(job, tick = show(tick), "this tick is late: the process or its machine was asleep");
            }
            self.shared.board.next_tick(job, ticker.next());
            if Kind::named(job).is_some() {
                ticked = true;
            } else {
                self.worker.trigger_relay();
            }
        }
        // Every tick looks after all kinds, each as of its own last tick: a day that could not be paid at midnight is
        // paid at half past, and not a day later.
        if ticked && self.shared.fence.is_open() {
            self.worker.trigger(&last_ticks(&self.shared.app().config, now));
        }
    }

    fn log_status(&self) {
        let state = self.shared.board.state();
        info!(
            activity = ?state.activity,
            standby = state.standby,
            since = show(state.started_at),
            last_success = ?state.last_success,
            next_ticks = ?state.next_ticks,
            last_error = ?state.last_error,
            waiting = ?state.waiting,
            panics = self.shared.metrics.panics(),
            "status"
        );
    }

    /// Reads the configuration again; one that is not valid, or cannot be changed while running, is refused as a whole.
    async fn reload(&mut self, path: &Path, logs: &Logs) {
        systemd::reloading();
        // The watchdog waits as well.
        let reloaded = timeout(RELOAD_PATIENCE, self.reloaded(path)).await;
        match reloaded.unwrap_or_else(|_| Err(anyhow!("its databases do not answer"))) {
            Ok(app) => {
                logs.reload(&app.config.logging);
                let app = Arc::new(app);
                *self.shared.app.write().unwrap_or_else(PoisonError::into_inner) = app;
                self.shared.metrics.rules(&self.shared.app().distributor.rules.version);
                if self.server.is_some() {
                    self.shared.desk.open(&self.shared.app().config);
                }
                self.set_tickers();
                info!("the configuration was read again");
                // Ticks that came meanwhile went to tickers that are no more.
                if self.shared.fence.is_open() {
                    let now = self.shared.clock.now();
                    self.worker.trigger(&last_ticks(&self.shared.app().config, now));
                }
            }
            Err(error) => {
                logs.reload(&self.shared.app().config.logging);
                error!(error = chain(error.as_ref()), "the new configuration is refused; the old one stays");
            }
        }
        systemd::ready();
    }

    async fn reloaded(&self, path: &Path) -> anyhow::Result<App> {
        let config = Config::load_with_environment(path)?;
        let old = self.shared.app();
        let (before, now) = (&old.config, &config);
        if (&now.database, &now.http, &now.process) != (&before.database, &before.http, &before.process) {
            bail!("[database], [http] and [process] cannot be changed while running: restart");
        }
        let Shared { clock, fence, metrics, .. } = self.shared.as_ref();
        let app = Opener { clock, fence, metrics }.once(config).await?;
        let checked =
            app.distributor.programme(app.config.programme.start, crate::jobs::FirstDay::Today, clock.now());
        checked.await.map_err(crate::jobs::JobError::into_error)?;
        Ok(app)
    }

    /// Finishes the window that is being paid, or rolls it back when it takes too long; gives the lease back.
    async fn stop(mut self) {
        info!("stopping");
        systemd::stopping();
        self.shared.board.activity(Activity::Stopping);
        self.shared.health.stopping();
        let grace = self.shared.app().config.process.shutdown_grace;
        self.leader.abort();
        self.aside.iter().for_each(AbortHandle::abort);
        self.shared.stop.send_replace(true);
        let workers = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(grace, workers).await.is_err() {
            warn!(
                ?grace,
                "the window did not end in time and is rolled back; it is paid after the next start"
            );
            self.worker.abort();
        }
        if let Err(error) = self.scheduler.shutdown().await {
            warn!(%error, "the scheduler did not stop");
        }
        if let Some(fence) = self.shared.fence.number_if_open() {
            let leases = Arc::clone(&self.shared.app().rewards);
            match timeout(RELEASE_PATIENCE, leases.release_lease(fence)).await {
                Ok(Ok(())) => {}
                _ => warn!("the lease could not be given back; a standby waits until it runs out"),
            }
        }
        self.shared.hold(None);
        // Last of all: no payment and no standby waits for a browser.
        if let Some(server) = self.server {
            server.stop(CLIENTS_PATIENCE.min(grace)).await;
        }
        self.shared.board.activity(Activity::Stopped);
        info!("stopped");
    }
}

/// The jobs by name, with their cron patterns.
fn schedule(config: &Config) -> [(&'static str, &str); 3] {
    let schedule = &config.schedule;
    [
        (Kind::Hourly.name(), &schedule.hourly),
        (Kind::Daily.name(), &schedule.daily),
        (TRANSFERS, &schedule.transfers),
    ]
}

/// What the ticks up to an instant ask for: each kind as of its own last one.
fn last_ticks(config: &Config, now: Instant) -> Vec<(Kind, Instant)> {
    let last_tick = |(job, pattern)| {
        let last = Pattern::new(pattern, config.programme.timezone).last_until(now);
        Kind::named(job).zip(last)
    };
    schedule(config).into_iter().filter_map(last_tick).collect()
}
