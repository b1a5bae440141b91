//! `rewardd holds`

use std::sync::Arc;

use anyhow::anyhow;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use super::Exit;
use super::decided::{Decided, Matter};
use super::output::say;
use crate::app::{App, Mode, Records};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::jobs::{Fate, JobError};
use crate::ops::logging;
use crate::people::Role;
use crate::rewards::window::{Calendar, Instant, Kind, Window, show};
use crate::store::{
    DecidedHolds, Deciding, Hold, HoldKey, HoldState, Holds, Programme, Store, Subject, Undecidable,
    WindowState,
};

mod page;

/// Amounts that are read at once, and that one decision covers at most: each is one transaction.
const PAGE: u32 = 1000;

/// See and decide what alarms hold.
///
/// An alarm with the action hold_partner sets a partner's amounts of a window aside: all others are paid, and this
/// partner's row stays zeros until the amounts are released, which pays them exactly as computed, or forfeited, which
/// adds them to the pool of the oldest day that is not paid. One with the action hold_window lets nothing of the window
/// be paid until `holds pay`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    List(List),
    Show(Show),
    Release(Release),
    Forfeit(Forfeit),
    Pay(Pay),
}

/// Windows and partners' amounts that are held, oldest first.
#[derive(Debug, Args)]
pub(super) struct List {
    /// What has become of the amounts.
    #[arg(long, value_enum, default_value_t = States::Held)]
    state: States,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum States {
    Held,
    Released,
    Forfeited,
    All,
}

impl States {
    fn wanted(self) -> Vec<HoldState> {
        match self {
            Self::Held => vec![HoldState::Held],
            Self::Released => vec![HoldState::Released],
            Self::Forfeited => vec![HoldState::Forfeited],
            Self::All => HoldState::ALL.to_vec(),
        }
    }
}

/// What is held of a window, or of one partner in it, and why.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    window: Place,
    partner: Option<i64>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Pay amounts that are set aside, exactly as they were computed.
///
///   rewardd holds release hourly 2026-11-19T13:00:00Z 7 8 --as anna --note "asked the partners"
///   rewardd holds release --all-of burst --as anna --note "the limit was too low"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Release {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    decided: Decided,
}

/// Add amounts that are set aside to the pool of the oldest day that is not paid. A market bonus is not paid.
///
///   rewardd holds forfeit daily 2026-11-19 7 --as anna --note "a script cast the votes"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Forfeit {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    decided: Decided,
}

/// Have a held window paid by the next look.
///
///   rewardd holds pay hourly 2026-11-19T13:00:00Z --hold 7 --hold 8 --as anna --note "all but these two"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Pay {
    #[command(flatten)]
    window: Place,
    /// Set this partner's amounts aside; others may follow.
    #[arg(long, value_name = "PARTNER")]
    hold: Vec<i64>,
    #[command(flatten)]
    decided: Decided,
}

#[derive(Debug, Args)]
struct Place {
    #[arg(value_enum)]
    kind: KindName,
    /// The window's start, or the date of a day.
    start: String,
}

#[derive(Debug, Args)]
struct Which {
    #[arg(value_enum, required_unless_present = "all_of", requires = "start")]
    kind: Option<KindName>,
    /// The window's start, or the date of a day.
    start: Option<String>,
    #[arg(required_unless_present = "all_of", conflicts_with = "all_of")]
    partners: Vec<i64>,
    /// Everything that this alarm holds: of the window, or of all where none is named.
    #[arg(long, value_name = "ALARM")]
    all_of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindName {
    Hourly,
    Daily,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Hourly => Self::Hourly,
            KindName::Daily => Self::Daily,
        }
    }
}

/// The window that is named.
fn window(kind: KindName, start: &str, calendar: &Calendar) -> anyhow::Result<Window> {
    let kind = Kind::from(kind);
    let at = match (start.parse::<NaiveDate>(), kind) {
        (Ok(date), Kind::Daily) => calendar.midnight(date),
        _ => super::distribute::instant(start)
            .map_err(|why| anyhow!("{start}: {why}; a day may be named by its date"))?,
    };
    let window = calendar.window_at(kind, at);
    if window.start != at {
        return Err(anyhow!("no {kind} window starts at {}: the one that holds it is {window}", show(at)));
    }
    Ok(window)
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        match self {
            Self::List(list) => list.execute(&config).await,
            Self::Show(show) => show.execute(&config).await,
            Self::Release(Release { which, decided }) => decide(config, which, decided, Fate::Released).await,
            Self::Forfeit(Forfeit { which, decided }) => {
                decide(config, which, decided, Fate::Forfeited).await
            }
            Self::Pay(pay) => pay.execute(config).await,
        }
    }
}

impl List {
    async fn execute(self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let windows = records.stored.held_windows().await?;
        let windows = windows.into_iter().filter(|window| window.state == WindowState::Held).collect();
        let mut holds = vec![];
        for state in self.state.wanted() {
            each(&records.stored, state, |hold| holds.push(hold)).await?;
        }
        holds.sort_by_key(|hold| hold.key);
        page::list(windows, &holds, self.json);
        Ok(Exit::Done)
    }
}

impl Show {
    async fn execute(self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let stored = &records.stored;
        let calendar = programme(stored).await?.calendar()?;
        let window = window(self.window.kind, &self.window.start, &calendar)?;
        let held = stored.held_window(&window).await?;
        let mut holds: Vec<Hold> = vec![];
        loop {
            let after = holds.last().map_or(i64::MIN, |hold| hold.key.partner_id);
            let next = stored.holds_of(window.kind, window.start, after, PAGE).await?;
            let is_last = next.len() < PAGE as usize;
            holds.extend(next);
            if is_last {
                break;
            }
        }
        let mut alarms = vec![];
        loop {
            let after = alarms.len() as u64;
            let next = stored.alarms_of(window.kind, window.start, after, PAGE).await?;
            let is_last = next.len() < PAGE as usize;
            alarms.extend(next);
            if is_last {
                break;
            }
        }
        if let Some(partner) = self.partner {
            holds.retain(|hold| hold.key.partner_id == partner);
            alarms.retain(|alarm| alarm.partner_id == Some(partner));
            if holds.is_empty() {
                eprintln!("error: nothing of partner {partner} is or was held in {window}");
                return Ok(Exit::Failed);
            }
        }
        if held.is_none() && holds.is_empty() {
            eprintln!("error: nothing of {window} is or was held");
            return Ok(Exit::Failed);
        }
        page::one_window(stored, &window, held, &holds, &alarms, self.json).await?;
        Ok(Exit::Done)
    }
}

async fn programme(store: &dyn Store) -> anyhow::Result<Programme> {
    store.programme().await?.ok_or_else(|| anyhow!("nothing has been paid yet"))
}

/// Where a signature counts: this programme, as it was recorded.
fn scope(programme: &Programme) -> String {
    format!("{} {}", programme.timezone, programme.start)
}

/// Hands over every amount in a state.
async fn each(holds: &dyn Holds, state: HoldState, mut take: impl FnMut(Hold)) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = holds.holds(state, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key);
        page.into_iter().for_each(&mut take);
    }
}

impl Which {
    /// The amounts that are meant.
    async fn keys(self, holds: &dyn Holds, calendar: &Calendar) -> anyhow::Result<Vec<HoldKey>> {
        let window = match (self.kind, &self.start) {
            (Some(kind), Some(start)) => Some(window(kind, start, calendar)?),
            _ => None,
        };
        let Some(alarm) = self.all_of else {
            let window = window.ok_or_else(|| anyhow!("name a window, or an alarm by --all-of"))?;
            let mut partners = self.partners;
            partners.sort_unstable();
            partners.dedup();
            let key = |partner_id| HoldKey { kind: window.kind, start: window.start, partner_id };
            return Ok(partners.into_iter().map(key).collect());
        };
        let mut keys = vec![];
        each(holds, HoldState::Held, |hold| {
            let is_there = window.is_none_or(|w| (w.kind, w.start) == (hold.key.kind, hold.key.start));
            if is_there && hold.alarms.contains(&alarm) {
                keys.push(hold.key);
            }
        })
        .await?;
        Ok(keys)
    }
}

/// Releases or forfeits, a transaction for so many amounts as one decision covers.
async fn decide(config: Config, which: Which, decided: Decided, fate: Fate) -> anyhow::Result<Exit> {
    let _logs = logging::start(&config.logging, logging::Terminal::Quiet);
    let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await?;
    let programme = programme(app.store.as_ref()).await?;
    let holds: &dyn Holds = app.rewards.as_ref();
    let keys = which.keys(holds, &programme.calendar()?).await?;
    if keys.is_empty() {
        say!("Nothing of it is held.");
        return Ok(Exit::Done);
    }
    let mut all = DecidedHolds::default();
    let mut exit = Exit::Done;
    for keys in keys.chunks(PAGE as usize) {
        let first = keys[0];
        let subject = Subject::Hold { kind: first.kind, time: first.start, partner_id: first.partner_id };
        let what = keys.iter().map(|key| format!("{} {} {}", key.kind, show(key.start), key.partner_id));
        let what = what.collect::<Vec<_>>().join(", ");
        let matter = Matter { scope: &scope(&programme), subject: &subject, verdict: fate.name(), what };
        let deciding = deciding(&app.config, &decided, Role::Reviewer, matter)?;
        let done = app.distributor.decide_holds(holds, keys, fate, &deciding).await;
        match done.map_err(JobError::into_error)? {
            Ok(done) => {
                all.number = done.number;
                all.from_pool = all.from_pool + done.from_pool;
                all.market_bonus = all.market_bonus + done.market_bonus;
                all.transfers += done.transfers;
            }
            Err(why) => {
                exit = refused(&why);
                break;
            }
        }
    }
    if all.number > 0 {
        page::decided(fate, &all);
    }
    app.database.close().await;
    Ok(exit)
}

/// Who has decided, allowed and signed.
fn deciding(
    config: &Config,
    decided: &Decided,
    needed: Role,
    matter: Matter<'_>,
) -> anyhow::Result<Deciding> {
    let decider = decided.by(&config.people, needed, matter)??;
    let signed = serde_json::to_value(&decider.signed)?;
    Ok(Deciding { by: decider.name, at: SystemClock.now(), note: decided.note.clone(), signed })
}

fn refused(why: &Undecidable) -> Exit {
    eprintln!("error: {why}");
    match why {
        Undecidable::Archived { .. } => Exit::Waiting,
        Undecidable::DayPaid(_) => Exit::TryAgain,
        Undecidable::NotHeld(_) | Undecidable::Decided { .. } => Exit::Failed,
    }
}

impl Pay {
    async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let _logs = logging::start(&config.logging, logging::Terminal::Quiet);
        let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await?;
        let programme = programme(app.store.as_ref()).await?;
        let window = window(self.window.kind, &self.window.start, &programme.calendar()?)?;
        let mut partners = self.hold;
        partners.sort_unstable();
        partners.dedup();
        let (kind, time): (Kind, Instant) = (window.kind, window.start);
        let subject = Subject::Window { kind, time };
        let verdict = WindowState::Approved.name();
        let what = format!("holding {partners:?}");
        let matter = Matter { scope: &scope(&programme), subject: &subject, verdict, what };
        let deciding = deciding(&app.config, &self.decided, Role::Admin, matter)?;
        let decided = app.rewards.approve_window(&window, &partners, &deciding).await?;
        app.database.close().await;
        match decided {
            Ok(number) => {
                say!("{window} will be paid by the next look (decision {number})");
                Ok(Exit::Done)
            }
            Err(why) => Ok(refused(&why)),
        }
    }
}
