//! Daily rewards (rules, section 6).

use chrono::Days;

use super::allocation::{Allocation, allocate, allocate_equally};
use super::hourly::settle;
use super::money::{MoneyError, Units};
use super::plan::{DAILY_COLUMNS, DailyFigures, MarketBonus, Part, Plan, PlanError, amounts};
use super::pool::{Books, Pools, Settlement};
use super::rates::Quotes;
use super::rules::{DailyRules, MarketBonusRules, Rules};
use super::vote::{Reach, Tally, Turnout};
use super::window::{Calendar, Instant, Kind, Window};

/// Whom the parts are for, in the order of their columns: the fixed tiers of [`super::rules::DAILY_TIERS`], the ECC part,
/// the top-50-% part.
pub const REACHES: [Reach; 7] = [
    Reach::Top(10),
    Reach::Top(100),
    Reach::Top(1_000),
    Reach::Top(10_000),
    Reach::All,
    Reach::Percent(10),
    Reach::Percent(50),
];

/// How many of [`REACHES`] are fixed tiers; the ECC part comes after them.
pub const TIERS: usize = 5;

/// Those whose ECC makes the cap.
pub const CAP_REACH: Reach = Reach::Percent(10);

/// Plans the payment of one day, and the settlement of those of its hours that no run has settled before.
///
/// # Errors
/// [`PlanError`].
///
/// # Panics
/// Where the window is no day, or where the plan does not add up.
pub fn plan(
    window: Window,
    turnout: Turnout,
    quotes: &Quotes,
    books: &Books,
    calendar: &Calendar,
    rules: &Rules,
) -> Result<Plan, PlanError> {
    assert_eq!(window.kind, Kind::Daily, "{window} is a day");
    let money = |what| PlanError::money(&window, what);
    let mut pools = Pools::new(books);
    let pool_before = pools.get(window.day);

    let settlements = settlements(&window, &turnout, quotes, books, calendar, rules)?;
    for settlement in &settlements {
        pools.add(window.day, settlement.daily_share).map_err(money("the pool"))?;
    }
    let rate = quotes.newest_at(window.end).ok_or(PlanError::NoRate { window })?;
    let settled = Units::checked_sum(books.settled.values().chain(&settlements).map(|s| s.cc_total));
    let late_cc = turnout.pool_cc() - settled.map_err(money("the settled CC"))?;
    let late_total = if late_cc.is_negative() { Units::ZERO } else { floor_mul(&window, late_cc, rate)? };
    pools.add(window.day, late_total).map_err(money("the pool"))?;

    let total = pools.get(window.day);
    let ecc_cap = ecc_cap(&turnout, &rules.daily).map_err(money("the ECC cap"))?;
    let parts = parts(&turnout, total, ecc_cap, &rules.daily).map_err(money("the ECC"))?;
    let undistributed = parts.iter().map(|part| part.undistributed).sum();
    pools.empty(window.day);
    pools.add(books.carry_day, undistributed).map_err(money("the carry"))?;
    let pool = (pool_before, pools.get(window.day));

    let mut amounts = amounts(Kind::Daily, turnout.voters(), &parts);
    let reference = quotes.mean(lookback_start(&window, calendar, &rules.daily.market_bonus), window.start);
    let market = market_bonus(&window, &mut amounts, rate, reference, &rules.daily.market_bonus)?;
    let plan = Plan {
        window,
        rate,
        cc_total: turnout.pool_cc(),
        settlements,
        total,
        to_share: total,
        daily_share: Units::ZERO,
        parts,
        daily: Some(DailyFigures { late_cc, late_total, ecc_cap, market }),
        pool,
        pool_changes: pools.changes(),
        amounts,
        transfers: vec![],
        raised: vec![],
        held: vec![],
        withheld: vec![],
        turnout,
    };
    Ok(plan.assert_sound())
}

/// The first instant whose quotes bear on the market bonus of a day.
#[must_use]
pub fn lookback_start(day: &Window, calendar: &Calendar, rules: &MarketBonusRules) -> Instant {
    let first = day.day.checked_sub_days(Days::new(u64::from(rules.lookback_days)));
    calendar.midnight(first.expect("a lookback stays within the calendar"))
}

/// Settles every hour of the day that is not yet settled (section 4).
fn settlements(
    day: &Window,
    turnout: &Turnout,
    quotes: &Quotes,
    books: &Books,
    calendar: &Calendar,
    rules: &Rules,
) -> Result<Vec<Settlement>, PlanError> {
    let hours = calendar.hours(day.day);
    assert_eq!(hours.len(), turnout.pool_cc_by_hour.len(), "{day}: one sum for each hour");
    let open = hours.iter().zip(&turnout.pool_cc_by_hour);
    open.filter(|(hour, _)| !books.settled.contains_key(&hour.start))
        .map(|(hour, cc_total)| settle(hour, *cc_total, quotes, rules))
        .collect()
}

/// `floor8(multiplier · Σ ecc(top 10 %) / |top 10 %|)`; none without voters.
fn ecc_cap(turnout: &Turnout, rules: &DailyRules) -> Result<Option<Units>, MoneyError> {
    let (members, sum) = cap_basis(turnout)?;
    if members == 0 {
        return Ok(None);
    }
    // The multiplier is scaled by 10⁸, so the divisor is too.
    let divisor = Units::new(members as i128 * Units::ONE.count())?;
    Ok(Some(sum.mul_div(rules.ecc_cap_multiplier, divisor)?.0))
}

/// What the ECC cap is made of: how many partners, and the sum of their ECC.
///
/// # Errors
/// [`MoneyError::OutOfRange`] where the sum is past what can be stored.
pub fn cap_basis(turnout: &Turnout) -> Result<(usize, Units), MoneyError> {
    let top = &turnout.ranking[..turnout.positions(CAP_REACH)];
    Ok((top.len(), Units::checked_sum(top.iter().map(|tally| tally.ecc))?))
}

/// The weight of a partner in the ECC part.
#[must_use]
pub fn ecc_weight(tally: &Tally, ecc_cap: Option<Units>) -> Units {
    tally.ecc.min(ecc_cap.unwrap_or_default())
}

/// The five fixed tiers, the ECC part and the top-50-% part, in the order of their columns.
fn parts(
    turnout: &Turnout,
    pool: Units,
    ecc_cap: Option<Units>,
    rules: &DailyRules,
) -> Result<Vec<Part>, MoneyError> {
    let eligible = |tally: &Tally| {
        tally.votes >= rules.min_votes && u64::from(tally.active_hours) >= rules.min_active_hours
    };
    let members = |reach: Reach, min_votes: u64| -> Vec<u32> {
        let top = turnout.ranking[..turnout.positions(reach)].iter().zip(1_u32..);
        let members = top.filter(|(tally, _)| eligible(tally) && tally.votes >= min_votes);
        members.map(|(_, position)| position).collect()
    };
    let split = allocate(pool, &rules.split)?.shares;
    let tiers = allocate(split[0], &rules.tier_weights)?.shares;

    let mut parts = Vec::with_capacity(REACHES.len());
    for (tier, tier_part) in tiers.into_iter().enumerate() {
        let members = members(REACHES[tier], rules.tier_min_votes[tier]);
        let allocation = allocate_equally(tier_part, members.len());
        parts.push(part(DAILY_COLUMNS[tier], tier_part, members, allocation));
    }
    let top10p = members(REACHES[TIERS], 0);
    let weight = |position: &u32| ecc_weight(&turnout.ranking[*position as usize - 1], ecc_cap);
    let weights: Vec<Units> = top10p.iter().map(weight).collect();
    let allocation = allocate(split[1], &weights)?;
    parts.push(part(DAILY_COLUMNS[TIERS], split[1], top10p, allocation));

    let top50p = members(REACHES[TIERS + 1], 0);
    let allocation = allocate_equally(split[2], top50p.len());
    parts.push(part(DAILY_COLUMNS[TIERS + 1], split[2], top50p, allocation));
    Ok(parts)
}

fn part(column: &'static str, part: Units, members: Vec<u32>, allocation: Allocation) -> Part {
    Part { column, part, members, shares: allocation.shares, undistributed: allocation.undistributed }
}

/// `floor8(sum of the other daily rewards · ratio)` per partner, on top of the pool: the last column of `amounts`.
fn market_bonus(
    window: &Window,
    amounts: &mut [Vec<Units>],
    rate_end: Units,
    reference: Option<Units>,
    rules: &MarketBonusRules,
) -> Result<MarketBonus, PlanError> {
    let ratio = bonus_ratio(rate_end, reference, rules);
    let (bonuses, others) = amounts.split_last_mut().expect("a day has columns");
    for (row, bonus) in bonuses.iter_mut().enumerate() {
        let sum = others.iter().map(|column| column[row]).sum();
        *bonus = floor_mul(window, sum, ratio)?;
    }
    let total = Units::checked_sum(bonuses.iter().copied());
    let total = total.map_err(PlanError::money(window, "the market bonus"))?;
    Ok(MarketBonus { rate_end, rate_reference: reference, ratio, total })
}

/// `clamp(floor8((rate_end / rate_ref − 1) · sensitivity), 0, max_ratio)`. A reference of 0 says nothing of a rise,
/// so there is no bonus either.
fn bonus_ratio(rate_end: Units, reference: Option<Units>, rules: &MarketBonusRules) -> Units {
    let Some(reference) = reference.filter(|rate| !rate.is_zero()) else { return Units::ZERO };
    let rise = rate_end - reference;
    if rise.is_negative() {
        return Units::ZERO;
    }
    // (rise / reference) · sensitivity; a quotient past every range is past the maximum as well.
    rise.mul_div(rules.sensitivity, reference)
        .map_or(rules.max_ratio, |(ratio, _)| ratio.min(rules.max_ratio))
}

fn floor_mul(window: &Window, amount: Units, factor: Units) -> Result<Units, PlanError> {
    amount.floor_mul(factor).map_err(PlanError::money(window, "an amount"))
}
