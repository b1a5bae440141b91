//! Whether a version of the rules may be paid by: what was decided about it, held against the keys of those who decided.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RulesInForce;
use crate::audit::DecisionRow;
use crate::config::{Config, ConfirmMode};
use crate::people::{Person, PublicKey, Role, Signed, find};
use crate::rewards::window::Instant;
use crate::store::{Decision, PendingRules, Programme, RulesVersion, Subject};

/// The form of what is recorded about who may decide; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// By whom rules are taken that nobody has to sign.
pub(super) const CONFIGURATION: &str = "configuration";
pub(super) const INSTALLATION: &str = "installation";

/// Verdicts about rules, besides those of people.
pub(super) const TAKEN: &str = "taken";
const PROPOSED: &str = "proposed";
const CONFIRMED: &str = "confirmed";

/// However short signatures count by now, they never did for longer.
const LONGEST_VALID: Duration = Duration::from_hours(24);

/// Where signatures count: no other programme has both the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Programme);

impl Scope {
    #[must_use]
    pub const fn new(programme: Programme) -> Self {
        Self(programme)
    }

    /// As it is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.0.timezone, self.0.start)
    }

    /// Whether a text is this scope, or was before the programme's start was moved to an earlier day.
    fn was(&self, text: &str) -> bool {
        let start = text.strip_prefix(&self.0.timezone).and_then(|rest| rest.strip_prefix(' '));
        start
            .and_then(|start| start.parse().ok())
            .is_some_and(|start: chrono::NaiveDate| self.0.start <= start)
    }
}

/// What a decision of a person about rules carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedDetail {
    pub scope: String,
    pub version: String,
    pub signed: Signed,
}

/// Who may decide and how, as it is recorded whenever that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GuardRecord {
    record_version: u32,
    mode: String,
    people: Vec<PersonRecord>,
    /// The number of the version that was in force; 0 where there was none.
    rules: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PersonRecord {
    name: String,
    role: String,
    key: Option<String>,
}

/// What is recorded of `[confirm] mode` and `[people]`.
pub(super) fn guard(config: &Config, in_force: u64, now: Instant) -> Decision {
    let person = |person: &Person| PersonRecord {
        name: person.name.clone(),
        role: person.role.name().to_owned(),
        key: person.key.map(|key| key.to_string()),
    };
    let record = GuardRecord {
        record_version: RECORD_VERSION,
        mode: mode_name(config.confirm.mode).to_owned(),
        people: config.people.iter().map(person).collect(),
        rules: in_force,
    };
    Decision {
        subject: Subject::Guard,
        verdict: "recorded",
        by: CONFIGURATION.to_owned(),
        at: now,
        note: String::new(),
        detail: serde_json::to_value(record).unwrap_or_default(),
    }
}

const fn mode_name(mode: ConfirmMode) -> &'static str {
    match mode {
        ConfirmMode::Log => "log",
        ConfirmMode::FourEyes => "four-eyes",
    }
}

/// Who could decide from a decision on.
#[derive(Clone, Debug)]
struct Guard {
    number: u64,
    at: String,
    is_four_eyes: bool,
    people: Vec<Person>,
    rules: u64,
}

impl Guard {
    fn read(row: &DecisionRow) -> Result<Self, String> {
        let record: GuardRecord = serde_json::from_str(&row.detail)
            .map_err(|error| format!("decision {} cannot be read: {error}", row.number))?;
        let person = |person: PersonRecord| {
            let key = person.key.map(|key| PublicKey::parse(&key)).transpose()?;
            let role = Role::ALL.into_iter().find(|role| role.name() == person.role);
            let role = role.ok_or_else(|| format!("{} is no role", person.role))?;
            Ok::<_, String>(Person { name: person.name, role, key, login: None })
        };
        let people: Result<_, String> = record.people.into_iter().map(person).collect();
        Ok(Self {
            number: row.number,
            at: row.decided_at.clone(),
            is_four_eyes: record.mode == mode_name(ConfirmMode::FourEyes),
            people: people.map_err(|why| format!("decision {} cannot be read: {why}", row.number))?,
            rules: record.rules,
        })
    }
}

/// A pair of signatures, as they were written.
struct Pair<'a> {
    number: u64,
    version: &'a str,
    proposal: &'a DecisionRow,
    confirmation: &'a DecisionRow,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Confirmed {
    scope: Scope,
    people: Vec<Person>,
    /// In order.
    guards: Vec<Guard>,
}

impl Confirmed {
    /// From the decisions about [`Subject::Guard`], and the people of the configuration.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn new(programme: Programme, people: &[Person], guards: &[DecisionRow]) -> Result<Self, String> {
        let guards = guards.iter().map(Guard::read).collect::<Result<_, _>>()?;
        Ok(Self { scope: Scope::new(programme), people: people.to_vec(), guards })
    }

    /// Whether two people had to sign changes at an instant, as records write it.
    #[must_use]
    pub fn was_four_eyes_at(&self, at: &str) -> bool {
        self.guards.iter().rev().find(|guard| guard.at.as_str() <= at).is_some_and(|guard| guard.is_four_eyes)
    }

    fn guard_before(&self, number: u64) -> Option<&Guard> {
        self.guards.iter().rev().find(|guard| guard.number < number)
    }

    /// Whether a recorded version came to be one as it had to at that time; `about` are the decisions about it.
    ///
    /// # Errors
    /// Why not, to end the sentence "it is not paid by:".
    pub fn judge(&self, version: &RulesVersion, about: &[DecisionRow]) -> Result<(), String> {
        RulesInForce::read(&version.version, &version.rules)?;
        // Before decisions were kept there was nobody who could confirm.
        let Some(first) = self.guards.first() else { return Ok(()) };
        if version.number <= first.rules {
            return Ok(());
        }
        if let Some(taken) = about.iter().find(|row| row.verdict == TAKEN && names(row, &version.version)) {
            let had_to = self.guard_before(taken.number).is_some_and(|guard| guard.is_four_eyes);
            let is_first = taken.decided_by == INSTALLATION && version.number == 1;
            return match had_to && !is_first {
                true => Err("it was taken while two people had to confirm changes, and nobody has signed it"
                    .to_owned()),
                false => Ok(()),
            };
        }
        let of = |verdict| {
            about.iter().rfind(|row: &&DecisionRow| row.verdict == verdict && names(row, &version.version))
        };
        let (Some(proposal), Some(confirmation)) = (of(PROPOSED), of(CONFIRMED)) else {
            return Err("nobody has confirmed it".to_owned());
        };
        let pair = Pair { number: version.number, version: &version.version, proposal, confirmation };
        self.signed_as_of_then(&pair, about)
    }

    /// By the keys of today, or those that were recorded at that time: people come and go.
    fn signed_as_of_then(&self, pair: &Pair<'_>, about: &[DecisionRow]) -> Result<(), String> {
        let was = |scope: &str| self.scope.was(scope);
        let today = judge(&self.people, pair, about, LONGEST_VALID, was);
        match (today, self.guard_before(pair.confirmation.number)) {
            (Err(_), Some(then)) => judge(&then.people, pair, about, LONGEST_VALID, was),
            (today, _) => today,
        }
    }

    /// Whether a pending version is signed as it has to be today, before it is adopted.
    ///
    /// # Errors
    /// Why not.
    pub fn may_adopt(
        &self,
        pending: &PendingRules,
        about: &[DecisionRow],
        valid: Duration,
    ) -> Result<(), String> {
        let of = |number: Option<u64>| about.iter().find(|row| Some(row.number) == number);
        let (Some(proposal), Some(confirmation)) = (of(pending.proposal), of(pending.decision)) else {
            return Err("there are no decisions of two people about it".to_owned());
        };
        let pair = Pair { number: pending.number, version: &pending.version, proposal, confirmation };
        judge(&self.people, &pair, about, valid, |scope| scope == self.scope.text())
    }

    /// Whether a pending version's proposal is signed as it has to be.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn is_proposed(
        &self,
        pending: &PendingRules,
        proposal: &DecisionRow,
        valid: Duration,
    ) -> Result<(), String> {
        let is_here = |scope: &str| scope == self.scope.text();
        signature(&self.people, proposal, (pending.number, &pending.version), valid, is_here)
            .map(drop)
            .map_err(|why| format!("the proposal of {}: {why}", proposal.decided_by))
    }
}

/// Whether a decision is about these rules, by their hash.
fn names(row: &DecisionRow, version: &str) -> bool {
    let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
    detail["version"] == version
}

/// The signature of a decision, where it is one: by its person's key, and not too old when it was written.
fn signature(
    people: &[Person],
    row: &DecisionRow,
    (number, version): (u64, &str),
    valid: Duration,
    is_scope: impl Fn(&str) -> bool,
) -> Result<Signed, String> {
    let detail: SignedDetail =
        serde_json::from_str(&row.detail).map_err(|_| "it is not signed".to_owned())?;
    if !is_scope(&detail.scope) {
        return Err(format!("it was signed for another programme, {}", detail.scope));
    }
    if detail.signed.what != version || detail.version != version {
        return Err("it was signed for other rules".to_owned());
    }
    let subject = Subject::Rules(number).to_string();
    let at: Instant = row.decided_at.parse().map_err(|_| format!("{} is no instant", row.decided_at))?;
    let about = (detail.scope.as_str(), subject.as_str(), row.verdict.as_str(), row.decided_by.as_str());
    detail.signed.judge(people, about, at, valid).map_err(|why| why.to_string())?;
    Ok(detail.signed)
}

/// Two people, each with a role, a key and a signature of their own.
fn judge(
    people: &[Person],
    pair: &Pair<'_>,
    about: &[DecisionRow],
    valid: Duration,
    is_scope: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let Pair { proposal, confirmation, .. } = pair;
    let mut keys = vec![];
    for (row, verdict, needed) in
        [(proposal, PROPOSED, Role::Reviewer), (confirmation, CONFIRMED, Role::Admin)]
    {
        let of = |why: String| format!("what {} has {verdict}: {why}", row.decided_by);
        if row.verdict != verdict {
            return Err(of(format!("the decision is {}", row.verdict)));
        }
        let signed = signature(people, row, (pair.number, pair.version), valid, &is_scope).map_err(of)?;
        let person = find(people, &row.decided_by).map_err(|why| of(why.to_string()))?;
        if person.role < needed {
            return Err(of(format!(
                "{} is a {}, and it takes a person with the role {needed}",
                person.name, person.role
            )));
        }
        let same = about.iter().filter(|other| nonce(other).as_deref() == Some(&signed.nonce)).count();
        if same != 1 {
            return Err(of("its signature was used before".to_owned()));
        }
        keys.push(person.key);
    }
    if proposal.decided_by == confirmation.decided_by || keys[0] == keys[1] {
        return Err(format!("{} has signed twice, and it takes two people", confirmation.decided_by));
    }
    if confirmation.number <= proposal.number {
        return Err("it was confirmed before it was proposed".to_owned());
    }
    Ok(())
}

fn nonce(row: &DecisionRow) -> Option<String> {
    serde_json::from_str::<SignedDetail>(&row.detail).ok().map(|detail| detail.signed.nonce)
}
