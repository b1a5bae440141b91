//! Every rule raises for whom it should and for nobody else, and whatever order and parts the votes come in.

use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveTime, Weekday};
use proptest::prelude::*;

use super::alarms::{groups, judge, windows_compared};
use crate::config::Config;
use crate::frames::{self, Gathered, Vote, Watch};
use crate::rewards::alarms::{Action, Alarm, AlarmRule, Raised};
use crate::rewards::money::Units;
use crate::rewards::plan::Plan;
use crate::rewards::plan_window;
use crate::rewards::pool::Books;
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::rules::Rules;
use crate::rewards::window::{Calendar, Kind, Window};

/// Partner, CC and ECC in units, microseconds from the window's start.
type Cast = (i64, i64, i64, i64);

const CC: i64 = 100_000_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Clocks go back on this day.
fn calendar() -> Calendar {
    Calendar::new(chrono_tz::Europe::Budapest)
}

fn day() -> Window {
    calendar().day("2026-10-25".parse().unwrap())
}

fn hour(number: usize) -> Window {
    calendar().hours(day().day)[number]
}

fn rules() -> Rules {
    Config::parse("[database]\nurl = \"sqlite::memory:\"").unwrap().rules
}

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

fn allowed_times(from: u32, until: u32, days: &[Weekday]) -> Alarm {
    let clock = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    alarm(AlarmRule::AllowedTimes { from: clock(from), until: clock(until), days: days.to_vec() })
}

fn gather<'v>(window: Window, watch: Option<Arc<Watch>>, votes: impl Iterator<Item = &'v Cast>) -> Gathered {
    let mut gathered = Gathered::new(window, false).watching(watch);
    for (partner_id, cc, ecc, after) in votes {
        let voted_at = window.start.timestamp_micros() + after;
        gathered.push(Vote { partner_id: *partner_id, vote_type: "cc", cc: *cc, ecc: *ecc, voted_at });
    }
    gathered
}

fn judged(mut gathered: Gathered, earlier: &[Units], alarms: &[Alarm]) -> (Plan, Vec<Raised>) {
    let window = *gathered.window();
    let watched = gathered.take_watched();
    let turnout = frames::turnout(gathered, &rules()).unwrap();
    let quotes = Quotes::new(vec![Quote { at: day().start, rate: units("1.25") }]).unwrap();
    let books = Books { carry_day: calendar().day_after(window.day), ..Books::default() };
    let plan = plan_window(window, turnout, &quotes, &books, &calendar(), &rules()).unwrap();
    let raised = judge(&plan, &watched, earlier, alarms);
    (plan, raised)
}

fn raised_in(window: Window, votes: &[Cast], alarms: &[Alarm]) -> Vec<Raised> {
    judged(gather(window, Watch::new(alarms, &window, &calendar()), votes.iter()), &[], alarms).1
}

/// The partners for whom one rule raises.
fn partners(window: Window, votes: &[Cast], alarm: Alarm) -> Vec<i64> {
    let raised = raised_in(window, votes, &[alarm]);
    raised.iter().map(|raised| raised.partner_id.unwrap()).collect()
}

/// So many votes at equal gaps from an instant on.
fn series(partner_id: i64, count: i64, from: i64, gap: i64) -> Vec<Cast> {
    (0..count).map(|n| (partner_id, CC, CC, from + n * gap)).collect()
}

#[test]
fn a_minute_and_an_hour_may_be_full_and_no_fuller() {
    // Partner 1 fills a minute and the next, 2 has one vote more in one; 3 has as many, but over the edge of a minute.
    let votes = [
        series(1, 5, 3 * MINUTE, 12 * SECOND),
        series(1, 5, 4 * MINUTE, 12 * SECOND),
        series(2, 6, 7 * MINUTE, 10 * SECOND),
        series(3, 6, 8 * MINUTE - SECOND, 10 * SECOND),
    ]
    .concat();
    assert_eq!(partners(day(), &votes, alarm(AlarmRule::VotesPerMinute(5))), [2]);
    assert_eq!(partners(hour(0), &votes, alarm(AlarmRule::VotesPerMinute(5))), [2]);

    let votes = [
        series(1, 60, 2 * HOUR, MINUTE),
        series(1, 60, 3 * HOUR, MINUTE),
        series(2, 61, 5 * HOUR, MINUTE - SECOND),
        series(3, 61, 6 * HOUR - SECOND, MINUTE - SECOND),
        series(4, 61, 24 * HOUR, MINUTE - SECOND),
    ]
    .concat();
    assert_eq!(partners(day(), &votes, alarm(AlarmRule::VotesPerHour(60))), [2, 4], "the day has 25 hours");
}

#[test]
fn an_hour_needs_no_times_for_its_hour() {
    let alarms = [alarm(AlarmRule::VotesPerHour(2))];
    assert_eq!(Watch::new(&alarms, &hour(3), &calendar()), None);
    let votes = [series(1, 2, 0, MINUTE), series(2, 3, 0, MINUTE)].concat();
    let raised = raised_in(hour(3), &votes, &alarms);
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].partner_id, Some(2));
    assert_eq!(raised[0].figure, "3 votes in the hour from 2026-10-25T01:00:00.000000Z");
    assert_eq!(raised[0].limit, "2 votes");
}

#[test]
fn votes_of_a_window_are_counted_up_to_its_edges() {
    let last = 25 * HOUR - 1;
    let votes = [(1, 0, 0, 0), (1, 0, 0, last), (2, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, last)];
    assert_eq!(partners(day(), &votes, alarm(AlarmRule::VotesPerWindow(2))), [2]);
}

#[test]
fn equal_gaps_are_equal_to_the_microsecond() {
    let below = Duration::from_secs(1);
    let spaced = alarm(AlarmRule::EqualSpacing { votes: 4, below });
    let mut uneven = series(3, 8, HOUR, SECOND / 5);
    uneven.iter_mut().skip(1).step_by(3).for_each(|vote| vote.3 += 1);
    let votes = [
        series(1, 3, HOUR, SECOND / 5),
        series(2, 4, HOUR, SECOND / 5),
        uneven,
        series(4, 9, HOUR, SECOND),
        series(5, 4, HOUR, 0),
        // Across midnight of UTC, an hour and a minute.
        series(6, 4, HOUR - SECOND, SECOND - 1),
    ]
    .concat();
    assert_eq!(partners(day(), &votes, spaced.clone()), [2, 5, 6]);
    let raised = raised_in(day(), &votes, &[spaced]);
    assert_eq!(raised[0].figure, "4 votes in a row, 0.200000 s apart, from 2026-10-24T23:00:00.000000Z");
    assert_eq!(raised[0].limit, "3 votes in a row at equal gaps below 1s");
}

#[test]
fn a_vote_may_have_the_least_and_the_most() {
    let votes =
        [(1, CC, 2 * CC, 0), (2, CC - 1, 2 * CC + 1, 0), (3, 2 * CC, CC, 0), (4, 2 * CC + 1, CC - 1, 0)];
    let (least, most) = (Some(Units::ONE), Some(units("2")));
    let rule = |at_least, at_most| alarm(AlarmRule::CcPerVote { at_least, at_most });
    assert_eq!(partners(day(), &votes, rule(least, most)), [2, 4]);
    assert_eq!(partners(day(), &votes, rule(least, None)), [2]);
    assert_eq!(partners(day(), &votes, rule(None, most)), [4]);
    let ecc = alarm(AlarmRule::EccPerVote { at_least: least, at_most: most });
    assert_eq!(partners(day(), &votes, ecc), [2, 4]);

    let votes = [(7, 0, 0, 9), (7, 5 * CC, 0, 8), (7, CC, 0, 7), (7, 4 * CC, 0, 6)];
    let raised = raised_in(day(), &votes, &[rule(least, most)]);
    assert_eq!(raised[0].figure, "3 votes outside, the worst of 5.00000000 CC");
    assert_eq!(raised[0].limit, "1.00000000 to 2.00000000 CC");
}

#[test]
fn allowed_times_are_of_the_programmes_clock() {
    // 2026-10-25 is a Sunday; from 02:00 to 03:00 the clock goes twice.
    let sunday = [Weekday::Sun];
    let at = |partner_id, after| (partner_id, 0, 0, after);
    let votes =
        [at(1, 2 * HOUR - 1), at(2, 2 * HOUR), at(3, 4 * HOUR - 1), at(4, 4 * HOUR), at(5, 23 * HOUR)];
    let of = |alarm| partners(day(), &votes, alarm);
    assert_eq!(of(allowed_times(2, 3, &sunday)), [1, 4, 5]);
    assert_eq!(of(allowed_times(2, 3, &[Weekday::Mon])), [1, 2, 3, 4, 5]);
    // A night that begins on Saturday ends on Sunday.
    assert_eq!(of(allowed_times(22, 3, &[Weekday::Sat])), [4, 5]);
    assert_eq!(of(allowed_times(22, 3, &sunday)), [1, 2, 3, 4]);
    assert_eq!(of(allowed_times(0, 0, &sunday)), [0_i64; 0]);
    let whole = [allowed_times(0, 0, &sunday)];
    assert_eq!(Watch::new(&whole, &day(), &calendar()), None, "a day that is allowed needs no watching");

    let votes = [at(8, 5 * HOUR + 1), at(8, 5 * HOUR), at(8, 3 * HOUR)];
    let raised = raised_in(day(), &votes, &[allowed_times(2, 3, &sunday)]);
    assert_eq!(raised[0].figure, "2 votes outside, the first at 2026-10-25T03:00:00.000000Z");
    assert_eq!(raised[0].limit, "02:00 to 03:00, Sun");
}

#[test]
fn a_share_of_all_votes_is_exact() {
    // A third is more than 0.33333333 and less than 0.33333334.
    let votes = [series(1, 2, 0, MINUTE), series(2, 2, 0, MINUTE), series(3, 2, 0, MINUTE)].concat();
    let share = |limit, min_votes| alarm(AlarmRule::ShareOfVotes { limit: units(limit), min_votes });
    assert_eq!(partners(day(), &votes, share("0.33333333", 6)), [1, 2, 3]);
    assert_eq!(partners(day(), &votes, share("0.33333333", 7)), [0_i64; 0]);
    assert_eq!(partners(day(), &votes, share("0.33333334", 0)), [0_i64; 0]);
    let raised = raised_in(day(), &votes, &[share("0.3", 0)]);
    assert_eq!(raised[2].figure, "0.33333333 of all votes, 2 of 6");
}

#[test]
fn rewards_and_totals_are_held_against_what_is_paid() {
    let votes: Vec<Cast> = (1..=3).flat_map(|n| series(n, 5 * n, n * HOUR, HOUR)).collect();
    let (plan, _) = judged(gather(day(), None, votes.iter()), &[], &[]);
    let rewards: Vec<(i64, Units)> = (plan.turnout.ranking.iter().enumerate())
        .map(|(row, tally)| (tally.partner_id, plan.amounts.iter().map(|column| column[row]).sum()))
        .collect();
    let (second, reward) = rewards[1];
    assert!(reward > rewards[2].1 && reward < rewards[0].1, "{rewards:?}");
    let below = reward - Units::EPSILON;
    let mut raised = raised_in(day(), &votes, &[alarm(AlarmRule::Reward(below))]);
    assert_eq!(raised.len(), 2);
    raised.retain(|raised| raised.partner_id == Some(second));
    assert_eq!(raised[0].stake, reward);
    assert_eq!(raised[0].figure, format!("{reward} CC"));
    assert_eq!(partners(day(), &votes, alarm(AlarmRule::Reward(reward))), [rewards[0].0]);

    let paid = plan.distributed() + plan.market_bonus();
    let total = |limit| raised_in(day(), &votes, &[alarm(AlarmRule::Distribution(limit))]);
    assert_eq!(total(paid), []);
    let raised = total(paid - Units::EPSILON);
    assert_eq!((raised.len(), raised[0].partner_id, raised[0].stake), (1, None, paid));
}

#[test]
fn a_pool_may_grow_by_its_factor_and_no_more() {
    let votes = series(1, 4, 0, HOUR);
    let growth =
        |factor: &str, windows| vec![alarm(AlarmRule::PoolGrowth { factor: units(factor), windows })];
    let (plan, _) = judged(gather(day(), None, votes.iter()), &[], &[]);
    let third = Units::new(plan.total.count() / 2).unwrap();
    assert_eq!(third + third, plan.total, "an even total");
    let raised = |earlier: &[Units], alarms: Vec<Alarm>| {
        judged(gather(day(), None, votes.iter()), earlier, &alarms).1.len()
    };
    let earlier = [third, third, third];
    assert_eq!(raised(&earlier, growth("2", 3)), 0);
    assert_eq!(raised(&earlier, growth("1.99999999", 3)), 1);
    assert_eq!(raised(&earlier[..2], growth("1", 3)), 0, "no three windows yet");
    assert_eq!(
        raised(&[third, third, Units::ZERO, third], growth("2.99999999", 3)),
        1,
        "the last three count"
    );
    assert_eq!(raised(&[Units::ZERO; 3], growth("1", 3)), 0, "nothing is no measure");

    let mut alarms = growth("2", 3);
    alarms.extend(growth("2", 7));
    alarms[1].kinds = vec![Kind::Hourly];
    assert_eq!(windows_compared(&alarms, Kind::Daily), 3);
    assert_eq!(windows_compared(&alarms, Kind::Hourly), 7);
}

#[test]
fn an_alarm_is_about_its_partners_and_its_windows() {
    let votes: Vec<Cast> = (1..=5).flat_map(|n| series(n, 3, 0, 0)).collect();
    let rules = [
        AlarmRule::VotesPerMinute(1),
        AlarmRule::VotesPerWindow(1),
        AlarmRule::CcPerVote { at_least: None, at_most: Some(Units::ZERO) },
    ];
    for rule in rules {
        let mut alarm = alarm(rule);
        alarm.except = vec![2];
        assert_eq!(partners(day(), &votes, alarm.clone()), [1, 3, 4, 5]);
        alarm.partners = Some(vec![2, 4, 5]);
        assert_eq!(partners(day(), &votes, alarm.clone()), [4, 5]);
        alarm.kinds = vec![Kind::Hourly];
        assert_eq!(partners(day(), &votes, alarm.clone()), [0_i64; 0]);
        assert_eq!(partners(hour(0), &votes, alarm), [4, 5]);
    }
}

#[test]
fn an_attack_by_thousands_is_one_line() {
    let votes: Vec<Cast> = (1..=3_000).flat_map(|n| series(n, 2, n * SECOND, 0)).collect();
    let mut many = alarm(AlarmRule::VotesPerMinute(1));
    many.action = Action::HoldPartner;
    let one = Alarm { partners: Some(vec![17]), ..alarm(AlarmRule::VotesPerWindow(1)) };
    let raised = raised_in(day(), &votes, &[many, one, alarm(AlarmRule::Distribution(Units::ZERO))]);
    let lines: Vec<String> = groups(&raised).map(|group| group.to_string()).collect();
    assert_eq!(raised.len(), 3_002);
    assert_eq!(lines.len(), 3);
    let head = "alarm votes_per_minute (votes_per_minute, hold_partner): 3000 partners (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …), \
                the first with 2 votes in the minute from 2026-10-24T22:00:00.000000Z; allowed: 1 vote; at stake: ";
    assert!(lines[0].starts_with(head), "{}", lines[0]);
    assert!(lines[1].starts_with("alarm votes_per_window (votes_per_window, notify): partner 17, 2 votes; "));
    assert!(lines[2].starts_with("alarm distribution (distribution, notify): "), "{}", lines[2]);
}

/// Every rule about partners, with limits that some votes of [`random_votes`] break.
fn every_rule() -> Vec<Alarm> {
    let range = || (Some(units("2")), Some(units("30")));
    let ((at_least, at_most), below) = (range(), Duration::from_millis(500));
    vec![
        alarm(AlarmRule::VotesPerMinute(2)),
        alarm(AlarmRule::VotesPerHour(4)),
        alarm(AlarmRule::EqualSpacing { votes: 3, below }),
        alarm(AlarmRule::CcPerVote { at_least, at_most }),
        alarm(AlarmRule::EccPerVote { at_least: None, at_most }),
        allowed_times(22, 3, &[Weekday::Sat]),
        alarm(AlarmRule::VotesPerWindow(12)),
    ]
}

fn random_votes() -> impl Strategy<Value = Vec<Cast>> {
    let amount = prop_oneof![0..40 * CC, Just(2 * CC), Just(30 * CC), Just(i64::MAX)];
    // Few instants, so that minutes are full and gaps equal.
    let after =
        (0..9_i64, 0..3_i64, 0..6_i64).prop_map(|(h, m, step)| h * 3 * HOUR + m * MINUTE + step * SECOND / 4);
    prop::collection::vec((0..20_i64, amount.clone(), amount, after), 0..300)
}

/// The partners for whom a rule should raise, counted in the plainest way.
fn naively(rule: &AlarmRule, votes: &[Cast]) -> Vec<i64> {
    let should = |partner_id: &i64| {
        let own: Vec<&Cast> = votes.iter().filter(|vote| vote.0 == *partner_id).collect();
        let most_per = |length: i64| {
            own.iter()
                .map(|vote| own.iter().filter(|other| other.3 / length == vote.3 / length).count())
                .max()
        };
        let outside = |amount: i64| !(2 * CC..=30 * CC).contains(&amount);
        match rule {
            AlarmRule::VotesPerMinute(limit) => most_per(MINUTE).is_some_and(|most| most as u64 > *limit),
            AlarmRule::VotesPerHour(limit) => most_per(HOUR).is_some_and(|most| most as u64 > *limit),
            AlarmRule::VotesPerWindow(limit) => own.len() as u64 > *limit,
            AlarmRule::CcPerVote { .. } => own.iter().any(|vote| outside(vote.1)),
            AlarmRule::EccPerVote { .. } => own.iter().any(|vote| vote.2 > 30 * CC),
            AlarmRule::AllowedTimes { .. } => own.iter().any(|vote| vote.3 >= 4 * HOUR),
            AlarmRule::EqualSpacing { .. } => {
                let mut instants: Vec<i64> = own.iter().map(|vote| vote.3).collect();
                instants.sort_unstable();
                let gaps = |three: &[i64]| (three[1] - three[0], three[2] - three[1]);
                instants.windows(3).map(gaps).any(|(one, next)| one == next && one < SECOND / 2)
            }
            _ => false,
        }
    };
    (0..20).filter(should).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_rule_raises_for_whom_counting_finds(votes in random_votes()) {
        let alarms = every_rule();
        let raised = raised_in(day(), &votes, &alarms);
        for alarm in &alarms {
            let found = raised.iter().filter(|raised| raised.alarm == alarm.name);
            let found: Vec<i64> = found.filter_map(|raised| raised.partner_id).collect();
            prop_assert_eq!(found, naively(&alarm.rule, &votes), "{}", &alarm.name);
        }
    }

    #[test]
    fn parts_in_any_order_raise_the_same(
        (votes, shuffled) in random_votes().prop_flat_map(|votes| (Just(votes.clone()), Just(votes).prop_shuffle())),
        parts in 1..6_usize,
    ) {
        let alarms = every_rule();
        let watch = Watch::new(&alarms, &day(), &calendar());
        let mut total = gather(day(), watch.clone(), [].iter());
        for part in 0..parts {
            let own = shuffled.iter().enumerate().filter(|(n, _)| n % parts == part).map(|(_, vote)| vote);
            total.absorb(&mut gather(day(), watch.clone(), own));
        }
        prop_assert_eq!(judged(total, &[], &alarms).1, raised_in(day(), &votes, &alarms));
    }
}

#[test]
fn times_are_kept_at_sixteen_bytes_a_vote_and_only_where_a_rule_asks() {
    // Whole batches: others wait to be added.
    let votes = series(1, 1_024, 0, SECOND);
    let watching = |alarms: &[Alarm]| gather(day(), Watch::new(alarms, &day(), &calendar()), votes.iter());
    let bytes = |gathered: &Gathered| (0..100_000).find(|bytes| !gathered.exceeds(*bytes)).unwrap();
    let plain = bytes(&watching(&[alarm(AlarmRule::VotesPerWindow(1))]));
    let in_all = bytes(&watching(&[alarm(AlarmRule::VotesPerMinute(1))]));
    assert_eq!(in_all - plain, 16 * votes.len());
}

#[test]
fn a_window_is_judged_to_its_end() {
    assert_eq!(hour(24).end, day().end);
    let alarm = allowed_times(22, 23, &[Weekday::Sun]);
    assert_eq!(partners(hour(24), &[(1, 0, 0, HOUR - 1)], alarm), [1]);
}
