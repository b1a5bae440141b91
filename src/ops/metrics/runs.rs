//! What runs do.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};

use super::amounts::Amounts;
use super::make::Maker;
use super::{KINDS, TRANSFERS};
use crate::rewards::plan::Plan;

/// What became of a run of a window, or of one look of the job `transfers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Paid,
    /// It had been paid before; nothing was changed.
    AlreadyPaid,
    /// It is tried again within the same look.
    Retried,
    /// Given up until the next tick.
    Failed,
    /// Not tried, because money of a window that failed belongs to it.
    Blocked,
    /// An alarm holds the window.
    Held,
}

impl Ended {
    const ALL: [Self; 6] =
        [Self::Paid, Self::AlreadyPaid, Self::Retried, Self::Failed, Self::Blocked, Self::Held];

    const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::AlreadyPaid => "already_paid",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Held => "held",
        }
    }
}

/// The parts of a run, in their order.
const PHASES: [&str; 4] = ["load", "rank", "allocate", "commit"];

#[derive(Debug)]
pub(super) struct Runs {
    ended: IntCounterVec,
    seconds: HistogramVec,
    phase_seconds: HistogramVec,
    votes: IntCounterVec,
    voters: IntCounterVec,
    distributed: Amounts,
    undistributed: Amounts,
    market_bonus: Amounts,
    transfers: IntCounterVec,
}

impl Runs {
    pub fn new(make: &Maker) -> Self {
        let runs = Self {
            ended: make.counters(
                "rewardd_runs_total",
                "Runs of windows, and looks of the job transfers, by what became of them.",
                &["kind", "outcome"],
            ),
            seconds: make.seconds(
                "rewardd_run_duration_seconds",
                "How long it took to pay a window, all phases together.",
                &["kind"],
            ),
            phase_seconds: make.seconds(
                "rewardd_run_phase_duration_seconds",
                "How long each phase of paying a window took.",
                &["kind", "phase"],
            ),
            votes: make.counters("rewardd_votes_total", "Votes in the windows that were paid.", &["kind"]),
            voters: make.counters(
                "rewardd_voters_total",
                "Voters, and so reward rows written, summed over the windows that were paid.",
                &["kind"],
            ),
            distributed: make
                .paid("rewardd_distributed_cc_total", "CC paid by runs, the market bonus apart."),
            undistributed: make.paid(
                "rewardd_undistributed_cc_total",
                "CC that runs carried on to the pool of a later day.",
            ),
            market_bonus: make.paid("rewardd_market_bonus_cc_total", "CC paid on top of the pools."),
            transfers: make.counters(
                "rewardd_transfers_total",
                "Attempts to deliver a transfer, by what became of them.",
                &["outcome"],
            ),
        };
        runs.touch();
        runs
    }

    fn touch(&self) {
        for job in KINDS {
            for ended in Ended::ALL {
                self.ended.with_label_values(&[job, ended.name()]);
            }
            self.seconds.with_label_values(&[job]);
            for phase in PHASES {
                self.phase_seconds.with_label_values(&[job, phase]);
            }
            self.votes.with_label_values(&[job]);
            self.voters.with_label_values(&[job]);
        }
        for ended in [Ended::Paid, Ended::Failed] {
            self.ended.with_label_values(&[TRANSFERS, ended.name()]);
        }
        self.transfers(0, 0);
    }

    pub fn paid(&self, plan: &Plan, phases: [Duration; 4]) {
        let job = plan.window.kind.name();
        self.ended(job, Ended::Paid);
        self.votes.with_label_values(&[job]).inc_by(plan.turnout.votes);
        self.voters.with_label_values(&[job]).inc_by(plan.turnout.voters() as u64);
        self.distributed.add(job, plan.distributed());
        self.undistributed.add(job, plan.undistributed());
        self.market_bonus.add(job, plan.market_bonus());
        let whole: Duration = phases.iter().sum();
        self.seconds.with_label_values(&[job]).observe(whole.as_secs_f64());
        for (phase, took) in PHASES.into_iter().zip(phases) {
            self.phase_seconds.with_label_values(&[job, phase]).observe(took.as_secs_f64());
        }
    }

    pub fn ended(&self, job: &str, ended: Ended) {
        self.ended.with_label_values(&[job, ended.name()]).inc();
    }

    pub fn transfers(&self, delivered: u64, failed: u64) {
        self.transfers.with_label_values(&["delivered"]).inc_by(delivered);
        self.transfers.with_label_values(&["failed"]).inc_by(failed);
    }
}
