//! What a person signs, and how a signature is judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::token::hex;
use super::{Person, Token, find};
use crate::rewards::window::{Instant, show};

/// The form of what is signed; it grows by one when the text below changes.
const FORM: u32 = 1;
/// Bytes of a nonce.
const NONCE: usize = 16;
/// How far the clock of whoever signed may be ahead of ours.
const AHEAD: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// What is signed. Two statements never have the same text: each has a nonce of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it counts, so that a signature of one programme is worth nothing in another.
    pub scope: String,
    /// What is decided about, as the store names it.
    pub subject: String,
    pub verdict: String,
    /// What exactly is decided: the hash of the rules, the amounts; one line.
    pub what: String,
    pub by: String,
    pub issued_at: Instant,
    pub nonce: String,
}

impl Statement {
    /// A nonce for a new statement.
    ///
    /// # Errors
    /// Where the machine gives no randomness.
    pub fn nonce() -> Result<String, getrandom::Error> {
        let mut bytes = [0; NONCE];
        getrandom::fill(&mut bytes)?;
        Ok(hex(&bytes))
    }

    pub(super) fn sign(self, token: &Token) -> Signed {
        let signature = token.sign(&text(
            &self.scope,
            &self.subject,
            &self.verdict,
            &self.what,
            &self.by,
            &show(self.issued_at),
            &self.nonce,
        ));
        Signed { what: self.what, issued_at: show(self.issued_at), nonce: self.nonce, signature }
    }
}

/// A signature as it is kept in the detail of a decision; the rest of the statement is in the decision itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub what: String,
    pub issued_at: String,
    pub nonce: String,
    pub signature: String,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    #[error("there is no [people.{0}] with a key in the configuration")]
    NoKey(String),
    #[error("the signature is not {0}'s, or what it signs was changed")]
    Forged(String),
    #[error("it was signed at {issued_at}, which cannot be read as an instant")]
    NoInstant { issued_at: String },
    #[error("it was signed at {issued_at}, and counted until {valid} later")]
    Expired { issued_at: String, valid: String },
    #[error("it was signed at {issued_at}, which is still to come")]
    Early { issued_at: String },
}

impl Signed {
    /// Whether the named person has signed this, at most `valid` before `at`. That its nonce is a new one, the caller
    /// looks up.
    ///
    /// # Errors
    /// [`SignedError`].
    pub fn judge(
        &self,
        people: &[Person],
        (scope, subject, verdict, by): (&str, &str, &str, &str),
        at: Instant,
        valid: Duration,
    ) -> Result<(), SignedError> {
        let key = find(people, by).ok().and_then(|person| person.key);
        let key = key.ok_or_else(|| SignedError::NoKey(by.to_owned()))?;
        let signed = text(scope, subject, verdict, &self.what, by, &self.issued_at, &self.nonce);
        if !key.verifies(&signed, &self.signature) {
            return Err(SignedError::Forged(by.to_owned()));
        }
        let issued_at = || self.issued_at.clone();
        let issued: Instant =
            self.issued_at.parse().map_err(|_| SignedError::NoInstant { issued_at: issued_at() })?;
        if issued > at + AHEAD {
            return Err(SignedError::Early { issued_at: issued_at() });
        }
        let age = (at - issued).to_std().unwrap_or_default();
        if age > valid {
            return Err(SignedError::Expired {
                issued_at: issued_at(),
                valid: humantime::format_duration(valid).to_string(),
            });
        }
        Ok(())
    }
}

/// Each part is led by its length, so no two statements read the same.
fn text(
    scope: &str,
    subject: &str,
    verdict: &str,
    what: &str,
    by: &str,
    issued_at: &str,
    nonce: &str,
) -> String {
    let parts = [scope, subject, verdict, what, by, issued_at, nonce];
    let parts: Vec<String> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    format!("rewardd decision {FORM}\n{}\n", parts.join("\n"))
}
