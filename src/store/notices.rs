//! Incidents, who was told of them, and the outbox of the messages.

use async_trait::async_trait;

use super::Result;
use crate::rewards::window::Instant;

/// A row of `reward_incidents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The number of the change that opened it.
    pub opened: u64,
    pub kind: String,
    /// What it is about; of a kind and subject, one incident is open at most.
    pub subject: String,
    /// As people read it; kept up to date while it is open.
    pub detail: String,
    pub opened_at: Instant,
    /// The number of the change that closed it, and when that was.
    pub closed: Option<(u64, Instant)>,
}

/// A row of `reward_receivers`: how far a receiver has been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub receiver: String,
    /// The number of the last change that was put into a message, or that it does not want to know of.
    pub told: u64,
    /// When the last message about incidents was made.
    pub told_at: Option<Instant>,
    /// The number of the last run whose report was made, where it wants reports.
    pub reported: Option<u64>,
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub id: String,
    pub receiver: String,
    pub event: String,
    pub created_at: Instant,
    /// All of it, as JSON.
    pub message: String,
}

/// A message that has not been taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub id: String,
    pub receiver: String,
    pub event: String,
    pub created_at: Instant,
    pub attempts: u32,
    /// Whether the receiver said that it will never take it.
    pub refused: bool,
    pub next_attempt_at: Instant,
    pub last_error: Option<String>,
}

/// All that is written of what has been decided to tell: in one transaction, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// [`Notices::changes`] before anything was read that this was made of: it is refused where another has come
    /// between.
    pub changes_before: u64,
    /// The number of the last change in this, or one that stands for all of it: always a later one, so that a commit
    /// whose answer was lost is found done.
    pub changes: u64,
    /// New incidents, some of which are closed already.
    pub opened: Vec<Incident>,
    /// Incidents that are open no more.
    pub closed: Vec<Incident>,
    /// The new details of incidents, by the numbers that opened them.
    pub details: Vec<(u64, String)>,
    pub told: Vec<Told>,
    pub messages: Vec<Outgoing>,
    /// Refused messages that are sent no more, with what takes their place: their ids, in this order.
    pub replaced: Vec<(String, String)>,
}

/// What became of an attempt to send a message that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTaken<'a> {
    pub id: &'a str,
    pub receiver: &'a str,
    pub error: &'a str,
    /// Whether the receiver will never take it. Otherwise all that waits for this receiver waits as long.
    pub refused: bool,
    pub next_attempt_at: Instant,
}

/// See the module. Written under the lease, like all else.
#[async_trait]
pub trait Notices: Send + Sync {
    /// The number of the last change: an opening or closing of an incident, or whatever else was noted.
    async fn changes(&self) -> Result<u64>;

    /// How far receivers have been told, also such as are configured no more.
    async fn told(&self) -> Result<Vec<Told>>;

    /// Those that are open, in order of their openings.
    async fn open_incidents(&self) -> Result<Vec<Incident>>;

    /// Those that were closed by a later change than this one, in order.
    async fn incidents_closed_after(&self, change: u64) -> Result<Vec<Incident>>;

    /// Whether such an incident is stored that is over.
    async fn has_happened(&self, kind: &str, subject: &str) -> Result<bool>;

    /// Messages that wait, those first that are tried first, at most `limit`.
    async fn waiting_notifications(&self, limit: u32) -> Result<Vec<Waiting>>;

    /// Writes all of it, or nothing: [`super::StoreError::Stale`] where another has written meanwhile.
    async fn note(&self, notes: &Notes) -> Result<()>;

    /// The message for a receiver that is due and comes first, and how often it has been tried.
    async fn due_notification(&self, receiver: &str, now: Instant) -> Result<Option<(Outgoing, u32)>>;

    /// Notes that a message was taken.
    async fn notification_delivered(&self, id: &str, now: Instant) -> Result<()>;

    /// Notes that a message was not taken.
    async fn notification_failed(&self, failed: &NotTaken<'_>) -> Result<()>;
}
