//! Reading what a report tells.

use chrono::NaiveDate;

use super::ReportError;
use super::daily::{Category, Daily, Hour, HourPaid, Paid, Pool, Rates, RulesUsed, Transfers};
use super::incidents::{Held, incidents};
use super::standings::{Column, Standings, merged, standings};
use crate::audit::RunRecord;
use crate::config::rules_changes;
use crate::proof::{ProofError, read_record};
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::store::{Pages, Run, end_of_time};

/// Waiting transfers that one statement reads.
const ROWS: u32 = 1000;

/// The last day that was paid.
///
/// # Errors
/// [`ReportError::NothingPaid`], [`ReportError::NoDayPaid`]; what the database says.
pub async fn last_paid_day(store: &dyn Pages, calendar: &Calendar) -> Result<NaiveDate, ReportError> {
    if store.programme().await?.is_none() {
        return Err(ReportError::NothingPaid);
    }
    let last = store.runs_of(Kind::Daily, Instant::UNIX_EPOCH, end_of_time(), 1).await?;
    let last = last.first().ok_or(ReportError::NoDayPaid)?;
    Ok(calendar.window_at(Kind::Daily, last.start).day)
}

/// The report of a day, as of an instant.
///
/// # Errors
/// Why there is none; what the database says.
pub async fn gather(
    store: &dyn Pages,
    calendar: &Calendar,
    day: NaiveDate,
    at: Instant,
) -> Result<Daily, ReportError> {
    let start = store.programme().await?.ok_or(ReportError::NothingPaid)?.start;
    let window = reportable(calendar, day, start, at)?;
    let run = store.run_of(Kind::Daily, window.start).await?.ok_or(ReportError::NotPaid { day })?;
    let record = Recorded::read(store, &run, &window).await?;
    let before = day_before(store, calendar, day, start).await?;
    let HoursPaid { hours, categories, mut paid, mut transfers } = hours(store, calendar, day).await?;
    add_waiting(store, &window, &mut transfers).await?;
    let rows = standings(store, window.start, before.as_ref().map(|(day, run)| (*day, run.start))).await?;
    paid.daily = record.amount(&record.record.distributed)?;
    paid.market_bonus = record.amount(&record.record.market_bonus)?;
    paid.partners = rows.paid;
    let columns = record.categories(&rows)?;
    let held = Held { rows: rows.rows, columns: columns.iter().map(|(_, stored)| stored.sum).collect() };
    let categories = categories.into_iter().chain(columns.into_iter().map(|(category, _)| category));
    let mut daily = Daily {
        calendar: *calendar,
        day: window,
        at,
        votes: record.record.inputs.votes,
        vote_types: record.vote_types()?,
        voters: record.record.inputs.voters as u64,
        paid,
        categories: categories.collect(),
        pool: record.pool(&window, &hours)?,
        rates: record.rates()?,
        hours,
        top: rows.top,
        changes: rows.changes,
        transfers,
        rules: rules(store, &run, before.as_ref().map(|(_, run)| run)).await?,
        books: store.totals().await?,
        incidents: vec![],
        run,
    };
    daily.incidents = incidents(&daily, &held);
    Ok(daily)
}

/// The window of a day that can have been paid.
fn reportable(
    calendar: &Calendar,
    day: NaiveDate,
    start: NaiveDate,
    at: Instant,
) -> Result<Window, ReportError> {
    if day < start {
        return Err(ReportError::BeforeStart { day, start });
    }
    let window = calendar.day(day);
    if window.start == window.end {
        return Err(ReportError::Skipped { day });
    }
    if window.end > at {
        return Err(ReportError::NotOver { day, end: window.end });
    }
    Ok(window)
}

/// The last day before one that its zone did not skip, and its run, where it was paid.
async fn day_before(
    store: &dyn Pages,
    calendar: &Calendar,
    day: NaiveDate,
    start: NaiveDate,
) -> Result<Option<(NaiveDate, Run)>, ReportError> {
    let mut before = day;
    while let Some(earlier) = before.pred_opt().filter(|earlier| *earlier >= start) {
        before = earlier;
        let window = calendar.day(before);
        if window.start < window.end {
            let run = store.run_of(Kind::Daily, window.start).await?;
            return Ok(run.map(|run| (before, run)));
        }
    }
    Ok(None)
}

/// What the hours' own runs came to.
struct HoursPaid {
    hours: Vec<Hour>,
    categories: Vec<Category>,
    paid: Paid,
    transfers: Transfers,
}

async fn hours(store: &dyn Pages, calendar: &Calendar, day: NaiveDate) -> Result<HoursPaid, ReportError> {
    let windows = calendar.hours(day);
    let window = calendar.day(day);
    let mut settled = store.settlements(day).await?;
    let limit = u32::try_from(windows.len()).unwrap_or(u32::MAX);
    let runs = store.runs_of(Kind::Hourly, window.start, window.end, limit).await?;
    let mut categories: Vec<Category> =
        columns(Kind::Hourly).iter().map(|column| category(Kind::Hourly, column)).collect();
    let (mut hours, mut paid, mut transfers) = (vec![], Paid::default(), Transfers::default());
    for window in windows {
        let payment = match runs.iter().find(|run| run.start == window.start) {
            Some(run) => {
                let record = Recorded::read(store, run, &window).await?;
                let payment = record.hour(run, &mut categories)?;
                paid.hourly = paid.hourly + payment.paid;
                paid.hourly_payments += payment.payments;
                transfers.queued += record.record.transfers.count as u64;
                transfers.queued_sum =
                    transfers.queued_sum + record.amount(&record.record.transfers.total)?;
                Some(payment)
            }
            None => None,
        };
        let settlement = settled.remove(&window.start).map(|(settlement, _)| settlement);
        hours.push(Hour { window, settlement, payment });
    }
    Ok(HoursPaid { hours, categories, paid, transfers })
}

const fn category(kind: Kind, column: &'static str) -> Category {
    let (part, paid, undistributed) = (Units::ZERO, Units::ZERO, Units::ZERO);
    Category { kind, column, part, members: 0, paid, undistributed, range: None }
}

/// Adds what waits of a day's transfers.
async fn add_waiting(
    store: &dyn Pages,
    window: &Window,
    transfers: &mut Transfers,
) -> Result<(), ReportError> {
    let mut after = (window.start, i64::MIN);
    loop {
        let page = store.waiting_transfers(Some(after), ROWS).await?;
        let is_last = page.len() < ROWS as usize;
        for waiting in page {
            if waiting.transfer.time >= window.end {
                return Ok(());
            }
            after = (waiting.transfer.time, waiting.transfer.partner_id);
            transfers.waiting += 1;
            transfers.waiting_sum = transfers.waiting_sum + waiting.transfer.amount;
            transfers.failing += u64::from(waiting.attempts > 0);
            transfers.last_error = waiting.last_error.or(transfers.last_error.take());
        }
        if is_last {
            return Ok(());
        }
    }
}

async fn rules(store: &dyn Pages, run: &Run, before: Option<&Run>) -> Result<RulesUsed, ReportError> {
    let versions = store.rules_versions().await?;
    let find = |version: &str| versions.iter().rev().find(|kept| kept.version == version);
    let now = find(&run.rules_version);
    let before = before.filter(|before| before.rules_version != run.rules_version);
    let then = before.and_then(|before| find(&before.rules_version));
    // Rules that are gone or were tampered with are for `verify` to report.
    let changes = then.zip(now).and_then(|(then, now)| rules_changes(&then.rules, &now.rules).ok());
    Ok(RulesUsed {
        version: run.rules_version.clone(),
        number: now.map(|now| now.number),
        before: before.map(|before| before.rules_version.clone()),
        changes: changes.unwrap_or_default(),
    })
}

/// A run's record, and where it is from.
struct Recorded {
    sequence: u64,
    record: RunRecord,
}

impl Recorded {
    async fn read(store: &dyn Pages, run: &Run, window: &Window) -> Result<Self, ReportError> {
        let sequence = run.sequence;
        let row = store.log_row(sequence).await?;
        let row = row.ok_or(ProofError::NoRecord { sequence, window: *window })?;
        Ok(Self { sequence, record: read_record(&row)? })
    }

    fn amount(&self, text: &str) -> Result<Units, ReportError> {
        let sequence = self.sequence;
        Units::parse(text).map_err(|why| ProofError::Record { sequence, why: format!("{text} {why}") }.into())
    }

    fn optional(&self, text: Option<&String>) -> Result<Option<Units>, ReportError> {
        text.map(|text| self.amount(text)).transpose()
    }

    fn vote_types(&self) -> Result<Vec<(String, u64, Units)>, ReportError> {
        let types = self.record.inputs.by_type.iter();
        types.map(|of| Ok((of.vote_type.clone(), of.votes, self.amount(&of.cc)?))).collect()
    }

    /// An hour's payment; what its categories paid is added to those of the day's other hours. The members of a
    /// category share equally, the first of them with the units that are left over, so its sum says what each got.
    fn hour(&self, run: &Run, categories: &mut [Category]) -> Result<HourPaid, ReportError> {
        let mut payments = 0;
        for part in &self.record.parts {
            let Some(category) = categories.iter_mut().find(|category| category.column == part.column) else {
                continue;
            };
            let (paid, members) = (self.amount(&part.paid)?, part.members as i128);
            category.part = category.part + self.amount(&part.part)?;
            category.members += part.members as u64;
            category.paid = category.paid + paid;
            category.undistributed = category.undistributed + self.amount(&part.undistributed)?;
            category.range = merged(category.range, equal_shares(paid, members));
            // The members of each category are the first positions, so the largest number is that of all of them.
            payments = payments.max(members.min(paid.count()));
        }
        Ok(HourPaid {
            at: run.committed_at,
            rules_version: run.rules_version.clone(),
            votes: self.record.inputs.votes,
            voters: self.record.inputs.voters as u64,
            paid: self.amount(&self.record.distributed)?,
            payments: u64::try_from(payments).unwrap_or_default(),
            undistributed: self.amount(&self.record.undistributed)?,
        })
    }

    /// The day's categories as recorded, each with what the rows of its column came to.
    fn categories(&self, rows: &Standings) -> Result<Vec<(Category, Column)>, ReportError> {
        let mut found = vec![];
        for (column, stored) in columns(Kind::Daily).iter().zip(&rows.columns) {
            let mut category = Category { range: stored.range, ..category(Kind::Daily, column) };
            match self.record.parts.iter().find(|part| part.column == *column) {
                Some(part) => {
                    category.part = self.amount(&part.part)?;
                    category.members = part.members as u64;
                    category.paid = self.amount(&part.paid)?;
                    category.undistributed = self.amount(&part.undistributed)?;
                }
                // The market bonus is no part of the pool.
                None => {
                    category.paid = self.amount(&self.record.market_bonus)?;
                    category.part = category.paid;
                    category.members = stored.payments;
                }
            }
            found.push((category, stored.clone()));
        }
        Ok(found)
    }

    fn pool(&self, window: &Window, hours: &[Hour]) -> Result<Pool, ReportError> {
        let contributed: Units =
            hours.iter().filter_map(|hour| hour.settlement.as_ref()).map(|hour| hour.daily_share).sum();
        let daily = self.record.daily.as_ref();
        let late_cc = self.optional(daily.map(|daily| &daily.late_cc))?.unwrap_or_default();
        let late_contributed = self.optional(daily.map(|daily| &daily.late_reward_cc))?.unwrap_or_default();
        let to_share = self.amount(&self.record.total_reward_cc)?;
        let carried_out = self.amount(&self.record.undistributed)?;
        let own = window.day.to_string();
        let carried_to = self.record.pools.iter().find(|pool| pool.day != own);
        Ok(Pool {
            carried_in: to_share - contributed - late_contributed,
            contributed,
            late_cc,
            late_contributed,
            to_share,
            paid: self.amount(&self.record.distributed)?,
            carried_out,
            carried_to: carried_to.filter(|_| !carried_out.is_zero()).and_then(|pool| pool.day.parse().ok()),
        })
    }

    fn rates(&self) -> Result<Rates, ReportError> {
        let daily = self.record.daily.as_ref();
        Ok(Rates {
            end: self.amount(&self.record.inputs.cc_rate)?,
            reference: self.optional(daily.and_then(|daily| daily.rate_reference.as_ref()))?,
            bonus_ratio: self.optional(daily.map(|daily| &daily.bonus_ratio))?.unwrap_or_default(),
            ecc_cap: self.optional(daily.and_then(|daily| daily.ecc_cap.as_ref()))?,
        })
    }
}

/// The smallest share that is not zero and the largest, where members share an amount equally.
fn equal_shares(paid: Units, members: i128) -> Option<(Units, Units)> {
    if paid.is_zero() || members == 0 {
        return None;
    }
    let units = |count| Units::new(count).unwrap_or(paid);
    let (base, left_over) = (paid.count() / members, paid.count() % members);
    Some((units(base.max(1)), units(base + i128::from(left_over > 0))))
}
