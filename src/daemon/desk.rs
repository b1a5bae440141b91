//! What the dashboard is told: the board, how long runs took, and a view of the databases of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing::warn;

use super::board::Board;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::errors::chain;
use crate::jobs::{Outcome, Phases};
use crate::ops::state_file::ProcessState;
use crate::people::Person;
use crate::rewards::window::{Instant, Kind, Window};
use crate::web::{Desk, Took, View};

/// Runs whose durations are remembered: more than the overview lists.
const REMEMBERED: usize = 100;
const PAUSE: Duration = Duration::from_secs(10);

/// See the module.
pub struct FrontDesk {
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
    told: Mutex<Told>,
}

struct Told {
    people: Arc<[Person]>,
    view: Option<Arc<View>>,
    opening: Option<AbortHandle>,
    took: VecDeque<(Kind, Instant, Took)>,
}

impl FrontDesk {
    pub fn new(board: Arc<Board>, clock: Arc<dyn Clock>, config: &Config) -> Self {
        let people = config.people.clone().into();
        let told = Told { people, view: None, opening: None, took: VecDeque::new() };
        Self { board, clock, told: Mutex::new(told) }
    }

    /// Takes the people of a configuration, and opens its view in the background, again until it is open: nothing but
    /// the dashboard waits for it.
    pub fn open(self: &Arc<Self>, config: &Config) {
        self.lock().people = config.people.clone().into();
        let (desk, config) = (Arc::clone(self), config.clone());
        let opening = tokio::spawn(async move {
            loop {
                match app::open_view(&config, Arc::clone(&desk.clock)).await {
                    Ok(view) => return desk.lock().view = Some(Arc::new(view)),
                    Err(error) => {
                        let error = chain(error.as_ref());
                        warn!(error, "the dashboard cannot open the database; it is tried again");
                    }
                }
                sleep(PAUSE).await;
            }
        });
        if let Some(former) = self.lock().opening.replace(opening.abort_handle()) {
            former.abort();
        }
    }

    /// Remembers how long a run took.
    pub fn paid(&self, window: &Window, outcome: &Outcome) {
        let Outcome::Paid(_, Phases { load, rank, allocate, commit }) = outcome else { return };
        let took = Took { load: *load, rank: *rank, allocate: *allocate, commit: *commit };
        let took_by_run = &mut self.lock().took;
        took_by_run.push_front((window.kind, window.start, took));
        took_by_run.truncate(REMEMBERED);
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk for FrontDesk {
    fn view(&self) -> Option<Arc<View>> {
        self.lock().view.clone()
    }

    fn people(&self) -> Arc<[Person]> {
        Arc::clone(&self.lock().people)
    }

    fn process(&self) -> ProcessState {
        self.board.state()
    }

    fn took(&self, kind: Kind, start: Instant) -> Option<Took> {
        let told = self.lock();
        let found = told.took.iter().find(|(of, at, _)| (*of, *at) == (kind, start));
        found.map(|(.., took)| *took)
    }
}
