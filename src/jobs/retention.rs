//! Retention: old rows move, a day at a time, from the tables to files that are still read.
//!
//! ```text
//! a day's rows → file, on the disk → read back, row for row → named in reward_archives → removed, hour by hour
//! ```
//!
//! Killed between any two of these steps, the next look goes on from what it finds: a day that is not named is written
//! anew, beside a file that is there; of a day that is named, the rest of its rows is removed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tracing::info;

use super::JobError;
use crate::clock::Clock;
use crate::rewards::money::Units;
use crate::rewards::window::{Calendar, Instant, Kind, Window, show};
use crate::store::{
    ArchiveError, Archived, Contents, Held, Movable, MovedRow, Mover, NewArchive, Shelf, StoreError, Tally,
    Tallying,
};

/// Rows that are read at once.
const PAGE: u32 = 5_000;

/// What moves rows.
pub struct Retention<'a> {
    pub mover: &'a dyn Mover,
    pub shelf: &'a Arc<dyn Shelf>,
    pub clock: &'a dyn Clock,
}

/// A day of a table that was moved, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedDay {
    pub table: Movable,
    pub day: NaiveDate,
    pub rows: u64,
    pub amount: Units,
}

/// A day that is old enough and stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDay {
    pub table: Movable,
    pub day: NaiveDate,
    pub why: String,
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    pub moved: Vec<MovedDay>,
    pub kept: Vec<KeptDay>,
}

impl Retained {
    pub fn add(&mut self, other: Self) {
        self.moved.extend(other.moved);
        self.kept.extend(other.kept);
    }
}

/// Asked before every step whether to go on; a move that ends in the middle is finished by the next look.
pub type GoOn<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// The tables whose rows are moved, with the age that is configured for each.
pub fn retained_tables(
    hourly_rewards: Option<Duration>,
    transfers: Option<Duration>,
) -> impl Iterator<Item = (Movable, Duration)> {
    let ages = [(Movable::HourlyRewards, hourly_rewards), (Movable::Transfers, transfers)];
    ages.into_iter().filter_map(|(table, age)| Some((table, age?)))
}

impl Retention<'_> {
    /// Moves every day of a table that ended longer ago than `age`, oldest first.
    ///
    /// # Errors
    /// [`JobError`]; what was moved before stays moved.
    pub async fn move_days(
        &self,
        table: Movable,
        age: Duration,
        go_on: GoOn<'_>,
    ) -> Result<Retained, JobError> {
        let mut retained = Retained::default();
        let newest = self.mover.archives().await?.into_iter().max_by_key(|archived| archived.archived_at);
        // Before the look: who held it until now may have moved what this looks at.
        let _held = self.hold(newest).await?;
        let Some(mut look) = self.look(table, age).await? else { return Ok(retained) };
        for archived in look.archives.values().filter(|archived| archived.cleared_at.is_none()) {
            if self.clear(archived, &self.inspected(archived).await?, go_on).await? {
                retained.moved.push(moved(archived));
            }
        }
        while let Some((day, why)) = look.next(self.mover).await? {
            if !go_on() {
                break;
            }
            match why {
                Some(why) => retained.kept.push(KeptDay { table, day: day.day, why }),
                None => retained.moved.extend(self.move_day(table, &day, go_on).await?),
            }
        }
        Ok(retained)
    }

    /// What [`Retention::move_days`] would do; writes nothing.
    ///
    /// # Errors
    /// [`JobError`].
    pub async fn would_move(&self, table: Movable, age: Duration) -> Result<Retained, JobError> {
        let mut retained = Retained::default();
        let Some(mut look) = self.look(table, age).await? else { return Ok(retained) };
        let unfinished = look.archives.values().filter(|archived| archived.cleared_at.is_none());
        retained.moved.extend(unfinished.map(moved));
        while let Some((day, why)) = look.next(self.mover).await? {
            if let Some(why) = why {
                retained.kept.push(KeptDay { table, day: day.day, why });
                continue;
            }
            let (mut rows, mut amount) = (0, Units::ZERO);
            let mut from = day.start;
            while let Some(time) = next_hour(self.mover, table, from, &day).await? {
                let tally = self.mover.movable_tally(table, time).await?;
                rows += tally.rows;
                amount = amount.checked_add(tally.amount).map_err(|why| out_of_range(table, why))?;
                from = after(time);
            }
            retained.moved.push(MovedDay { table, day: day.day, rows, amount });
        }
        Ok(retained)
    }

    /// Brings a day's rows back into the table; its file stays. None where the day is not in an archive.
    ///
    /// # Errors
    /// [`JobError`]; until all rows are back, they are read from the archive.
    pub async fn bring_back(&self, table: Movable, day: NaiveDate) -> Result<Option<MovedDay>, JobError> {
        let Some(known) = self.archived(table, day).await? else { return Ok(None) };
        let _held = self.hold(Some(known)).await?;
        let Some(archived) = self.archived(table, day).await? else { return Ok(None) };
        let contents = self.inspected(&archived).await?;
        self.mover.uncleared(&archived).await?;
        for time in contents.hours.keys() {
            let (known, time) = (archived.clone(), *time);
            let rows = self.aside(move |shelf| shelf.rows(&known, time)).await?;
            self.mover.refill(&archived, time, &rows).await?;
        }
        self.mover.unarchive(&archived).await?;
        info!(table = table.name(), %day, rows = archived.rows, "brought back from the archive");
        Ok(Some(moved(&archived)))
    }

    async fn look(&self, table: Movable, age: Duration) -> Result<Option<Look>, JobError> {
        let Some(programme) = self.mover.programme().await? else { return Ok(None) };
        let archives = self.mover.archives().await?.into_iter().filter(|archived| archived.table == table);
        let age = chrono::TimeDelta::from_std(age).unwrap_or(chrono::TimeDelta::MAX);
        Ok(Some(Look {
            table,
            calendar: programme.calendar()?,
            start: programme.start,
            until: self.clock.now().checked_sub_signed(age).unwrap_or(Instant::MIN_UTC),
            archives: archives.map(|archived| (archived.day, archived)).collect(),
            from: Instant::UNIX_EPOCH,
        }))
    }

    async fn move_day(
        &self,
        table: Movable,
        day: &Window,
        go_on: GoOn<'_>,
    ) -> Result<Option<MovedDay>, JobError> {
        let Some((file, written)) = self.write(table, day, go_on).await? else { return Ok(None) };
        let contents = self.inspect(table, &file).await?;
        if contents.hours != written {
            let what = format!("the file of {} reads back as other rows than were written", day.day);
            return Err(StoreError::from(ArchiveError::Differs { table: table.name(), what }).into());
        }
        let sums = written.values().map(|tally| tally.amount);
        let archived = Archived {
            table,
            day: day.day,
            span: (day.start, day.end),
            file,
            rows: written.values().map(|tally| tally.rows).sum(),
            amount: Units::checked_sum(sums).map_err(|why| out_of_range(table, why))?,
            sha256: contents.sha256.clone(),
            archived_at: self.clock.now(),
            cleared_at: None,
        };
        self.mover.archive(&archived).await?;
        Ok(self.clear(&archived, &contents, go_on).await?.then(|| moved(&archived)))
    }

    /// Writes the rows of a day to a file, and gives its name and what they come to by hour; none where it is to end.
    async fn write(
        &self,
        table: Movable,
        day: &Window,
        go_on: GoOn<'_>,
    ) -> Result<Option<(String, BTreeMap<Instant, Tally>)>, JobError> {
        let date = day.day;
        let mut file = self.aside(move |shelf| shelf.begin(table, date)).await?;
        let mut written = BTreeMap::new();
        let mut from = day.start;
        while let Some(time) = next_hour(self.mover, table, from, day).await? {
            if !go_on() {
                return Ok(None);
            }
            let mut tally = Tallying::default();
            let mut partner = i64::MIN;
            loop {
                let rows = self.mover.movable_rows(table, time, partner, PAGE).await?;
                let is_last = rows.len() < PAGE as usize;
                partner = rows.last().map_or(partner, MovedRow::partner_id);
                (file, tally) = aside(move || add(file, tally, &rows, is_last)).await?;
                if is_last {
                    break;
                }
            }
            written.insert(time, tally.done());
            from = after(time);
        }
        Ok(Some((aside(move || file.finish()).await?, written)))
    }

    /// Removes the rows of a day that is named in reward_archives; false where it is to end before the last.
    async fn clear(
        &self,
        archived: &Archived,
        contents: &Contents,
        go_on: GoOn<'_>,
    ) -> Result<bool, JobError> {
        for (time, tally) in &contents.hours {
            if !go_on() {
                return Ok(false);
            }
            self.mover.clear(archived, *time, tally).await?;
        }
        self.mover.cleared(archived, self.clock.now()).await?;
        let Archived { table, day, rows, amount, file, .. } = archived;
        info!(table = table.name(), %day, rows, %amount, file, "moved to the archive");
        Ok(true)
    }

    /// The contents of an archive's file, where it is the one that was written.
    async fn inspected(&self, archived: &Archived) -> Result<Contents, JobError> {
        let contents = self.inspect(archived.table, &archived.file).await?;
        if contents.sha256 != archived.sha256 {
            let (path, why) = ((&archived.file).into(), "its SHA-256 is another".to_owned());
            return Err(StoreError::from(ArchiveError::Changed { path, why }).into());
        }
        Ok(contents)
    }

    async fn inspect(&self, table: Movable, file: &str) -> Result<Contents, StoreError> {
        let file = file.to_owned();
        self.aside(move |shelf| shelf.inspect(table, &file)).await
    }

    async fn archived(&self, table: Movable, day: NaiveDate) -> Result<Option<Archived>, StoreError> {
        let archives = self.mover.archives().await?;
        Ok(archives.into_iter().find(|archived| (archived.table, archived.day) == (table, day)))
    }

    async fn hold(&self, known: Option<Archived>) -> Result<Box<dyn Held>, JobError> {
        Ok(self.aside(move |shelf| shelf.hold(known.as_ref())).await?)
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Shelf) -> crate::store::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shelf = Arc::clone(self.shelf);
        aside(move || work(shelf.as_ref())).await
    }
}

/// The days of a table that are old enough, one after the other.
struct Look {
    table: Movable,
    calendar: Calendar,
    start: NaiveDate,
    /// Days that ended by then are old enough.
    until: Instant,
    archives: BTreeMap<NaiveDate, Archived>,
    /// Where the next day is looked for.
    from: Instant,
}

impl Look {
    /// The next day with rows, and why it stays where it is; none where it may be moved.
    async fn next(&mut self, mover: &dyn Mover) -> Result<Option<(Window, Option<String>)>, JobError> {
        while let Some(time) = mover.next_movable(self.table, self.from).await? {
            let day = self.calendar.window_at(Kind::Daily, time);
            if day.end > self.until {
                break;
            }
            self.from = day.end;
            // One that is on its way is finished before others are looked for.
            if self.archives.get(&day.day).is_none_or(|archived| archived.cleared_at.is_some()) {
                let why = self.why_not(mover, &day).await?;
                return Ok(Some((day, why)));
            }
        }
        Ok(None)
    }

    /// What keeps a day from being moved: only what is done with for good is.
    async fn why_not(&self, mover: &dyn Mover, day: &Window) -> Result<Option<String>, JobError> {
        if day.day < self.start {
            return Ok(Some("it is before the programme's first day".to_owned()));
        }
        if let Some(Archived { file, .. }) = self.archives.get(&day.day) {
            return Ok(Some(format!(
                "it was moved to {file}, and rows have come since; see `rewardd verify`"
            )));
        }
        let hours = self.calendar.hours(day.day);
        let paid = mover.paid_count(Kind::Hourly, day.start, day.end).await?;
        if paid != hours.len() as u64 {
            return Ok(Some(format!("{paid} of its {} hours are paid", hours.len())));
        }
        if mover.paid_count(Kind::Daily, day.start, day.end).await? != 1 {
            return Ok(Some("the day is not paid".to_owned()));
        }
        let waiting = mover.waiting_of(day).await?;
        if waiting > 0 {
            return Ok(Some(format!("{waiting} of its transfers wait to be delivered")));
        }
        let held = mover.open_holds_of(day).await?;
        if held > 0 {
            return Ok(Some(format!("{held} partners' amounts of it are set aside, and not decided")));
        }
        let mut from = day.start;
        while let Some(time) = next_hour(mover, self.table, from, day).await? {
            if !hours.iter().any(|hour| hour.start == time) {
                return Ok(Some(format!("rows of {} are of no window; see `rewardd verify`", show(time))));
            }
            from = after(time);
        }
        Ok(None)
    }
}

/// The next hour of a day that has rows.
async fn next_hour(
    mover: &dyn Mover,
    table: Movable,
    from: Instant,
    day: &Window,
) -> Result<Option<Instant>, StoreError> {
    Ok(mover.next_movable(table, from).await?.filter(|time| day.contains(*time)))
}

fn after(time: Instant) -> Instant {
    time + chrono::TimeDelta::microseconds(1)
}

fn moved(archived: &Archived) -> MovedDay {
    let Archived { table, day, rows, amount, .. } = archived;
    MovedDay { table: *table, day: *day, rows: *rows, amount: *amount }
}

fn out_of_range(table: Movable, why: impl std::fmt::Display) -> StoreError {
    ArchiveError::Differs { table: table.name(), what: format!("the sum of its rows {why}") }.into()
}

type Writing = (Box<dyn NewArchive>, Tallying);

fn add(
    mut file: Box<dyn NewArchive>,
    mut tally: Tallying,
    rows: &[MovedRow],
    is_last: bool,
) -> Result<Writing, StoreError> {
    for row in rows {
        let table =
            if matches!(row, MovedRow::Reward(_)) { Movable::HourlyRewards } else { Movable::Transfers };
        tally.add(row).map_err(|why| out_of_range(table, why))?;
    }
    file.add(rows)?;
    if is_last {
        file.end_hour()?;
    }
    Ok((file, tally))
}

/// Runs what blocks on a thread that may wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
