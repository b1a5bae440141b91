//! The parameters of the rules, as the pure code takes them. `config.rs` reads and validates them.

use super::alarms::Alarm;
use super::money::Units;

/// All that decides an amount besides votes, rates and the pool. Shares and multipliers are decimals scaled by
/// 10⁸, none negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub pool: PoolRules,
    pub ranking: Vec<RankKey>,
    pub hourly: HourlyRules,
    pub daily: DailyRules,
    /// Special partners, whose hourly sums go on to the remote database (section 5); ascending, no duplicates.
    pub special_partners: Vec<i64>,
    /// In the order of the configuration; empty by default.
    pub alarms: Vec<Alarm>,
}

/// Section 4: which votes bring money, and how much of it the hour pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRules {
    pub vote_types: Vec<String>,
    /// The hour's part of its contribution, 0 to 1; the rest is the daily pool's.
    pub hourly_share: Units,
}

/// Section 3: one key of the ranking. `partner_id` closes every order and is no key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankKey {
    /// More votes first.
    Votes,
    /// More ECC first.
    Ecc,
    /// The earlier last vote first.
    EarliestLastVote,
}

/// The five categories of an hour, in the order of section 5.
pub const HOURLY_CATEGORIES: [&str; 5] = ["top10p", "top10", "top100", "top1000", "all"];

/// The five fixed tiers of a day, in the order of section 6.
pub const DAILY_TIERS: [&str; 5] = ["top10", "top100", "top1000", "top10000", "all"];

/// Section 5. Weights in the order of [`HOURLY_CATEGORIES`]; their sum is positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourlyRules {
    pub weights: [Units; 5],
}

/// Section 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyRules {
    pub min_votes: u64,
    pub min_active_hours: u64,
    /// Fixed, ECC and top-50 % part; they add up to 1.
    pub split: [Units; 3],
    /// In the order of [`DAILY_TIERS`]; their sum is positive.
    pub tier_weights: [Units; 5],
    /// In the order of [`DAILY_TIERS`].
    pub tier_min_votes: [u64; 5],
    pub ecc_cap_multiplier: Units,
    pub market_bonus: MarketBonusRules,
}

/// Section 6, market bonus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketBonusRules {
    pub sensitivity: Units,
    pub lookback_days: u32,
    pub max_ratio: Units,
}
