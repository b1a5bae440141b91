//! Whether trying again helps: the one question that is asked of a failed job.

use crate::frames::FrameError;
use crate::pending::PendingError;
use crate::rewards::plan::PlanError;
use crate::store::{SourceError, StoreError};

/// Why a job did not do what it should.
#[derive(Debug)]
pub enum JobError {
    /// It may succeed when tried again soon: the database was away, busy or changed under it.
    Retry(anyhow::Error),
    /// It fails until somebody mends the cause. It is tried again at the next tick all the same.
    Fail(anyhow::Error),
}

impl JobError {
    #[must_use]
    pub const fn error(&self) -> &anyhow::Error {
        match self {
            Self::Retry(error) | Self::Fail(error) => error,
        }
    }

    #[must_use]
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Retry(error) | Self::Fail(error) => error,
        }
    }

    /// Adds what was being done, and to which window.
    #[must_use]
    pub fn context(self, context: String) -> Self {
        match self {
            Self::Retry(error) => Self::Retry(error.context(context)),
            Self::Fail(error) => Self::Fail(error.context(context)),
        }
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Retry(error.into()) } else { Self::Fail(error.into()) }
    }
}

impl From<SourceError> for JobError {
    fn from(error: SourceError) -> Self {
        if error.is_transient() { Self::Retry(error.into()) } else { Self::Fail(error.into()) }
    }
}

impl From<PlanError> for JobError {
    fn from(error: PlanError) -> Self {
        Self::Fail(error.into())
    }
}

impl From<FrameError> for JobError {
    fn from(error: FrameError) -> Self {
        Self::Fail(error.into())
    }
}

impl From<PendingError> for JobError {
    fn from(error: PendingError) -> Self {
        match error {
            PendingError::Store(error) => error.into(),
            error @ PendingError::Tampered { .. } => Self::Fail(error.into()),
        }
    }
}
