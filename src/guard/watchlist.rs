//! Partners whose cases were confirmed with a hold: no rule is broken, but a person has said that nothing is to be paid to
//! them until their case is closed.

use std::collections::HashMap;

use super::alarms::reward;
use crate::rewards::alarms::{Action, Raised};
use crate::rewards::plan::Plan;

/// What their rule is called.
const RULE: &str = "case";

/// The alarms that they raise in a window by voting in it, in order of the list: (partner, number of the case).
#[must_use]
pub fn raised_by_cases(plan: &Plan, watchlist: &[(i64, u64)]) -> Vec<Raised> {
    if watchlist.is_empty() {
        return vec![];
    }
    let ranking = plan.turnout.ranking.iter();
    let rows: HashMap<i64, usize> = ranking.zip(0..).map(|(tally, row)| (tally.partner_id, row)).collect();
    let raised = |(partner_id, case): &(i64, u64)| {
        let row = *rows.get(partner_id)?;
        Some(Raised {
            alarm: format!("case_{case}"),
            rule: RULE,
            action: Action::HoldPartner,
            partner_id: Some(*partner_id),
            figure: format!("{} votes", plan.turnout.ranking[row].votes),
            limit: format!("none until case {case} is closed"),
            stake: reward(plan, row),
        })
    };
    watchlist.iter().filter_map(raised).collect()
}
