//! The domain: what every amount is, to the last unit. Pure: no clock, no randomness, no I/O.

pub mod alarms;
pub mod allocation;
pub mod daily;
pub mod holds;
pub mod hourly;
pub mod money;
pub mod plan;
pub mod pool;
pub mod rates;
pub mod rules;
pub mod suspicions;
pub mod vote;
pub mod window;

use plan::{Plan, PlanError};
use pool::Books;
use rates::Quotes;
use rules::Rules;
use vote::Turnout;
use window::{Calendar, Instant, Kind, Window};

/// Plans the payment of a window of either kind.
///
/// # Errors
/// [`PlanError`].
pub fn plan_window(
    window: Window,
    turnout: Turnout,
    quotes: &Quotes,
    books: &Books,
    calendar: &Calendar,
    rules: &Rules,
) -> Result<Plan, PlanError> {
    match window.kind {
        Kind::Hourly => hourly::plan(window, turnout, quotes, books, rules),
        Kind::Daily => daily::plan(window, turnout, quotes, books, calendar, rules),
    }
}

/// The first instant whose quotes bear on a window.
#[must_use]
pub fn quotes_from(window: &Window, calendar: &Calendar, rules: &Rules) -> Instant {
    match window.kind {
        Kind::Hourly => window.end,
        Kind::Daily => daily::lookback_start(window, calendar, &rules.daily.market_bonus),
    }
}
