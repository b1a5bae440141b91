//! What people decided: who, when and why, in a chain of hashes of its own.

use std::fmt;

use async_trait::async_trait;

use super::Result;
use crate::audit::DecisionRow;
use crate::rewards::window::{Instant, Kind, show};

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A partner's amounts of one window that were set aside.
    Hold { kind: Kind, time: Instant, partner_id: i64 },
    /// A window that was held as a whole.
    Window { kind: Kind, time: Instant },
    /// A case, by its number.
    Case(u64),
    /// A pending version of the rules, by its number.
    Rules(u64),
    /// A pending change of a watched list or repository, by its number.
    Change(u64),
    /// Who may decide and how, as the configuration says it.
    Guard,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold { kind, time, partner_id } => {
                write!(f, "hold/{}/{}/{partner_id}", kind.name(), show(*time))
            }
            Self::Window { kind, time } => write!(f, "window/{}/{}", kind.name(), show(*time)),
            Self::Case(number) => write!(f, "case/{number}"),
            Self::Rules(number) => write!(f, "rules/{number}"),
            Self::Change(number) => write!(f, "change/{number}"),
            Self::Guard => f.write_str("guard"),
        }
    }
}

/// A decision on its way into the store. One that covers several subjects names the first, and all of them in its
/// detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub subject: Subject,
    /// A word of ours, at most 16 letters: `released`, `forfeited`, `confirmed`, …
    pub verdict: &'static str,
    /// A person of the configuration, or what an operator is called where none are configured.
    pub by: String,
    pub at: Instant,
    /// Why, in the person's words.
    pub note: String,
    /// Whatever belongs to it: amounts, a signature.
    pub detail: serde_json::Value,
}

/// The decisions as they are read. They are written inside the transaction that carries them out.
#[async_trait]
pub trait Decisions: Send + Sync {
    /// How many there are, and the hash of the last.
    async fn decisions_head(&self) -> Result<(u64, String)>;

    /// Those after a number, in order of it, at most `limit`.
    async fn decisions_after(&self, number: u64, limit: u32) -> Result<Vec<DecisionRow>>;

    /// The newest first, those before a number, at most `limit`.
    async fn decisions_before(&self, number: u64, limit: u32) -> Result<Vec<DecisionRow>>;

    /// One by its number.
    async fn decision(&self, number: u64) -> Result<Option<DecisionRow>>;

    /// All about a subject, in order.
    async fn decisions_about(&self, subject: &Subject) -> Result<Vec<DecisionRow>>;
}
