//! The jobs: load → plan → commit, the relay of special transfers, and retention. All decisions are in the plan, which pure code
//! makes; a job only carries it out.

use std::sync::Arc;

mod distribution;
mod error;
mod holds;
mod programme;
mod retention;
mod suspicions;
mod transfers;
mod walk;

pub use distribution::{Outcome, Phases, Prepared};
pub use error::JobError;
pub use holds::Fate;
pub use programme::FirstDay;
pub use retention::{GoOn, KeptDay, MovedDay, Retained, Retention, retained_tables};
pub use suspicions::{JudgedDay, Judging};
pub use transfers::{Compared, Relayed, relay, requeue};
pub use walk::{Observer, Walk, WalkReport};

use crate::clock::Clock;
use crate::pending::{Gate, RulesInForce};
use crate::rewards::window::Calendar;
use crate::store::{Source, Store};

/// What distributions are made with.
#[derive(Clone)]
pub struct Distributor {
    pub store: Arc<dyn Store>,
    pub source: Arc<dyn Source>,
    pub clock: Arc<dyn Clock>,
    pub calendar: Calendar,
    /// Those of the configuration.
    pub rules: Arc<RulesInForce>,
    /// Says by which rules the next window is paid; without it, by those of the configuration.
    pub gate: Option<Arc<Gate>>,
}
