//! One window: load → plan → commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chrono::NaiveDate;
use tracing::{Instrument, Span, debug, info, info_span, warn};

use super::{Distributor, JobError};
use crate::clock::Stopwatch;
use crate::fault;
use crate::frames::{self, Watch};
use crate::guard::alarms::{groups, judge, windows_compared};
use crate::guard::watchlist::raised_by_cases;
use crate::rewards::alarms::{Action, Raised};
use crate::rewards::money::Units;
use crate::rewards::plan::Plan;
use crate::rewards::pool::Books;
use crate::rewards::rules::Rules;
use crate::rewards::vote::Turnout;
use crate::rewards::window::{Kind, Window, show};
use crate::rewards::{plan_window, quotes_from};
use crate::scheduler::due::is_all_paid_before;
use crate::store::{Commit, Committed, HeldWindow, Loaded, NewHeldWindow, Request, StoreError, WindowState};

/// How often a plan is made anew when another run was committed in between. With one writer that does not happen at
/// all; with two by mistake, one of them is through after a few.
const PLANS: u32 = 5;

/// A source that has not handed over its votes by then is as good as gone.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A plan, and the count of runs that its books were read at.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub plan: Plan,
    runs: u64,
    phases: Phases,
}

/// How long each part of a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Reading the votes, and adding them up by partner.
    pub load: Duration,
    pub rank: Duration,
    /// Making the plan.
    pub allocate: Duration,
    pub commit: Duration,
}

/// What became of a window.
#[derive(Clone, Debug)]
pub enum Outcome {
    Paid(Box<Plan>, Phases),
    /// It had been paid before; nothing was changed.
    AlreadyPaid,
    /// An alarm holds it: nothing of it is paid until an operator decides.
    Held(Box<HeldWindow>),
}

impl Distributor {
    /// Pays one window, in one transaction or not at all. Asked again for a window that was paid, it changes nothing
    /// and says so.
    ///
    /// # Errors
    /// [`JobError`], naming the window.
    pub async fn pay(&self, window: Window, start: NaiveDate) -> Result<Outcome, JobError> {
        // The run's key is its id: every line of the log names it.
        let span = info_span!("run", job = window.kind.name(), id = %show(window.start));
        self.plan_and_commit(window, start).instrument(span).await
    }

    async fn plan_and_commit(&self, window: Window, start: NaiveDate) -> Result<Outcome, JobError> {
        let context = |error: JobError| error.context(format!("{window} was not paid"));
        for _ in 0..PLANS {
            if self.is_paid(&window).await.map_err(|error| context(error.into()))? {
                return Ok(Outcome::AlreadyPaid);
            }
            let known = self.store.held_window(&window).await.map_err(|error| context(error.into()))?;
            let approved = match known {
                Some(known) if known.state == WindowState::Held => return Ok(Outcome::Held(Box::new(known))),
                known => known,
            };
            let adopted = self.adopted().await.map_err(context)?;
            let mut prepared = adopted.prepare_as(window, start, approved.as_ref()).await.map_err(context)?;
            if approved.is_none() && prepared.plan.raised.iter().any(holds_window) {
                match self.hold(&prepared.plan).await {
                    Ok(outcome) => return Ok(outcome),
                    Err(StoreError::Stale) => continue,
                    Err(error) => return Err(context(error.into())),
                }
            }
            let commit = Commit {
                plan: &prepared.plan,
                runs_before: prepared.runs,
                rules_version: &adopted.rules.version,
                now: self.clock.now(),
            };
            let mut watch = Stopwatch::start();
            match self.store.commit(commit).await {
                Ok(Committed::Done) => {
                    prepared.phases.commit = watch.lap();
                    log_paid(&prepared);
                    return Ok(Outcome::Paid(Box::new(prepared.plan), prepared.phases));
                }
                Ok(Committed::AlreadyPaid) => return Ok(Outcome::AlreadyPaid),
                Err(StoreError::Stale) => info!(%window, "another run came between; the plan is made anew"),
                Err(error) => return Err(context(error.into())),
            }
        }
        Err(context(StoreError::Stale.into()))
    }

    /// Holds a window, where nobody has paid it meanwhile.
    async fn hold(&self, plan: &Plan) -> Result<Outcome, StoreError> {
        let stake = plan.distributed() + plan.market_bonus();
        let new = NewHeldWindow { window: plan.window, raised: &plan.raised, stake, now: self.clock.now() };
        if !self.store.hold_window(new).await? {
            return Ok(Outcome::AlreadyPaid);
        }
        let held = new.held();
        let (window, alarms) = (plan.window, held.alarms.join(", "));
        warn!(%window, %alarms, %stake, "held: nothing of it is paid until an operator decides");
        Ok(Outcome::Held(Box::new(held)))
    }

    async fn is_paid(&self, window: &Window) -> Result<bool, StoreError> {
        Ok(self.store.paid_count(window.kind, window.start, window.end).await? > 0)
    }

    /// The same by the rules of the next window. Whatever is confirmed after this is of the window after it.
    async fn adopted(&self) -> Result<Self, JobError> {
        let Some(gate) = &self.gate else { return Ok(self.clone()) };
        Ok(Self { rules: gate.next(&self.rules, self.clock.now()).await?, ..self.clone() })
    }

    /// Everything up to the commit, by the rules that this has: reads, and writes nothing.
    ///
    /// # Errors
    /// [`JobError`].
    pub async fn prepare(&self, window: Window, start: NaiveDate) -> Result<Prepared, JobError> {
        let known = self.store.held_window(&window).await?;
        self.prepare_as(window, start, known.as_ref()).await
    }

    /// The same; where an operator has approved a window that was held, with what was decided of it.
    async fn prepare_as(
        &self,
        window: Window,
        start: NaiveDate,
        approved: Option<&HeldWindow>,
    ) -> Result<Prepared, JobError> {
        let named: BTreeSet<i64> = approved.iter().flat_map(|known| known.partners.iter().copied()).collect();
        // The count comes first: a run that is committed between any of these reads makes the plan stale.
        let runs = self.store.runs().await?;
        let carry_day = self.carry_day(&window, start).await?;
        fault::point("carry_day");
        let earlier = self.earlier(&window, runs).await?;
        let watchlist = self.store.watchlist().await?;
        let watchlist: Vec<(i64, u64)> =
            watchlist.into_iter().map(|watched| (watched.partner_id, watched.case)).collect();
        let books = self.store.books(&window, carry_day).await?;
        let request = Request {
            window,
            quotes_from: quotes_from(&window, &self.calendar, &self.rules.rules),
            count_types: tracing::enabled!(tracing::Level::DEBUG),
            watch: Watch::new(&self.rules.rules.alarms, &window, &self.calendar),
        };
        let mut watch = Stopwatch::start();
        let loading = tokio::time::timeout(PATIENCE, self.source.load(&request));
        let silent = |_| JobError::Retry(anyhow!("the source of votes has not answered for {PATIENCE:?}"));
        let Loaded { mut votes, quotes } = loading.await.map_err(silent)??;
        let load = watch.lap();
        fault::point("loaded");
        let rules = Arc::clone(&self.rules);
        let calendar = self.calendar;
        // Frames keep a core busy for as long as it takes; the runtime's threads are for waiting.
        let span = Span::current();
        let plan = tokio::task::spawn_blocking(move || {
            let _inside = span.enter();
            let rules: &Rules = &rules.rules;
            for count in votes.type_counts() {
                debug!(
                    partner_id = count.partner_id,
                    vote_type = count.vote_type,
                    votes = count.votes,
                    "votes"
                );
            }
            let watched = votes.take_watched();
            let turnout = frames::turnout(votes, rules)?;
            let rank = watch.lap();
            log_voters(&window, &turnout);
            let plan = plan_window(window, turnout, &quotes, &books, &calendar, rules)?;
            warn_of_lost_votes(&plan, &books);
            let mut raised = judge(&plan, &watched, &earlier, &rules.alarms);
            raised.extend(raised_by_cases(&plan, &watchlist));
            let plan = plan.hold(raised, &named);
            warn_of_alarms(&plan);
            Ok::<_, JobError>((plan, Phases { load, rank, allocate: watch.lap(), ..Phases::default() }))
        });
        // One window that no plan can be made of stands in no other's way.
        let (plan, phases) =
            plan.await.map_err(|panic| JobError::Fail(anyhow!("making the plan has failed: {panic}")))??;
        Ok(Prepared { plan, runs, phases })
    }

    /// What the last paid windows of the kind had to distribute, as far as alarms compare with it.
    async fn earlier(&self, window: &Window, runs: u64) -> Result<Vec<Units>, StoreError> {
        match windows_compared(&self.rules.rules.alarms, window.kind) {
            0 => Ok(vec![]),
            windows => self.store.totals_before(window.kind, window.start, runs, windows).await,
        }
    }

    /// Where undistributed money goes: from an hour to the oldest day not yet paid (rules, section 5), from a day to
    /// the next one (section 6), or to the first after it that is still to be paid.
    async fn carry_day(&self, window: &Window, start: NaiveDate) -> Result<NaiveDate, StoreError> {
        match window.kind {
            Kind::Hourly => self.oldest_unpaid_from(start, window.day).await,
            Kind::Daily => self.first_unpaid_from(self.calendar.day_after(window.day)).await,
        }
    }

    /// The oldest day not yet paid of a programme that starts on a day. After years the days that were paid are many,
    /// and there is no need to read those before `day` where all of them are.
    pub(super) async fn oldest_unpaid_from(
        &self,
        start: NaiveDate,
        day: NaiveDate,
    ) -> Result<NaiveDate, StoreError> {
        let first = if self.is_all_paid_before(start, day).await? { day } else { start };
        self.first_unpaid_from(first).await
    }

    async fn is_all_paid_before(&self, start: NaiveDate, day: NaiveDate) -> Result<bool, StoreError> {
        is_all_paid_before(self.store.as_ref(), &self.calendar, start, day).await
    }

    async fn first_unpaid_from(&self, first: NaiveDate) -> Result<NaiveDate, StoreError> {
        let paid = self.store.paid_since(Kind::Daily, self.calendar.midnight(first)).await?;
        let mut day = first;
        while paid.contains(&self.calendar.midnight(day)) {
            day = self.calendar.day_after(day);
        }
        Ok(day)
    }
}

fn holds_window(raised: &Raised) -> bool {
    raised.action == Action::HoldWindow
}

fn log_voters(window: &Window, turnout: &Turnout) {
    let by_type: Vec<String> =
        turnout.by_type.iter().map(|total| format!("{} {}", total.votes, total.vote_type)).collect();
    let by_type = by_type.join(", ");
    info!(%window, votes = turnout.votes, voters = turnout.voters(), %by_type, "votes loaded");
}

/// Votes that came in sight only after their day was paid are in no pool: the next to look at them is the hour's own
/// payment, and it says so.
fn warn_of_lost_votes(plan: &Plan, books: &Books) {
    let missing = plan.turnout.pool_cc() - plan.cc_total;
    let day_is_paid = books.carry_day > plan.window.day;
    if plan.window.kind == Kind::Hourly && day_is_paid && missing > Units::ZERO {
        warn!(window = %plan.window, cc = %missing, "votes came after their day was paid; this CC is in no pool");
    }
}

/// A line for each alarm, however many partners raise it.
fn warn_of_alarms(plan: &Plan) {
    for group in groups(&plan.raised) {
        warn!(window = %plan.window, "{group}");
    }
}

fn log_paid(prepared: &Prepared) {
    let Prepared { plan, phases, .. } = prepared;
    let window = plan.window;
    if let Some(daily) = plan.daily.as_ref().filter(|daily| daily.late_cc.is_negative()) {
        warn!(%window, late_cc = %daily.late_cc, "votes have vanished since their hours were settled; the pool stays");
    }
    if plan.turnout.votes == 0 {
        info!(%window, carried = %plan.undistributed(), "nobody voted; an empty distribution is recorded");
    }
    info!(
        %window,
        total = %plan.total,
        voters = plan.turnout.voters(),
        distributed = %plan.distributed(),
        undistributed = %plan.undistributed(),
        market_bonus = %plan.market_bonus(),
        held = plan.held.len(),
        transfers = plan.transfers.len(),
        load_ms = phases.load.as_millis() as u64,
        rank_ms = phases.rank.as_millis() as u64,
        allocate_ms = phases.allocate.as_millis() as u64,
        commit_ms = phases.commit.as_millis() as u64,
        "paid"
    );
}
