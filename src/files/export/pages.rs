//! The rows of a table, a page at a time.

use std::collections::BTreeMap;

use chrono::{Days as Count, NaiveDate, TimeDelta};

use super::{Cell, ExportError, Exported, Format, Output, Sink, sink};
use crate::audit::LogRow;
use crate::rewards::money::Units;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Calendar, Instant, Kind};
use crate::store::{
    Archive, ArchiveError, Archived, Between, Movable, RewardRow, RulesVersion, Run, RunFigures, StoreError,
    StoredTransfer,
};

/// Rows that are read at once.
const PAGE: u32 = 5000;

/// The least that two instants differ by.
const MOMENT: TimeDelta = TimeDelta::microseconds(1);

/// Days of the programme, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// Exports the rows of some days and gives their number. Rows belong to the day that their window is of, changes of
/// the rules to the day that they were made on. They come in the order of the table's key. `progress` is told now and
/// then how many rows there are.
///
/// What is committed while this reads may be in it or not; a run that was committed before is there as a whole.
///
/// # Errors
/// [`ExportError`]; nothing stays of a file then.
pub async fn export(
    archive: &dyn Archive,
    calendar: &Calendar,
    table: Exported,
    days: Days,
    format: Format,
    output: Output,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<u64, ExportError> {
    let sink = sink(table, format, output.writer()?, output.path())?;
    let end = days.to.checked_add_days(Count::new(1)).unwrap_or(days.to);
    let span = Between { after: calendar.midnight(days.from) - MOMENT, before: calendar.midnight(end) };
    let mut pages = Pages { archive, table, days, span, sink, rows: 0, progress };
    pages.all().await?;
    pages.sink.finish()?;
    let rows = pages.rows;
    drop(pages);
    output.finish()?;
    Ok(rows)
}

pub(super) struct Pages<'a> {
    pub(super) archive: &'a dyn Archive,
    table: Exported,
    days: Days,
    pub(super) span: Between,
    sink: Box<dyn Sink + Send>,
    rows: u64,
    progress: &'a (dyn Fn(u64) + Send + Sync),
}

impl Pages<'_> {
    async fn all(&mut self) -> Result<(), ExportError> {
        match self.table {
            Exported::Rewards(kind) => self.rewards(kind).await,
            Exported::RewardLog => self.reward_log().await,
            Exported::DistributionLogs => self.distribution_logs().await,
            Exported::Runs => self.runs().await,
            Exported::Settlements => self.settlements().await,
            Exported::PoolState => self.pools().await,
            Exported::Transfers => self.transfers().await,
            Exported::Alarms => self.alarms().await,
            Exported::Holds => self.holds().await,
            Exported::RulesVersions => {
                let versions = self.archive.rules_versions().await.map_err(self.stored())?;
                let is_within = |version: &RulesVersion| self.is_within(version.since);
                let versions: Vec<_> = versions.into_iter().filter(is_within).collect();
                self.take(versions.iter().map(rules_version).collect())
            }
        }
    }

    /// One window after the other, each from partner to partner.
    async fn rewards(&mut self, kind: Kind) -> Result<(), ExportError> {
        let mut from = self.span.after + MOMENT;
        while let Some(start) = self.next_window(kind, from).await.map_err(self.stored())? {
            if start >= self.span.before {
                break;
            }
            let mut partner = i64::MIN;
            loop {
                let rows =
                    self.archive.reward_rows(kind, start, partner, PAGE).await.map_err(self.stored())?;
                let Some(last) = rows.last() else { break };
                partner = last.partner_id;
                self.take(rows.iter().map(reward_row).collect())?;
                if rows.len() < PAGE as usize {
                    break;
                }
            }
            from = start + MOMENT;
        }
        Ok(())
    }

    /// The next window with rows, in the table or in an archive.
    async fn next_window(&self, kind: Kind, from: Instant) -> Result<Option<Instant>, StoreError> {
        // The table first: what leaves it after that is in an archive by then.
        let stored = self.archive.next_reward_time(kind, from).await?;
        let archived = match kind {
            Kind::Hourly => self.archive.next_archived_time(from).await?,
            Kind::Daily => None,
        };
        Ok(stored.into_iter().chain(archived).min())
    }

    async fn reward_log(&mut self) -> Result<(), ExportError> {
        let mut after = (self.days.from, 0);
        loop {
            let rows = self.archive.figures_page(after, self.days.to, PAGE).await.map_err(self.stored())?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.day, last.sequence);
            self.take(rows.iter().map(figures).collect())?;
        }
    }

    async fn distribution_logs(&mut self) -> Result<(), ExportError> {
        for kind in [Kind::Daily, Kind::Hourly] {
            let mut range = self.span;
            loop {
                let rows = self.archive.log_rows_page(kind, range, PAGE).await.map_err(self.stored())?;
                let cells: Vec<Vec<Cell>> = rows.iter().map(log_row).collect::<Result<_, _>>()?;
                let Some(last) = rows.last() else { break };
                range.after = instant(&last.timestamp)?;
                self.take(cells)?;
            }
        }
        Ok(())
    }

    async fn runs(&mut self) -> Result<(), ExportError> {
        for kind in [Kind::Daily, Kind::Hourly] {
            let mut range = self.span;
            loop {
                let rows = self.archive.runs_page(kind, range, PAGE).await.map_err(self.stored())?;
                let Some(last) = rows.last() else { break };
                range.after = last.start;
                self.take(rows.iter().map(run).collect())?;
            }
        }
        Ok(())
    }

    async fn settlements(&mut self) -> Result<(), ExportError> {
        let mut range = self.span;
        loop {
            let rows = self.archive.settlements_page(range, PAGE).await.map_err(self.stored())?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            range.after = last.hour_start;
            self.take(rows.iter().map(|(settlement, paid)| settled(settlement, *paid)).collect())?;
        }
    }

    async fn pools(&mut self) -> Result<(), ExportError> {
        let mut after = self.days.from.pred_opt().unwrap_or(self.days.from);
        loop {
            let rows = self.archive.pools_page(after, self.days.to, PAGE).await.map_err(self.stored())?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            self.take(rows.iter().map(|(day, pool)| vec![Cell::Day(*day), Cell::Amount(*pool)]).collect())?;
        }
    }

    /// All there are are read, by their key, which begins with the partner; those of other days are left out. Those of
    /// archives are put in their places among them, an archive before what the table holds of its day.
    async fn transfers(&mut self) -> Result<(), ExportError> {
        let before = self.archive.archives().await.map_err(self.stored())?;
        let mut archived = self.archived_transfers(&before).await.map_err(self.stored())?;
        let mut after = None;
        loop {
            let rows = self.archive.transfers_after(after, PAGE).await.map_err(self.stored())?;
            let Some(last) = rows.last() else { break };
            let end = transfer_key(last);
            after = Some(end);
            let within = rows.into_iter().filter(|row| self.is_within(row.transfer.time));
            let mut page: BTreeMap<_, _> = within.map(|row| (transfer_key(&row), row)).collect();
            while let Some(entry) = archived.first_entry().filter(|entry| *entry.key() <= end) {
                let (key, row) = entry.remove_entry();
                page.insert(key, row);
            }
            self.take(page.values().map(transfer).collect())?;
        }
        self.take(archived.values().map(transfer).collect())?;
        // What left the table after the archives were read is in neither, and what came back may be in both.
        if moved(&self.archive.archives().await.map_err(self.stored())?).eq(moved(&before)) {
            return Ok(());
        }
        let moving = ArchiveError::Moving { table: self.table.name() };
        Err(self.stored()(moving.into()))
    }

    /// Those of the days that are exported. They are few: the special partners' alone.
    async fn archived_transfers(
        &self,
        archives: &[Archived],
    ) -> Result<BTreeMap<(i64, Instant), StoredTransfer>, StoreError> {
        let mut transfers = BTreeMap::new();
        let days = self.days.from..=self.days.to;
        let asked =
            |archived: &&Archived| archived.table == Movable::Transfers && days.contains(&archived.day);
        for archived in archives.iter().filter(asked) {
            let rows = self.archive.archived_transfers(archived).await?;
            transfers.extend(rows.into_iter().map(|row| (transfer_key(&row), row)));
        }
        Ok(transfers)
    }

    fn is_within(&self, instant: Instant) -> bool {
        self.span.after < instant && instant < self.span.before
    }

    pub(super) fn take(&mut self, rows: Vec<Vec<Cell>>) -> Result<(), ExportError> {
        self.sink.rows(&rows)?;
        self.rows += rows.len() as u64;
        (self.progress)(self.rows);
        Ok(())
    }

    /// For `map_err`.
    pub(super) fn stored(&self) -> impl Fn(StoreError) -> ExportError + use<> {
        let table = self.table.name();
        move |source| ExportError::Store { table, source }
    }
}

/// Which days' transfers are in archives, and since when.
fn moved(archives: &[Archived]) -> impl Iterator<Item = (NaiveDate, Instant)> {
    let archives = archives.iter().filter(|archived| archived.table == Movable::Transfers);
    archives.map(|archived| (archived.day, archived.archived_at))
}

const fn transfer_key(row: &StoredTransfer) -> (i64, Instant) {
    (row.transfer.partner_id, row.transfer.time)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Sequence numbers and counts are stored in 63 bits.
fn count(count: u64) -> Cell {
    Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

fn optional<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
    value.map_or(Cell::Null, cell)
}

pub(in crate::files) fn reward_row(row: &RewardRow) -> Vec<Cell> {
    let key = [Cell::Integer(row.partner_id), Cell::Integer(row.position.into()), Cell::Instant(row.start)];
    key.into_iter().chain(row.amounts.iter().copied().map(Cell::Amount)).collect()
}

fn figures(row: &RunFigures) -> Vec<Cell> {
    let mut cells = vec![
        count(row.sequence),
        text(row.kind.name()),
        Cell::Day(row.day),
        optional(row.hour, |hour| Cell::Integer(hour.into())),
        Cell::Instant(row.start),
        Cell::Amount(row.total_reward_cc),
        count(row.votes),
        count(row.voters),
    ];
    cells.extend(
        [
            row.cc_total,
            row.cc_rate,
            row.hourly_share,
            row.daily_share,
            row.late_cc,
            row.late_reward_cc,
            row.pool_before,
            row.pool_after,
            row.distributed,
            row.undistributed,
            row.market_bonus,
        ]
        .map(Cell::Amount),
    );
    cells.push(optional(row.ecc_cap, Cell::Amount));
    cells
}

/// The ledger hands this one over as it is hashed, in texts.
fn log_row(row: &LogRow) -> Result<Vec<Cell>, ExportError> {
    Ok(vec![
        count(row.sequence),
        text(&row.reward_type),
        Cell::Instant(instant(&row.timestamp)?),
        amount(&row.total_amount)?,
        text(&row.user_counts),
        row.ecc_cap.as_deref().map_or(Ok(Cell::Null), amount)?,
        text(&row.record),
        text(&row.previous_hash),
    ])
}

fn instant(text: &str) -> Result<Instant, ExportError> {
    text.parse().map_err(|_| unreadable(text))
}

fn amount(text: &str) -> Result<Cell, ExportError> {
    Units::parse(text).map(Cell::Amount).map_err(|_| unreadable(text))
}

fn unreadable(value: &str) -> ExportError {
    ExportError::Unreadable { table: Exported::DistributionLogs.name(), value: value.to_owned() }
}

fn run(run: &Run) -> Vec<Cell> {
    vec![
        text(run.kind.name()),
        Cell::Instant(run.start),
        count(run.sequence),
        text(&run.rules_version),
        Cell::Instant(run.committed_at),
    ]
}

fn settled(hour: &Settlement, paid: bool) -> Vec<Cell> {
    let amounts = [hour.cc_total, hour.rate, hour.total, hour.hourly_share, hour.daily_share];
    let key = [Cell::Instant(hour.hour_start), Cell::Day(hour.day)];
    key.into_iter().chain(amounts.map(Cell::Amount)).chain([Cell::Integer(paid.into())]).collect()
}

pub(in crate::files) fn transfer(row: &StoredTransfer) -> Vec<Cell> {
    vec![
        Cell::Integer(row.transfer.partner_id),
        Cell::Instant(row.transfer.time),
        Cell::Amount(row.transfer.amount),
        Cell::Integer(row.attempts.into()),
        optional(row.next_attempt_at, Cell::Instant),
        optional(row.last_error.clone(), Cell::Text),
        optional(row.delivered_at, Cell::Instant),
    ]
}

fn rules_version(version: &RulesVersion) -> Vec<Cell> {
    vec![count(version.number), text(&version.version), Cell::Instant(version.since), text(&version.rules)]
}
