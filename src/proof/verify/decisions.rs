//! The chain of what people decided.

use super::{Class, ProofError, Report};
use crate::audit::{Break, Chain};
use crate::proof::Prover;

const TABLE: &str = "reward_decisions";

/// Decisions that are read at once.
const PAGE: u32 = 500;

/// Follows the chain to the end that was there at the beginning.
pub(super) async fn follow(prover: &Prover, report: &mut Report) -> Result<(), ProofError> {
    let (count, head) = prover.ledger.decisions_head().await?;
    let mut chain = Chain::default();
    while chain.length() < count {
        let rows = prover.ledger.decisions_after(chain.length(), PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows.iter().filter(|row| row.number <= count) {
            add(report, chain.follow(row));
        }
        if rows.iter().any(|row| row.number > count) {
            break;
        }
    }
    add(report, chain.end(count, &head));
    Ok(())
}

fn add(report: &mut Report, found: Option<Break>) {
    if let Some(Break { sequence, what }) = found {
        report.add(Class::Tampering, None, TABLE, format!("number {sequence}"), what);
    }
}
