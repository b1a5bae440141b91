//! What people decide about amounts that are set aside, carried out.

use chrono::NaiveDate;

use super::{Distributor, JobError};
use crate::store::{DecidedHolds, Deciding, HoldKey, Holds, StoreError, Undecidable, Verdict};

/// How often another day is looked for where the oldest unpaid one has been paid in between.
const LOOKS: u32 = 5;

/// What is to become of amounts that are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are paid exactly as computed.
    Released,
    /// They go to the pool of the oldest day that is not paid; the market bonus is not paid.
    Forfeited,
}

impl Fate {
    /// The word of decisions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Forfeited => "forfeited",
        }
    }
}

impl Distributor {
    /// Decides about amounts, all of them or none.
    ///
    /// # Errors
    /// [`JobError`] where the database does not answer; what cannot be decided, and why, is a result.
    pub async fn decide_holds(
        &self,
        holds: &dyn Holds,
        keys: &[HoldKey],
        fate: Fate,
        deciding: &Deciding,
    ) -> Result<Result<DecidedHolds, Undecidable>, JobError> {
        let mut looks = 1;
        loop {
            let verdict = match fate {
                Fate::Released => Verdict::Release,
                Fate::Forfeited => {
                    let pool_day = self.oldest_unpaid_day().await?;
                    Verdict::Forfeit { pool_day, day_start: self.calendar.midnight(pool_day) }
                }
            };
            match holds.decide_holds(keys, verdict, deciding).await? {
                Err(Undecidable::DayPaid(_)) if looks < LOOKS => looks += 1,
                decided => return Ok(decided),
            }
        }
    }

    /// The oldest day of the programme that is not paid: where money goes that nobody gets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_unpaid_day(&self) -> Result<NaiveDate, StoreError> {
        let today = self.calendar.date_of(self.clock.now());
        let start = self.store.programme().await?.map_or(today, |programme| programme.start);
        self.oldest_unpaid_from(start, today.max(start)).await
    }
}
