//! What is stored of what alarms found and set aside, in the form in which it is held against a run.

use std::collections::{BTreeMap, BTreeSet};

use super::{ProofError, Prover};
use crate::audit::{AlarmRecord, SetAsideRecord};
use crate::rewards::alarms::Raised;
use crate::rewards::money::Units;
use crate::rewards::window::Window;
use crate::store::{Hold, HoldState, RaisedAlarm, Run};

/// Rows that are read at once.
const PAGE: u32 = 5_000;

/// Amounts of one window that were set aside, by partner.
pub type SetAside = BTreeMap<i64, Hold>;

impl Prover {
    /// All that was set aside of a window, whatever has become of it.
    ///
    /// # Errors
    /// [`ProofError::Store`].
    pub(super) async fn set_aside_of(&self, window: &Window) -> Result<SetAside, ProofError> {
        let mut holds = SetAside::new();
        loop {
            let after = holds.last_key_value().map_or(i64::MIN, |(partner, _)| *partner);
            let page = self.ledger.holds_of(window.kind, window.start, after, PAGE).await?;
            if page.is_empty() {
                return Ok(holds);
            }
            holds.extend(page.into_iter().map(|hold| (hold.key.partner_id, hold)));
        }
    }

    /// The alarms of a run. Those that were raised as its window was held are older, and left out.
    ///
    /// # Errors
    /// [`ProofError::Store`].
    pub(super) async fn alarms_of(&self, run: &Run) -> Result<Vec<RaisedAlarm>, ProofError> {
        let mut alarms = vec![];
        let mut after = 0;
        loop {
            let page = self.ledger.alarms_of(run.kind, run.start, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(alarms) };
            after = last.number;
            alarms.extend(page.into_iter().filter(|raised| raised.raised_at == run.committed_at));
        }
    }
}

/// Alarms, as a record tells them.
pub(super) fn alarms_told(stored: &[RaisedAlarm]) -> Vec<AlarmRecord> {
    AlarmRecord::of(stored.iter().map(|raised| (raised.alarm.as_str(), raised.action, raised.partner_id)))
}

/// Those that come from cases that people confirmed, and from no rule: they follow from no votes, so they are taken as
/// they are stored. That they are those of the run, the hash in its record shows.
pub(super) fn of_cases(stored: &[RaisedAlarm]) -> Vec<Raised> {
    let of_cases = stored.iter().filter(|raised| raised.alarm.starts_with("case_"));
    let raised = |stored: &RaisedAlarm| Raised {
        alarm: stored.alarm.clone(),
        rule: "case",
        action: stored.action,
        partner_id: stored.partner_id,
        figure: stored.figure.clone(),
        limit: stored.limit.clone(),
        stake: stored.stake,
    };
    of_cases.map(raised).collect()
}

/// What is stored as set aside, as a record tells it; none where nothing is, or where the sums cannot be.
pub(super) fn told_of(holds: &SetAside) -> Option<SetAsideRecord> {
    let partners: BTreeSet<i64> = holds.keys().copied().collect();
    let sum = |amount: fn(&Hold) -> Units| Units::checked_sum(holds.values().map(amount)).ok();
    SetAsideRecord::of(&partners, sum(|hold| hold.from_pool)?, sum(|hold| hold.market_bonus)?)
}

/// Whether a reward row holds the amounts that were set aside of it.
pub(super) fn is_paid(hold: &Hold) -> bool {
    hold.state == HoldState::Released
}
