//! What a pending version of the rules would have meant: simulated apart from the payments, once for each.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::Shared;
use crate::app;
use crate::errors::chain;
use crate::pending::{EffectState, RulesInForce, effect_text};
use crate::proof::Prover;
use crate::store::{PendingRules, StoreError};

/// Simulates whatever a look has found to be pending, for as long as the daemon lives.
pub(super) async fn keep_simulating(shared: Arc<Shared>) {
    loop {
        shared.looked.notified().await;
        if !shared.fence.is_open() {
            continue;
        }
        if let Err(error) = look(&shared).await {
            debug!(error = chain(&error), "what pending rules would mean is not known yet");
        }
    }
}

async fn look(shared: &Shared) -> Result<(), StoreError> {
    let app = shared.app();
    let Some(last) = app.rewards.rules_in_force().await? else { return Ok(()) };
    shared.metrics.rules(&last.version);
    let is_wanted =
        |pending: &PendingRules| pending.is_current() && pending.state.waits() && pending.effect.is_none();
    let Some(pending) = app.rewards.last_pending().await?.filter(is_wanted) else { return Ok(()) };
    let PendingRules { number, version, rules, .. } = &pending;
    let read = RulesInForce::read(&last.version, &last.rules);
    let read = read.and_then(|old| Ok((old, RulesInForce::read(version, rules)?)));
    let effect = match read {
        Ok((old, new)) => simulate(&app, &old, &new).await.map_err(|error| chain(error.as_ref())),
        Err(why) => Err(why),
    };
    let state = match effect {
        Ok(effect) => {
            info!(number, version, days = effect.days, "it is simulated what the pending rules would mean");
            EffectState::Known(Box::new(effect))
        }
        Err(why) => {
            warn!(number, version, why, "it could not be simulated what the pending rules would mean");
            EffectState::Failed(why)
        }
    };
    app.rewards.keep_effect(*number, &effect_text(&state)).await
}

/// Over one connection of its own to the votes.
async fn simulate(
    app: &app::App,
    old: &RulesInForce,
    new: &RulesInForce,
) -> anyhow::Result<crate::audit::EffectRecord> {
    let mut gentle = app.config.clone();
    gentle.source.connections = 1;
    let source = app::open_source(&gentle, &app.database).await?;
    let prover = Prover::new(Arc::clone(&app.rewards) as _, Arc::new(source)).await?;
    Ok(prover.effect(&old.rules, &new.rules).await?)
}
