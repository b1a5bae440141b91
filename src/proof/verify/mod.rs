//! Everything that is stored, held against the votes and against itself: the chain of the audit log, the history that
//! its records tell, and each window's rewards recomputed. Reads only.
//!
//! ```text
//! standing (books, pools, settled hours, of one view)
//!   → for each run: Chain        does its row follow the one before?
//!                   history.rs   do its records go on from those before it, and agree with the other tables?
//!                   windows.rs   do its votes still give these rewards and transfers?
//!   → history.rs    is where the records lead what is stored now?
//! ```

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{ProofError, Prover, read_record};
use crate::audit::{Break, Chain, LogRow};
use crate::errors::chain;
use crate::people::Person;
use crate::rewards::window::Window;
use crate::store::{ArchiveError, Run, RunFigures, StoreError};

mod decisions;
mod differences;
mod history;
mod holds;
mod rules;
mod transfers;
mod windows;

use history::History;
use rules::Versions;

const LOG: &str = "reward_distribution_logs";
const ARCHIVES: &str = "reward_archives";

/// Runs that are read at once.
const PAGE: u32 = 200;

/// What is wrong with what is stored, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Votes or rates came, changed or vanished after payment: what was paid is right for what was there then.
    Drift,
    /// An amount, a row or a sum is not what the votes and the audit log say.
    Mismatch,
    /// The audit log itself does not hold together.
    Tampering,
}

impl Class {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Mismatch => "mismatch",
            Self::Tampering => "tampering",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub class: Class,
    /// None for what is of no single window.
    pub window: Option<Window>,
    pub table: &'static str,
    /// Which row of the table, by its key.
    pub key: String,
    pub what: String,
}

/// Which days' windows are recomputed. Chain and history are always looked at as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    pub from: Option<NaiveDate>,
    /// Its windows are recomputed too.
    pub to: Option<NaiveDate>,
}

impl Days {
    #[must_use]
    pub fn hold(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// Shown how far it is.
pub trait Progress: Send {
    fn begin(&mut self, runs: u64);
    fn next(&mut self, run: u64);
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs whose rows and records were looked at.
    pub runs: u64,
    /// Windows that were recomputed from their votes.
    pub windows: u64,
    /// Reward rows that were compared.
    pub rewards: u64,
    /// Transfers that were compared.
    pub transfers: u64,
    /// Windows before the programme's start that have reward rows: another program's, which nothing here proves.
    pub before_start: u64,
    pub findings: Vec<Finding>,
}

impl Report {
    /// None where nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Class> {
        self.findings.iter().map(|finding| finding.class).max()
    }

    /// Of the hash chain of the audit log.
    fn broken(&mut self, found: Option<Break>) {
        if let Some(Break { sequence, what }) = found {
            self.add(Class::Tampering, None, LOG, format!("sequence {sequence}"), what);
        }
    }

    /// An archive that cannot be read, or is another than was written: found once, however many of its rows are asked
    /// for. Any other error stays one.
    fn unreadable_archive(
        &mut self,
        error: ProofError,
        table: &str,
        day: NaiveDate,
    ) -> Result<(), ProofError> {
        let ProofError::Store(StoreError::Archive(archive)) = &error else { return Err(error) };
        let class = match archive {
            ArchiveError::Changed { .. } => Class::Tampering,
            _ => Class::Mismatch,
        };
        let key = format!("table_name {table}, day {day}");
        if !self.findings.iter().any(|finding| finding.table == ARCHIVES && finding.key == key) {
            self.add(class, None, ARCHIVES, key, chain(archive));
        }
        Ok(())
    }

    fn add(&mut self, class: Class, window: Option<Window>, table: &'static str, key: String, what: String) {
        self.findings.push(Finding { class, window, table, key, what });
    }
}

/// The rows of one run, as far as they are there.
struct Rows {
    sequence: u64,
    log: Option<LogRow>,
    run: Option<Run>,
    figures: Option<RunFigures>,
}

/// Verifies all there is; signatures by the keys of these people, and those that were recorded.
///
/// # Errors
/// [`ProofError`] where something cannot be read; what is wrong with what can be is a finding.
pub async fn verify(
    prover: &Prover,
    people: &[Person],
    days: &Days,
    progress: &mut dyn Progress,
) -> Result<Report, ProofError> {
    let standing = prover.ledger.standing().await?;
    let mut report = Report { runs: standing.runs, ..Report::default() };
    let (mut chain, mut history) = (Chain::default(), History::new(&standing.holds));
    let versions = Versions::judge(prover, people, &mut report).await?;
    progress.begin(standing.runs);
    let mut after = 0;
    while after < standing.runs {
        for rows in page(prover, after, standing.runs).await? {
            let sequence = rows.sequence;
            versions.hold(prover, rows.run.as_ref(), &mut report);
            match &rows.log {
                Some(row) => {
                    report.broken(chain.follow(row));
                    one_run(prover, days, row, &rows, &mut history, &mut report).await?;
                }
                None => history.gap(),
            }
            progress.next(sequence);
        }
        after += u64::from(PAGE);
    }
    report.broken(chain.end(standing.runs, &standing.chain_head));
    nothing_follows(prover, standing.runs, &mut report).await?;
    decisions::follow(prover, &mut report).await?;
    history.leads_to(&standing, &mut report);
    transfers::compare(prover, &history, days, &mut report).await?;
    windows::find_strays(prover, &history, days, &mut report).await?;
    Ok(report)
}

/// Looks for rows past the end of the chain, which no run has written.
async fn nothing_follows(prover: &Prover, last: u64, report: &mut Report) -> Result<(), ProofError> {
    let Some(row) = prover.ledger.log_rows_after(last, 1).await?.into_iter().next() else { return Ok(()) };
    // A run may have been committed since.
    if prover.ledger.runs().await? < row.sequence {
        let what = "the row stands after the end of the chain: no run has written it".to_owned();
        report.broken(Some(Break { sequence: row.sequence, what }));
    }
    Ok(())
}

/// One run's record in the history, and its window recomputed where it is asked for.
async fn one_run(
    prover: &Prover,
    days: &Days,
    row: &LogRow,
    rows: &Rows,
    history: &mut History,
    report: &mut Report,
) -> Result<(), ProofError> {
    let key = format!("sequence {}", row.sequence);
    let record = read_record(row).map_err(|error| error.to_string());
    let read = record.and_then(|record| Ok((history::window_of(prover, row, &record)?, record)));
    let (window, record) = match read {
        Ok(read) => read,
        Err(what) => {
            history.gap();
            report.add(Class::Tampering, None, LOG, key, what);
            return Ok(());
        }
    };
    let run = history.go_on(window, row, &record, rows, report);
    if days.hold(window.day) {
        windows::recompute(prover, run, row, history, report).await?;
    }
    Ok(())
}

/// The rows of the next runs, matched by sequence.
async fn page(prover: &Prover, after: u64, last: u64) -> Result<Vec<Rows>, StoreError> {
    let ledger = &prover.ledger;
    let logs = ledger.log_rows_after(after, PAGE).await?.into_iter();
    let mut logs: BTreeMap<u64, LogRow> = logs.map(|row| (row.sequence, row)).collect();
    let runs = ledger.runs_after(after, PAGE).await?.into_iter();
    let mut runs: BTreeMap<u64, Run> = runs.map(|run| (run.sequence, run)).collect();
    let figures = ledger.figures_after(after, PAGE).await?.into_iter();
    let mut figures: BTreeMap<u64, RunFigures> = figures.map(|row| (row.sequence, row)).collect();
    let span = after + 1..=(after + u64::from(PAGE)).min(last);
    let rows = |sequence| Rows {
        sequence,
        log: logs.remove(&sequence),
        run: runs.remove(&sequence),
        figures: figures.remove(&sequence),
    };
    Ok(span.map(rows).collect())
}
