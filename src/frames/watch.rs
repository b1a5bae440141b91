//! What alarms need to know of single votes, watched while these stream and are added up.
//!
//! A rule about one vote keeps the offenders only. A rule about times keeps the partner and the instant of every vote,
//! 16 bytes each: 16 MB for a million votes, 160 MB for ten million; room for more is made as they come, up to twice
//! as much. Rules about sums need nothing.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::TimeDelta;
use foldhash::fast::RandomState;

use super::Vote;
use crate::rewards::alarms::{Alarm, AlarmRule, Needs};
use crate::rewards::money::Units;
use crate::rewards::window::{Calendar, Window};

const MINUTE_MICROS: i64 = 60_000_000;

/// How many heaps the times are kept in, by partner. A heap of a million votes fits the processor's nearest memory,
/// where it is sorted in half the time that the whole would take.
const HEAPS: usize = 256;

/// What is to be watched in one window; made of the alarms in force.
#[derive(Debug, PartialEq, Eq)]
pub struct Watch {
    rules: Vec<VoteRule>,
    times: bool,
}

/// A rule about one vote.
#[derive(Debug, PartialEq, Eq)]
struct VoteRule {
    /// Its place in the list of alarms.
    place: usize,
    alarm: Alarm,
    allowed: Allowed,
}

/// What one vote may be.
#[derive(Debug, PartialEq, Eq)]
enum Allowed {
    /// Units of 10⁻⁸.
    Cc(RangeInclusive<i128>),
    Ecc(RangeInclusive<i128>),
    /// Whether one may vote, for each minute from the window's start.
    Minutes {
        start: i64,
        open: Vec<bool>,
    },
}

impl Watch {
    /// Nothing where no alarm needs to know of single votes.
    #[must_use]
    pub fn new(alarms: &[Alarm], window: &Window, calendar: &Calendar) -> Option<Arc<Self>> {
        let of_kind = || alarms.iter().enumerate().filter(|(_, alarm)| alarm.kinds.contains(&window.kind));
        let rules = of_kind().filter_map(|(place, alarm)| {
            let allowed = Allowed::by(&alarm.rule, window, calendar)?;
            Some(VoteRule { place, alarm: alarm.clone(), allowed })
        });
        let rules: Vec<_> = rules.collect();
        let times = of_kind().any(|(_, alarm)| alarm.rule.needs(window.kind) == Needs::Times);
        (times || !rules.is_empty()).then(|| Arc::new(Self { rules, times }))
    }

    /// When each partner voted, and nothing else: for whoever looks at a day after it was paid.
    #[must_use]
    pub fn of_times() -> Arc<Self> {
        Arc::new(Self { rules: vec![], times: true })
    }
}

impl Allowed {
    /// None where the rule is about something else, or holds for all votes of the window.
    fn by(rule: &AlarmRule, window: &Window, calendar: &Calendar) -> Option<Self> {
        let range = |at_least: &Option<Units>, at_most: &Option<Units>| {
            at_least.map_or(i128::MIN, Units::count)..=at_most.map_or(i128::MAX, Units::count)
        };
        match rule {
            AlarmRule::CcPerVote { at_least, at_most } => Some(Self::Cc(range(at_least, at_most))),
            AlarmRule::EccPerVote { at_least, at_most } => Some(Self::Ecc(range(at_least, at_most))),
            AlarmRule::AllowedTimes { .. } => {
                // Zones differ from UTC by whole minutes, and their clocks change at whole minutes.
                let minutes =
                    std::iter::successors(Some(window.start), |at| Some(*at + TimeDelta::minutes(1)));
                let minutes = minutes.take_while(|at| *at < window.end);
                let local = minutes.map(|at| at.with_timezone(&calendar.zone()).naive_local());
                let open: Vec<bool> = local.map(|local| rule.allows_time(local)).collect();
                let start = window.start.timestamp_micros();
                open.contains(&false).then_some(Self::Minutes { start, open })
            }
            _ => None,
        }
    }

    /// How far outside a vote is, and what shows it; none where it is allowed.
    fn offence(&self, vote: &Vote<'_>) -> Option<(i128, i64)> {
        let (range, value) = match self {
            Self::Cc(range) => (range, vote.cc),
            Self::Ecc(range) => (range, vote.ecc),
            Self::Minutes { start, open } => {
                let minute = (vote.voted_at - start) / MINUTE_MICROS;
                // The earlier, the worse: the first such vote is shown.
                return (!open[minute as usize]).then(|| (-i128::from(vote.voted_at), vote.voted_at));
            }
        };
        let amount = i128::from(value);
        if range.contains(&amount) {
            return None;
        }
        let outside = if amount < *range.start() { range.start() - amount } else { amount - range.end() };
        Some((outside, value))
    }
}

/// What one partner's votes did against a rule about one vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// How many votes did.
    pub votes: u64,
    /// The worst of them: an amount in units of 10⁻⁸, or an instant in microseconds since 1970, UTC, the first.
    pub worst: i64,
    outside: i128,
}

impl Offence {
    fn add(&mut self, other: &Self) {
        self.votes += other.votes;
        (self.outside, self.worst) = (self.outside, self.worst).max((other.outside, other.worst));
    }
}

/// When a partner voted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VoteTime {
    pub partner_id: i64,
    /// Microseconds since 1970, UTC.
    pub voted_at: i64,
}

/// What was seen of a window's votes. It is the same for any order and any number of parts that they came in.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    watch: Option<Arc<Watch>>,
    /// For each rule of the watch, who offended.
    offences: Vec<HashMap<i64, Offence, RandomState>>,
    /// [`HEAPS`], each with all votes of its partners; empty where no rule is about times.
    times: Vec<Vec<VoteTime>>,
    /// How many times there are.
    votes: usize,
}

impl Watched {
    pub(super) fn new(watch: Option<Arc<Watch>>) -> Self {
        let (rules, times) = watch.as_ref().map_or((0, false), |watch| (watch.rules.len(), watch.times));
        Self {
            watch,
            offences: vec![HashMap::default(); rules],
            times: if times { vec![vec![]; HEAPS] } else { vec![] },
            votes: 0,
        }
    }

    /// Whether there is anything to watch.
    pub(super) const fn is_on(&self) -> bool {
        self.watch.is_some()
    }

    pub(super) fn see(&mut self, vote: &Vote<'_>) {
        let rules = self.watch.iter().flat_map(|watch| &watch.rules);
        for (rule, offences) in rules.zip(&mut self.offences) {
            if let Some((outside, worst)) = rule.allowed.offence(vote)
                && rule.alarm.concerns(vote.partner_id)
            {
                add(offences, vote.partner_id, &Offence { votes: 1, worst, outside });
            }
        }
    }

    /// Keeps when votes were cast, where a rule is about times: many at once, as the heaps lie all over the memory.
    pub(super) fn keep_times(&mut self, times: impl ExactSizeIterator<Item = VoteTime>) {
        if self.times.is_empty() {
            return;
        }
        self.votes += times.len();
        times.for_each(|time| self.times[heap(time.partner_id)].push(time));
    }

    /// Adds what was seen of another part of the window, and leaves that one empty.
    pub(super) fn absorb(&mut self, part: &mut Self) {
        assert_eq!(self.watch, part.watch, "parts are watched alike");
        for (own, part) in self.offences.iter_mut().zip(&mut part.offences) {
            part.drain().for_each(|(partner_id, offence)| add(own, partner_id, &offence));
        }
        for (own, part) in self.times.iter_mut().zip(&mut part.times) {
            own.append(part);
        }
        self.votes += std::mem::take(&mut part.votes);
    }

    /// What the times take, bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.votes * size_of::<VoteTime>()
    }

    /// To be called before anybody looks at the times.
    pub(super) fn sort(&mut self) {
        self.times.iter_mut().for_each(|heap| heap.sort_unstable());
    }

    /// Who offended against the alarm at a place of the list, by partner.
    #[must_use]
    pub fn offences(&self, place: usize) -> Vec<(i64, Offence)> {
        let rules = self.watch.iter().flat_map(|watch| &watch.rules);
        let of_rule = rules.zip(&self.offences).find(|(rule, _)| rule.place == place);
        let offences = of_rule.into_iter().flat_map(|(_, offences)| offences);
        let mut offences: Vec<_> = offences.map(|(partner_id, offence)| (*partner_id, *offence)).collect();
        offences.sort_unstable_by_key(|(partner_id, _)| *partner_id);
        offences
    }

    /// The votes of each partner in order of time, the partners in no order; nothing where no rule is about times.
    pub fn times(&self) -> impl Iterator<Item = &[VoteTime]> {
        let heaps = self.times.iter();
        heaps.flat_map(|heap| heap.chunk_by(|one, next| one.partner_id == next.partner_id))
    }
}

fn add(offences: &mut HashMap<i64, Offence, RandomState>, partner_id: i64, offence: &Offence) {
    offences.entry(partner_id).and_modify(|own| own.add(offence)).or_insert(*offence);
}

/// Which heap a partner's votes lie in: the highest bits of a product that spreads neighbours.
const fn heap(partner_id: i64) -> usize {
    ((partner_id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % HEAPS
}
