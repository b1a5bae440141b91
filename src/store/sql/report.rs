//! What people are shown of the last payments. Reads only.

use super::driver::Database;
use super::statements as sql;
use super::text::OwnRow;
use crate::rewards::money::Units;
use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::Kind;
use crate::store::Result;
use crate::store::error::doing;

/// The newest window of a kind that paid anybody: its run's audit record as JSON text, if there is one.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn last_record(database: &Database, kind: Kind) -> Result<Option<String>> {
    let rows = database.fetch(sql::LAST_RECORD, &[kind.name().into()]).await;
    let rows = rows.map_err(doing("reading the last run"))?;
    rows.first().map(|row| OwnRow { table: "reward_distribution_logs", row }.text(0)).transpose()
}

/// One partner's rewards of a window, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopRow {
    pub position: i64,
    pub partner_id: i64,
    pub amount: Units,
}

/// The best positions of the window of a kind that starts at `time` (as SQL text).
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn top_rows(database: &Database, kind: Kind, time: &str, limit: i64) -> Result<Vec<TopRow>> {
    let rows = database.fetch(sql::top_rows(kind), &[time.into(), limit.into()]).await;
    let rows = rows.map_err(doing("reading the rewards"))?;
    let top = |row| {
        let row = OwnRow { table: reward_table(kind), row };
        let amounts = (0..columns(kind).len()).map(|column| row.units(column + 2, columns(kind)[column]));
        let amount = amounts.sum::<Result<Units>>()?;
        Ok(TopRow { position: row.int(0)?, partner_id: row.int(1)?, amount })
    };
    rows.iter().map(top).collect()
}
