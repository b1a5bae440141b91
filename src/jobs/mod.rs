//! The jobs: load → plan → commit, the relay of special transfers, and retention. All decisions are in the plan, which pure code
//! makes; a job only carries it out.

use std::sync::Arc;

mod distribution;
mod error;
mod holds;
mod programme;
mod retention;
mod transfers;
mod walk;

pub use distribution::{Outcome, Phases, Prepared};
pub use error::JobError;
pub use holds::Fate;
pub use programme::FirstDay;
pub use retention::{GoOn, KeptDay, MovedDay, Retained, Retention, retained_tables};
pub use transfers::{Compared, Relayed, relay, requeue};
pub use walk::{Observer, Walk, WalkReport};

use crate::clock::Clock;
use crate::rewards::rules::Rules;
use crate::rewards::window::Calendar;
use crate::store::{Source, Store};

/// The rules in force, and the name of their version.
#[derive(Clone, Debug)]
pub struct RulesInForce {
    pub rules: Rules,
    /// SHA-256 of their canonical text.
    pub version: String,
    /// Their canonical text.
    pub text: String,
}

/// What distributions are made with.
#[derive(Clone)]
pub struct Distributor {
    pub store: Arc<dyn Store>,
    pub source: Arc<dyn Source>,
    pub clock: Arc<dyn Clock>,
    pub calendar: Calendar,
    pub rules: Arc<RulesInForce>,
}
