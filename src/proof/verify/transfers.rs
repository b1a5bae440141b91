//! `special_transfers`, held against what the hours gave the special partners (rules, section 5).

use std::collections::BTreeMap;

use super::history::{History, Queued};
use super::{Class, Days, Report};
use crate::proof::{ProofError, Prover};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, show};
use crate::store::{Archived, HoldKey, HoldState, Movable, StoredTransfer};

const TABLE: &str = "special_transfers";
const PAGE: u32 = 5_000;

/// Compares all transfers of the days that were recomputed.
///
/// # Errors
/// [`ProofError::Store`].
pub(super) async fn compare(
    prover: &Prover,
    history: &History,
    days: &Days,
    report: &mut Report,
) -> Result<(), ProofError> {
    let (mut stored, archives) = loop {
        let before = moved(prover, days).await?;
        let stored = in_table(prover, days).await?;
        let archives = moved(prover, days).await?;
        // What was brought back while the table was read is perhaps in neither; what was moved is in the archive.
        if before.iter().all(|before| archives.iter().any(|archived| archived.day == before.day)) {
            break (stored, archives);
        }
    };
    let unread = archived(prover, archives, &mut stored, report).await?;
    report.transfers += stored.values().map(|hour| hour.len() as u64).sum::<u64>();
    for (time, expected) in &history.transfers {
        if unread.iter().any(|archived| archived.holds(*time)) {
            continue;
        }
        let mut stored = stored.remove(time).unwrap_or_default();
        let released = released(prover, *time, &expected.withheld, &mut stored).await?;
        compare_hour(prover, *time, &expected.queued, &released, &stored, report);
    }
    for (time, transfers) in stored {
        // An hour that has been paid since the history was read is no finding, and one without a record was one.
        if history.has_paid(Kind::Hourly, time) || prover.ledger.run_of(Kind::Hourly, time).await?.is_some() {
            continue;
        }
        for partner_id in transfers.keys() {
            let key = format!("partner_id {partner_id}, time {}", show(time));
            report.add(Class::Mismatch, None, TABLE, key, "this hour has not been paid".to_owned());
        }
    }
    Ok(())
}

/// By hour and partner.
type Amounts = BTreeMap<Instant, BTreeMap<i64, Units>>;

/// What the table itself holds of the days.
async fn in_table(prover: &Prover, days: &Days) -> Result<Amounts, ProofError> {
    let mut stored = Amounts::new();
    let mut after = None;
    loop {
        let page = prover.ledger.transfers_after(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(stored) };
        after = Some((last.transfer.partner_id, last.transfer.time));
        for StoredTransfer { transfer, .. } in page {
            if days.hold(prover.calendar.window_at(Kind::Hourly, transfer.time).day) {
                stored.entry(transfer.time).or_default().insert(transfer.partner_id, transfer.amount);
            }
        }
    }
}

/// The archives of the days' transfers.
async fn moved(prover: &Prover, days: &Days) -> Result<Vec<Archived>, ProofError> {
    let mut archives = prover.ledger.archives().await?;
    archives.retain(|archived| archived.table == Movable::Transfers && days.hold(archived.day));
    Ok(archives)
}

/// Puts the transfers of archives in their places, and gives the archives that cannot be read.
async fn archived(
    prover: &Prover,
    archives: Vec<Archived>,
    stored: &mut Amounts,
    report: &mut Report,
) -> Result<Vec<Archived>, ProofError> {
    let mut unread = vec![];
    for archived in archives {
        match prover.ledger.archived_transfers(&archived).await {
            Ok(rows) => {
                for StoredTransfer { transfer, .. } in rows {
                    stored.entry(transfer.time).or_default().insert(transfer.partner_id, transfer.amount);
                }
            }
            Err(error) => {
                report.unreadable_archive(error.into(), TABLE, archived.day)?;
                unread.push(archived);
            }
        }
    }
    Ok(unread)
}

/// Of what is withheld of an hour, what is released by now. Where that came after the table was read, the row is read
/// anew.
async fn released(
    prover: &Prover,
    time: Instant,
    withheld: &BTreeMap<i64, Units>,
    stored: &mut BTreeMap<i64, Units>,
) -> Result<BTreeMap<i64, Units>, ProofError> {
    let mut released = BTreeMap::new();
    for (partner_id, amount) in withheld {
        let key = HoldKey { kind: Kind::Hourly, start: time, partner_id: *partner_id };
        if !prover.ledger.hold(key).await?.is_some_and(|hold| hold.state == HoldState::Released) {
            continue;
        }
        released.insert(*partner_id, *amount);
        if !stored.contains_key(partner_id)
            && let Some(row) = prover.ledger.transfer_of(*partner_id, time).await?
        {
            stored.insert(*partner_id, row.transfer.amount);
        }
    }
    Ok(released)
}

fn compare_hour(
    prover: &Prover,
    time: Instant,
    expected: &Queued,
    released: &BTreeMap<i64, Units>,
    stored: &BTreeMap<i64, Units>,
    report: &mut Report,
) {
    let window = Some(prover.calendar.window_at(Kind::Hourly, time));
    match expected {
        Queued::Each(queued) => {
            let mut expected = queued.clone();
            expected.extend(released);
            let partners = expected.keys().chain(stored.keys().filter(|id| !expected.contains_key(id)));
            for partner_id in partners {
                let what = match (stored.get(partner_id), expected.get(partner_id)) {
                    (Some(stored), Some(expected)) if stored == expected => continue,
                    (Some(stored), Some(expected)) => format!("cc_reward is {stored}, not {expected}"),
                    (None, Some(expected)) => format!("the row is missing; cc_reward would be {expected}"),
                    (Some(stored), _) => {
                        format!("cc_reward is {stored}, where nothing was to be transferred")
                    }
                    (None, None) => continue,
                };
                let key = format!("partner_id {partner_id}, time {}", show(time));
                report.add(Class::Mismatch, window, TABLE, key, what);
            }
        }
        Queued::Together { count, total } => {
            let (count, total) =
                (count + released.len() as u64, *total + released.values().copied().sum::<Units>());
            let sum: Units = stored.values().copied().sum();
            if (stored.len() as u64, sum) != (count, total) {
                let what = format!(
                    "{} rows worth {sum}, where the audit log says {count} worth {total}",
                    stored.len()
                );
                report.add(Class::Mismatch, window, TABLE, format!("time {}", show(time)), what);
            }
        }
    }
}
