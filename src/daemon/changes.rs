//! The daemon's looks at reward lists and repositories, by `[confirm] every`: in a task of their own, which no payment
//! waits for. Only who holds the lease looks.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::Shared;
use crate::app::App;
use crate::config::Event;
use crate::confirm;
use crate::errors::chain;
use crate::notify::Condition;
use crate::rewards::window::Instant;
use crate::scheduler::cron::Pattern;
use crate::store::{Change, Incident, StoreError, Waits};

/// How often it is asked whether a tick has come.
const PAUSE: Duration = Duration::from_secs(1);
/// Changes of a watch that a message names; it says how many there are.
const NAMED: u32 = 5;

/// Looks for as long as the daemon lives. A start and a lease that was won make up for the last tick.
pub(super) async fn keep_looking(shared: Arc<Shared>) {
    let mut looked: Option<Instant> = None;
    loop {
        sleep(PAUSE).await;
        if !shared.fence.is_open() {
            looked = None;
            continue;
        }
        let app = shared.app();
        let now = shared.clock.now();
        let pattern = Pattern::new(&app.config.confirm.every, app.config.programme.timezone);
        let tick = pattern.last_until(now);
        if looked.is_some_and(|looked| tick.is_none_or(|tick| tick <= looked)) {
            continue;
        }
        looked = Some(now);
        look(&shared, &app).await;
    }
}

async fn look(shared: &Shared, app: &App) {
    for watch in confirm::watches(&app.config) {
        let name = watch.name();
        match confirm::look(watch, &app.config, app.rewards.as_ref(), shared.clock.now()).await {
            Ok(found) => {
                if let Some(why) = &found.trouble {
                    warn!(watch = name, why, "it cannot be looked at");
                }
                let ended = found.superseded + found.withdrawn;
                if found.announced + ended > 0 {
                    info!(watch = name, new = found.announced, ended, "changes wait to be confirmed");
                    shared.changed.notify_one();
                }
            }
            Err(error @ (StoreError::Stale | StoreError::Fenced)) => {
                debug!(watch = name, %error, "another has looked or leads");
            }
            Err(error) => {
                let error = chain(&error);
                warn!(
                    watch = name,
                    error, "what was seen could not be written down; the next look tries again"
                );
            }
        }
    }
}

/// What waits of what is configured.
pub(super) async fn waiting(app: &App) -> Result<Vec<Waits>, StoreError> {
    let watched = confirm::watches(&app.config);
    if watched.is_empty() {
        return Ok(vec![]);
    }
    let mut waiting = app.rewards.waiting_changes(NAMED).await?;
    waiting.retain(|waits| watched.iter().any(|watch| watch.name() == waits.watch.name));
    Ok(waiting)
}

/// What is not well of it: an incident per watch that something waits of, and one per watch that cannot be read.
pub(super) fn conditions(waiting: &[Waits]) -> Vec<Condition> {
    let mut conditions = vec![];
    for Waits { watch, count, first, .. } in waiting {
        let name = &watch.name;
        if *count > 0 {
            let lines: Vec<String> = first.iter().map(line).collect();
            let more = if *count > first.len() as u64 { "; …" } else { "" };
            let detail =
                format!("{count} of {name} wait, see `rewardd changes list`: {}{more}", lines.join("; "));
            conditions.push(Condition { event: Event::ConfirmationPending, subject: name.clone(), detail });
        }
        if let Some(why) = &watch.trouble {
            let detail = format!("{name} of [confirm] cannot be read: {why}");
            conditions.push(Condition { event: Event::RunFailed, subject: format!("watch {name}"), detail });
        }
    }
    conditions
}

/// What has come to a watch after its incident was opened: told once, as the incident itself is told again only with its
/// reminder.
pub(super) fn come_since(waiting: &[Waits], open: &[Incident]) -> Vec<Condition> {
    let event = Event::ConfirmationPending;
    let mut come = vec![];
    for Waits { watch, count, newest, .. } in waiting {
        let known = open.iter().find(|known| known.kind == event.name() && known.subject == watch.name);
        if let (Some(known), Some(newest)) = (known, newest)
            && newest.seen_at > known.opened_at
        {
            let subject = format!("{} {}", watch.name, newest.number);
            let detail = format!("{count} of {} wait by now, the newest: {}", watch.name, line(newest));
            come.push(Condition { event, subject, detail });
        }
    }
    come
}

fn line(change: &Change) -> String {
    let row = if change.is_of_list() && !change.key.is_empty() { &change.key } else { "" };
    let gap = if row.is_empty() { "" } else { ": " };
    let by = change.author.as_ref().map(|author| format!(" ({author})")).unwrap_or_default();
    format!("{} {row}{gap}{}{by}", change.number, change.summary())
}
