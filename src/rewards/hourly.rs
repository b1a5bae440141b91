//! Hourly rewards (rules, section 5).

use super::allocation::{allocate, allocate_equally};
use super::money::Units;
use super::plan::{HOURLY_COLUMNS, Part, Plan, PlanError, Transfer, amounts};
use super::pool::{Books, Pools, Settlement};
use super::rates::Quotes;
use super::rules::Rules;
use super::vote::{Reach, Tally, Turnout};
use super::window::{Kind, Window};

/// Whom the categories are for, in the order of their columns.
pub const REACHES: [Reach; 5] =
    [Reach::Percent(10), Reach::Top(10), Reach::Top(100), Reach::Top(1_000), Reach::All];

/// Plans the payment of one hour, and its settlement where no run has settled it before.
///
/// # Errors
/// [`PlanError`].
///
/// # Panics
/// Where the window is no hour, or where the plan does not add up.
pub fn plan(
    window: Window,
    turnout: Turnout,
    quotes: &Quotes,
    books: &Books,
    rules: &Rules,
) -> Result<Plan, PlanError> {
    assert_eq!(window.kind, Kind::Hourly, "{window} is an hour");
    let mut pools = Pools::new(books);
    let pool_before = pools.get(window.day);
    let (settlement, settlements) = match books.settled.get(&window.start) {
        Some(settled) => (settled.clone(), vec![]),
        None => {
            let settlement = settle(&window, turnout.pool_cc(), quotes, rules)?;
            pools.add(window.day, settlement.daily_share).map_err(PlanError::money(&window, "the pool"))?;
            (settlement.clone(), vec![settlement])
        }
    };
    let parts = parts(&turnout, settlement.hourly_share, rules);
    let undistributed: Units = parts.iter().map(|part| part.undistributed).sum();
    if !undistributed.is_zero() {
        pools.add(books.carry_day, undistributed).map_err(PlanError::money(&window, "the pool"))?;
    }
    let pool = (pool_before, pools.get(window.day));
    let amounts = amounts(Kind::Hourly, turnout.voters(), &parts);
    let plan = Plan {
        window,
        rate: settlement.rate,
        cc_total: settlement.cc_total,
        settlements,
        total: settlement.total,
        to_share: settlement.hourly_share,
        daily_share: settlement.daily_share,
        parts,
        daily: None,
        pool,
        pool_changes: pools.changes(),
        transfers: transfers(&window, &turnout, &amounts, &rules.special_partners),
        raised: vec![],
        held: vec![],
        withheld: vec![],
        amounts,
        turnout,
    };
    Ok(plan.assert_sound())
}

/// Settles an hour at the newest rate of its end (section 4).
///
/// # Errors
/// [`PlanError`].
pub(super) fn settle(
    hour: &Window,
    cc_total: Units,
    quotes: &Quotes,
    rules: &Rules,
) -> Result<Settlement, PlanError> {
    let rate = quotes.newest_at(hour.end).ok_or(PlanError::NoRate { window: *hour })?;
    Settlement::new(hour, cc_total, rate, &rules.pool).map_err(PlanError::money(hour, "the contribution"))
}

fn parts(turnout: &Turnout, share: Units, rules: &Rules) -> Vec<Part> {
    let sizes = REACHES.map(|reach| turnout.positions(reach));
    let category_parts = allocate(share, &rules.hourly.weights).expect("configured weights add up");
    let part = |((column, members), part): ((&'static str, usize), Units)| {
        let allocation = allocate_equally(part, members);
        Part {
            column,
            part,
            members: (1..=members as u32).collect(),
            shares: allocation.shares,
            undistributed: allocation.undistributed,
        }
    };
    HOURLY_COLUMNS.into_iter().zip(sizes).zip(category_parts.shares).map(part).collect()
}

/// The sums of the special partners who have a row.
fn transfers(
    window: &Window,
    turnout: &Turnout,
    amounts: &[Vec<Units>],
    special_partners: &[i64],
) -> Vec<Transfer> {
    if special_partners.is_empty() {
        return vec![];
    }
    let is_special = |tally: &Tally| special_partners.binary_search(&tally.partner_id).is_ok();
    let special = turnout.ranking.iter().enumerate().filter(|(_, tally)| is_special(tally));
    let mut transfers: Vec<Transfer> = special
        .map(|(row, tally)| Transfer {
            time: window.start,
            partner_id: tally.partner_id,
            amount: amounts.iter().map(|column| column[row]).sum(),
        })
        .collect();
    transfers.sort();
    transfers
}
