//! What the doctor says.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    /// Payments go on; something is slower, less safe or wider open than it need be.
    Warning,
    /// Payments fail, or will.
    Problem,
}

impl Level {
    /// The word of the output, for people and for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    /// What was looked at, in words that stay the same from version to version: `votes_index`.
    pub check: &'static str,
    pub found: String,
    /// What to do: SQL or a line of the configuration where there is one. An `ok` may hint at what would be better.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, found: found.into(), advice: None }
    }

    pub(super) fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, check, found: found.into(), advice: Some(advice.into()) }
    }

    pub(super) fn problem(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, check, found: found.into(), advice: Some(advice.into()) }
    }

    /// An `ok` that hints at what would be better.
    pub(super) fn hint(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, found: found.into(), advice: Some(advice.into()) }
    }

    /// Something that the database would not show. That alone stops no payment.
    pub(super) fn unseen(check: &'static str, why: &str) -> Self {
        Self::warning(check, format!("cannot be looked at: {why}"), "see what the server says")
    }
}
