//! What was set aside of a window, held against its run and its votes; and every decision about it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Class, Report};
use crate::audit::RunRecord;
use crate::proof::holds::{SetAside, told_of};
use crate::proof::verify::differences::differences;
use crate::proof::{ProofError, Prover, Recomputed};
use crate::rewards::holds::split;
use crate::rewards::plan::{Plan, columns};
use crate::rewards::window::{Window, show};
use crate::store::{Hold, HoldState, Subject};

const TABLE: &str = "reward_holds";
const ALARMS: &str = "reward_alarms";

/// Compares what is stored as set aside of a window with what its run recorded, and with what comes out now where the
/// votes are still those of the run.
pub(super) async fn compare(
    prover: &Prover,
    window: Window,
    record: &RunRecord,
    recomputed: Option<(&Recomputed, bool)>,
    holds: &SetAside,
    report: &mut Report,
) -> Result<(), ProofError> {
    let time = format!("time {}", show(window.start));
    let stored = told_of(holds);
    if stored != record.set_aside {
        let found = differences(&stored, &record.set_aside);
        let what = format!("what is set aside is not what the audit log says: {}", found.join("; "));
        report.add(Class::Mismatch, Some(window), TABLE, time.clone(), what);
    }
    if let Some((recomputed, is_unchanged)) = recomputed {
        if recomputed.alarms != record.alarms {
            let found = differences(&recomputed.alarms, &record.alarms);
            let what = format!("the alarms are not those that the audit log names: {}", found.join("; "));
            report.add(Class::Mismatch, Some(window), ALARMS, time, what);
        }
        if is_unchanged {
            amounts(&recomputed.plan, window, holds, report);
        }
    }
    let mut verdicts = BTreeMap::new();
    for hold in holds.values() {
        let (from_pool, bonus) = split(window.kind, &hold.amounts);
        if (from_pool, bonus) != (hold.from_pool, hold.market_bonus) {
            let what = format!(
                "from_pool is {} and market_bonus {}, where the amounts make {from_pool} and {bonus}",
                hold.from_pool, hold.market_bonus
            );
            report.add(Class::Mismatch, Some(window), TABLE, key(hold), what);
        }
        if let Some(what) = undecided(prover, hold, &mut verdicts).await? {
            report.add(Class::Mismatch, Some(window), TABLE, key(hold), what);
        }
    }
    Ok(())
}

fn key(hold: &Hold) -> String {
    format!("partner_id {}, time {}", hold.key.partner_id, show(hold.key.start))
}

/// Each partner's amounts against those that the votes come to.
fn amounts(plan: &Plan, window: Window, holds: &SetAside, report: &mut Report) {
    let expected: BTreeMap<i64, _> = plan.set_aside().map(|held| (held.partner_id, held)).collect();
    for (partner, hold) in holds {
        let Some(expected) = expected.get(partner) else {
            let what = "the partner has no vote in this window".to_owned();
            report.add(Class::Mismatch, Some(window), TABLE, key(hold), what);
            continue;
        };
        let mut what = vec![];
        if hold.amounts.len() != expected.amounts.len() {
            what.push(format!("there are {} amounts, not {}", hold.amounts.len(), expected.amounts.len()));
        }
        let pairs = columns(window.kind).iter().zip(hold.amounts.iter().zip(&expected.amounts));
        for (column, (stored, expected)) in pairs.filter(|(_, (stored, expected))| stored != expected) {
            what.push(format!("{column} is {stored}, not {expected}"));
        }
        if hold.has_transfer != expected.has_transfer {
            what.push(format!("has_transfer is {}, not {}", hold.has_transfer, expected.has_transfer));
        }
        if !what.is_empty() {
            report.add(Class::Mismatch, Some(window), TABLE, key(hold), what.join("; "));
        }
    }
}

/// What a decision is, and what it covers.
type Verdicts = BTreeMap<u64, Option<(String, Vec<String>)>>;

/// What is wrong with the decision about an amount.
async fn undecided(prover: &Prover, hold: &Hold, known: &mut Verdicts) -> Result<Option<String>, ProofError> {
    let number = match (&hold.decided, hold.state) {
        (None, HoldState::Held) => return Ok(None),
        (Some(made), HoldState::Held) => {
            return Ok(Some(format!("it is held, and decided by {}", made.number)));
        }
        (None, state) => return Ok(Some(format!("it is {}, and nobody has decided", state.name()))),
        (Some(made), _) => made.number,
    };
    if let Entry::Vacant(unknown) = known.entry(number) {
        let row = prover.ledger.decision(number).await?;
        let covered = row.map(|row| {
            let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap_or_default();
            let holds = detail["holds"].as_array().into_iter().flatten();
            (row.verdict, holds.filter_map(|hold| hold.as_str().map(str::to_owned)).collect())
        });
        unknown.insert(covered);
    }
    let key = hold.key;
    let subject = Subject::Hold { kind: key.kind, time: key.start, partner_id: key.partner_id }.to_string();
    let is_covered = |(verdict, covered): &(String, Vec<String>)| {
        verdict == hold.state.name() && covered.contains(&subject)
    };
    let is_decided = known.get(&number).and_then(Option::as_ref).is_some_and(is_covered);
    let state = hold.state.name();
    Ok((!is_decided).then(|| format!("it is {state} by decision {number}, which does not say so")))
}
