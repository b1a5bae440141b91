//! Suspicions as they are kept: what is remembered of partners' days, the cases, and the partners on the watchlist.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde_json::Value;

use super::{Decision, Result};
use crate::rewards::window::Instant;

/// What has become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseState {
    /// Nobody has decided.
    Open,
    /// Somebody says that it is as it looks. It stands until it is closed, and no other is opened beside it.
    Confirmed,
    /// Somebody says that all is well: the partner is left alone up to this stage.
    Dismissed,
    /// It was confirmed, and is over.
    Closed,
}

impl CaseState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Confirmed, Self::Dismissed, Self::Closed];

    /// The word of tables and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::Closed => "closed",
        }
    }

    /// The state of a word; none where there is no such state.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A row of `reward_cases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Counts from 1.
    pub number: u64,
    pub partner_id: i64,
    /// The suspicion's name.
    pub suspicion: String,
    /// The day that opened it, or raised it last.
    pub day: NaiveDate,
    /// Counts from 1.
    pub stage: u32,
    /// Standard deviations above the ordinary, in thousandths.
    pub score: i64,
    pub state: CaseState,
    pub opened_at: Instant,
    /// What a person needs to decide, as it was on that day: the figure and what it was compared with.
    pub detail: Value,
}

/// A partner's day that is past a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub partner_id: i64,
    pub suspicion: String,
    pub stage: u32,
    pub score: i64,
    pub detail: Value,
}

/// Findings that are written in one transaction at most.
pub const FINDINGS: usize = 200;

/// What became of findings; of the rest nothing was new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub opened: u64,
    pub raised: u64,
}

/// The open cases of one suspicion and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseGroup {
    pub suspicion: String,
    pub day: NaiveDate,
    pub cases: u64,
    /// The highest among them.
    pub stage: u32,
    /// Those with the highest scores, (number, partner), some of them.
    pub loudest: Vec<(u64, i64)>,
}

/// A partner whose windows are set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedPartner {
    pub partner_id: i64,
    pub case: u64,
    pub since: Instant,
}

/// What a person may do with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseVerdict {
    Confirm {
        /// The partner's later windows are set aside until the case is closed.
        hold: bool,
    },
    Dismiss,
    Close,
}

impl CaseVerdict {
    /// The word that the decision is kept by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.after().name()
    }

    /// The state that a case must be in.
    #[must_use]
    pub const fn before(self) -> CaseState {
        match self {
            Self::Confirm { .. } | Self::Dismiss => CaseState::Open,
            Self::Close => CaseState::Confirmed,
        }
    }

    /// The state that it is in afterwards.
    #[must_use]
    pub const fn after(self) -> CaseState {
        match self {
            Self::Confirm { .. } => CaseState::Confirmed,
            Self::Dismiss => CaseState::Dismissed,
            Self::Close => CaseState::Closed,
        }
    }
}

/// What became of a decision about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseDecided {
    /// It is written, under this number.
    Done(u64),
    /// The case is in another state than it would have to be.
    Is(CaseState),
    /// There is no such case.
    Missing,
}

/// See the module. Written under the lease, like all else.
#[async_trait]
pub trait Cases: Send + Sync {
    /// The days from one on that have been judged, as far as they are remembered.
    async fn judged_days(&self, from: NaiveDate) -> Result<BTreeSet<NaiveDate>>;

    /// The packed profiles of a day, in order; nothing where it was not judged.
    async fn profiles_of(&self, day: NaiveDate) -> Result<Vec<Vec<u8>>>;

    /// Opens and raises cases by what a day has shown, at most [`FINDINGS`]. Nothing is opened beside a case that stands,
    /// nor up to a stage that was dismissed; so doing it again does nothing.
    async fn open_cases(&self, day: NaiveDate, findings: &[Finding], now: Instant) -> Result<Opened>;

    /// Keeps a day's profiles, which marks it as judged. They take the place of those of a month before.
    async fn keep_profiles(&self, day: NaiveDate, parts: &[Vec<u8>]) -> Result<()>;

    /// One by its number.
    async fn case(&self, number: u64) -> Result<Option<Case>>;

    /// The newest first, those before a number, at most `limit`; of one state where it is named.
    async fn cases_before(&self, state: Option<CaseState>, number: u64, limit: u32) -> Result<Vec<Case>>;

    /// What is open, by day and suspicion.
    async fn open_groups(&self) -> Result<Vec<CaseGroup>>;

    /// Carries a decision out and writes it down, in one transaction.
    async fn decide_case(
        &self,
        number: u64,
        verdict: CaseVerdict,
        decision: &Decision,
    ) -> Result<CaseDecided>;
}
