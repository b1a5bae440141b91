//! What must never be true of a window's votes and rewards, and what becomes of it where it is. Only the types:
//! `config` reads and validates them, `guard` judges by them.

use std::time::Duration;

use chrono::{Datelike, NaiveDateTime, NaiveTime, Weekday};

use super::money::Units;
use super::window::Kind;

/// A rule of the operator's. Part of the rules, as it may keep a payment back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// 1 to 32 of a-z, 0-9 and _; no two have the same.
    pub name: String,
    pub rule: AlarmRule,
    pub action: Action,
    /// The windows it is judged on: never empty, hourly before daily, no duplicates.
    pub kinds: Vec<Kind>,
    /// The partners it is about, ascending; none: all.
    pub partners: Option<Vec<i64>>,
    /// Partners it is never about, ascending.
    pub except: Vec<i64>,
}

/// What raises an alarm. A limit itself is allowed: what is past it raises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmRule {
    /// More votes by one partner in a minute of UTC.
    VotesPerMinute(u64),
    /// More votes by one partner in an hour of the day.
    VotesPerHour(u64),
    /// More votes by one partner in the window.
    VotesPerWindow(u64),
    /// So many votes or more by one partner in a row, at gaps that are equal to the microsecond and shorter than
    /// `below`.
    EqualSpacing {
        /// At least 3: two gaps that can be equal.
        votes: u64,
        below: Duration,
    },
    /// A vote whose CC are outside; at least one of both is there.
    CcPerVote { at_least: Option<Units>, at_most: Option<Units> },
    /// A vote whose ECC are outside; at least one of both is there.
    EccPerVote { at_least: Option<Units>, at_most: Option<Units> },
    /// A larger part of all votes of the window by one partner, 0 to 1, where the window has so many votes at least.
    ShareOfVotes { limit: Units, min_votes: u64 },
    /// A larger reward of one partner in the window, CC.
    Reward(Units),
    /// A larger total of the window, CC.
    Distribution(Units),
    /// A contribution of the window above `factor` times the mean of those of the last paid windows of its kind;
    /// never before there are so many.
    PoolGrowth {
        factor: Units,
        /// At least 1.
        windows: u32,
    },
    /// A vote outside these hours and days, in the programme's time zone: from `from` on and before `until`, which
    /// is past midnight where it is not later than `from`. Such a night belongs to the day on which it begins.
    AllowedTimes {
        from: NaiveTime,
        until: NaiveTime,
        /// Never empty, Monday first, no duplicates.
        days: Vec<Weekday>,
    },
}

impl Alarm {
    /// Whether it is about a partner.
    #[must_use]
    pub fn concerns(&self, partner_id: i64) -> bool {
        let is_meant = |partners: &Vec<i64>| partners.binary_search(&partner_id).is_ok();
        self.partners.as_ref().is_none_or(is_meant) && !is_meant(&self.except)
    }
}

/// What of a window's votes a rule is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// What they come to for each partner, or for all.
    Sums,
    /// Each vote by itself.
    Votes,
    /// When each partner voted, all votes together.
    Times,
}

impl AlarmRule {
    /// The word of the configuration, of tables and messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::VotesPerMinute(_) => "votes_per_minute",
            Self::VotesPerHour(_) => "votes_per_hour",
            Self::VotesPerWindow(_) => "votes_per_window",
            Self::EqualSpacing { .. } => "equal_spacing",
            Self::CcPerVote { .. } => "cc_per_vote",
            Self::EccPerVote { .. } => "ecc_per_vote",
            Self::ShareOfVotes { .. } => "share_of_votes",
            Self::Reward(_) => "reward",
            Self::Distribution(_) => "distribution",
            Self::PoolGrowth { .. } => "pool_growth",
            Self::AllowedTimes { .. } => "allowed_times",
        }
    }

    /// What has to be known of the votes of a window.
    #[must_use]
    pub const fn needs(&self, kind: Kind) -> Needs {
        match self {
            // An hour has no other votes than those of the hour.
            Self::VotesPerHour(_) if matches!(kind, Kind::Hourly) => Needs::Sums,
            Self::VotesPerMinute(_) | Self::VotesPerHour(_) | Self::EqualSpacing { .. } => Needs::Times,
            Self::CcPerVote { .. } | Self::EccPerVote { .. } | Self::AllowedTimes { .. } => Needs::Votes,
            Self::VotesPerWindow(_)
            | Self::ShareOfVotes { .. }
            | Self::Reward(_)
            | Self::Distribution(_)
            | Self::PoolGrowth { .. } => Needs::Sums,
        }
    }

    /// Whether one may vote at a local time; always where the rule is about something else.
    #[must_use]
    pub fn allows_time(&self, local: NaiveDateTime) -> bool {
        let Self::AllowedTimes { from, until, days } = self else { return true };
        let (time, today) = (local.time(), local.weekday());
        if from < until {
            return days.contains(&today) && (*from..*until).contains(&time);
        }
        // A night belongs to the day on which it begins.
        time >= *from && days.contains(&today) || time < *until && days.contains(&today.pred())
    }

    /// Whether it is about the window as a whole: it names no partner, so there is none to hold.
    #[must_use]
    pub const fn is_about_the_window(&self) -> bool {
        matches!(self, Self::Distribution(_) | Self::PoolGrowth { .. })
    }
}

/// What becomes of a window whose alarm is raised. Ordered from the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is paid, and told.
    Notify,
    /// What the partner would get is set aside until an operator decides; all others are paid.
    HoldPartner,
    /// Nothing of the window is paid until an operator decides.
    HoldWindow,
}

impl Action {
    pub const ALL: [Self; 3] = [Self::Notify, Self::HoldPartner, Self::HoldWindow];

    /// The word of the configuration, of tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::HoldPartner => "hold_partner",
            Self::HoldWindow => "hold_window",
        }
    }

    /// The action of a word; none where there is no such action.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// An alarm that a window raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// [`Alarm::name`].
    pub alarm: String,
    /// [`AlarmRule::name`].
    pub rule: &'static str,
    pub action: Action,
    /// None where the rule is about the window.
    pub partner_id: Option<i64>,
    /// What was found, for people: `61 votes in the minute from 2026-11-19T13:04:00.000000Z`.
    pub figure: String,
    /// What the rule allows, for people: `60 votes`.
    pub limit: String,
    /// CC: the partner's reward of the window, or all that the window pays.
    pub stake: Units,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.name()), Some(action));
        }
        assert_eq!(Action::named("hold"), None);
        assert!(Action::Notify < Action::HoldPartner && Action::HoldPartner < Action::HoldWindow);
    }
}
