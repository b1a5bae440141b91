//! The daemon's retention: what `[retention]` asks for, in steps between which it stops.

use std::sync::Arc;

use tracing::info;

use super::Shared;
use crate::jobs::{JobError, Retained, retained_tables};
use crate::ops::logging;

/// Moves old rows and removes old log files.
///
/// # Errors
/// [`JobError`]; the rest is done by the next look.
pub(super) async fn retain(shared: &Arc<Shared>) -> Result<(), JobError> {
    let app = shared.app();
    let ages = &app.config.retention;
    let retention = app.retention(shared.clock.as_ref());
    let go_on = || !shared.is_stopping() && shared.fence.is_open();
    for (table, age) in retained_tables(ages.hourly_rewards, ages.transfers) {
        let Retained { kept, .. } = retention.move_days(table, age, &go_on).await?;
        if let Some(first) = kept.first() {
            let (days, day, why) = (kept.len(), first.day, &first.why);
            info!(table = table.name(), days, %day, why, "old days stay in the table");
        }
    }
    if let Some(age) = ages.logs {
        let (dir, now) = (app.config.logging.dir.clone(), shared.clock.now());
        let removed = logging::remove_old_files(&dir, age, now);
        let removed = removed
            .map_err(|error| JobError::Fail(anyhow::Error::new(error).context("removing old log files")))?;
        info!(files = removed.len(), "old log files removed");
    }
    Ok(())
}
