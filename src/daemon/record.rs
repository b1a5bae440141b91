//! What the metrics are told of what the daemon does.

use crate::jobs::{JobError, Outcome, Phases, Relayed, WalkReport};
use crate::ops::metrics::{Ended, Metrics};
use crate::rewards::window::{Instant, Kind, Window};
use crate::store::{Cause, OnRetry};

impl OnRetry for Metrics {
    fn retried(&self, cause: Cause) {
        self.retried(cause.name());
    }
}

/// A window that is paid.
pub(super) fn paid(metrics: &Metrics, window: &Window, outcome: &Outcome) {
    match outcome {
        Outcome::Paid(plan, Phases { load, rank, allocate, commit }) => {
            metrics.paid(plan, [*load, *rank, *allocate, *commit]);
        }
        Outcome::AlreadyPaid => metrics.run(window.kind.name(), Ended::AlreadyPaid),
        Outcome::Held(_) => metrics.run(window.kind.name(), Ended::Held),
    }
}

/// What a look has left unpaid. Where it could not even be found out what is due, that is a run of each kind that was
/// looked for. `again` says whether the look is tried again at once, where that may help.
pub(super) fn unpaid(
    metrics: &Metrics,
    wanted: &[(Kind, Instant)],
    walked: &Result<WalkReport, JobError>,
    again: bool,
) {
    let ended = |error: &JobError| match error {
        JobError::Retry(_) if again => Ended::Retried,
        _ => Ended::Failed,
    };
    match walked {
        Ok(report) => {
            for (window, error) in &report.failed {
                metrics.run(window.kind.name(), ended(error));
            }
            for (window, _) in &report.blocked {
                metrics.run(window.kind.name(), Ended::Blocked);
            }
        }
        Err(error) => {
            for (kind, _) in wanted {
                metrics.run(kind.name(), ended(error));
            }
        }
    }
}

/// A look of the relay.
pub(super) fn relayed(metrics: &Metrics, job: &str, relayed: &Result<Relayed, JobError>) {
    match relayed {
        Ok(Relayed { delivered, failed }) => {
            metrics.transfers(*delivered, *failed);
            metrics.run(job, Ended::Paid);
        }
        Err(_) => metrics.run(job, Ended::Failed),
    }
}
