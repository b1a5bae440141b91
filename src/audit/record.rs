//! One run as JSON: everything that decided its amounts, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::rewards::alarms::Action;
use crate::rewards::money::Units;
use crate::rewards::plan::{Part, Plan};
use crate::rewards::pool::{PoolChange, Settlement};
use crate::rewards::window::{Window, show};

/// The form of [`RunRecord`]; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// One run as JSON: everything that decided its amounts, and what came of it. Amounts are decimal texts with 8
/// fractional digits, instants UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub record_version: u32,
    pub software_version: String,
    pub rules_version: String,
    pub reward_type: String,
    pub window: WindowRecord,
    pub inputs: InputsRecord,
    pub settlements: Vec<SettlementRecord>,
    pub total_reward_cc: String,
    pub shared: String,
    pub parts: Vec<PartRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailyRecord>,
    pub distributed: String,
    pub undistributed: String,
    pub market_bonus: String,
    pub pools: Vec<PoolRecord>,
    /// Those that were queued: without those of partners that are held.
    pub transfers: TransfersRecord,
    /// What alarms found, by their names; left out where they found nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmRecord>,
    /// What alarms keep back of `distributed` and `market_bonus`; left out where they hold nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<SetAsideRecord>,
}

/// The window that was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRecord {
    pub day: String,
    pub hour: Option<u32>,
    pub start: String,
    pub end: String,
}

impl WindowRecord {
    #[must_use]
    pub fn new(window: &Window) -> Self {
        Self {
            day: window.day.to_string(),
            hour: window.hour,
            start: show(window.start),
            end: show(window.end),
        }
    }
}

/// What went in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsRecord {
    pub votes: u64,
    pub voters: usize,
    pub cc_total: String,
    pub cc_rate: String,
    pub by_type: Vec<TypeRecord>,
    /// SHA-256 over what the votes add up to: another value means other votes than these.
    pub digest: String,
}

/// All votes of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRecord {
    pub vote_type: String,
    pub votes: u64,
    pub cc: String,
}

/// An hour that this run settled into the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementRecord {
    pub hour_start: String,
    pub cc_total: String,
    pub cc_rate: String,
    pub total_reward_cc: String,
    pub hourly_share: String,
    pub daily_share: String,
}

/// One category's part, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    pub column: String,
    pub part: String,
    pub members: usize,
    pub paid: String,
    pub undistributed: String,
}

/// What only a day has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyRecord {
    pub late_cc: String,
    pub late_reward_cc: String,
    pub ecc_cap: Option<String>,
    pub rate_end: String,
    pub rate_reference: Option<String>,
    pub bonus_ratio: String,
}

/// A pool row as the run found and left it; `before` is null where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRecord {
    pub day: String,
    pub before: Option<String>,
    pub after: String,
}

/// What was queued for the remote database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransfersRecord {
    pub count: usize,
    pub total: String,
}

/// What one alarm found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRecord {
    pub name: String,
    pub action: String,
    /// How often it was raised.
    pub raised: u64,
    /// SHA-256 over the partners it was raised by, in order, each once.
    pub partners_sha256: String,
}

impl AlarmRecord {
    /// One for each alarm and action, in order of both.
    pub fn of<'a>(raised: impl Iterator<Item = (&'a str, Action, Option<i64>)>) -> Vec<Self> {
        let mut alarms: BTreeMap<(&str, Action), (u64, BTreeSet<i64>)> = BTreeMap::new();
        for (name, action, partner_id) in raised {
            let (count, partners) = alarms.entry((name, action)).or_default();
            *count += 1;
            partners.extend(partner_id);
        }
        let record = |((name, action), (raised, partners)): ((&str, Action), (u64, BTreeSet<i64>))| Self {
            name: name.to_owned(),
            action: action.name().to_owned(),
            raised,
            partners_sha256: partners_hash(partners.into_iter()),
        };
        alarms.into_iter().map(record).collect()
    }
}

/// What is kept back until somebody decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideRecord {
    pub partners: u64,
    /// Of the pools' money.
    pub amount: String,
    pub market_bonus: String,
    /// SHA-256 over the partners, in order.
    pub partners_sha256: String,
}

impl SetAsideRecord {
    /// Of partners, and the sums of their amounts; none where there is no partner.
    #[must_use]
    pub fn of(partners: &BTreeSet<i64>, amount: Units, market_bonus: Units) -> Option<Self> {
        (!partners.is_empty()).then(|| Self {
            partners: partners.len() as u64,
            amount: amount.to_string(),
            market_bonus: market_bonus.to_string(),
            partners_sha256: partners_hash(partners.iter().copied()),
        })
    }
}

fn partners_hash(partners: impl Iterator<Item = i64>) -> String {
    let mut hash = Sha256::new();
    partners.for_each(|partner| hash.update(partner.to_be_bytes()));
    hex(&hash.finalize())
}

impl SettlementRecord {
    /// A settled hour as it is recorded.
    #[must_use]
    pub fn of(settlement: &Settlement) -> Self {
        Self {
            hour_start: show(settlement.hour_start),
            cc_total: settlement.cc_total.to_string(),
            cc_rate: settlement.rate.to_string(),
            total_reward_cc: settlement.total.to_string(),
            hourly_share: settlement.hourly_share.to_string(),
            daily_share: settlement.daily_share.to_string(),
        }
    }
}

impl RunRecord {
    /// The record of a plan under a version of the rules.
    #[must_use]
    pub fn new(plan: &Plan, rules_version: &str) -> Self {
        let window = &plan.window;
        Self {
            record_version: RECORD_VERSION,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            rules_version: rules_version.to_owned(),
            reward_type: window.kind.name().to_owned(),
            window: WindowRecord::new(window),
            inputs: inputs(plan),
            settlements: plan.settlements.iter().map(SettlementRecord::of).collect(),
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
            alarms: alarms(plan),
            set_aside: set_aside(plan),
        }
    }

    /// Whether both were made from the same votes and rates. (What else they say of their inputs follows from these.)
    #[must_use]
    pub fn has_inputs_of(&self, other: &Self) -> bool {
        let rates = |record: &Self| {
            let settled = record.settlements.iter();
            let settled: Vec<_> = settled
                .map(|hour| (hour.hour_start.clone(), hour.cc_total.clone(), hour.cc_rate.clone()))
                .collect();
            let daily = record.daily.as_ref();
            (settled, daily.map(|daily| (daily.rate_end.clone(), daily.rate_reference.clone())))
        };
        let votes = |record: &Self| (record.inputs.digest.clone(), record.inputs.by_type.clone());
        votes(self) == votes(other) && rates(self) == rates(other)
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

fn alarms(plan: &Plan) -> Vec<AlarmRecord> {
    let raised = plan.raised.iter();
    AlarmRecord::of(raised.map(|raised| (raised.alarm.as_str(), raised.action, raised.partner_id)))
}

fn set_aside(plan: &Plan) -> Option<SetAsideRecord> {
    let partners = plan.set_aside().map(|held| held.partner_id).collect();
    let (amount, market_bonus) = plan.set_aside_sums();
    SetAsideRecord::of(&partners, amount, market_bonus)
}

fn inputs(plan: &Plan) -> InputsRecord {
    let by_type = plan.turnout.by_type.iter().map(|total| TypeRecord {
        vote_type: total.vote_type.clone(),
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

fn part(part: &Part) -> PartRecord {
    PartRecord {
        column: part.column.to_owned(),
        part: part.part.to_string(),
        members: part.members.len(),
        paid: part.paid().to_string(),
        undistributed: part.undistributed.to_string(),
    }
}

fn pool(change: &PoolChange) -> PoolRecord {
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
