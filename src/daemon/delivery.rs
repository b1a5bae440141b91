//! From the outbox to the receivers. Each has a task of its own while there is something to send, so that one that is
//! away, or hangs, keeps no other waiting; nothing else waits for any of them.
//!
//! A message is sent at least once: what was taken just before the process ended is sent again, under the same id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::Shared;
use crate::config::{Channel, Receiver};
use crate::errors::chain;
use crate::fault;
use crate::notify::send::deliverer;
use crate::notify::{Message, SendError};
use crate::ops::metrics::Sent;
use crate::store::{NotTaken, Outgoing, StoreError};

/// Between two looks at the outbox, where nothing is queued meanwhile.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two attempts to write down what became of a message: at first, and at most.
const NOTING: (Duration, Duration) = (PAUSE, Duration::from_mins(5));
/// An attempt that outlasts its own limit by so much is given up from outside.
const SLACK: Duration = Duration::from_secs(5);
/// Between two attempts: a minute, and twice as long each time, up to an hour.
const FIRST_PAUSE_MINUTES: i64 = 1;
const LONGEST_PAUSE_MINUTES: i64 = 60;
/// What a receiver refuses it may take once somebody has mended it.
const PAUSE_OF_THE_REFUSED: TimeDelta = TimeDelta::days(1);
/// No receiver is left alone for longer, whatever it asks for.
const LONGEST_WISH: Duration = Duration::from_hours(24);

/// Sends what is due for as long as the daemon lives.
pub(super) async fn keep_delivering(shared: Arc<Shared>) {
    let mut tasks = JoinSet::new();
    let mut busy = BTreeMap::new();
    loop {
        while tasks.try_join_next().is_some() {}
        busy.retain(|_, task: &mut tokio::task::AbortHandle| !task.is_finished());
        if shared.fence.is_open() {
            for receiver in shared.app().config.notify.receivers.clone() {
                if !busy.contains_key(&receiver.name) {
                    let name = receiver.name.clone();
                    busy.insert(name, tasks.spawn(send_due(Arc::clone(&shared), receiver)));
                }
            }
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = shared.queued.notified() => {}
        }
    }
}

/// Sends what is due to one receiver, until nothing is or it is away.
async fn send_due(shared: Arc<Shared>, receiver: Receiver) {
    while shared.fence.is_open() {
        match send_next(&shared, &receiver).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                // The watch says so where the database is away.
                debug!(receiver = receiver.name, error = chain(error.as_ref()), "the outbox cannot be used");
                return;
            }
        }
    }
}

/// Sends the oldest message; whether another may follow it at once.
async fn send_next(shared: &Shared, receiver: &Receiver) -> anyhow::Result<bool> {
    let notices = || Arc::clone(&shared.app().rewards);
    let due = notices().due_notification(&receiver.name, shared.clock.now()).await?;
    let Some((outgoing, attempts)) = due else { return Ok(false) };
    let Outgoing { id, .. } = &outgoing;
    let id = id.clone();
    let message = Message::of(outgoing)?;
    fault::point("send");
    let sent = attempt(shared, receiver, &message).await;
    fault::point("sent");
    let now = shared.clock.now();
    match sent {
        Ok(answer) => {
            until_noted(NOTING, || async { notices().notification_delivered(&id, now).await }).await;
            info!(receiver = receiver.name, id, answer, "a message is delivered");
            shared.changed.notify_one();
            Ok(true)
        }
        Err(error) => {
            let refused = matches!(error, SendError::Never(_));
            let next_attempt_at = now + pause(&error, attempts);
            let error = error.to_string();
            let failed =
                NotTaken { id: &id, receiver: &receiver.name, error: &error, refused, next_attempt_at };
            until_noted(NOTING, || async { notices().notification_failed(&failed).await }).await;
            Ok(refused)
        }
    }
}

/// Writes down what became of a message, however long that takes: until it is, its receiver is sent nothing, or a
/// database that can be read and not be written would have the same message sent again and again.
async fn until_noted<F: Future<Output = Result<(), StoreError>>>(
    (first, longest): (Duration, Duration),
    note: impl Fn() -> F,
) {
    let pauses = ExponentialBuilder::default()
        .with_factor(2.0)
        .with_min_delay(first)
        .with_max_delay(longest)
        .without_max_times();
    let mut has_told = false;
    let noted = note.retry(pauses).notify(|error, _| {
        if !has_told {
            warn!(
                error = chain(error),
                "what became of a message cannot be written down; nothing is sent until it is"
            );
        }
        has_told = true;
    });
    // It has no end but the note.
    let _ = noted.await;
}

/// Sends a message that is kept nowhere.
pub(super) async fn send_once(shared: &Shared, receiver: &Receiver, message: &Message) {
    if let Ok(answer) = attempt(shared, receiver, message).await {
        info!(receiver = receiver.name, id = message.id, answer, "a message is delivered");
    }
}

/// One attempt.
async fn attempt(shared: &Shared, receiver: &Receiver, message: &Message) -> Result<String, SendError> {
    let way = deliverer(&receiver.channel, Arc::clone(&shared.clock));
    let limit = match &receiver.channel {
        Channel::Webhook(webhook) => webhook.timeout,
        Channel::Mail(mail) => mail.timeout,
    };
    let silent = || SendError::Later { why: format!("no answer within {} s", limit.as_secs()), after: None };
    let sent = timeout(limit + SLACK, way.deliver(message)).await.unwrap_or_else(|_| Err(silent()));
    let outcome = match &sent {
        Ok(_) => Sent::Delivered,
        Err(SendError::Later { .. }) => Sent::Postponed,
        Err(SendError::Never(_)) => Sent::Refused,
    };
    shared.metrics.notified(&receiver.name, outcome);
    if let Err(error) = &sent {
        warn!(receiver = receiver.name, id = message.id, %error, "a message was not taken");
    }
    sent
}

/// How long a message waits after an attempt in vain, the `attempts` before it counted.
fn pause(error: &SendError, attempts: u32) -> TimeDelta {
    match error {
        SendError::Never(_) => PAUSE_OF_THE_REFUSED,
        SendError::Later { after, .. } => {
            let doubled = FIRST_PAUSE_MINUTES << attempts.min(10);
            let ours = TimeDelta::minutes(doubled.min(LONGEST_PAUSE_MINUTES));
            let wished =
                after.map(|after| after.min(LONGEST_WISH)).and_then(|after| TimeDelta::from_std(after).ok());
            wished.map_or(ours, |wished| wished.max(ours))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_cannot_be_written_down_is_tried_until_it_can() {
        let attempts = Cell::new(0);
        let note = || {
            attempts.set(attempts.get() + 1);
            let noted = if attempts.get() < 100 { Err(StoreError::Fenced) } else { Ok(()) };
            async { noted }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(until_noted((Duration::from_micros(1), Duration::from_micros(2)), note));
        assert_eq!(attempts.get(), 100);
    }

    #[test]
    fn pauses_double_to_an_hour_and_a_receiver_may_ask_for_more_up_to_a_day() {
        let later = |after| SendError::Later { why: String::new(), after };
        let minutes = |attempts| pause(&later(None), attempts).num_minutes();
        assert_eq!([0, 1, 2, 5, 6, 40].map(minutes), [1, 2, 4, 32, 60, 60]);
        assert_eq!(pause(&later(Some(Duration::from_mins(90))), 0), TimeDelta::minutes(90));
        assert_eq!(pause(&later(Some(Duration::from_secs(1))), 3), TimeDelta::minutes(8));
        assert_eq!(pause(&later(Some(Duration::MAX)), 0), TimeDelta::days(1));
        assert_eq!(pause(&SendError::Never(String::new()), 0), TimeDelta::days(1));
    }
}
