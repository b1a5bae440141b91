//! Who stands at which position of a window. The reward tables are kept in the order of partners, so the first look at
//! a window reads all of its positions; the order is kept for a while, and every further page is a few rows by key.

use std::sync::Arc;

use super::answer::Failure;
use super::recent::{Gate, Recent};
use crate::rewards::window::{Instant, Kind};
use crate::store::Pages;

/// Partners that are remembered over all windows: 8 bytes each.
const MOST_PARTNERS: usize = 4_000_000;
/// Rows that one statement reads.
const ROWS: u32 = 20_000;
/// Looks that may wait for one that reads.
const PLACES: usize = 4;

/// Partners by position: the first stands at position 1.
pub type Order = Vec<i64>;

/// See the module.
#[derive(Debug)]
pub struct Orders {
    recent: Recent<(Kind, Instant), Order>,
    gate: Gate,
}

impl Orders {
    pub const fn new() -> Self {
        Self { recent: Recent::new(MOST_PARTNERS), gate: Gate::new(PLACES) }
    }

    /// The order of a window that was paid.
    ///
    /// # Errors
    /// [`Failure::Busy`] where too many wait; what the database says.
    pub async fn of(&self, store: &dyn Pages, kind: Kind, start: Instant) -> Result<Arc<Order>, Failure> {
        let key = (kind, start);
        if let Some(order) = self.recent.get(&key) {
            return Ok(order);
        }
        let _turn = self.gate.enter().await?;
        // Whoever came before may have been after the same.
        if let Some(order) = self.recent.get(&key) {
            return Ok(order);
        }
        let mut rows: Vec<(u32, i64)> = vec![];
        let mut after = i64::MIN;
        loop {
            let page = store.positions(kind, start, after, ROWS).await?;
            let Some((last, _)) = page.last().filter(|_| page.len() == ROWS as usize) else {
                rows.extend(page.into_iter().map(|(partner, position)| (position, partner)));
                break;
            };
            after = *last;
            rows.extend(page.into_iter().map(|(partner, position)| (position, partner)));
        }
        rows.sort_unstable();
        let order: Order = rows.into_iter().map(|(_, partner)| partner).collect();
        let weight = order.len().max(1);
        Ok(self.recent.keep(key, order, weight))
    }
}
