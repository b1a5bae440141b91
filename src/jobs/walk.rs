//! All that is due and not yet done, oldest first (rules, section 2).

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use chrono::NaiveDate;
use tracing::{error, warn};

use super::{Distributor, JobError, Outcome};
use crate::errors::chain;
use crate::rewards::window::{Instant, Kind, Window};
use crate::scheduler::due::{Due, due};

/// What to look for.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Each kind with the instant as of which it is looked at: what has ended by then is due.
    pub kinds: Vec<(Kind, Instant)>,
    /// The programme's first day.
    pub start: NaiveDate,
    /// The present, from which catch-up reaches back.
    pub now: Instant,
    /// What ended longer ago is reported, not paid.
    pub catch_up: Duration,
}

/// Whoever wants to know what happens on a walk, and may end it between two windows.
pub trait Observer: Send {
    /// Before a window is begun, but none that was held before; false ends the walk.
    fn begin(&mut self, _window: &Window) -> bool {
        true
    }

    /// A window is paid, or was before, or has just been held.
    fn paid(&mut self, window: Window, outcome: &Outcome);
}

impl<F: FnMut(Window, &Outcome) + Send> Observer for F {
    fn paid(&mut self, window: Window, outcome: &Outcome) {
        self(window, outcome);
    }
}

/// What became of it.
#[derive(Debug, Default)]
pub struct WalkReport {
    pub paid: Vec<Window>,
    /// Paid before this walk came to it.
    pub already_paid: Vec<Window>,
    pub failed: Vec<(Window, JobError)>,
    /// Not tried, because money of a window that failed belongs to it.
    pub blocked: Vec<(Window, String)>,
    /// Held by alarms: waiting for an operator.
    pub held: Vec<Window>,
    /// Past catch-up: waiting for an operator.
    pub overdue: Vec<Window>,
    /// Whether the observer ended the walk, so that more may be due.
    pub broken_off: bool,
}

impl WalkReport {
    /// Whether all that was due is paid.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.blocked.is_empty() && self.held.is_empty() && self.overdue.is_empty()
    }

    /// Whether all of a kind that was due and within reach is paid.
    #[must_use]
    pub fn has_done(&self, kind: Kind) -> bool {
        let blocked = self.blocked.iter().map(|(window, _)| window);
        let mut open = self.failed.iter().map(|(window, _)| window).chain(blocked);
        !self.broken_off && open.all(|window| window.kind != kind)
    }

    /// What stopped the walk, where it may be over soon.
    #[must_use]
    pub fn stuck_by(&self) -> Option<&anyhow::Error> {
        self.failed.iter().find_map(|(_, error)| match error {
            JobError::Retry(error) => Some(error),
            JobError::Fail(_) => None,
        })
    }

    /// What is due and was not paid, a line each; windows past catch-up in one.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        let failed = self.failed.iter().map(|(_, error)| chain(error.error().as_ref()));
        let blocked = self.blocked.iter().map(|(window, reason)| format!("{window} was not paid: {reason}"));
        let overdue = self.overdue.first().zip(self.overdue.last()).map(|(first, last)| {
            format!("{} windows past catch-up wait for an operator, {first} to {last}", self.overdue.len())
        });
        let held = self.held.iter().map(|window| format!("{window} was not paid: an alarm holds it"));
        overdue.into_iter().chain(failed).chain(held).chain(blocked).collect()
    }
}

impl Distributor {
    /// Pays what is due. A window that fails does not stop the others, unless their money depends on it: a failed hour
    /// blocks its day, a day that was not paid the days after it, whose pools it may carry to. Where trying again
    /// may help, the walk ends: what stopped this window stops the next as well.
    ///
    /// The observer is told of every plan as soon as it is committed.
    ///
    /// # Errors
    /// [`JobError`] where it could not even be found out what is due.
    pub async fn walk(&self, walk: &Walk, observer: &mut dyn Observer) -> Result<WalkReport, JobError> {
        let Due { open, held, days_held, overdue } = due(self.store.as_ref(), &self.calendar, walk).await?;
        if let (Some(first), Some(last)) = (overdue.first(), overdue.last()) {
            let windows = overdue.len();
            warn!(windows, %first, %last, "past catch-up: not paid until an operator runs them by hand, --window");
        }
        let mut report = WalkReport { overdue, ..WalkReport::default() };
        let mut blocks = Blocks { days_of_held_hours: days_held, ..Blocks::default() };
        for window in open {
            if let Some(reason) = blocks.reason(&window) {
                error!(%window, reason, "not paid");
                blocks.add(&window);
                report.blocked.push((window, reason));
                continue;
            }
            if held.contains(&window) {
                blocks.hold(&window);
                report.held.push(window);
                continue;
            }
            if !observer.begin(&window) {
                report.broken_off = true;
                break;
            }
            match self.pay(window, walk.start).await {
                Ok(outcome) => {
                    observer.paid(window, &outcome);
                    match outcome {
                        Outcome::Paid(..) => report.paid.push(window),
                        Outcome::AlreadyPaid => report.already_paid.push(window),
                        Outcome::Held(_) => {
                            blocks.hold(&window);
                            report.held.push(window);
                        }
                    }
                }
                Err(failure) => {
                    error!(%window, error = chain(failure.error().as_ref()), "not paid");
                    blocks.add(&window);
                    let stop = matches!(failure, JobError::Retry(_));
                    report.failed.push((window, failure));
                    if stop {
                        break;
                    }
                }
            }
        }
        Ok(report)
    }

    /// The window of a kind that starts at an instant, chosen by hand: it must be due, catch-up or not.
    ///
    /// # Errors
    /// [`JobError::Fail`], saying which windows there are.
    pub fn chosen(&self, kind: Kind, at: Instant, walk: &Walk) -> Result<Window, JobError> {
        let window = self.calendar.window_at(kind, at);
        let refused = |why: String| Err(JobError::Fail(anyhow!(why)));
        if window.start != at {
            return refused(format!(
                "no {kind} window starts at {}: the one that holds it is {window}",
                crate::rewards::window::show(at)
            ));
        }
        if window.day < walk.start {
            return refused(format!("{window} is before {}, the programme's first day", walk.start));
        }
        if window.end > walk.now {
            let end = crate::rewards::window::show(window.end);
            return refused(format!("{window} is not due: it ends at {end}"));
        }
        Ok(window)
    }
}

/// What has failed, and what must wait for it.
#[derive(Debug, Default)]
struct Blocks {
    days: BTreeSet<NaiveDate>,
    days_of_held_hours: BTreeSet<NaiveDate>,
    first_unpaid_day: Option<NaiveDate>,
}

impl Blocks {
    fn add(&mut self, window: &Window) {
        match window.kind {
            Kind::Hourly => drop(self.days.insert(window.day)),
            Kind::Daily => {
                self.first_unpaid_day.get_or_insert(window.day);
            }
        }
    }

    /// A held hour blocks its day as a failed one does.
    fn hold(&mut self, window: &Window) {
        match window.kind {
            Kind::Hourly => drop(self.days_of_held_hours.insert(window.day)),
            Kind::Daily => self.add(window),
        }
    }

    fn reason(&self, window: &Window) -> Option<String> {
        if window.kind == Kind::Hourly {
            return None;
        }
        if let Some(day) = self.first_unpaid_day {
            return Some(format!("day {day} has to be paid first: its pool may carry to this one"));
        }
        if self.days.contains(&window.day) {
            return Some("an hour of this day has failed".to_owned());
        }
        let is_held = self.days_of_held_hours.contains(&window.day);
        is_held.then(|| "an alarm holds an hour of this day".to_owned())
    }
}
