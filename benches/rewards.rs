//! What a run computes between reading and writing, by the size of a window: `cargo bench --bench rewards`.

use std::time::Duration;

use divan::{Bencher, black_box};
use rewardd::config::Config;
use rewardd::frames::{Gathered, Vote, Watch, turnout};
use rewardd::guard::alarms::judge;
use rewardd::rewards::alarms::{Action, Alarm, AlarmRule};
use rewardd::rewards::allocation::{allocate, allocate_equally};
use rewardd::rewards::daily;
use rewardd::rewards::money::Units;
use rewardd::rewards::pool::Books;
use rewardd::rewards::rates::{Quote, Quotes};
use rewardd::rewards::rules::Rules;
use rewardd::rewards::window::{Calendar, Kind, Window};

const PARTNERS: [u64; 3] = [1_000, 50_000, 200_000];

fn main() {
    divan::main();
}

/// Numbers that look like chance and are always the same (SplitMix64).
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn calendar() -> Calendar {
    Calendar::new(chrono_tz::UTC)
}

fn day() -> Window {
    calendar().day("2026-11-01".parse().expect("a date"))
}

fn rules() -> Rules {
    Config::parse("[database]\nurl = \"sqlite::memory:\"").expect("a configuration").rules
}

fn votes(count: u64, partners: u64) -> impl Iterator<Item = Vote<'static>> {
    let start = day().start.timestamp_micros();
    (0..count).map(move |number| {
        let chance = scattered(number);
        Vote {
            partner_id: (chance % partners) as i64,
            vote_type: if chance >> 60 == 0 { "free" } else { "cc" },
            cc: (chance >> 20 & 0xFFFF_FFFF) as i64,
            ecc: (chance >> 30 & 0xFFFF_FFFF) as i64,
            voted_at: start + (number * (86_400_000_000 / count)) as i64,
        }
    })
}

fn gathered(count: u64, partners: u64) -> Gathered {
    let mut gathered = Gathered::new(day(), false);
    votes(count, partners).for_each(|vote| gathered.push(vote));
    gathered
}

/// A million votes, added up per partner.
#[divan::bench(args = PARTNERS, sample_count = 10)]
fn gather_a_million_votes(bencher: Bencher, partners: u64) {
    let votes: Vec<Vote<'_>> = votes(1_000_000, partners).collect();
    bencher.bench_local(|| {
        let mut gathered = Gathered::new(day(), false);
        votes.iter().for_each(|vote| gathered.push(*vote));
        gathered
    });
}

/// An alarm of every rule about single votes and times, none of which the votes raise.
fn alarms() -> Vec<Alarm> {
    let alarm = |rule: AlarmRule| Alarm {
        name: rule.name().to_owned(),
        rule,
        action: Action::Notify,
        kinds: vec![Kind::Daily],
        partners: None,
        except: vec![],
    };
    let at_most = Some(Units::whole(100));
    vec![
        alarm(AlarmRule::VotesPerMinute(30)),
        alarm(AlarmRule::VotesPerHour(200)),
        alarm(AlarmRule::EqualSpacing { votes: 6, below: Duration::from_secs(1) }),
        alarm(AlarmRule::CcPerVote { at_least: None, at_most }),
        alarm(AlarmRule::EccPerVote { at_least: None, at_most }),
    ]
}

/// The same million votes, watched for [`alarms`] while they are added up, and sorted by partner and time.
#[divan::bench(args = PARTNERS, sample_count = 10)]
fn gather_and_watch_a_million_votes(bencher: Bencher, partners: u64) {
    let votes: Vec<Vote<'_>> = votes(1_000_000, partners).collect();
    let watch = Watch::new(&alarms(), &day(), &calendar());
    bencher.bench_local(|| {
        let mut gathered = Gathered::new(day(), false).watching(watch.clone());
        votes.iter().for_each(|vote| gathered.push(*vote));
        (gathered.take_watched(), gathered)
    });
}

/// The alarms of a million votes that were watched.
#[divan::bench(args = PARTNERS, sample_count = 10)]
fn judge_a_million_votes(bencher: Bencher, partners: u64) {
    let alarms = alarms();
    let mut gathered = Gathered::new(day(), false).watching(Watch::new(&alarms, &day(), &calendar()));
    votes(1_000_000, partners).for_each(|vote| gathered.push(vote));
    let watched = gathered.take_watched();
    let turnout = turnout(gathered, &rules()).expect("sums within range");
    let quote = Quote { at: day().start, rate: Units::parse("1.25").expect("a rate") };
    let quotes = Quotes::new(vec![quote]).expect("one quote");
    let books = Books { carry_day: calendar().day_after(day().day), ..Books::default() };
    let plan = daily::plan(day(), turnout, &quotes, &books, &calendar(), &rules()).expect("a plan");
    bencher.bench_local(|| judge(&plan, &watched, &[], &alarms));
}

/// The frame of partners, sorted.
#[divan::bench(args = PARTNERS, sample_count = 10)]
fn rank(bencher: Bencher, partners: u64) {
    let (gathered, rules) = (gathered(partners * 5, partners), rules());
    bencher.with_inputs(|| gathered.clone()).bench_local_values(|gathered| turnout(gathered, &rules));
}

/// The whole plan of a day, from the ranking on.
#[divan::bench(args = PARTNERS, sample_count = 10)]
fn plan_a_day(bencher: Bencher, partners: u64) {
    let (rules, calendar) = (rules(), calendar());
    let turnout = turnout(gathered(partners * 5, partners), &rules).expect("sums within range");
    let quote = Quote { at: day().start, rate: Units::parse("1.25").expect("a rate") };
    let quotes = Quotes::new(vec![quote]).expect("one quote");
    let books = Books { carry_day: calendar.day_after(day().day), ..Books::default() };
    bencher
        .with_inputs(|| turnout.clone())
        .bench_local_values(|turnout| daily::plan(day(), turnout, &quotes, &books, &calendar, &rules));
}

#[divan::bench(args = PARTNERS)]
fn allocate_by_weight(bencher: Bencher, partners: u64) {
    let weights: Vec<Units> = (0..partners).map(|n| Units::from_i64((scattered(n) >> 20) as i64)).collect();
    let amount = Units::parse("123456789.12345678").expect("an amount");
    bencher.bench_local(|| allocate(black_box(amount), &weights));
}

#[divan::bench(args = PARTNERS)]
fn allocate_in_equal_shares(bencher: Bencher, partners: u64) {
    let amount = Units::parse("123456789.12345678").expect("an amount");
    bencher.bench_local(|| allocate_equally(black_box(amount), partners as usize));
}

#[divan::bench]
fn read_an_amount() -> Units {
    Units::parse_bytes(black_box(b"1234.56789012")).expect("an amount")
}

#[divan::bench]
fn write_an_amount() -> usize {
    black_box(Units::from_i64(123_456_789_012)).text().as_str().len()
}
