//! How the programme stands: what the state file says of the daemon on this host, and what the database says of the
//! programme. Either may be missing. Looks only.

use std::collections::BTreeMap;
use std::time::Duration;

mod gather;
mod process;
mod record;

pub use gather::{LeaseWatch, look};
pub use process::{Life, Process, is_over};
pub use record::record;

use crate::config::Event;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::store::sql::Applied;
use crate::store::{
    Incident, Lease, Movable, Programme, RulesVersion, Run, RunFigures, StoredTransfer, Totals, Waiting,
};

/// All that is known at an instant.
#[derive(Clone, Debug)]
pub struct Status {
    pub at: Instant,
    pub process: Process,
    pub stored: Stored,
}

/// What the rewards' database says.
#[derive(Clone, Debug)]
pub enum Stored {
    /// It does not answer, and why.
    Unreachable(String),
    /// It lacks migrations, so nothing else was asked.
    Unprepared(Vec<Applied>),
    Known(Box<Known>),
}

#[derive(Clone, Debug)]
pub struct Known {
    pub migrations: Vec<Applied>,
    pub lease: Lease,
    pub holding: Holding,
    pub rules: Versions,
    pub queue: Queue,
    /// Tables with days in archives, each with their number and the last of them.
    pub archived: Vec<(Movable, u64, chrono::NaiveDate)>,
    /// None until the first run.
    pub programme: Option<Standing>,
    /// None where no receiver is configured.
    pub notified: Option<Notified>,
}

/// Who holds the lease, as well as that can be told from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    Free,
    /// By the daemon of this host's state file, which lives.
    Here,
    /// By a process of this host's state file, which is dead.
    Dead,
    /// By another, which was not looked at for long enough to say more.
    Elsewhere,
    /// By another, which renews it.
    Renewed,
    /// By another, which has not renewed it for so long.
    Silent(Duration),
}

/// The rules of the configuration, and those that were recorded last.
#[derive(Clone, Debug)]
pub struct Versions {
    pub configured: String,
    pub recorded: Option<RulesVersion>,
}

impl Versions {
    #[must_use]
    pub fn differ(&self) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.version != self.configured)
    }
}

/// Transfers that wait.
#[derive(Clone, Debug)]
pub struct Queue {
    pub count: u64,
    pub sum: Units,
    /// The hour of the oldest.
    pub oldest: Option<Instant>,
    /// How many have been tried in vain, and a few of them.
    pub failing: u64,
    pub failures: Vec<StoredTransfer>,
}

/// What receivers are told, and what they have not taken yet.
#[derive(Clone, Debug, Default)]
pub struct Notified {
    pub incidents: Vec<Incident>,
    /// Messages, those first that are tried first.
    pub waiting: Vec<Waiting>,
}

/// A programme that has begun.
#[derive(Clone, Debug)]
pub struct Standing {
    pub programme: Programme,
    /// The last of each kind, newest first.
    pub runs: Vec<(Run, Option<RunFigures>)>,
    pub due: Vec<Due>,
    pub overdue: Vec<Window>,
    /// The day of now, and what its pool holds.
    pub today: (chrono::NaiveDate, Units),
    pub totals: Totals,
    /// How many partners' amounts are set aside and not decided.
    pub holds: u64,
}

/// A window that has ended and is not paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub window: Window,
    pub state: DueState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueState {
    /// No tick has come since it ended.
    NextTick,
    /// The daemon is at it.
    Running,
    /// The daemon is at work, and has not come to it yet.
    InTurn,
    /// It should have been paid, and why it was not.
    Waits(String),
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub text: String,
    /// Whether money is missing or too much, and not only late.
    pub is_broken: bool,
}

impl Status {
    /// Everything that waits or fails, a sentence each; nothing where all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut texts = self.process.problems();
        let mut broken = None;
        match &self.stored {
            Stored::Unreachable(why) => texts.push(format!("the rewards' database cannot be read: {why}")),
            Stored::Unprepared(migrations) => {
                let missing = migrations.iter().filter(|migration| !migration.applied).count();
                texts.push(format!("the database lacks {missing} migrations: run `rewardd migrate`"));
            }
            Stored::Known(known) => {
                known.add_problems(&mut texts);
                let totals = known.programme.as_ref().map(|standing| standing.totals);
                broken = totals.and_then(|totals| totals.check().err());
            }
        }
        // What a job failed of may be a window that waits, which says the same.
        let is_said =
            |text: &String| texts.iter().any(|other| text.len() > other.len() && text.ends_with(other));
        let texts: Vec<String> = texts.iter().filter(|text| !is_said(text)).cloned().collect();
        let late = texts.into_iter().map(|text| Problem { text, is_broken: false });
        broken.map(|text| Problem { text, is_broken: true }).into_iter().chain(late).collect()
    }
}

impl Known {
    fn add_problems(&self, texts: &mut Vec<String>) {
        if let Holding::Silent(time) = self.holding {
            let holder = &self.lease.holder;
            texts.push(format!("the lease's holder, {holder}, has not renewed it for {} s", time.as_secs()));
        }
        if self.queue.failing > 0 {
            texts.push(format!("{} transfers fail", self.queue.failing));
        }
        if let Some(notified) = &self.notified {
            texts.extend(notified.problems());
        }
        let Some(standing) = &self.programme else { return };
        if let (Some(first), Some(last)) = (standing.overdue.first(), standing.overdue.last()) {
            texts.push(format!(
                "{} windows past schedule.catch_up wait for an operator, {first} to {last}: pay each with \
                 `rewardd once hourly|daily --window START`",
                standing.overdue.len()
            ));
        }
        texts.extend(standing.unpaid());
    }
}

impl Notified {
    /// What is said nowhere else: findings of `verify`, and messages that were not taken.
    fn problems(&self) -> Vec<String> {
        let found = self.incidents.iter().filter(|incident| incident.kind == Event::VerifyFindings.name());
        let found = found.map(|incident| format!("verify has findings: {}", incident.detail));
        let failing = self.waiting.iter().filter(|message| message.attempts > 0);
        let mut by_receiver: BTreeMap<&str, Vec<&Waiting>> = BTreeMap::new();
        failing.for_each(|message| by_receiver.entry(&message.receiver).or_default().push(message));
        let not_taken = by_receiver.into_iter().map(|(receiver, messages)| {
            let why = messages[0].last_error.as_deref().unwrap_or("no reason is noted");
            format!("{} messages to {receiver} were not taken: {why}", messages.len())
        });
        found.chain(not_taken).collect()
    }
}

impl Standing {
    /// What was not paid and why: windows that wait for the same reason in one sentence.
    fn unpaid(&self) -> Vec<String> {
        let mut reasons: Vec<(&str, Vec<&Window>)> = vec![];
        for Due { window, state } in &self.due {
            let DueState::Waits(why) = state else { continue };
            match reasons.iter_mut().find(|(reason, _)| reason == why) {
                Some((_, windows)) => windows.push(window),
                None => reasons.push((why, vec![window])),
            }
        }
        let sentence = |(why, windows): (&str, Vec<&Window>)| match windows[..] {
            [window] => format!("{window} was not paid: {why}"),
            [first, .., last] => {
                format!("{} windows were not paid, {first} to {last}: {why}", windows.len())
            }
            [] => String::new(),
        };
        reasons.into_iter().map(sentence).collect()
    }
}

/// The jobs by name, as the daemon has them.
pub const JOBS: [&str; 3] = [Kind::Hourly.name(), Kind::Daily.name(), "transfers"];

/// The job that moves old days to archives, once a day and without a tick of its own.
pub const RETENTION: &str = "retention";

/// The job that judges paid days by the suspicions, by name; it has no ticks of its own.
pub const SUSPICIONS: &str = "suspicions";

/// When a process was last heard of, as messages say it.
fn when(instant: Option<Instant>) -> String {
    instant.map_or_else(|| "an unknown time".to_owned(), show)
}
