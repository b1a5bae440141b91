//! One window: its rewards recomputed from the votes and held against the reward table row by row.

use std::collections::BTreeMap;

use super::differences::differences;
use super::history::{ExpectedTransfers, History, Queued};
use super::{Class, Days, LOG, Report, holds};
use crate::audit::{LogRow, RunRecord};
use crate::proof::holds::{SetAside, is_paid};
use crate::proof::{ProofError, Prover, Recomputed, read_record};
use crate::rewards::money::Units;
use crate::rewards::plan::{Plan, columns, reward_table};
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::store::{Archived, Hold, Movable, RewardRow, Run, SourceError, StoreError};

/// Reward rows that are read at once.
const PAGE: u32 = 5_000;

/// Rows that are named for one window; of the others their number is told.
const NAMED: usize = 20;

/// Recomputes a run's window and compares.
///
/// # Errors
/// [`ProofError`] where the database or the source does not answer.
pub(super) async fn recompute(
    prover: &Prover,
    run: Option<Run>,
    row: &LogRow,
    history: &mut History,
    report: &mut Report,
) -> Result<(), ProofError> {
    let Some(run) = run else { return Ok(()) };
    let window = prover.window(&run);
    let key = format!("sequence {}", row.sequence);
    report.windows += 1;
    let recomputed = match prover.recompute_run(run, row, false).await {
        Ok(recomputed) => Some(recomputed),
        Err(error) => {
            let (class, table) = class_of(error, &window).map_err(|error| *error)?;
            report.add(class.0, Some(window), table, key.clone(), class.1);
            None
        }
    };
    let unchanged = recomputed.as_ref().filter(|recomputed| !recomputed.has_drifted());
    let record = read_record(row)?;
    let found_now;
    let holds = match &recomputed {
        Some(recomputed) => &recomputed.holds,
        None => {
            found_now = prover.set_aside_of(&window).await?;
            &found_now
        }
    };
    let seen = recomputed.as_ref().map(|recomputed| (recomputed, unchanged.is_some()));
    holds::compare(prover, window, &record, seen, holds, report).await?;
    if let Some(recomputed) = &recomputed {
        let found = differences(&recomputed.record, &recomputed.record_now());
        if unchanged.is_none() {
            let what = drift(recomputed, &found);
            report.add(Class::Drift, Some(window), "votes", key, what);
        } else if !found.is_empty() {
            let what = format!("the record does not follow from its own inputs: {}", found.join("; "));
            report.add(Class::Tampering, Some(window), LOG, key, what);
        }
    }
    let rewards = Rewards::new(window, holds, report);
    let compared = match unchanged {
        Some(recomputed) => rewards.compare(prover, &recomputed.plan).await,
        None => rewards.compare_sums(prover, &record).await,
    };
    if let Err(error) = compared {
        report.unreadable_archive(error, reward_table(window.kind), window.day)?;
    }
    if window.kind == Kind::Hourly {
        let together = || Queued::Together {
            count: record.transfers.count as u64,
            total: Units::parse(&record.transfers.total).unwrap_or_default(),
        };
        let each = |plan: &Plan| {
            let transfers = plan.transfers.iter();
            Queued::Each(transfers.map(|t| (t.partner_id, t.amount)).collect())
        };
        let queued = unchanged.map_or_else(together, |recomputed| each(&recomputed.plan));
        let withheld = holds.values().filter(|hold| hold.has_transfer);
        let withheld = withheld.map(|hold| (hold.key.partner_id, hold.from_pool)).collect();
        history.transfers.insert(window.start, ExpectedTransfers { queued, withheld });
    }
    Ok(())
}

/// What a failure to recompute says of what is stored; an error where it says nothing of it.
fn class_of(error: ProofError, window: &Window) -> Result<((Class, String), &'static str), Box<ProofError>> {
    let text = error.to_string();
    match error {
        ProofError::Record { .. } | ProofError::NoRecord { .. } => Ok(((Class::Tampering, text), LOG)),
        ProofError::NoRules { .. } | ProofError::Rules { .. } => {
            Ok(((Class::Tampering, text), "reward_rules_versions"))
        }
        // It could be planned when it was paid, so what it is made from has changed since.
        ProofError::Plan(_) | ProofError::Frame(_) => Ok(((Class::Drift, text), "votes")),
        ProofError::Source(source)
            if matches!(*source, SourceError::BadRow { .. } | SourceError::Conflict { .. }) =>
        {
            Ok(((Class::Drift, text), "votes"))
        }
        ProofError::Store(StoreError::Unreadable { .. }) => {
            Ok(((Class::Mismatch, text), reward_table(window.kind)))
        }
        other => Err(Box::new(other)),
    }
}

/// What has changed of the votes and rates of a window, as far as sums can tell.
fn drift(recomputed: &Recomputed, found: &[String]) -> String {
    let (then, now) = (&recomputed.record.inputs, recomputed.record_now().inputs);
    let mut what = format!(
        "votes or rates have changed since the payment: {} votes of {} partners then, {} of {} now",
        then.votes, then.voters, now.votes, now.voters
    );
    let inputs = ["inputs.cc", "inputs.by_type", "settlements", "daily.rate"];
    let told = found.iter().filter(|field| inputs.iter().any(|input| field.starts_with(input)));
    for field in told.take(NAMED) {
        what.push_str("; ");
        what.push_str(field);
    }
    what
}

/// The stored rewards of one window, and what is found of them.
struct Rewards<'r> {
    window: Window,
    holds: &'r SetAside,
    report: &'r mut Report,
    found: usize,
}

impl<'r> Rewards<'r> {
    fn new(window: Window, holds: &'r SetAside, report: &'r mut Report) -> Self {
        Self { window, holds, report, found: 0 }
    }

    fn add(&mut self, partner_id: i64, what: String) {
        self.found += 1;
        if self.found <= NAMED {
            let key = format!("partner_id {partner_id}, time {}", show(self.window.start));
            self.report.add(Class::Mismatch, Some(self.window), reward_table(self.window.kind), key, what);
        }
    }

    /// Says how many more rows there were than were named.
    fn end(self) {
        if self.found > NAMED {
            let what = format!("{} rows in all differ; the first {NAMED} are named", self.found);
            let key = format!("time {}", show(self.window.start));
            self.report.add(Class::Mismatch, Some(self.window), reward_table(self.window.kind), key, what);
        }
    }

    /// Row by row against a plan.
    async fn compare(mut self, prover: &Prover, plan: &Plan) -> Result<(), ProofError> {
        let mut order: Vec<usize> = (0..plan.turnout.ranking.len()).collect();
        order.sort_unstable_by_key(|row| plan.turnout.ranking[*row].partner_id);
        let mut order = order.into_iter().peekable();
        let partner = |row: usize| plan.turnout.ranking[row].partner_id;
        let mut after = i64::MIN;
        loop {
            let page = self.page(prover, after).await?;
            let Some(last) = page.last() else { break };
            after = last.partner_id;
            for stored in page {
                while let Some(row) = order.next_if(|row| partner(*row) < stored.partner_id) {
                    self.add(partner(row), "the row is missing".to_owned());
                }
                match order.next_if(|row| partner(*row) == stored.partner_id) {
                    Some(row) => self.compare_row(prover, &stored, plan, row).await?,
                    None => self.add(stored.partner_id, "the partner has no vote in this window".to_owned()),
                }
            }
        }
        for row in order {
            self.add(partner(row), "the row is missing".to_owned());
        }
        self.end();
        Ok(())
    }

    async fn compare_row(
        &mut self,
        prover: &Prover,
        stored: &RewardRow,
        plan: &Plan,
        row: usize,
    ) -> Result<(), ProofError> {
        let hold = self.holds.get(&stored.partner_id);
        let mut what = self.row_differs(stored, plan, row, hold);
        if let (Some(hold), false) = (hold, what.is_empty()) {
            // It may have been decided between the two looks.
            let now = prover.ledger.hold(hold.key).await?.filter(|now| now.state != hold.state);
            if let Some(now) = now {
                let rows =
                    prover.ledger.partner_rows(plan.window.kind, stored.partner_id, &[stored.start]).await?;
                what = self.row_differs(rows.first().unwrap_or(stored), plan, row, Some(&now));
            }
        }
        if !what.is_empty() {
            self.add(stored.partner_id, what.join("; "));
        }
        Ok(())
    }

    /// What in a row is not as it should be: as planned, or zeros as long as it is held and where it was forfeited.
    fn row_differs(&self, stored: &RewardRow, plan: &Plan, row: usize, hold: Option<&Hold>) -> Vec<String> {
        let mut what = vec![];
        if stored.position as usize != row + 1 {
            what.push(format!("position is {}, not {}", stored.position, row + 1));
        }
        let is_paid = hold.is_none_or(is_paid);
        let expected = plan.amounts.iter().map(|column| if is_paid { column[row] } else { Units::ZERO });
        for ((column, stored), expected) in
            columns(self.window.kind).iter().zip(&stored.amounts).zip(expected)
        {
            if *stored != expected {
                what.push(format!("{column} is {stored}, not {expected}"));
            }
        }
        what
    }

    /// Where the votes are no longer those that were paid: as far as the record's sums go.
    async fn compare_sums(mut self, prover: &Prover, record: &RunRecord) -> Result<(), ProofError> {
        let names = columns(self.window.kind);
        let (mut rows, mut after) = (0_u64, i64::MIN);
        let mut sums = vec![0_i128; names.len()];
        // What is not in the rows is still of what the run shared out.
        for hold in self.holds.values().filter(|hold| !is_paid(hold)) {
            sums.iter_mut().zip(&hold.amounts).for_each(|(sum, amount)| *sum += amount.count());
        }
        loop {
            let page = self.page(prover, after).await?;
            let Some(last) = page.last() else { break };
            after = last.partner_id;
            rows += page.len() as u64;
            for row in page {
                sums.iter_mut().zip(row.amounts).for_each(|(sum, amount)| *sum += amount.count());
            }
        }
        let told: BTreeMap<&str, &str> = record
            .parts
            .iter()
            .map(|part| (part.column.as_str(), part.paid.as_str()))
            .chain([("cc_market_reward", record.market_bonus.as_str())])
            .collect();
        let mut what = vec![];
        if rows != record.inputs.voters as u64 {
            what.push(format!("{rows} rows, where the audit log says {}", record.inputs.voters));
        }
        for (column, sum) in names.iter().zip(sums) {
            let told = told.get(column).copied().unwrap_or_default();
            if Units::parse(told).map(Units::count) != Ok(sum) {
                let sum = Units::new(sum).map_or_else(|error| error.to_string(), |sum| sum.to_string());
                what.push(format!("{column} adds up to {sum}, where the audit log says {told}"));
            }
        }
        if !what.is_empty() {
            let key = format!("time {}", show(self.window.start));
            let table = reward_table(self.window.kind);
            self.report.add(Class::Mismatch, Some(self.window), table, key, what.join("; "));
        }
        self.end();
        Ok(())
    }

    async fn page(&mut self, prover: &Prover, after: i64) -> Result<Vec<RewardRow>, ProofError> {
        let page = prover.ledger.reward_rows(self.window.kind, self.window.start, after, PAGE).await?;
        self.report.rewards += page.len() as u64;
        Ok(page)
    }
}

/// Reward rows of windows that no run has paid. Those before the programme's start are counted: an older program paid
/// them, and its rows were carried over.
///
/// # Errors
/// [`ProofError::Store`].
pub(super) async fn find_strays(
    prover: &Prover,
    history: &History,
    days: &Days,
    report: &mut Report,
) -> Result<(), ProofError> {
    let programme = prover.ledger.programme().await?;
    let is_before = |day| programme.as_ref().is_some_and(|programme| day < programme.start);
    // Read before the tables: what has left them by now is not in them any more.
    let archives = prover.ledger.archives().await?;
    let is_moved =
        |archived: &Archived| archived.table == Movable::HourlyRewards && archived.cleared_at.is_some();
    for kind in [Kind::Hourly, Kind::Daily] {
        let mut from = days.from.map_or(Instant::UNIX_EPOCH, |day| prover.calendar.midnight(day));
        while let Some(start) = prover.ledger.next_reward_time(kind, from).await? {
            from = start + chrono::TimeDelta::microseconds(1);
            let day = prover.calendar.window_at(kind, start).day;
            let holds = |archived: &Archived| is_moved(archived) && archived.holds(start);
            let was_moved = kind == Kind::Hourly && days.hold(day) && archives.iter().any(&holds);
            // Its rows may have been brought back meanwhile.
            let archived = match was_moved {
                true => prover.ledger.archives().await?.into_iter().find(holds),
                false => None,
            };
            if let Some(archived) = archived {
                let what = format!("rows of a day that was moved to {}", archived.file);
                report.add(Class::Mismatch, None, reward_table(kind), format!("time {}", show(start)), what);
                continue;
            }
            if history.has_paid(kind, start) || !days.hold(day) {
                continue;
            }
            if is_before(day) {
                report.before_start += 1;
                continue;
            }
            // One that has been paid since the history was read is no stray.
            if prover.ledger.run_of(kind, start).await?.is_none() {
                let what = "rows of a window that no run has paid".to_owned();
                report.add(Class::Mismatch, None, reward_table(kind), format!("time {}", show(start)), what);
            }
        }
    }
    Ok(())
}
