//! Settling an hour into the pools, and the state of the pools that a plan starts from (rules, section 4).

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::money::{MoneyError, Units};
use super::rules::PoolRules;
use super::window::{Instant, Window};

/// What one hour brought: computed once, whichever run comes first, and never again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The programme's day that the hour belongs to.
    pub day: NaiveDate,
    /// The hour's start.
    pub hour_start: Instant,
    /// Σcc of the pool's vote types, CC.
    pub cc_total: Units,
    /// The newest CC rate at the hour's end.
    pub rate: Units,
    /// `floor8(cc_total · rate)`.
    pub total: Units,
    /// The hour's own part, `floor8(total · share)`.
    pub hourly_share: Units,
    /// The rest, which is the day's.
    pub daily_share: Units,
}

impl Settlement {
    /// # Errors
    /// [`MoneyError::OutOfRange`] where the product is past what can be stored.
    pub fn new(hour: &Window, cc_total: Units, rate: Units, rules: &PoolRules) -> Result<Self, MoneyError> {
        let total = cc_total.floor_mul(rate)?;
        let hourly_share = total.floor_mul(rules.hourly_share)?;
        let daily_share = total - hourly_share;
        Ok(Self { day: hour.day, hour_start: hour.start, cc_total, rate, total, hourly_share, daily_share })
    }
}

/// What is stored and bears on one window's plan. A plan made from it is refused at its commit when any of it has
/// changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The settled hours of the window's day, by their start.
    pub settled: BTreeMap<Instant, Settlement>,
    /// The pool rows that exist, of the days that the plan may touch.
    pub pools: BTreeMap<NaiveDate, Units>,
    /// Where undistributed money of the window goes: for an hour the oldest day not yet paid, for a day the first
    /// unpaid day after it.
    pub carry_day: NaiveDate,
}

/// A pool row as a run leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolChange {
    pub day: NaiveDate,
    /// None where there was no row yet.
    pub before: Option<Units>,
    pub after: Units,
}

/// The pools while a plan is being made.
#[derive(Debug)]
pub(super) struct Pools<'books> {
    books: &'books Books,
    after: BTreeMap<NaiveDate, Units>,
}

impl<'books> Pools<'books> {
    pub fn new(books: &'books Books) -> Self {
        Self { books, after: BTreeMap::new() }
    }

    pub fn get(&self, day: NaiveDate) -> Units {
        self.after.get(&day).or_else(|| self.books.pools.get(&day)).copied().unwrap_or_default()
    }

    /// Adds to a day's pool; adding nothing still makes the row.
    pub fn add(&mut self, day: NaiveDate, amount: Units) -> Result<(), MoneyError> {
        let sum = self.get(day).checked_add(amount)?;
        self.after.insert(day, sum);
        Ok(())
    }

    pub fn empty(&mut self, day: NaiveDate) {
        self.after.insert(day, Units::ZERO);
    }

    pub fn changes(self) -> Vec<PoolChange> {
        let change = |(day, after)| PoolChange { day, before: self.books.pools.get(&day).copied(), after };
        self.after.into_iter().map(change).collect()
    }
}
