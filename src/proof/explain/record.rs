//! An explanation as JSON.

use serde::Serialize;

use super::set_aside::SetAsideRecord;
use super::{
    Agreement, BonusExplained, Change, Condition, Cut, Explanation, Figure, Money, Neighbour, PartExplained,
    TransferExplained, Whole,
};
use crate::audit::WindowRecord;
use crate::rewards::allocation::Share;
use crate::rewards::money::Units;
use crate::rewards::rules::RankKey;
use crate::rewards::vote::{Reach, Tally};
use crate::rewards::window::show;

/// The form of [`ExplanationRecord`]; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// An explanation as JSON. Amounts are decimal texts with 8 fractional digits, instants UTC; what does not apply is
/// null, and `neighbours` is left out where other partners are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplanationRecord {
    record_version: u32,
    software_version: &'static str,
    reward_type: &'static str,
    window: WindowRecord,
    run: RunFacts,
    partner_id: i64,
    votes_by_type: Vec<TypeVotesRecord>,
    tally: TallyRecord,
    position: u32,
    voters: u32,
    ranking: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbours: Option<NeighboursRecord>,
    source: MoneyRecord,
    parts: Vec<PartRecord>,
    bonus: Option<BonusRecord>,
    amounts: Vec<AmountRecord>,
    /// The sum as it comes out now.
    computed: String,
    /// The sum of the stored row; null where there is none.
    paid: Option<String>,
    stored_position: Option<u32>,
    transfer: Option<TransferRecord>,
    /// Left out where no alarm has kept anything back.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_aside: Option<SetAsideRecord>,
    /// `agrees`, `drifted` or `differs`.
    agreement: &'static str,
    /// Columns of the partner's row that are stored otherwise than they come out now.
    differing: Vec<&'static str>,
    changes: Vec<ChangeRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RunFacts {
    sequence: u64,
    rules_version: String,
    committed_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TypeVotesRecord {
    vote_type: String,
    votes: u64,
    in_pool: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TallyRecord {
    votes: u64,
    cc: String,
    ecc: String,
    last_vote: String,
    active_hours: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NeighboursRecord {
    before: Option<NeighbourRecord>,
    after: Option<NeighbourRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NeighbourRecord {
    position: u32,
    partner_id: i64,
    tally: TallyRecord,
    decided_by: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum MoneyRecord {
    Hour { cc_total: String, cc_rate: String, total_reward_cc: String, hourly_share: String, shared: String },
    Day { pool_before: String, settled: String, late_cc: String, late_reward_cc: String, shared: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct PartRecord {
    column: &'static str,
    reach: String,
    cuts: Vec<CutRecord>,
    part: String,
    members: u32,
    is_member: bool,
    conditions: Vec<ConditionRecord>,
    ecc: Option<EccRecord>,
    share: Option<ShareRecord>,
    amount: String,
    undistributed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct CutRecord {
    from: &'static str,
    #[serde(flatten)]
    share: ShareRecord,
}

/// `amount` = `base`, one unit more where `ahead` < `left_over`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ShareRecord {
    of: String,
    /// Null where all members have the same.
    weight: Option<String>,
    sum_of_weights: Option<String>,
    base: String,
    left_over: usize,
    ahead: usize,
    has_unit: bool,
    amount: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ConditionRecord {
    rule: &'static str,
    needed: u64,
    had: u64,
    met: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct EccRecord {
    cap: String,
    multiplier: String,
    top_members: u32,
    top_ecc: String,
    weight: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct BonusRecord {
    rate_end: String,
    rate_reference: Option<String>,
    lookback_days: u32,
    sensitivity: String,
    max_ratio: String,
    ratio: String,
    of: String,
    amount: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct AmountRecord {
    column: &'static str,
    explained: String,
    computed: String,
    stored: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TransferRecord {
    computed: Option<String>,
    /// Null where no row is stored.
    queued: Option<String>,
    attempts: Option<u32>,
    next_attempt_at: Option<String>,
    last_error: Option<String>,
    delivered_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ChangeRecord {
    figure: &'static str,
    /// The type of votes, the start of an hour, or the reward column.
    of: Option<String>,
    then: Option<String>,
    now: Option<String>,
}

impl ExplanationRecord {
    #[must_use]
    pub fn new(explanation: &Explanation) -> Self {
        let window = &explanation.window;
        let run = &explanation.run;
        let by_type = explanation.votes_by_type.iter().map(|by| TypeVotesRecord {
            vote_type: by.vote_type.clone(),
            votes: by.votes,
            in_pool: by.in_pool,
        });
        let keys = explanation.ranking.iter().map(|key| rank_key(Some(*key)));
        let amounts = explanation.amounts.iter().map(|amount| AmountRecord {
            column: amount.column,
            explained: amount.explained.to_string(),
            computed: amount.computed.to_string(),
            stored: text(amount.stored),
        });
        Self {
            record_version: RECORD_VERSION,
            software_version: env!("CARGO_PKG_VERSION"),
            reward_type: window.kind.name(),
            window: WindowRecord::new(window),
            run: RunFacts {
                sequence: run.sequence,
                rules_version: run.rules_version.clone(),
                committed_at: show(run.committed_at),
            },
            partner_id: explanation.tally.partner_id,
            votes_by_type: by_type.collect(),
            tally: tally(&explanation.tally),
            position: explanation.position,
            voters: explanation.voters,
            ranking: keys.chain([rank_key(None)]).collect(),
            neighbours: explanation.neighbours.map(|neighbours| NeighboursRecord {
                before: neighbours.before.as_ref().map(neighbour),
                after: neighbours.after.as_ref().map(neighbour),
            }),
            source: money(&explanation.source),
            parts: explanation.parts.iter().map(part).collect(),
            bonus: explanation.bonus.as_ref().map(bonus),
            amounts: amounts.collect(),
            computed: explanation.computed_sum().to_string(),
            paid: text(explanation.stored_sum()),
            stored_position: explanation.stored.as_ref().map(|row| row.position),
            transfer: explanation.transfer.as_ref().map(transfer),
            set_aside: explanation.set_aside.as_ref().map(SetAsideRecord::of),
            agreement: match explanation.agreement() {
                Agreement::Agrees => "agrees",
                Agreement::Drifted => "drifted",
                Agreement::Differs => "differs",
            },
            differing: explanation.differing(),
            changes: explanation.changes.iter().map(change).collect(),
        }
    }

    /// The record as it is printed.
    ///
    /// # Panics
    /// Never: the record holds nothing that JSON cannot.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a record is plain data")
    }
}

fn text(amount: Option<Units>) -> Option<String> {
    amount.map(|amount| amount.to_string())
}

/// As the configuration writes the keys.
const fn rank_key(key: Option<RankKey>) -> &'static str {
    match key {
        Some(RankKey::Votes) => "votes",
        Some(RankKey::Ecc) => "ecc",
        Some(RankKey::EarliestLastVote) => "earliest_last_vote",
        None => "partner_id",
    }
}

fn tally(tally: &Tally) -> TallyRecord {
    TallyRecord {
        votes: tally.votes,
        cc: tally.cc.to_string(),
        ecc: tally.ecc.to_string(),
        last_vote: show(tally.last),
        active_hours: tally.active_hours,
    }
}

fn neighbour(neighbour: &Neighbour) -> NeighbourRecord {
    NeighbourRecord {
        position: neighbour.position,
        partner_id: neighbour.tally.partner_id,
        tally: tally(&neighbour.tally),
        decided_by: rank_key(neighbour.decided_by),
    }
}

fn money(money: &Money) -> MoneyRecord {
    match *money {
        Money::Hour { cc_total, rate, total, hourly_share, shared } => MoneyRecord::Hour {
            cc_total: cc_total.to_string(),
            cc_rate: rate.to_string(),
            total_reward_cc: total.to_string(),
            hourly_share: hourly_share.to_string(),
            shared: shared.to_string(),
        },
        Money::Day { pool_before, settled, late_cc, late_total, shared } => MoneyRecord::Day {
            pool_before: pool_before.to_string(),
            settled: settled.to_string(),
            late_cc: late_cc.to_string(),
            late_reward_cc: late_total.to_string(),
            shared: shared.to_string(),
        },
    }
}

fn part(part: &PartExplained) -> PartRecord {
    let cut = |cut: &Cut| CutRecord {
        from: match cut.from {
            Whole::HourlyShare => "hourly_share",
            Whole::DailyPool => "daily_pool",
            Whole::FixedPart => "fixed_part",
        },
        share: share(&cut.share, true),
    };
    PartRecord {
        column: part.column,
        reach: match part.reach {
            Reach::Top(k) => format!("top{k}"),
            Reach::Percent(x) => format!("top{x}%"),
            Reach::All => "all".to_owned(),
        },
        cuts: part.cuts.iter().map(cut).collect(),
        part: part.part.to_string(),
        members: part.members,
        is_member: part.is_member(),
        conditions: part.conditions.iter().map(condition).collect(),
        ecc: part.ecc.map(|ecc| EccRecord {
            cap: ecc.cap.to_string(),
            multiplier: ecc.multiplier.to_string(),
            top_members: ecc.top_members,
            top_ecc: ecc.top_ecc.to_string(),
            weight: ecc.weight.to_string(),
        }),
        share: part.share.as_ref().map(|own| share(own, part.ecc.is_some())),
        amount: part.amount().to_string(),
        undistributed: part.undistributed.to_string(),
    }
}

fn share(share: &Share, is_weighted: bool) -> ShareRecord {
    let weighted = |weight: Units| is_weighted.then(|| weight.to_string());
    ShareRecord {
        of: share.of.to_string(),
        weight: weighted(share.weight),
        sum_of_weights: weighted(share.weights),
        base: share.base.to_string(),
        left_over: share.left_over,
        ahead: share.ahead,
        has_unit: share.has_unit(),
        amount: share.amount().to_string(),
    }
}

fn condition(condition: &Condition) -> ConditionRecord {
    let (rule, needed, had) = match *condition {
        Condition::Position { last, had } => ("position", u64::from(last), u64::from(had)),
        Condition::MinVotes { needed, had } => ("min_votes", needed, had),
        Condition::MinActiveHours { needed, had } => ("min_active_hours", needed, had),
        Condition::TierMinVotes { needed, had } => ("tier_min_votes", needed, had),
    };
    ConditionRecord { rule, needed, had, met: condition.is_met() }
}

fn bonus(bonus: &BonusExplained) -> BonusRecord {
    BonusRecord {
        rate_end: bonus.rate_end.to_string(),
        rate_reference: text(bonus.reference),
        lookback_days: bonus.lookback_days,
        sensitivity: bonus.sensitivity.to_string(),
        max_ratio: bonus.max_ratio.to_string(),
        ratio: bonus.ratio.to_string(),
        of: bonus.of.to_string(),
        amount: bonus.amount.to_string(),
    }
}

fn transfer(transfer: &TransferExplained) -> TransferRecord {
    let stored = transfer.stored.as_ref();
    TransferRecord {
        computed: text(transfer.computed),
        queued: stored.map(|stored| stored.transfer.amount.to_string()),
        attempts: stored.map(|stored| stored.attempts),
        next_attempt_at: stored.and_then(|stored| stored.next_attempt_at).map(show),
        last_error: stored.and_then(|stored| stored.last_error.clone()),
        delivered_at: stored.and_then(|stored| stored.delivered_at).map(show),
    }
}

fn change(change: &Change) -> ChangeRecord {
    let (figure, of) = match &change.figure {
        Figure::Votes => ("votes", None),
        Figure::Voters => ("voters", None),
        Figure::VotesOf(vote_type) => ("votes_of_type", Some(vote_type)),
        Figure::CcOf(vote_type) => ("cc_of_type", Some(vote_type)),
        Figure::CcTotal => ("cc_total", None),
        Figure::CcRate => ("cc_rate", None),
        Figure::Tallies => ("digest", None),
        Figure::HourCc(hour) => ("hour_cc_total", Some(hour)),
        Figure::HourRate(hour) => ("hour_cc_rate", Some(hour)),
        Figure::RateEnd => ("rate_end", None),
        Figure::RateReference => ("rate_reference", None),
        Figure::BonusRatio => ("bonus_ratio", None),
        Figure::EccCap => ("ecc_cap", None),
        Figure::Shared => ("shared", None),
        Figure::Part(column) => ("part", Some(column)),
        Figure::Members(column) => ("members", Some(column)),
    };
    ChangeRecord { figure, of: of.cloned(), then: change.then.clone(), now: change.now.clone() }
}
