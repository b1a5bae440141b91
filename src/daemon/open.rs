//! Opening the databases, which may be away when a daemon starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::warn;

use crate::app::{App, Mode};
use crate::clock::Clock;
use crate::config::Config;
use crate::errors::chain;
use crate::ops::health::{Found, Health};
use crate::ops::metrics::Metrics;
use crate::ops::signals::Request;
use crate::ops::systemd;
use crate::store::StoreError;
use crate::store::sql::Fence;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Opens the databases for a daemon.
pub(super) struct Opener<'a> {
    pub clock: &'a Arc<dyn Clock>,
    pub fence: &'a Arc<Fence>,
    pub metrics: &'a Arc<Metrics>,
}

impl Opener<'_> {
    /// One try.
    ///
    /// # Errors
    /// What could not be opened, and what to look at.
    pub async fn once(&self, config: Config) -> anyhow::Result<App> {
        let (clock, fence) = (Arc::clone(self.clock), Arc::clone(self.fence));
        App::open_fenced(config, clock, Mode::Pay, fence, Arc::clone(self.metrics) as _).await
    }

    /// A database that does not answer is asked again until it does. None where the daemon was asked to stop meanwhile.
    ///
    /// # Errors
    /// What asking again does not mend.
    pub async fn open(
        &self,
        config: &Config,
        health: &Health,
        requests: &mut mpsc::UnboundedReceiver<Request>,
    ) -> anyhow::Result<Option<App>> {
        let mut pause = FIRST_PAUSE;
        loop {
            let opened = tokio::select! {
                opened = self.once(config.clone()) => opened,
                () = stop_requested(requests) => return Ok(None),
            };
            let error = match opened {
                Ok(app) => return Ok(Some(app)),
                Err(error) => error,
            };
            let transient = error.chain().filter_map(|cause| cause.downcast_ref::<StoreError>());
            if !transient.into_iter().any(StoreError::is_transient) {
                return Err(error);
            }
            let error = chain(error.as_ref());
            warn!(error, ?pause, "the database does not answer; it is asked again");
            systemd::status("waiting for the database");
            health.found(Found::unreachable(error));
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop_requested(requests) => return Ok(None),
            }
        }
    }
}

/// Waits for a request to stop; others have nothing to say to a daemon that has not started.
async fn stop_requested(requests: &mut mpsc::UnboundedReceiver<Request>) {
    while !matches!(requests.recv().await, Some(Request::Stop) | None) {}
}
