//! Reward lists and repositories that are watched: what of them is confirmed, and what waits for somebody to decide.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use super::{Decision, Result};
use crate::rewards::window::Instant;

/// A row of `reward_watches`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    pub name: String,
    /// Grows with each look that finds something and each decision; 0 before the first.
    pub version: u64,
    /// Whether a list has been confirmed as a whole. Until then its one change is the whole list, with the key `""`.
    pub has_baseline: bool,
    /// The last commit of a repository that was looked at.
    pub position: Option<String>,
    /// Why the last look failed.
    pub trouble: Option<String>,
}

/// All that a look at a list is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    pub watch: Watched,
    /// The confirmed content of each key.
    pub known: BTreeMap<String, String>,
    /// The content that was rejected and has been there since; none: that the row is gone.
    pub rejected: BTreeMap<String, Option<String>>,
    /// What waits, by key.
    pub open: BTreeMap<String, OpenChange>,
}

/// A change that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChange {
    pub number: u64,
    /// None: that the row is gone.
    pub after: Option<String>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeState {
    Pending,
    Confirmed,
    Rejected,
    /// Overtaken by another content before it was decided.
    Superseded,
    /// Taken back in its source before it was decided.
    Withdrawn,
}

impl ChangeState {
    const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Rejected, Self::Superseded, Self::Withdrawn];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What a look has found and nobody has decided yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// Of a list, the row's; `""` for the whole. Of a repository, commit and path.
    pub key: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub author: Option<String>,
    pub revision: Option<String>,
    /// An object with a `summary`, one line for people.
    pub detail: Value,
}

/// A row of `reward_changes`, without its contents, which may be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub number: u64,
    pub watch: String,
    /// As in [`NewChange`].
    pub key: String,
    pub author: Option<String>,
    pub revision: Option<String>,
    /// Has a `summary`, one line for people.
    pub detail: Value,
    pub seen_at: Instant,
    pub state: ChangeState,
    /// The number of the decision that ended it.
    pub decision: Option<u64>,
    pub ended_at: Option<Instant>,
}

impl Change {
    /// Whether it is a list that nobody has confirmed yet.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.detail["kind"] == "list"
    }

    /// Whether it is one of a list: only these have rows that are known or not. A commit is decided once.
    #[must_use]
    pub fn is_of_list(&self) -> bool {
        ["row", "list"].iter().any(|kind| self.detail["kind"] == *kind)
    }

    /// What changed, on one line.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.detail["summary"].as_str().unwrap_or_default()
    }
}

/// What is known and what was found: of a list, JSON objects of texts (of the whole, an object of these by key); of a
/// repository, arrays of lines. None: not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeAfter {
    pub before: Option<String>,
    pub after: Option<String>,
}

/// All that is written of one look: in one transaction, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look<'a> {
    pub watch: &'a str,
    /// [`Watched::version`] of the state that this was made of: it is refused where another has come between.
    pub version_before: u64,
    pub position: Option<&'a str>,
    pub trouble: Option<&'a str>,
    pub announced: &'a [NewChange],
    pub superseded: &'a [u64],
    pub withdrawn: &'a [u64],
    /// Keys whose rejected content is there no more.
    pub forgotten: &'a [String],
    pub now: Instant,
}

/// What is decided of some changes.
#[derive(Clone, Copy, Debug)]
pub struct DecidingChanges<'a> {
    /// By their numbers; never empty.
    pub numbers: &'a [u64],
    /// Of a list that waits as a whole, only these rows are confirmed; the others are announced one by one then.
    pub rows: Option<&'a [String]>,
    /// Confirmed or rejected.
    pub confirm: bool,
    pub decision: &'a Decision,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedChanges {
    /// The number of the decision.
    Done(u64),
    /// Nothing was changed: these changes do not wait, or are not there (no state).
    NotPending(Vec<(u64, Option<ChangeState>)>),
    /// Nothing was changed: the list that waits has no such rows.
    NoSuchRows(Vec<String>),
}

/// How many changes of a watch wait, and some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    pub watch: Watched,
    pub count: u64,
    /// A few, in order of their numbers.
    pub first: Vec<Change>,
    /// The one that was found last.
    pub newest: Option<Change>,
}

/// See the module. Written under the lease, like all else.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Every watch that was ever looked at, by name.
    async fn watches(&self) -> Result<Vec<Watched>>;

    /// What is known of a watch; the state before the first look where there was none.
    async fn watch_state(&self, name: &str) -> Result<WatchState>;

    /// The confirmed rows of a watch, by key; none where it has never been confirmed.
    async fn confirmed_rows(&self, name: &str) -> Result<Option<BTreeMap<String, String>>>;

    /// Changes that wait, in order of their numbers; of one watch where it is named.
    async fn pending_changes(&self, watch: Option<&str>) -> Result<Vec<Change>>;

    /// How many wait of each watch, with the first of each, at most `first`; watches with trouble are among them.
    async fn waiting_changes(&self, first: u32) -> Result<Vec<Waits>>;

    /// Changes with smaller numbers than this, newest first, at most `limit`.
    async fn changes_page(&self, before: u64, limit: u32) -> Result<Vec<Change>>;

    /// A change by its number.
    async fn change(&self, number: u64) -> Result<Option<(Change, BeforeAfter)>>;

    /// Writes all of it, or nothing: [`super::StoreError::Stale`] where another has written meanwhile.
    async fn record_look(&self, look: &Look<'_>) -> Result<()>;

    /// Decides all of it in one transaction with the decision itself, or nothing.
    async fn decide_changes(&self, deciding: &DecidingChanges<'_>) -> Result<DecidedChanges>;
}
