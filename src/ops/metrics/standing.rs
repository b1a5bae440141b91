//! How things stand in the rewards' database.

use std::time::Duration;

use prometheus::{IntGauge, IntGaugeVec};

use super::KINDS;
use super::amounts::Amounts;
use super::make::Maker;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};

/// What a look at the rewards' database has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surveyed {
    /// In the pools of the days.
    pub pools_held: Units,
    /// Hourly shares whose own payment is still to come.
    pub hours_held: Units,
    /// Set aside by alarms: partners' amounts that nobody has decided about, and what they hold of the pools' money.
    pub holds: (u64, Units),
    /// Windows that alarms hold, by kind: hourly and daily.
    pub windows_held: (u64, u64),
    /// Contributions less what was paid and what is held.
    pub difference: Units,
    pub queued: u64,
    pub queued_amount: Units,
    /// How long the oldest queued transfer has been; zero where none waits.
    pub oldest_queued: Duration,
    /// Windows that have ended and are not paid: within catch-up, and past it.
    pub hourly: (u64, u64),
    pub daily: (u64, u64),
}

#[derive(Debug)]
pub(super) struct Standing {
    due: IntGaugeVec,
    overdue: IntGaugeVec,
    pools_held: Amounts,
    hours_held: Amounts,
    holds: IntGauge,
    set_aside: Amounts,
    windows_held: IntGaugeVec,
    difference: Amounts,
    queued: IntGauge,
    queued_amount: Amounts,
    oldest_queued: IntGauge,
    database_up: IntGauge,
    surveyed_at: IntGauge,
}

impl Standing {
    pub fn new(make: &Maker) -> Self {
        let standing = Self {
            due: make.gauges(
                "rewardd_windows_due",
                "Windows that have ended, are not paid, and are within catch-up.",
                &["kind"],
            ),
            overdue: make.gauges(
                "rewardd_windows_overdue",
                "Windows past schedule.catch_up that wait for an operator.",
                &["kind"],
            ),
            pools_held: make.held("rewardd_pool_held_cc", "CC held in the pools of the days."),
            hours_held: make.held(
                "rewardd_unpaid_shares_cc",
                "Hourly shares, in CC, of settled hours whose own payment is still to come.",
            ),
            holds: make.gauge(
                "rewardd_holds_open",
                "Partners' amounts that alarms have set aside and nobody has decided about.",
            ),
            set_aside: make.held("rewardd_holds_open_cc", "CC of the pools that alarms have set aside."),
            windows_held: make.gauges(
                "rewardd_windows_held",
                "Windows that alarms hold until an operator decides.",
                &["kind"],
            ),
            difference: make.held(
                "rewardd_conservation_difference_cc",
                "Contributions less what was paid and what is held, over all runs, in CC. Must be 0.",
            ),
            queued: make.gauge("rewardd_transfers_queued", "Transfers to the remote database that wait."),
            queued_amount: make.held("rewardd_transfers_queued_cc", "CC in transfers that wait."),
            oldest_queued: make.gauge(
                "rewardd_transfers_oldest_queued_seconds",
                "How long the oldest transfer that waits has been queued; 0 where none waits.",
            ),
            database_up: make.gauge(
                "rewardd_database_up",
                "1 where the rewards' database has answered the last look at it.",
            ),
            surveyed_at: make.gauge(
                "rewardd_survey_timestamp_seconds",
                "When the gauges of windows, pools and transfers were last brought up to date.",
            ),
        };
        for job in KINDS {
            standing.due.with_label_values(&[job]);
            standing.overdue.with_label_values(&[job]);
            standing.windows_held.with_label_values(&[job]);
        }
        standing
    }

    pub fn database_down(&self) {
        self.database_up.set(0);
    }

    pub fn surveyed(&self, found: &Surveyed, at: Instant) {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.database_up.set(1);
        self.surveyed_at.set(at.timestamp());
        self.pools_held.set(found.pools_held);
        self.hours_held.set(found.hours_held);
        self.holds.set(whole(found.holds.0));
        self.set_aside.set(found.holds.1);
        self.windows_held.with_label_values(&[Kind::Hourly.name()]).set(whole(found.windows_held.0));
        self.windows_held.with_label_values(&[Kind::Daily.name()]).set(whole(found.windows_held.1));
        self.difference.set(found.difference);
        self.queued.set(whole(found.queued));
        self.queued_amount.set(found.queued_amount);
        self.oldest_queued.set(whole(found.oldest_queued.as_secs()));
        for (kind, (due, overdue)) in [(Kind::Hourly, found.hourly), (Kind::Daily, found.daily)] {
            self.due.with_label_values(&[kind.name()]).set(whole(due));
            self.overdue.with_label_values(&[kind.name()]).set(whole(overdue));
        }
    }
}
