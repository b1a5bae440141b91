//! When a cron pattern ticks in the programme's zone.
//!
//! tokio-cron-scheduler keeps the zone's offset of the moment a job was added (its issue 107), so after a clock change
//! its ticks would be an hour off until a restart. It therefore only gives the beat, once a second in UTC; what is due
//! at a beat is computed here from the zone itself.

use chrono::{DateTime, FixedOffset, Offset, SubsecRound, TimeDelta, TimeZone};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::rewards::window::Instant;

/// A pattern of six fields, seconds first, in a time zone.
#[derive(Clone, Debug)]
pub struct Pattern {
    cron: Cron,
    zone: Tz,
}

impl Pattern {
    /// Takes a pattern that the configuration has accepted.
    ///
    /// # Panics
    /// On any other.
    #[must_use]
    pub fn new(pattern: &str, zone: Tz) -> Self {
        let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
        Self { cron: parser.parse(pattern).expect("the configuration has checked the pattern"), zone }
    }

    /// The first tick after an instant; none where there is none any more.
    #[must_use]
    pub fn next_after(&self, instant: Instant) -> Option<Instant> {
        let next = |cron: &Cron, local: &DateTime<FixedOffset>| cron.find_next_occurrence(local, false).ok();
        let in_zone = self.cron.find_next_occurrence(&self.local(instant), false).ok();
        in_zone.map(|tick| tick.to_utc()).into_iter().chain(self.by_the_clock(instant, next)).min()
    }

    /// The last tick at or before an instant.
    #[must_use]
    pub fn last_until(&self, instant: Instant) -> Option<Instant> {
        let last =
            |cron: &Cron, local: &DateTime<FixedOffset>| cron.find_previous_occurrence(local, true).ok();
        let in_zone = self.cron.find_previous_occurrence(&self.local(instant), true).ok();
        in_zone.map(|tick| tick.to_utc()).into_iter().chain(self.by_the_clock(instant, last)).max()
    }

    /// The search in a zone moves a tick that a clock change skips to after the gap, which is wanted, but leaves out
    /// one of the two hours where the clock is set back. So the clock is asked as well: by the offset that holds now,
    /// and by the one that holds where that leads. What it shows there has to be what it really shows.
    fn by_the_clock(
        &self,
        instant: Instant,
        search: impl Fn(&Cron, &DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>>,
    ) -> Vec<Instant> {
        let offset_at = |instant: Instant| self.zone.offset_from_utc_datetime(&instant.naive_utc()).fix();
        let from = |offset: FixedOffset| {
            search(&self.cron, &instant.trunc_subsecs(0).with_timezone(&offset)).map(|tick| tick.to_utc())
        };
        let now = offset_at(instant);
        let first = from(now);
        let there = first.map(offset_at).filter(|there| *there != now);
        let second = there.and_then(|there| from(there).filter(|tick| offset_at(*tick) == there));
        first.filter(|tick| offset_at(*tick) == now).into_iter().chain(second).collect()
    }

    /// Ticks are whole seconds; the search would keep a fraction.
    fn local(&self, instant: Instant) -> DateTime<Tz> {
        instant.trunc_subsecs(0).with_timezone(&self.zone)
    }
}

/// Turns beats into ticks: a tick is noticed once, at the first beat at or after it, however late that beat comes, and
/// a clock that was set back is followed.
#[derive(Clone, Debug)]
pub struct Ticker {
    pattern: Pattern,
    next: Option<Instant>,
}

impl Ticker {
    #[must_use]
    pub fn new(pattern: Pattern, now: Instant) -> Self {
        let next = pattern.next_after(now);
        Self { pattern, next }
    }

    /// The tick that has come by this beat; the newest, where several have.
    pub fn beat(&mut self, now: Instant) -> Option<Instant> {
        let upcoming = self.pattern.next_after(now);
        let came = self.next.is_some_and(|next| next <= now);
        let tick = if came { self.pattern.last_until(now).or(self.next) } else { None };
        if came || upcoming < self.next {
            self.next = upcoming;
        }
        tick
    }

    /// The tick that is waited for.
    #[must_use]
    pub const fn next(&self) -> Option<Instant> {
        self.next
    }
}

/// A tick is late where its beat came this long after it: the process was suspended, or the clock was set.
pub const LATE: TimeDelta = TimeDelta::seconds(90);

#[cfg(test)]
mod tests {
    use chrono::Timelike;
    use chrono_tz::{America, Asia, Australia, Europe};

    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn ticks(pattern: &str, zone: Tz, from: &str, to: &str) -> Vec<String> {
        let pattern = Pattern::new(pattern, zone);
        let next = |tick: &Instant| pattern.next_after(*tick);
        let ticks = std::iter::successors(pattern.next_after(at(from)), next);
        ticks.take_while(|tick| *tick <= at(to)).map(|t| t.with_timezone(&zone).to_rfc3339()).collect()
    }

    #[test]
    fn the_daily_tick_keeps_its_local_time_across_clock_changes() {
        let daily = "35 0 0 * * *";
        assert_eq!(
            ticks(daily, Europe::Budapest, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
            ["2026-03-29T00:00:35+01:00", "2026-03-30T00:00:35+02:00"]
        );
        assert_eq!(
            ticks(daily, Europe::Budapest, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-25T00:00:35+02:00", "2026-10-26T00:00:35+01:00"]
        );
        assert_eq!(
            ticks(daily, Australia::Lord_Howe, "2026-04-04T06:00:00Z", "2026-04-06T06:00:00Z"),
            ["2026-04-05T00:00:35+11:00", "2026-04-06T00:00:35+10:30"]
        );
    }

    #[test]
    fn every_hour_of_a_change_day_has_its_tick() {
        let hourly = "0 30 * * * *";
        let spring = ticks(hourly, America::New_York, "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z");
        assert_eq!(spring.len(), 23);
        let autumn = ticks(hourly, America::New_York, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
        assert_eq!(autumn.len(), 25);
    }

    #[test]
    fn a_tick_whose_local_time_is_skipped_comes_after_the_gap() {
        assert_eq!(
            ticks("35 0 0 * * *", Asia::Beirut, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            ["2026-03-29T01:00:00+03:00"]
        );
    }

    #[test]
    fn a_tick_is_noticed_once_also_late_and_also_after_the_clock_was_set_back() {
        let mut ticker =
            Ticker::new(Pattern::new("0 30 * * * *", Asia::Kathmandu), at("2026-11-19T10:00:00Z"));
        // Half past in Kathmandu is a quarter past in UTC.
        assert_eq!(ticker.next(), Some(at("2026-11-19T10:45:00Z")));
        assert_eq!(ticker.beat(at("2026-11-19T10:44:59Z")), None);
        assert_eq!(ticker.beat(at("2026-11-19T10:45:00.5Z")), Some(at("2026-11-19T10:45:00Z")));
        assert_eq!(ticker.next(), Some(at("2026-11-19T11:45:00Z")));
        assert_eq!(ticker.beat(at("2026-11-19T10:45:01Z")), None);
        let after_a_day_of_sleep = ticker.beat(at("2026-11-20T12:00:00Z"));
        assert_eq!(after_a_day_of_sleep, Some(at("2026-11-20T11:45:00Z")), "the newest of those missed");
        assert_eq!(ticker.beat(at("2026-11-19T13:00:00Z")), None, "set back by a day");
        assert_eq!(ticker.next().map(|next| next.minute()), Some(45));
        assert_eq!(ticker.beat(at("2026-11-19T13:45:00Z")), Some(at("2026-11-19T13:45:00Z")));
    }
}
