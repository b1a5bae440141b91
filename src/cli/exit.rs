//! Exit codes, after the table of sysexits.h.

use std::process::ExitCode;

use sqlx::migrate::MigrateError;

use crate::config::ConfigError;
use crate::files::FileError;
use crate::frames::FrameError;
use crate::jobs::JobError;
use crate::ops::state_file::AlreadyRunning;
use crate::pending::PendingError;
use crate::proof::ProofError;
use crate::report::ReportError;
use crate::rewards::plan::PlanError;
use crate::store::{ArchiveError, SourceError, StoreError};

/// How a command ended, for whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// None of the causes below.
    Failed,
    Usage,
    /// Some of what is due was not paid and waits: for an operator, or for another window.
    Waiting,
    /// `verify`, `explain`: votes or rates have changed since they were paid for.
    Drift,
    /// `verify`, `explain`: what is stored is not what it must be; `transfers requeue`: nor what the remote holds.
    Mismatch,
    /// `verify` and `audit check`: the audit log does not hold together, or is another than it was.
    Tampering,
    BadData,
    Unavailable,
    Broken,
    /// A daemon is running on this host.
    AlreadyRunning,
    Files,
    TryAgain,
    BadConfig,
}

impl Exit {
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::Drift => 4,
            Self::Mismatch => 5,
            Self::Tampering => 6,
            Self::BadData => 65,
            Self::Unavailable => 69,
            Self::Broken => 70,
            Self::AlreadyRunning => 73,
            Self::Files => 74,
            Self::TryAgain => 75,
            Self::BadConfig => 78,
        }
    }

    /// Finds the cause that says most about what would help.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Failed)
    }

    /// The same for a job's error, which knows whether trying again helps.
    #[must_use]
    pub fn of_job(error: &JobError) -> Self {
        match (Self::of(error.error()), error) {
            (Self::Failed, JobError::Retry(_)) => Self::TryAgain,
            (exit, _) => exit,
        }
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<AlreadyRunning>() {
            return Some(Self::AlreadyRunning);
        }
        if cause.is::<ConfigError>() {
            return Some(Self::BadConfig);
        }
        if cause.is::<PlanError>() || cause.is::<FrameError>() {
            return Some(Self::BadData);
        }
        if let Some(error) = cause.downcast_ref::<FileError>() {
            return Some(if error.is_io() { Self::Files } else { Self::BadData });
        }
        match cause.downcast_ref::<PendingError>() {
            Some(PendingError::Store(error)) => return Self::of_cause(error),
            Some(PendingError::Tampered { .. }) => return Some(Self::Tampering),
            None => {}
        }
        // Transparent errors say what they hold, and their sources begin behind it.
        match cause.downcast_ref::<ReportError>() {
            Some(ReportError::Store(error)) => return Self::of_cause(error),
            Some(ReportError::Record(error)) => return Self::of_cause(error),
            _ => {}
        }
        match cause.downcast_ref::<ProofError>() {
            Some(ProofError::Store(error)) => return Self::of_cause(error),
            Some(ProofError::Source(error)) => return Self::of_cause(error.as_ref()),
            Some(ProofError::Plan(error)) => return Self::of_cause(error),
            Some(ProofError::Frame(error)) => return Self::of_cause(error),
            Some(ProofError::VotesGone { .. }) => return Some(Self::Drift),
            _ => {}
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return Some(match error {
                StoreError::Connect { .. } => Self::Unavailable,
                StoreError::Broken { .. } | StoreError::Unreadable { .. } => Self::Broken,
                StoreError::Duplicate { .. } | StoreError::Foreign { .. } => Self::BadData,
                // A newer program has migrated the database, or somebody else has to, or an older one's tables are in the
                // way: starting this one again does not help.
                StoreError::MigrateRights { .. }
                | StoreError::OldTables { .. }
                | StoreError::Migrate(MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) => {
                    Self::BadConfig
                }
                StoreError::Fenced => Self::TryAgain,
                StoreError::Archive(ArchiveError::Busy { .. } | ArchiveError::Moving { .. }) => {
                    Self::TryAgain
                }
                StoreError::Archive(ArchiveError::Differs { .. }) => Self::Mismatch,
                StoreError::Archive(_) => Self::Files,
                error if error.is_transient() => Self::TryAgain,
                _ => return None,
            });
        }
        if let Some(error) = cause.downcast_ref::<SourceError>() {
            return match error {
                SourceError::BadRow { .. } | SourceError::Conflict { .. } => Some(Self::BadData),
                error if error.is_transient() => Some(Self::TryAgain),
                SourceError::Database { .. } | SourceError::Sqlite { .. } => Some(Self::BadConfig),
                SourceError::Open(_) | SourceError::Moved { .. } => None,
            };
        }
        cause.is::<std::io::Error>().then_some(Self::Files)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
