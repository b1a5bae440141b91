//! The history that the records of the audit log tell, from the first run to the last: every pool, every settled hour,
//! every sum; held against the tables.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::differences::differences;
use super::{Class, LOG, Report, Rows};
use crate::audit::{LogRow, PoolRecord, RunRecord, SetAsideRecord, SettlementRecord};
use crate::proof::Prover;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::store::{HeldSum, HoldState, Run, RunFigures, Standing, Totals};

/// What the records so far have led to.
#[derive(Default)]
pub(super) struct History {
    pools: BTreeMap<NaiveDate, Units>,
    /// By the hour's start.
    settled: BTreeMap<String, (NaiveDate, SettlementRecord)>,
    paid: BTreeSet<(Kind, Instant)>,
    totals: Totals,
    /// What the records say was set aside in all: partners, and their amounts.
    set_aside: (u64, Units, Units),
    /// What was forfeited after so many runs, by the days whose pools took it; taken out as the history passes it.
    forfeits: BTreeMap<u64, Vec<(NaiveDate, Units)>>,
    /// Some record could not be used, so what it led to is not known.
    has_gaps: bool,
    /// What the hours that were recomputed gave the special partners.
    pub transfers: BTreeMap<Instant, ExpectedTransfers>,
}

/// The special partners' sums of one hour.
pub(super) struct ExpectedTransfers {
    pub queued: Queued,
    /// Those of partners that are or were held, which are queued where they are released.
    pub withheld: BTreeMap<i64, Units>,
}

/// What an hour has queued.
pub(super) enum Queued {
    /// By partner.
    Each(BTreeMap<i64, Units>),
    /// Their votes are no longer those that were paid.
    Together { count: u64, total: Units },
}

/// The window that a row and its record speak of.
///
/// # Errors
/// Why there is no such window.
pub(super) fn window_of(prover: &Prover, row: &LogRow, record: &RunRecord) -> Result<Window, String> {
    let kind =
        Kind::named(&row.reward_type).ok_or_else(|| format!("reward_type is {:?}", row.reward_type))?;
    let start: Instant =
        row.timestamp.parse().map_err(|_| format!("timestamp {} is no instant", row.timestamp))?;
    let window = prover.calendar.window_at(kind, start);
    let same = record.reward_type == row.reward_type
        && record.window.day == window.day.to_string()
        && record.window.hour == window.hour
        && record.window.start == show(window.start)
        && record.window.end == show(window.end)
        && start == window.start;
    if same {
        return Ok(window);
    }
    let told = &record.window;
    Err(format!(
        "the row is of the {} window at {}, its record of {} from {} to {}; the calendar of {} has {window} there",
        row.reward_type,
        row.timestamp,
        told.day,
        told.start,
        told.end,
        prover.calendar.zone()
    ))
}

impl History {
    /// With what was forfeited, which no run's record tells.
    pub fn new(holds: &[HeldSum]) -> Self {
        let mut history = Self::default();
        for sum in holds.iter().filter(|sum| sum.state == HoldState::Forfeited) {
            if let Some((day, after)) = sum.forfeited {
                history.forfeits.entry(after).or_default().push((day, sum.from_pool));
            }
        }
        history
    }

    /// Adds to the pools what was forfeited before a run.
    fn forfeit_before(&mut self, sequence: u64) {
        while let Some(entry) = self.forfeits.first_entry().filter(|entry| *entry.key() < sequence) {
            for (day, amount) in entry.remove() {
                let pool = self.pools.entry(day).or_default();
                *pool = pool.checked_add(amount).unwrap_or(*pool);
            }
        }
    }

    /// Takes the next record in, and holds it against the rows of the same run in other tables. Gives the run as the
    /// chain knows it.
    pub fn go_on(
        &mut self,
        window: Window,
        row: &LogRow,
        record: &RunRecord,
        rows: &Rows,
        report: &mut Report,
    ) -> Option<Run> {
        let mut add = |class, table, what| {
            report.add(class, Some(window), table, format!("sequence {}", row.sequence), what);
        };
        self.forfeit_before(row.sequence);
        match self.take(&window, record) {
            Ok(problems) => {
                for what in problems {
                    add(Class::Tampering, LOG, what);
                }
            }
            Err(what) => {
                self.gap();
                add(Class::Tampering, LOG, what);
            }
        }
        if !self.paid.insert((window.kind, window.start)) {
            add(Class::Tampering, LOG, "the window was paid before".to_owned());
        }
        match &rows.figures {
            None => add(Class::Mismatch, "reward_log", "the row is missing".to_owned()),
            Some(figures) => {
                for what in figures_differ(figures, &window, record) {
                    add(Class::Mismatch, "reward_log", what);
                }
            }
        }
        let Some(run) = &rows.run else {
            add(Class::Mismatch, "reward_runs", "the row is missing".to_owned());
            return None;
        };
        if (run.kind, run.start, &run.rules_version) != (window.kind, window.start, &record.rules_version) {
            let what = format!(
                "the row names the {} window at {} and the rules {}, the audit log {window} and the rules {}",
                run.kind,
                show(run.start),
                run.rules_version,
                record.rules_version
            );
            add(Class::Mismatch, "reward_runs", what);
        }
        let rules_version = record.rules_version.clone();
        Some(Run { kind: window.kind, start: window.start, rules_version, ..run.clone() })
    }

    /// Goes on past a record that cannot be used: what it led to is not known from here on.
    pub const fn gap(&mut self) {
        self.has_gaps = true;
    }

    /// Takes a record's settlements, pools and sums in. Gives what does not follow from the records before it.
    ///
    /// # Errors
    /// What cannot be read.
    fn take(&mut self, window: &Window, record: &RunRecord) -> Result<Vec<String>, String> {
        let amount = |text: &str| Units::parse(text).map_err(|why| format!("{text} {why}"));
        let mut problems = vec![];
        for hour in &record.settlements {
            let total = amount(&hour.total_reward_cc)?;
            self.totals.contributed =
                self.totals.contributed.checked_add(total).map_err(|e| e.to_string())?;
            if self.settled.insert(hour.hour_start.clone(), (window.day, hour.clone())).is_some() {
                problems.push(format!("it settles the hour {} that was settled before", hour.hour_start));
            }
        }
        if let Some(daily) = &record.daily {
            let late = amount(&daily.late_reward_cc)?;
            self.totals.contributed = self.totals.contributed.checked_add(late).map_err(|e| e.to_string())?;
        }
        let set_aside = record.set_aside.as_ref();
        let kept =
            |text: fn(&SetAsideRecord) -> &str| set_aside.map_or(Ok(Units::ZERO), |kept| amount(text(kept)));
        let (kept, kept_bonus) = (kept(|kept| &kept.amount)?, kept(|kept| &kept.market_bonus)?);
        let all = &mut self.set_aside;
        all.0 += set_aside.map_or(0, |kept| kept.partners);
        all.1 = all.1.checked_add(kept).map_err(|error| error.to_string())?;
        all.2 = all.2.checked_add(kept_bonus).map_err(|error| error.to_string())?;
        let less = |a: Units, b: Units| Units::new(a.count() - b.count()).map_err(|error| error.to_string());
        let distributed = less(amount(&record.distributed)?, kept)?;
        let paid = match window.kind {
            Kind::Hourly => &mut self.totals.hourly_paid,
            Kind::Daily => &mut self.totals.daily_paid,
        };
        *paid = paid.checked_add(distributed).map_err(|error| error.to_string())?;
        let bonus = less(amount(&record.market_bonus)?, kept_bonus)?;
        let bonuses = self.totals.market_bonus.checked_add(bonus);
        self.totals.market_bonus = bonuses.map_err(|error| error.to_string())?;
        for PoolRecord { day, before, after } in &record.pools {
            let date: NaiveDate = day.parse().map_err(|_| format!("{day} is no day"))?;
            let before = before.as_deref().map(amount).transpose()?;
            let known = self.pools.insert(date, amount(after)?);
            if known != before && !self.has_gaps {
                problems.push(format!(
                    "it found {} in the pool of {day}, where the runs before it left {}",
                    or_nothing(before),
                    or_nothing(known)
                ));
            }
        }
        Ok(problems)
    }

    /// Whether the records tell of a window's payment.
    pub fn has_paid(&self, kind: Kind, start: Instant) -> bool {
        self.paid.contains(&(kind, start))
    }

    /// Holds the end of the history against what is stored now.
    pub fn leads_to(&mut self, standing: &Standing, report: &mut Report) {
        self.forfeit_before(u64::MAX);
        self.holds_are(&standing.holds, report);
        self.pools_are(&standing.pools, report);
        self.hours_are(standing, report);
        let mut add = |what| {
            report.add(Class::Mismatch, None, "reward_programme", "id 1".to_owned(), what);
        };
        let (told, stored) = (&self.totals, &standing.totals);
        let sums = [
            ("contributed", told.contributed, stored.contributed),
            ("hourly_paid", told.hourly_paid, stored.hourly_paid),
            ("daily_paid", told.daily_paid, stored.daily_paid),
            ("market_bonus", told.market_bonus, stored.market_bonus),
        ];
        for (column, told, stored) in sums {
            if told != stored && !self.has_gaps {
                add(format!("{column} is {stored}, where all runs together make {told}"));
            }
        }
        if let Err(what) = standing.totals.check() {
            add(format!("conservation is broken: {what}"));
        }
    }

    /// All that was set aside is there, and what was released of it is paid.
    fn holds_are(&mut self, holds: &[HeldSum], report: &mut Report) {
        let mut stored = (0, Units::ZERO, Units::ZERO);
        let mut add = |what| report.add(Class::Mismatch, None, "reward_holds", "all".to_owned(), what);
        for sum in holds {
            stored.0 += sum.count;
            let sums = (stored.1.checked_add(sum.from_pool), stored.2.checked_add(sum.market_bonus));
            let (Ok(from_pool), Ok(bonus)) = sums else { return add("the sums are out of range".to_owned()) };
            (stored.1, stored.2) = (from_pool, bonus);
            if sum.state == HoldState::Released {
                match self.totals.released_with(sum.kind, sum.from_pool, sum.market_bonus) {
                    Ok(totals) => self.totals = totals,
                    Err(error) => return add(format!("what was released {error}")),
                }
            }
        }
        let told = self.set_aside;
        if stored != told && !self.has_gaps {
            add(format!(
                "{} rows hold {} from pools and {} market bonus, where all runs together have set aside {} worth {} and {}",
                stored.0, stored.1, stored.2, told.0, told.1, told.2
            ));
        }
    }

    fn pools_are(&self, stored: &BTreeMap<NaiveDate, Units>, report: &mut Report) {
        let days: BTreeSet<&NaiveDate> = self.pools.keys().chain(stored.keys()).collect();
        for day in days {
            let (told, stored) = (self.pools.get(day).copied(), stored.get(day).copied());
            if told != stored {
                let what = format!(
                    "accumulated_daily_pool is {}, where the runs left {}",
                    or_nothing(stored),
                    or_nothing(told)
                );
                report.add(Class::Mismatch, None, "reward_pool_state", format!("day {day}"), what);
            }
        }
    }

    fn hours_are(&self, standing: &Standing, report: &mut Report) {
        let stored = standing.settlements.iter().map(|(start, hour)| (show(*start), (*start, hour)));
        let mut stored: BTreeMap<_, _> = stored.collect();
        let mut add = |start: &str, what: String| {
            report.add(Class::Mismatch, None, "reward_settlements", format!("time {start}"), what);
        };
        for (start, (day, told)) in &self.settled {
            let Some((at, (hour, paid))) = stored.remove(start) else {
                add(start, "the row is missing".to_owned());
                continue;
            };
            for what in differences(&SettlementRecord::of(hour), told) {
                add(start, what);
            }
            if hour.day != *day {
                add(start, format!("day is {}, not {day}", hour.day));
            }
            if *paid != self.paid.contains(&(Kind::Hourly, at)) {
                add(start, format!("the row says paid = {paid}, the audit log says otherwise"));
            }
        }
        for start in stored.keys().filter(|_| !self.has_gaps) {
            add(start, "no run has settled this hour".to_owned());
        }
    }
}

fn or_nothing(amount: Option<Units>) -> String {
    amount.map_or_else(|| "nothing".to_owned(), |amount| amount.to_string())
}

/// What in a row of `reward_log` is not as the audit log has it.
fn figures_differ(figures: &RunFigures, window: &Window, record: &RunRecord) -> Vec<String> {
    let zero = Units::ZERO.to_string();
    let (hourly_share, daily_share) = match (window.kind, record.settlements.first()) {
        (Kind::Hourly, Some(hour)) => (Some(hour.hourly_share.clone()), Some(hour.daily_share.clone())),
        // Settled by an earlier run: what it shared out is its hourly share, the rest of the total the day's.
        (Kind::Hourly, None) => {
            let [total, shared] = [&record.total_reward_cc, &record.shared].map(|text| Units::parse(text));
            let rest = total.and_then(|total| Ok(total - shared?));
            (Some(record.shared.clone()), rest.ok().map(|rest| rest.to_string()))
        }
        (Kind::Daily, _) => (Some(zero.clone()), Some(zero.clone())),
    };
    let daily = record.daily.as_ref();
    let own_pool = record.pools.iter().find(|pool| pool.day == window.day.to_string());
    let text = |amount: Units| amount.to_string();
    let pairs = [
        ("reward_type", figures.kind.name().to_owned(), Some(record.reward_type.clone())),
        ("reward_day", figures.day.to_string(), Some(record.window.day.clone())),
        ("reward_hour", format!("{:?}", figures.hour), Some(format!("{:?}", record.window.hour))),
        ("time", show(figures.start), Some(record.window.start.clone())),
        ("total_reward_cc", text(figures.total_reward_cc), Some(record.total_reward_cc.clone())),
        ("votes", figures.votes.to_string(), Some(record.inputs.votes.to_string())),
        ("voters", figures.voters.to_string(), Some(record.inputs.voters.to_string())),
        ("cc_total", text(figures.cc_total), Some(record.inputs.cc_total.clone())),
        ("cc_rate", text(figures.cc_rate), Some(record.inputs.cc_rate.clone())),
        ("hourly_share", text(figures.hourly_share), hourly_share),
        ("daily_share", text(figures.daily_share), daily_share),
        ("late_cc", text(figures.late_cc), Some(daily.map_or(zero.clone(), |daily| daily.late_cc.clone()))),
        (
            "late_reward_cc",
            text(figures.late_reward_cc),
            Some(daily.map_or(zero.clone(), |daily| daily.late_reward_cc.clone())),
        ),
        ("pool_after", text(figures.pool_after), own_pool.map(|pool| pool.after.clone())),
        (
            "pool_before",
            text(figures.pool_before),
            own_pool.map(|pool| pool.before.clone().unwrap_or_else(|| zero.clone())),
        ),
        ("distributed", text(figures.distributed), Some(record.distributed.clone())),
        ("undistributed", text(figures.undistributed), Some(record.undistributed.clone())),
        ("market_bonus", text(figures.market_bonus), Some(record.market_bonus.clone())),
        (
            "ecc_cap",
            or_nothing(figures.ecc_cap),
            Some(daily.and_then(|daily| daily.ecc_cap.clone()).unwrap_or_else(|| "nothing".to_owned())),
        ),
    ];
    let differs = |(column, stored, told): (&str, String, Option<String>)| {
        let told = told.filter(|told| *told != stored)?;
        Some(format!("{column} is {stored}, the audit log says {told}"))
    };
    pairs.into_iter().filter_map(differs).collect()
}
