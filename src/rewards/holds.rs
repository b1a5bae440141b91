//! What alarms set aside of a plan. Every amount stays as it was computed; the rows of held partners are written as
//! zeros, and what they would have held is kept until somebody decides.

use std::collections::{BTreeMap, BTreeSet};

use super::alarms::{Action, Raised};
use super::money::Units;
use super::plan::{Plan, Transfer, columns};
use super::window::Kind;

/// What is set aside of one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub partner_id: i64,
    /// In the order of [`columns`].
    pub amounts: Vec<Units>,
    /// Their sum, the market bonus apart: what the books know of it.
    pub from_pool: Units,
    /// On top of the pools, as long as it is paid at all.
    pub market_bonus: Units,
    /// Whether releasing it queues a transfer.
    pub has_transfer: bool,
}

/// The part of a row's amounts that comes from the pools, and the market bonus.
#[must_use]
pub fn split(kind: Kind, amounts: &[Units]) -> (Units, Units) {
    let sum = |amounts: &[Units]| amounts.iter().copied().sum();
    match (kind, amounts.split_last()) {
        (Kind::Daily, Some((bonus, from_pool))) => (sum(from_pool), *bonus),
        _ => (sum(amounts), Units::ZERO),
    }
}

impl Plan {
    /// Takes what alarms found, and sets aside what the partners would get that they hold, and `others` that an
    /// operator has named.
    ///
    /// # Panics
    /// Where the plan has been through it before, or does not add up: both are bugs.
    #[must_use]
    pub fn hold(mut self, raised: Vec<Raised>, others: &BTreeSet<i64>) -> Self {
        assert!(self.raised.is_empty() && self.held.is_empty(), "{}: alarms are judged once", self.window);
        let by_alarms = raised.iter().filter(|raised| raised.action == Action::HoldPartner);
        let mut partners: BTreeSet<i64> = by_alarms.filter_map(|raised| raised.partner_id).collect();
        partners.extend(others);
        self.raised = raised;
        if partners.is_empty() {
            return self;
        }
        let positions = self.turnout.ranking.iter().zip(1..);
        let held = positions.filter(|(tally, _)| partners.contains(&tally.partner_id));
        self.held = held.map(|(_, position)| position).collect();
        let is_held = |transfer: &mut Transfer| partners.contains(&transfer.partner_id);
        self.withheld = self.transfers.extract_if(.., is_held).collect();
        self.assert_split();
        self
    }

    /// Whether a row of the ranking, counted from 0, is held.
    #[must_use]
    pub fn is_held(&self, row: usize) -> bool {
        !self.held.is_empty() && self.held.binary_search(&(row as u32 + 1)).is_ok()
    }

    /// The amount that a row is written with.
    #[must_use]
    pub fn written(&self, column: usize, row: usize) -> Units {
        if self.is_held(row) { Units::ZERO } else { self.amounts[column][row] }
    }

    /// What is kept of each partner that is held, in order of positions.
    pub fn set_aside(&self) -> impl Iterator<Item = SetAside> {
        self.held.iter().map(|position| {
            let row = *position as usize - 1;
            let partner_id = self.turnout.ranking[row].partner_id;
            let amounts: Vec<Units> = self.amounts.iter().map(|column| column[row]).collect();
            let (from_pool, market_bonus) = split(self.window.kind, &amounts);
            let withheld = self.withheld.binary_search_by_key(&partner_id, |transfer| transfer.partner_id);
            let has_transfer = withheld.is_ok();
            SetAside { partner_id, amounts, from_pool, market_bonus, has_transfer }
        })
    }

    /// What is set aside in all: from the pools, and of the market bonus.
    #[must_use]
    pub fn set_aside_sums(&self) -> (Units, Units) {
        let sums = self.set_aside().map(|held| (held.from_pool, held.market_bonus));
        sums.fold((Units::ZERO, Units::ZERO), |sums, held| (sums.0 + held.0, sums.1 + held.1))
    }

    /// The alarms that hold each partner, each once, in the order of their raising; a partner that is not among them
    /// was named by an operator.
    #[must_use]
    pub fn holders(&self) -> BTreeMap<i64, Vec<&str>> {
        let mut holders: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for raised in self.raised.iter().filter(|raised| raised.action == Action::HoldPartner) {
            let Some(partner_id) = raised.partner_id else { continue };
            let names = holders.entry(partner_id).or_default();
            if !names.contains(&raised.alarm.as_str()) {
                names.push(&raised.alarm);
            }
        }
        holders
    }

    /// What is written and what is set aside are what there was to share, and the whole market bonus.
    fn assert_split(&self) {
        let (mut from_pool, mut bonus) = self.set_aside_sums();
        for (row, _) in self.turnout.ranking.iter().enumerate() {
            let columns = 0..columns(self.window.kind).len();
            let written: Vec<Units> = columns.map(|column| self.written(column, row)).collect();
            let (row_from_pool, row_bonus) = split(self.window.kind, &written);
            (from_pool, bonus) = (from_pool + row_from_pool, bonus + row_bonus);
        }
        assert_eq!(
            from_pool.checked_add(self.undistributed()),
            Ok(self.to_share),
            "{}: what is paid, set aside and left over is what there was to share",
            self.window
        );
        assert_eq!(bonus, self.market_bonus(), "{}: the market bonus is paid or set aside", self.window);
    }
}

#[cfg(test)]
mod tests;
