//! What this programme has paid, held against the reward tables of another program, row by row. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use super::ProofError;
use crate::rewards::plan::columns;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::store::sql::Database;
use crate::store::sql::legacy::{Outsider, Problem, RowOf, Sink};
use crate::store::{Ledger, RewardRow, StoreError};

/// Reward rows that are read at once.
const PAGE: u32 = 5_000;

/// Rows that are named for one window; of the others their number is told.
const NAMED: usize = 20;

/// How the rewards of one window compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub window: Window,
    pub rows_here: u64,
    /// Those that could be read.
    pub rows_there: u64,
    pub equal: u64,
    pub different: u64,
    pub only_here: u64,
    pub only_there: u64,
    /// The largest difference of one amount, in units.
    pub largest: i128,
    /// All differences of single amounts, in units, whichever way they go.
    pub sum: i128,
    /// What differs, of the first rows.
    pub named: Vec<String>,
}

impl Compared {
    const fn new(window: Window) -> Self {
        Self {
            window,
            rows_here: 0,
            rows_there: 0,
            equal: 0,
            different: 0,
            only_here: 0,
            only_there: 0,
            largest: 0,
            sum: 0,
            named: vec![],
        }
    }

    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.different + self.only_here + self.only_there == 0
    }

    fn name(&mut self, partner_id: i64, what: &str) {
        if self.named.len() < NAMED {
            self.named.push(format!("partner {partner_id}: {what}"));
        }
    }

    fn row(&mut self, here: &RewardRow, there: &RowOf, tolerance: i128) {
        let mut what = vec![];
        if here.position != there.position {
            what.push(format!("position is {} here, {} there", here.position, there.position));
        }
        for ((column, here), there) in columns(self.window.kind).iter().zip(&here.amounts).zip(&there.amounts)
        {
            let difference = (here.count() - there.units().count()).abs();
            self.largest = self.largest.max(difference);
            self.sum += difference;
            if difference > tolerance {
                what.push(format!("{column} is {here} here, {} there", there.units()));
            }
        }
        if what.is_empty() {
            self.equal += 1;
        } else {
            self.different += 1;
            self.name(here.partner_id, &what.join("; "));
        }
    }
}

/// Both programs' windows, and what could not be read of the other's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub windows: Vec<Compared>,
    /// Rows there with a value that is none, such as NULL.
    pub unreadable: u64,
    /// What is wrong with the first of them.
    pub named: Vec<String>,
}

impl Comparison {
    /// Neither program has anything to compare.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unreadable == 0 && self.windows.is_empty()
    }

    #[must_use]
    pub fn is_same(&self) -> bool {
        !self.windows.is_empty() && self.unreadable == 0 && self.windows.iter().all(Compared::is_same)
    }
}

/// Compares the windows of both programs that start in `[from, before)`, which is given for hours and for days. An
/// amount there with more than 8 digits is cut down to them; two are equal that differ by at most `tolerance` units.
///
/// # Errors
/// [`ProofError::Store`], also where the other has no reward tables.
pub async fn compare(
    ledger: &dyn Ledger,
    calendar: &Calendar,
    other: &Database,
    [of_hours, of_days]: [(Instant, Instant); 2],
    tolerance: u64,
) -> Result<Comparison, ProofError> {
    let mut comparison = Comparison::default();
    let hours = Outsider::open(other, Kind::Hourly).await?;
    let days = Outsider::open(other, Kind::Daily).await?;
    if hours.is_none() && days.is_none() {
        let why = "the other database has neither reward_list_hourly nor reward_list_daily".to_owned();
        return Err(StoreError::Foreign { why }.into());
    }
    for (kind, outsider, (from, before)) in [(Kind::Hourly, hours, of_hours), (Kind::Daily, days, of_days)] {
        let mut paid = ledger.paid_since(kind, from).await?;
        drop(paid.split_off(&before));
        let tolerance = i128::from(tolerance);
        let mut both = Both {
            ledger,
            calendar,
            kind,
            tolerance,
            paid,
            there: BTreeMap::new(),
            start: None,
            bad_row: String::new(),
            comparison: &mut comparison,
        };
        if let Some(outsider) = outsider {
            outsider.rows(from, before, &mut both).await?;
        }
        both.end().await?;
    }
    comparison.windows.sort_by_key(|compared| compared.window.order());
    Ok(comparison)
}

/// Windows of one kind, as the rows there come in.
struct Both<'a> {
    ledger: &'a dyn Ledger,
    calendar: &'a Calendar,
    kind: Kind,
    tolerance: i128,
    /// Windows of ours that were not compared yet.
    paid: BTreeSet<Instant>,
    /// The rows there of the window that is coming in.
    there: BTreeMap<i64, RowOf>,
    start: Option<Instant>,
    /// The last row that could not be read, which may have several bad values.
    bad_row: String,
    comparison: &'a mut Comparison,
}

impl Sink for Both<'_> {
    fn problem(&mut self, problem: &Problem) {
        let Problem { table, row, column, value, why, cut_to } = problem;
        if cut_to.is_some() {
            return;
        }
        if self.bad_row != *row {
            self.bad_row.clone_from(row);
            self.comparison.unreadable += 1;
        }
        if self.comparison.named.len() < NAMED {
            self.comparison.named.push(format!("{table} there, {row}: {column} is {value}, which {why}"));
        }
    }

    async fn row(&mut self, row: RowOf) -> Result<(), StoreError> {
        if let Some(start) = self.start.filter(|start| *start != row.start) {
            self.compare_window(start).await?;
        }
        self.start = Some(row.start);
        self.there.insert(row.partner_id, row);
        Ok(())
    }
}

impl Both<'_> {
    /// The last window there, and those that are only here.
    async fn end(mut self) -> Result<(), StoreError> {
        if let Some(start) = self.start {
            self.compare_window(start).await?;
        }
        while let Some(start) = self.paid.first().copied() {
            self.compare_window(start).await?;
        }
        Ok(())
    }

    async fn compare_window(&mut self, start: Instant) -> Result<(), StoreError> {
        self.paid.remove(&start);
        let mut there = std::mem::take(&mut self.there);
        let mut compared = Compared::new(self.calendar.window_at(self.kind, start));
        compared.rows_there = there.len() as u64;
        let mut after = i64::MIN;
        loop {
            let page = self.ledger.reward_rows(self.kind, start, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.partner_id;
            compared.rows_here += page.len() as u64;
            for here in &page {
                if let Some(there) = there.remove(&here.partner_id) {
                    compared.row(here, &there, self.tolerance);
                } else {
                    compared.only_here += 1;
                    compared.name(here.partner_id, "only here");
                }
            }
        }
        for partner_id in there.into_keys() {
            compared.only_there += 1;
            compared.name(partner_id, "only there");
        }
        self.comparison.windows.push(compared);
        Ok(())
    }
}
