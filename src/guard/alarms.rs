//! Hard alarms: rules that must never be broken, judged on a window's votes and plan before anything is paid. Exact,
//! in integers, and in the same order whatever order the votes came in.

use std::collections::HashMap;
use std::fmt;

use super::patterns::{fullest, longest_run};
use crate::frames::{Offence, VoteTime, Watched};
use crate::rewards::alarms::{Alarm, AlarmRule, Needs, Raised};
use crate::rewards::money::Units;
use crate::rewards::plan::Plan;
use crate::rewards::vote::Tally;
use crate::rewards::window::{Instant, Kind, show};

const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;

/// How many partners of one alarm are named one by one.
const NAMED: usize = 10;

/// How many earlier windows of a kind the alarms compare with: see [`judge`].
#[must_use]
pub fn windows_compared(alarms: &[Alarm], kind: Kind) -> u32 {
    let windows = alarms.iter().filter(|alarm| alarm.kinds.contains(&kind)).map(|alarm| match alarm.rule {
        AlarmRule::PoolGrowth { windows, .. } => windows,
        _ => 0,
    });
    windows.max().unwrap_or(0)
}

/// The alarms that a window raises, in the order of the list and then of the partners. `earlier` is what the paid
/// windows of the kind before it had to distribute ([`Plan::total`]), the last of them first: [`windows_compared`] of
/// them, or all there are.
#[must_use]
pub fn judge(plan: &Plan, watched: &Watched, earlier: &[Units], alarms: &[Alarm]) -> Vec<Raised> {
    let mut patterns = patterns(plan, watched, alarms);
    let of_kind = alarms.iter().enumerate().filter(|(_, alarm)| alarm.kinds.contains(&plan.window.kind));
    let found = of_kind.map(|(place, alarm)| {
        let mut found = patterns.remove(&place).unwrap_or_default();
        found.extend(of_votes(&alarm.rule, &watched.offences(place)));
        found.extend(of_sums(&alarm.rule, plan));
        found.retain(|(partner_id, _)| alarm.concerns(*partner_id));
        found.sort_unstable();
        (alarm, found, of_window(&alarm.rule, plan, earlier))
    });
    let found: Vec<_> = found.collect();
    let positions = match found.iter().all(|(_, partners, _)| partners.is_empty()) {
        true => HashMap::new(),
        false => plan.turnout.ranking.iter().zip(0..).map(|(tally, row)| (tally.partner_id, row)).collect(),
    };
    let mut raised = Vec::new();
    for (alarm, partners, window) in found {
        let limit = limit(&alarm.rule, plan.window.kind);
        let mut raise = |partner_id, figure, stake| {
            let (rule, limit) = (alarm.rule.name(), limit.clone());
            raised.push(Raised {
                alarm: alarm.name.clone(),
                rule,
                action: alarm.action,
                partner_id,
                figure,
                limit,
                stake,
            });
        };
        for (partner_id, figure) in partners {
            let stake = positions.get(&partner_id).map_or(Units::ZERO, |row| reward(plan, *row));
            raise(Some(partner_id), figure, stake);
        }
        if let Some(figure) = window {
            raise(None, figure, distribution(plan));
        }
    }
    raised
}

/// A partner, and what was found, for people.
type Found = (i64, String);

/// What rules about times find, by the place of their alarm. One pass over all votes, whatever the number of rules.
fn patterns(plan: &Plan, watched: &Watched, alarms: &[Alarm]) -> HashMap<usize, Vec<Found>> {
    let kind = plan.window.kind;
    let about_times =
        |(_, alarm): &(usize, &Alarm)| alarm.kinds.contains(&kind) && alarm.rule.needs(kind) == Needs::Times;
    let rules: Vec<_> = alarms.iter().enumerate().filter(about_times).collect();
    let mut found: HashMap<usize, Vec<Found>> = HashMap::new();
    if rules.is_empty() {
        return found;
    }
    let start = plan.window.start.timestamp_micros();
    for times in watched.times() {
        for (place, alarm) in &rules {
            if let Some(figure) = pattern(&alarm.rule, times, start) {
                found.entry(*place).or_default().push((times[0].partner_id, figure));
            }
        }
    }
    found
}

/// What a rule about times finds in one partner's votes.
fn pattern(rule: &AlarmRule, times: &[VoteTime], window_start: i64) -> Option<String> {
    let stretch = |limit: u64, what: &str, origin: i64, length: i64| {
        // Most partners have fewer votes in all.
        let fullest = (times.len() as u64 > limit).then(|| fullest(times, origin, length)).flatten();
        let fullest = fullest.filter(|fullest| fullest.votes > limit)?;
        Some(format!("{} votes in the {what} from {}", fullest.votes, instant(fullest.start)))
    };
    match rule {
        AlarmRule::VotesPerMinute(limit) => stretch(*limit, "minute", 0, MINUTE_MICROS),
        AlarmRule::VotesPerHour(limit) => stretch(*limit, "hour", window_start, HOUR_MICROS),
        AlarmRule::EqualSpacing { votes, below } if times.len() as u64 >= *votes => {
            let run = longest_run(times, *below).filter(|run| run.votes >= *votes)?;
            let gap = Duration(run.gap.unsigned_abs());
            Some(format!("{} votes in a row, {gap} apart, from {}", run.votes, instant(run.start)))
        }
        _ => None,
    }
}

/// What a rule about single votes finds.
fn of_votes(rule: &AlarmRule, offences: &[(i64, Offence)]) -> Vec<Found> {
    let figure = |offence: &Offence| {
        let worst = match rule {
            AlarmRule::AllowedTimes { .. } => format!("the first at {}", instant(offence.worst)),
            AlarmRule::EccPerVote { .. } => format!("the worst of {} ECC", Units::from_i64(offence.worst)),
            _ => format!("the worst of {} CC", Units::from_i64(offence.worst)),
        };
        format!("{} outside, {worst}", votes(offence.votes))
    };
    offences.iter().map(|(partner_id, offence)| (*partner_id, figure(offence))).collect()
}

/// What a rule about the sums of a partner finds.
fn of_sums(rule: &AlarmRule, plan: &Plan) -> Vec<Found> {
    let tallies = || plan.turnout.ranking.iter();
    let more_votes = |limit: u64| tallies().filter(move |tally| tally.votes > limit);
    let found = |tally: &Tally, figure: String| (tally.partner_id, figure);
    match rule {
        AlarmRule::VotesPerWindow(limit) => {
            more_votes(*limit).map(|tally| found(tally, votes(tally.votes))).collect()
        }
        AlarmRule::VotesPerHour(limit) if plan.window.kind == Kind::Hourly => {
            let figure =
                |tally: &Tally| format!("{} votes in the hour from {}", tally.votes, show(plan.window.start));
            more_votes(*limit).map(|tally| found(tally, figure(tally))).collect()
        }
        AlarmRule::ShareOfVotes { limit, min_votes } if plan.turnout.votes >= *min_votes => {
            let all = i128::from(plan.turnout.votes);
            let scaled = |tally: &Tally| i128::from(tally.votes) * Units::ONE.count();
            let more = tallies().filter(|tally| scaled(tally) > limit.count() * all);
            let figure = |tally: &Tally| {
                let share = Units::new(scaled(tally) / all).unwrap_or(Units::ONE);
                format!("{share} of all votes, {} of {all}", tally.votes)
            };
            more.map(|tally| found(tally, figure(tally))).collect()
        }
        AlarmRule::Reward(limit) => {
            let rewards = tallies().zip(0..).map(|(tally, row)| (tally, reward(plan, row)));
            let more = rewards.filter(|(_, reward)| reward > limit);
            more.map(|(tally, reward)| found(tally, format!("{reward} CC"))).collect()
        }
        _ => vec![],
    }
}

/// What a rule about the whole window finds.
fn of_window(rule: &AlarmRule, plan: &Plan, earlier: &[Units]) -> Option<String> {
    match rule {
        AlarmRule::Distribution(limit) => {
            let paid = distribution(plan);
            (paid > *limit).then(|| format!("{paid} CC"))
        }
        AlarmRule::PoolGrowth { factor, windows } => {
            let earlier = earlier.get(..*windows as usize)?;
            let windows = i128::from(*windows);
            let sum = Units::checked_sum(earlier.iter().copied()).ok().filter(|sum| !sum.is_zero())?;
            // factor · sum / windows, what is below a unit left out; a limit past every amount is never reached.
            let divisor = Units::new(windows * Units::ONE.count()).ok()?;
            let (limit, _) = sum.mul_div(*factor, divisor).ok()?;
            let mean = Units::new(sum.count() / windows).ok()?;
            (plan.total > limit).then(|| format!("{} CC after a mean of {mean} CC", plan.total))
        }
        _ => None,
    }
}

/// All that a row of the ranking is paid, the market bonus included.
pub(super) fn reward(plan: &Plan, row: usize) -> Units {
    plan.amounts.iter().map(|column| column[row]).sum()
}

/// All that the window pays, the market bonus included.
fn distribution(plan: &Plan) -> Units {
    plan.distributed() + plan.market_bonus()
}

/// What a rule allows, for people.
fn limit(rule: &AlarmRule, kind: Kind) -> String {
    let range = |at_least: &Option<Units>, at_most: &Option<Units>, unit: &str| match (at_least, at_most) {
        (Some(low), Some(high)) => format!("{low} to {high} {unit}"),
        (Some(low), None) => format!("{low} {unit} or more"),
        (None, Some(high)) => format!("{high} {unit} or less"),
        (None, None) => String::new(),
    };
    match rule {
        AlarmRule::VotesPerMinute(limit)
        | AlarmRule::VotesPerHour(limit)
        | AlarmRule::VotesPerWindow(limit) => votes(*limit),
        AlarmRule::EqualSpacing { votes: limit, below } => {
            let below = humantime::format_duration(*below);
            format!("{} in a row at equal gaps below {below}", votes(limit.saturating_sub(1)))
        }
        AlarmRule::CcPerVote { at_least, at_most } => range(at_least, at_most, "CC"),
        AlarmRule::EccPerVote { at_least, at_most } => range(at_least, at_most, "ECC"),
        AlarmRule::ShareOfVotes { limit, .. } => format!("{limit} of all votes"),
        AlarmRule::Reward(limit) | AlarmRule::Distribution(limit) => format!("{limit} CC"),
        AlarmRule::PoolGrowth { factor, windows } => {
            let windows_of = if kind == Kind::Hourly { "hours" } else { "days" };
            format!("{factor} times the mean of the last {windows} {windows_of}")
        }
        AlarmRule::AllowedTimes { from, until, days } => {
            let days: Vec<_> = days.iter().map(ToString::to_string).collect();
            format!("{} to {}, {}", from.format("%H:%M"), until.format("%H:%M"), days.join(" "))
        }
    }
}

fn votes(count: u64) -> String {
    format!("{count} vote{}", if count == 1 { "" } else { "s" })
}

/// An instant of a vote, in microseconds since 1970, UTC.
fn instant(micros: i64) -> String {
    show(Instant::from_timestamp_micros(micros).unwrap_or(Instant::MAX_UTC))
}

/// A gap in seconds, to the microsecond.
struct Duration(u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// All that one alarm raised in a window: an attack by thousands of partners is one message.
#[derive(Clone, Copy, Debug)]
pub struct Group<'raised>(&'raised [Raised]);

/// What was raised, alarm by alarm.
pub fn groups(raised: &[Raised]) -> impl Iterator<Item = Group<'_>> {
    raised.chunk_by(|one, next| one.alarm == next.alarm).map(Group)
}

impl fmt::Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else { return Ok(()) };
        write!(f, "alarm {} ({}, {}): ", first.alarm, first.rule, first.action.name())?;
        let partners: Vec<_> = self.0.iter().filter_map(|raised| raised.partner_id).collect();
        match partners.len() {
            0 => {}
            1 => write!(f, "partner {}, ", partners[0])?,
            count => {
                let named: Vec<_> = partners.iter().take(NAMED).map(ToString::to_string).collect();
                let more = if count > NAMED { ", …" } else { "" };
                write!(f, "{count} partners ({}{more}), the first with ", named.join(", "))?;
            }
        }
        let stake: Units = self.0.iter().map(|raised| raised.stake).sum();
        write!(f, "{}; allowed: {}; at stake: {stake} CC", first.figure, first.limit)
    }
}
