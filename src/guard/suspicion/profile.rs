//! What is remembered of a partner's day, and its form in the database.

use std::collections::HashMap;

use super::statistics::{log2, median};
use crate::rewards::vote::Tally;

/// Gaps between votes that say something about their spacing.
const MIN_GAPS: usize = 4;

/// The most regular that counts: gaps that differ by less than a thousandth.
const MOST_REGULAR: i64 = 10_000;

/// What regularity is where there are too few votes for it.
const NOT_KNOWN: u16 = u16::MAX;

/// One partner's day in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    pub partner_id: i64,
    /// Counts from 1.
    pub position: u32,
    pub votes: u32,
    /// Mean ECC of a vote, units of 10⁻⁸, rounded down.
    pub ecc_per_vote: u64,
    pub active_hours: u8,
    /// How many times its own deviation the median gap between votes is, as a logarithm to base 2 in thousandths, 0 to
    /// 10 000: about 500 where votes come by chance, 4000 where gaps differ by 6 %. None of few votes.
    ///
    /// Against the share of gaps near the median it keeps apart what matters: a program that waits "ten seconds, and a
    /// bit" has hardly a gap within 1 % of another, and yet no person is as even.
    pub regularity: Option<u16>,
    /// Votes before 06:00 local time. Their number, and not their share: one vote of a person who could not sleep is all
    /// of that person's votes, and says nothing.
    pub night: u32,
}

/// Bytes of one [`Profile`].
pub const PROFILE_BYTES: usize = 8 + 4 + 4 + 8 + 1 + 2 + 4;

/// Profiles in one row: well below a megabyte, so that no server's limit on packets is met.
pub const PROFILES_A_PART: usize = 24_000;

impl Profile {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.partner_id.to_le_bytes());
        bytes.extend(self.position.to_le_bytes());
        bytes.extend(self.votes.to_le_bytes());
        bytes.extend(self.ecc_per_vote.to_le_bytes());
        bytes.push(self.active_hours);
        bytes.extend(self.regularity.unwrap_or(NOT_KNOWN).to_le_bytes());
        bytes.extend(self.night.to_le_bytes());
    }

    fn read(bytes: &[u8; PROFILE_BYTES]) -> Self {
        fn part<const N: usize>(bytes: &[u8; PROFILE_BYTES], from: usize) -> [u8; N] {
            std::array::from_fn(|at| bytes[from + at])
        }
        let regularity = u16::from_le_bytes(part(bytes, 25));
        Self {
            partner_id: i64::from_le_bytes(part(bytes, 0)),
            position: u32::from_le_bytes(part(bytes, 8)),
            votes: u32::from_le_bytes(part(bytes, 12)),
            ecc_per_vote: u64::from_le_bytes(part(bytes, 16)),
            active_hours: bytes[24],
            regularity: (regularity != NOT_KNOWN).then_some(regularity),
            night: u32::from_le_bytes(part(bytes, 27)),
        }
    }
}

/// A day of partners, by their ids, in rows of the database: one at least. Fixed width, little endian: a day of 50 000
/// partners is 1.6 MB, written and read in milliseconds.
#[must_use]
pub fn pack(profiles: &[Profile]) -> Vec<Vec<u8>> {
    let part = |profiles: &[Profile]| {
        let mut bytes = Vec::with_capacity(profiles.len() * PROFILE_BYTES);
        profiles.iter().for_each(|profile| profile.write(&mut bytes));
        bytes
    };
    if profiles.is_empty() { vec![vec![]] } else { profiles.chunks(PROFILES_A_PART).map(part).collect() }
}

/// What [`pack`] made; none where these are not whole profiles.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Option<Vec<Profile>> {
    let (profiles, rest) = bytes.as_chunks::<PROFILE_BYTES>();
    rest.is_empty().then(|| profiles.iter().map(Profile::read).collect())
}

/// The profiles of a day, by partner. `times` are the votes of each partner, microseconds since 1970, in any order;
/// `night_until` is the end of the day's night.
#[must_use]
pub fn profiles(
    ranking: &[Tally],
    times: &mut HashMap<i64, Vec<i64>, impl std::hash::BuildHasher>,
    night_until: i64,
) -> Vec<Profile> {
    let profile = |(index, tally): (usize, &Tally)| {
        let mut times = times.remove(&tally.partner_id).unwrap_or_default();
        times.sort_unstable();
        let night = times.partition_point(|at| *at < night_until);
        let ecc = u64::try_from(tally.ecc.count() / i128::from(tally.votes.max(1)));
        Profile {
            partner_id: tally.partner_id,
            position: u32::try_from(index + 1).unwrap_or(u32::MAX),
            votes: u32::try_from(tally.votes).unwrap_or(u32::MAX),
            ecc_per_vote: ecc.unwrap_or(u64::MAX),
            active_hours: tally.active_hours.min(255) as u8,
            regularity: regularity(&times),
            night: u32::try_from(night).unwrap_or(u32::MAX),
        }
    };
    let mut profiles: Vec<Profile> = ranking.iter().enumerate().map(profile).collect();
    profiles.sort_unstable_by_key(|profile| profile.partner_id);
    profiles
}

/// See [`Profile::regularity`]; of sorted times.
fn regularity(times: &[i64]) -> Option<u16> {
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.len() < MIN_GAPS {
        return None;
    }
    let usual = median(&mut gaps)?;
    let mut distances: Vec<i64> = gaps.iter().map(|gap| (gap - usual).abs()).collect();
    let deviation = median(&mut distances)?;
    let regularity = if deviation == 0 {
        MOST_REGULAR
    } else {
        (log2(usual.unsigned_abs()) - log2(deviation.unsigned_abs())).clamp(0, MOST_REGULAR)
    };
    Some(regularity as u16)
}
