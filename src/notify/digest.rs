//! What is opened, closed and told: decided in one place, by what is stored and what is seen, without a clock and without
//! a database.
//!
//! Each opening and each closing has a number. A receiver is told all that has a later number than its last message, and
//! of what is still open beside it: so each is told once, together where a message has to wait. While a message about
//! incidents waits in the outbox, no second one is made for its receiver: one that is away for a week finds two messages,
//! not thousands. One that was refused keeps no other from being made, and the next takes its place.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Message;
use super::message::{Digest, line};
use crate::config::{Event, Notify, Receiver};
use crate::rewards::window::Instant;
use crate::store::{Incident, Notes, Told};

/// Incidents that one look opens at most; the rest are opened by the next ones.
const OPENINGS: usize = 500;

/// What a look at the programme judges: an incident of these closes when it is not seen any more.
const JUDGED: [Event; 7] = [
    Event::RunFailed,
    Event::WindowOverdue,
    Event::CatchUpPassed,
    Event::TransferStuck,
    Event::ConservationBroken,
    Event::ConfirmationPending,
    Event::Suspicion,
];

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub event: Event,
    /// What it is about, the same at each look.
    pub subject: String,
    /// For people; may change from look to look.
    pub detail: String,
}

/// What one look has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub conditions: Vec<Condition>,
    /// Subjects of which it cannot be said now whether they are solved: their incidents stay as they are.
    pub undecided: BTreeSet<String>,
    /// What has happened once and is over.
    pub happened: Vec<Condition>,
    /// How often what waits for people is told again where nothing else is open; none: as everything.
    pub patience: Option<Duration>,
}

/// What is stored of earlier looks.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub changes: u64,
    pub open: Vec<Incident>,
    /// Those that some receiver may not know of.
    pub closed: Vec<Incident>,
    pub told: Vec<Told>,
    /// Receivers that a message about incidents waits for, and that have not refused it.
    pub waiting: BTreeSet<String>,
    /// Messages about incidents that were refused, by receiver: their ids.
    pub refused: Vec<(String, String)>,
}

/// What to write; none where nothing is new.
#[must_use]
pub fn digest(stored: &Stored, seen: &Seen, settings: &Notify, now: Instant) -> Option<Notes> {
    let mut notes = changed(stored, seen, now);
    let after = After::new(stored, &notes);
    let mut silent = vec![];
    for receiver in &settings.receivers {
        let before = stored.told.iter().find(|told| told.receiver == receiver.name);
        // Whoever is new is told what is open, and nothing that was over before.
        let fresh =
            || Told { receiver: receiver.name.clone(), told: stored.changes, told_at: None, reported: None };
        let told = before.cloned().unwrap_or_else(fresh);
        let digest = after.digest(receiver, told.told);
        let has_news = !digest.new.is_empty() || !digest.solved.is_empty();
        let is_free =
            !stored.waiting.contains(&receiver.name) && has_passed(told.told_at, settings.interval, now);
        let waits = |incident: &&Incident| incident.kind == Event::ConfirmationPending.name();
        let patience = seen.patience.filter(|_| digest.open.iter().all(waits));
        let reminder = patience.unwrap_or(settings.reminder);
        let remind = !digest.open.is_empty() && has_passed(told.told_at, reminder, now);
        let caught_up = Told { told: after.changes, ..told };
        if is_free && (has_news || remind) {
            let id = format!("incidents/{}/{}/{}", receiver.name, after.changes, now.timestamp());
            let refused = stored.refused.iter().filter(|(name, _)| *name == receiver.name);
            notes.replaced.extend(refused.map(|(_, refused)| (refused.clone(), id.clone())));
            notes.messages.push(digest.message(id, now).outgoing(&receiver.name));
            notes.told.push(Told { told_at: Some(now), ..caught_up });
        } else if before.is_none() && !has_news {
            notes.told.push(caught_up);
        } else if before.is_none() {
            notes.told.push(fresh());
        } else if !has_news {
            silent.push(caught_up);
        }
    }
    let Notes { opened, closed, details, told, .. } = &notes;
    if opened.is_empty() && closed.is_empty() && details.is_empty() && told.is_empty() {
        return None;
    }
    notes.changes = after.changes;
    // What a receiver does not want to know of is written down where there is something else to write.
    notes.told.extend(silent);
    Some(notes)
}

/// What is opened, closed and worded anew.
fn changed(stored: &Stored, seen: &Seen, now: Instant) -> Notes {
    let mut notes = Notes { changes_before: stored.changes, changes: stored.changes, ..Notes::default() };
    let mut known: BTreeSet<(&str, &str)> =
        stored.open.iter().map(|incident| (&*incident.kind, &*incident.subject)).collect();
    for condition in &seen.conditions {
        if notes.opened.len() < OPENINGS && known.insert((condition.event.name(), &condition.subject)) {
            notes.changes += 1;
            notes.opened.push(incident(condition, notes.changes, now));
        }
    }
    for condition in &seen.happened {
        notes.changes += 1;
        let closed = Some((notes.changes, now));
        notes.opened.push(Incident { closed, ..incident(condition, notes.changes, now) });
    }
    for open in &stored.open {
        let is = |condition: &&Condition| {
            (condition.event.name(), &condition.subject) == (&*open.kind, &open.subject)
        };
        let is_judged = Event::named(&open.kind).is_some_and(|event| JUDGED.contains(&event));
        match seen.conditions.iter().find(is) {
            Some(condition) if condition.detail != open.detail => {
                notes.details.push((open.opened, condition.detail.clone()));
            }
            Some(_) => {}
            None if is_judged && !seen.undecided.contains(&open.subject) => {
                notes.changes += 1;
                notes.closed.push(Incident { closed: Some((notes.changes, now)), ..open.clone() });
            }
            None => {}
        }
    }
    notes
}

fn incident(condition: &Condition, number: u64, now: Instant) -> Incident {
    Incident {
        opened: number,
        kind: condition.event.name().to_owned(),
        subject: condition.subject.clone(),
        detail: condition.detail.clone(),
        opened_at: now,
        closed: None,
    }
}

/// All incidents as they stand after a look.
struct After {
    /// The number of the last change.
    changes: u64,
    /// In order of the openings.
    incidents: Vec<Incident>,
}

impl After {
    fn new(stored: &Stored, notes: &Notes) -> Self {
        let mut incidents: Vec<Incident> = stored.closed.iter().chain(&notes.opened).cloned().collect();
        for open in &stored.open {
            let closed = notes.closed.iter().find(|closed| closed.opened == open.opened);
            let detail = notes.details.iter().find(|(opened, _)| *opened == open.opened);
            let mut incident = closed.unwrap_or(open).clone();
            if let Some((_, detail)) = detail {
                incident.detail.clone_from(detail);
            }
            incidents.push(incident);
        }
        incidents.sort_by_key(|incident| incident.opened);
        // Whatever is written counts as a change.
        Self { changes: notes.changes.max(stored.changes + 1), incidents }
    }

    /// What a receiver does not know of that has been told up to a change.
    fn digest(&self, receiver: &Receiver, told: u64) -> Digest<'_> {
        let mut digest = Digest::default();
        let wanted = |incident: &&Incident| {
            Event::named(&incident.kind).is_some_and(|event| receiver.wants(event))
                && receiver.hears(&line(incident))
        };
        for incident in self.incidents.iter().filter(wanted) {
            match incident.closed {
                // What has only happened was never open.
                Some((closed, _)) if closed > told && closed == incident.opened => digest.new.push(incident),
                Some((closed, _)) if closed > told => digest.solved.push(incident),
                Some(_) => {}
                None if incident.opened > told => digest.new.push(incident),
                None => digest.open.push(incident),
            }
        }
        digest
    }
}

/// Whether so much time has passed; also where the clock was set back meanwhile.
fn has_passed(since: Option<Instant>, time: Duration, now: Instant) -> bool {
    since.is_none_or(|since| (now - since).to_std().map_or(true, |passed| passed >= time))
}

/// What `verify` writes of its findings: opened or worded anew where there are some, closed where everything was looked
/// at and there are none. The daemon tells of it.
#[must_use]
pub fn verified(stored: &Stored, found: Option<&Condition>, now: Instant) -> Option<Notes> {
    let open = stored.open.iter().find(|incident| incident.kind == Event::VerifyFindings.name());
    let changes = stored.changes + 1;
    let mut notes = Notes { changes_before: stored.changes, changes, ..Notes::default() };
    match (found, open) {
        (Some(found), None) => notes.opened.push(incident(found, changes, now)),
        (Some(found), Some(open)) if found.detail != open.detail => {
            notes.details.push((open.opened, found.detail.clone()));
        }
        (None, Some(open)) => notes.closed.push(Incident { closed: Some((changes, now)), ..open.clone() }),
        _ => return None,
    }
    Some(notes)
}

/// A message that tries whether a receiver can be reached.
#[must_use]
pub fn trial(receiver: &str, now: Instant) -> Message {
    Message {
        id: format!("test/{receiver}/{}", now.timestamp()),
        created_at: now,
        event: "test".to_owned(),
        subject: "rewardd: a test".to_owned(),
        text: "This is a test of rewardd's notifications: messages reach you here.\n".to_owned(),
        html: None,
        details: serde_json::Value::Null,
    }
}

/// The message that the database is away, which is kept nowhere and sent once.
#[must_use]
pub fn unreachable(receiver: &str, why: &str, since: Instant, now: Instant) -> Message {
    let incident = away(&format!(": {why}"), since);
    let digest = Digest { new: vec![&incident], ..Digest::default() };
    digest.message(format!("database/{receiver}/{}", now.timestamp()), now)
}

/// The message that the database is back, for whoever was told that it is away.
#[must_use]
pub fn reachable(receiver: &str, since: Instant, now: Instant) -> Message {
    let incident = Incident { closed: Some((1, now)), ..away("", since) };
    let digest = Digest { solved: vec![&incident], ..Digest::default() };
    digest.message(format!("database/{receiver}/{}/solved", now.timestamp()), now)
}

/// Whether a receiver is told that the database is away, whatever the reason.
#[must_use]
pub fn is_told_of_the_database(receiver: &Receiver) -> bool {
    receiver.wants(Event::RunFailed) && receiver.hears(&line(&away("", Instant::UNIX_EPOCH)))
}

fn away(why: &str, since: Instant) -> Incident {
    let detail = format!("the rewards' database cannot be reached{why}");
    incident(&Condition { event: Event::RunFailed, subject: "database".to_owned(), detail }, 0, since)
}

#[cfg(test)]
mod tests;
