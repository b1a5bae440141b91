//! The votes of a window, streamed hour by hour over every view and added up as they come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::row::SourceRow;
use super::views::View;
use super::{SqlSource, bound, vote_amount};
use crate::frames::{Gathered, Vote};
use crate::rewards::window::{Instant, Window};
use crate::store::Request;
use crate::store::error::{BadValue, SourceError};

/// The columns of the votes query.
const PARTNER_ID: usize = 0;
const VOTE_TYPE: usize = 1;
const CC: usize = 2;
const ECC: usize = 3;
const VOTED_AT: usize = 4;
/// Only asked for where a row has to be named: it would be a tenth of what is sent.
const ID: usize = 5;

/// A part of a window. A reader that is done takes the next, so a busy hour holds nobody up.
#[derive(Clone, Copy, Debug)]
struct Slice {
    start: Instant,
    end: Instant,
}

/// The reading of one window by several readers.
struct Reading {
    source: SqlSource,
    slices: Vec<Slice>,
    /// The first slice that nobody has taken yet.
    next: AtomicUsize,
    /// What a reader may hold before it hands its part over, bytes.
    part_bytes: usize,
    total: Mutex<Gathered>,
}

impl SqlSource {
    /// All votes of a window. The views are of one state, so no vote is in two slices or in none.
    pub(super) async fn votes(&self, views: Vec<View>, request: &Request) -> Result<Gathered, SourceError> {
        let slices = slices(&request.window);
        let readers = views.len().min(slices.len());
        let empty = request.gathered();
        let reading = Arc::new(Reading {
            source: self.clone(),
            slices,
            next: AtomicUsize::new(0),
            // One half is for the readers, the other for what they bring together.
            part_bytes: self.effort.memory_budget / 2 / readers,
            total: Mutex::new(empty.clone()),
        });
        let mut tasks = JoinSet::new();
        for view in views.into_iter().take(readers) {
            let (reading, part) = (Arc::clone(&reading), empty.clone());
            // Outside of any span: the driver would enter and leave it with every row.
            tasks.spawn(async move { reading.read(view, part).await });
        }
        let mut outcome = Ok(());
        while let Some(done) = tasks.join_next().await {
            let done = done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            outcome = outcome.and(done);
        }
        outcome?;
        let reading = Arc::into_inner(reading).expect("all readers are done");
        Ok(reading.total.into_inner().expect("no reader has panicked"))
    }
}

impl Reading {
    /// Takes slices until there is none left or one of them is bad.
    async fn read(&self, mut view: View, mut part: Gathered) -> Result<(), SourceError> {
        while let Some(slice) = self.slices.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = self.slice(&mut view, slice, &mut part).await {
                // The others need not go on.
                self.next.store(self.slices.len(), Ordering::Relaxed);
                return Err(error);
            }
        }
        self.hand_over(&mut part);
        Ok(())
    }

    async fn slice(&self, view: &mut View, slice: &Slice, part: &mut Gathered) -> Result<(), SourceError> {
        let (table, bounds) = (&self.source.names.votes_table, [bound(slice.start), bound(slice.end)]);
        let micros = slice.start.timestamp_micros()..slice.end.timestamp_micros();
        let mut push = |row: &dyn SourceRow| {
            let vote = vote(row).and_then(|vote| match micros.contains(&vote.voted_at) {
                true => Ok(vote),
                false => Err((VOTED_AT, BadValue::NotAnInstant)),
            });
            part.push(vote.map_err(|(column, why)| self.bad_vote(row, column, &why, false))?);
            if part.exceeds(self.part_bytes) {
                self.hand_over(part);
            }
            Ok(())
        };
        let read = view.each_row(&self.source.names.votes_query(false), &bounds, table, &mut push).await;
        let Err(SourceError::BadRow { .. }) = read else { return read };
        // The same view holds the same rows, so the same one is found again, with its id.
        let mut find = |row: &dyn SourceRow| match vote(row) {
            Ok(vote) if micros.contains(&vote.voted_at) => Ok(()),
            Ok(_) => Err(self.bad_vote(row, VOTED_AT, &BadValue::NotAnInstant, true)),
            Err((column, why)) => Err(self.bad_vote(row, column, &why, true)),
        };
        view.each_row(&self.source.names.votes_query(true), &bounds, table, &mut find).await.and(read)
    }

    fn hand_over(&self, part: &mut Gathered) {
        self.total.lock().expect("no reader has panicked").absorb(part);
    }

    fn bad_vote(&self, row: &dyn SourceRow, column: usize, why: &BadValue, has_id: bool) -> SourceError {
        let names = &self.source.names;
        let columns = [&names.partner_id, &names.vote_type, &names.cc, &names.ecc, &names.voted_at];
        SourceError::BadRow {
            table: names.votes_table.clone(),
            id: if has_id { row.show(ID) } else { "?".to_owned() },
            column: columns[column].clone(),
            value: row.show(column),
            why: why.to_string(),
        }
    }
}

/// Reads one row. Nothing is guessed, nothing is skipped (rules, section 8): an error says which column is bad.
fn vote(row: &dyn SourceRow) -> Result<Vote<'_>, (usize, BadValue)> {
    let bad = |column| move |why| (column, why);
    Ok(Vote {
        partner_id: row.integer(PARTNER_ID).map_err(bad(PARTNER_ID))?,
        vote_type: row.text(VOTE_TYPE).map_err(bad(VOTE_TYPE))?,
        cc: vote_amount(row.amount(CC)).map_err(bad(CC))?,
        ecc: vote_amount(row.amount(ECC)).map_err(bad(ECC))?,
        voted_at: row.micros(VOTED_AT).map_err(bad(VOTED_AT))?,
    })
}

/// The hours of a window.
fn slices(window: &Window) -> Vec<Slice> {
    let mut slices = Vec::new();
    let mut start = window.start;
    while start < window.end {
        let end = (start + chrono::TimeDelta::hours(1)).min(window.end);
        slices.push(Slice { start, end });
        start = end;
    }
    slices
}
