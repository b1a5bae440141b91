//! Which rules the next window is paid by. It is asked between windows and never within one.

use std::sync::Arc;

use serde_json::json;
use tracing::{error, info, warn};

use super::history::{self, CONFIGURATION, Confirmed, INSTALLATION, TAKEN};
use super::{PendingError, RulesInForce};
use crate::config::{Config, ConfirmMode};
use crate::rewards::window::Instant;
use crate::store::{
    Decision, PendingRules, PendingState, RewardsDatabase, RulesDecision, RulesVersion, SeenRules,
    StoreError, Subject,
};

/// See the module.
pub struct Gate {
    records: Arc<dyn RewardsDatabase>,
    config: Config,
    /// Nothing is written, as in a dry run.
    only_looks: bool,
}

impl Gate {
    #[must_use]
    pub fn new(config: &Config, records: Arc<dyn RewardsDatabase>, only_looks: bool) -> Self {
        Self { records, config: config.clone(), only_looks }
    }

    /// A look at what is due begins: the configuration's rules are taken, or kept as pending; so is who may decide. By
    /// the clock that runs are committed by.
    ///
    /// # Errors
    /// [`PendingError`].
    pub async fn look(&self, configured: &Arc<RulesInForce>, now: Instant) -> Result<(), PendingError> {
        let last = self.records.rules_in_force().await?;
        let in_force = last.as_ref().map_or(0, |last| last.number);
        self.records.record_guard(&history::guard(&self.config, in_force, now)).await?;
        let is_same = last.as_ref().is_some_and(|last| last.version == configured.version);
        match self.config.confirm.mode {
            // Whatever waited under the other mode is waited for no more.
            ConfirmMode::Log if is_same && self.current().await?.is_none() => {}
            ConfirmMode::Log => self.take(configured, CONFIGURATION, now).await?,
            ConfirmMode::FourEyes if last.is_none() => self.take(configured, INSTALLATION, now).await?,
            ConfirmMode::FourEyes => drop(self.next(configured, now).await?),
        }
        Ok(())
    }

    /// The rules of the next window: with four eyes the version that was confirmed last, however the configuration has
    /// changed since.
    ///
    /// # Errors
    /// [`PendingError`].
    pub async fn next(
        &self,
        configured: &Arc<RulesInForce>,
        now: Instant,
    ) -> Result<Arc<RulesInForce>, PendingError> {
        if self.config.confirm.mode == ConfirmMode::Log {
            return Ok(Arc::clone(configured));
        }
        let mut current = self.current().await?;
        if let Some(pending) = current.take_if(|pending| pending.state == PendingState::Confirmed) {
            let adopted = self.adopt(&pending, now).await?;
            if let (true, Some(adopted)) = (self.only_looks, adopted) {
                return Ok(Arc::new(adopted));
            }
            current = self.current().await?;
        }
        let Some(last) = self.records.rules_in_force().await? else { return Ok(Arc::clone(configured)) };
        let about = self.records.decisions_about(&Subject::Rules(last.number)).await?;
        let judged = self.confirmed().await?.and_then(|confirmed| confirmed.judge(&last, &about));
        judged.map_err(|why| tampered(&last, why))?;
        self.see(configured, &last, current, now).await?;
        if last.version == configured.version {
            return Ok(Arc::clone(configured));
        }
        let rules = RulesInForce::read(&last.version, &last.rules).map_err(|why| tampered(&last, why))?;
        Ok(Arc::new(rules))
    }

    async fn current(&self) -> Result<Option<PendingRules>, StoreError> {
        Ok(self.records.last_pending().await?.filter(PendingRules::is_current))
    }

    /// What is known of who could decide when; or what of it cannot be read.
    async fn confirmed(&self) -> Result<Result<Confirmed, String>, StoreError> {
        let programme = self.records.programme().await?;
        let missing = || StoreError::Broken { what: "the row of reward_programme is missing".to_owned() };
        let guards = self.records.decisions_about(&Subject::Guard).await?;
        Ok(Confirmed::new(programme.ok_or_else(missing)?, &self.config.people, &guards))
    }

    /// Records the configuration's rules as in force, without anybody's signature.
    async fn take(&self, configured: &RulesInForce, by: &str, now: Instant) -> Result<(), StoreError> {
        let decision = Decision {
            // The number is known when it is written.
            subject: Subject::Rules(0),
            verdict: TAKEN,
            by: by.to_owned(),
            at: now,
            note: String::new(),
            detail: json!({ "version": configured.version }),
        };
        self.records.take_rules(&configured.version, &configured.text, &decision).await?;
        info!(version = configured.version, "the rules in force are recorded");
        Ok(())
    }

    /// Keeps the configuration's rules as pending, where they are not what is kept.
    async fn see(
        &self,
        configured: &RulesInForce,
        last: &RulesVersion,
        current: Option<PendingRules>,
        now: Instant,
    ) -> Result<(), StoreError> {
        let wanted = (last.version != configured.version).then_some(configured.version.as_str());
        let kept = current.as_ref().map(|pending| pending.version.as_str());
        if self.only_looks || wanted == kept {
            return Ok(());
        }
        let RulesInForce { version, text, .. } = configured;
        let seen = self.records.see_rules(SeenRules { version, rules: text, now, anew: false }).await?;
        match seen {
            Some(seen) => warn!(
                number = seen.number,
                version = seen.version,
                in_force = last.version,
                "the rules of the configuration wait until two people have confirmed them; those in force are paid by"
            ),
            None => info!(version, "the configuration is back at the rules in force; nothing waits any more"),
        }
        Ok(())
    }

    /// Records a version that two people have signed; gives it where it may be adopted. One that was not signed as it
    /// has to be is refused, and the version in force stays.
    async fn adopt(
        &self,
        pending: &PendingRules,
        now: Instant,
    ) -> Result<Option<RulesInForce>, PendingError> {
        let PendingRules { number, version, .. } = pending;
        let about = self.records.decisions_about(&Subject::Rules(*number)).await?;
        let valid = self.config.confirm.valid;
        let confirmed = self.confirmed().await?;
        let judged = confirmed.and_then(|confirmed| confirmed.may_adopt(pending, &about, valid));
        match judged.and_then(|()| RulesInForce::read(version, &pending.rules)) {
            Ok(rules) if self.only_looks => Ok(Some(rules)),
            Ok(rules) => {
                if self.records.adopt_rules(*number, version, now).await? {
                    info!(number, version, "the confirmed rules are in force from the next window on");
                }
                Ok(Some(rules))
            }
            Err(why) => {
                error!(
                    number,
                    version, why, "the confirmation of these rules does not count, and is refused"
                );
                if !self.only_looks {
                    self.refuse(pending, &why, now).await?;
                }
                Ok(None)
            }
        }
    }

    async fn refuse(&self, pending: &PendingRules, why: &str, now: Instant) -> Result<(), StoreError> {
        let decision = Decision {
            subject: Subject::Rules(pending.number),
            verdict: "refused",
            by: "rewardd".to_owned(),
            at: now,
            note: why.to_owned(),
            detail: json!({ "version": pending.version }),
        };
        let (from, to) = (pending.state, PendingState::Refused);
        let refused = RulesDecision { number: pending.number, from, to, decision: &decision };
        self.records.decide_rules(refused).await.map(drop)
    }
}

fn tampered(version: &RulesVersion, why: String) -> PendingError {
    PendingError::Tampered { number: version.number, version: version.version.clone(), why }
}
