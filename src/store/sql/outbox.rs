//! What becomes of transfers, noted where they wait.

use super::driver::Tx;
use super::statements as sql;
use super::text::sql_time;
use super::transaction::Work;
use crate::rewards::plan::Transfer;
use crate::rewards::window::Instant;
use crate::store::Result;
use crate::store::error::doing;

/// They have arrived.
pub(super) struct TransfersDelivered<'a> {
    pub(super) transfers: &'a [Transfer],
    pub(super) now: Instant,
}

impl Work for TransfersDelivered<'_> {
    const NAME: &'static str = "transfers_delivered";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for transfer in self.transfers {
            let values =
                [sql_time(self.now).into(), transfer.partner_id.into(), sql_time(transfer.time).into()];
            let noted = tx.execute(sql::TRANSFER_DELIVERED, &values).await;
            noted.map_err(doing("noting a delivered transfer"))?;
        }
        Ok(())
    }
}

/// They have not arrived, why, and when they are tried again.
pub(super) struct TransfersFailed<'a> {
    pub(super) transfers: &'a [Transfer],
    pub(super) reason: &'a str,
    pub(super) next: Instant,
}

impl Work for TransfersFailed<'_> {
    const NAME: &'static str = "transfers_failed";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for transfer in self.transfers {
            let values = [
                self.reason.into(),
                sql_time(self.next).into(),
                transfer.partner_id.into(),
                sql_time(transfer.time).into(),
            ];
            tx.execute(sql::TRANSFER_FAILED, &values).await.map_err(doing("noting a failed transfer"))?;
        }
        Ok(())
    }
}

/// They had arrived, and are to arrive again; gives how many.
pub(super) struct RequeueTransfers<'a> {
    pub(super) transfers: &'a [Transfer],
    pub(super) now: Instant,
}

impl Work for RequeueTransfers<'_> {
    const NAME: &'static str = "requeue_transfers";
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        let mut queued = 0;
        for transfer in self.transfers {
            let values =
                [sql_time(self.now).into(), transfer.partner_id.into(), sql_time(transfer.time).into()];
            let noted = tx.execute(sql::REQUEUE_TRANSFER, &values).await;
            queued += noted.map_err(doing("queueing a transfer again"))?;
        }
        Ok(queued)
    }
}
