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
use crate::scheduler::due::{Due, due};
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
    let Due { open, held, overdue, .. } = windows(shared, now).await?;
    // What an alarm holds is told by itself.
    let of_kind = |kind| (count_of(&open, kind) - count_of(&held, kind), count_of(&overdue, kind));
    let sum = |error| StoreError::Broken { what: format!("a sum of all runs {error}") };
    let surveyed = Surveyed {
        pools_held: survey.totals.pools_held,
        hours_held: survey.totals.hours_held,
        holds: (survey.holds, survey.totals.set_aside),
        windows_held: (count_of(&held, Kind::Hourly), count_of(&held, Kind::Daily)),
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

fn count_of(windows: &[Window], kind: Kind) -> u64 {
    windows.iter().filter(|window| window.kind == kind).count() as u64
}

/// What has ended and is not paid. Nothing, before the programme has begun.
async fn windows(shared: &Shared, now: Instant) -> Result<Due> {
    let app = shared.app();
    let Some(programme) = app.store.programme().await? else { return Ok(Due::default()) };
    let kinds = [Kind::Daily, Kind::Hourly].map(|kind| (kind, now)).to_vec();
    let walk = Walk { kinds, start: programme.start, now, catch_up: app.config.schedule.catch_up };
    due(app.store.as_ref(), &app.distributor.calendar, &walk).await
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
