//! What is out of the ordinary, and from when on: statistics, which never change an amount by themselves. Only the
//! types: `config` reads and validates them, `guard` measures.

use super::money::Units;

/// A measure of a partner's day, and how far from the ordinary it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// 1 to 32 of a-z, 0-9 and _; no two have the same.
    pub name: String,
    pub measure: Measure,
    /// 1 to 5 robust z-scores (distance from the median in deviations), ascending, each above 0. A partner who is
    /// past one is suspected at its stage, which counts from 1.
    pub stages: Vec<Units>,
    /// Votes of the day from which on a partner is measured; at least 1.
    pub min_votes: u64,
    /// Days of the partner's own, of the last 14, from which on the day is compared with these too; 2 to 14.
    pub min_days: u32,
}

/// What is measured of a partner's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// How many votes.
    Votes,
    /// The mean of their ECC.
    EccPerVote,
    /// How alike the gaps between them are.
    Regularity,
    /// How many are of the night: before 06:00 local time.
    Night,
    /// How far the partner rose above its usual position.
    PositionJump,
    /// How many more partners than chance would bring have such a day.
    Cohort,
}

impl Measure {
    pub const ALL: [Self; 6] =
        [Self::Votes, Self::EccPerVote, Self::Regularity, Self::Night, Self::PositionJump, Self::Cohort];

    /// The word of the configuration, of tables and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::EccPerVote => "ecc_per_vote",
            Self::Regularity => "regularity",
            Self::Night => "night",
            Self::PositionJump => "position_jump",
            Self::Cohort => "cohort",
        }
    }
}
