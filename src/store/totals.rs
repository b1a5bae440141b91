//! The books as a whole: conservation (rules, section 6).

use crate::rewards::money::{MoneyError, Units};
use crate::rewards::plan::Plan;
use crate::rewards::window::Kind;

/// Sums over all runs, and what is still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Contributions: settled hours and late votes.
    pub contributed: Units,
    pub hourly_paid: Units,
    /// Paid from the daily pools, the market bonus apart.
    pub daily_paid: Units,
    /// On top of the pools.
    pub market_bonus: Units,
    /// What alarms have set aside of hours and days, until somebody decides; the market bonus apart.
    pub set_aside: Units,
    /// What the pools of the days hold.
    pub pools_held: Units,
    /// Hourly shares of hours that are settled and whose own payment is still to come.
    pub hours_held: Units,
}

impl Totals {
    /// The sums after one more run; what is held is read from the tables, not added up.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub fn paid_with(self, plan: &Plan) -> Result<Self, MoneyError> {
        let (set_aside, set_aside_bonus) = plan.set_aside_sums();
        let paid = plan.distributed() - set_aside;
        let (hourly, daily) = match plan.window.kind {
            Kind::Hourly => (paid, Units::ZERO),
            Kind::Daily => (Units::ZERO, paid),
        };
        Ok(Self {
            contributed: self.contributed.checked_add(plan.contributed())?,
            hourly_paid: self.hourly_paid.checked_add(hourly)?,
            daily_paid: self.daily_paid.checked_add(daily)?,
            market_bonus: self.market_bonus.checked_add(plan.market_bonus() - set_aside_bonus)?,
            ..self
        })
    }

    /// The sums after what was set aside of a window's partner is paid.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub fn released_with(self, kind: Kind, from_pool: Units, bonus: Units) -> Result<Self, MoneyError> {
        let (hourly, daily) = match kind {
            Kind::Hourly => (from_pool, Units::ZERO),
            Kind::Daily => (Units::ZERO, from_pool),
        };
        Ok(Self {
            hourly_paid: self.hourly_paid.checked_add(hourly)?,
            daily_paid: self.daily_paid.checked_add(daily)?,
            market_bonus: self.market_bonus.checked_add(bonus)?,
            ..self
        })
    }

    /// All that is still held: in pools, for hours to come, and set aside.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub fn held(&self) -> Result<Units, MoneyError> {
        self.pools_held.checked_add(self.hours_held)?.checked_add(self.set_aside)
    }

    /// Contributions less what was paid and what is held: zero, or units were lost or made.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub fn difference(&self) -> Result<Units, MoneyError> {
        let gone = self.hourly_paid.checked_add(self.daily_paid)?.checked_add(self.held()?)?;
        Units::new(self.contributed.count() - gone.count())
    }

    /// Says what does not add up, if anything: the equation that every commit checks.
    ///
    /// # Errors
    /// The broken equation as a sentence.
    pub fn check(&self) -> Result<(), String> {
        match self.difference() {
            Ok(difference) if difference.is_zero() => Ok(()),
            Ok(difference) => Err(format!(
                "contributions of {} are not {} paid hourly + {} paid daily + {} in pools + {} in unpaid hours + \
                 {} set aside; the difference is {difference}",
                self.contributed,
                self.hourly_paid,
                self.daily_paid,
                self.pools_held,
                self.hours_held,
                self.set_aside
            )),
            Err(error) => Err(format!("a sum of all runs {error}")),
        }
    }
}
