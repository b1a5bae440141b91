//! Alarms on votes as every backend keeps them: each rule raises for whom it should and for nobody else, however the
//! votes are read.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use rewardd::app::{App, Mode, distributor, source_names};
use rewardd::clock::ManualClock;
use rewardd::config::{Aggregate, Config, DatabaseUrl};
use rewardd::jobs::{FirstDay, Outcome};
use rewardd::rewards::alarms::{Action, Alarm, AlarmRule, Raised};
use rewardd::rewards::money::Units;
use rewardd::rewards::window::{Calendar, Kind, Window};
use rewardd::store::memory::MemoryStore;
use rewardd::store::sql::{Access, Database, Effort, SqlSource};

use crate::on_every_backend;
use crate::support::{Backend, Scratch};

/// A Thursday.
const DAY: &str = "2026-11-19";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";
const WHOLE: Effort = Effort { connections: 1, memory_budget: usize::MAX, aggregate: Aggregate::Daemon };

on_every_backend!(
    each_rule_raises_for_whom_it_should_and_for_nobody_else,
    a_pool_is_held_against_the_windows_before_it,
);

fn units(text: &str) -> Units {
    Units::parse(text).unwrap()
}

fn alarm(rule: AlarmRule) -> Alarm {
    Alarm {
        name: rule.name().to_owned(),
        rule,
        action: Action::Notify,
        kinds: vec![Kind::Hourly, Kind::Daily],
        partners: None,
        except: vec![],
    }
}

/// Rules that the partners 1, 11, 21 and so on just keep, and 2, 12, 22 and so on just break.
fn rules() -> Vec<Alarm> {
    let clock = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let days = vec![Weekday::Wed, Weekday::Thu];
    let of = |partners: [i64; 2], rule| Alarm { partners: Some(partners.to_vec()), ..alarm(rule) };
    vec![
        alarm(AlarmRule::VotesPerMinute(3)),
        alarm(AlarmRule::VotesPerHour(6)),
        of([21, 22], AlarmRule::VotesPerWindow(8)),
        alarm(AlarmRule::EqualSpacing { votes: 4, below: Duration::from_secs(1) }),
        alarm(AlarmRule::CcPerVote { at_least: None, at_most: Some(units("100")) }),
        alarm(AlarmRule::EccPerVote { at_least: Some(units("0.5")), at_most: None }),
        alarm(AlarmRule::AllowedTimes { from: clock(8), until: clock(20), days }),
        alarm(AlarmRule::ShareOfVotes { limit: units("0.1"), min_votes: 100 }),
    ]
}

/// The day's votes: a hundred, those of partners past 100 well within every rule.
fn votes() -> String {
    let mut times: Vec<(i64, &str)> = vec![];
    let mut of = |partner, list: &[&'static str]| times.extend(list.iter().map(|time| (partner, *time)));
    // In a minute: three, and four.
    of(1, &["09:00:00", "09:00:20", "09:00:59.999999", "09:01:00"]);
    of(2, &["09:00:00", "09:00:20", "09:00:40", "09:00:59.999999"]);
    // In an hour: six, and seven.
    of(11, &["10:00:00", "10:09:00", "10:21:00", "10:30:00", "10:42:00", "10:59:59.999999", "11:00:00"]);
    of(12, &["10:00:00", "10:09:00", "10:21:00", "10:30:00", "10:42:00", "10:51:00", "10:59:59.999999"]);
    // On the day: eight, and nine.
    of(21, &["08:30:00", "09:30:00", "10:30:00", "11:30:00", "13:30:00", "15:30:00", "17:30:00", "19:30:00"]);
    of(
        22,
        &[
            "08:30:00", "09:30:00", "10:30:00", "11:30:00", "13:30:00", "14:30:00", "15:30:00", "17:30:00",
            "19:30:00",
        ],
    );
    // At equal gaps: three, and four over the edge of an hour and so of two slices of reading.
    of(31, &["13:59:59.8", "14:00:00.3", "14:00:00.8", "14:00:01.300001"]);
    of(32, &["13:59:59.8", "14:00:00.3", "14:00:00.8", "14:00:01.3"]);
    // One each: CC and ECC of a vote, see below.
    (41..=42).chain(51..=52).for_each(|partner| of(partner, &["12:00:00"]));
    // At the edges of the allowed hours, and just outside.
    of(61, &["08:00:00", "19:59:59.999999"]);
    of(62, &["07:59:59.999999", "20:00:00"]);
    // Of a hundred votes: ten, and eleven.
    let spread =
        ["08:11:00", "09:14:00", "10:33:00", "11:07:00", "12:39:00", "13:02:00", "14:48:00", "15:16:00"];
    of(71, &[&spread[..], &["16:04:00", "17:51:00"]].concat());
    of(72, &[&spread[..], &["16:04:00", "17:51:00", "18:23:00"]].concat());
    let left = 100 - times.len() as i64;
    times.extend((0..left).map(|n| (101 + n, "16:16:16")));
    let mut csv = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for (id, (partner, time)) in times.iter().enumerate() {
        let cc = [(41, "100"), (42, "100.00000001")].into_iter().find(|(own, _)| own == partner);
        let ecc = [(51, "0.5"), (52, "0.49999999")].into_iter().find(|(own, _)| own == partner);
        let (cc, ecc) = (cc.map_or("1", |(_, cc)| cc), ecc.map_or("1", |(_, ecc)| ecc));
        csv.push_str(&format!("{id},{partner},cc,{cc},{ecc},{DAY}T{time}Z\n"));
    }
    csv
}

fn day() -> Window {
    Calendar::new(chrono_tz::UTC).day(DAY.parse().unwrap())
}

fn config(url: &str, alarms: Vec<Alarm>) -> Config {
    let mut config = Config::parse(&format!("[database]\nurl = {url:?}")).unwrap();
    config.rules.alarms = alarms;
    config
}

/// What a payment of the day would raise.
async fn raised(url: &str, effort: Effort, alarms: Vec<Alarm>) -> Vec<Raised> {
    let config = config(url, alarms);
    let database = Database::open(&DatabaseUrl::parse(url).unwrap(), Access::Write, 8).await.unwrap();
    let source = Arc::new(SqlSource::new(database, source_names(&config), effort));
    let clock = Arc::new(ManualClock::new(day().end));
    let distributor = distributor(&config, Arc::new(MemoryStore::default()), source, clock);
    distributor.prepare(day(), day().day).await.unwrap().plan.raised
}

fn each_rule_raises_for_whom_it_should_and_for_nobody_else(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.import(&votes(), RATES);
    scratch.block_on(async {
        let whole = raised(&scratch.url, WHOLE, rules()).await;
        let found: Vec<_> = whole.iter().map(|raised| (raised.rule, raised.partner_id.unwrap())).collect();
        assert_eq!(
            found,
            [
                ("votes_per_minute", 2),
                ("votes_per_hour", 12),
                ("votes_per_window", 22),
                ("equal_spacing", 32),
                ("cc_per_vote", 42),
                ("ecc_per_vote", 52),
                ("allowed_times", 62),
                ("share_of_votes", 72),
            ]
        );
        assert_eq!(whole[0].figure, "4 votes in the minute from 2026-11-19T09:00:00.000000Z");
        assert_eq!(whole[3].figure, "4 votes in a row, 0.500000 s apart, from 2026-11-19T13:59:59.800000Z");
        assert_eq!(whole[4].figure, "1 vote outside, the worst of 100.00000001 CC");
        assert_eq!(whole[6].figure, "2 votes outside, the first at 2026-11-19T07:59:59.999999Z");
        assert_eq!(whole[7].figure, "0.11000000 of all votes, 11 of 100");
        for connections in [1, 3] {
            for memory_budget in [0, 4_000, usize::MAX] {
                let effort = Effort { connections, memory_budget, ..WHOLE };
                assert_eq!(raised(&scratch.url, effort, rules()).await, whole, "{effort:?}");
            }
        }
        // What was paid by such rules is recomputed from single votes also where the server adds up by now.
        if backend != Backend::Sqlite {
            let effort = Effort { aggregate: Aggregate::Server, ..WHOLE };
            assert_eq!(raised(&scratch.url, effort, rules()).await, whole);
            let sums: Vec<_> =
                rules().into_iter().filter(|alarm| alarm.rule.name() == "share_of_votes").collect();
            assert_eq!(raised(&scratch.url, effort, sums).await, whole[7..]);
        }
    });
}

/// Votes of CC in each of the first hours of the day.
fn hours(cc: &[u32]) -> String {
    let mut csv = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for (hour, cc) in cc.iter().enumerate() {
        csv.push_str(&format!("{hour},7,cc,{cc},1,{DAY}T{hour:02}:30:00Z\n"));
    }
    csv
}

fn a_pool_is_held_against_the_windows_before_it(backend: Backend) {
    let scratch = Scratch::new(backend);
    // The fourth hour brings three times the mean of the three before it, the sixth more than that.
    scratch.import(&hours(&[10, 30, 20, 60, 20, 101, 10]), "quoted_at,rate\n2026-10-01T00:00:00Z,1\n");
    let config = config(&scratch.url, vec![alarm(AlarmRule::PoolGrowth { factor: units("3"), windows: 3 })]);
    scratch.block_on(async {
        let start = day().day;
        let hours = &Calendar::new(chrono_tz::UTC).hours(start)[..7];
        let pay = async |mode| {
            let clock = Arc::new(ManualClock::new(day().end));
            let app = App::open(config.clone(), clock, mode).await.unwrap();
            if mode == Mode::Pay {
                let opened = app.distributor.open_programme(Some(start), FirstDay::Today, day().end).await;
                opened.unwrap();
            }
            let mut raised = vec![];
            for hour in hours {
                match app.distributor.pay(*hour, start).await.unwrap() {
                    Outcome::Paid(plan, _) => {
                        raised.extend(plan.raised.into_iter().map(|raised| (hour.hour, raised)))
                    }
                    other => panic!("{hour}: {other:?}"),
                }
            }
            app.database.close().await;
            raised
        };
        // A dry run goes on in memory, and finds the same.
        let foreseen = pay(Mode::DryRun).await;
        let raised = pay(Mode::Pay).await;
        assert_eq!(raised, foreseen);
        let [(Some(5), growth)] = &raised[..] else { panic!("{raised:?}") };
        assert_eq!(growth.partner_id, None);
        assert_eq!(growth.figure, "101.00000000 CC after a mean of 33.33333333 CC");
        assert_eq!(growth.limit, "3.00000000 times the mean of the last 3 hours");
        // One that goes on from what is stored has the same before it.
        let app =
            App::open(config.clone(), Arc::new(ManualClock::new(day().end)), Mode::DryRun).await.unwrap();
        assert_eq!(
            app.distributor.prepare(hours[5], start).await.unwrap().plan.raised,
            std::slice::from_ref(growth)
        );
        app.database.close().await;
    });
}
