//! What people are shown of the last payments. Reads only.

use super::driver::Database;
use super::statements::reward_table;
use super::text::OwnRow;
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::Kind;
use crate::store::Result;
use crate::store::error::doing;

/// The newest run of a kind that paid anybody: its audit record as JSON text, if there is one.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn last_record(database: &Database, kind: Kind) -> Result<Option<String>> {
    let sql = "/* last_record */ SELECT record FROM reward_distribution_logs \
         WHERE reward_type = ? AND total_amount <> '0.00000000' ORDER BY sequence DESC LIMIT 1";
    let rows = database.fetch(sql, &[kind.name().into()]).await.map_err(doing("reading the last run"))?;
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
    let amounts: Vec<String> = columns(kind).iter().map(|column| format!("CAST({column} AS CHAR)")).collect();
    let sql = format!(
        "/* top_rows */ SELECT position, partner_id, {} FROM {} WHERE time = ? AND position <= ? ORDER BY position",
        amounts.join(", "),
        reward_table(kind)
    );
    let rows =
        database.fetch(sql, &[time.into(), limit.into()]).await.map_err(doing("reading the rewards"))?;
    let top = |row| {
        let row = OwnRow { table: reward_table(kind), row };
        let amounts = (0..columns(kind).len()).map(|column| row.units(column + 2, columns(kind)[column]));
        let amount = amounts.sum::<Result<Units>>()?;
        Ok(TopRow { position: row.int(0)?, partner_id: row.int(1)?, amount })
    };
    rows.iter().map(top).collect()
}
