//! Holding the lease: one daemon pays, a standby watches.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::errors::chain;
use crate::store::{Lease, Leases};

/// Looks at the lease while another holds it.
pub struct Standby {
    leases: Arc<dyn Leases>,
    holder: String,
    lease_time: Duration,
    seen: Option<(Lease, Instant)>,
}

impl Standby {
    /// `holder` says who this process is, for people.
    #[must_use]
    pub fn new(leases: Arc<dyn Leases>, holder: String, lease_time: Duration) -> Self {
        Self { leases, holder, lease_time, seen: None }
    }

    /// Waits until the lease is ours, and gives its fence and who held it last, empty where it was given back. A lease that was given back, or that a former process of
    /// ours left (`former`: the state file's lock has shown that it is dead), is taken at once; any other when it has
    /// not changed for the lease time. A database that does not answer is asked again.
    pub async fn acquire(&mut self, former: Option<&str>, mut waiting: impl FnMut(&Lease)) -> (i64, String) {
        loop {
            match self.leases.lease().await {
                Ok(lease) => {
                    let free = lease.holder.is_empty() || former.is_some_and(|former| lease.holder == former);
                    if (free || self.has_been_silent(&lease))
                        && let Some(fence) = self.take(&lease).await
                    {
                        return (fence, lease.holder);
                    }
                    waiting(&lease);
                }
                Err(error) => warn!(error = chain(&error), "the lease cannot be read"),
            }
            sleep(self.lease_time / 5).await;
        }
    }

    /// Whether the lease has not changed for the lease time, by this machine's own clock.
    #[expect(clippy::disallowed_methods, reason = "a span of time, which no clock that is set can touch")]
    fn has_been_silent(&mut self, lease: &Lease) -> bool {
        match &self.seen {
            Some((seen, since)) if seen == lease => since.elapsed() >= self.lease_time,
            _ => {
                self.seen = Some((lease.clone(), Instant::now()));
                false
            }
        }
    }

    async fn take(&self, lease: &Lease) -> Option<i64> {
        match self.leases.take_lease(lease, &self.holder).await {
            Ok(Some(fence)) => {
                let from = if lease.holder.is_empty() { "nobody" } else { &lease.holder };
                info!(fence, from, "the lease is ours");
                Some(fence)
            }
            Ok(None) => None,
            Err(error) => {
                warn!(error = chain(&error), "the lease cannot be taken");
                None
            }
        }
    }
}

/// Renews the lease until another has taken it over. A database that does not answer is asked again: whether the lease
/// was lost meanwhile, the fence decides.
pub async fn keep(leases: &dyn Leases, fence: i64, lease_time: Duration) {
    loop {
        sleep(lease_time / 5).await;
        match leases.renew_lease(fence).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => warn!(error = chain(&error), "the lease cannot be renewed"),
        }
    }
}
