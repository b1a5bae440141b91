//! A person's decision about the pending version: who may make it when, and what is signed.

use std::time::Duration;

use serde_json::json;

use super::history::{Confirmed, Scope, SignedDetail};
use crate::audit::{DecisionRow, text_hash};
use crate::people::{Decider, Person, Role, find};
use crate::rewards::window::Instant;
use crate::store::{
    Decision, PendingRules, PendingState, RewardsDatabase, RulesDecision, SeenRules, StoreError, Subject,
};

/// What a person says to a pending version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its author: this is meant.
    Proposed,
    /// Another one: it is right, and is to be in force.
    Confirmed,
    Rejected,
}

impl Verdict {
    /// As it is signed and recorded.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.leads_to().name()
    }

    /// What it takes at least.
    #[must_use]
    pub const fn needs(self) -> Role {
        match self {
            Self::Proposed | Self::Rejected => Role::Reviewer,
            Self::Confirmed => Role::Admin,
        }
    }

    const fn leads_to(self) -> PendingState {
        match self {
            Self::Proposed => PendingState::Proposed,
            Self::Confirmed => PendingState::Confirmed,
            Self::Rejected => PendingState::Rejected,
        }
    }
}

/// Why a decision is not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no version of the rules is pending")]
    Nothing,
    #[error(
        "{asked} is not what is pending: that is number {number} ({version}), see `rewardd rules pending`"
    )]
    Other { asked: String, number: u64, version: String },
    #[error("number {number} is {state}: {hint}", state = state.name())]
    State { number: u64, state: PendingState, hint: &'static str },
    #[error("{name} has proposed number {number} and cannot confirm it too: it takes two people")]
    Same { name: String, number: u64 },
    #[error(
        "number {number} is not signed: rules wait for the signatures of two people with keys in [people], and there \
         is nobody in it"
    )]
    Unsigned { number: u64 },
    #[error(
        "number {number} was changed in the database past rewardd: {why}; reject it, and keep the database as it is"
    )]
    Tampered { number: u64, why: String },
    #[error("somebody else has decided meanwhile; see `rewardd rules pending`")]
    Meanwhile,
}

/// A decision that may be made: what the person is to sign.
#[derive(Clone, Debug)]
pub struct Ask {
    pub pending: PendingRules,
    pub verdict: Verdict,
    /// Where the signature counts.
    pub scope: String,
    /// What it is about, as it is signed: the subject, and the hash of the rules.
    pub subject: Subject,
    /// Who has proposed it.
    author: Option<String>,
}

/// How signatures are judged: `[people]`, and `[confirm] valid`.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    pub people: &'a [Person],
    pub valid: Duration,
}

impl Ask {
    /// Looks whether this can be decided about the version that a number, or the first digits of a hash, names. A
    /// proposal of what was rejected begins anew, under another number.
    ///
    /// # Errors
    /// [`DecideError`].
    pub async fn new(
        records: &dyn RewardsDatabase,
        keys: Keys<'_>,
        asked: &str,
        verdict: Verdict,
        now: Instant,
    ) -> Result<Self, DecideError> {
        let current = records.last_pending().await?.filter(PendingRules::is_current);
        let pending = current.ok_or(DecideError::Nothing)?;
        let PendingRules { number, version, .. } = &pending;
        let by_hash = asked.len() >= 4 && version.starts_with(&asked.to_lowercase());
        if asked.parse() != Ok(*number) && !by_hash {
            let (asked, version) = (asked.to_owned(), version.get(..12).unwrap_or(version).to_owned());
            return Err(DecideError::Other { asked, number: *number, version });
        }
        let programme = records.programme().await?.ok_or(DecideError::Nothing)?;
        let scope = Scope::new(programme.clone()).text();
        let pending = renewed(records, pending, verdict, now).await?;
        let number = pending.number;
        if verdict != Verdict::Rejected && text_hash(&pending.rules) != pending.version {
            let why = "its text has another hash than its version".to_owned();
            return Err(DecideError::Tampered { number, why });
        }
        refuse_state(&pending, verdict)?;
        let proposal = match pending.proposal {
            Some(proposal) => records.decision(proposal).await?,
            None => None,
        };
        if verdict == Verdict::Confirmed {
            let tampered = |why| DecideError::Tampered { number, why };
            let proposal = proposal.as_ref().ok_or_else(|| tampered("its proposal is missing".to_owned()))?;
            let guards = records.decisions_about(&Subject::Guard).await?;
            let confirmed = Confirmed::new(programme, keys.people, &guards).map_err(tampered)?;
            confirmed.is_proposed(&pending, proposal, keys.valid).map_err(tampered)?;
        }
        let author = proposal.map(|proposal: DecisionRow| proposal.decided_by);
        Ok(Self { verdict, scope, subject: Subject::Rules(number), author, pending })
    }

    /// Writes the decision of whoever has signed it; gives the pending version as it then is.
    ///
    /// # Errors
    /// [`DecideError`].
    pub async fn decide(
        self,
        records: &dyn RewardsDatabase,
        keys: Keys<'_>,
        decider: Decider,
        note: &str,
        now: Instant,
    ) -> Result<PendingRules, DecideError> {
        let Self { pending, verdict, scope, subject, author } = self;
        let number = pending.number;
        let Decider { name, signed: Some(signed) } = decider else {
            return Err(DecideError::Unsigned { number });
        };
        if verdict == Verdict::Confirmed
            && let Some(author) = author
        {
            let key = |name: &str| find(keys.people, name).ok().and_then(|person| person.key);
            if author == name || key(&author) == key(&name) {
                return Err(DecideError::Same { name, number });
            }
        }
        let detail = SignedDetail { scope, version: pending.version.clone(), signed };
        let decision = Decision {
            subject,
            verdict: verdict.name(),
            by: name,
            at: now,
            note: note.to_owned(),
            detail: json!(detail),
        };
        let (from, to) = (pending.state, verdict.leads_to());
        if !records.decide_rules(RulesDecision { number, from, to, decision: &decision }).await? {
            return Err(DecideError::Meanwhile);
        }
        records.last_pending().await?.filter(|last| last.number == number).ok_or(DecideError::Meanwhile)
    }
}

/// What was rejected and is proposed all the same begins anew: no signature of before counts for it.
async fn renewed(
    records: &dyn RewardsDatabase,
    pending: PendingRules,
    verdict: Verdict,
    now: Instant,
) -> Result<PendingRules, DecideError> {
    let is_decided = matches!(pending.state, PendingState::Rejected | PendingState::Refused);
    if verdict != Verdict::Proposed || !is_decided || text_hash(&pending.rules) != pending.version {
        return Ok(pending);
    }
    let seen = SeenRules { version: &pending.version, rules: &pending.rules, now, anew: true };
    records.see_rules(seen).await?.ok_or(DecideError::Meanwhile)
}

fn refuse_state(pending: &PendingRules, verdict: Verdict) -> Result<(), DecideError> {
    let hint = match (verdict, pending.state) {
        (Verdict::Proposed, PendingState::Seen)
        | (Verdict::Confirmed, PendingState::Proposed)
        | (Verdict::Rejected, PendingState::Seen | PendingState::Proposed) => return Ok(()),
        (Verdict::Confirmed, PendingState::Seen) => "its author proposes it first, `rewardd rules propose`",
        (Verdict::Proposed, PendingState::Proposed) => "another person confirms it, `rewardd rules confirm`",
        (_, PendingState::Confirmed) => "the next window is paid by it",
        _ => "nothing is left to decide about it; `rewardd rules propose` begins anew",
    };
    Err(DecideError::State { number: pending.number, state: pending.state, hint })
}
