//! One believable day of votes, the same for the same seed on every machine: integers only.

use std::io::{self, Write};

/// The day that is generated and paid.
pub const DAY: &str = "2026-11-01";
/// The day after it, at which it ends.
pub const NEXT_DAY: &str = "2026-11-02";
/// What `as of` a run of that day may be.
pub const AFTER_DAY: &str = "2026-11-02T00:00:35Z";
/// Raised whenever the same seed begins to give other rows, so that kept data is made anew.
pub const FORMAT: u32 = 1;

const HOUR: u64 = 3_600_000_000;
/// How lively each hour of the day is.
const RHYTHM: [u64; 24] =
    [5, 3, 2, 2, 2, 3, 5, 9, 13, 15, 14, 15, 17, 16, 14, 13, 14, 17, 21, 24, 23, 18, 12, 7];
/// Votes of this many in a hundred are written a little after they were cast.
const LATE: u64 = 2;
/// Units in one CC.
const CC: u64 = 100_000_000;

/// How much is generated.
#[derive(Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub votes: u64,
    pub partners: u64,
}

/// All sizes, smallest first. The partners are those who may vote; some never do.
pub const SIZES: [Size; 3] = [
    Size { name: "S", votes: 1_000_000, partners: 50_000 },
    Size { name: "M", votes: 10_000_000, partners: 200_000 },
    Size { name: "XL", votes: 50_000_000, partners: 400_000 },
];

/// A vote of the day.
#[derive(Clone, Copy)]
pub struct Vote {
    pub id: u64,
    pub partner: u64,
    pub kind: &'static str,
    /// Units of 10⁻⁸.
    pub cc: u64,
    pub ecc: u64,
    /// Microseconds from the day's start.
    pub at: u64,
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `limit - 1`.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

/// Writes the day's votes in the order of their ids, as `LOAD DATA` reads them.
pub fn votes(size: Size, seed: u64, out: &mut impl Write) -> io::Result<()> {
    each_vote(size, seed, |vote| write_vote(out, &vote))
}

/// The day's votes in the order of their ids.
pub fn each_vote(size: Size, seed: u64, mut take: impl FnMut(Vote) -> io::Result<()>) -> io::Result<()> {
    let mut random = Random(seed);
    let all: u64 = RHYTHM.iter().sum();
    let (mut id, mut lively) = (0, 0);
    for (hour, rhythm) in (0..).zip(RHYTHM) {
        lively += rhythm;
        let first = id;
        let count = size.votes * lively / all - first;
        while id < first + count {
            // Evenly spread within the hour, then shaken: ascending without a sort.
            let (place, shaken) = (id - first, random.below(1_000_000));
            let mut at = hour * HOUR + (place * 1_000_000 + shaken) * (HOUR / 1_000_000) / count;
            if random.below(100) < LATE {
                at = at.saturating_sub(random.below(5_000_000));
            }
            id += 1;
            let partner = partner(&mut random, size.partners);
            let (kind, cc) = kind_and_cc(&mut random);
            // Up to 12.5, small ones more often.
            let ecc = random.below(40_000) * random.below(31_250);
            take(Vote { id, partner, kind, cc, ecc, at })?;
        }
    }
    Ok(())
}

/// Some vote ten times as often as others: the n-th liveliest about n^(-2/3) as often as the first, with the
/// very first ones flattened. Ids say nothing about liveliness and have gaps.
fn partner(random: &mut Random, partners: u64) -> u64 {
    const FLAT: u128 = 1 << 28; // of 2^32
    let place = FLAT + u128::from(random.below((1 << 32) - FLAT as u64));
    let cube = |x: u128| (x * x * x) >> 32;
    let rank = ((cube(place) - cube(FLAT)) * u128::from(partners)) >> 64;
    10_000 + (rank as u64 * 7_919 % partners) * 3
}

/// Of ten votes eight bring money, some with all eight digits.
pub fn kind_and_cc(random: &mut Random) -> (&'static str, u64) {
    let amount = |random: &mut Random| match random.below(10) {
        0..6 => random.below(51) * CC,
        6..9 => random.below(5_001) * (CC / 100),
        _ => random.below(50 * CC + 1),
    };
    match random.below(100) {
        0..80 => ("cc", amount(random)),
        80..92 => ("free", 0),
        _ => ("bonus", amount(random)),
    }
}

fn write_vote(out: &mut impl Write, vote: &Vote) -> io::Result<()> {
    let Vote { id, partner, kind, cc, ecc, at } = *vote;
    let (seconds, micros) = (at / 1_000_000, at % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    writeln!(
        out,
        "{id}\t{partner}\t{kind}\t{}.{:08}\t{}.{:08}\t{DAY} {hour:02}:{minute:02}:{second:02}.{micros:06}",
        cc / CC,
        cc % CC,
        ecc / CC,
        ecc % CC,
    )
}

/// Writes a rate for every six hours from eight days before the day to its end; it rises a little.
pub fn rates(seed: u64, out: &mut impl Write) -> io::Result<()> {
    const BEFORE: [&str; 8] = [
        "2026-10-24",
        "2026-10-25",
        "2026-10-26",
        "2026-10-27",
        "2026-10-28",
        "2026-10-29",
        "2026-10-30",
        "2026-10-31",
    ];
    let mut random = Random(!seed);
    let mut rate = CC;
    for day in BEFORE.into_iter().chain([DAY]) {
        for hour in [0, 6, 12, 18] {
            writeln!(out, "{day} {hour:02}:00:00.000000\t{}.{:08}", rate / CC, rate % CC)?;
            rate = rate + random.below(CC / 50) - CC / 125;
        }
    }
    Ok(())
}
