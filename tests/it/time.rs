//! Time as it passes: years of ticks across clock changes, outages, clocks that jump. Everything is computed, nothing is
//! waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, NaiveDate, TimeDelta, Timelike};
use chrono_tz::{America, Asia, Australia, Europe, Tz};
use rewardd::app::distributor;
use rewardd::clock::ManualClock;
use rewardd::config::Config;
use rewardd::frames::{Vote, VoteColumns};
use rewardd::jobs::{Distributor, Outcome, Walk, WalkReport};
use rewardd::rewards::money::Units;
use rewardd::rewards::rates::{Quote, Quotes};
use rewardd::rewards::window::{Calendar, Instant, Kind, Window};
use rewardd::scheduler::cron::{Pattern, Ticker};
use rewardd::scheduler::due::due;
use rewardd::store::memory::{MemorySource, MemoryStore, State};
use rewardd::store::{Programme, Store};
use tokio::runtime::{Builder, Runtime};
use tokio_cron_scheduler::Job;

const HOURLY: &str = "0 30 * * * *";
const DAILY: &str = "35 0 0 * * *";
const CATCH_UP: Duration = Duration::from_secs(72 * 3600);

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The two tickers of the daemon.
struct Tickers([(Kind, Ticker); 2]);

impl Tickers {
    fn new(zone: Tz, now: Instant) -> Self {
        let ticker = |pattern| Ticker::new(Pattern::new(pattern, zone), now);
        Self([(Kind::Hourly, ticker(HOURLY)), (Kind::Daily, ticker(DAILY))])
    }

    fn next(&self) -> Instant {
        self.0.iter().filter_map(|(_, ticker)| ticker.next()).min().unwrap()
    }

    /// The kinds whose tick has come, each to be looked at as of the tick.
    fn beat(&mut self, now: Instant) -> Vec<(Kind, Instant)> {
        self.0.iter_mut().filter_map(|(kind, ticker)| Some((*kind, ticker.beat(now)?))).collect()
    }
}

/// A year of ticks in a zone: which window was found due at which tick.
///
/// Only what is due is computed here, not what it pays, and each look goes back four days, which is more than catch-up:
/// paying 9000 windows takes minutes in a debug build.
fn found_in_a_year(zone: Tz) -> Vec<(Window, Instant)> {
    let calendar = Calendar::new(zone);
    let (first, runtime) = (date("2026-01-01"), runtime());
    let stop = calendar.midnight(date("2027-01-01")) + TimeDelta::hours(1);
    let mut tickers = Tickers::new(zone, calendar.midnight(first));
    let mut paid: BTreeSet<(Kind, Instant)> = BTreeSet::new();
    let mut found = vec![];
    while tickers.next() < stop {
        let now = tickers.next();
        // A beat before its tick changes nothing, and costs most of the time.
        let ticking = tickers.0.iter_mut().filter(|(_, ticker)| ticker.next() <= Some(now));
        let kinds: Vec<(Kind, Instant)> =
            ticking.filter_map(|(kind, ticker)| Some((*kind, ticker.beat(now)?))).collect();
        assert!(!kinds.is_empty(), "{zone}: what was waited for comes at {now}");
        let start = first.max(calendar.date_of(now) - TimeDelta::days(4));
        let reach = calendar.midnight(start);
        let recent = paid.iter().filter(|(_, start)| *start >= reach).copied().collect();
        let store = MemoryStore::new(State { paid: recent, ..State::default() });
        let walk = Walk { kinds, start, now, catch_up: CATCH_UP };
        let due = runtime.block_on(due(&store, &calendar, &walk)).unwrap();
        assert!(due.overdue.is_empty(), "{zone}: nothing is ever left behind");
        for window in due.open {
            assert!(paid.insert((window.kind, window.start)), "{zone}: {window} is due once");
            found.push((window, now));
        }
    }
    found
}

/// The first instant from `from` on at which the clock on the wall shows this minute (and hour) and second.
fn first_at(zone: Tz, from: Instant, hour: Option<u32>, minute: u32, second: u32) -> Instant {
    let shows = |instant: &Instant| {
        let local = instant.with_timezone(&zone);
        hour.is_none_or(|hour| local.hour() == hour) && local.minute() == minute
    };
    let minutes = (0..3 * 1440).map(|minute| from + TimeDelta::minutes(minute));
    minutes.into_iter().find(shows).unwrap() + TimeDelta::seconds(i64::from(second))
}

fn a_year(zone: Tz, hours: usize, longest_wait_minutes: i64) {
    let calendar = Calendar::new(zone);
    let found = found_in_a_year(zone);
    let days = date("2026-01-01").iter_days().take(365);
    let expected: BTreeSet<(Kind, Instant)> = days
        .flat_map(|day| calendar.hours(day).into_iter().chain([calendar.day(day)]))
        .map(|window| (window.kind, window.start))
        .collect();
    let starts: BTreeSet<(Kind, Instant)> = found.iter().map(|(w, _)| (w.kind, w.start)).collect();
    assert_eq!(starts, expected, "{zone}: all of the year");
    assert_eq!((expected.len(), found.len()), (hours + 365, hours + 365), "{zone}: and each once");

    let mut longest = TimeDelta::zero();
    for (window, tick) in found {
        let right = match window.kind {
            Kind::Hourly => first_at(zone, window.end, None, 30, 0),
            Kind::Daily => first_at(zone, window.end, Some(0), 0, 35),
        };
        assert_eq!(tick, right, "{zone}: {window}");
        match window.kind {
            Kind::Hourly => longest = longest.max(tick - window.end),
            Kind::Daily => assert_eq!(tick - window.end, TimeDelta::seconds(35), "{zone}: {window}"),
        }
    }
    assert_eq!(longest.num_minutes(), longest_wait_minutes, "{zone}: from an hour's end to its tick");
}

mod a_year_of_ticks_pays_each_hour_and_day_once {
    use super::*;

    #[test]
    fn in_budapest() {
        a_year(Europe::Budapest, 8760, 30);
    }

    #[test]
    fn in_new_york() {
        a_year(America::New_York, 8760, 30);
    }

    #[test]
    fn on_lord_howe_island_whose_clocks_change_by_half_an_hour() {
        // Two days of the year end with half an hour more or less, which is an hour of its own in April.
        a_year(Australia::Lord_Howe, 8761, 30);
    }

    #[test]
    fn in_kathmandu_whose_clocks_never_change() {
        a_year(Asia::Kathmandu, 8760, 30);
    }
}

/// A programme in memory with a vote in every half hour from its first day on, and what its daemon does.
struct Daemon {
    zone: Tz,
    first: NaiveDate,
    store: Arc<MemoryStore>,
    distributor: Distributor,
    tickers: Tickers,
    runtime: Runtime,
    paid: BTreeMap<(Kind, Instant), u32>,
}

impl Daemon {
    fn new(zone: Tz, first: &str, now: Instant) -> Self {
        let first = date(first);
        let from = Calendar::new(zone).midnight(first);
        let mut votes = VoteColumns::default();
        for number in 0..400_i64 {
            let voted_at = (from + TimeDelta::minutes(30 * number + 7)).timestamp_micros();
            let (cc, ecc) = (100_000_007 * (number + 3), 300_000_000 + number);
            votes.push(Vote { partner_id: number * 7 % 11, vote_type: "cc", cc, ecc, voted_at });
        }
        let quote = |day: i64| Quote {
            at: from + TimeDelta::days(day - 10),
            rate: Units::from_i64(100_000_000 + day * 1_234_567),
        };
        let quotes = Quotes::new((0..20).map(quote).collect()).unwrap();
        let config = Config::parse(&format!(
            "[database]\nurl = \"sqlite::memory:\"\n[special]\npartners = [3]\n[programme]\ntimezone = \"{zone}\""
        ));
        let programme = Some(Programme { timezone: zone.name().to_owned(), start: first });
        let store = Arc::new(MemoryStore::new(State { programme, ..State::default() }));
        let distributor = distributor(
            &config.unwrap(),
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(MemorySource::new(votes, quotes)),
            Arc::new(ManualClock::new(now)),
        );
        let tickers = Tickers::new(zone, now);
        Self { zone, first, store, distributor, tickers, runtime: runtime(), paid: BTreeMap::new() }
    }

    fn walk(&mut self, kinds: Vec<(Kind, Instant)>, now: Instant) -> WalkReport {
        let walk = Walk { kinds, start: self.first, now, catch_up: CATCH_UP };
        let mut count = |window: Window, outcome: &Outcome| {
            assert!(matches!(outcome, Outcome::Paid(..)), "{window} is looked at once");
            *self.paid.entry((window.kind, window.start)).or_default() += 1;
        };
        let report = self.runtime.block_on(self.distributor.walk(&walk, &mut count)).unwrap();
        assert!(report.failed.is_empty() && report.blocked.is_empty());
        report
    }

    /// The start of the windows that a beat pays.
    fn beat(&mut self, now: &str) -> Vec<String> {
        let now = at(now);
        let kinds = self.tickers.beat(now);
        if kinds.is_empty() {
            return vec!["no tick".to_owned()];
        }
        let report = self.walk(kinds, now);
        assert!(report.overdue.is_empty());
        report.paid.iter().map(name).collect()
    }

    /// What a start does: all that the ticks up to now would have done.
    fn start(&mut self, now: &str) -> WalkReport {
        let now = at(now);
        self.tickers = Tickers::new(self.zone, now);
        let last = |pattern| Pattern::new(pattern, self.zone).last_until(now).unwrap();
        self.walk(vec![(Kind::Hourly, last(HOURLY)), (Kind::Daily, last(DAILY))], now)
    }

    fn assert_each_once(&self) {
        assert!(self.paid.values().all(|times| *times == 1));
        assert_eq!(self.store.state().paid, self.paid.keys().copied().collect());
    }
}

fn name(window: &Window) -> String {
    match window.hour {
        Some(hour) => format!("{} hour {hour}", window.day.format("%d")),
        None => format!("day {}", window.day.format("%d")),
    }
}

/// The first and last of windows of a kind, and how many they are.
fn span(windows: &[Window], kind: Kind) -> (usize, String, String) {
    let of_kind: Vec<&Window> = windows.iter().filter(|window| window.kind == kind).collect();
    let name = |window: Option<&&Window>| window.map_or("none".to_owned(), |window| name(window));
    (of_kind.len(), name(of_kind.first()), name(of_kind.last()))
}

fn spanning(count: usize, first: &str, last: &str) -> (usize, String, String) {
    (count, first.to_owned(), last.to_owned())
}

/// A programme that was paid by its ticks until the outage began, at a quarter past ten.
fn down_since_the_19th() -> Daemon {
    let mut daemon = Daemon::new(Tz::UTC, "2026-11-18", at("2026-11-18T00:00:00Z"));
    while daemon.tickers.next() < at("2026-11-19T10:15:00Z") {
        daemon.beat(&daemon.tickers.next().to_rfc3339());
    }
    assert_eq!(daemon.paid.len(), 24 + 9 + 1, "hour 9 has ended and waits for its tick at half past ten");
    daemon
}

#[test]
fn after_an_hour_without_the_daemon_one_hour_is_made_up() {
    let mut daemon = down_since_the_19th();
    let report = daemon.start("2026-11-19T11:15:00Z");
    assert_eq!(span(&report.paid, Kind::Hourly), spanning(1, "19 hour 9", "19 hour 9"));
    assert_eq!(span(&report.paid, Kind::Daily).0, 0);
    assert!(report.is_complete());
    assert_eq!(daemon.beat("2026-11-19T11:30:00Z"), ["19 hour 10"], "a start pays no hour before its tick");
    daemon.assert_each_once();
}

#[test]
fn after_26_hours_26_hours_and_a_day_are_made_up() {
    let mut daemon = down_since_the_19th();
    let report = daemon.start("2026-11-20T12:15:00Z");
    assert_eq!(span(&report.paid, Kind::Hourly), spanning(26, "19 hour 9", "20 hour 10"));
    assert_eq!(span(&report.paid, Kind::Daily), spanning(1, "day 19", "day 19"));
    assert!(report.is_complete());
    assert_eq!(daemon.beat("2026-11-20T12:30:00Z"), ["20 hour 11"]);
    daemon.assert_each_once();
}

#[test]
fn after_100_hours_what_ended_in_the_last_72_is_made_up_and_the_rest_is_reported() {
    let mut daemon = down_since_the_19th();
    let report = daemon.start("2026-11-23T14:15:00Z");
    assert_eq!(span(&report.paid, Kind::Hourly), spanning(71, "20 hour 14", "23 hour 12"));
    assert_eq!(span(&report.paid, Kind::Daily), spanning(3, "day 20", "day 22"));
    assert_eq!(span(&report.overdue, Kind::Hourly), spanning(29, "19 hour 9", "20 hour 13"));
    assert_eq!(span(&report.overdue, Kind::Daily), spanning(1, "day 19", "day 19"));
    daemon.assert_each_once();

    // They are reported at every look until an operator has run them.
    let again = daemon.start("2026-11-23T14:30:00Z");
    assert_eq!(span(&again.paid, Kind::Hourly), spanning(1, "23 hour 13", "23 hour 13"));
    assert_eq!(again.overdue.len(), 30);
    for window in again.overdue {
        let paid = daemon.runtime.block_on(daemon.distributor.pay(window, daemon.first));
        assert!(matches!(paid.unwrap(), Outcome::Paid(..)), "{window}");
    }
    assert_eq!(daemon.beat("2026-11-23T15:30:00Z"), ["23 hour 14"]);
    assert_eq!(daemon.store.state().paid.len(), (5 * 24 + 15) + 5, "every window of the 18th to the 23rd");
}

#[test]
fn a_clock_that_jumps_pays_each_window_once() {
    let mut daemon = Daemon::new(Tz::UTC, "2026-11-18", at("2026-11-18T22:00:00Z"));
    daemon.start("2026-11-18T22:00:00Z");
    assert_eq!(daemon.beat("2026-11-18T22:30:00Z"), ["18 hour 21"]);
    assert_eq!(daemon.beat("2026-11-18T22:30:01Z"), ["no tick"]);
    // Three hours forward: both ticks of the hours in between, and that of the day, in one look.
    assert_eq!(
        daemon.beat("2026-11-19T01:30:02Z"),
        ["18 hour 22", "day 18", "18 hour 23", "19 hour 0"],
        "the day before its last hour"
    );
    assert_eq!(daemon.beat("2026-11-19T01:30:03Z"), ["no tick"]);
    // Two hours back, across midnight: the ticks come again, and find nothing to pay.
    assert_eq!(daemon.beat("2026-11-18T23:30:04Z"), ["no tick"]);
    let nothing: [&str; 0] = [];
    assert_eq!(daemon.beat("2026-11-19T00:00:35Z"), nothing);
    assert_eq!(daemon.beat("2026-11-19T00:30:00Z"), nothing);
    assert_eq!(daemon.beat("2026-11-19T01:30:00Z"), nothing);
    assert_eq!(daemon.beat("2026-11-19T02:30:00Z"), ["19 hour 1"]);
    // A late beat does what its tick would have done: hour 3 has ended, and waits for the tick of its own.
    assert_eq!(daemon.beat("2026-11-19T04:10:00Z"), ["19 hour 2"]);
    assert_eq!(daemon.beat("2026-11-19T04:30:00Z"), ["19 hour 3"]);
    daemon.assert_each_once();
}

#[test]
fn ticks_across_a_clock_change_pay_what_one_look_pays() {
    for (zone, first, hours) in [
        (Europe::Budapest, "2026-10-24", 73),
        (Europe::Budapest, "2026-03-28", 71),
        (Australia::Lord_Howe, "2026-04-04", 73),
        (Australia::Lord_Howe, "2026-10-03", 72),
    ] {
        let calendar = Calendar::new(zone);
        let end = calendar.midnight(date(first) + TimeDelta::days(3)) + TimeDelta::minutes(45);
        let mut by_ticks = Daemon::new(zone, first, calendar.midnight(date(first)));
        while by_ticks.tickers.next() < end {
            by_ticks.beat(&by_ticks.tickers.next().to_rfc3339());
        }
        by_ticks.assert_each_once();
        let mut at_once = Daemon::new(zone, first, end);
        // All is within catch-up when it is looked at from an instant before it ended.
        let walk = |daemon: &mut Daemon| {
            daemon.walk(vec![(Kind::Hourly, end), (Kind::Daily, end)], end - TimeDelta::hours(24))
        };
        assert!(walk(&mut at_once).is_complete());
        let (ticked, looked) = (by_ticks.store.state(), at_once.store.state());
        assert_eq!(ticked.paid.len(), hours + 3, "{zone} from {first}");
        assert_eq!(ticked.paid, looked.paid, "{zone} from {first}");
        assert_eq!(ticked.totals, looked.totals, "{zone} from {first}");
        assert_eq!(ticked.pools, looked.pools, "{zone} from {first}");
        assert_eq!(ticked.transfers, looked.transfers, "{zone} from {first}");
        assert!(ticked.totals.hourly_paid > Units::ZERO && ticked.totals.daily_paid > Units::ZERO);
    }
}

/// Why tokio-cron-scheduler only gives the beat: of a zone it keeps the offset of the moment a job was made, and looks
/// for the next tick by that. Across a clock change its daily tick would be off by the change.
#[test]
fn the_scheduler_by_itself_would_miss_a_clock_change() {
    for (zone, day, off) in
        [(Europe::Budapest, "2027-03-29", 3600), (Australia::Lord_Howe, "2027-04-05", -1800)]
    {
        let data = Job::new_tz(DAILY, zone, |_, _| {}).unwrap().job_data().unwrap();
        let midnight = Calendar::new(zone).midnight(date(day));
        let offset = |instant: Instant| {
            let local = instant.with_timezone(&zone);
            (local.naive_local() - local.naive_utc()).num_seconds()
        };
        let (before, after) = (offset(midnight - TimeDelta::days(3)), offset(midnight));
        assert_eq!(after - before, off);
        let kept = i64::from(data.time_offset_seconds);
        assert!([before, after].contains(&kept), "all that it keeps of the zone is one offset");

        // As its scheduler does; there is no way to ask it without waiting.
        let local = FixedOffset::east_opt(data.time_offset_seconds).unwrap();
        let next = |after: Instant| {
            data.schedule().unwrap().iter_after(after.with_timezone(&local)).next().unwrap().to_utc()
        };
        let looks = [midnight - TimeDelta::days(3), midnight - TimeDelta::minutes(90)];
        let right = looks.map(|look| Pattern::new(DAILY, zone).next_after(look).unwrap());
        let wrong = looks.iter().zip(right).filter(|(look, right)| next(**look) != *right).count();
        assert_eq!(wrong, 1, "it ticks rightly before the change or after it, and never both");
        assert_eq!(right[1], midnight + TimeDelta::seconds(35), "the ticker of the daemon does both");
    }
}
