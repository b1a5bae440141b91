//! The rows of a paid day, read once in the order of partners, beside the positions of the day before: sums and ranges
//! by column, who stands first, who has moved. Of all rows only the positions of the day before are held together, 16
//! bytes for each partner; of the rest a page.

use std::collections::BinaryHeap;

use chrono::NaiveDate;

use super::LISTED;
use super::daily::{Changes, Move, Placed};
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::{Instant, Kind};
use crate::store::{Pages, Result, RewardRow, StoreError};

/// Rows that one statement reads.
const ROWS: u32 = 10_000;

/// What the rows came to.
#[derive(Debug)]
pub(super) struct Standings {
    pub rows: u64,
    /// Partners that got anything.
    pub paid: u64,
    /// In the order of the table's columns.
    pub columns: Vec<Column>,
    pub top: Vec<Placed>,
    pub changes: Option<Changes>,
}

/// What is stored in a reward column.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// Amounts that are not zero.
    pub payments: u64,
    pub sum: Units,
    /// The smallest of these amounts and the largest.
    pub range: Option<(Units, Units)>,
}

impl Column {
    fn add(&mut self, amount: Units, name: &'static str) -> Result<()> {
        if amount.is_zero() {
            return Ok(());
        }
        self.payments += 1;
        self.range = merged(self.range, Some((amount, amount)));
        let sum = self.sum.checked_add(amount);
        self.sum = sum.map_err(|why| StoreError::Unreadable {
            table: "reward_list_daily",
            column: name,
            value: "a sum of all its amounts".to_owned(),
            why: why.to_string(),
        })?;
        Ok(())
    }
}

/// The range that holds two others.
pub(super) fn merged(one: Option<(Units, Units)>, other: Option<(Units, Units)>) -> Option<(Units, Units)> {
    match (one, other) {
        (Some((least, most)), Some((less, more))) => Some((least.min(less), most.max(more))),
        (one, other) => one.or(other),
    }
}

/// Reads the rows of the day that starts at an instant, and the positions of the day before, where there is one.
pub(super) async fn standings(
    store: &dyn Pages,
    start: Instant,
    before: Option<(NaiveDate, Instant)>,
) -> Result<Standings> {
    let former = match before {
        Some((_, start)) => positions(store, start).await?,
        None => vec![],
    };
    let mut reading = Reading::new(&former);
    let mut after = i64::MIN;
    loop {
        let page = store.reward_rows(Kind::Daily, start, after, ROWS).await?;
        for row in &page {
            reading.add(row)?;
        }
        match page.last() {
            Some(last) if page.len() == ROWS as usize => after = last.partner_id,
            _ => break,
        }
    }
    Ok(reading.end(before.map(|(day, _)| day)))
}

/// Who stood where on a day, in the order of partners.
async fn positions(store: &dyn Pages, start: Instant) -> Result<Vec<(i64, u32)>> {
    let mut found: Vec<(i64, u32)> = vec![];
    loop {
        let after = found.last().map_or(i64::MIN, |(partner_id, _)| *partner_id);
        let page = store.positions(Kind::Daily, start, after, ROWS).await?;
        let is_last = page.len() < ROWS as usize;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// The first few by a key, whatever comes.
struct First<T>(BinaryHeap<T>);

impl<T: Ord> First<T> {
    const fn new() -> Self {
        Self(BinaryHeap::new())
    }

    fn add(&mut self, item: T) {
        self.0.push(item);
        if self.0.len() > LISTED {
            self.0.pop();
        }
    }
}

/// Ordered by how many places were won or lost, most first, then by the better position. No two are alike, as each
/// position is held once.
type Step = (std::cmp::Reverse<u32>, u32, i64, u32);

/// The rows so far.
struct Reading<'a> {
    /// Of the day before, those not yet met.
    former: &'a [(i64, u32)],
    rows: u64,
    paid: u64,
    columns: Vec<Column>,
    top: Vec<Placed>,
    counts: [u64; 5],
    ups: First<Step>,
    downs: First<Step>,
    /// (position, partner), as are those below.
    newcomers: First<(u32, i64)>,
    leavers: First<(u32, i64)>,
}

impl<'a> Reading<'a> {
    fn new(former: &'a [(i64, u32)]) -> Self {
        Self {
            former,
            rows: 0,
            paid: 0,
            columns: vec![Column::default(); columns(Kind::Daily).len()],
            top: vec![],
            counts: [0; 5],
            ups: First::new(),
            downs: First::new(),
            newcomers: First::new(),
            leavers: First::new(),
        }
    }

    fn add(&mut self, row: &RewardRow) -> Result<()> {
        self.rows += 1;
        self.paid += u64::from(row.amounts.iter().any(|amount| !amount.is_zero()));
        let names = columns(Kind::Daily).iter();
        for ((column, amount), name) in self.columns.iter_mut().zip(&row.amounts).zip(names) {
            column.add(*amount, name)?;
        }
        let before = self.meet(row.partner_id);
        self.note(row.partner_id, row.position, before);
        if row.position as usize <= LISTED
            && let Some((market_bonus, daily)) = row.amounts.split_last()
        {
            let daily = daily.iter().copied().sum();
            let (position, partner_id, market_bonus) = (row.position, row.partner_id, *market_bonus);
            self.top.push(Placed { position, partner_id, before, daily, market_bonus });
        }
        Ok(())
    }

    /// The former position of a partner; those before it in the order of partners, met by nobody, are gone.
    fn meet(&mut self, partner_id: i64) -> Option<u32> {
        while let Some(((former, position), rest)) = self.former.split_first() {
            if *former > partner_id {
                break;
            }
            self.former = rest;
            if *former == partner_id {
                return Some(*position);
            }
            self.leave(*former, *position);
        }
        None
    }

    fn leave(&mut self, partner_id: i64, position: u32) {
        self.counts[4] += 1;
        self.leavers.add((position, partner_id));
    }

    fn note(&mut self, partner_id: i64, now: u32, before: Option<u32>) {
        let Some(before) = before else {
            self.counts[3] += 1;
            self.newcomers.add((now, partner_id));
            return;
        };
        let step = (std::cmp::Reverse(now.abs_diff(before)), now.min(before), partner_id, now.max(before));
        match now.cmp(&before) {
            std::cmp::Ordering::Less => {
                self.counts[0] += 1;
                self.ups.add(step);
            }
            std::cmp::Ordering::Greater => {
                self.counts[1] += 1;
                self.downs.add(step);
            }
            std::cmp::Ordering::Equal => self.counts[2] += 1,
        }
    }

    fn end(mut self, since: Option<NaiveDate>) -> Standings {
        for (partner_id, position) in std::mem::take(&mut self.former) {
            self.leave(*partner_id, *position);
        }
        self.top.sort_by_key(|placed| placed.position);
        let [risen, fallen, unchanged, new, gone] = self.counts;
        let moved = |steps: First<Step>, is_up: bool| {
            let steps = steps.0.into_sorted_vec().into_iter();
            let step = |(_, better, partner_id, worse)| {
                let (before, now) = if is_up { (worse, better) } else { (better, worse) };
                Move { partner_id, before: Some(before), now: Some(now) }
            };
            steps.map(step).collect()
        };
        let (newcomers, leavers) = (self.newcomers.0.into_sorted_vec(), self.leavers.0.into_sorted_vec());
        let newcomer = |(position, partner_id)| Move { partner_id, before: None, now: Some(position) };
        let leaver = |(position, partner_id)| Move { partner_id, before: Some(position), now: None };
        let changes = since.map(|since| Changes {
            since,
            risen,
            fallen,
            unchanged,
            new,
            gone,
            ups: moved(self.ups, true),
            downs: moved(self.downs, false),
            newcomers: newcomers.into_iter().map(newcomer).collect(),
            leavers: leavers.into_iter().map(leaver).collect(),
        });
        Standings { rows: self.rows, paid: self.paid, columns: self.columns, top: self.top, changes }
    }
}
