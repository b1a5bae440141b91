//! Daily reports: each day that is paid is told to who wants it, once, also where the process ended in between: how far
//! each receiver has been told is written in the same transaction as the messages.

use anyhow::Context;
use serde_json::json;
use tracing::{info, warn};

use crate::app::App;
use crate::config::Event;
use crate::errors::chain;
use crate::notify::Message;
use crate::report::{self, ReportError};
use crate::rewards::window::{Instant, Kind, show};
use crate::store::{Notes, Outgoing, Run, Told};

/// Runs that one look goes through, up to the first day among them; the rest is left to the next looks.
const RUNS: u32 = 500;

/// Queues the reports of days that were paid since the last look; whether there were any.
pub(super) async fn queue(app: &App, now: Instant) -> anyhow::Result<bool> {
    let changes = app.notices.changes().await?;
    let runs = app.store.runs().await?;
    let mut notes = Notes { changes_before: changes, changes: changes + 1, ..Notes::default() };
    for told in app.notices.told().await? {
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
    app.notices.note(&notes).await.context("queueing daily reports")?;
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
    let runs = app.pages.runs_after(after, RUNS).await?;
    let Some(run) = runs.iter().find(|run| run.kind == Kind::Daily) else {
        return Ok(runs.last().map_or(after, |run| run.sequence));
    };
    match daily(app, run, receiver, now).await {
        Ok(message) => messages.push(message.outgoing(receiver)),
        // The database is away: the same is tried at the next look.
        Err(ReportError::Store(error)) if error.is_transient() => return Err(error.into()),
        // A day that cannot be told keeps none after it from being told.
        Err(error) => warn!(time = show(run.start), error = chain(&error), "there is no report of this day"),
    }
    Ok(run.sequence)
}

async fn daily(app: &App, run: &Run, receiver: &str, now: Instant) -> Result<Message, ReportError> {
    let calendar = &app.distributor.calendar;
    let day = calendar.window_at(Kind::Daily, run.start).day;
    let daily = report::gather(app.pages.as_ref(), calendar, day, now).await?;
    Ok(Message {
        id: format!("daily_report/{day}/{receiver}"),
        created_at: now,
        event: Event::DailyReport.name().to_owned(),
        subject: report::subject(&daily),
        text: report::text(&daily),
        html: Some(report::html(&daily)),
        details: json!({ "day": day.to_string(), "summary": report::summary(&daily) }),
    })
}
