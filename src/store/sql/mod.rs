//! The databases: SQLite, and MySQL or MariaDB. One body of code for both; [`driver`] hides the drivers,
//! [`statements`] holds all SQL.

mod archive;
mod bind;
mod cases;
mod changes;
mod commit;
mod decide;
mod decisions;
pub mod doctor;
mod driver;
mod holds;
mod import;
mod lease;
mod ledger;
pub mod legacy;
mod listing;
mod migrate;
mod mover;
mod notices;
mod outbox;
mod pages;
mod pending;
mod remote;
mod report;
mod shelf;
mod source;
pub mod statements;
mod store;
mod survey;
mod text;
mod transaction;

pub use bind::{Row, Sql, Value};
pub use driver::{Access, Database, Tx};
pub use import::{Import, import};
pub use lease::read_lease;
pub use listing::{ListedRow, read_listing};
pub use migrate::{Applied, applied, migrate};
pub use remote::SqlRemote;
pub use report::{TopRow, last_record, top_rows};
pub use source::{Effort, SourceNames, SqlSource};
pub use store::{Fence, SqlStore};
pub use survey::{Survey, survey};
pub use text::{parse_time, sql_time};
pub use transaction::Work;
