//! Tables of an older program under the names that ours have: recognised before anything is changed, read exactly, and
//! converted beside themselves, so that at any moment either they stand or ours do.

mod convert;
mod read;
mod shape;
mod value;

pub use convert::{Converted, convert};
pub use read::{Outsider, Problem, RowOf, Scan, Sink, Unpaid, scan, unpaid_pools};
pub(super) use shape::refuse_old;
pub use shape::{OldColumn, OldTable, inspect};
pub use value::{Amount, Inexact};

use crate::rewards::plan::reward_table;
use crate::rewards::window::Kind;

/// The tables that rewardd writes and an older program may have.
const TABLES: [&str; 5] = [
    "reward_list_hourly",
    "reward_list_daily",
    "reward_pool_state",
    "reward_log",
    "reward_distribution_logs",
];

/// What a table's rows are kept under once ours has its name.
#[must_use]
pub fn backup_of(table: &str) -> String {
    format!("{table}_before_rewardd")
}

/// The kind of reward that a table lists; none where its rows are not carried over.
fn kind_of(table: &str) -> Option<Kind> {
    [Kind::Hourly, Kind::Daily].into_iter().find(|kind| reward_table(*kind) == table)
}
