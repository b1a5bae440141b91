//! How the daemon is, as it has seen itself last: whether it lives, and whether it can pay.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;

/// Without a beat for this long, the main loop hangs. (Reading the configuration again may keep it busy for half of
/// that.)
const SILENCE: Duration = Duration::from_secs(60);

/// What was found longer ago than this is not known any more.
const STALE: Duration = Duration::from_secs(60);

/// What is told at `/healthz` and `/readyz`.
#[derive(Debug)]
pub struct Health(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    pulse: Pulse,
    found: Option<(Stopwatch, Found)>,
}

#[derive(Clone, Copy, Debug)]
enum Pulse {
    /// There is no main loop yet; opening a database may take long.
    Starting,
    Beating(Stopwatch),
    /// There is no main loop any more; a window may take long to end.
    Stopping,
}

/// What a look at the database has found: for each of these how it is, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub database: Result<String, String>,
    pub migrations: Result<String, String>,
    pub lease: Result<String, String>,
}

impl Found {
    /// Nothing is known where the database does not answer.
    #[must_use]
    pub fn unreachable(why: String) -> Self {
        let unknown = Err("not known without the database".to_owned());
        Self { database: Err(why), migrations: unknown.clone(), lease: unknown }
    }
}

/// One thing that has to be well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    /// How it is, or what is wrong.
    pub found: Result<String, String>,
}

impl Health {
    #[must_use]
    pub const fn starting() -> Self {
        Self(Mutex::new(Seen { pulse: Pulse::Starting, found: None }))
    }

    /// The main loop went round.
    pub fn beat(&self) {
        self.lock().pulse = Pulse::Beating(Stopwatch::start());
    }

    pub fn stopping(&self) {
        self.lock().pulse = Pulse::Stopping;
    }

    pub fn found(&self, found: Found) {
        self.lock().found = Some((Stopwatch::start(), found));
    }

    /// Whether the process does what it is there for, and need not be started again.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn alive(&self) -> Result<(), String> {
        match self.lock().pulse {
            Pulse::Beating(last) if last.elapsed() >= SILENCE => {
                Err(format!("the main loop has not gone round for {} s", last.elapsed().as_secs()))
            }
            _ => Ok(()),
        }
    }

    /// All that has to be well for a payment, each with what is wrong with it.
    #[must_use]
    pub fn checks(&self) -> [Check; 4] {
        let process = self.process();
        let not_yet = || Found::unreachable("not opened yet".to_owned());
        let found = match &self.lock().found {
            None => not_yet(),
            Some((at, _)) if at.elapsed() >= STALE => {
                Found::unreachable(format!("nothing was heard of it for {} s", at.elapsed().as_secs()))
            }
            Some((_, found)) => found.clone(),
        };
        let check = |name, found| Check { name, found };
        [
            check("process", process),
            check("database", found.database),
            check("migrations", found.migrations),
            check("lease", found.lease),
        ]
    }

    fn process(&self) -> Result<String, String> {
        let pulse = self.lock().pulse;
        match pulse {
            Pulse::Starting => Err("starting".to_owned()),
            Pulse::Beating(_) => self.alive().map(|()| "running".to_owned()),
            Pulse::Stopping => Err("stopping".to_owned()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
