//! What alarms hold: partners' amounts that are set aside, and windows of which nothing is paid; and what was decided.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::Result;
use crate::rewards::alarms::{Action, Raised};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window};

/// Which partner's amounts of which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldKey {
    /// The window's start.
    pub start: Instant,
    pub kind: Kind,
    pub partner_id: i64,
}

/// What has become of amounts that were set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// Nobody has decided.
    Held,
    /// Paid, exactly as computed.
    Released,
    /// Gone to a day's pool.
    Forfeited,
}

impl HoldState {
    pub const ALL: [Self; 3] = [Self::Held, Self::Released, Self::Forfeited];

    /// The word of the table and of messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Forfeited => "forfeited",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Who decided, when, and under which number of `reward_decisions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub number: u64,
    pub by: String,
    pub at: Instant,
}

/// A row of `reward_holds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub key: HoldKey,
    /// In the order of [`crate::rewards::plan::columns`].
    pub amounts: Vec<Units>,
    /// Their sum, the market bonus apart.
    pub from_pool: Units,
    pub market_bonus: Units,
    /// Whether releasing it queues a transfer.
    pub has_transfer: bool,
    /// The alarms that hold it; none where an operator has named it.
    pub alarms: Vec<String>,
    pub state: HoldState,
    pub held_at: Instant,
    /// None as long as it is held.
    pub decided: Option<Decided>,
    /// Of what was forfeited: the day whose pool took it, and how many runs there were by then.
    pub forfeited: Option<(NaiveDate, u64)>,
}

/// A row of `reward_alarms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedAlarm {
    pub kind: Kind,
    /// The window's start.
    pub start: Instant,
    /// Counts the alarms of the window, from 1.
    pub number: u64,
    pub alarm: String,
    pub rule: String,
    pub action: Action,
    /// None where it is about the window.
    pub partner_id: Option<i64>,
    pub figure: String,
    pub limit: String,
    pub stake: Units,
    pub raised_at: Instant,
}

/// What has become of a window that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// Nobody has decided, so nothing of it is paid.
    Held,
    /// The next look pays it.
    Approved,
    Paid,
}

impl WindowState {
    pub const ALL: [Self; 3] = [Self::Held, Self::Approved, Self::Paid];

    /// The word of the table and of messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Approved => "approved",
            Self::Paid => "paid",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A row of `reward_held_windows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldWindow {
    pub kind: Kind,
    /// The window's start.
    pub start: Instant,
    /// The alarms that hold it.
    pub alarms: Vec<String>,
    /// What it would have paid.
    pub stake: Units,
    pub state: WindowState,
    pub held_at: Instant,
    /// None as long as it is held.
    pub decided: Option<Decided>,
    /// Whose amounts are set aside when it is paid, besides those that alarms hold; ascending.
    pub partners: Vec<i64>,
}

/// A window that is about to be held.
#[derive(Clone, Copy, Debug)]
pub struct NewHeldWindow<'a> {
    pub window: Window,
    pub raised: &'a [Raised],
    pub stake: Units,
    pub now: Instant,
}

impl NewHeldWindow<'_> {
    /// As it is held.
    #[must_use]
    pub fn held(&self) -> HeldWindow {
        let mut alarms: Vec<String> = vec![];
        for raised in self.raised.iter().filter(|raised| raised.action == Action::HoldWindow) {
            if !alarms.contains(&raised.alarm) {
                alarms.push(raised.alarm.clone());
            }
        }
        HeldWindow {
            kind: self.window.kind,
            start: self.window.start,
            alarms,
            stake: self.stake,
            state: WindowState::Held,
            held_at: self.now,
            decided: None,
            partners: vec![],
        }
    }
}

/// What is to become of amounts that are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Release,
    /// Into the pool of a day that is not paid, whose start is told too.
    Forfeit {
        pool_day: NaiveDate,
        day_start: Instant,
    },
}

impl Verdict {
    /// What the amounts are afterwards.
    #[must_use]
    pub const fn leads_to(self) -> HoldState {
        match self {
            Self::Release => HoldState::Released,
            Self::Forfeit { .. } => HoldState::Forfeited,
        }
    }
}

/// A decision as it is made: by whom, when, why, and how it was signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Deciding {
    pub by: String,
    pub at: Instant,
    pub note: String,
    /// Of the signature; null without.
    pub signed: serde_json::Value,
}

/// Why a decision was not made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecidable {
    #[error("{0} is not held: no alarm has set it aside")]
    NotHeld(String),
    #[error("{subject} was {state} by {by} on {at} (decision {number}); nothing was changed", at = crate::rewards::window::show(*at))]
    Decided { subject: String, state: &'static str, by: String, at: Instant, number: u64 },
    #[error(
        "the rewards of {subject} are in an archive; `rewardd retention restore --day {day}` has them back, with a \
         greater age under [retention]"
    )]
    Archived { subject: String, day: NaiveDate },
    #[error("day {0} has been paid meanwhile; ask again")]
    DayPaid(NaiveDate),
}

/// What a decision has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecidedHolds {
    pub number: u64,
    pub from_pool: Units,
    pub market_bonus: Units,
    /// Transfers that were queued.
    pub transfers: u64,
}

/// What is held, for people and for proof, and what they decide.
#[async_trait]
pub trait Holds: Send + Sync {
    /// Amounts in a state past one, in order of time, kind and partner, at most `limit`.
    async fn holds(&self, state: HoldState, after: Option<HoldKey>, limit: u32) -> Result<Vec<Hold>>;

    /// What was set aside of a window, past a partner, in order of partners, at most `limit`.
    async fn holds_of(&self, kind: Kind, start: Instant, after: i64, limit: u32) -> Result<Vec<Hold>>;

    /// What was set aside of windows of a kind, past the start of one and a partner in it, before an instant, in order of
    /// both, at most `limit`.
    async fn holds_page(
        &self,
        kind: Kind,
        after: (Instant, i64),
        before: Instant,
        limit: u32,
    ) -> Result<Vec<Hold>>;

    /// The same of what alarms found, past a number.
    async fn alarms_page(
        &self,
        kind: Kind,
        after: (Instant, u64),
        before: Instant,
        limit: u32,
    ) -> Result<Vec<RaisedAlarm>>;

    /// One partner's amounts of a window.
    async fn hold(&self, key: HoldKey) -> Result<Option<Hold>>;

    /// What alarms found in a window, past a number, at most `limit`.
    async fn alarms_of(&self, kind: Kind, start: Instant, after: u64, limit: u32)
    -> Result<Vec<RaisedAlarm>>;

    /// How much is set aside and not decided: partners' amounts, their sum without and with the market bonus.
    async fn set_aside(&self) -> Result<(u64, Units)>;

    /// Releases or forfeits amounts, all of them or none, in one transaction. Asked again for what it has done itself,
    /// it changes nothing and says the same.
    async fn decide_holds(
        &self,
        keys: &[HoldKey],
        verdict: Verdict,
        deciding: &Deciding,
    ) -> Result<Result<DecidedHolds, Undecidable>>;

    /// Has a held window paid by the next look, with the amounts of some partners set aside; gives the decision.
    async fn approve_window(
        &self,
        window: &Window,
        partners: &[i64],
        deciding: &Deciding,
    ) -> Result<Result<u64, Undecidable>>;
}
