//! Demo data: votes and CC rates as a programme might see them, all from a seed. Pure: the same
//! shape, calendar and first day always give the same data. Amounts are integers from the start, as everywhere.

use chrono::{Days, NaiveDate, TimeDelta, Timelike};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::rewards::money::Units;
use crate::rewards::rates::Quote;
use crate::rewards::window::{Calendar, Instant};

/// 0.01, in units of 10⁻⁸.
const CENT: i64 = 1_000_000;

/// How lively each hour of the local clock is: quiet nights, a busy lunch, a peak in the evening.
const RHYTHM: [u64; 24] =
    [6, 3, 2, 1, 1, 2, 4, 8, 11, 12, 12, 14, 17, 15, 12, 12, 14, 17, 21, 26, 30, 28, 20, 12];

/// Whole CC that partners spend in one vote, each as often as it is listed.
const CC_SPENT: [i64; 16] = [1, 1, 1, 1, 2, 2, 2, 5, 5, 5, 10, 10, 10, 20, 20, 50];

/// How long a quoted rate holds.
const QUOTE_EVERY: TimeDelta = TimeDelta::hours(6);

/// Days of quotes before the first day: a market bonus looks back seven.
const DAYS_QUOTED_BEFORE: Days = Days::new(8);

/// Votes and rates have streams of random numbers of their own: neither changes with the other.
const VOTES: u64 = 0;
const RATES: u64 = 1;

/// How much demo data there is, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub votes: u64,
    pub partners: u32,
    pub days: u32,
    /// The same seed gives the same data.
    pub seed: u64,
}

/// One row of the votes table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoVote {
    pub id: i64,
    pub partner_id: i64,
    pub vote_type: &'static str,
    /// In units of 10⁻⁸ CC.
    pub cc: i64,
    /// In units of 10⁻⁸.
    pub ecc: i64,
    /// Microseconds since 1970, UTC.
    pub voted_at: i64,
}

/// Streams exactly `shape.votes` votes of partners `1..=shape.partners` over `shape.days` days, ids from 1 in order
/// of time. Only the partners and the hours are held in memory, never the votes. Without a partner or an hour to
/// vote in there is no vote.
///
/// # Panics
/// On dates at the ends of the calendar.
pub fn votes(
    shape: &Shape,
    calendar: &Calendar,
    first_day: NaiveDate,
) -> impl Iterator<Item = DemoVote> + use<> {
    let mut rng = random(shape, VOTES);
    let rhythm = Rhythm::new(shape, *calendar, first_day, &mut rng);
    let partners = Partners::new(shape, &mut rng);
    let count = if rhythm.total == 0 || shape.partners == 0 { 0 } else { shape.votes };
    (0..count).zip(1..).map(move |(earlier, id)| {
        let voted_at = rhythm.instant(earlier, count, &mut rng);
        let partner_id = partners.pick(&mut rng);
        let (vote_type, cc, ecc) = contribution(&mut rng);
        DemoVote { id, partner_id, vote_type, cc, ecc, voted_at }
    })
}

/// A CC rate every six hours, from eight days before the first day to the end of the last: a gentle walk that is
/// drawn back to a line, which starts at 1.25 and rises slowly, so that some days earn a market bonus.
///
/// # Panics
/// On dates at the ends of the calendar.
#[must_use]
pub fn rates(shape: &Shape, calendar: &Calendar, first_day: NaiveDate) -> Vec<Quote> {
    let mut rng = random(shape, RATES);
    let start = calendar.midnight(first_day - DAYS_QUOTED_BEFORE);
    let end = calendar.midnight(first_day + Days::new(shape.days.into()));
    let instants = std::iter::successors(Some(start), |at| Some(*at + QUOTE_EVERY));
    // In millionths. A step is at most 5 000 and the pull back a 64th of the distance, so the walk stays within some
    // 340 000 of its line and is always positive.
    let (mut line, mut rate) = (1_250_000, 1_250_000);
    let walk = instants.take_while(|at| *at <= end).map(|at| {
        let quote = Quote { at, rate: Units::from_i64(rate * 100) };
        line += 250;
        rate += (line - rate) / 64 + rng.random_range(-5_000..=5_000);
        quote
    });
    walk.collect()
}

fn random(shape: &Shape, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(shape.seed);
    rng.set_stream(stream);
    rng
}

/// What a vote brings: its type, CC and ECC. Three of ten spend CC, some with cents, and earn ECC with it.
fn contribution(rng: &mut ChaCha8Rng) -> (&'static str, i64, i64) {
    let ecc_cents = rng.random_range(5..=50);
    if rng.random_ratio(7, 10) {
        return ("free", 0, ecc_cents * CENT);
    }
    let whole = CC_SPENT[rng.random_range(0..CC_SPENT.len())];
    let cents = if rng.random_ratio(1, 5) { rng.random_range(1..=99) } else { 0 };
    let cc_cents = whole * 100 + cents;
    let percent_earned = rng.random_range(80..=120);
    ("cc", cc_cents * CENT, ecc_cents * CENT + cc_cents * CENT / 100 * percent_earned)
}

/// Partners, the most eager first.
struct Partners(Vec<u32>);

impl Partners {
    /// Shuffled: an id says nothing about how eager its partner is.
    fn new(shape: &Shape, rng: &mut ChaCha8Rng) -> Self {
        let mut ids: Vec<u32> = (1..=shape.partners).collect();
        ids.shuffle(rng);
        Self(ids)
    }

    /// One of the first few of the first few of them all: a tenth casts well over half of the votes, and half of
    /// them next to none.
    fn pick(&self, rng: &mut ChaCha8Rng) -> i64 {
        let mut eager = self.0.as_slice();
        for _ in 0..3 {
            eager = &eager[..rng.random_range(1..=eager.len())];
        }
        eager[eager.len() - 1].into()
    }
}

/// The hours to vote in, laid end to end with each microsecond as long as its hour is lively. Votes spread evenly
/// over that length follow the rhythm, whatever the number of hours in a day.
struct Rhythm {
    hours: Vec<Hour>,
    total: u128,
}

struct Hour {
    /// Where the hour begins on the stretched line.
    from: u128,
    start: Instant,
    liveliness: u64,
}

impl Rhythm {
    fn new(shape: &Shape, calendar: Calendar, first_day: NaiveDate, rng: &mut ChaCha8Rng) -> Self {
        let mut rhythm = Self { hours: Vec::new(), total: 0 };
        for date in first_day.iter_days().take(shape.days as usize) {
            let liveliness_of_day = rng.random_range(80..=120);
            for window in calendar.hours(date) {
                let clock = window.start.with_timezone(&calendar.zone()).hour();
                let liveliness = liveliness_of_day * RHYTHM[clock as usize];
                rhythm.hours.push(Hour { from: rhythm.total, start: window.start, liveliness });
                let length = (window.end - window.start).num_microseconds().expect("an hour is short");
                rhythm.total += u128::from(length.unsigned_abs()) * u128::from(liveliness);
            }
        }
        rhythm
    }

    /// When the vote is cast that `earlier` of `count` came before: somewhere in its own part of the line, so that
    /// votes come in order without being sorted.
    fn instant(&self, earlier: u64, count: u64, rng: &mut ChaCha8Rng) -> i64 {
        let within = rng.random_range(0..self.total);
        let place = (u128::from(earlier) * self.total + within) / u128::from(count);
        let hour = &self.hours[self.hours.partition_point(|hour| hour.from <= place) - 1];
        let microseconds = (place - hour.from) / u128::from(hour.liveliness);
        hour.start.timestamp_micros() + i64::try_from(microseconds).expect("an hour is short")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono_tz::{America, Europe, Pacific, Tz};

    use super::*;
    use crate::rewards::rates::Quotes;
    use crate::rewards::window::Kind;

    const SHAPE: Shape = Shape { votes: 20_000, partners: 1_000, days: 7, seed: 42 };

    /// Clocks in Budapest go back on 2026-10-25 and forward on 2026-03-29.
    const BUDAPEST: Calendar = Calendar::new(Europe::Budapest);

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn autumn(shape: Shape) -> Vec<DemoVote> {
        votes(&shape, &BUDAPEST, date("2026-10-22")).collect()
    }

    fn instant(vote: &DemoVote) -> Instant {
        Instant::from_timestamp_micros(vote.voted_at).unwrap()
    }

    #[test]
    fn the_seed_decides_the_data() {
        let rates = |shape: Shape| rates(&shape, &BUDAPEST, date("2026-10-22"));
        let other = Shape { seed: 43, ..SHAPE };
        assert_eq!((autumn(SHAPE), rates(SHAPE)), (autumn(SHAPE), rates(SHAPE)));
        assert_ne!(autumn(SHAPE), autumn(other));
        assert_ne!(rates(SHAPE), rates(other));
    }

    #[test]
    fn every_shape_gets_its_number_of_votes_by_its_partners_within_its_days() {
        let zones = [Tz::UTC, Europe::Budapest, America::Havana, Pacific::Apia];
        for zone in zones {
            let calendar = Calendar::new(zone);
            for (first, days) in [("2026-03-29", 1), ("2026-10-25", 1), ("2026-10-22", 12), ("2011-12-29", 3)]
            {
                let first = date(first);
                let (start, end) =
                    (calendar.midnight(first), calendar.midnight(first + Days::new(days.into())));
                for (count, partners) in [(0, 1), (1, 1), (1, 500), (700, 1), (700, 500)] {
                    let shape = Shape { votes: count, partners, days, seed: count };
                    let votes: Vec<_> = votes(&shape, &calendar, first).collect();
                    assert_eq!(votes.len() as u64, count, "{zone} {first} {shape:?}");
                    for vote in votes {
                        assert!((start..end).contains(&instant(&vote)), "{zone} {shape:?} {vote:?}");
                        assert!((1..=i64::from(partners)).contains(&vote.partner_id), "{shape:?} {vote:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn nobody_and_no_time_cast_no_vote() {
        assert_eq!(autumn(Shape { partners: 0, ..SHAPE }), []);
        assert_eq!(autumn(Shape { days: 0, ..SHAPE }), []);
    }

    #[test]
    fn votes_come_in_order_of_time_with_ids_from_one() {
        let votes = autumn(SHAPE);
        assert!(votes.is_sorted_by_key(|vote| vote.voted_at));
        assert!(votes.iter().map(|vote| vote.id).eq(1..=20_000));
    }

    #[test]
    fn a_few_partners_cast_many_votes_and_many_cast_few() {
        let mut votes_of = BTreeMap::<i64, usize>::new();
        for vote in autumn(SHAPE) {
            *votes_of.entry(vote.partner_id).or_default() += 1;
        }
        let mut counts: Vec<_> = votes_of.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let of_most_eager: usize = counts.iter().take(100).sum();
        assert!(of_most_eager > 20_000 * 3 / 10, "the top tenth cast {of_most_eager}");
        assert!(counts[0] > 200, "the most eager cast {}", counts[0]);
        let once_or_twice = counts.iter().filter(|count| **count <= 2).count();
        assert!(once_or_twice > 100, "{once_or_twice} voted once or twice");
    }

    #[test]
    fn plenty_of_votes_leave_no_hour_empty_and_follow_the_clock() {
        let votes = autumn(SHAPE);
        let hours: BTreeSet<_> =
            votes.iter().map(|vote| BUDAPEST.window_at(Kind::Hourly, instant(vote)).start).collect();
        assert_eq!(hours.len(), 7 * 24 + 1, "one of the days has 25 hours");
        let between = |from, to| {
            let clock = |vote: &&DemoVote| instant(vote).with_timezone(&Europe::Budapest).hour();
            votes.iter().filter(|vote| (from..to).contains(&clock(vote))).count()
        };
        assert!(between(19, 22) > 10 * between(2, 5));
    }

    #[test]
    fn three_of_ten_votes_spend_cc_and_earn_more_ecc_with_it() {
        let (spending, free): (Vec<_>, Vec<_>) = autumn(SHAPE).into_iter().partition(|vote| vote.cc > 0);
        assert!(spending.iter().all(|vote| vote.vote_type == "cc"));
        assert!(free.iter().all(|vote| vote.vote_type == "free" && vote.cc == 0 && vote.ecc > 0));
        assert!((5_500..6_500).contains(&spending.len()), "{} spend", spending.len());
        let mean_ecc = |votes: &[DemoVote]| {
            votes.iter().map(|vote| vote.ecc).sum::<i64>() / i64::try_from(votes.len()).unwrap()
        };
        assert!(mean_ecc(&spending) > 5 * mean_ecc(&free));
        let round = spending.iter().filter(|vote| vote.cc % (100 * CENT) == 0).count();
        assert!((spending.len() / 2..spending.len()).contains(&round), "{round} amounts are round");
    }

    #[test]
    fn rates_cover_all_that_the_days_ask_for_and_stay_positive() {
        for days in [0, 1, 7, 3_650] {
            let shape = Shape { days, ..SHAPE };
            let quotes = rates(&shape, &BUDAPEST, date("2026-10-22"));
            assert_eq!(quotes[0].at, BUDAPEST.midnight(date("2026-10-14")));
            let end = BUDAPEST.midnight(date("2026-10-22") + Days::new(days.into()));
            let last = quotes.last().unwrap().at;
            assert!(
                last <= end && end < last + QUOTE_EVERY,
                "{days} days end at {end}, the quotes at {last}"
            );
            assert!(quotes.windows(2).all(|pair| pair[1].at - pair[0].at == QUOTE_EVERY));
            for quote in quotes {
                assert!(quote.rate.count() > 80_000_000, "{quote:?}");
                assert_eq!(quote.rate.count() % 100, 0, "{quote:?} has at most 6 digits");
            }
        }
    }

    #[test]
    fn rates_rise_often_enough_for_market_bonuses() {
        let first = date("2026-10-22");
        let quotes = Quotes::new(rates(&Shape { days: 28, ..SHAPE }, &BUDAPEST, first)).unwrap();
        let earns_bonus = |day: &NaiveDate| {
            let window = BUDAPEST.day(*day);
            let reference = quotes.mean(BUDAPEST.midnight(*day - Days::new(7)), window.start);
            quotes.newest_at(window.end) > reference
        };
        let bonus_days = first.iter_days().take(28).filter(earns_bonus).count();
        assert!((7..28).contains(&bonus_days), "{bonus_days} of 28 days");
    }
}
