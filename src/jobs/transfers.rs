//! The relay of the special partners' sums to the remote database (rules, section 5): at least once, idempotent by
//! `(partner_id, time)`. Whatever the remote does, no distribution waits for it.

use chrono::TimeDelta;
use tracing::{info, warn};

use super::JobError;
use crate::clock::Clock;
use crate::errors::chain;
use crate::fault;
use crate::rewards::money::Units;
use crate::rewards::plan::Transfer;
use crate::rewards::window::Instant;
use crate::store::{Pages, QueuedTransfer, Remote, Store, StoreError};

/// Transfers in one statement.
const BATCH: u32 = 500;
const FIRST_PAUSE_SECONDS: i64 = 15;
const LONGEST_PAUSE_SECONDS: i64 = 3600;

/// What one look of the relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    pub delivered: u64,
    /// Held by the remote with another amount, or not taken by it.
    pub failed: u64,
}

/// Delivers what is queued and whose next attempt is not after `due_by`, batch by batch, until nothing is left or the
/// remote fails. What failed is noted with its reason and tried again later and later, an hour apart in the end.
///
/// # Errors
/// [`JobError`] of the rewards' own database. A failing remote is no error of the job, but a count.
pub async fn relay(
    store: &dyn Store,
    remote: &dyn Remote,
    clock: &dyn Clock,
    due_by: Instant,
) -> Result<Relayed, JobError> {
    let mut relayed = Relayed::default();
    let mut last = None;
    loop {
        let queued = store.queued_transfers(due_by, last.as_ref(), BATCH).await?;
        let transfers: Vec<Transfer> = queued.iter().map(|queued| queued.transfer).collect();
        last = transfers.last().copied();
        if last.is_none() {
            return Ok(relayed);
        }
        let next = clock.now() + pause(&queued);
        let batch = Batch { store, remote, clock, next };
        match batch.deliver(&transfers, &mut relayed).await? {
            None => {}
            Some(error) if error.is_transient() => {
                // The remote is away: the next batch would fare no better.
                batch.failed(&transfers, &error, &mut relayed).await?;
                return Ok(relayed);
            }
            Some(_) => {
                // One that the remote refuses keeps no other from its partner.
                for transfer in &transfers {
                    let alone = std::slice::from_ref(transfer);
                    if let Some(error) = batch.deliver(alone, &mut relayed).await? {
                        batch.failed(alone, &error, &mut relayed).await?;
                    }
                }
            }
        }
    }
}

/// Transfers of one look, and when those that fail are tried again.
struct Batch<'a> {
    store: &'a dyn Store,
    remote: &'a dyn Remote,
    clock: &'a dyn Clock,
    next: Instant,
}

impl Batch<'_> {
    /// Delivers and notes what came of it; gives the error where the remote took none of it.
    async fn deliver(
        &self,
        transfers: &[Transfer],
        relayed: &mut Relayed,
    ) -> Result<Option<StoreError>, JobError> {
        let delivered = self.remote.deliver(transfers).await;
        fault::point("delivered");
        let conflicts = match delivered {
            Ok(conflicts) => conflicts,
            Err(error) => return Ok(Some(error)),
        };
        for (transfer, holds) in &conflicts {
            let partner_id = transfer.partner_id;
            let reason = format!("the remote holds {holds} where {} is due", transfer.amount);
            warn!(partner_id, time = %transfer.time, reason, "a transfer is not as it should be");
            self.store.transfers_failed(&[*transfer], &reason, self.next).await?;
        }
        let arrived = |transfer: &&Transfer| !conflicts.iter().any(|(other, _)| other == *transfer);
        let arrived: Vec<Transfer> = transfers.iter().filter(arrived).copied().collect();
        self.store.transfers_delivered(&arrived, self.clock.now()).await?;
        relayed.delivered += arrived.len() as u64;
        relayed.failed += conflicts.len() as u64;
        info!(delivered = arrived.len(), "transfers delivered");
        Ok(None)
    }

    /// Notes that the remote took none of these.
    async fn failed(
        &self,
        transfers: &[Transfer],
        error: &StoreError,
        relayed: &mut Relayed,
    ) -> Result<(), JobError> {
        let reason = chain(error);
        warn!(transfers = transfers.len(), reason, "the remote takes no transfers; they stay queued");
        self.store.transfers_failed(transfers, &reason, self.next).await?;
        relayed.failed += transfers.len() as u64;
        Ok(())
    }
}

/// What the remote holds of transfers that count as delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Held with the same amount.
    pub held: u64,
    /// Not there any more.
    pub missing: u64,
    /// Of these, queued again now.
    pub queued: u64,
    /// Held with another amount, which is given.
    pub other: Vec<(Transfer, String)>,
}

/// Asks the remote for every delivered transfer of the hours that start in `[from, before)`, and queues those again that
/// it does not have, as after its database was brought back from a backup. `store` is none where they are only counted.
///
/// # Errors
/// [`StoreError`] of either database; what was queued until then stays queued, and asking again goes on.
pub async fn requeue(
    pages: &dyn Pages,
    remote: &dyn Remote,
    store: Option<&dyn Store>,
    (from, before): (Instant, Instant),
    now: Instant,
) -> Result<Compared, StoreError> {
    let mut compared = Compared::default();
    let mut last = (before, i64::MIN);
    loop {
        let page = pages.delivered_transfers(Some(last), BATCH).await?;
        let transfers = page.iter().map(|stored| stored.transfer).filter(|transfer| transfer.time >= from);
        let transfers: Vec<Transfer> = transfers.collect();
        let Some(end) = transfers.last() else { return Ok(compared) };
        last = (end.time, end.partner_id);
        let mut missing = vec![];
        for (transfer, held) in transfers.iter().zip(remote.held(&transfers).await?) {
            match held {
                None => missing.push(*transfer),
                Some(held) if Units::parse(&held) == Ok(transfer.amount) => compared.held += 1,
                Some(held) => compared.other.push((*transfer, held)),
            }
        }
        compared.missing += missing.len() as u64;
        if let Some(store) = store.filter(|_| !missing.is_empty()) {
            let queued = store.requeue_transfers(&missing, now).await?;
            info!(queued, "transfers that the remote has lost are queued again");
            compared.queued += queued;
        }
    }
}

/// Doubles with each attempt that the most patient of a batch has behind it.
fn pause(queued: &[QueuedTransfer]) -> TimeDelta {
    let attempts = queued.iter().map(|queued| queued.attempts).max().unwrap_or(0).min(20);
    let seconds = FIRST_PAUSE_SECONDS.saturating_mul(1_i64 << attempts).min(LONGEST_PAUSE_SECONDS);
    TimeDelta::seconds(seconds)
}
