//! Why a partner got what it got: one payment, taken apart. Plain data; the command line and the dashboard put it into
//! words.
//!
//! Everything is made from the votes as they are now and the books as the run found them, and then held against what
//! is stored, so an explanation also says whether the two agree.

use crate::rewards::allocation::Share;
use crate::rewards::money::Units;
use crate::rewards::rules::RankKey;
use crate::rewards::vote::{Reach, Tally};
use crate::rewards::window::{Kind, Window};
use crate::store::{RewardRow, Run, StoredTransfer};

use super::{ProofError, Prover};

mod changes;
mod make;
mod record;
mod set_aside;
#[cfg(test)]
mod tests;

pub use changes::{Change, Figure};
pub use make::Explainer;
pub use record::ExplanationRecord;
pub use set_aside::{AlarmExplained, SetAsideExplained};

/// One partner's payment of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub window: Window,
    pub run: Run,
    /// How often the partner cast each type of vote, by name of the type.
    pub votes_by_type: Vec<TypeVotes>,
    /// Votes, CC, ECC, last vote and active hours of the partner.
    pub tally: Tally,
    /// Counts from 1.
    pub position: u32,
    pub voters: u32,
    /// The order of the ranking's keys; `partner_id` closes it.
    pub ranking: Vec<RankKey>,
    /// Other partners' ids and figures, which not everyone may see; see [`Explanation::without_others`].
    pub neighbours: Option<Neighbours>,
    pub source: Money,
    /// In the order of their columns.
    pub parts: Vec<PartExplained>,
    /// Of a day.
    pub bonus: Option<BonusExplained>,
    /// In the order of [`crate::rewards::plan::columns`].
    pub amounts: Vec<Amount>,
    /// Of a special partner's hour.
    pub transfer: Option<TransferExplained>,
    /// What an alarm has kept back of it, and what became of that.
    pub set_aside: Option<SetAsideExplained>,
    /// The row as it was paid; none where there is none.
    pub stored: Option<RewardRow>,
    /// Whether votes or rates came, changed or vanished since the run was made.
    pub has_drifted: bool,
    /// What the run recorded otherwise than it comes out now, what went in first.
    pub changes: Vec<Change>,
}

/// How often a type of vote was cast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeVotes {
    pub vote_type: String,
    pub votes: u64,
    /// Whether the CC of such votes brings money into the pool.
    pub in_pool: bool,
}

/// Who stands next to a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// None for the first.
    pub before: Option<Neighbour>,
    /// None for the last.
    pub after: Option<Neighbour>,
}

/// Another partner, and what decides which of the two comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub position: u32,
    pub tally: Tally,
    /// The first key in which the two differ; none where only `partner_id` tells them apart.
    pub decided_by: Option<RankKey>,
}

/// Where the money that is shared comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// `total` = floor8(`cc_total` · `rate`); `hourly_share` of it, a number from 0 to 1, is `shared` now and the rest
    /// goes into the day's pool.
    Hour { cc_total: Units, rate: Units, total: Units, hourly_share: Units, shared: Units },
    /// `shared` = `pool_before` + `settled` + `late_total`: what was there, what this run settled of the day's hours,
    /// and what late votes added.
    Day { pool_before: Units, settled: Units, late_cc: Units, late_total: Units, shared: Units },
}

/// One category, tier or share of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartExplained {
    /// The reward column it is paid in.
    pub column: &'static str,
    pub reach: Reach,
    /// How the part was cut from what is shared: the last cut gives the part.
    pub cuts: Vec<Cut>,
    pub part: Units,
    pub members: u32,
    /// Everything that a member has to meet, in order.
    pub conditions: Vec<Condition>,
    /// Of the ECC part.
    pub ecc: Option<EccExplained>,
    /// The partner's share of the part; none where it is no member, or where no member has weight.
    pub share: Option<Share>,
    /// All of the part, where no member has weight.
    pub undistributed: Units,
}

impl PartExplained {
    /// Whether the partner shares the part.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.conditions.iter().all(Condition::is_met)
    }

    /// What the partner gets of it.
    #[must_use]
    pub fn amount(&self) -> Units {
        self.share.map_or(Units::ZERO, |share| share.amount())
    }
}

/// One step from what is shared to a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub from: Whole,
    pub share: Share,
}

/// What a cut is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// What the hour shares out.
    HourlyShare,
    /// What the day's pool holds.
    DailyPool,
    /// The part of the pool that goes to the fixed tiers.
    FixedPart,
}

/// Something that a member has to meet, and what the partner had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A position up to `last`, which is how far the part's reach goes among the voters.
    Position { last: u32, had: u32 },
    /// Eligible for anything of the day: so many votes.
    MinVotes { needed: u64, had: u64 },
    /// Eligible for anything of the day: votes in so many of its hours.
    MinActiveHours { needed: u64, had: u64 },
    /// So many votes for this tier.
    TierMinVotes { needed: u64, had: u64 },
}

impl Condition {
    #[must_use]
    pub const fn is_met(&self) -> bool {
        match *self {
            Self::Position { last, had } => had <= last,
            Self::MinVotes { needed, had }
            | Self::MinActiveHours { needed, had }
            | Self::TierMinVotes { needed, had } => had >= needed,
        }
    }
}

/// What a partner weighs in the ECC part: `weight` = min(own ECC, `cap`), with
/// `cap` = floor8(`multiplier` · `top_ecc` / `top_members`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EccExplained {
    pub cap: Units,
    pub multiplier: Units,
    /// How many partners make the cap. Where it is one, `top_ecc` is that partner's own figure.
    pub top_members: u32,
    pub top_ecc: Units,
    /// The partner's, also where it is no member.
    pub weight: Units,
}

impl EccExplained {
    /// Whether the partner has more ECC than counts.
    #[must_use]
    pub fn is_capped(&self, tally: &Tally) -> bool {
        self.weight < tally.ecc
    }
}

/// The market bonus: `amount` = floor8(`of` · `ratio`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BonusExplained {
    /// The rate at the day's end.
    pub rate_end: Units,
    /// The mean of what was quoted in the `lookback_days` before the day; none where nothing was.
    pub reference: Option<Units>,
    pub lookback_days: u32,
    pub sensitivity: Units,
    pub max_ratio: Units,
    /// clamp(floor8((`rate_end` / `reference` − 1) · `sensitivity`), 0, `max_ratio`).
    pub ratio: Units,
    /// The partner's other rewards of the day together.
    pub of: Units,
    pub amount: Units,
}

/// One reward column: as taken apart here, as the run comes out now, and as it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    pub column: &'static str,
    pub explained: Units,
    pub computed: Units,
    /// What the row should hold: that, or zero where it was set aside and not released.
    pub due: Units,
    /// None where no row is stored.
    pub stored: Option<Units>,
}

impl Amount {
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.explained == self.computed && self.stored == Some(self.due)
    }
}

/// A special partner's sum on its way to the remote database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferExplained {
    /// What the run queues as it comes out now; none where the partner is not special by its rules.
    pub computed: Option<Units>,
    /// The row of the outbox; none where there is none.
    pub stored: Option<StoredTransfer>,
}

impl TransferExplained {
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.computed == self.stored.as_ref().map(|stored| stored.transfer.amount)
    }
}

/// What was paid, beside what comes out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// All is as it comes out.
    Agrees,
    /// Votes or rates came, changed or vanished since: what was paid is what they came to then.
    Drifted,
    /// Votes and rates are those of the run, and yet something stored is not what they come to.
    Differs,
}

impl Explanation {
    /// Leaves out what is not the partner's to see: other partners, and what a database said of a failed transfer.
    #[must_use]
    pub fn without_others(mut self) -> Self {
        self.neighbours = None;
        if let Some(stored) = self.transfer.as_mut().and_then(|transfer| transfer.stored.as_mut()) {
            stored.last_error = None;
        }
        self
    }

    /// The partner's rewards together, as they come out now.
    #[must_use]
    pub fn computed_sum(&self) -> Units {
        self.amounts.iter().map(|amount| amount.computed).sum()
    }

    /// The partner's rewards together, as they were paid; none where no row is stored.
    #[must_use]
    pub fn stored_sum(&self) -> Option<Units> {
        self.stored.as_ref().map(|row| row.amounts.iter().copied().sum())
    }

    #[must_use]
    pub fn agreement(&self) -> Agreement {
        if self.has_drifted {
            return Agreement::Drifted;
        }
        let row = self.differing().is_empty() && self.changes.is_empty();
        let transfer = self.transfer.as_ref().is_none_or(TransferExplained::agrees);
        if row && transfer { Agreement::Agrees } else { Agreement::Differs }
    }

    /// The columns of the partner's row that are not stored as they come out now.
    #[must_use]
    pub fn differing(&self) -> Vec<&'static str> {
        let position = self.stored.as_ref().is_some_and(|row| row.position != self.position);
        let amounts = self.amounts.iter().filter(|amount| !amount.agrees()).map(|amount| amount.column);
        position.then_some("position").into_iter().chain(amounts).collect()
    }
}

impl Prover {
    /// Explains a partner's payment of a window.
    ///
    /// # Errors
    /// [`ProofError::BeforeStart`], [`ProofError::NotPaid`], [`ProofError::DidNotVote`], [`ProofError::VotesGone`],
    /// or what kept the window from being recomputed.
    pub async fn explain(&self, window: Window, partner_id: i64) -> Result<Explanation, ProofError> {
        let recomputed = match self.recompute(window, true).await {
            Err(ProofError::NotPaid { window }) => return Err(self.unpaid(window).await?),
            recomputed => recomputed?,
        };
        let rows = self.ledger.partner_rows(window.kind, partner_id, &[window.start]).await?;
        let stored = rows.into_iter().next();
        let transfer = self.transfer(&window, partner_id).await?;
        let explain = move || Explainer::new(&recomputed).explain(partner_id, stored, transfer);
        let explained = tokio::task::spawn_blocking(explain).await;
        explained.map_err(|panic| ProofError::Panicked { window, why: panic.to_string() })?
    }

    /// Why a window is not paid.
    async fn unpaid(&self, window: Window) -> Result<ProofError, ProofError> {
        let programme = self.ledger.programme().await?.ok_or(ProofError::NoProgramme)?;
        let start = programme.start;
        Ok(if window.day < start {
            ProofError::BeforeStart { window, start }
        } else {
            ProofError::NotPaid { window }
        })
    }

    /// The outbox's row of a partner and an hour.
    async fn transfer(&self, window: &Window, partner_id: i64) -> Result<Option<StoredTransfer>, ProofError> {
        if window.kind == Kind::Daily {
            return Ok(None);
        }
        Ok(self.ledger.transfer_of(partner_id, window.start).await?)
    }
}
