//! The lease row.

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::driver::{Database, Tx};
use super::statements as sql;
use super::store::SqlStore;
use super::text::OwnRow;
use super::transaction::Work;
use crate::store::error::doing;
use crate::store::{Lease, Leases, OnRetry, Result, StoreError};

/// One update of the lease; gives whether it was as expected.
struct Update<'a> {
    sql: &'static str,
    values: &'a [Value<'a>],
    retries: &'a dyn OnRetry,
}

impl Work for Update<'_> {
    const NAME: &'static str = "lease";
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        Ok(tx.execute(self.sql, self.values).await.map_err(doing("updating the lease"))? == 1)
    }

    fn retried(&self, error: &StoreError) {
        self.retries.retried(error.cause());
    }
}

impl SqlStore {
    async fn update_lease(&self, sql: &'static str, values: &[Value<'_>]) -> Result<bool> {
        self.database().run_tx(&Update { sql, values, retries: self.retries() }).await
    }
}

/// The lease as it stands.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn read_lease(database: &Database) -> Result<Lease> {
    let rows = database.fetch(sql::LEASE, &[]).await.map_err(doing("reading the lease"))?;
    lease_of(&rows)
}

/// The lease in the rows of [`sql::LEASE`].
pub(super) fn lease_of(rows: &[Row]) -> Result<Lease> {
    let row =
        rows.first().ok_or_else(|| StoreError::Broken { what: "the lease row is missing".to_owned() })?;
    let row = OwnRow { table: "reward_lease", row };
    Ok(Lease { holder: row.text(0)?, fence: row.int(1)?, renewals: row.int(2)? })
}

#[async_trait]
impl Leases for SqlStore {
    async fn lease(&self) -> Result<Lease> {
        read_lease(self.database()).await
    }

    async fn take_lease(&self, seen: &Lease, holder: &str) -> Result<Option<i64>> {
        let fence = seen.fence + 1;
        let values = [holder.into(), fence.into(), seen.fence.into(), seen.renewals.into()];
        let taken = self.update_lease(sql::TAKE_LEASE, &values).await?;
        Ok(taken.then_some(fence))
    }

    async fn renew_lease(&self, fence: i64) -> Result<bool> {
        self.update_lease(sql::RENEW_LEASE, &[fence.into()]).await
    }

    async fn release_lease(&self, fence: i64) -> Result<()> {
        self.update_lease(sql::RELEASE_LEASE, &[fence.into()]).await.map(drop)
    }
}
