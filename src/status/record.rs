//! A status as JSON, for programs.

use serde_json::{Map, Value, json};

use super::{Due, DueState, Holding, JOBS, Known, Life, Notified, Process, Standing, Status, Stored};
use crate::ops::state_file::Activity;
use crate::rewards::window::{Instant, Window, show};
use crate::store::sql::Applied;
use crate::store::{Incident, Run, RunFigures, StoredTransfer, Waiting};

/// The form of the record; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Windows that are named one by one; there may be years of them.
const NAMED: usize = 50;

/// The versioned record of a status.
#[must_use]
pub fn record(status: &Status) -> Value {
    let problems = status.problems();
    let stored = match &status.stored {
        Stored::Unreachable(why) => json!({ "state": "unreachable", "reason": why }),
        Stored::Unprepared(migrations) => {
            json!({ "state": "not_migrated", "migrations": migrated(migrations) })
        }
        Stored::Known(known) => known_record(known),
    };
    json!({
        "record_version": RECORD_VERSION,
        "software_version": env!("CARGO_PKG_VERSION"),
        "at": show(status.at),
        "well": problems.is_empty(),
        "problems": problems.iter().map(|problem| &problem.text).collect::<Vec<_>>(),
        "daemon": process_record(&status.process),
        "database": stored,
    })
}

fn optional(instant: Option<Instant>) -> Value {
    instant.map_or(Value::Null, |instant| show(instant).into())
}

fn process_record(process: &Process) -> Value {
    let state = match process.life {
        Life::Running => "running",
        Life::Stopped => "stopped",
        Life::Died => "died",
        Life::Never => "never_started",
        Life::Unknown => "unknown",
    };
    let said = process.state.as_ref().map(|state| {
        let jobs: Map<String, Value> = JOBS
            .iter()
            .map(|job| {
                let next = state.next_ticks.get(*job).filter(|_| process.life == Life::Running);
                let job_record = json!({
                    "last_success": optional(state.last_success.get(*job).copied()),
                    "next_tick": optional(next.copied()),
                });
                ((*job).to_owned(), job_record)
            })
            .collect();
        json!({
            "pid": state.pid,
            "host": state.host,
            "version": state.version,
            "started_at": show(state.started_at),
            "standby": state.standby,
            "jobs": jobs,
        })
    });
    let running = match process.activity() {
        Some(Activity::Running { job, window }) => json!({ "job": job, "window": window }),
        _ => Value::Null,
    };
    let failure = process.failure();
    json!({
        "state": state,
        "last_heard_of": optional(process.written_at),
        "reason": process.problem,
        "process": said,
        "activity": process.activity().map(ToString::to_string),
        "running": running,
        "failure": failure.map(|failure| json!({
            "at": show(failure.at),
            "job": failure.job,
            "error": failure.error,
        })),
    })
}

fn migrated(migrations: &[Applied]) -> Value {
    let missing = migrations.iter().filter(|migration| !migration.applied);
    let name = |migration: &Applied| format!("{:04} {}", migration.version, migration.description);
    json!({ "known": migrations.len(), "missing": missing.map(name).collect::<Vec<_>>() })
}

fn known_record(known: &Known) -> Value {
    let (holding, silent) = match known.holding {
        Holding::Free => ("free", None),
        Holding::Here => ("here", None),
        Holding::Dead => ("dead", None),
        Holding::Elsewhere => ("elsewhere", None),
        Holding::Renewed => ("renewed", None),
        Holding::Silent(time) => ("silent", Some(time.as_secs())),
    };
    let recorded = known.rules.recorded.as_ref().map(|version| {
        json!({ "number": version.number, "version": version.version, "since": show(version.since) })
    });
    json!({
        "state": "known",
        "migrations": migrated(&known.migrations),
        "lease": {
            "holder": known.lease.holder,
            "fence": known.lease.fence,
            "held": holding,
            "silent_seconds": silent,
        },
        "rules": { "configured": known.rules.configured, "recorded": recorded, "differ": known.rules.differ() },
        "transfers": {
            "queued": known.queue.count,
            "sum": known.queue.sum.to_string(),
            "oldest": optional(known.queue.oldest),
            "failing": known.queue.failing,
            "failures": known.queue.failures.iter().map(failure).collect::<Vec<_>>(),
        },
        "archived": known.archived.iter().map(|(table, days, last)| json!({
            "table": table.name(),
            "days": days,
            "last": last.to_string(),
        })).collect::<Vec<_>>(),
        "programme": known.programme.as_ref().map(standing),
        "notifications": known.notified.as_ref().map(notified),
    })
}

fn notified(notified: &Notified) -> Value {
    let incident = |incident: &Incident| {
        json!({
            "kind": incident.kind,
            "subject": incident.subject,
            "detail": incident.detail,
            "opened_at": show(incident.opened_at),
        })
    };
    let message = |message: &Waiting| {
        json!({
            "id": message.id,
            "receiver": message.receiver,
            "event": message.event,
            "created_at": show(message.created_at),
            "attempts": message.attempts,
            "refused": message.refused,
            "next_attempt_at": show(message.next_attempt_at),
            "error": message.last_error,
        })
    };
    json!({
        "incidents": notified.incidents.iter().take(NAMED).map(incident).collect::<Vec<_>>(),
        "incidents_open": notified.incidents.len(),
        "waiting": notified.waiting.iter().take(NAMED).map(message).collect::<Vec<_>>(),
        "waiting_count": notified.waiting.len(),
    })
}

fn failure(row: &StoredTransfer) -> Value {
    json!({
        "partner_id": row.transfer.partner_id,
        "time": show(row.transfer.time),
        "amount": row.transfer.amount.to_string(),
        "attempts": row.attempts,
        "error": row.last_error,
        "next_attempt_at": optional(row.next_attempt_at),
    })
}

fn standing(standing: &Standing) -> Value {
    let (day, pool) = standing.today;
    let totals = &standing.totals;
    let amount = |amount: Result<_, _>| {
        amount.map_or(Value::Null, |amount: crate::rewards::money::Units| amount.to_string().into())
    };
    let overdue = &standing.overdue;
    json!({
        "timezone": standing.programme.timezone,
        "start": standing.programme.start.to_string(),
        "last_runs": standing.runs.iter().map(run).collect::<Vec<_>>(),
        "due": standing.due.iter().take(NAMED).map(due).collect::<Vec<_>>(),
        "due_count": standing.due.len(),
        "past_catch_up": {
            "count": overdue.len(),
            "first": overdue.first().map(window),
            "last": overdue.last().map(window),
        },
        "pools": {
            "day": day.to_string(),
            "today": pool.to_string(),
            "held": amount(totals.held()),
            "conservation_difference": amount(totals.difference()),
        },
        "holds": { "open": standing.holds, "set_aside": totals.set_aside.to_string() },
    })
}

fn run((run, figures): &(Run, Option<RunFigures>)) -> Value {
    let figures = figures.as_ref();
    json!({
        "kind": run.kind.name(),
        "time": show(run.start),
        "sequence": run.sequence,
        "committed_at": show(run.committed_at),
        "rules_version": run.rules_version,
        "voters": figures.map(|figures| figures.voters),
        "distributed": figures.map(|figures| figures.distributed.to_string()),
        "market_bonus": figures.map(|figures| figures.market_bonus.to_string()),
    })
}

fn window(window: &Window) -> Value {
    json!({
        "kind": window.kind.name(),
        "day": window.day.to_string(),
        "hour": window.hour,
        "time": show(window.start),
        "end": show(window.end),
    })
}

fn due(due: &Due) -> Value {
    let (state, reason) = match &due.state {
        DueState::NextTick => ("next_tick", None),
        DueState::Running => ("running", None),
        DueState::InTurn => ("in_turn", None),
        DueState::Waits(why) => ("waits", Some(why)),
    };
    json!({ "window": window(&due.window), "state": state, "reason": reason })
}
