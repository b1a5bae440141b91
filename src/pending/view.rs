//! Pending versions as people look at them: what a change changes, what it would have meant, and who has signed it. The
//! command and the page show the same.

use serde::{Deserialize, Serialize};

use crate::audit::{DecisionRow, EffectRecord};
use crate::config::{Change, rules_changes};
use crate::store::{PendingRules, PendingState, Result, RewardsDatabase, RulesVersion, Subject};

/// What is known of what a version would have changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    Known(Box<EffectRecord>),
    /// It could not be simulated, and why.
    Failed(String),
}

/// The text that is kept of it.
#[must_use]
pub fn effect_text(effect: &EffectState) -> String {
    serde_json::to_string(effect).unwrap_or_default()
}

/// Somebody's decision about a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub verdict: String,
    pub by: String,
    /// As records write it.
    pub at: String,
    pub note: String,
}

/// A version that waits or has waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub pending: PendingRules,
    /// The version that it is compared with: the one in force.
    pub in_force: Option<RulesVersion>,
    /// Key by key.
    pub changes: Vec<Change>,
    /// None while it is being simulated.
    pub effect: Option<EffectState>,
    /// What was decided about it, in order.
    pub decisions: Vec<Signer>,
}

impl View {
    /// Who has proposed it, where it waits for somebody else.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        let proposed = PendingState::Proposed.name();
        self.decisions.iter().rfind(|decision| decision.verdict == proposed).map(|decision| &*decision.by)
    }
}

/// The version that is pending now, as it differs from the one in force; none where nothing is.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn view(records: &dyn RewardsDatabase) -> Result<Option<View>> {
    let Some(pending) = records.last_pending().await?.filter(PendingRules::is_current) else {
        return Ok(None);
    };
    let in_force = records.rules_in_force().await?;
    let old = in_force.as_ref().map_or("", |last| &last.rules);
    // Text that was changed past the program may be anything; it is shown as it is elsewhere.
    let changes = rules_changes(old, &pending.rules).unwrap_or_default();
    let effect = pending.effect.as_deref().map(|text| {
        serde_json::from_str(text)
            .unwrap_or_else(|_| EffectState::Failed("what is kept of it cannot be read".to_owned()))
    });
    let about = records.decisions_about(&Subject::Rules(pending.number)).await?;
    let signer = |row: DecisionRow| Signer {
        verdict: row.verdict,
        by: row.decided_by,
        at: row.decided_at,
        note: row.note,
    };
    let decisions = about.into_iter().map(signer).collect();
    Ok(Some(View { pending, in_force, changes, effect, decisions }))
}
