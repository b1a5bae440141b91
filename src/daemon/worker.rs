//! The workers: one for distributions, one for transfers. Each does one thing at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinError};
use tracing::{error, warn};

use super::{Shared, record, retention, suspicions};
use crate::errors::chain;
use crate::jobs::{FirstDay, JobError, Observer, Outcome, Relayed, Walk, WalkReport, relay};
use crate::ops::state_file::Activity;
use crate::rewards::window::{Instant, Kind, Window};
use crate::status::{RETENTION, SUSPICIONS};

/// The relay's name among the jobs.
pub(super) const TRANSFERS: &str = "transfers";
/// The other worker, as the metrics name it.
const DISTRIBUTION: &str = "distribution";

/// Attempts of one look at what is due, the pauses between them doubling; then the next tick tries again.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What is wanted of the workers, and what they are at.
pub(super) struct Worker {
    shared: Arc<Shared>,
    /// Kinds to look after, each as of an instant.
    wanted: Mutex<BTreeMap<Kind, Instant>>,
    distribution: Notify,
    relay: Notify,
    retention: Notify,
    suspicions: Notify,
    running: Mutex<Vec<AbortHandle>>,
    busy: AtomicBool,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            wanted: Mutex::default(),
            distribution: Notify::new(),
            relay: Notify::new(),
            retention: Notify::new(),
            suspicions: Notify::new(),
            running: Mutex::default(),
            busy: AtomicBool::new(false),
        }
    }

    /// Has kinds looked after, each as of an instant: together, for of windows that end together the day goes first.
    /// While an earlier look still waits or works, this one is kept.
    pub fn trigger(&self, due: &[(Kind, Instant)]) {
        if self.busy.load(Ordering::Relaxed) {
            warn!("the last run has outlasted its period; this tick waits for it");
        }
        lock(&self.wanted).extend(due.iter().copied());
        self.distribution.notify_one();
    }

    pub fn trigger_relay(&self) {
        self.relay.notify_one();
    }

    /// Pays what is due whenever it is wanted, until the daemon stops.
    pub async fn distribute(self: Arc<Self>) {
        while self.is_wanted(&self.distribution).await {
            // Taken before the fence is looked at: what is wanted after it opens is never dropped here.
            let wanted: Vec<(Kind, Instant)> = std::mem::take(&mut *lock(&self.wanted)).into_iter().collect();
            if wanted.is_empty() || !self.shared.fence.is_open() {
                continue;
            }
            self.busy.store(true, Ordering::Relaxed);
            self.shared.metrics.busy(DISTRIBUTION, true);
            self.look(&wanted).await;
            if self.shared.fence.is_open() && !self.shared.is_stopping() {
                self.shared.board.looked(&wanted);
            }
            self.shared.metrics.busy(DISTRIBUTION, false);
            self.busy.store(false, Ordering::Relaxed);
            self.shared.board.activity(Activity::Idle);
            self.shared.looked.notify_one();
            self.shared.changed.notify_one();
            self.trigger_relay();
            self.retention.notify_one();
            self.suspicions.notify_one();
        }
    }

    /// Judges the paid days by the suspicions, after each look at what is due, until the daemon stops. What fails is
    /// tried again after the next one, and keeps nobody from being paid.
    pub async fn judge(self: Arc<Self>) {
        while self.is_wanted(&self.suspicions).await {
            if self.shared.app().config.suspicions.is_empty() || !self.shared.fence.is_open() {
                continue;
            }
            let shared = Arc::clone(&self.shared);
            match self.guarded(async move { suspicions::judge(&shared).await }).await {
                Some(Ok(days)) => {
                    self.shared.board.success(SUSPICIONS);
                    if days.iter().any(|day| day.opened + day.raised > 0) {
                        self.shared.changed.notify_one();
                    }
                }
                Some(Err(error)) => self.report(SUSPICIONS, &error),
                None => {}
            }
        }
    }

    /// Moves what is old to archives, once a day after its payments, until the daemon stops. What fails is tried again
    /// after the next ones, and keeps nobody from being paid.
    pub async fn retain(self: Arc<Self>) {
        let mut done = None;
        while self.is_wanted(&self.retention).await {
            let today = self.shared.app().distributor.calendar.date_of(self.shared.clock.now());
            let is_on = self.shared.app().config.retention.is_on();
            if !is_on || done == Some(today) || !self.shared.fence.is_open() {
                continue;
            }
            let shared = Arc::clone(&self.shared);
            let retained = self.guarded(async move { retention::retain(&shared).await }).await;
            match retained {
                Some(Ok(())) => {
                    done = Some(today);
                    self.shared.board.success(RETENTION);
                }
                Some(Err(error)) => {
                    self.shared.metrics.retention_failed();
                    self.report(RETENTION, &error);
                }
                None => self.shared.metrics.retention_failed(),
            }
        }
    }

    /// Delivers what is queued whenever it is wanted, until the daemon stops.
    pub async fn relay(self: Arc<Self>) {
        while self.is_wanted(&self.relay).await {
            if !self.shared.fence.is_open() {
                continue;
            }
            let shared = Arc::clone(&self.shared);
            self.shared.metrics.busy(TRANSFERS, true);
            let delivered = self.guarded(async move { deliver(&shared).await }).await;
            self.shared.metrics.busy(TRANSFERS, false);
            if let Some(delivered) = delivered {
                record::relayed(&self.shared.metrics, TRANSFERS, &delivered);
                match delivered {
                    Ok(_) => self.shared.board.success(TRANSFERS),
                    Err(error) => self.report(TRANSFERS, &error),
                }
            }
            self.shared.changed.notify_one();
        }
    }

    /// Waits for a trigger; false where the daemon stops.
    async fn is_wanted(&self, trigger: &Notify) -> bool {
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            () = trigger.notified() => !self.shared.is_stopping(),
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }

    /// One look at what is due, tried again while that may help.
    async fn look(&self, wanted: &[(Kind, Instant)]) {
        let names: Vec<&str> = wanted.iter().map(|(kind, _)| kind.name()).collect();
        let job = names.join("+");
        let mut pause = FIRST_PAUSE;
        let mut why = String::new();
        for attempt in 1..=ATTEMPTS {
            let (shared, kinds, name) = (Arc::clone(&self.shared), wanted.to_vec(), job.clone());
            let Some(walked) = self.guarded(async move { walk(&shared, kinds, &name).await }).await else {
                return;
            };
            let may_go_on = attempt < ATTEMPTS && !self.shared.is_stopping() && self.shared.fence.is_open();
            record::unpaid(&self.shared.metrics, wanted, &walked, may_go_on);
            match walked {
                Ok(report) => match report.stuck_by() {
                    Some(error) => why = chain(error.as_ref()),
                    None => return self.ended(wanted, &report),
                },
                Err(JobError::Retry(error)) => why = chain(error.as_ref()),
                Err(error) => return self.report(&job, &error),
            }
            if !may_go_on {
                break;
            }
            warn!(job, attempt, ?pause, error = why, "not done; it is tried again");
            let mut stop = self.shared.stop.subscribe();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            pause *= 2;
        }
        error!(job, error = why, "given up for now; the next tick tries again");
        self.shared.board.failure(&job, format!("{why}; the next tick tries again"));
    }

    fn ended(&self, wanted: &[(Kind, Instant)], report: &WalkReport) {
        for (kind, _) in wanted {
            let failed = report.failed.iter().find(|(window, _)| window.kind == *kind);
            if let Some((_, error)) = failed {
                self.shared.board.failure(kind.name(), chain(error.error().as_ref()));
            } else if report.has_done(*kind) {
                self.shared.board.success(kind.name());
            }
        }
        self.shared.board.failed(report.failed.iter().map(|(window, _)| *window));
        self.shared.board.waiting(report.waiting());
    }

    fn report(&self, job: &str, error: &JobError) {
        let error = chain(error.error().as_ref());
        error!(job, error, "failed; the next tick tries again");
        self.shared.board.failure(job, error);
    }

    /// Runs work as a task of its own, so that a panic in it ends the work and nothing else. None where it panicked or
    /// was ended.
    async fn guarded<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let task = tokio::spawn(work);
        lock(&self.running).push(task.abort_handle());
        let ended: Result<T, JoinError> = task.await;
        lock(&self.running).retain(|task| !task.is_finished());
        match ended {
            Ok(output) => Some(output),
            Err(error) => {
                if error.is_panic() {
                    let doing = self.shared.board.state().activity;
                    error!(?doing, %error, "a job has panicked; the next tick tries again");
                    self.shared.board.failure("panic", format!("{doing:?}: {error}"));
                }
                None
            }
        }
    }

    /// Ends what is still running, there and then.
    pub fn abort(&self) {
        for task in lock(&self.running).drain(..) {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows each window on the board, and ends the walk when the daemon stops.
struct OnBoard<'a> {
    shared: &'a Shared,
    job: &'a str,
}

impl Observer for OnBoard<'_> {
    fn begin(&mut self, window: &Window) -> bool {
        if self.shared.is_stopping() || !self.shared.fence.is_open() {
            return false;
        }
        let (job, window) = (self.job.to_owned(), window.to_string());
        self.shared.board.activity(Activity::Running { job, window });
        true
    }

    fn paid(&mut self, window: Window, outcome: &Outcome) {
        record::paid(&self.shared.metrics, &window, outcome);
        self.shared.desk.paid(&window, outcome);
    }
}

async fn walk(shared: &Shared, kinds: Vec<(Kind, Instant)>, job: &str) -> Result<WalkReport, JobError> {
    let app = shared.app();
    let now = shared.clock.now();
    let programme = app.distributor.open_programme(app.config.programme.start, FirstDay::Today, now).await?;
    let walk = Walk { kinds, start: programme.start, now, catch_up: app.config.schedule.catch_up };
    app.distributor.walk(&walk, &mut OnBoard { shared, job }).await
}

async fn deliver(shared: &Shared) -> Result<Relayed, JobError> {
    let app = shared.app();
    match app.remote().await {
        Ok(Some(remote)) => {
            let now = shared.clock.now();
            relay(app.store.as_ref(), remote.as_ref(), shared.clock.as_ref(), now).await
        }
        Ok(None) => Ok(Relayed::default()),
        Err(error) => Err(JobError::Retry(error)),
    }
}
