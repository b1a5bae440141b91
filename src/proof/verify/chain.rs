//! The hash chain of `reward_distribution_logs` (rules, section 8).

use super::{Class, Report, Rows};
use crate::audit::CHAIN_START;
use crate::proof::{ProofError, Prover};
use crate::store::Standing;

const TABLE: &str = "reward_distribution_logs";

/// Walks along the chain.
pub(super) struct Chain {
    /// The hash that the next row has to carry; none after a row that is missing.
    head: Option<String>,
    last: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { head: Some(CHAIN_START.to_owned()), last: 0 }
    }
}

impl Chain {
    /// Holds the next row against the one before it.
    pub fn follow(&mut self, rows: &Rows, report: &mut Report) {
        let sequence = rows.sequence;
        let mut broken = |what: String| {
            report.add(Class::Tampering, None, TABLE, format!("sequence {sequence}"), what);
        };
        match (&rows.log, &self.head) {
            (None, _) => broken("the row is missing".to_owned()),
            (Some(row), Some(head)) if row.previous_hash != *head => {
                let before = self.last;
                broken(if before == 0 {
                    "the first row does not carry the beginning of the chain: it was changed, or rows before it \
                     are missing"
                        .to_owned()
                } else {
                    format!(
                        "the row carries another hash than that of row {before}: row {before} was changed, or this one"
                    )
                });
            }
            _ => {}
        }
        self.head = rows.log.as_ref().map(crate::audit::LogRow::hash);
        self.last = sequence;
    }

    /// Holds the last row against the hash that the books carry.
    pub fn ends_at(&self, standing: &Standing, report: &mut Report) {
        let head = if standing.runs == 0 { Some(CHAIN_START) } else { self.head.as_deref() };
        if head.is_some_and(|head| head != standing.chain_head) {
            let what = "the last row has another hash than reward_programme.chain_head: either was changed";
            let key = format!("sequence {}", standing.runs);
            report.add(Class::Tampering, None, TABLE, key, what.to_owned());
        }
    }

    /// Looks for rows past the end of the chain, which no run has written.
    ///
    /// # Errors
    /// [`ProofError::Store`].
    pub async fn nothing_follows(
        &self,
        prover: &Prover,
        last: u64,
        report: &mut Report,
    ) -> Result<(), ProofError> {
        let Some(row) = prover.ledger.log_rows_after(last, 1).await?.into_iter().next() else {
            return Ok(());
        };
        // A run may have been committed since.
        if prover.ledger.runs().await? < row.sequence {
            let what = "the row stands after the end of the chain: no run has written it";
            report.add(Class::Tampering, None, TABLE, format!("sequence {}", row.sequence), what.to_owned());
        }
        Ok(())
    }
}
