//! `[notify]`: who is told when something is not well, and of what.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::secret::Secret;

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
    /// What its section is called: lower-case letters, digits and `-`.
    pub name: String,
    /// What it is told of.
    pub events: Vec<Event>,
    pub channel: Channel,
}

impl Receiver {
    #[must_use]
    pub fn wants(&self, event: Event) -> bool {
        self.events.contains(&event)
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
    /// What a day has paid.
    DailyReport,
}

/// The words of the file, in the order messages list them.
pub(super) const EVENTS: [(&str, Event); 8] = [
    ("run_failed", Event::RunFailed),
    ("window_overdue", Event::WindowOverdue),
    ("catch_up_passed", Event::CatchUpPassed),
    ("transfer_stuck", Event::TransferStuck),
    ("conservation_broken", Event::ConservationBroken),
    ("verify_findings", Event::VerifyFindings),
    ("lease_taken_over", Event::LeaseTakenOver),
    ("daily_report", Event::DailyReport),
];

impl Event {
    /// Those that are told as incidents, which are opened and closed.
    pub const INCIDENTS: [Self; 7] = [
        Self::RunFailed,
        Self::WindowOverdue,
        Self::CatchUpPassed,
        Self::TransferStuck,
        Self::ConservationBroken,
        Self::VerifyFindings,
        Self::LeaseTakenOver,
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

/// The URL of a receiver, all of which may be secret but scheme and host: who knows the path of a Slack webhook can
/// write there. `Debug` and `Display` show no more than that; [`Endpoint::expose`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// # Errors
    /// What is allowed. The message never repeats the text.
    pub fn parse(text: &str, schemes: &[&str]) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.host().is_some());
        let begin: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        url.map(Self)
            .ok_or_else(|| format!("must be a URL that begins with {} and a host", begin.join(" or ")))
    }

    /// All of it, for opening a connection and nothing else.
    #[must_use]
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/***")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}
