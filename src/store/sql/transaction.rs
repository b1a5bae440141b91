//! The one way to write: a named transaction, tried again as a whole when what stopped it passes.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::driver::{Database, PATIENCE, Tx, timed_out};
use crate::errors::chain;
use crate::store::error::doing;
use crate::store::{Result, StoreError};

/// Attempts beyond the first.
const RETRIES: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A transaction by name. Its body may run several times; each time it starts from what is stored then, so a commit
/// whose answer was lost is found done instead of being done again.
pub trait Work: Sync {
    const NAME: &'static str;
    type Output: Send;

    /// The statements, between begin and commit.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Output>> + Send;

    /// The transaction is about to be tried again because of this.
    fn retried(&self, _error: &StoreError) {}
}

impl Database {
    /// Runs a transaction: all of it is committed, or nothing.
    ///
    /// # Errors
    /// What the body gave, or the driver; after bounded retries where it was transient.
    pub async fn run_tx<W: Work>(&self, work: &W) -> Result<W::Output> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(RETRIES)
            .with_jitter();
        (|| self.attempt(work))
            .retry(pauses)
            // A stale plan is transient too, but has to be made anew: that is the job's part.
            .when(|error| error.is_transient() && !matches!(error, StoreError::Stale))
            .notify(|error, pause| {
                work.retried(error);
                tracing::warn!(
                    transaction = W::NAME,
                    ?pause,
                    error = chain(error),
                    "transaction is tried again"
                );
            })
            .await
    }

    /// One attempt. Given up in the middle, also of its commit, it leaves open whether it took place; but until that
    /// is decided the server keeps the locks that the next attempt waits for, which then reads what came of it.
    async fn attempt<W: Work>(&self, work: &W) -> Result<W::Output> {
        let attempt = tokio::time::timeout(PATIENCE, self.transaction(work)).await;
        attempt.map_err(|_| timed_out()).map_err(doing("waiting for the database"))?
    }

    async fn transaction<W: Work>(&self, work: &W) -> Result<W::Output> {
        let mut tx = self.begin().await.map_err(doing("beginning a transaction"))?;
        match work.run(&mut tx).await {
            Ok(output) => {
                tx.commit().await.map_err(doing("committing a transaction"))?;
                Ok(output)
            }
            Err(error) => {
                // Where the connection is gone, so is the transaction; the first error is the one that counts.
                if let Err(rollback) = tx.rollback().await {
                    tracing::debug!(transaction = W::NAME, %rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }
}
