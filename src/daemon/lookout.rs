//! The daemon's watch: after each look at the database it is decided what is not well and who is told of it. Only who
//! holds the lease does so, and writes it under the lease's fence, so nobody is told twice.
//!
//! What is judged is what `rewardd status` and the metrics judge; here it only becomes incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::board::Looks;
use super::{Shared, changes, delivery, reports, suspicions};
use crate::app::App;
use crate::config::Event;
use crate::errors::chain;
use crate::notify::{self, Condition, INCIDENTS, Message, Seen, Stored};
use crate::ops::state_file::LastError;
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::status::{self, DueState, JOBS, Known, Life, Process};
use crate::store::sql::{self, Survey};
use crate::store::{Incident, Notes, Notices, PendingRules, PendingState, StoreError, Waits};

/// A database that has not answered by then is away.
const PATIENCE: Duration = Duration::from_secs(30);
/// A transfer that has waited for longer is stuck, as the alert rules say too.
const STUCK: TimeDelta = TimeDelta::hours(1);
/// A database that is away for no longer is none of the receivers' concern.
const AWAY: TimeDelta = TimeDelta::minutes(1);
/// Waiting messages that are looked at: receivers have one about incidents at most, and one a day.
const WAITING: u32 = 1000;

/// Watches for as long as the daemon lives.
pub(super) async fn keep_watching(shared: Arc<Shared>) {
    let mut away = Away::default();
    // Apart from the watch, as a day of many partners takes its time; one at a time.
    let mut reporting = JoinSet::new();
    loop {
        shared.surveyed.notified().await;
        let now = shared.clock.now();
        let is_leading = shared.fence.is_open();
        let looked = timeout(PATIENCE, look(&shared, is_leading, now)).await;
        match looked.unwrap_or_else(|_| Err(anyhow::anyhow!("the database does not answer"))) {
            Ok(()) => {
                away.end(&shared, now);
                while reporting.try_join_next().is_some() {}
                if is_leading && reporting.is_empty() {
                    reporting.spawn(reports::make(Arc::clone(&shared), now));
                }
            }
            Err(error) if !is_leading || is_of_the_moment(&error) => {
                debug!(error = chain(error.as_ref()), "not watched");
            }
            Err(error) => away.tell(&shared, &chain(error.as_ref()), now),
        }
    }
}

/// Whoever leads decides what to tell; what is stored of it is measured by standbys too, and for Prometheus alone.
async fn look(shared: &Shared, is_leading: bool, now: Instant) -> anyhow::Result<()> {
    let app = shared.app();
    let names: BTreeSet<&str> = app.config.notify.receivers.iter().map(|receiver| &*receiver.name).collect();
    if is_leading && !names.is_empty() {
        watch(shared, &app, &names, now).await?;
    }
    measure(shared, &app, &names, now).await
}

/// Another has written meanwhile, or holds the lease now: the next look knows better.
fn is_of_the_moment(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Stale | StoreError::Fenced))
}

/// Since when nothing could be watched, and when that was told.
#[derive(Default)]
struct Away {
    since: Option<Instant>,
    told_at: Option<Instant>,
}

impl Away {
    /// Nothing can be kept now: each receiver is sent one message as well as that goes, and again with each reminder.
    fn tell(&mut self, shared: &Arc<Shared>, why: &str, now: Instant) {
        warn!(error = why, "it cannot be watched whether all is well");
        let settings = &shared.app().config.notify;
        let reminder = TimeDelta::from_std(settings.reminder).unwrap_or(TimeDelta::MAX);
        let since = *self.since.get_or_insert(now);
        if now - since < AWAY || self.told_at.is_some_and(|told| now - told < reminder) {
            return;
        }
        self.told_at = Some(now);
        send_each(shared, |receiver| notify::unreachable(receiver, why, since, now));
    }

    /// It answers again: whoever was told that it is away is told so, once.
    fn end(&mut self, shared: &Arc<Shared>, now: Instant) {
        let Self { since, told_at } = std::mem::take(self);
        if let (Some(since), Some(_)) = (since, told_at) {
            send_each(shared, |receiver| notify::reachable(receiver, since, now));
        }
    }
}

/// Sends each receiver a message that is kept nowhere.
fn send_each(shared: &Arc<Shared>, message: impl Fn(&str) -> Message) {
    let app = shared.app();
    let receivers = app.config.notify.receivers.iter();
    for receiver in receivers.filter(|receiver| notify::is_told_of_the_database(receiver)) {
        let message = message(&receiver.name);
        let (shared, receiver) = (Arc::clone(shared), receiver.clone());
        tokio::spawn(async move { delivery::send_once(&shared, &receiver, &message).await });
    }
}

async fn watch(shared: &Shared, app: &App, names: &BTreeSet<&str>, now: Instant) -> anyhow::Result<()> {
    // Before the database: what it says is not paid then has not been paid by these looks.
    let (state, looks) = shared.board.looks();
    let process = Process { life: Life::Running, state: Some(state), written_at: None, problem: None };
    // The survey looks after the migrations.
    let known = status::look(
        app.rewards.as_ref(),
        app.rewards.as_ref(),
        app.rewards.as_ref(),
        vec![],
        &app.config,
        &process,
        now,
    )
    .await?;
    let survey = sql::survey(&app.database).await?;
    let stored = stored(app.rewards.as_ref(), names).await?;
    let pending = app.rewards.last_pending().await?.filter(PendingRules::is_current);
    let waiting = changes::waiting(app).await?;
    let mut happened = happened(shared, app.rewards.as_ref()).await?;
    happened.extend(untold(app.rewards.as_ref(), &changes::come_since(&waiting, &stored.open)).await?);
    let mut seen = Judge {
        shared,
        looks: &looks,
        known: &known,
        survey: &survey,
        pending: pending.as_ref(),
        waiting: &waiting,
        open: &stored.open,
        now,
    }
    .seen(happened.clone());
    seen.patience = Some(app.config.confirm.reminder);
    seen.conditions.extend(suspicions::conditions(&app.rewards.open_groups().await?));
    if let Some(notes) = notify::digest(&stored, &seen, &app.config.notify, now) {
        app.rewards.note(&notes).await.context("writing down what is not well")?;
        let mut left = shared.happened.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|condition| !happened.contains(condition));
        drop(left);
        log(&notes);
        if !notes.messages.is_empty() {
            shared.queued.notify_one();
        }
    }
    Ok(())
}

/// What has happened and is not stored yet. A commit whose answer was lost may have stored some of it.
async fn happened(shared: &Shared, notices: &dyn Notices) -> anyhow::Result<Vec<Condition>> {
    let all = shared.happened.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let untold = untold(notices, &all).await?;
    // What came meanwhile is left to the next look.
    let mut left = shared.happened.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain(|condition| !all.contains(condition) || untold.contains(condition));
    Ok(untold)
}

async fn untold(notices: &dyn Notices, all: &[Condition]) -> anyhow::Result<Vec<Condition>> {
    let mut untold = vec![];
    for condition in all {
        if !notices.has_happened(condition.event.name(), &condition.subject).await? {
            untold.push(condition.clone());
        }
    }
    Ok(untold)
}

/// What earlier looks have left.
async fn stored(notices: &dyn Notices, receivers: &BTreeSet<&str>) -> anyhow::Result<Stored> {
    // The count comes first: what another writes after it makes what is decided here stale.
    let changes = notices.changes().await?;
    let told = notices.told().await?;
    let known = told.iter().filter(|told| receivers.contains(told.receiver.as_str()));
    let since = known.map(|told| told.told).min().unwrap_or(changes);
    let waiting = notices.waiting_notifications(WAITING).await?.into_iter();
    let (refused, waiting): (Vec<_>, Vec<_>) =
        waiting.filter(|message| message.event == INCIDENTS).partition(|message| message.refused);
    Ok(Stored {
        changes,
        open: notices.open_incidents().await?,
        closed: notices.incidents_closed_after(since).await?,
        told,
        waiting: waiting.into_iter().map(|message| message.receiver).collect(),
        refused: refused.into_iter().map(|message| (message.receiver, message.id)).collect(),
    })
}

fn log(notes: &Notes) {
    for Incident { kind, subject, detail, .. } in &notes.opened {
        warn!(kind, subject, detail, "an incident is opened");
    }
    for Incident { kind, subject, .. } in &notes.closed {
        info!(kind, subject, "an incident is closed");
    }
}

async fn measure(shared: &Shared, app: &App, receivers: &BTreeSet<&str>, now: Instant) -> anyhow::Result<()> {
    let mut open = app.rewards.open_incidents().await?;
    if receivers.is_empty() {
        // What only the watch closes would stay open for ever.
        open.retain(|incident| incident.kind == Event::VerifyFindings.name());
    }
    let mut by_kind: BTreeMap<&str, i64> = BTreeMap::new();
    open.iter().for_each(|incident| *by_kind.entry(&incident.kind).or_default() += 1);
    shared.metrics.incidents(&by_kind);
    let waiting = app.rewards.waiting_notifications(WAITING).await?;
    let of_receivers = || waiting.iter().filter(|message| receivers.contains(message.receiver.as_str()));
    let mut by_receiver: BTreeMap<&str, i64> = receivers.iter().map(|receiver| (*receiver, 0)).collect();
    of_receivers().for_each(|message| *by_receiver.entry(&message.receiver).or_default() += 1);
    let oldest = of_receivers().map(|message| message.created_at).min();
    let oldest = oldest.map_or(Duration::ZERO, |at| (now - at).to_std().unwrap_or_default());
    shared.metrics.notifications(&by_receiver, oldest);
    Ok(())
}

/// The lease came from one that has not given it back.
pub(super) fn taken_over(shared: &Shared, fence: i64, from: &str) {
    let holder = shared.board.holder();
    let detail = format!("{holder} has taken it over from {from}, which died or fell silent");
    let event = Event::LeaseTakenOver;
    let happened = Condition { event, subject: format!("lease {fence}"), detail };
    shared.happened.lock().unwrap_or_else(PoisonError::into_inner).push(happened);
}

/// What one look has found.
struct Judge<'a> {
    shared: &'a Shared,
    looks: &'a Looks,
    known: &'a Known,
    survey: &'a Survey,
    pending: Option<&'a PendingRules>,
    /// Of lists and repositories.
    waiting: &'a [Waits],
    open: &'a [Incident],
    now: Instant,
}

impl Judge<'_> {
    fn seen(&self, happened: Vec<Condition>) -> Seen {
        let mut seen = Seen { happened, ..Seen::default() };
        if let Some(standing) = &self.known.programme {
            for due in &standing.due {
                // A window that is being paid is neither well nor not.
                seen.undecided.insert(key(&due.window));
                // At a start nothing has been looked at, and nothing is late yet.
                if let DueState::Waits(why) = &due.state
                    && self.looks.reach(&due.window)
                {
                    seen.conditions.push(self.unpaid(&due.window, why));
                }
            }
            for window in &standing.overdue {
                seen.undecided.insert(key(window));
                seen.conditions.push(past_catch_up(window));
            }
            if let Err(detail) = standing.totals.check() {
                let event = Event::ConservationBroken;
                seen.conditions.push(Condition { event, subject: "books".to_owned(), detail });
            }
        }
        seen.conditions.extend(self.stuck());
        seen.conditions.extend(self.pending.and_then(unconfirmed));
        seen.conditions.extend(changes::conditions(self.waiting));
        let failed = self.failed_jobs(&seen.conditions);
        seen.conditions.extend(failed);
        if self.looks.reach.is_empty() {
            // What failed before the start may fail again.
            let failed = self.open.iter().filter(|open| open.kind == Event::RunFailed.name());
            seen.undecided.extend(failed.map(|open| open.subject.clone()));
        }
        seen
    }

    /// A window that should have been paid.
    fn unpaid(&self, window: &Window, why: &str) -> Condition {
        let subject = key(window);
        // What has failed stays that until it is paid, also where it now waits for another window.
        let is_known = |open: &Incident| open.kind == Event::RunFailed.name() && open.subject == subject;
        let failed = self.looks.failed.contains(&(window.kind, window.start));
        let has_failed = failed || self.open.iter().any(is_known);
        let event = if has_failed { Event::RunFailed } else { Event::WindowOverdue };
        Condition { event, subject, detail: format!("{window} was not paid: {why}") }
    }

    /// Jobs that failed without a window of which the same is said.
    fn failed_jobs(&self, said: &[Condition]) -> Vec<Condition> {
        let is_said = |error: &str| {
            said.iter()
                .any(|condition| condition.event == Event::RunFailed && error.ends_with(&condition.detail))
        };
        let failures = self.looks.failures.values();
        // A remote that is away for a moment concerns nobody; transfers that are stuck do.
        let failures = failures.filter(|failure| failure.job != JOBS[2] && !is_said(&failure.error));
        let condition = |LastError { job, error, .. }: &LastError| Condition {
            event: Event::RunFailed,
            subject: job.clone(),
            detail: format!("{job}: {error}"),
        };
        failures.map(condition).collect()
    }

    fn stuck(&self) -> Option<Condition> {
        let oldest = self.survey.oldest_queued_at.filter(|at| self.now - *at > STUCK)?;
        let Survey { queued, queued_amount, .. } = self.survey;
        let why = self.known.queue.failures.iter().find_map(|failing| failing.last_error.clone());
        let why = match why {
            Some(why) => why,
            None if self.shared.app().config.remote.url.is_none() => "no remote.url is configured".to_owned(),
            None => "they were not tried yet".to_owned(),
        };
        Some(Condition {
            event: Event::TransferStuck,
            subject: "transfers".to_owned(),
            detail: format!("{queued} transfers of {queued_amount} CC wait since {}: {why}", show(oldest)),
        })
    }
}

/// A change of the rules that somebody has to look at.
fn unconfirmed(pending: &PendingRules) -> Option<Condition> {
    let PendingRules { number, version, state, .. } = pending;
    let what = match state {
        PendingState::Seen => "waits for its author: `rewardd rules propose",
        PendingState::Proposed => "waits for another person: `rewardd rules confirm",
        PendingState::Refused => "was changed past rewardd, and is refused: `rewardd rules pending",
        _ => return None,
    };
    let short = version.get(..12).unwrap_or(version);
    let named = if *state == PendingState::Refused { String::new() } else { format!(" {number}") };
    Some(Condition {
        event: Event::ConfirmationPending,
        subject: format!("rules {number}"),
        detail: format!("version {number} of the rules ({short}) {what}{named}`"),
    })
}

fn past_catch_up(window: &Window) -> Condition {
    let start = match window.kind {
        Kind::Hourly => show(window.start),
        Kind::Daily => window.day.to_string(),
    };
    Condition {
        event: Event::CatchUpPassed,
        subject: key(window),
        detail: format!(
            "{window} waits for an operator: `rewardd once {} --window {start}`",
            window.kind.name()
        ),
    }
}

/// A window, the same at each look.
fn key(window: &Window) -> String {
    format!("{} {}", window.kind.name(), show(window.start))
}
