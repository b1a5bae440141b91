//! A decision as it is hashed: every column of `reward_decisions`, in order.

use super::chain::Link;
use super::hash_of;

/// One row of `reward_decisions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// Counts from 1 without a gap, so a missing row shows.
    pub number: u64,
    /// What was decided about, as `hold/daily/2026-11-19T00:00:00Z/42`.
    pub subject: String,
    pub verdict: String,
    pub decided_by: String,
    pub decided_at: String,
    pub note: String,
    /// Whatever belongs to it, as JSON.
    pub detail: String,
    /// The hash of the row before, or [`super::CHAIN_START`].
    pub previous_hash: String,
}

impl Link for DecisionRow {
    fn number(&self) -> u64 {
        self.number
    }

    fn previous_hash(&self) -> &str {
        &self.previous_hash
    }

    fn hash(&self) -> String {
        hash_of(&[
            &self.number.to_string(),
            &self.subject,
            &self.verdict,
            &self.decided_by,
            &self.decided_at,
            &self.note,
            &self.detail,
            &self.previous_hash,
        ])
    }
}
