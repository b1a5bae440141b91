//! Stored tables into files for reports: page by page, so that memory does not grow with what is exported, and exact to
//! the last unit.
//!
//! ```text
//! Archive → pages.rs: typed rows, a page at a time → csv, json: text as it goes
//!                                                  → parquet.rs: a row group whenever enough rows have come
//! ```

use std::io::Write;
use std::path::PathBuf;

use chrono::NaiveDate;

mod held;
mod output;
mod pages;
pub(super) mod parquet;
mod tables;
#[cfg(test)]
mod tests;
mod text;

pub use output::Output;
use pages::Pages;
pub use pages::{Days, export};
pub(super) use pages::{reward_row, transfer};

use super::error::FileError;
use crate::rewards::money::Units;
use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::{Instant, Kind, show};
use crate::store::StoreError;

/// The tables that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    Rewards(Kind),
    RewardLog,
    DistributionLogs,
    Runs,
    Settlements,
    PoolState,
    Transfers,
    RulesVersions,
    Alarms,
    Holds,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Integer,
    Text,
    Amount,
    Instant,
    Day,
}

/// A column by its name in the table.
pub type Column = (&'static str, Holds);

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Amount(Units),
    Instant(Instant),
    Day(NaiveDate),
}

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
    Parquet,
}

/// Why a table was not exported. Nothing stays of a file that was begun.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("exporting {table}")]
    Store { table: &'static str, source: StoreError },
    #[error("the export cannot be written")]
    File(#[from] FileError),
    #[error("exporting {table}: making the Parquet file has failed: {why}")]
    Parquet { table: &'static str, why: String },
    #[error("exporting {table}: {value} cannot be read; it was not written by rewardd")]
    Unreadable { table: &'static str, value: String },
}

impl Exported {
    pub const ALL: [Self; 11] = [
        Self::Rewards(Kind::Hourly),
        Self::Rewards(Kind::Daily),
        Self::RewardLog,
        Self::DistributionLogs,
        Self::Runs,
        Self::Settlements,
        Self::PoolState,
        Self::Transfers,
        Self::RulesVersions,
        Self::Alarms,
        Self::Holds,
    ];

    /// As the database names the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rewards(kind) => reward_table(kind),
            Self::RewardLog => "reward_log",
            Self::DistributionLogs => "reward_distribution_logs",
            Self::Runs => "reward_runs",
            Self::Settlements => "reward_settlements",
            Self::PoolState => "reward_pool_state",
            Self::Transfers => "special_transfers",
            Self::RulesVersions => "reward_rules_versions",
            Self::Alarms => "reward_alarms",
            Self::Holds => "reward_holds",
        }
    }

    /// Every column, in the order of the table's.
    #[must_use]
    pub fn columns(self) -> Vec<Column> {
        use Holds::{Amount, Instant, Integer};
        let fixed: &[Column] = match self {
            Self::Rewards(kind) => {
                let amounts = columns(kind).iter().map(|name| (*name, Amount));
                let key = [("partner_id", Integer), ("position", Integer), ("time", Instant)];
                return key.into_iter().chain(amounts).collect();
            }
            Self::RewardLog => &tables::REWARD_LOG,
            Self::DistributionLogs => &tables::DISTRIBUTION_LOGS,
            Self::Runs => &tables::RUNS,
            Self::Settlements => &tables::SETTLEMENTS,
            Self::PoolState => &tables::POOL_STATE,
            Self::Transfers => &tables::TRANSFERS,
            Self::RulesVersions => &tables::RULES_VERSIONS,
            Self::Alarms => &tables::ALARMS,
            Self::Holds => &tables::HOLDS,
        };
        fixed.to_vec()
    }
}

impl Cell {
    /// As CSV and JSON write it; none is NULL.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Integer(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Amount(amount) => Some(amount.to_string()),
            Self::Instant(instant) => Some(show(*instant)),
            Self::Day(day) => Some(day.to_string()),
        }
    }
}

/// What takes the rows of a table and makes a file of them.
pub(super) trait Sink {
    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<(), ExportError>;

    /// Writes what is still to come after the last row.
    fn finish(&mut self) -> Result<(), ExportError>;
}

/// The sink of a format, writing to `out`; `path` is how messages name it.
fn sink(
    table: Exported,
    format: Format,
    out: Box<dyn Write + Send + Sync>,
    path: PathBuf,
) -> Result<Box<dyn Sink + Send>, ExportError> {
    Ok(match format {
        Format::Csv => Box::new(text::Csv::new(table, out, path)?),
        Format::Json => Box::new(text::Json::new(table, out, path)),
        Format::Parquet => Box::new(parquet::Parquet::new(table, out)?),
    })
}
