//! Daily reports: each day that is paid is told to who wants it, once, also where the process ended in between: how far
//! each receiver has been told is written in the same transaction as the messages.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::NaiveDate;
use serde_json::json;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::Shared;
use crate::app::App;
use crate::config::Event;
use crate::errors::chain;
use crate::notify::Message;
use crate::report::{self, ReportError};
use crate::rewards::window::{Instant, Kind, show};
use crate::store::{Notes, Outgoing, Run, Told};

/// Runs that one look goes through, up to the first day among them; the rest is left to the next looks.
const RUNS: u32 = 500;

/// How long it may take, and with it hold up the next ones.
const PATIENCE: Duration = Duration::from_mins(10);

/// Makes what is due. Apart from the watch, as a day of many partners takes its time.
pub(super) async fn make(shared: Arc<Shared>, now: Instant) {
    let app = shared.app();
    let queued = timeout(PATIENCE, queue(&app, now)).await;
    match queued.unwrap_or_else(|_| Err(anyhow::anyhow!("the database does not answer"))) {
        Ok(true) => shared.queued.notify_one(),
        Ok(false) => {}
        Err(error) => debug!(error = chain(error.as_ref()), "daily reports are made later"),
    }
}

/// Queues the reports of days that were paid since the last look; whether there were any.
async fn queue(app: &App, now: Instant) -> anyhow::Result<bool> {
    let changes = app.rewards.changes().await?;
    let runs = app.store.runs().await?;
    let mut notes = Notes { changes_before: changes, changes: changes + 1, ..Notes::default() };
    for told in app.rewards.told().await? {
        let mut receivers = app.config.notify.receivers.iter();
        let wants =
            receivers.any(|receiver| receiver.name == told.receiver && receiver.wants(Event::DailyReport));
        let reported = match (wants, told.reported) {
            (false, _) => None,
            // From here on: what was paid before somebody wanted to know of it is told to nobody.
            (true, None) => Some(runs),
            (true, Some(after)) => Some(reports(app, &told.receiver, after, now, &mut notes.messages).await?),
        };
        if reported != told.reported {
            notes.told.push(Told { reported, ..told });
        }
    }
    if notes.told.is_empty() {
        return Ok(false);
    }
    app.rewards.note(&notes).await.context("queueing daily reports")?;
    for Outgoing { id, .. } in &notes.messages {
        info!(id, "a daily report is queued");
    }
    Ok(!notes.messages.is_empty())
}

/// Makes the report of the first day that was paid by a later run than one; gives the last run that was looked at.
async fn reports(
    app: &App,
    receiver: &str,
    after: u64,
    now: Instant,
    messages: &mut Vec<Outgoing>,
) -> anyhow::Result<u64> {
    let runs = app.rewards.runs_after(after, RUNS).await?;
    let Some(run) = runs.iter().find(|run| run.kind == Kind::Daily) else {
        return Ok(runs.last().map_or(after, |run| run.sequence));
    };
    match daily(app, run, receiver, now).await {
        Ok(message) => messages.push(message.outgoing(receiver)),
        // The database is away: the same is tried at the next look.
        Err(ReportError::Store(error)) if error.is_transient() => return Err(error.into()),
        // A day that cannot be told keeps none after it from being told.
        Err(error) => {
            warn!(time = show(run.start), error = chain(&error), "there is no report of this day");
            messages.push(missing(day(app, run), receiver, &chain(&error), now).outgoing(receiver));
        }
    }
    Ok(run.sequence)
}

fn day(app: &App, run: &Run) -> NaiveDate {
    app.distributor.calendar.window_at(Kind::Daily, run.start).day
}

fn id(day: NaiveDate, receiver: &str) -> String {
    format!("daily_report/{day}/{receiver}")
}

async fn daily(app: &App, run: &Run, receiver: &str, now: Instant) -> Result<Message, ReportError> {
    let day = day(app, run);
    let daily = report::gather(app.rewards.as_ref(), &app.distributor.calendar, day, now).await?;
    Ok(Message {
        id: id(day, receiver),
        created_at: now,
        event: Event::DailyReport.name().to_owned(),
        subject: report::subject(&daily),
        text: report::text(&daily),
        html: Some(report::html(&daily)),
        details: json!({ "day": day.to_string(), "summary": report::summary(&daily) }),
    })
}

/// In place of a report that cannot be made.
fn missing(day: NaiveDate, receiver: &str, why: &str, now: Instant) -> Message {
    Message {
        id: id(day, receiver),
        created_at: now,
        event: Event::DailyReport.name().to_owned(),
        subject: format!("rewardd: no report of {day}"),
        text: format!(
            "There is no report of {day}: {why}\n`rewardd report daily --day {day}` makes it once that is mended.\n"
        ),
        html: None,
        details: json!({ "day": day.to_string(), "error": why }),
    }
}
