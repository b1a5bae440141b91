//! What Prometheus reads at `/metrics`. Every series is there from the start, with each value that its labels can have,
//! so that a rate is known from the first event on and an alert on what never came can be told from a wrong name.
//!
//! The jobs hourly, daily and transfers are told apart by the label `kind`: `job` is Prometheus's own, for what it scrapes.
//!
//! The registry is an object that is handed down; nothing is global. It is only told: nobody else needs the crate, and
//! a scrape waits for no database.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

mod amounts;
mod make;
mod notices;
mod process;
mod runs;
mod standing;

use crate::rewards::plan::Plan;
use crate::rewards::window::{Instant, Kind};
use make::Maker;
use notices::Notices;
use process::Process;
use runs::Runs;
use standing::Standing;

pub use notices::Sent;
pub use prometheus::TEXT_FORMAT;
pub use runs::Ended;
pub use standing::Surveyed;

/// The jobs that pay windows, by name.
const KINDS: [&str; 2] = [Kind::Hourly.name(), Kind::Daily.name()];
/// The job that delivers.
const TRANSFERS: &str = "transfers";

/// All metrics of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: Runs,
    standing: Standing,
    notices: Notices,
    retries: IntCounterVec,
    panics: IntCounter,
    lease_held: IntGauge,
    standby: IntGauge,
    busy: IntGaugeVec,
    last_success: IntGaugeVec,
    next_tick: IntGaugeVec,
    build_info: IntGaugeVec,
    retention_failures: IntCounter,
}

impl Metrics {
    /// `causes` are all that [`Metrics::retried`] will be told.
    #[must_use]
    pub fn new(started_at: Instant, causes: &[&str]) -> Self {
        let make = Maker(Registry::new());
        let metrics = Self {
            runs: Runs::new(&make),
            standing: Standing::new(&make),
            notices: Notices::new(&make),
            retries: make.counters(
                "rewardd_retries_total",
                "Transactions and plans that were made again, by what stopped them.",
                &["cause"],
            ),
            panics: make.counter("rewardd_panics_total", "Panics anywhere in the process."),
            lease_held: make
                .gauge("rewardd_lease_held", "1 where this instance holds the lease, and may pay."),
            standby: make.gauge(
                "rewardd_standby",
                "1 where this instance waits for the lease that another one holds.",
            ),
            busy: make.gauges("rewardd_busy", "1 while a worker is at work.", &["worker"]),
            last_success: make.gauges(
                "rewardd_last_success_timestamp_seconds",
                "When a job last did all that was due; 0 where it has not since the start.",
                &["kind"],
            ),
            next_tick: make.gauges(
                "rewardd_next_tick_timestamp_seconds",
                "When a job looks next for what is due; 0 where it never does.",
                &["kind"],
            ),
            build_info: make.gauges(
                "rewardd_build_info",
                "Always 1: the program, and the rules in force; no rules until the database is open.",
                &["version", "rules_version"],
            ),
            retention_failures: make
                .counter("rewardd_retention_failures_total", "Looks of retention that failed."),
            registry: make.0,
        };
        let process = Process::new(started_at);
        metrics.registry.register(Box::new(process)).expect("the names of a process's metrics are its own");
        for job in KINDS.into_iter().chain([TRANSFERS]) {
            metrics.last_success.with_label_values(&[job]);
            metrics.next_tick(job, None);
        }
        for worker in ["distribution", TRANSFERS] {
            metrics.busy(worker, false);
        }
        for cause in causes {
            metrics.retries.with_label_values(&[cause]);
        }
        metrics.rules("");
        metrics
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// Where two metrics have one name.
    pub fn text(&self) -> prometheus::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// A window is paid; it took so long to load, rank, allocate and commit.
    pub fn paid(&self, plan: &Plan, phases: [Duration; 4]) {
        self.runs.paid(plan, phases);
    }

    /// A run that [`Metrics::paid`] is not told of, or a look of the job `transfers`.
    pub fn run(&self, job: &str, ended: Ended) {
        self.runs.ended(job, ended);
    }

    pub fn transfers(&self, delivered: u64, failed: u64) {
        self.runs.transfers(delivered, failed);
    }

    pub fn retention_failed(&self) {
        self.retention_failures.inc();
    }

    pub fn database_down(&self) {
        self.standing.database_down();
    }

    pub fn surveyed(&self, found: &Surveyed, at: Instant) {
        self.standing.surveyed(found, at);
    }

    /// How many incidents are open, by kind.
    pub fn incidents(&self, open: &BTreeMap<&str, i64>) {
        self.notices.open(open);
    }

    /// How many messages wait for each receiver there is, and for how long the oldest has.
    pub fn notifications(&self, waiting: &BTreeMap<&str, i64>, oldest: Duration) {
        self.notices.waiting(waiting, oldest);
    }

    /// A message was sent to a receiver, or could not be.
    pub fn notified(&self, receiver: &str, outcome: Sent) {
        self.notices.sent(receiver, outcome);
    }

    pub fn retried(&self, cause: &str) {
        self.retries.with_label_values(&[cause]).inc();
    }

    /// Counts every panic of the process from here on, wherever it is caught.
    pub fn count_panics(&self) {
        let panics = self.panics.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            panics.inc();
            before(panic);
        }));
    }

    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }

    pub fn lease(&self, held: bool) {
        self.lease_held.set(held.into());
    }

    pub fn standby(&self, standby: bool) {
        self.standby.set(standby.into());
    }

    pub fn busy(&self, worker: &str, busy: bool) {
        self.busy.with_label_values(&[worker]).set(busy.into());
    }

    pub fn success(&self, job: &str, at: Instant) {
        self.last_success.with_label_values(&[job]).set(at.timestamp());
    }

    pub fn next_tick(&self, job: &str, at: Option<Instant>) {
        self.next_tick.with_label_values(&[job]).set(at.map_or(0, |at| at.timestamp()));
    }

    /// The rules in force; those before are named no more.
    pub fn rules(&self, version: &str) {
        self.build_info.reset();
        self.build_info.with_label_values(&[env!("CARGO_PKG_VERSION"), version]).set(1);
    }
}
