//! `[notify]`: who is told when something is not well, and of what.

use std::time::Duration;

use lettre::message::Mailbox;

use super::endpoint::Endpoint;
use super::secret::Secret;
use super::settings::{RECEIVERS, Settings};
use super::values::{Value, duration, filled, list, optional, secret, text, word};

/// Without receivers, nobody is told anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// A receiver gets at most one message about incidents in this time.
    pub interval: Duration,
    /// How often an incident that stays open is told again.
    pub reminder: Duration,
    /// By name.
    pub receivers: Vec<Receiver>,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// What its section is called: lower-case letters, digits and `_`.
    pub name: String,
    /// What it is told of.
    pub events: Vec<Event>,
    /// Texts, one of which an incident's line holds to be told of, whatever its case; empty: all.
    pub keywords: Vec<String>,
    pub channel: Channel,
}

impl Receiver {
    #[must_use]
    pub fn wants(&self, event: Event) -> bool {
        self.events.contains(&event)
    }

    /// Whether an incident of this line is for it.
    #[must_use]
    pub fn hears(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.keywords.is_empty() || self.keywords.iter().any(|word| line.contains(&word.to_lowercase()))
    }
}

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A job or a window failed, or the database cannot be reached.
    RunFailed,
    /// A window has ended and was not paid by the tick after it.
    WindowOverdue,
    /// Windows past `schedule.catch_up` wait for an operator.
    CatchUpPassed,
    /// Transfers to the remote database fail.
    TransferStuck,
    /// Contributions are not what was paid and is held.
    ConservationBroken,
    /// `verify --notify` has found something.
    VerifyFindings,
    /// Another instance took the lease over.
    LeaseTakenOver,
    /// A window's votes or rewards have raised an alarm.
    Alarm,
    /// A partner's day is out of the ordinary: a case is open.
    Suspicion,
    /// Changed rules, lists or code wait for somebody who confirms them.
    ConfirmationPending,
    /// What a day has paid.
    DailyReport,
}

/// The words of the file, in the order messages list them.
pub(super) const EVENTS: [(&str, Event); 11] = [
    ("run_failed", Event::RunFailed),
    ("window_overdue", Event::WindowOverdue),
    ("catch_up_passed", Event::CatchUpPassed),
    ("transfer_stuck", Event::TransferStuck),
    ("conservation_broken", Event::ConservationBroken),
    ("verify_findings", Event::VerifyFindings),
    ("lease_taken_over", Event::LeaseTakenOver),
    ("alarm", Event::Alarm),
    ("suspicion", Event::Suspicion),
    ("confirmation_pending", Event::ConfirmationPending),
    ("daily_report", Event::DailyReport),
];

impl Event {
    /// Those that are told as incidents, which are opened and closed.
    pub const INCIDENTS: [Self; 10] = [
        Self::RunFailed,
        Self::WindowOverdue,
        Self::CatchUpPassed,
        Self::TransferStuck,
        Self::ConservationBroken,
        Self::VerifyFindings,
        Self::LeaseTakenOver,
        Self::Alarm,
        Self::Suspicion,
        Self::ConfirmationPending,
    ];

    /// As the configuration, messages and tables write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        super::name_in(&EVENTS, self)
    }

    /// The event of a name; none where there is no such event.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        EVENTS.iter().find(|(word, _)| *word == name).map(|(_, event)| *event)
    }
}

/// How a receiver is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Webhook(Webhook),
    Mail(Mail),
}

/// A POST of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `http` or `https`.
    pub url: Endpoint,
    /// What messages are signed with; without it they are not.
    pub secret: Option<Secret>,
    pub body: Body,
    /// How long one attempt may take, from connecting to the end of the answer.
    pub timeout: Duration,
}

/// The form of a webhook's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The versioned record.
    Json,
    /// `{"text": …}`, as Slack, Mattermost and others take it.
    Slack,
}

pub(super) const BODIES: [(&str, Body); 2] = [("json", Body::Json), ("slack", Body::Slack)];

/// A message by SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `smtp` or `smtps`, with user and password where the server asks for them.
    pub url: Endpoint,
    /// `rewardd@example.org` or `Rewards <rewardd@example.org>`.
    pub from: String,
    /// Never empty.
    pub to: Vec<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// The two words of `kind`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Webhook,
    Mail,
}

const KINDS: [(&str, Kind); 2] = [("webhook", Kind::Webhook), ("mail", Kind::Mail)];

/// Reads the section.
pub(super) fn read(s: &mut Settings<'_>) -> Notify {
    let hours = Duration::from_hours;
    Notify {
        interval: s.read("notify.interval", duration(Duration::ZERO..=hours(24))),
        reminder: s.read("notify.reminder", duration(Duration::from_mins(1)..=hours(30 * 24))),
        receivers: s.names(RECEIVERS).into_iter().filter_map(|name| receiver(s, name)).collect(),
    }
}

/// None where that was said to be a problem.
fn receiver(s: &mut Settings<'_>, name: String) -> Option<Receiver> {
    let key = |key: &str| format!("{RECEIVERS}.{name}.{key}");
    let problems = s.problem_count();
    let kind = s.read(&key("kind"), |v| optional(v, |v| word(&KINDS, v)));
    if kind.is_none() && s.problem_count() == problems {
        s.report(&format!("{RECEIVERS}.{name}"), "kind is missing: set it to \"webhook\" or \"mail\"");
    }
    let events = s.read(&key("events"), |v| list(v, |item| word(&EVENTS, item)));
    let keywords = s.read(&key("keywords"), |v| list(v, filled));
    let timeout = s.read(&key("timeout"), duration(Duration::from_secs(1)..=Duration::from_hours(1)));
    let secret = s.read(&key("secret"), |v| optional(v, secret));
    let body = s.read(&key("format"), |v| word(&BODIES, v));
    let from = s.read(&key("from"), |v| optional(v, address));
    let to = s.read(&key("to"), |v| list(v, address));
    let kind = kind?;
    let foreign = match kind {
        Kind::Webhook => ["from", "to"],
        Kind::Mail => ["secret", "format"],
    };
    let endpoint = |text: &str| match kind {
        Kind::Webhook => Endpoint::webhook(text),
        Kind::Mail => Endpoint::mail(text),
    };
    let url = s.read(&key("url"), |v| optional(v, |v| endpoint(text(v)?)));
    for foreign in foreign.iter().filter(|foreign| s.is_set(&key(foreign))).collect::<Vec<_>>() {
        s.report(&key(foreign), "is not for a receiver of this kind");
    }
    let mut missing = |is_missing: bool, what: &str, why: &str| {
        if is_missing && s.problem_count() == problems {
            s.report(&format!("{RECEIVERS}.{name}"), &format!("{what} is missing: {why}"));
        }
    };
    missing(url.is_none(), "url", "say where messages go");
    if kind == Kind::Mail {
        missing(from.is_none(), "from", "say who sends, as in \"rewardd@example.org\"");
        missing(to.is_empty(), "to", "say who gets them, as in [\"ops@example.org\"]");
    }
    let url = url?;
    let channel = match kind {
        Kind::Webhook => Channel::Webhook(Webhook { url, secret, body, timeout }),
        Kind::Mail => Channel::Mail(Mail { url, from: from?, to, timeout }),
    };
    Some(Receiver { name, events, keywords, channel })
}

/// An address of mail, also with a name before it.
fn address(value: &Value<'_>) -> Result<String, String> {
    let text = filled(value)?;
    if text.parse::<Mailbox>().is_ok() && !text.contains(char::is_control) {
        Ok(text)
    } else {
        Err(format!("{text:?} is not an address such as \"ops@example.org\" or \"Ops <ops@example.org>\""))
    }
}
