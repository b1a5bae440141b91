//! Changes of `[rules]`, `[special]` and `[[alarms]]`: taken at once and written down, or kept back until two people have
//! signed them (`[confirm] mode`).
//!
//! ```text
//! a look   the configuration's rules are not those in force  → a pending version          gate.rs
//! people   its author proposes it, another confirms it        → two signed decisions      decide.rs
//! a window both signatures are judged once more               → recorded, and in force    gate.rs, history.rs
//! ```
//!
//! What this cannot keep out: whoever may change the configuration can change `[confirm] mode` and the keys of
//! `[people]`, and whoever may write to the database can write its past anew. Both are written down as decisions, in a
//! chain of hashes: a checkpoint that is kept elsewhere (`rewardd audit checkpoint`) shows it.

mod decide;
mod gate;
mod history;
mod view;

pub use decide::{Ask, DecideError, Keys, Verdict};
pub use gate::Gate;
pub use history::{Confirmed, Scope};
pub use view::{EffectState, Signer, View, effect_text, view};

use crate::audit::text_hash;
use crate::config::Config;
use crate::rewards::rules::Rules;
use crate::store::StoreError;

/// Rules that windows are paid by, and the name of their version.
#[derive(Clone, Debug)]
pub struct RulesInForce {
    pub rules: Rules,
    /// SHA-256 of their canonical text.
    pub version: String,
    /// Their canonical text.
    pub text: String,
}

impl RulesInForce {
    /// Those of the configuration.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        let text = config.rules_table();
        Self { rules: config.rules.clone(), version: text_hash(&text), text }
    }

    /// Those of a text that was kept, which has to have the hash that it is named by.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(version: &str, text: &str) -> Result<Self, String> {
        if text_hash(text) != version {
            return Err("its text has another hash than its version: it was changed".to_owned());
        }
        let rules = Config::parse_rules(text).map_err(|error| format!("its text cannot be read: {error}"))?;
        Ok(Self { rules, version: version.to_owned(), text: text.to_owned() })
    }
}

/// Why it cannot be said which rules are in force.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "version {number} of the rules ({version}) is not paid by: {why}. Somebody has written to the database past \
         rewardd: keep it as it is, and see `rewardd verify` and `rewardd audit check`"
    )]
    Tampered { number: u64, version: String, why: String },
}

#[cfg(test)]
mod tests;
