use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::rewards::money::Units;
use crate::rewards::suspicions::{Measure, Suspicion};
use crate::rewards::vote::Tally;
use crate::rewards::window::Instant;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

fn suspicion(measure: Measure, stages: &[i64]) -> Suspicion {
    Suspicion {
        name: measure.name().to_owned(),
        measure,
        stages: stages.iter().map(|stage| Units::whole(*stage)).collect(),
        min_votes: 1,
        min_days: 3,
    }
}

fn profile(partner_id: i64, votes: u32) -> Profile {
    Profile {
        partner_id,
        position: 1,
        votes,
        ecc_per_vote: 50_000_000,
        active_hours: 3,
        regularity: Some(500),
        night: 0,
    }
}

/// Partners 1 to 40 with 8 to 127 votes, and others.
fn crowd(others: &[Profile]) -> Vec<Profile> {
    let mut profiles: Vec<Profile> =
        (1..=40).map(|id| profile(id, (8 << (id % 4)) | (id as u32 % 8))).collect();
    profiles.extend(others);
    profiles
}

fn stages(today: Today<'_>, suspicion: Suspicion) -> Vec<(i64, u32)> {
    judge(today, &[suspicion]).iter().map(|crossing| (crossing.partner_id, crossing.stage)).collect()
}

#[test]
fn median_and_deviation_are_those_of_the_middle() {
    assert_eq!(Spread::of(&mut []), None);
    assert_eq!(Spread::of(&mut [7]), Some(Spread { median: 7, deviation: 0, count: 1 }));
    // Of an even number the lower one; distances 2, 1, 0, 96 → 0, 1, 2, 96.
    assert_eq!(Spread::of(&mut [4, 3, 100, 2]), Some(Spread { median: 3, deviation: 1, count: 4 }));
    assert_eq!(Spread::of(&mut [9, 1, 5, 7, 3]), Some(Spread { median: 5, deviation: 2, count: 5 }));
}

#[test]
fn a_score_counts_standard_deviations_in_thousandths() {
    let spread = Spread { median: 100, deviation: 10, count: 50 };
    // 29.652 is two standard deviations of 14.826.
    assert_eq!(spread.score(130, 1), 2023);
    assert_eq!(spread.score(100, 1), 0);
    assert_eq!(spread.score(70, 1), -2023);
    // The floor takes the place of a smaller deviation.
    assert_eq!(spread.score(130, 20), 1011);
    assert_eq!(Spread { deviation: 0, ..spread }.score(130, 10), 2023);
    // Nothing wraps.
    let far = Spread { median: i64::MIN, deviation: 0, count: 1 };
    assert_eq!(far.score(i64::MAX, 0), i64::MAX);
    assert_eq!(Spread::of(&mut [i64::MIN, 0, i64::MAX]).unwrap().median, 0);
}

#[test]
fn logarithms_are_those_of_the_tables() {
    assert_eq!([0, 1, 2, 3, 4, 10, 1000, 1 << 40].map(log2), [0, 0, 1000, 1584, 2000, 3321, 9965, 40_000]);
    assert_eq!(log2(u64::MAX), 63_999);
}

/// The regularity of votes at some times.
fn regularity(times: Vec<i64>) -> Option<u16> {
    let tally = Tally {
        partner_id: 7,
        votes: times.len() as u64,
        cc: Units::ZERO,
        ecc: Units::whole(9),
        last: Instant::UNIX_EPOCH,
        active_hours: 2,
    };
    let made = profiles(&[tally], &mut HashMap::from([(7, times)]), 6 * HOUR);
    made[0].regularity
}

#[test]
fn regularity_tells_a_program_from_a_person() {
    let every = |gap: i64| (0..50).map(|vote| vote * gap).collect::<Vec<_>>();
    assert_eq!(regularity(every(10 * SECOND)), Some(10_000), "equal gaps are as regular as it goes");
    assert_eq!(regularity(vec![5; 50]), Some(10_000), "so are votes at one instant");
    assert_eq!(regularity(every(SECOND)[..4].to_vec()), None, "three gaps say nothing");
    // Gaps of 9 and 11 seconds in turns: the median is 9, the median distance from it 0 or 2.
    let uneven: Vec<i64> = (0..50).map(|vote| vote * 10 * SECOND + (vote % 2) * SECOND / 2).collect();
    assert!(regularity(uneven).unwrap() > 3000);
    // Gaps that double: the median gap is as long as what they are apart.
    let person: Vec<i64> = (0..12).map(|vote| SECOND << (vote % 12)).collect();
    assert!(regularity(person).unwrap() < 1500);
}

#[test]
fn a_day_in_figures() {
    let tally = |partner_id, votes| Tally {
        partner_id,
        votes,
        cc: Units::ZERO,
        ecc: Units::new(100).unwrap(),
        last: Instant::UNIX_EPOCH,
        active_hours: 2,
    };
    let mut times = HashMap::from([(9, vec![HOUR, 7 * HOUR, 6 * HOUR]), (4, vec![6 * HOUR - 1])]);
    let made = profiles(&[tally(9, 3), tally(4, 1)], &mut times, 6 * HOUR);
    let expected = [
        Profile {
            position: 2,
            ecc_per_vote: 100,
            active_hours: 2,
            regularity: None,
            night: 1,
            ..profile(4, 1)
        },
        Profile {
            position: 1,
            ecc_per_vote: 33,
            active_hours: 2,
            regularity: None,
            night: 1,
            ..profile(9, 3)
        },
    ];
    assert_eq!(
        made, expected,
        "by partner, positions by the ranking, the night ends at its first instant after"
    );
}

#[test]
fn a_burst_is_past_the_stage_that_its_score_names() {
    let history = vec![crowd(&[profile(99, 20)]); 5];
    let today = crowd(&[profile(99, 20_000)]);
    let found =
        judge(Today { profiles: &today, history: &history }, &[suspicion(Measure::Votes, &[2, 4, 100])]);
    let [crossing] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((crossing.partner_id, crossing.stage, crossing.figure), (99, 2, 20_000));
    assert_eq!(crossing.own.map(|own| (own.median, own.count)), Some((20, 5)));
    assert_eq!(crossing.score, crossing.crowd.score.min(crossing.own.unwrap().score));
    assert_eq!(crossing.crowd.count, 41);
}

#[test]
fn who_always_votes_as_much_is_not_suspected() {
    let fan = profile(99, 20_000);
    let history = vec![crowd(&[fan]); 5];
    let today = crowd(&[fan]);
    assert!(
        stages(Today { profiles: &today, history: &history }, suspicion(Measure::Votes, &[2])).is_empty()
    );
    // With two days of its own, which are too few, it is new.
    let today = Today { profiles: &today, history: &history[..2] };
    assert_eq!(
        stages(today, suspicion(Measure::Votes, &[2])).first(),
        Some(&(99, 2)),
        "a doubling past the last"
    );
}

#[test]
fn who_does_what_all_do_today_is_not_suspected() {
    let history = vec![crowd(&[]); 5];
    let lively: Vec<Profile> =
        history[0].iter().map(|one| Profile { votes: one.votes * 50, ..*one }).collect();
    assert!(
        stages(Today { profiles: &lively, history: &history }, suspicion(Measure::Votes, &[2])).is_empty()
    );
}

#[test]
fn a_new_partner_has_to_be_past_the_second_stage() {
    let today = crowd(&[profile(99, 1000)]);
    let score = judge(Today { profiles: &today, history: &[] }, &[suspicion(Measure::Votes, &[1])])
        .iter()
        .find(|crossing| crossing.partner_id == 99)
        .unwrap()
        .score;
    let whole = score / 1000;
    let judged = |stages: &[i64]| {
        let found = self::stages(Today { profiles: &today, history: &[] }, suspicion(Measure::Votes, stages));
        found.into_iter().find(|(partner, _)| *partner == 99)
    };
    assert_eq!(judged(&[whole - 1, whole + 1]), None);
    assert_eq!(judged(&[whole - 1, whole]), Some((99, 2)));
}

#[test]
fn few_partners_are_no_crowd() {
    let few: Vec<Profile> = (1..20).map(|id| profile(id, 5)).chain([profile(99, 100_000)]).collect();
    let today = |profiles| Today { profiles, history: &[] };
    assert_eq!(stages(today(&few), suspicion(Measure::Votes, &[2])).len(), 1);
    assert!(stages(today(&few[1..]), suspicion(Measure::Votes, &[2])).is_empty());
    let quiet = Suspicion { min_votes: 6, ..suspicion(Measure::Votes, &[2]) };
    assert!(stages(today(&few), quiet).is_empty(), "those with too few votes are not in the crowd");
}

#[test]
fn whoever_rises_far_above_its_own_positions_has_jumped() {
    let of_position = |position| Profile { position, ..profile(99, 50) };
    let place = |id: i64| Profile { position: 40 + (id as u32 * 7) % 40, ..profile(id, 50) };
    let day = |other| (1..=40).map(place).chain([other]).collect::<Vec<_>>();
    let history = vec![day(of_position(5000)); 4];
    let judged = |position| {
        let today = day(of_position(position));
        stages(Today { profiles: &today, history: &history }, suspicion(Measure::PositionJump, &[3]))
    };
    assert_eq!(judged(1).len(), 1);
    assert!(judged(4000).is_empty(), "a few places are nothing");
    assert!(judged(90_000).is_empty(), "nor is falling");
    let today = day(of_position(1));
    let without = Today { profiles: &today, history: &history[..2] };
    assert!(stages(without, suspicion(Measure::PositionJump, &[3])).is_empty(), "who is new cannot jump");
}

#[test]
fn many_who_are_alike_are_a_cohort() {
    let person = |id: i64| Profile {
        ecc_per_vote: 10_000_000 + 1_000_000 * ((id as u64 * 37) % 90),
        active_hours: 1 + (id % 5) as u8,
        ..profile(id, 5 + (id as u32 * 13) % 60)
    };
    let ring = |id| Profile { ecc_per_vote: 77_700_000, active_hours: 9, ..profile(id, 61) };
    let people: Vec<Profile> = (1..=1000).map(person).collect();
    let with_ring =
        |many: i64| people.iter().copied().chain((5001..5001 + many).map(ring)).collect::<Vec<_>>();
    let history = vec![people.clone()];
    let judged = |profiles: &[Profile]| {
        stages(Today { profiles, history: &history }, suspicion(Measure::Cohort, &[3]))
    };
    assert_eq!(
        judged(&with_ring(60)).iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        (5001..5061).collect::<Vec<_>>()
    );
    assert!(judged(&with_ring(19)).is_empty(), "fewer are none");
    assert!(judged(&people).is_empty());
}

#[test]
fn profiles_are_read_as_they_were_written() {
    let many: Vec<Profile> = (0..PROFILES_A_PART as i64 + 1)
        .map(|id| Profile {
            regularity: (id % 3 > 0).then_some(id as u16 % 10_000),
            night: id as u32 * 3,
            active_hours: (id % 25) as u8,
            ..profile(id - 5, id as u32)
        })
        .collect();
    let parts = pack(&many);
    assert_eq!(
        parts.iter().map(Vec::len).collect::<Vec<_>>(),
        [PROFILES_A_PART * PROFILE_BYTES, PROFILE_BYTES]
    );
    assert!(parts[0].len() < 1_000_000);
    let read: Vec<Profile> = parts.iter().flat_map(|part| unpack(part).unwrap()).collect();
    assert_eq!(read, many);
    assert_eq!((pack(&[]), unpack(&[])), (vec![vec![]], Some(vec![])));
    assert_eq!(unpack(&parts[1][1..]), None);
}

proptest! {
    #[test]
    fn no_order_of_values_matters(mut values in prop::collection::vec(any::<i64>(), 1..60), turn in 0usize..60) {
        let spread = Spread::of(&mut values.clone());
        let turn = turn % values.len();
        values.rotate_left(turn);
        prop_assert_eq!(Spread::of(&mut values.clone()), spread);
        values.reverse();
        prop_assert_eq!(Spread::of(&mut values), spread);
    }

    #[test]
    fn the_higher_the_value_the_higher_the_score(
        (median, deviation) in (any::<i64>(), 0..i64::MAX), low in any::<i64>(), high in any::<i64>(), floor in any::<i64>()
    ) {
        let spread = Spread { median, deviation, count: 9 };
        let (low, high) = (low.min(high), low.max(high));
        prop_assert!(spread.score(low, floor) <= spread.score(high, floor));
        prop_assert_eq!(spread.score(median, floor), 0);
    }

    #[test]
    fn the_larger_the_number_the_larger_its_logarithm(one in any::<u64>(), other in any::<u64>()) {
        prop_assert!(log2(one.min(other)) <= log2(one.max(other)));
        // Within a thousandth of the whole part.
        prop_assert_eq!(log2(one) / 1000, i64::from(one.max(1).ilog2()));
    }

    #[test]
    fn more_votes_are_never_less_suspicious(votes in 1u32..1_000_000, more in 0u32..1_000_000) {
        let history = vec![crowd(&[profile(99, 20)]); 3];
        let score = |votes| {
            let today = crowd(&[profile(99, votes)]);
            let found = judge(Today { profiles: &today, history: &history }, &[suspicion(Measure::Votes, &[1])]);
            found.iter().find(|crossing| crossing.partner_id == 99).map(|crossing| (crossing.stage, crossing.score))
        };
        prop_assert!(score(votes) <= score(votes + more));
    }
}
