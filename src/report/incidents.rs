//! What was not as it should be on a day.

use chrono::TimeDelta;

use super::daily::{Daily, Hour, Incident, Level};
use super::words::{count, numbers, short, span};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};

/// How long after its end a window may be paid in good order: by the usual schedule it takes half an hour.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// Late hours that are named one by one.
const NAMED: usize = 3;

/// What the day's table holds, to be held against the record of its run.
pub(super) struct Held {
    pub rows: u64,
    /// The sum of each column.
    pub columns: Vec<Units>,
}

/// All that is worth telling, the gravest first.
pub(super) fn incidents(daily: &Daily, held: &Held) -> Vec<Incident> {
    let mut found = Found(vec![]);
    found.books(daily, held);
    found.hours(daily);
    found.late(daily);
    found.votes(daily);
    found.empty(daily);
    found.transfers(daily);
    found.rules(daily);
    found.0.sort_by_key(|incident| incident.level);
    found.0
}

struct Found(Vec<Incident>);

impl Found {
    fn add(&mut self, level: Level, name: &'static str, text: String) {
        self.0.push(Incident { level, name, text });
    }

    fn books(&mut self, daily: &Daily, held: &Held) {
        if let Err(what) = daily.books.check() {
            self.add(Level::Broken, "books", format!("the books do not add up: {what}"));
        }
        if held.rows != daily.voters {
            let what = format!(
                "reward_list_daily has {} rows of the day, and {} partners voted; `rewardd verify` says more",
                held.rows, daily.voters
            );
            self.add(Level::Broken, "rows", what);
        }
        let recorded = daily.categories.iter().filter(|category| category.kind == Kind::Daily);
        for (category, stored) in recorded.zip(&held.columns) {
            if category.paid != *stored {
                let what = format!(
                    "{} of reward_list_daily adds up to {stored}, the run paid {}; `rewardd verify` says more",
                    category.column, category.paid
                );
                self.add(Level::Broken, "rows", what);
            }
        }
    }

    fn hours(&mut self, daily: &Daily) {
        for hour in daily.hours.iter().filter(|hour| hour.settlement.is_none()) {
            let what = format!("hour {} is not settled, though its day is paid", number(hour));
            self.add(Level::Broken, "unsettled", what);
        }
        let waits = |hour: &&Hour| hour.payment.is_none() && daily.at >= hour.window.end + GRACE;
        let waiting: Vec<&Hour> = daily.hours.iter().filter(waits).collect();
        if waiting.is_empty() {
            return;
        }
        let held: Units =
            waiting.iter().filter_map(|hour| Some(hour.settlement.as_ref()?.hourly_share)).sum();
        let numbered: Vec<u32> = waiting.iter().map(|hour| number(hour)).collect();
        let what =
            format!("{} not paid yet; {held} CC held until then", count_hours(&numbered, ["is", "are"]));
        self.add(Level::Warning, "unpaid", what);
    }

    fn late(&mut self, daily: &Daily) {
        let late = |end: Instant, at: Instant| Some(at - end).filter(|late| *late > GRACE);
        if let Some(late) = late(daily.day.end, daily.run.committed_at) {
            let what = format!("the day was paid {} after its end", span(late));
            self.add(Level::Warning, "late", what);
        }
        let hours = daily.hours.iter();
        let hours =
            hours.filter_map(|hour| Some((number(hour), late(hour.window.end, hour.payment.as_ref()?.at)?)));
        let hours: Vec<(u32, TimeDelta)> = hours.collect();
        if hours.len() <= NAMED {
            for (hour, late) in hours {
                self.add(
                    Level::Warning,
                    "late",
                    format!("hour {hour} was paid {} after its end", span(late)),
                );
            }
            return;
        }
        let longest = hours.iter().map(|(_, late)| *late).max().unwrap_or_default();
        let numbered: Vec<u32> = hours.iter().map(|(hour, _)| *hour).collect();
        let what = format!(
            "{} paid late, up to {} after their end",
            count_hours(&numbered, ["was", "were"]),
            span(longest)
        );
        self.add(Level::Warning, "late", what);
    }

    fn votes(&mut self, daily: &Daily) {
        let (late, added) = (daily.pool.late_cc, daily.pool.late_contributed);
        if late.is_negative() {
            let gone = Units::ZERO - late;
            let what = format!(
                "votes for {gone} CC have vanished after their hours were settled; the pool stays as it was"
            );
            self.add(Level::Warning, "missing_votes", what);
        } else if !late.is_zero() {
            let what = format!(
                "votes for {late} CC arrived after their hours were settled; {added} CC came to the pool for them"
            );
            self.add(Level::Notice, "late_votes", what);
        }
    }

    fn empty(&mut self, daily: &Daily) {
        let pool = &daily.pool;
        let carried = pool.carried_to.map_or_else(String::new, |day| format!("; the pool went to {day}"));
        if daily.voters == 0 {
            self.add(Level::Warning, "empty", format!("an empty distribution: nobody voted{carried}"));
        } else if pool.paid.is_zero() && !pool.to_share.is_zero() {
            let voters = count(daily.voters, "partner", "partners");
            let what = format!("an empty distribution: {voters} voted, and none was paid{carried}");
            self.add(Level::Warning, "empty", what);
        }
        let is_empty = |hour: &&Hour| hour.payment.as_ref().is_some_and(|payment| payment.voters == 0);
        let empty: Vec<u32> = daily.hours.iter().filter(is_empty).map(number).collect();
        if !empty.is_empty() && daily.voters > 0 {
            let what = format!("{} without a vote", count_hours(&empty, ["was", "were"]));
            self.add(Level::Notice, "empty_hours", what);
        }
    }

    fn transfers(&mut self, daily: &Daily) {
        let transfers = &daily.transfers;
        if transfers.failing == 0 {
            return;
        }
        let error = transfers.last_error.as_deref().unwrap_or("no reason is noted");
        let failing = count(transfers.failing, "transfer", "transfers");
        let what = format!("{failing} to special partners tried in vain so far: {error}");
        self.add(Level::Warning, "transfers", what);
    }

    fn rules(&mut self, daily: &Daily) {
        let rules = &daily.rules;
        if let Some(before) = &rules.before {
            let changed = count(rules.changes.len() as u64, "key has", "keys have");
            let what = format!(
                "paid by other rules than the day before ({} instead of {}): {changed} changed",
                short(&rules.version),
                short(before)
            );
            self.add(Level::Notice, "rules", what);
        }
        let differs = |hour: &&Hour| {
            hour.payment.as_ref().is_some_and(|payment| payment.rules_version != rules.version)
        };
        let others: Vec<u32> = daily.hours.iter().filter(differs).map(number).collect();
        if !others.is_empty() {
            let what = format!("{} paid by other rules than the day", count_hours(&others, ["was", "were"]));
            self.add(Level::Notice, "rules", what);
        }
    }
}

fn number(hour: &Hour) -> u32 {
    hour.window.hour.unwrap_or_default()
}

/// `hour 3 was`, `hours 3 to 5, 7 were`.
fn count_hours(hours: &[u32], [one, more]: [&str; 2]) -> String {
    match hours {
        [hour] => format!("hour {hour} {one}"),
        hours => format!("hours {} {more}", numbers(hours)),
    }
}
