//! The daemon's retention: what `[retention]` asks for, in steps between which it stops.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::Shared;
use crate::jobs::{JobError, KeptDay, retained_tables};
use crate::ops::logging;
use crate::rewards::window::Instant;

/// Moves old rows and removes old log files, each whatever becomes of the others.
///
/// # Errors
/// [`JobError`], the first; the rest is done by the next look.
pub(super) async fn retain(shared: &Arc<Shared>) -> Result<(), JobError> {
    let app = shared.app();
    let ages = &app.config.retention;
    let retention = app.retention(shared.clock.as_ref());
    let go_on = || !shared.is_stopping() && shared.fence.is_open();
    let mut done = Ok(());
    for (table, age) in retained_tables(ages.hourly_rewards, ages.transfers) {
        let moved = retention.move_days(table, age, &go_on).await;
        if let Some(first) = moved.as_ref().ok().and_then(|retained| retained.kept.first().cloned()) {
            let KeptDay { day, why, .. } = first;
            info!(table = table.name(), %day, why, "old days stay in the table");
        }
        done = done.and(moved.map(drop));
    }
    if let Some(age) = ages.logs {
        done = done.and(remove_logs(&app.config.logging.dir, age, shared.clock.now()));
    }
    done
}

fn remove_logs(dir: &Path, age: Duration, now: Instant) -> Result<(), JobError> {
    let removed = logging::remove_old_files(dir, age, now);
    let removed = removed
        .map_err(|error| JobError::Fail(anyhow::Error::new(error).context("removing old log files")))?;
    info!(files = removed.len(), "old log files removed");
    Ok(())
}
