//! The start of the programme (rules, section 2): recorded with the first run, kept from then on.

use anyhow::anyhow;
use chrono::NaiveDate;
use tracing::info;

use super::{Distributor, JobError};
use crate::rewards::plan::reward_table;
use crate::rewards::window::Instant;
use crate::store::{Programme, StoreError, end_of_time};

/// What the start is where neither the configuration nor a first run has set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstDay {
    /// The day of the first run.
    Today,
    /// The day before, so that a test cycle has a day to pay.
    Yesterday,
}

impl Distributor {
    /// The programme's first day: as recorded, or as it would be recorded now. Writes nothing.
    ///
    /// # Errors
    /// [`JobError::Fail`] where the configuration contradicts what has been paid already.
    pub async fn programme(
        &self,
        configured: Option<NaiveDate>,
        first_day: FirstDay,
        now: Instant,
    ) -> Result<Programme, JobError> {
        let timezone = self.calendar.zone().name().to_owned();
        let today = self.calendar.date_of(now);
        let unset = match first_day {
            FirstDay::Today => today,
            FirstDay::Yesterday => today.pred_opt().unwrap_or(today),
        };
        let Some(recorded) = self.store.programme().await? else {
            let start = configured.unwrap_or(unset);
            self.refuse_paid_by_others(start, end_of_time()).await?;
            return Ok(Programme { timezone, start });
        };
        let has_paid = self.store.runs().await? > 0;
        // A first look that came to nothing, or was as of some other instant, does not move the start later.
        let unset = if has_paid { recorded.start } else { recorded.start.min(unset) };
        let start = configured.unwrap_or(unset);
        if has_paid {
            if recorded.timezone != timezone {
                return Err(JobError::Fail(anyhow!(
                    "programme.timezone is {timezone}, but days have been paid in {}: other days would overlap \
                     them. Set it back, or start a new programme on an empty database",
                    recorded.timezone
                )));
            }
            if start > recorded.start {
                return Err(JobError::Fail(anyhow!(
                    "programme.start is {start}, but the programme has been paid from {} on: it cannot be moved \
                     later. Set it back, or take the key out",
                    recorded.start
                )));
            }
        }
        let begin = if has_paid { self.calendar.midnight(recorded.start) } else { end_of_time() };
        self.refuse_paid_by_others(start, begin).await?;
        Ok(Programme { timezone, start })
    }

    /// Rewards of windows before the first that this programme has paid are of another program: what it has paid is
    /// not paid again.
    async fn refuse_paid_by_others(&self, start: NaiveDate, begin: Instant) -> Result<(), JobError> {
        let Some((kind, last)) = self.store.last_listed(begin).await? else { return Ok(()) };
        let window = self.calendar.window_at(kind, last);
        if start > window.day {
            return Ok(());
        }
        Err(JobError::Fail(anyhow!(
            "the programme would start on {start}, but {table} already has rewards of {window}, which another program \
             has paid: they would be paid twice. Set programme.start to {next} or later",
            table = reward_table(kind),
            next = self.calendar.day_after(window.day)
        )))
    }

    /// The programme's first day, recorded where it was not; so are the rules, before anything is paid by them, and who
    /// may decide about them.
    ///
    /// # Errors
    /// [`JobError`].
    pub async fn open_programme(
        &self,
        configured: Option<NaiveDate>,
        first_day: FirstDay,
        now: Instant,
    ) -> Result<Programme, JobError> {
        let programme = self.programme(configured, first_day, now).await?;
        let recorded = self.store.programme().await?;
        if recorded.as_ref() != Some(&programme) {
            self.store
                .record_programme(&programme)
                .await
                .map_err(|error: StoreError| JobError::from(error))?;
            info!(start = %programme.start, timezone = programme.timezone, "the programme's start is recorded");
        }
        if let Some(gate) = &self.gate {
            gate.look(&self.rules, self.clock.now()).await?;
        }
        Ok(programme)
    }
}
