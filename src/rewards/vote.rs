//! What votes become before they are ranked and paid (rules, section 3).

use super::money::Units;
use super::window::Instant;

/// One partner's votes over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub partner_id: i64,
    /// At least 1: who has no vote is not in the window.
    pub votes: u64,
    /// Σcc, CC.
    pub cc: Units,
    /// Σecc, ECC.
    pub ecc: Units,
    /// The latest `voted_at`.
    pub last: Instant,
    /// How many of the day's hours hold a vote.
    pub active_hours: u32,
}

/// All votes of one type over a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeTotal {
    pub vote_type: String,
    pub votes: u64,
    /// Σcc, CC.
    pub cc: Units,
}

/// Everything a plan needs to know of a window's votes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turnout {
    /// By position: the partner at index 0 holds position 1.
    pub ranking: Vec<Tally>,
    pub votes: u64,
    /// By name of the type.
    pub by_type: Vec<TypeTotal>,
    /// Σcc of the pool's vote types in each hour of the window: one entry for an hour, one per hour for a day.
    pub pool_cc_by_hour: Vec<Units>,
}

impl Turnout {
    /// `cc_total` of section 4: Σcc of the pool's vote types over the whole window.
    #[must_use]
    pub fn pool_cc(&self) -> Units {
        self.pool_cc_by_hour.iter().copied().sum()
    }

    #[must_use]
    pub fn voters(&self) -> usize {
        self.ranking.len()
    }

    /// How many positions a category reaches.
    #[must_use]
    pub fn positions(&self, reach: Reach) -> usize {
        let voters = self.voters();
        match reach {
            Reach::Top(k) => k.min(voters),
            Reach::Percent(x) => (voters * x).div_ceil(100),
            Reach::All => voters,
        }
    }
}

/// Whom a category is for, by position (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// `topK`: positions ≤ K.
    Top(usize),
    /// `topX%`: positions ≤ ceil(n·X/100).
    Percent(usize),
    All,
}
