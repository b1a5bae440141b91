//! How things stand, for metrics and health. Read again and again while others work, so it takes no lock.

use super::commit::{books_of, held};
use super::driver::{Database, Tx};
use super::holds::set_aside_of;
use super::lease::lease_of;
use super::statements as sql;
use super::text::OwnRow;
use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{Lease, Result, Totals};

/// All of one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub lease: Lease,
    /// Of all runs; all zero before the first.
    pub totals: Totals,
    /// How many partners' amounts are set aside and not decided.
    pub holds: u64,
    /// Transfers that wait, and the sum of their amounts.
    pub queued: u64,
    pub queued_amount: Units,
    /// When the one that waits longest was queued.
    pub oldest_queued_at: Option<Instant>,
}

/// Looks at the rewards' database.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn survey(database: &Database) -> Result<Survey> {
    let mut tx = database.begin_read().await.map_err(doing("beginning to look"))?;
    let found = look(&mut tx, database).await;
    end_view(tx).await;
    found
}

/// Nothing was written; where the connection is gone, so is the view.
pub(super) async fn end_view(tx: Tx) {
    if let Err(rollback) = tx.rollback().await {
        tracing::debug!(%rollback, "a view could not be ended");
    }
}

async fn look(tx: &mut Tx, database: &Database) -> Result<Survey> {
    let lease = tx.look(sql::LEASE, &[]).await.map_err(doing("reading the lease"))?;
    let books = tx.look(sql::BOOKS, &[]).await.map_err(doing("reading the books"))?;
    let totals = if books.is_empty() { Totals::default() } else { books_of(&books)?.2 };
    let pools = tx.look(sql::POOLS_HELD, &[]).await.map_err(doing("adding up the pools"))?;
    let hours = tx.look(sql::UNPAID_HOURLY_SHARES, &[]).await.map_err(doing("adding up hours"))?;
    let set_aside = tx.look(sql::set_aside(database), &[]).await;
    let (holds, set_aside) = set_aside_of(&set_aside.map_err(doing("adding up what is set aside"))?)?;
    let waiting = tx.look(sql::TRANSFERS_WAITING, &[]).await.map_err(doing("reading the queue"))?;
    let amount = |row| OwnRow { table: "special_transfers", row }.units(0, "cc_reward");
    let amounts = waiting.iter().map(amount).collect::<Result<Vec<Units>>>()?;
    let oldest = tx.look(sql::OLDEST_WAITING, &[]).await.map_err(doing("reading the queue"))?;
    let oldest = OwnRow { table: "reward_runs", row: &oldest[0] };
    let is_there = oldest.optional_text(0)?.is_some();
    Ok(Survey {
        lease: lease_of(&lease)?,
        totals: held(Totals { set_aside, ..totals }, &pools, &hours)?,
        holds,
        queued: amounts.len() as u64,
        queued_amount: amounts.into_iter().sum(),
        oldest_queued_at: is_there.then(|| oldest.instant(0, "committed_at")).transpose()?,
    })
}
