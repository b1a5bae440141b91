//! Attacks on a day of votes, each by partners of its own, who vote on no other account; all from a seed.

use std::collections::BTreeSet;

use crate::generate::{Random, Vote, kind_and_cc};

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Units in one CC.
const CC: u64 = 100_000_000;
/// Well past the ids of the honest partners.
const FIRST_PARTNER: u64 = 10_000_000;

/// Partners who do the same.
pub struct Group {
    pub name: &'static str,
    pub is_attack: bool,
    pub partners: BTreeSet<i64>,
}

/// Every group, and its votes one after the other.
pub fn groups(seed: u64, take: &mut dyn FnMut(Vote)) -> Vec<Group> {
    let mut made = Maker { random: Random(seed ^ 0xa77a_c4ed), next: FIRST_PARTNER, take, groups: vec![] };
    made.group("burst: 60 to 300 votes within a minute", 20, Maker::burst);
    made.group("bots, fast: equal gaps of 0.2 to 0.9 s", 20, |made, partner| {
        made.bot(partner, 2..10, 100_000)
    });
    made.group("bots, slow: equal gaps of 20 to 80 s", 20, |made, partner| {
        made.bot(partner, 2..9, 10 * SECOND)
    });
    made.group("forged amounts: a vote of 500 to 5 000 CC", 10, Maker::forged);
    made.ring();
    made.group("slow drip: a vote about every ten minutes, day and night", 100, Maker::drip);
    made.group("one honest super-fan: 3 000 votes from 7 to 23 h", 1, Maker::fan);
    if let Some(fan) = made.groups.last_mut() {
        fan.is_attack = false;
    }
    made.groups
}

struct Maker<'take> {
    random: Random,
    next: u64,
    take: &'take mut dyn FnMut(Vote),
    groups: Vec<Group>,
}

impl Maker<'_> {
    fn group(&mut self, name: &'static str, partners: u64, votes_of: impl Fn(&mut Self, u64)) {
        let first = self.next;
        self.next += partners;
        (first..self.next).for_each(|partner| votes_of(self, partner));
        let partners = (first..self.next).map(|partner| partner as i64).collect();
        self.groups.push(Group { name, is_attack: true, partners });
    }

    fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.random.below(until - from)
    }

    /// A vote like any other, at some instant.
    fn vote(&mut self, partner: u64, at: u64) {
        let (kind, cc) = kind_and_cc(&mut self.random);
        let ecc = self.random.below(40_000) * self.random.below(31_250);
        (self.take)(Vote { id: 0, partner, kind, cc, ecc, at });
    }

    fn burst(&mut self, partner: u64) {
        let (minute, votes) = (self.between(0, DAY / MINUTE), self.between(60, 301));
        for _ in 0..votes {
            let at = minute * MINUTE + self.random.below(MINUTE);
            self.vote(partner, at);
        }
    }

    /// 40 to 120 votes at a gap of so many steps.
    fn bot(&mut self, partner: u64, steps: std::ops::Range<u64>, step: u64) {
        let gap = self.between(steps.start, steps.end) * step;
        let (from, votes) = (self.between(0, 20 * HOUR), self.between(40, 121));
        (0..votes).for_each(|n| self.vote(partner, from + n * gap));
    }

    fn forged(&mut self, partner: u64) {
        for _ in 0..5 {
            let at = self.random.below(DAY);
            self.vote(partner, at);
        }
        let (at, cc) = (self.random.below(DAY), self.between(500, 5_001) * CC);
        (self.take)(Vote { id: 0, partner, kind: "cc", cc, ecc: CC, at });
    }

    /// New partners who vote together for two hours, free of charge and with as much ECC as a vote may have.
    fn ring(&mut self) {
        let from = self.between(0, 22 * HOUR);
        self.group("ring: 200 new partners, 25 to 40 votes each in two hours", 200, |made, partner| {
            for _ in 0..made.between(25, 41) {
                let (at, ecc) = (from + made.random.below(2 * HOUR), made.between(12 * CC, 125 * CC / 10));
                (made.take)(Vote { id: 0, partner, kind: "free", cc: 0, ecc, at });
            }
        });
    }

    fn drip(&mut self, partner: u64) {
        let mut at = self.random.below(10 * MINUTE);
        while at < DAY {
            self.vote(partner, at);
            at += self.between(8 * MINUTE, 12 * MINUTE);
        }
    }

    fn fan(&mut self, partner: u64) {
        for _ in 0..3_000 {
            let at = self.between(7 * HOUR, 23 * HOUR);
            self.vote(partner, at);
        }
    }
}
