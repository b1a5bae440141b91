//! Proving what was paid: the walk of a payment once more, from the votes as they are now and the books as the run
//! found them, held against what is stored. Reads only.
//!
//! A run's audit record names the books that it started from (hours that were settled, pools before), its rules by
//! their version, and a digest of its votes; with them any single window can be recomputed without those before it.

pub mod compare;
pub mod effect;
pub mod explain;
pub mod holds;
pub mod verify;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use crate::audit::{AlarmRecord, LogRow, RunRecord, text_hash};
use crate::config::Config;
use crate::frames::{self, FrameError, Watch};
use crate::guard::alarms::{judge, windows_compared};
use crate::rewards::money::Units;
use crate::rewards::plan::{Plan, PlanError};
use crate::rewards::pool::Books;
use crate::rewards::rules::Rules;
use crate::rewards::window::{Calendar, Kind, Window, show};
use crate::rewards::{plan_window, quotes_from};
use crate::store::{Ledger, Loaded, Request, Run, Source, SourceError, StoreError};
use holds::SetAside;

/// Why a window could not be recomputed.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Source(Box<SourceError>),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(
        "{window} has not been paid; `rewardd once {kind} --window {start} --dry-run` says why, or what it would pay",
        kind = window.kind, start = show(window.start)
    )]
    NotPaid { window: Window },
    #[error("no programme is recorded: nothing has been paid yet")]
    NoProgramme,
    #[error("reward_distribution_logs has no row {sequence}, of {window}")]
    NoRecord { sequence: u64, window: Window },
    #[error("the record of reward_distribution_logs row {sequence} cannot be read: {why}")]
    Record { sequence: u64, why: String },
    #[error("reward_rules_versions does not have the rules {version} that {window} was paid by")]
    NoRules { version: String, window: Window },
    #[error("the rules {version} of reward_rules_versions cannot be read: {why}")]
    Rules { version: String, why: String },
    #[error("{window} is before {start}, the programme's first day: this programme has paid nothing for it")]
    BeforeStart { window: Window, start: NaiveDate },
    #[error(
        "partner {partner_id} has no vote in {window}, so it was paid nothing for it; name a window that it voted in"
    )]
    DidNotVote { window: Window, partner_id: i64 },
    #[error(
        "partner {partner_id} was paid {paid} for {window}, at position {position}, but has no vote in it now: its \
         votes have changed or vanished since, and what was paid is what they came to then"
    )]
    VotesGone { window: Window, partner_id: i64, position: u32, paid: Units },
    #[error("recomputing {window} has failed: {why}")]
    Panicked { window: Window, why: String },
}

impl From<SourceError> for ProofError {
    fn from(error: SourceError) -> Self {
        Self::Source(Box::new(error))
    }
}

/// What recomputing takes.
#[derive(Clone)]
pub struct Prover {
    pub ledger: Arc<dyn Ledger>,
    source: Arc<dyn Source>,
    pub calendar: Calendar,
    rules: Arc<Mutex<BTreeMap<String, Arc<Rules>>>>,
}

/// A paid window, once as its run recorded it and once as it comes out now.
#[derive(Clone, Debug)]
pub struct Recomputed {
    pub run: Run,
    /// As stored.
    pub record: RunRecord,
    /// What the run would pay by the votes and rates as they are now.
    pub plan: Plan,
    /// The rules that it was paid by.
    pub rules: Arc<Rules>,
    /// What is stored as set aside of it, by partner.
    pub holds: SetAside,
    /// What its alarms found, as stored.
    pub alarms: Vec<AlarmRecord>,
    /// How often each partner cast each type of vote, where that was asked for: (partner, type, votes).
    pub type_counts: Vec<(i64, String, u64)>,
}

impl Recomputed {
    /// The record that the plan makes, under the same version of the rules.
    #[must_use]
    pub fn record_now(&self) -> RunRecord {
        RunRecord::new(&self.plan, &self.run.rules_version)
    }

    /// Whether votes or rates came, changed or vanished since the run was made.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        !self.record_now().has_inputs_of(&self.record)
    }
}

impl Prover {
    /// # Errors
    /// [`ProofError::NoProgramme`] on a database that nothing was paid in; [`ProofError::Store`].
    pub async fn new(ledger: Arc<dyn Ledger>, source: Arc<dyn Source>) -> Result<Self, ProofError> {
        let programme = ledger.programme().await?.ok_or(ProofError::NoProgramme)?;
        Ok(Self { ledger, source, calendar: programme.calendar()?, rules: Arc::default() })
    }

    /// Recomputes the run of a window. `count_types` asks for the votes by partner and type.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn recompute(&self, window: Window, count_types: bool) -> Result<Recomputed, ProofError> {
        let run = self.ledger.run_of(window.kind, window.start).await?;
        let run = run.ok_or(ProofError::NotPaid { window })?;
        let row = self.ledger.log_row(run.sequence).await?;
        let row = row.ok_or(ProofError::NoRecord { sequence: run.sequence, window })?;
        self.recompute_run(run, &row, count_types).await
    }

    /// Recomputes a run from its rows.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn recompute_run(
        &self,
        run: Run,
        row: &LogRow,
        count_types: bool,
    ) -> Result<Recomputed, ProofError> {
        let window = self.window(&run);
        let record = read_record(row)?;
        let rules = self.rules(&run.rules_version, window).await?;
        let books = self.books_before(&window, &record, run.sequence).await?;
        // What the run found there: runs of windows before it that were made later are not compared with.
        let earlier = match windows_compared(&rules.alarms, window.kind) {
            0 => vec![],
            windows => {
                self.ledger.totals_before(window.kind, window.start, run.sequence - 1, windows).await?
            }
        };
        let quotes_from = quotes_from(&window, &self.calendar, &rules);
        let watch = Watch::new(&rules.alarms, &window, &self.calendar);
        let request = Request { window, quotes_from, count_types, watch };
        let Loaded { mut votes, quotes } = self.source.load(&request).await?;
        let holds = self.set_aside_of(&window).await?;
        let stored = self.alarms_of(&run).await?;
        let given = holds::of_cases(&stored);
        let alarms = holds::alarms_told(&stored);
        // An operator may have named partners when the window was approved.
        let approved = self.ledger.held_window(&window).await?;
        let named = approved.into_iter().flat_map(|known| known.partners).collect();
        let calendar = self.calendar;
        let by = Arc::clone(&rules);
        let computed = tokio::task::spawn_blocking(move || {
            let counts = votes.type_counts().into_iter();
            let counts = counts.map(|count| (count.partner_id, count.vote_type.to_owned(), count.votes));
            let type_counts = counts.collect();
            let watched = votes.take_watched();
            let turnout = frames::turnout(votes, &by)?;
            let plan = plan_window(window, turnout, &quotes, &books, &calendar, &by)?;
            let mut raised = judge(&plan, &watched, &earlier, &by.alarms);
            raised.extend(given);
            Ok::<_, ProofError>((plan.hold(raised, &named), type_counts))
        });
        let panicked =
            |panic: tokio::task::JoinError| ProofError::Panicked { window, why: panic.to_string() };
        let (plan, type_counts) = computed.await.map_err(panicked)??;
        Ok(Recomputed { run, record, plan, rules, holds, alarms, type_counts })
    }

    /// The window of a run: the day, or the hour of a day, that starts where the run says.
    #[must_use]
    pub fn window(&self, run: &Run) -> Window {
        self.calendar.window_at(run.kind, run.start)
    }

    /// The rules of a version, as they were kept with the first look that was made by them.
    ///
    /// # Errors
    /// [`ProofError::NoRules`], [`ProofError::Rules`].
    pub async fn rules(&self, version: &str, window: Window) -> Result<Arc<Rules>, ProofError> {
        if let Some(rules) = self.known_rules().get(version) {
            return Ok(Arc::clone(rules));
        }
        let versions = self.ledger.rules_versions().await?;
        let kept = versions.into_iter().find(|kept| kept.version == version);
        let kept = kept.ok_or_else(|| ProofError::NoRules { version: version.to_owned(), window })?;
        let unreadable = |why| ProofError::Rules { version: version.to_owned(), why };
        if text_hash(&kept.rules) != version {
            return Err(unreadable("their text has another hash: it was changed".to_owned()));
        }
        let rules = Config::parse_rules(&kept.rules).map_err(|error| unreadable(error.to_string()))?;
        let rules = Arc::new(rules);
        self.known_rules().insert(version.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    fn known_rules(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Rules>>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The books as the run found them: what its record says was there before, and the hours of its day that it did
    /// not settle itself but were settled by then.
    async fn books_before(
        &self,
        window: &Window,
        record: &RunRecord,
        sequence: u64,
    ) -> Result<Books, ProofError> {
        let unreadable = |why: String| ProofError::Record { sequence, why };
        let mut books = Books { carry_day: window.day, ..Books::default() };
        for pool in &record.pools {
            let day = pool.day.parse().map_err(|_| unreadable(format!("{:?} is no day", pool.day)))?;
            if day != window.day {
                books.carry_day = day;
            }
            if let Some(before) = &pool.before {
                let before =
                    Units::parse(before).map_err(|why| unreadable(format!("pools: {before} {why}")))?;
                books.pools.insert(day, before);
            }
        }
        let own: Vec<&str> = record.settlements.iter().map(|hour| hour.hour_start.as_str()).collect();
        let settled = self.ledger.settlements(window.day).await?;
        let settled = settled.into_iter().filter(|(start, _)| !own.contains(&show(*start).as_str()));
        // An hour is looked up by itself; a day settles all that are open, so whatever it did not settle was.
        books.settled = settled
            .filter(|(start, _)| window.kind == Kind::Daily || *start == window.start)
            .map(|(start, (settlement, _))| (start, settlement))
            .collect();
        Ok(books)
    }
}

/// The record of a row, as it was written.
///
/// # Errors
/// [`ProofError::Record`].
pub fn read_record(row: &LogRow) -> Result<RunRecord, ProofError> {
    serde_json::from_str(&row.record)
        .map_err(|error| ProofError::Record { sequence: row.sequence, why: error.to_string() })
}
