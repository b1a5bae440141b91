//! What is told: the text for people, the record for programs, and the form in which it is kept.

use std::time::Duration;

use serde_json::{Value, json};

use super::Message;
use crate::config::Event;
use crate::rewards::window::{Instant, show};
use crate::store::{Incident, Outgoing};

/// What messages about incidents are called.
pub const INCIDENTS: &str = "incidents";

/// Incidents that are named one by one in each part of a text, and in each list of a record.
const LINES: usize = 20;
const RECORDS: usize = 100;

/// Characters of one line.
const WIDTH: usize = 500;
/// Characters of what a subject quotes.
const SUBJECT_WIDTH: usize = 80;

impl Message {
    /// As it is kept in the outbox.
    #[must_use]
    pub fn outgoing(&self, receiver: &str) -> Outgoing {
        let Self { id, created_at, event, subject, text, html, details } = self;
        let message = json!({ "subject": subject, "text": text, "html": html, "details": details });
        Outgoing {
            id: id.clone(),
            receiver: receiver.to_owned(),
            event: event.clone(),
            created_at: *created_at,
            message: message.to_string(),
        }
    }

    /// As it was kept. What is missing was not written by this program, and is empty.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn of(outgoing: Outgoing) -> Result<Self, serde_json::Error> {
        let Outgoing { id, event, created_at, message, .. } = outgoing;
        let mut kept: Value = serde_json::from_str(&message)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            id,
            created_at,
            event,
            subject: text(&kept["subject"]).unwrap_or_default(),
            text: text(&kept["text"]).unwrap_or_default(),
            html: text(&kept["html"]),
            details: kept["details"].take(),
        })
    }
}

/// What a receiver is told at once, each in order of the openings.
#[derive(Clone, Debug, Default)]
pub struct Digest<'a> {
    /// Not told of yet, and open; or something that has only happened.
    pub new: Vec<&'a Incident>,
    /// Closed since the last message; some of them were not told of before.
    pub solved: Vec<&'a Incident>,
    /// Told of before, and still open.
    pub open: Vec<&'a Incident>,
}

impl Digest<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self, id: String, now: Instant) -> Message {
        let record = |incidents: &[&Incident]| {
            let named: Vec<Value> =
                incidents.iter().take(RECORDS).map(|incident| incident_record(incident)).collect();
            json!({ "count": incidents.len(), "incidents": named })
        };
        Message {
            id,
            created_at: now,
            event: INCIDENTS.to_owned(),
            subject: self.subject(),
            text: self.text(now),
            html: None,
            details: json!({
                "new": record(&self.new),
                "solved": record(&self.solved),
                "open": record(&self.open),
            }),
        }
    }

    fn subject(&self) -> String {
        let quoted = |incident: &Incident| cut(&line(incident), SUBJECT_WIDTH);
        match (&self.new[..], &self.solved[..], &self.open[..]) {
            ([one], [], _) => format!("rewardd: {}", quoted(one)),
            ([], [one], _) => format!("rewardd: solved: {}", quoted(one)),
            ([], [], [one]) => format!("rewardd: still open: {}", quoted(one)),
            ([], [], open) => format!("rewardd: {} problems are still open", open.len()),
            ([], solved, _) => format!("rewardd: {} problems are solved", solved.len()),
            (new, [], _) => format!("rewardd: {} new problems", new.len()),
            (new, solved, _) => format!("rewardd: {} new, {} solved", new.len(), solved.len()),
        }
    }

    fn text(&self, now: Instant) -> String {
        let mut text = String::new();
        let new = |incident: &Incident| {
            let since = if incident.closed.is_none() { "since" } else { "at" };
            format!("{}, {since} {}", line(incident), show(incident.opened_at))
        };
        part(&mut text, "New", &self.new, new);
        part(&mut text, "Solved", &self.solved, |incident| {
            let closed_at = incident.closed.map_or(now, |(_, at)| at);
            format!("{}, after {}", line(incident), span(incident.opened_at, closed_at))
        });
        let open = |incident: &Incident| format!("{}, for {}", line(incident), span(incident.opened_at, now));
        part(&mut text, "Still open", &self.open, open);
        text.push_str("`rewardd status` says how things stand.\n");
        text
    }
}

fn part(text: &mut String, heading: &str, incidents: &[&Incident], line: impl Fn(&Incident) -> String) {
    if incidents.is_empty() {
        return;
    }
    text.push_str(heading);
    text.push_str(":\n");
    for incident in incidents.iter().take(LINES) {
        text.push_str(&format!("- {}\n", line(incident)));
    }
    if incidents.len() > LINES {
        text.push_str(&format!("- and {} more\n", incidents.len() - LINES));
    }
    text.push('\n');
}

/// What an incident is, on one line.
#[must_use]
pub fn line(incident: &Incident) -> String {
    let label = match Event::named(&incident.kind) {
        Some(Event::RunFailed) => "run failed",
        Some(Event::WindowOverdue) => "window overdue",
        Some(Event::CatchUpPassed) => "past catch-up",
        Some(Event::TransferStuck) => "transfers stuck",
        Some(Event::ConservationBroken) => "the books do not add up",
        Some(Event::VerifyFindings) => "verify has findings",
        Some(Event::LeaseTakenOver) => "lease taken over",
        Some(Event::Alarm) => "alarm",
        Some(Event::Suspicion) => "suspicion",
        Some(Event::ConfirmationPending) => "waits to be confirmed",
        Some(Event::DailyReport) | None => &incident.kind,
    };
    cut(&format!("{label}: {}", incident.detail), WIDTH)
}

/// One line of so many characters at most.
fn cut(text: &str, width: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.chars().count() <= width {
        return plain;
    }
    let kept: String = plain.chars().take(width - 1).collect();
    format!("{kept}…")
}

/// How long something lasted, in no more detail than people want.
#[must_use]
pub fn span(from: Instant, to: Instant) -> String {
    let seconds = (to - from).to_std().unwrap_or_default().as_secs();
    let step = match seconds {
        0..60 => 1,
        60..86_400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(seconds / step * step)).to_string()
}

/// An incident for programs.
#[must_use]
pub fn incident_record(incident: &Incident) -> Value {
    json!({
        "kind": incident.kind,
        "subject": incident.subject,
        "detail": incident.detail,
        "opened_at": show(incident.opened_at),
        "closed_at": incident.closed.map(|(_, at)| show(at)),
    })
}
