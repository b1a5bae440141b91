//! What an alarm has kept back of a payment, and what became of it.

use serde::Serialize;

use crate::proof::holds::is_paid;
use crate::rewards::alarms::Action;
use crate::rewards::money::Units;
use crate::rewards::plan::Plan;
use crate::rewards::window::show;
use crate::store::{Decided, Hold, HoldState};

/// A partner's amounts that were set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAsideExplained {
    pub state: HoldState,
    /// All of it, the market bonus too.
    pub amount: Units,
    /// The alarms that hold it, each with what was found and what is allowed; none where an operator has named it.
    pub alarms: Vec<AlarmExplained>,
    /// None as long as it is held.
    pub decided: Option<Decided>,
}

/// Why an alarm was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmExplained {
    pub alarm: String,
    pub figure: String,
    pub limit: String,
}

impl SetAsideExplained {
    /// Of a row of the holds, with what the plan's alarms found of the partner.
    #[must_use]
    pub fn new(hold: &Hold, plan: &Plan) -> Self {
        let partner = Some(hold.key.partner_id);
        let raised = plan.raised.iter();
        let raised =
            raised.filter(|raised| raised.action == Action::HoldPartner && raised.partner_id == partner);
        let alarm = |raised: &crate::rewards::alarms::Raised| AlarmExplained {
            alarm: raised.alarm.clone(),
            figure: raised.figure.clone(),
            limit: raised.limit.clone(),
        };
        Self {
            state: hold.state,
            amount: hold.amounts.iter().copied().sum(),
            alarms: raised.map(alarm).collect(),
            decided: hold.decided.clone(),
        }
    }

    /// Whether the row has its amounts.
    #[must_use]
    pub fn is_paid(hold: Option<&Hold>) -> bool {
        hold.is_none_or(is_paid)
    }
}

/// The same as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct SetAsideRecord {
    state: &'static str,
    amount: String,
    alarms: Vec<AlarmExplained>,
    decision: Option<DecisionRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct DecisionRecord {
    number: u64,
    by: String,
    at: String,
}

impl SetAsideRecord {
    pub fn of(explained: &SetAsideExplained) -> Self {
        let decision =
            |made: &Decided| DecisionRecord { number: made.number, by: made.by.clone(), at: show(made.at) };
        Self {
            state: explained.state.name(),
            amount: explained.amount.to_string(),
            alarms: explained.alarms.clone(),
            decision: explained.decided.as_ref().map(decision),
        }
    }
}
