//! The daemon of this host, from its state file and the lock on it.

use std::collections::BTreeMap;
use std::path::Path;

use super::{JOBS, RETENTION, SUSPICIONS, when};
use crate::errors::chain;
use crate::ops::state_file::{Activity, LastError, ProcessState, StateFile};
use crate::rewards::window::{Instant, Window, show};

/// Whether a daemon runs with the configured state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    /// It ended as it should.
    Stopped,
    /// It ended without a word.
    Died,
    /// There is no state file.
    Never,
    /// The state file or its lock cannot be read.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Process {
    pub life: Life,
    /// The last that the daemon said.
    pub state: Option<ProcessState>,
    /// When it said that.
    pub written_at: Option<Instant>,
    /// Why the file or its lock cannot be read.
    pub problem: Option<String>,
}

impl Process {
    /// Reads the state file and looks whether its owner lives.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        // The lock first: an owner that comes after it has written by the time the file is read, or will.
        let is_owned = StateFile::is_owned(path);
        let read = StateFile::read(path);
        let written_at = path.metadata().and_then(|file| file.modified()).ok().map(Instant::from);
        let problem = is_owned.as_ref().err().or(read.as_ref().err()).map(|error| chain(error));
        let state = read.ok().flatten();
        let life = match (is_owned, &state) {
            (Ok(true), _) => Life::Running,
            _ if problem.is_some() => Life::Unknown,
            (_, None) => Life::Never,
            (_, Some(state)) if state.activity == Activity::Stopped => Life::Stopped,
            _ => Life::Died,
        };
        Self { life, state, written_at, problem }
    }

    /// What a live daemon is doing.
    #[must_use]
    pub fn activity(&self) -> Option<&Activity> {
        self.state.as_ref().filter(|_| self.life == Life::Running).map(|state| &state.activity)
    }

    /// Whether a live daemon is at work on some window.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        matches!(self.activity(), Some(Activity::Running { .. }))
    }

    /// Why the last look did not pay a window, where it said so.
    #[must_use]
    pub fn why_not_paid(&self, window: &Window) -> Option<String> {
        let said = format!("{window} was not paid: ");
        let waiting = &self.state.as_ref()?.waiting;
        waiting.iter().find_map(|line| line.strip_prefix(&said)).map(str::to_owned)
    }

    /// The last thing that went wrong, unless its job has ended well since.
    #[must_use]
    pub fn failure(&self) -> Option<&LastError> {
        let state = self.state.as_ref()?;
        state.last_error.as_ref().filter(|failure| !is_over(failure, &state.last_success))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.problem.iter().cloned().collect();
        if self.life == Life::Died {
            let heard = when(self.written_at);
            texts.push(format!("the daemon died without stopping; it was last heard of at {heard}"));
        }
        if let Some(LastError { at, job, error }) = self.failure() {
            texts.push(format!("{job} failed at {}: {error}", show(*at)));
        }
        texts
    }
}

/// Whether a job that failed has ended well since.
#[must_use]
pub fn is_over(failure: &LastError, last_success: &BTreeMap<String, Instant>) -> bool {
    let since = |job: &str| last_success.get(job).is_some_and(|success| *success >= failure.at);
    // One look may be after several kinds, named together; a panic is of any job.
    let is_known = |job: &&str| JOBS.contains(job) || [RETENTION, SUSPICIONS].contains(job);
    let mut jobs: Vec<&str> = failure.job.split('+').filter(is_known).collect();
    if jobs.is_empty() {
        jobs = JOBS.to_vec();
    }
    jobs.into_iter().all(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_over_once_its_own_jobs_have_ended_well() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let failed = |job: &str| LastError {
            at: at("2026-11-20T12:00:00Z"),
            job: job.to_owned(),
            error: String::new(),
        };
        let ended = |jobs: &[&str]| {
            jobs.iter().map(|job| ((*job).to_owned(), at("2026-11-20T12:05:00Z"))).collect::<BTreeMap<_, _>>()
        };
        assert!(is_over(&failed(RETENTION), &ended(&[RETENTION])));
        assert!(is_over(&failed(SUSPICIONS), &ended(&[SUSPICIONS])));
        assert!(!is_over(&failed(RETENTION), &ended(&["hourly", "daily", "transfers"])));
        assert!(!is_over(&failed("hourly+daily"), &ended(&["hourly"])));
        assert!(is_over(&failed("hourly+daily"), &ended(&["hourly", "daily"])));
        assert!(!is_over(&failed("panic"), &ended(&["hourly", "daily"])), "a panic may be of any job");
    }
}
