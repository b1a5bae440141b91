//! The plan of one run: every amount, every count, every pool, before anything is written. Pure code makes it, the
//! job only carries it out, and what is logged, shown or compared is read from it.

use super::alarms::Raised;
use super::money::{MoneyError, Units};
use super::pool::{PoolChange, Settlement};
use super::vote::Turnout;
use super::window::{Instant, Kind, Window};

/// Reward columns of an hour, in the order of the table.
pub const HOURLY_COLUMNS: [&str; 5] = [
    "hourly_reward_top10p",
    "hourly_reward_top10",
    "hourly_reward_top100",
    "hourly_reward_top1000",
    "hourly_reward_all",
];

/// Reward columns of a day, in the order of the table; the market bonus is the last and not from the pool.
pub const DAILY_COLUMNS: [&str; 8] = [
    "daily_reward_top10",
    "daily_reward_top100",
    "daily_reward_top1000",
    "daily_reward_top10000",
    "daily_reward_all",
    "daily_reward_top10p_ecc",
    "daily_reward_top50p",
    "cc_market_reward",
];

/// The reward columns of a kind, in the order of its table.
#[must_use]
pub const fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Hourly => &HOURLY_COLUMNS,
        Kind::Daily => &DAILY_COLUMNS,
    }
}

/// The reward table of a kind.
#[must_use]
pub const fn reward_table(kind: Kind) -> &'static str {
    match kind {
        Kind::Hourly => "reward_list_hourly",
        Kind::Daily => "reward_list_daily",
    }
}

/// Why no plan could be made of a window. Trying again does not help until the source has changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    #[error("no CC rate is quoted at or before {at}, the end of {window}", at = super::window::show(window.end))]
    NoRate { window: Window },
    #[error("{what} of {window} {source}")]
    Money { window: Window, what: &'static str, source: MoneyError },
}

impl PlanError {
    /// For `map_err`: an amount that cannot be stored, and whose it is.
    pub(super) fn money(window: &Window, what: &'static str) -> impl Fn(MoneyError) -> Self + use<> {
        let window = *window;
        move |source| Self::Money { window, what, source }
    }
}

/// One category's part of what is shared, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The reward column it is paid in.
    pub column: &'static str,
    pub part: Units,
    /// Who shares it: their positions count from 1.
    pub members: Vec<u32>,
    /// One amount per member; they add up to the part, or are all zero and the part is undistributed.
    pub shares: Vec<Units>,
    pub undistributed: Units,
}

impl Part {
    #[must_use]
    pub fn paid(&self) -> Units {
        self.shares.iter().copied().sum()
    }
}

/// Reward rows column by column, in the order of [`columns`]: one amount per position, as the parts share it out.
#[must_use]
pub(super) fn amounts(kind: Kind, voters: usize, parts: &[Part]) -> Vec<Vec<Units>> {
    let mut amounts = vec![vec![Units::ZERO; voters]; columns(kind).len()];
    for part in parts {
        let column = columns(kind).iter().position(|name| *name == part.column);
        let column = &mut amounts[column.expect("a part is paid in a column of its table")];
        for (position, share) in part.members.iter().zip(&part.shares) {
            column[*position as usize - 1] = *share;
        }
    }
    amounts
}

/// The market bonus of a day (section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketBonus {
    pub rate_end: Units,
    /// None where nothing was quoted in the lookback.
    pub rate_reference: Option<Units>,
    pub ratio: Units,
    pub total: Units,
}

/// What only a day has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyFigures {
    /// Σcc of the day less Σcc settled: positive where votes came after their hour was settled, negative where
    /// some have vanished since.
    pub late_cc: Units,
    /// What the late votes add to the pool.
    pub late_total: Units,
    /// None without voters.
    pub ecc_cap: Option<Units>,
    pub market: MarketBonus,
}

/// A special partner's hourly sum on its way to the remote database (section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transfer {
    /// The hour's start.
    pub time: Instant,
    pub partner_id: i64,
    pub amount: Units,
}

/// Everything one run writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub window: Window,
    pub turnout: Turnout,
    /// The CC rate at the window's end, or the one an hour was settled at.
    pub rate: Units,
    /// Σcc that counts for the pool: as settled for an hour, over the day's votes for a day.
    pub cc_total: Units,
    /// Hours that this run settles, in order.
    pub settlements: Vec<Settlement>,
    /// The hour's whole contribution, or the pool that a day had to distribute.
    pub total: Units,
    /// What is shared: the hourly share, or the day's pool.
    pub to_share: Units,
    /// The day's part of an hour's contribution; zero for a day.
    pub daily_share: Units,
    pub parts: Vec<Part>,
    pub daily: Option<DailyFigures>,
    /// The pool of the window's day before and after.
    pub pool: (Units, Units),
    /// In order of days; the run refuses to commit where a `before` no longer holds.
    pub pool_changes: Vec<PoolChange>,
    /// The reward rows column by column, in the order of [`columns`]; each column holds one amount per position.
    pub amounts: Vec<Vec<Units>>,
    /// In order of partners; without those of partners that are held.
    pub transfers: Vec<Transfer>,
    /// What alarms found. They change no amount of the plan.
    pub raised: Vec<Raised>,
    /// The positions whose amounts are set aside instead of being paid, ascending; see [`Plan::hold`].
    pub held: Vec<u32>,
    /// The transfers of those partners, which are queued where their amounts are released. In order of partners.
    pub withheld: Vec<Transfer>,
}

impl Plan {
    /// What was shared out of [`Plan::to_share`], the market bonus apart: paid, or set aside.
    #[must_use]
    pub fn distributed(&self) -> Units {
        self.parts.iter().map(Part::paid).sum()
    }

    #[must_use]
    pub fn undistributed(&self) -> Units {
        self.parts.iter().map(|part| part.undistributed).sum()
    }

    #[must_use]
    pub fn market_bonus(&self) -> Units {
        self.daily.as_ref().map_or(Units::ZERO, |daily| daily.market.total)
    }

    /// What this run brings into the books: the contributions it settles and those of late votes.
    #[must_use]
    pub fn contributed(&self) -> Units {
        let late = self.daily.as_ref().map_or(Units::ZERO, |daily| daily.late_total);
        self.settlements.iter().map(|settlement| settlement.total).sum::<Units>() + late
    }

    /// Holds what every plan must: nothing is lost, doubled or made up within it.
    ///
    /// # Panics
    /// Where it does not hold: such a plan is a bug, and must never be carried out.
    pub(super) fn assert_sound(self) -> Self {
        assert_eq!(
            self.distributed().checked_add(self.undistributed()),
            Ok(self.to_share),
            "{}: what is paid and what is left over are what there was to share",
            self.window
        );
        for part in &self.parts {
            assert_eq!(part.shares.len(), part.members.len(), "{}: a share for each member", self.window);
            assert_eq!(part.paid() + part.undistributed, part.part, "{}: {}", self.window, part.column);
            assert!(part.members.is_sorted(), "{}: members stand by position", self.window);
        }
        let pools = |amount: fn(&PoolChange) -> Units| self.pool_changes.iter().map(amount).sum::<Units>();
        let (before, after) = (pools(|c| c.before.unwrap_or_default()), pools(|c| c.after));
        let into_pools = match self.window.kind {
            // What the hour pays of its share never was in a pool.
            Kind::Hourly => {
                let settled: Units = self.settlements.iter().map(|s| s.daily_share).sum();
                before + settled + self.undistributed()
            }
            Kind::Daily => {
                let hourly: Units = self.settlements.iter().map(|s| s.hourly_share).sum();
                before + self.contributed() - hourly - self.distributed()
            }
        };
        assert_eq!(into_pools, after, "{}: the pools change by what comes in and goes out", self.window);
        self
    }
}
