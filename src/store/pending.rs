//! Changes of the rules that wait until two people have signed them.

use async_trait::async_trait;

use super::{Decision, Result};
use crate::rewards::window::Instant;

/// What has become of a change of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingState {
    /// The configuration has it; nobody has signed it.
    Seen,
    /// Its author has signed it.
    Proposed,
    /// Another person has signed it too: it is adopted with the next window.
    Confirmed,
    /// It is among the recorded versions, under the same number.
    Adopted,
    /// By a person.
    Rejected,
    /// By the program: it, or what was signed of it, was changed past the program.
    Refused,
    /// The configuration went on to other rules.
    Superseded,
    /// The configuration went back to the rules in force.
    Withdrawn,
}

impl PendingState {
    pub const ALL: [Self; 8] = [
        Self::Seen,
        Self::Proposed,
        Self::Confirmed,
        Self::Adopted,
        Self::Rejected,
        Self::Refused,
        Self::Superseded,
        Self::Withdrawn,
    ];

    /// As tables and messages write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
            Self::Adopted => "adopted",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether a person is waited for.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Seen | Self::Proposed)
    }
}

/// A row of `reward_rules_pending`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRules {
    /// Of one sequence with the recorded versions.
    pub number: u64,
    /// SHA-256 of `rules`.
    pub version: String,
    /// In their canonical text.
    pub rules: String,
    /// The first look at it.
    pub seen_at: Instant,
    pub state: PendingState,
    /// What it would have changed, as JSON; none before that is known.
    pub effect: Option<String>,
    /// The numbers of the decisions by which it was proposed, and then confirmed, rejected or refused.
    pub proposal: Option<u64>,
    pub decision: Option<u64>,
    /// When the configuration had it no more, or it was adopted.
    pub gone_at: Option<Instant>,
}

impl PendingRules {
    /// Whether the configuration has these rules, and they are not in force.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        self.gone_at.is_none()
    }
}

/// A decision about a pending version, and where it leads.
#[derive(Clone, Copy, Debug)]
pub struct RulesDecision<'a> {
    pub number: u64,
    /// The state that it was decided in.
    pub from: PendingState,
    pub to: PendingState,
    pub decision: &'a Decision,
}

/// The rules of the configuration, as a look finds them.
#[derive(Clone, Copy, Debug)]
pub struct SeenRules<'a> {
    pub version: &'a str,
    pub rules: &'a str,
    pub now: Instant,
    /// To be decided anew, under a new number, where they were rejected or refused.
    pub anew: bool,
}

/// See the module. Every write is under the lease, like all else.
#[async_trait]
pub trait Confirmations: Send + Sync {
    /// Records the configuration's rules as in force, where they are not, with the decision by which they are taken,
    /// about their number; what waited waits no more.
    async fn take_rules(&self, version: &str, rules: &str, decision: &Decision) -> Result<()>;

    /// The change that was seen last.
    async fn last_pending(&self) -> Result<Option<PendingRules>>;

    /// All changes that have ever waited, oldest first.
    async fn all_pending(&self) -> Result<Vec<PendingRules>>;

    /// Keeps what the configuration has: a change as pending, once; what it had before as superseded, or as withdrawn
    /// where it is back at the version in force. Gives the change that is pending now.
    async fn see_rules(&self, seen: SeenRules<'_>) -> Result<Option<PendingRules>>;

    /// Writes a decision about the change that is pending now; false where it has changed meanwhile and nothing was
    /// written.
    async fn decide_rules(&self, decided: RulesDecision<'_>) -> Result<bool>;

    /// Records a confirmed change as the version in force; false where it is none any more.
    async fn adopt_rules(&self, number: u64, version: &str, now: Instant) -> Result<bool>;

    /// Keeps what a change would have changed, where nothing is kept yet.
    async fn keep_effect(&self, number: u64, effect: &str) -> Result<()>;

    /// Writes down who may decide and how, where the last such decision has another detail.
    async fn record_guard(&self, decision: &Decision) -> Result<()>;
}
