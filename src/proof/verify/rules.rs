//! The versions of the rules: whether each came to be one as it had to at its time, and whether runs were paid by
//! versions that were in force.

use super::{Class, ProofError, Report};
use crate::pending::Confirmed;
use crate::people::Person;
use crate::proof::Prover;
use crate::rewards::window::show;
use crate::store::{RulesVersion, Run, Subject};

const VERSIONS: &str = "reward_rules_versions";
const RUNS: &str = "reward_runs";

/// What runs are held against.
pub(super) struct Versions {
    versions: Vec<RulesVersion>,
    confirmed: Option<Confirmed>,
}

impl Versions {
    /// Judges every version by the keys of the configuration and those that were recorded.
    pub async fn judge(prover: &Prover, people: &[Person], report: &mut Report) -> Result<Self, ProofError> {
        let ledger = &prover.ledger;
        let versions = ledger.rules_versions().await?;
        let guards = ledger.decisions_about(&Subject::Guard).await?;
        let Some(programme) = ledger.programme().await? else {
            return Ok(Self { versions, confirmed: None });
        };
        let confirmed = match Confirmed::new(programme, people, &guards) {
            Ok(confirmed) => confirmed,
            Err(what) => {
                report.add(Class::Tampering, None, "reward_decisions", "subject guard".to_owned(), what);
                return Ok(Self { versions, confirmed: None });
            }
        };
        for version in &versions {
            let about = ledger.decisions_about(&Subject::Rules(version.number)).await?;
            if let Err(why) = confirmed.judge(version, &about) {
                let key = format!("number {}", version.number);
                report.add(
                    Class::Tampering,
                    None,
                    VERSIONS,
                    key,
                    format!("it should not be in force: {why}"),
                );
            }
        }
        Ok(Self { versions, confirmed: Some(confirmed) })
    }

    /// Whether a run names a version that was in force when it was committed, where people had to confirm them.
    pub fn hold(&self, prover: &Prover, run: Option<&Run>, report: &mut Report) {
        let (Some(run), Some(confirmed)) = (run, &self.confirmed) else { return };
        let was_there = |version: &RulesVersion| {
            version.version == run.rules_version && version.since <= run.committed_at
        };
        if self.versions.iter().any(was_there) || !confirmed.was_four_eyes_at(&show(run.committed_at)) {
            return;
        }
        let what = format!("it was paid by the rules {}, which nobody had confirmed then", run.rules_version);
        let key = format!("sequence {}", run.sequence);
        report.add(Class::Tampering, Some(prover.window(run)), RUNS, key, what);
    }
}
