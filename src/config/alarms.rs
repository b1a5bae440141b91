//! `[[alarms]]`: what a window's votes and rewards must never be.

use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use toml::Value as Shown;

use super::name_in;
use super::settings::{ALARMS, Keys, Settings};
use super::show::{Entry, count, plain};
use super::values::{decimal, duration, integer, list, not_empty, optional, share, time_of_day, whole, word};
use crate::rewards::alarms::{Action, Alarm, AlarmRule};
use crate::rewards::money::Units;
use crate::rewards::window::Kind;

/// How a rule is read: the keys that it takes, and what it becomes.
#[derive(Clone, Copy)]
struct Form {
    name: &'static str,
    keys: &'static [&'static str],
    read: fn(&mut Keys<'_, '_>) -> Option<AlarmRule>,
}

/// The words of `rule`, in the order messages list them.
const RULES: [(&str, Form); 11] = [
    form("votes_per_minute", &["limit"], |keys| votes(keys).map(AlarmRule::VotesPerMinute)),
    form("votes_per_hour", &["limit"], |keys| votes(keys).map(AlarmRule::VotesPerHour)),
    form("votes_per_window", &["limit"], |keys| votes(keys).map(AlarmRule::VotesPerWindow)),
    form("equal_spacing", &["votes", "below"], equal_spacing),
    form("cc_per_vote", &["at_least", "at_most"], |keys| {
        range(keys).map(|(at_least, at_most)| AlarmRule::CcPerVote { at_least, at_most })
    }),
    form("ecc_per_vote", &["at_least", "at_most"], |keys| {
        range(keys).map(|(at_least, at_most)| AlarmRule::EccPerVote { at_least, at_most })
    }),
    form("share_of_votes", &["limit", "min_votes"], share_of_votes),
    form("reward", &["limit"], |keys| amount(keys).map(AlarmRule::Reward)),
    form("distribution", &["limit"], |keys| amount(keys).map(AlarmRule::Distribution)),
    form("pool_growth", &["factor", "windows"], pool_growth),
    form("allowed_times", &["from", "until", "days"], allowed_times),
];

const fn form(
    name: &'static str,
    keys: &'static [&'static str],
    read: fn(&mut Keys<'_, '_>) -> Option<AlarmRule>,
) -> (&'static str, Form) {
    (name, Form { name, keys, read })
}

const ACTIONS: [(&str, Action); 3] = [
    (Action::Notify.name(), Action::Notify),
    (Action::HoldPartner.name(), Action::HoldPartner),
    (Action::HoldWindow.name(), Action::HoldWindow),
];

const KINDS: [(&str, Kind); 2] = [(Kind::Hourly.name(), Kind::Hourly), (Kind::Daily.name(), Kind::Daily)];

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Reads the list.
pub(super) fn read(s: &mut Settings<'_>) -> Vec<Alarm> {
    s.names(ALARMS).into_iter().filter_map(|name| alarm(&mut Keys::new(s, ALARMS, &name), name)).collect()
}

/// None where something was said to be a problem.
fn alarm(keys: &mut Keys<'_, '_>, name: String) -> Option<Alarm> {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    if name.strip_prefix("case_").is_some_and(is_number) {
        keys.report("case_ and a number is how a confirmed case is named: take another name");
    }
    let names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
    let form = keys.required("rule", |v| word(&RULES, v), &format!("set it to one of {}", names.join(", ")));
    let rule = form.and_then(|form| {
        let foreign = RULES.iter().flat_map(|(_, other)| other.keys).filter(|key| !form.keys.contains(key));
        let mut foreign: Vec<&str> = foreign.copied().collect();
        foreign.sort_unstable();
        foreign.dedup();
        keys.refuse(
            foreign,
            &format!("is not for rule {}, which takes {}", form.name, form.keys.join(" and ")),
        );
        (form.read)(keys)
    });
    let mut kinds = keys.read("window", |v| not_empty(list(v, |item| word(&KINDS, item))?));
    kinds.sort_unstable_by_key(|kind| std::cmp::Reverse(*kind));
    let partners = keys.has("partners").then(|| sorted(keys.read("partners", |v| list(v, integer))));
    if partners.as_ref().is_some_and(Vec::is_empty) && keys.are_valid() {
        keys.report_key("partners", "must not be empty: leave it out where the alarm is about all partners");
    }
    let except = sorted(keys.read("except", |v| list(v, integer)));
    let action = keys.read("action", |v| word(&ACTIONS, v));
    let rule = rule?;
    if rule.is_about_the_window() {
        let whole = format!("{} is about the whole window", rule.name());
        if action == Action::HoldPartner {
            keys.report_key("action", &format!("{whole}: set it to \"notify\" or \"hold_window\""));
        }
        keys.refuse(["partners", "except"], &format!("is not for this rule: {whole}"));
    }
    keys.are_valid().then_some(Alarm { name, rule, action, kinds, partners, except })
}

fn votes(keys: &mut Keys<'_, '_>) -> Option<u64> {
    keys.required("limit", whole(0..=i64::MAX), "say how many votes are allowed, as in limit = 60")
}

fn amount(keys: &mut Keys<'_, '_>) -> Option<Units> {
    keys.required("limit", decimal, "say how much CC is allowed, as in limit = \"500\"")
}

fn equal_spacing(keys: &mut Keys<'_, '_>) -> Option<AlarmRule> {
    // Two gaps are the fewest that can be equal.
    let votes =
        keys.required("votes", whole(3..=1_000_000), "say how many in a row raise it, as in votes = 10");
    let below = keys.read("below", duration(Duration::from_micros(1)..=Duration::from_hours(24)));
    Some(AlarmRule::EqualSpacing { votes: votes?, below })
}

fn range(keys: &mut Keys<'_, '_>) -> Option<(Option<Units>, Option<Units>)> {
    let bound = |keys: &mut Keys<'_, '_>, key| keys.read(key, |v| optional(v, decimal));
    let (at_least, at_most) = (bound(keys, "at_least"), bound(keys, "at_most"));
    match (at_least, at_most) {
        (None, None) if keys.are_valid() => {
            keys.report("at_least or at_most is missing: say what a vote may have, as in at_most = \"100\"");
        }
        (Some(least), Some(most)) if least > most => {
            keys.report_key("at_least", "must not be above at_most: no vote would be allowed");
        }
        _ => {}
    }
    Some((at_least, at_most))
}

fn share_of_votes(keys: &mut Keys<'_, '_>) -> Option<AlarmRule> {
    let why = "say which part of the votes is allowed, as in limit = \"0.05\"";
    let limit = keys.required("limit", share, why);
    let min_votes = keys.read("min_votes", whole(1..=i64::MAX));
    Some(AlarmRule::ShareOfVotes { limit: limit?, min_votes })
}

fn pool_growth(keys: &mut Keys<'_, '_>) -> Option<AlarmRule> {
    let why = "say how many times the mean is allowed, as in factor = \"5\"";
    let factor = keys.required("factor", decimal, why);
    if factor.is_some_and(Units::is_zero) {
        keys.report_key("factor", "must be above 0");
    }
    let windows = keys.read("windows", whole(1..=1000));
    Some(AlarmRule::PoolGrowth { factor: factor?, windows })
}

fn allowed_times(keys: &mut Keys<'_, '_>) -> Option<AlarmRule> {
    if !["from", "until", "days"].into_iter().any(|key| keys.has(key)) {
        keys.report("from and until or days are missing: say when votes are allowed, as in from = \"08:00\"");
    }
    let (from, until) = (keys.read("from", time_of_day), keys.read("until", time_of_day));
    let mut days = keys.read("days", |v| not_empty(list(v, |item| word(&DAYS, item))?));
    days.sort_unstable_by_key(Weekday::num_days_from_monday);
    Some(AlarmRule::AllowedTimes { from, until, days })
}

/// The tables of the list, in order: what the rule of each takes. Part of the text whose hash is the rules' version.
pub(super) fn entries(alarms: &[Alarm]) -> Vec<Entry> {
    alarms.iter().flat_map(alarm_entries).collect()
}

fn alarm_entries(alarm: &Alarm) -> Vec<Entry> {
    let Alarm { name, rule, action, kinds, partners, except } = alarm;
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let mut entries = vec![("name", Shown::from(name.as_str())), ("rule", rule.name().into())];
    entries.extend(rule_entries(rule));
    entries.push(("window", kinds.into()));
    entries.extend(partners.as_ref().map(|partners| ("partners", partners.clone().into())));
    entries.extend((!except.is_empty()).then(|| ("except", except.clone().into())));
    entries.push(("action", action.name().into()));
    entries.into_iter().map(|(key, value)| (format!("{ALARMS}.{name}.{key}"), value)).collect()
}

fn rule_entries(rule: &AlarmRule) -> Vec<(&'static str, Shown)> {
    match rule {
        AlarmRule::VotesPerMinute(limit)
        | AlarmRule::VotesPerHour(limit)
        | AlarmRule::VotesPerWindow(limit) => {
            vec![("limit", count(*limit).into())]
        }
        AlarmRule::EqualSpacing { votes, below } => {
            let below = humantime::format_duration(*below).to_string();
            vec![("votes", count(*votes).into()), ("below", below.into())]
        }
        AlarmRule::CcPerVote { at_least, at_most } | AlarmRule::EccPerVote { at_least, at_most } => {
            let bounds = [("at_least", at_least), ("at_most", at_most)];
            bounds.into_iter().filter_map(|(key, bound)| Some((key, plain((*bound)?).into()))).collect()
        }
        AlarmRule::ShareOfVotes { limit, min_votes } => {
            vec![("limit", plain(*limit).into()), ("min_votes", count(*min_votes).into())]
        }
        AlarmRule::Reward(limit) | AlarmRule::Distribution(limit) => vec![("limit", plain(*limit).into())],
        AlarmRule::PoolGrowth { factor, windows } => {
            vec![("factor", plain(*factor).into()), ("windows", (*windows).into())]
        }
        AlarmRule::AllowedTimes { from, until, days } => {
            let time = |time: &NaiveTime| Shown::from(time.format("%H:%M").to_string());
            let days: Vec<_> = days.iter().map(|day| name_in(&DAYS, *day)).collect();
            vec![("from", time(from)), ("until", time(until)), ("days", days.into())]
        }
    }
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}
