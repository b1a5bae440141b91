//! The daemon's part in the lease: holding it, or standing by.

use std::sync::Arc;

use tracing::{error, info};

use super::worker::Worker;
use super::{Shared, last_ticks, lookout};
use crate::ops::state_file::Activity;
use crate::scheduler::lease::{Standby, keep};

/// Holds the lease while it can, and waits for it while it cannot. Each time it is won, what was missed is made up.
pub(super) async fn lead(shared: Arc<Shared>, worker: Arc<Worker>, mut former: Option<String>) {
    loop {
        let app = shared.app();
        let lease_time = app.config.process.lease;
        let mut standby = Standby::new(app.rewards.clone(), shared.board.holder(), lease_time);
        let (fence, from) = standby
            .acquire(former.take().as_deref(), |lease| {
                if !shared.board.state().standby {
                    info!(holder = lease.holder, "standby: another instance holds the lease");
                    shared.board.standby(true);
                    shared.board.activity(Activity::Idle);
                }
            })
            .await;
        if !from.is_empty() {
            lookout::taken_over(&shared, fence, &from);
        }
        shared.hold(Some(fence));
        shared.board.standby(false);
        catch_up(&shared, &worker);
        keep(app.rewards.as_ref(), fence, lease_time).await;
        shared.hold(None);
        error!(
            fence,
            "the lease was taken over by another instance; nothing is paid from here until it is won back"
        );
    }
}

/// Triggers what the ticks up to now would have: a start does not pay an hour before its tick.
fn catch_up(shared: &Shared, worker: &Worker) {
    worker.trigger(&last_ticks(&shared.app().config, shared.clock.now()));
    worker.trigger_relay();
}
