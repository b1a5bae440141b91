//! What the database says, read without a write and without a table that grows with history.

use std::time::Duration;

use super::{Due, DueState, Holding, Known, Life, Notified, Process, Queue, Standing, Versions};
use crate::audit::text_hash;
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::jobs::Walk;
use crate::ops::state_file::Activity;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window};
use crate::scheduler::cron::{LATE, Pattern};
use crate::scheduler::due::due;
use crate::store::sql::Applied;
use crate::store::{
    Archive, Lease, Leases, Movable, Notices, Programme, Result, Run, RunFigures, end_of_time,
};

/// Runs of each kind that are shown.
const RUNS: u32 = 3;

/// Failing transfers that are shown.
const FAILURES: u32 = 5;

/// Waiting messages that are looked at: receivers have one about incidents at most, and one for each day.
const MESSAGES: u32 = 1000;

/// What a database that has its migrations says, as of `now`.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn look(
    stored: &dyn Archive,
    leases: &dyn Leases,
    notices: &dyn Notices,
    migrations: Vec<Applied>,
    config: &Config,
    process: &Process,
    now: Instant,
) -> Result<Known> {
    let lease = leases.lease().await?;
    let holding = holding(&lease, process);
    let rules =
        Versions { configured: text_hash(&config.rules_table()), recorded: stored.rules_in_force().await? };
    let programme = match stored.programme().await? {
        Some(programme) => {
            let rest = Rest { stored, config, process, holding, now };
            Some(rest.standing(programme).await?)
        }
        None => None,
    };
    let notified =
        if config.notify.receivers.is_empty() { None } else { Some(notified(notices, config).await?) };
    Ok(Known {
        migrations,
        lease,
        holding,
        rules,
        queue: queue(stored).await?,
        archived: archived(stored).await?,
        programme,
        notified,
    })
}

fn holding(lease: &Lease, process: &Process) -> Holding {
    let of_this_host = |lease: &Lease| {
        process
            .state
            .as_ref()
            .is_some_and(|state| lease.holder == format!("{} pid {}", state.host, state.pid))
    };
    match process.life {
        _ if lease.holder.is_empty() => Holding::Free,
        Life::Running if of_this_host(lease) => Holding::Here,
        Life::Died | Life::Stopped if of_this_host(lease) => Holding::Dead,
        _ => Holding::Elsewhere,
    }
}

async fn notified(notices: &dyn Notices, config: &Config) -> Result<Notified> {
    let incidents = notices.open_incidents().await?;
    let mut waiting = notices.waiting_notifications(MESSAGES).await?;
    // What waits for a receiver that is configured no more is sent to nobody.
    waiting
        .retain(|message| config.notify.receivers.iter().any(|receiver| receiver.name == message.receiver));
    Ok(Notified { incidents, waiting })
}

async fn archived(stored: &dyn Archive) -> Result<Vec<(Movable, u64, chrono::NaiveDate)>> {
    let archives = stored.archives().await?;
    let of_table = |table: Movable| {
        let days = archives.iter().filter(|archived| archived.table == table).map(|archived| archived.day);
        Some((table, days.clone().count() as u64, days.max()?))
    };
    Ok(Movable::ALL.into_iter().filter_map(of_table).collect())
}

async fn queue(stored: &dyn Archive) -> Result<Queue> {
    let (count, sum) = stored.queue_length().await?;
    let oldest = stored.queued_transfers(end_of_time(), None, 1).await?;
    let oldest = oldest.first().map(|queued| queued.transfer.time);
    let (failing, failures) = stored.failing_transfers(FAILURES).await?;
    Ok(Queue { count, sum, oldest, failing, failures })
}

/// Why a window waits that an alarm holds.
const HELD: &str = "an alarm holds it, and nobody has decided: `rewardd holds list`";

/// What is looked at once the programme has begun.
struct Rest<'a> {
    stored: &'a dyn Archive,
    config: &'a Config,
    process: &'a Process,
    holding: Holding,
    now: Instant,
}

impl Rest<'_> {
    async fn standing(&self, programme: Programme) -> Result<Standing> {
        let calendar = programme.calendar()?;
        let mut runs = vec![];
        for kind in [Kind::Hourly, Kind::Daily] {
            runs.extend(self.last_runs(kind).await?);
        }
        let kinds = vec![(Kind::Daily, self.now), (Kind::Hourly, self.now)];
        let catch_up = self.config.schedule.catch_up;
        let walk = Walk { kinds, start: programme.start, now: self.now, catch_up };
        let found = due(self.stored, &calendar, &walk).await?;
        let state = |window: Window| Due {
            window,
            state: match found.held.contains(&window) {
                true => DueState::Waits(HELD.to_owned()),
                false => self.state(&window),
            },
        };
        let today = calendar.window_at(Kind::Daily, self.now);
        let books = self.stored.books(&today, calendar.day_after(today.day)).await?;
        let pool = books.pools.get(&today.day).copied().unwrap_or(Units::ZERO);
        Ok(Standing {
            programme,
            runs,
            due: found.open.iter().copied().map(state).collect(),
            overdue: found.overdue,
            today: (today.day, pool),
            totals: self.stored.totals().await?,
            holds: self.stored.set_aside().await?.0,
        })
    }

    async fn last_runs(&self, kind: Kind) -> Result<Vec<(Run, Option<RunFigures>)>> {
        let mut runs = vec![];
        for run in self.stored.runs_of(kind, Instant::UNIX_EPOCH, end_of_time(), RUNS).await? {
            let figures = self.stored.figures(run.sequence).await?;
            runs.push((run, figures));
        }
        Ok(runs)
    }

    fn state(&self, window: &Window) -> DueState {
        let process = self.process;
        let name = window.to_string();
        if matches!(process.activity(), Some(Activity::Running { window, .. }) if *window == name) {
            return DueState::Running;
        }
        if let Some(why) = process.why_not_paid(window) {
            return DueState::Waits(why);
        }
        let schedule = &self.config.schedule;
        let pattern = match window.kind {
            Kind::Hourly => &schedule.hourly,
            Kind::Daily => &schedule.daily,
        };
        let tick = Pattern::new(pattern, self.config.programme.timezone).last_until(self.now);
        let Some(tick) = tick.filter(|tick| *tick >= window.end) else { return DueState::NextTick };
        let has_just_ticked = process.life == Life::Running && self.now - tick < LATE;
        if process.is_at_work() || has_just_ticked {
            return DueState::InTurn;
        }
        DueState::Waits(match (process.life, self.holding) {
            (_, Holding::Elsewhere | Holding::Renewed | Holding::Silent(_)) => {
                "whoever holds the lease has not paid it".to_owned()
            }
            (Life::Running, _) => "the last tick has not paid it".to_owned(),
            _ => "no daemon is running".to_owned(),
        })
    }
}

/// Whether a holder elsewhere renews the lease: told by looking more than once.
#[derive(Debug, Default)]
pub struct LeaseWatch {
    /// The lease as it was seen first, and since when.
    seen: Option<(Lease, Stopwatch)>,
    has_renewed: bool,
}

impl LeaseWatch {
    /// Takes one more look at the lease into account. It is renewed five times while it lasts; a holder that has missed
    /// two of them is called silent.
    pub fn add(&mut self, lease: &Lease, holding: &mut Holding, lasts: Duration) {
        if !matches!(holding, Holding::Elsewhere | Holding::Renewed | Holding::Silent(_)) {
            return;
        }
        let unchanged =
            self.seen.as_ref().filter(|(seen, _)| seen == lease).map(|(_, since)| since.elapsed());
        let Some(silent) = unchanged else {
            self.has_renewed = self.seen.as_ref().is_some_and(|(seen, _)| seen.fence == lease.fence);
            self.seen = Some((lease.clone(), Stopwatch::start()));
            *holding = if self.has_renewed { Holding::Renewed } else { Holding::Elsewhere };
            return;
        };
        *holding = match () {
            () if silent > lasts * 2 / 5 => Holding::Silent(silent),
            () if self.has_renewed => Holding::Renewed,
            () => Holding::Elsewhere,
        };
    }
}
