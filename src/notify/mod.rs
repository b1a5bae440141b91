//! Telling people what is not well: incidents, the messages about them, and their way to the receivers.
//!
//! ```text
//! conditions seen, incidents stored
//!   → digest     what is opened, closed and told to whom                      (pure)
//!   → store      Notices: incidents and messages in one transaction
//!   → send       from the outbox to each receiver, until it is taken
//! ```

pub mod send;

use std::time::Duration;

use async_trait::async_trait;

mod digest;
mod message;

use crate::rewards::window::Instant;

pub use digest::{
    Condition, Seen, Stored, digest, is_told_of_the_database, reachable, trial, unreachable, verified,
};
pub use message::{INCIDENTS, incident_record, line, span};

/// What is told to one receiver: made once, kept in the outbox as it is, sent until it is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The delivery's: unique, and the same at every attempt.
    pub id: String,
    pub created_at: Instant,
    /// `incidents`, `daily_report` or `test`.
    pub event: String,
    /// One line.
    pub subject: String,
    /// Lines.
    pub text: String,
    /// The same for mail, where there is more to show than text.
    pub html: Option<String>,
    /// The versioned record, for programs.
    pub details: serde_json::Value,
}

/// Why a message was not taken; as a sentence, without a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be taken when it is sent again: no connection, no answer in time, a receiver that is busy (HTTP 408, 429
    /// and 5xx, SMTP 4xx).
    #[error("{why}")]
    Later {
        why: String,
        /// When the receiver wants to be asked again, where it says so.
        after: Option<Duration>,
    },
    /// The receiver refuses it (other HTTP 4xx, SMTP 5xx): somebody has to look.
    #[error("{0}")]
    Never(String),
}

/// A way to one receiver.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Sends a message; gives what the receiver answered.
    ///
    /// # Errors
    /// [`SendError`].
    async fn deliver(&self, message: &Message) -> Result<String, SendError>;
}
