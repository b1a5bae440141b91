//! What leaves the process about a run: a versioned record made from its plan, and the hash chain over the records
//! (rules, section 8). Domain types carry no serde; this is their one written form.

use sha2::{Digest, Sha256};

use crate::rewards::plan::Plan;
use crate::rewards::window::show;

mod chain;
mod checkpoint;
mod decision;
mod effect;
mod record;

pub use chain::{Break, Chain, Link};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use decision::DecisionRow;
pub use effect::{CategoryEffect, EffectRecord, OldNew, PartnerEffect};
pub use record::{
    AlarmRecord, InputsRecord, PoolRecord, RunRecord, SetAsideRecord, SettlementRecord, TypeRecord,
    WindowRecord,
};

/// `previous_hash` of the first row of the chain.
pub const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Members per reward column, as JSON.
///
/// # Panics
/// Never: the counts are plain data.
#[must_use]
pub fn user_counts(plan: &Plan) -> String {
    let counts: serde_json::Map<_, _> =
        plan.parts.iter().map(|part| (part.column.to_owned(), part.members.len().into())).collect();
    serde_json::to_string(&counts).expect("counts are plain data")
}

/// One row of `reward_distribution_logs`, as it is hashed: every column of it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Counts from 1 without a gap, so a missing row shows.
    pub sequence: u64,
    pub reward_type: String,
    /// The window's start.
    pub timestamp: String,
    pub total_amount: String,
    pub user_counts: String,
    pub ecc_cap: Option<String>,
    /// [`RunRecord`] as JSON.
    pub record: String,
    /// The hash of the row before, or [`CHAIN_START`].
    pub previous_hash: String,
}

impl LogRow {
    /// The row of a plan that follows the row with `previous_hash`.
    #[must_use]
    pub fn new(plan: &Plan, rules_version: &str, sequence: u64, previous_hash: &str) -> Self {
        Self {
            sequence,
            reward_type: plan.window.kind.name().to_owned(),
            timestamp: show(plan.window.start),
            total_amount: (plan.distributed() + plan.market_bonus()).to_string(),
            user_counts: user_counts(plan),
            ecc_cap: plan.daily.as_ref().and_then(|daily| daily.ecc_cap).map(|cap| cap.to_string()),
            record: RunRecord::new(plan, rules_version).json(),
            previous_hash: previous_hash.to_owned(),
        }
    }
}

impl Link for LogRow {
    fn number(&self) -> u64 {
        self.sequence
    }

    fn previous_hash(&self) -> &str {
        &self.previous_hash
    }

    fn hash(&self) -> String {
        hash_of(&[
            &self.sequence.to_string(),
            &self.reward_type,
            &self.timestamp,
            &self.total_amount,
            &self.user_counts,
            self.ecc_cap.as_deref().unwrap_or(""),
            &self.record,
            &self.previous_hash,
        ])
    }
}

/// SHA-256 over columns, each led by its length, so that no two rows read the same.
fn hash_of(columns: &[&str]) -> String {
    let mut hash = Sha256::new();
    for column in columns {
        hash.update((column.len() as u64).to_be_bytes());
        hash.update(column);
    }
    hex(&hash.finalize())
}

/// SHA-256 of a text, in hexadecimal: how versions of the rules are named.
#[must_use]
pub fn text_hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
