//! What one paid day came to, for the people who run the programme.
//!
//! ```text
//! gather     the day's runs, its rows once, the positions of the day before   gather.rs, standings.rs
//!   → Daily    plain figures, each with what it means                           daily.rs
//!     → incidents  what was not as it should be                                   incidents.rs
//!     → text, html, csv, summary                                                  a pure function each
//! ```
//!
//! What was paid is read from the records of the runs, which never change and are never thrown away; the rows of the
//! day are held against them. Reads only.

use chrono::NaiveDate;

mod case;
mod csv;
mod daily;
mod gather;
mod html;
mod incidents;
mod sheets;
mod standings;
mod text;
mod words;

pub use self::csv::csv;
pub use case::{CasePage, DayOfPartner, case_decision, case_page, case_record, thousandths, what_is_decided};
pub use daily::{
    Category, Changes, Daily, Hour, HourPaid, Incident, Level, Move, Paid, Placed, Pool, Rates, RulesUsed,
    Transfers,
};
pub use gather::{gather, last_paid_day};
pub use html::html;
pub use text::text;
pub use words::{subject, summary};

use crate::proof::ProofError;
use crate::rewards::window::{Instant, show};
use crate::store::StoreError;

/// Partners that each list names: top positions, and the largest changes of each sort.
pub const LISTED: usize = 10;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nothing has been paid yet: there is no day to report on")]
    NothingPaid,
    #[error("no day has been paid yet; `rewardd status` says what is due and what waits")]
    NoDayPaid,
    #[error("{day} is before {start}, the programme's first day: nothing was paid for it")]
    BeforeStart { day: NaiveDate, start: NaiveDate },
    #[error("{day} is a date that the programme's time zone has skipped")]
    Skipped { day: NaiveDate },
    #[error("{day} is not over yet: it ends at {}, and is paid after that", show(*end))]
    NotOver { day: NaiveDate, end: Instant },
    #[error("{day} has not been paid yet; `rewardd status` says what it waits for")]
    NotPaid { day: NaiveDate },
    /// A run's record is missing or cannot be read, which is for `verify` to explain.
    #[error(transparent)]
    Record(#[from] ProofError),
}
