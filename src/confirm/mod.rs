//! Reward lists and repositories that are watched: what they hold now, and what of it nobody has confirmed yet.
//!
//! ```text
//! file, table      → lists         rows by key, in one canonical form
//! git repository   → repositories  commits that touched watched lines
//!   → compare   what is known and announced, against what is there now   (pure)
//!   → store     Changes: all that one look has found, in one transaction
//!   → decide    which of it somebody confirms or rejects
//! ```
//!
//! Everything here only reads what it watches: no git command is run, and nothing is written to a work tree.

mod compare;
mod decide;
pub mod formats;
mod git;
mod lists;
mod look;
mod repositories;
mod words;

pub use compare::{Outcome, columns_changed, reconcile};
pub use decide::{Matter, NoMatter, Wanted, decide, matter};
pub use git::{GitError, Origin};
pub use lists::{Entry, List, ListError, Shape, listed, rows_of, whole};
pub use look::{Found, Watch, check, look, watches};
pub use repositories::{Blamed, Line, Looked, Touched, look_at};

#[cfg(test)]
mod tests;
