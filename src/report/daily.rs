//! The figures of a day, as every form of the report shows them.

use chrono::NaiveDate;

use crate::config::Change;
use crate::rewards::money::Units;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::store::{Run, Totals};

/// One paid day. What the day and its hours were paid never changes; what waits, and the books, are as of [`Daily::at`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    pub calendar: Calendar,
    pub day: Window,
    /// When it was looked at.
    pub at: Instant,
    /// The run that paid the day.
    pub run: Run,
    /// All votes of the day.
    pub votes: u64,
    /// Votes by type: name, votes, CC.
    pub vote_types: Vec<(String, u64, Units)>,
    /// Partners with a vote in the day, which are its positions.
    pub voters: u64,
    pub paid: Paid,
    /// Those of the hours, then those of the day, in the order of their tables; the market bonus is the last.
    pub categories: Vec<Category>,
    pub pool: Pool,
    pub rates: Rates,
    /// Every hour of the day, in order.
    pub hours: Vec<Hour>,
    /// The first positions, in order, at most [`super::LISTED`].
    pub top: Vec<Placed>,
    /// None where no day before was paid.
    pub changes: Option<Changes>,
    pub transfers: Transfers,
    pub rules: RulesUsed,
    /// The books over all runs.
    pub books: Totals,
    /// What was not as it should be, the gravest first.
    pub incidents: Vec<Incident>,
}

/// What was paid for the day, and to how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// By the hours of the day that are paid.
    pub hourly: Units,
    /// From the day's pool.
    pub daily: Units,
    /// On top of the pool.
    pub market_bonus: Units,
    /// Payments of hours: a partner counts once for each hour that paid it.
    pub hourly_payments: u64,
    /// Partners that the day's run paid something.
    pub partners: u64,
}

impl Paid {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Units {
        self.hourly + self.daily + self.market_bonus
    }
}

/// A reward column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub kind: Kind,
    /// Its name in the table.
    pub column: &'static str,
    /// What there was to share in it; for the market bonus what was paid.
    pub part: Units,
    /// Who shared it; for hours the members of each added up, for the market bonus whoever got some.
    pub members: u64,
    pub paid: Units,
    pub undistributed: Units,
    /// The smallest payment that is not zero, and the largest; none where nothing was paid.
    pub range: Option<(Units, Units)>,
}

/// The day's pool: `carried_in + contributed + late_contributed = to_share = paid + carried_out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What the day before and hours could not share out.
    pub carried_in: Units,
    /// The daily shares of the day's hours.
    pub contributed: Units,
    /// CC of votes that arrived after their hour was settled; negative where votes have vanished since.
    pub late_cc: Units,
    /// What the late votes added.
    pub late_contributed: Units,
    pub to_share: Units,
    /// Without the market bonus.
    pub paid: Units,
    /// Undistributed.
    pub carried_out: Units,
    /// The day whose pool it went to; none where there was nothing.
    pub carried_to: Option<NaiveDate>,
}

/// What the day's amounts depended on besides votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The CC rate at the day's end.
    pub end: Units,
    /// The mean rate of the days before; none where nothing was quoted.
    pub reference: Option<Units>,
    /// The market bonus as a share of the other daily rewards.
    pub bonus_ratio: Units,
    /// None without voters.
    pub ecc_cap: Option<Units>,
}

/// An hour of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    pub window: Window,
    /// What it brought.
    pub settlement: Option<Settlement>,
    /// None while its own payment is still to come.
    pub payment: Option<HourPaid>,
}

/// What an hour paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourPaid {
    pub at: Instant,
    pub rules_version: String,
    pub votes: u64,
    pub voters: u64,
    pub paid: Units,
    /// Partners that got something.
    pub payments: u64,
    /// What went to a pool instead.
    pub undistributed: Units,
}

/// A partner among the first positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub position: u32,
    pub partner_id: i64,
    /// Its position the day before; none where it did not vote then.
    pub before: Option<u32>,
    /// From the day's pool.
    pub daily: Units,
    pub market_bonus: Units,
}

/// A partner's positions on two days, one of which it may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub partner_id: i64,
    pub before: Option<u32>,
    pub now: Option<u32>,
}

/// Changes of position against the day before: how many of each sort, and the largest, at most [`super::LISTED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub since: NaiveDate,
    pub risen: u64,
    pub fallen: u64,
    pub unchanged: u64,
    pub new: u64,
    pub gone: u64,
    /// Most places won first.
    pub ups: Vec<Move>,
    /// Most places lost first.
    pub downs: Vec<Move>,
    /// Partners that did not vote the day before, the best positions first.
    pub newcomers: Vec<Move>,
    /// Partners that did not vote this day, the best former positions first.
    pub leavers: Vec<Move>,
}

/// Special partners' transfers of the day's hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    pub queued: u64,
    pub queued_sum: Units,
    pub waiting: u64,
    pub waiting_sum: Units,
    /// Of those that wait, the ones that were tried in vain.
    pub failing: u64,
    /// Why one of them failed last.
    pub last_error: Option<String>,
}

impl Transfers {
    /// Those that arrived: whatever does not wait any more.
    #[must_use]
    pub const fn delivered(&self) -> u64 {
        self.queued.saturating_sub(self.waiting)
    }

    #[must_use]
    pub fn delivered_sum(&self) -> Units {
        self.queued_sum - self.waiting_sum
    }
}

/// The rules that the day was paid by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesUsed {
    pub version: String,
    /// Its number among the recorded ones; none where it is not recorded any more.
    pub number: Option<u64>,
    /// The version that the day before was paid by, where it is another one.
    pub before: Option<String>,
    /// What changed between the two.
    pub changes: Vec<Change>,
}

/// How grave an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Money is missing or too much, or may be.
    Broken,
    /// Something was late, or is still to be done.
    Warning,
    /// Worth knowing.
    Notice,
}

impl Level {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// Something that people should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub level: Level,
    /// Its sort, in one word for programs.
    pub name: &'static str,
    /// A sentence.
    pub text: String,
}
