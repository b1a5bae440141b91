//! Days and hours of the programme (rules, section 2): half-open intervals of UTC instants that leave no gap and
//! do not overlap, whatever the clocks do.

use std::fmt;

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// An instant in UTC, to the microsecond.
pub type Instant = DateTime<Utc>;

/// An instant as files and messages show it: `2026-11-19T13:00:00.000000Z`.
#[must_use]
pub fn show(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What a window pays. Ordered as runs are where two windows end together: a day is paid before its last hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Daily,
    Hourly,
}

impl Kind {
    /// The kind that a word of the tables and of the command line names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Daily, Self::Hourly].into_iter().find(|kind| kind.name() == name)
    }

    /// The word of the tables and of the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Hourly => "hourly",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The interval `[start, end)` that one run pays. A run's key is `(kind, start)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub kind: Kind,
    /// The programme's day that the window is, or belongs to.
    pub day: NaiveDate,
    /// k of "hour k of the day"; none for a day.
    pub hour: Option<u32>,
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    #[must_use]
    pub fn contains(&self, instant: Instant) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Sorts windows into the order of payment: oldest first, a day before its last hour.
    #[must_use]
    pub fn order(&self) -> (Instant, Kind) {
        (self.end, self.kind)
    }
}

/// As messages name a window: `hour 13 of 2026-11-19 (2026-11-19T13:00:00.000000Z)`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hour {
            Some(hour) => write!(f, "hour {hour} of {} ({})", self.day, show(self.start)),
            None => write!(f, "day {} ({})", self.day, show(self.start)),
        }
    }
}

/// The programme's days and hours in its time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
}

impl Calendar {
    #[must_use]
    pub const fn new(zone: Tz) -> Self {
        Self { zone }
    }

    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The date in the programme's zone at an instant.
    #[must_use]
    pub fn date_of(&self, instant: Instant) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }

    /// The local midnight of a date: the first of two, or the first instant of the date where it is skipped.
    ///
    /// # Panics
    /// On dates at the ends of the calendar, tens of thousands of years away.
    #[must_use]
    pub fn midnight(&self, date: NaiveDate) -> Instant {
        let local = date.and_time(NaiveTime::MIN);
        match self.zone.from_local_datetime(&local) {
            LocalResult::Single(midnight) | LocalResult::Ambiguous(midnight, _) => midnight.to_utc(),
            LocalResult::None => {
                let gap = GapInfo::new(&local, &self.zone).and_then(|gap| gap.end);
                gap.expect("a local time that does not exist lies in a gap that ends").to_utc()
            }
        }
    }

    /// The day of a date. A date that its zone skipped altogether is an empty day, which has no hours.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> Window {
        let (start, end) = (self.midnight(date), self.midnight(next(date)));
        Window { kind: Kind::Daily, day: date, hour: None, start, end }
    }

    /// The hours of a date, in order.
    #[must_use]
    pub fn hours(&self, date: NaiveDate) -> Vec<Window> {
        let day = self.day(date);
        let starts = (0..).map(|hour| (hour, day.start + TimeDelta::hours(i64::from(hour))));
        starts
            .take_while(|(_, start)| *start < day.end)
            .map(|(hour, start)| {
                let end = day.end.min(start + TimeDelta::hours(1));
                Window { kind: Kind::Hourly, day: date, hour: Some(hour), start, end }
            })
            .collect()
    }

    /// The day or hour that holds an instant. Two midnights on one date are no trouble: the instants between them
    /// that the clock calls the day before belong to the date that has begun.
    #[must_use]
    pub fn window_at(&self, kind: Kind, instant: Instant) -> Window {
        let date = self.date_of(instant);
        let near = [date.pred_opt(), Some(date), date.succ_opt()];
        let days = near.into_iter().flatten();
        let mut windows = days.flat_map(|date| match kind {
            Kind::Daily => vec![self.day(date)],
            Kind::Hourly => self.hours(date),
        });
        windows.find(|window| window.contains(instant)).expect("every instant lies in a day and an hour")
    }

    /// The first day after a date that is not empty.
    #[must_use]
    pub fn day_after(&self, date: NaiveDate) -> NaiveDate {
        let mut after = next(date);
        while self.hours(after).is_empty() {
            after = next(after);
        }
        after
    }

    /// How many windows of both kinds there are from the local midnight of `first` to that of `until`.
    #[must_use]
    pub fn windows_between(&self, first: NaiveDate, until: NaiveDate) -> u64 {
        let mut count = 0;
        let mut start = self.midnight(first);
        for date in first.iter_days().take_while(|date| *date < until) {
            let end = self.midnight(next(date));
            let hours = (end - start).num_seconds().unsigned_abs().div_ceil(3600);
            count += if hours > 0 { hours + 1 } else { 0 };
            start = end;
        }
        count
    }

    /// Every window of a kind that starts at or after the local midnight of `first` and ends at or before `now`,
    /// in order: what is due (section 2).
    pub fn due(&self, kind: Kind, first: NaiveDate, now: Instant) -> impl Iterator<Item = Window> {
        let calendar = *self;
        first
            .iter_days()
            .take_while(move |date| calendar.midnight(*date) < now)
            .flat_map(move |date| match kind {
                Kind::Daily => vec![calendar.day(date)],
                Kind::Hourly => calendar.hours(date),
            })
            .filter(move |window| window.start < window.end && window.end <= now)
    }
}

fn next(date: NaiveDate) -> NaiveDate {
    date.checked_add_days(Days::new(1)).expect("the calendar ends in 262142")
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Australia, Europe, Pacific};

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn hour_count(zone: Tz, day: &str) -> usize {
        Calendar::new(zone).hours(date(day)).len()
    }

    #[test]
    fn days_across_clock_changes_have_their_own_number_of_hours() {
        assert_eq!(hour_count(Europe::Budapest, "2026-03-29"), 23);
        assert_eq!(hour_count(Europe::Budapest, "2026-10-25"), 25);
        assert_eq!(hour_count(Europe::Budapest, "2026-11-19"), 24);
        assert_eq!(
            hour_count(Australia::Lord_Howe, "2026-04-05"),
            25,
            "24.5 hours: the last is half an hour"
        );
        assert_eq!(hour_count(Pacific::Apia, "2011-12-30"), 0, "a date that Samoa skipped");
    }

    #[test]
    fn a_skipped_midnight_is_the_first_instant_of_its_date_and_of_two_the_first_counts() {
        let skipped = Calendar::new(Asia::Beirut).midnight(date("2026-03-29"));
        assert_eq!(show(skipped), "2026-03-28T22:00:00.000000Z");
        let twice = Calendar::new(America::Havana).midnight(date("2026-11-01"));
        assert_eq!(show(twice), "2026-11-01T04:00:00.000000Z");
    }

    #[test]
    fn the_hours_of_years_tile_time_in_every_zone() {
        let zones =
            [Europe::Budapest, America::New_York, Australia::Lord_Howe, Asia::Kathmandu, Asia::Beirut];
        for zone in zones.into_iter().chain([America::Havana, America::St_Johns, Pacific::Apia]) {
            let calendar = Calendar::new(zone);
            for first in ["2009-12-25", "2026-01-01"] {
                let mut reached = calendar.midnight(date(first));
                for day in date(first).iter_days().take(800) {
                    assert_eq!(calendar.day(day).start, reached, "{zone} {day}");
                    for hour in calendar.hours(day) {
                        assert_eq!(hour.start, reached, "{zone} {hour}");
                        assert_eq!(calendar.window_at(Kind::Hourly, hour.start), hour, "{zone}");
                        assert_eq!(calendar.window_at(Kind::Daily, hour.start).day, day, "{zone} {hour}");
                        reached = hour.end;
                    }
                }
                let until = date(first) + Days::new(800);
                let both = [Kind::Daily, Kind::Hourly].into_iter();
                let count: u64 =
                    both.map(|kind| calendar.due(kind, date(first), reached).count() as u64).sum();
                assert_eq!(calendar.windows_between(date(first), until), count, "{zone}");
            }
        }
    }

    #[test]
    fn a_window_is_due_from_the_moment_it_has_ended() {
        let calendar = Calendar::new(Tz::UTC);
        let end = "2026-11-20T01:00:00Z".parse::<Instant>().unwrap();
        let due = |now| calendar.due(Kind::Hourly, date("2026-11-20"), now).count();
        assert_eq!(due(end - TimeDelta::microseconds(1)), 0);
        assert_eq!(due(end), 1);
        assert_eq!(calendar.due(Kind::Daily, date("2026-11-18"), end).count(), 2);
    }
}
