//! The daemon's look at its own database, for metrics and health: after each run, and every few seconds. Whoever asks
//! is told what was seen last, so nobody's question ever waits for the database or costs it anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::debug;

use super::Shared;
use crate::errors::chain;
use crate::jobs::Walk;
use crate::ops::health::Found;
use crate::ops::metrics::Surveyed;
use crate::rewards::window::{Instant, Kind, Window};
use crate::scheduler::due::due;
use crate::store::sql::{self, Survey};
use crate::store::{Result, StoreError};

/// Between two looks, where nothing happens.
const PAUSE: Duration = Duration::from_secs(15);
/// Between two looks while the database is away.
const PAUSE_WHILE_AWAY: Duration = Duration::from_secs(3);
/// A database that has not answered by then is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks again and again, for as long as the daemon lives.
pub(super) async fn keep_looking(shared: Arc<Shared>) {
    loop {
        let away = match timeout(PATIENCE, look(&shared)).await {
            Ok(Ok(found)) => {
                shared.health.found(found);
                None
            }
            Ok(Err(error)) => Some(chain(&error)),
            Err(_) => Some(format!("it has not answered for {} s", PATIENCE.as_secs())),
        };
        let pause = if away.is_some() { PAUSE_WHILE_AWAY } else { PAUSE };
        if let Some(why) = away {
            debug!(why, "the database cannot be looked at");
            shared.metrics.database_down();
            shared.health.found(Found::unreachable(why));
        }
        shared.surveyed.notify_one();
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.changed.notified() => {}
        }
    }
}

async fn look(shared: &Shared) -> Result<Found> {
    let app = shared.app();
    let database = Ok("it answers".to_owned());
    let missing = sql::applied(&app.database).await?.into_iter().find(|migration| !migration.applied);
    if let Some(missing) = missing {
        let lacks = format!("migration {} ({}) is missing", missing.version, missing.description);
        let lease = Err("not known without the migrations".to_owned());
        return Ok(Found { database, migrations: Err(lacks), lease });
    }
    let survey = sql::survey(&app.database).await?;
    let now = shared.clock.now();
    let (open, overdue) = windows(shared, now).await?;
    let of_kind = |kind| {
        let count = |windows: &[Window]| windows.iter().filter(|window| window.kind == kind).count() as u64;
        (count(&open), count(&overdue))
    };
    let sum = |error| StoreError::Broken { what: format!("a sum of all runs {error}") };
    let surveyed = Surveyed {
        pools_held: survey.totals.pools_held,
        hours_held: survey.totals.hours_held,
        difference: survey.totals.difference().map_err(sum)?,
        queued: survey.queued,
        queued_amount: survey.queued_amount,
        oldest_queued: survey.oldest_queued_at.map_or(Duration::ZERO, |at| since(at, now)),
        hourly: of_kind(Kind::Hourly),
        daily: of_kind(Kind::Daily),
    };
    shared.metrics.surveyed(&surveyed, now);
    Ok(Found { database, migrations: Ok("all are in".to_owned()), lease: Ok(lease(shared, &survey)) })
}

/// What has ended and is not paid: within catch-up, and past it. Nothing, before the programme has begun.
async fn windows(shared: &Shared, now: Instant) -> Result<(Vec<Window>, Vec<Window>)> {
    let app = shared.app();
    let Some(programme) = app.store.programme().await? else { return Ok((vec![], vec![])) };
    let kinds = [Kind::Daily, Kind::Hourly].map(|kind| (kind, now)).to_vec();
    let walk = Walk { kinds, start: programme.start, now, catch_up: app.config.schedule.catch_up };
    let found = due(app.store.as_ref(), &app.distributor.calendar, &walk).await?;
    Ok((found.open, found.overdue))
}

fn lease(shared: &Shared, survey: &Survey) -> String {
    let holder = &survey.lease.holder;
    match shared.fence.number_if_open() {
        Some(fence) => format!("this instance holds it (number {fence})"),
        None if holder.is_empty() => "nobody holds it".to_owned(),
        None => format!("{holder} holds it (number {})", survey.lease.fence),
    }
}

/// Zero where the clock was set back meanwhile.
fn since(at: Instant, now: Instant) -> Duration {
    (now - at).to_std().unwrap_or_default()
}
