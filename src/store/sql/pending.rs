//! Pending versions of the rules; see [`Confirmations`].

use async_trait::async_trait;

use super::bind::Row;
use super::decisions;
use super::driver::Tx;
use super::ledger::{number, rules_version};
use super::statements as sql;
use super::store::{SqlStore, is_taken};
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::audit::DecisionRow;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{
    Confirmations, Decision, Decisions, PendingRules, PendingState, Result, RulesDecision, RulesVersion,
    SeenRules, StoreError, Subject,
};

const TABLE: &str = "reward_rules_pending";

#[async_trait]
impl Confirmations for SqlStore {
    async fn take_rules(&self, version: &str, rules: &str, decision: &Decision) -> Result<()> {
        let take = Take { version, rules, decision };
        match self.write(&take).await {
            // Somebody was first with this number: what they recorded is the last version now.
            Err(StoreError::Database { source, .. }) if is_taken(&source) => self.write(&take).await,
            done => done,
        }
    }

    async fn last_pending(&self) -> Result<Option<PendingRules>> {
        let rows = self.page(sql::LAST_PENDING, &[], "reading the pending rules").await?;
        rows.first().map(pending).transpose()
    }

    async fn all_pending(&self) -> Result<Vec<PendingRules>> {
        let rows = self.page(sql::ALL_PENDING, &[], "reading the pending rules").await?;
        rows.iter().map(pending).collect()
    }

    async fn see_rules(&self, seen: SeenRules<'_>) -> Result<Option<PendingRules>> {
        match self.write(&See(seen)).await {
            // Somebody was first with this number: what they have seen is pending now.
            Err(StoreError::Database { source, .. }) if is_taken(&source) => self.write(&See(seen)).await,
            done => done,
        }
    }

    async fn decide_rules(&self, decided: RulesDecision<'_>) -> Result<bool> {
        self.write(&Decide(decided)).await
    }

    async fn adopt_rules(&self, number: u64, version: &str, now: Instant) -> Result<bool> {
        self.write(&Adopt { number, version, now }).await
    }

    async fn keep_effect(&self, wanted: u64, effect: &str) -> Result<()> {
        self.write(&KeepEffect { wanted, effect }).await
    }

    async fn record_guard(&self, decision: &Decision) -> Result<()> {
        // Mostly nothing has changed, and a look that has nothing to write commits nothing.
        match self.decisions_about(&Subject::Guard).await?.pop() {
            Some(last) if is_same_guard(&last, decision) => Ok(()),
            _ => self.write(&RecordGuard(decision)).await,
        }
    }
}

fn pending(row: &Row) -> Result<PendingRules> {
    let row = OwnRow { table: TABLE, row };
    let state = row.text(4)?;
    let known = PendingState::ALL.into_iter().find(|known| known.name() == state);
    let unreadable = || StoreError::Unreadable {
        table: TABLE,
        column: "state",
        value: state.clone(),
        why: "is no state".to_owned(),
    };
    let count = |index, column| row.optional_int(index)?.map(|_| row.count(index, column)).transpose();
    Ok(PendingRules {
        number: row.count(0, "number")?,
        version: row.text(1)?,
        rules: row.text(2)?,
        seen_at: row.instant(3, "seen_at")?,
        state: known.ok_or_else(unreadable)?,
        effect: row.optional_text(5)?,
        proposal: count(6, "proposal")?,
        decision: count(7, "decision")?,
        gone_at: row.optional_text(8)?.map(|_| row.instant(8, "gone_at")).transpose()?,
    })
}

async fn last_pending(tx: &mut Tx) -> Result<Option<PendingRules>> {
    let rows = tx.fetch(sql::LAST_PENDING, &[]).await.map_err(doing("reading the pending rules"))?;
    rows.first().map(pending).transpose()
}

async fn last_version(tx: &mut Tx) -> Result<Option<RulesVersion>> {
    let rows = tx.fetch(sql::LAST_RULES_VERSION, &[]).await;
    let rows = rows.map_err(doing("reading the version of the rules"))?;
    rows.first().map(rules_version).transpose()
}

/// The number of the next version, pending or recorded: each number is used once.
async fn next_number(tx: &mut Tx, last: Option<&RulesVersion>) -> Result<u64> {
    let pending = last_pending(tx).await?.map_or(0, |pending| pending.number);
    Ok(last.map_or(0, |last| last.number).max(pending) + 1)
}

async fn end(tx: &mut Tx, pending: &PendingRules, otherwise: PendingState, now: Instant) -> Result<()> {
    // What a person has decided stays decided.
    let state = if pending.state.waits() { otherwise } else { pending.state };
    let values = [state.name().into(), sql_time(now).into(), number(pending.number)];
    let ended = tx.execute(sql::END_PENDING, &values).await;
    ended.map(drop).map_err(doing("ending a pending version of the rules"))
}

/// Whatever waited is waited for no more, as the configuration's rules were taken.
async fn end_waiting(tx: &mut Tx, now: Instant) -> Result<()> {
    match last_pending(tx).await? {
        Some(pending) if pending.is_current() => end(tx, &pending, PendingState::Superseded, now).await,
        _ => Ok(()),
    }
}

/// A change of the rules, with the number after the last; none where they are as they were.
struct Take<'a> {
    version: &'a str,
    rules: &'a str,
    decision: &'a Decision,
}

impl Work for Take<'_> {
    const NAME: &'static str = "record_rules";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Self { version, rules, decision } = *self;
        let last = last_version(tx).await?;
        let next = next_number(tx, last.as_ref()).await?;
        end_waiting(tx, decision.at).await?;
        if last.is_some_and(|last| last.version == version) {
            return Ok(());
        }
        let values = [number(next), version.into(), sql_time(decision.at).into(), rules.into()];
        let inserted = tx.execute(sql::INSERT_RULES_VERSION, &values).await;
        inserted.map_err(doing("recording the rules"))?;
        let decision = Decision { subject: Subject::Rules(next), ..decision.clone() };
        decisions::write(tx, &decision).await.map(drop)
    }
}

struct See<'a>(SeenRules<'a>);

impl Work for See<'_> {
    const NAME: &'static str = "see_rules";
    type Output = Option<PendingRules>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<PendingRules>> {
        let SeenRules { version, rules, now, anew } = self.0;
        let in_force = last_version(tx).await?;
        let current = last_pending(tx).await?.filter(PendingRules::is_current);
        let is_back = in_force.as_ref().is_some_and(|last| last.version == version);
        if let Some(current) = current {
            let is_decided = matches!(current.state, PendingState::Rejected | PendingState::Refused);
            // What two people have signed is adopted before anything else is looked at.
            if current.state == PendingState::Confirmed
                || (current.version == version && !(anew && is_decided))
            {
                return Ok(Some(current));
            }
            let state = if is_back { PendingState::Withdrawn } else { PendingState::Superseded };
            end(tx, &current, state, now).await?;
        }
        if is_back {
            return Ok(None);
        }
        let next = next_number(tx, in_force.as_ref()).await?;
        let seen = PendingState::Seen.name();
        let values = [number(next), version.into(), rules.into(), sql_time(now).into(), seen.into()];
        let inserted = tx.execute(sql::INSERT_PENDING, &values).await;
        inserted.map_err(doing("keeping a pending version of the rules"))?;
        last_pending(tx).await
    }
}

struct Decide<'a>(RulesDecision<'a>);

impl Work for Decide<'_> {
    const NAME: &'static str = "decide_rules";
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let RulesDecision { number: wanted, from, to, decision } = self.0;
        let Some(current) = last_pending(tx).await?.filter(|last| last.number == wanted && last.is_current())
        else {
            return Ok(false);
        };
        let made = if to == PendingState::Proposed { current.proposal } else { current.decision };
        // A commit whose answer was lost.
        if let (true, Some(made)) = (current.state == to, made) {
            return decisions::is(tx, made, decision).await;
        }
        if current.state != from {
            return Ok(false);
        }
        let made = decisions::write(tx, decision).await?;
        let statement = if to == PendingState::Proposed { sql::PROPOSE_PENDING } else { sql::DECIDE_PENDING };
        let values = [to.name().into(), number(made), number(wanted), from.name().into()];
        let decided = tx.execute(statement, &values).await;
        match decided.map_err(doing("deciding about a pending version of the rules"))? {
            1 => Ok(true),
            _ => Err(StoreError::Stale),
        }
    }
}

struct Adopt<'a> {
    number: u64,
    version: &'a str,
    now: Instant,
}

impl Work for Adopt<'_> {
    const NAME: &'static str = "adopt_rules";
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let in_force = last_version(tx).await?;
        if in_force.is_some_and(|last| last.number == self.number && last.version == self.version) {
            return Ok(true);
        }
        let is_it = |last: &PendingRules| {
            last.number == self.number
                && last.version == self.version
                && last.state == PendingState::Confirmed
                && last.is_current()
        };
        let Some(pending) = last_pending(tx).await?.filter(is_it) else { return Ok(false) };
        let since = sql_time(self.now);
        let values = [
            number(pending.number),
            pending.version.as_str().into(),
            since.as_str().into(),
            pending.rules.as_str().into(),
        ];
        let recorded = tx.execute(sql::INSERT_RULES_VERSION, &values).await;
        recorded.map_err(doing("recording the confirmed rules"))?;
        let values = [PendingState::Adopted.name().into(), since.as_str().into(), number(self.number)];
        let ended = tx.execute(sql::END_PENDING, &values).await;
        ended.map(|_| true).map_err(doing("adopting a pending version of the rules"))
    }
}

struct KeepEffect<'a> {
    wanted: u64,
    effect: &'a str,
}

impl Work for KeepEffect<'_> {
    const NAME: &'static str = "keep_effect";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let values = [self.effect.into(), number(self.wanted)];
        let kept = tx.execute(sql::KEEP_EFFECT, &values).await;
        kept.map(drop).map_err(doing("keeping what other rules would change"))
    }
}

struct RecordGuard<'a>(&'a Decision);

impl Work for RecordGuard<'_> {
    const NAME: &'static str = "record_guard";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        match decisions::about(tx, &Subject::Guard).await?.pop() {
            Some(last) if is_same_guard(&last, self.0) => Ok(()),
            _ => decisions::write(tx, self.0).await.map(drop),
        }
    }
}

/// Whether the same people may decide in the same way. Which rules were in force at that time is no part of it.
fn is_same_guard(last: &DecisionRow, decision: &Decision) -> bool {
    let settings = |mut detail: serde_json::Value| {
        detail.as_object_mut().and_then(|fields| fields.remove("rules"));
        detail
    };
    let last = serde_json::from_str(&last.detail).unwrap_or_default();
    settings(last) == settings(decision.detail.clone())
}
