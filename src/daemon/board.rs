//! What the daemon is doing, for the state file, the metrics, systemd and whoever asks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;

use crate::clock::Clock;
use crate::errors::chain;
use crate::ops::metrics::Metrics;
use crate::ops::state_file::{Activity, LastError, ProcessState, StateFile};
use crate::ops::systemd;
use crate::rewards::window::{Instant, Kind, Window};
use crate::status;

/// Every change is written to the state file at once. A file that cannot be written is said once, and stops nothing.
pub struct Board {
    clock: Arc<dyn Clock>,
    file: StateFile,
    metrics: Arc<Metrics>,
    posted: Mutex<Posted>,
}

struct Posted {
    state: ProcessState,
    unwritable: bool,
    looks: Looks,
}

/// What came of the looks at what is due, since the start.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// The last failure of each job that has not ended well since.
    pub failures: BTreeMap<String, LastError>,
    /// Windows that the last look has tried to pay in vain, by their starts.
    pub failed: BTreeSet<(Kind, Instant)>,
    /// As of when each kind was looked at last, to the end.
    pub reach: BTreeMap<Kind, Instant>,
}

impl Looks {
    /// Whether a look has come to an end that should have paid a window.
    pub fn reach(&self, window: &Window) -> bool {
        self.reach.get(&window.kind).is_some_and(|as_of| *as_of >= window.end)
    }
}

impl Board {
    #[must_use]
    pub fn new(file: StateFile, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let state = ProcessState::starting(clock.now());
        let posted = Posted { state, unwritable: false, looks: Looks::default() };
        let board = Self { clock, file, metrics, posted: Mutex::new(posted) };
        board.post(|_| {});
        board
    }

    /// What holds the lease, as people read it.
    #[must_use]
    pub fn holder(&self) -> String {
        let state = self.state();
        format!("{} pid {}", state.host, state.pid)
    }

    #[must_use]
    pub fn state(&self) -> ProcessState {
        self.lock().state.clone()
    }

    pub fn activity(&self, activity: Activity) {
        let text = match &activity {
            Activity::Starting => "starting".to_owned(),
            Activity::Idle if self.lock().state.standby => {
                "standby: another instance holds the lease".to_owned()
            }
            Activity::Idle => "idle".to_owned(),
            Activity::Running { job, window } => format!("{job}: {window}"),
            Activity::Stopping => "stopping".to_owned(),
            Activity::Stopped => "stopped".to_owned(),
        };
        systemd::status(&text);
        self.post(|state| {
            if activity == Activity::Stopped {
                state.http = None;
            }
            state.activity = activity;
        });
    }

    /// Whether this instance only waits for the lease.
    pub fn standby(&self, standby: bool) {
        self.metrics.standby(standby);
        if self.lock().state.standby != standby {
            self.post(|state| state.standby = standby);
        }
    }

    pub fn success(&self, job: &str) {
        let now = self.clock.now();
        self.metrics.success(job, now);
        self.post(|state| {
            state.last_success.insert(job.to_owned(), now);
        });
    }

    pub fn failure(&self, job: &str, error: String) {
        let at = self.clock.now();
        let failure = LastError { at, job: job.to_owned(), error };
        self.lock().looks.failures.insert(job.to_owned(), failure.clone());
        self.post(|state| state.last_error = Some(failure));
    }

    /// A look at what is due has ended, well or not.
    pub fn looked(&self, wanted: &[(Kind, Instant)]) {
        self.lock().looks.reach.extend(wanted.iter().copied());
    }

    /// Which windows a look has tried to pay in vain.
    pub fn failed(&self, windows: impl Iterator<Item = Window>) {
        self.lock().looks.failed = windows.map(|window| (window.kind, window.start)).collect();
    }

    /// What the process is doing, and what came of what it did, at the same moment.
    pub fn looks(&self) -> (ProcessState, Looks) {
        let posted = self.lock();
        let mut looks = posted.looks.clone();
        looks.failures.retain(|_, failure| !status::is_over(failure, &posted.state.last_success));
        (posted.state.clone(), looks)
    }

    /// What is due and was not paid by the last look.
    pub fn waiting(&self, waiting: Vec<String>) {
        if self.lock().state.waiting != waiting {
            self.post(|state| state.waiting = waiting);
        }
    }

    pub fn next_tick(&self, job: &str, next: Option<Instant>) {
        self.metrics.next_tick(job, next);
        self.post(|state| {
            match next {
                Some(next) => state.next_ticks.insert(job.to_owned(), next),
                None => state.next_ticks.remove(job),
            };
        });
    }

    /// Where metrics and health are served.
    pub fn http(&self, address: SocketAddr) {
        self.post(|state| state.http = Some(address));
    }

    fn post(&self, change: impl FnOnce(&mut ProcessState)) {
        let mut posted = self.lock();
        let was = posted.state.activity.clone();
        change(&mut posted.state);
        // What an aborted worker still says on its way out is not what is going on.
        let is_over = was == Activity::Stopped
            || (was == Activity::Stopping && posted.state.activity != Activity::Stopped);
        if is_over {
            posted.state.activity = was;
        }
        match self.file.write(&posted.state) {
            Ok(()) => posted.unwritable = false,
            Err(error) if !posted.unwritable => {
                posted.unwritable = true;
                warn!(error = chain(&error), "the state file cannot be written; payments go on without it");
            }
            Err(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
