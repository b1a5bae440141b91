//! What leaves the process about a run: a versioned record made from its plan, and the hash chain over the records
//! (rules, section 8). Domain types carry no serde; this is their one written form.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::rewards::money::Units;
use crate::rewards::plan::{Part, Plan};
use crate::rewards::pool::Settlement;
use crate::rewards::window::show;

/// The form of [`RunRecord`]; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// `previous_hash` of the first row of the chain.
pub const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One run as JSON: everything that decided its amounts, and what came of it. Amounts are decimal texts with 8
/// fractional digits, instants UTC.
#[derive(Debug, Serialize)]
pub struct RunRecord<'plan> {
    record_version: u32,
    software_version: &'static str,
    rules_version: &'plan str,
    reward_type: &'static str,
    window: WindowRecord,
    inputs: InputsRecord<'plan>,
    settlements: Vec<SettlementRecord>,
    total_reward_cc: String,
    shared: String,
    parts: Vec<PartRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daily: Option<DailyRecord>,
    distributed: String,
    undistributed: String,
    market_bonus: String,
    pools: Vec<PoolRecord>,
    transfers: TransfersRecord,
}

#[derive(Debug, Serialize)]
struct WindowRecord {
    day: String,
    hour: Option<u32>,
    start: String,
    end: String,
}

#[derive(Debug, Serialize)]
struct InputsRecord<'plan> {
    votes: u64,
    voters: usize,
    cc_total: String,
    cc_rate: String,
    by_type: Vec<TypeRecord<'plan>>,
    /// SHA-256 over what the votes add up to: another value means other votes than these.
    digest: String,
}

#[derive(Debug, Serialize)]
struct TypeRecord<'plan> {
    vote_type: &'plan str,
    votes: u64,
    cc: String,
}

#[derive(Debug, Serialize)]
struct SettlementRecord {
    hour_start: String,
    cc_total: String,
    cc_rate: String,
    total_reward_cc: String,
    hourly_share: String,
    daily_share: String,
}

#[derive(Debug, Serialize)]
struct PartRecord {
    column: &'static str,
    part: String,
    members: usize,
    paid: String,
    undistributed: String,
}

#[derive(Debug, Serialize)]
struct DailyRecord {
    late_cc: String,
    late_reward_cc: String,
    ecc_cap: Option<String>,
    rate_end: String,
    rate_reference: Option<String>,
    bonus_ratio: String,
}

#[derive(Debug, Serialize)]
struct PoolRecord {
    day: String,
    before: Option<String>,
    after: String,
}

#[derive(Debug, Serialize)]
struct TransfersRecord {
    count: usize,
    total: String,
}

impl<'plan> RunRecord<'plan> {
    /// The record of a plan under a version of the rules.
    #[must_use]
    pub fn new(plan: &'plan Plan, rules_version: &'plan str) -> Self {
        let window = &plan.window;
        Self {
            record_version: RECORD_VERSION,
            software_version: env!("CARGO_PKG_VERSION"),
            rules_version,
            reward_type: window.kind.name(),
            window: WindowRecord {
                day: window.day.to_string(),
                hour: window.hour,
                start: show(window.start),
                end: show(window.end),
            },
            inputs: inputs(plan),
            settlements: plan.settlements.iter().map(settlement).collect(),
            total_reward_cc: plan.total.to_string(),
            shared: plan.to_share.to_string(),
            parts: plan.parts.iter().map(part).collect(),
            daily: plan.daily.as_ref().map(|daily| DailyRecord {
                late_cc: daily.late_cc.to_string(),
                late_reward_cc: daily.late_total.to_string(),
                ecc_cap: text(daily.ecc_cap),
                rate_end: daily.market.rate_end.to_string(),
                rate_reference: text(daily.market.rate_reference),
                bonus_ratio: daily.market.ratio.to_string(),
            }),
            distributed: plan.distributed().to_string(),
            undistributed: plan.undistributed().to_string(),
            market_bonus: plan.market_bonus().to_string(),
            pools: plan.pool_changes.iter().map(pool).collect(),
            transfers: TransfersRecord {
                count: plan.transfers.len(),
                total: plan.transfers.iter().map(|transfer| transfer.amount).sum::<Units>().to_string(),
            },
        }
    }

    /// The record as it is stored.
    ///
    /// # Panics
    /// Never: the record holds nothing that JSON cannot.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a record is plain data")
    }
}

fn text(amount: Option<Units>) -> Option<String> {
    amount.map(|amount| amount.to_string())
}

fn inputs(plan: &Plan) -> InputsRecord<'_> {
    let by_type = plan.turnout.by_type.iter().map(|total| TypeRecord {
        vote_type: &total.vote_type,
        votes: total.votes,
        cc: total.cc.to_string(),
    });
    InputsRecord {
        votes: plan.turnout.votes,
        voters: plan.turnout.voters(),
        cc_total: plan.cc_total.to_string(),
        cc_rate: plan.rate.to_string(),
        by_type: by_type.collect(),
        digest: digest(plan),
    }
}

fn settlement(settlement: &Settlement) -> SettlementRecord {
    SettlementRecord {
        hour_start: show(settlement.hour_start),
        cc_total: settlement.cc_total.to_string(),
        cc_rate: settlement.rate.to_string(),
        total_reward_cc: settlement.total.to_string(),
        hourly_share: settlement.hourly_share.to_string(),
        daily_share: settlement.daily_share.to_string(),
    }
}

fn part(part: &Part) -> PartRecord {
    PartRecord {
        column: part.column,
        part: part.part.to_string(),
        members: part.members.len(),
        paid: part.paid().to_string(),
        undistributed: part.undistributed.to_string(),
    }
}

fn pool(change: &crate::rewards::pool::PoolChange) -> PoolRecord {
    PoolRecord { day: change.day.to_string(), before: text(change.before), after: change.after.to_string() }
}

/// SHA-256 of the ranked tallies and of the pool's CC per hour: whatever of the votes can move an amount.
fn digest(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    for tally in &plan.turnout.ranking {
        hash.update(tally.partner_id.to_be_bytes());
        hash.update(tally.votes.to_be_bytes());
        hash.update(tally.cc.count().to_be_bytes());
        hash.update(tally.ecc.count().to_be_bytes());
        hash.update(tally.last.timestamp_micros().to_be_bytes());
        hash.update(tally.active_hours.to_be_bytes());
    }
    for cc in &plan.turnout.pool_cc_by_hour {
        hash.update(cc.count().to_be_bytes());
    }
    hex(&hash.finalize())
}

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
            ecc_cap: plan.daily.as_ref().and_then(|daily| text(daily.ecc_cap)),
            record: RunRecord::new(plan, rules_version).json(),
            previous_hash: previous_hash.to_owned(),
        }
    }

    /// SHA-256 over the columns, each led by its length, so that no two rows read the same.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let sequence = self.sequence.to_string();
        let ecc_cap = self.ecc_cap.as_deref().unwrap_or("");
        for column in [
            sequence.as_str(),
            &self.reward_type,
            &self.timestamp,
            &self.total_amount,
            &self.user_counts,
            ecc_cap,
            &self.record,
            &self.previous_hash,
        ] {
            hash.update((column.len() as u64).to_be_bytes());
            hash.update(column);
        }
        hex(&hash.finalize())
    }
}

/// SHA-256 of a text, in hexadecimal: how versions of the rules are named.
#[must_use]
pub fn text_hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
