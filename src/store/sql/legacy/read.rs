//! Reward rows of another program, one by one in the order of their windows, and what is wrong with each.

use std::collections::HashSet;

use super::shape::{OldTable, found};
use super::value::{Amount, Inexact, instant, whole};
use crate::rewards::money::Units;
use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::{Instant, Kind};
use crate::store::error::{BadValue, doing};
use crate::store::sql::bind::Row;
use crate::store::sql::source::bound;
use crate::store::sql::{Database, statements as sql};
use crate::store::{Result, StoreError};

/// A reward row that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOf {
    pub start: Instant,
    pub partner_id: i64,
    pub position: u32,
    /// In the order of [`columns`].
    pub amounts: Vec<Amount>,
}

/// What is wrong with a value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub table: String,
    /// The row by its time and partner, as they are stored.
    pub row: String,
    pub column: String,
    /// As it is stored.
    pub value: String,
    /// Ends the sentence "… is X, which".
    pub why: String,
    /// What it is cut down to, where it has only too many digits.
    pub cut_to: Option<Units>,
}

/// What a walk through a table has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub rows: u64,
    /// Rows that convert as they are.
    pub exact: u64,
    /// Rows with amounts that are cut down.
    pub cut: u64,
    /// Rows that do not convert.
    pub refused: u64,
    /// Units by column, of the rows that convert.
    pub sums: Vec<i128>,
    pub first: Option<Instant>,
    pub last: Option<Instant>,
}

/// Takes what a walk meets.
pub trait Sink: Send {
    fn problem(&mut self, _problem: &Problem) {}

    /// A row that converts.
    fn row(&mut self, _row: RowOf) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Goes through a table that lists rewards.
///
/// # Errors
/// [`StoreError`].
pub async fn scan(
    database: &Database,
    table: &OldTable,
    inexact: Inexact,
    sink: &mut impl Sink,
) -> Result<Scan> {
    let Some(kind) = table.kind.filter(|_| table.missing.is_empty()) else { return Ok(Scan::default()) };
    let type_of = |name: &str| table.column(name).map_or("", |column| column.column_type.as_str());
    let reader = Reader::new(database, table.name, kind, type_of);
    let mut scan = Scan { sums: vec![0; columns(kind).len()], ..Scan::default() };
    let mut partners = Partners::default();
    database
        .each(reader.rows(None), async |row| {
            let row = reader.read(&row)?;
            scan.rows += 1;
            match reader.judge(&row, inexact, &mut partners, sink) {
                Some(row) => {
                    let is_cut = row.amounts.iter().any(|amount| matches!(amount, Amount::Cut(_)));
                    *(if is_cut { &mut scan.cut } else { &mut scan.exact }) += 1;
                    scan.add(&row)?;
                    sink.row(row).await
                }
                None => {
                    scan.refused += 1;
                    Ok(())
                }
            }
        })
        .await?;
    Ok(scan)
}

impl Scan {
    fn add(&mut self, row: &RowOf) -> Result<()> {
        for (sum, amount) in self.sums.iter_mut().zip(&row.amounts) {
            let more = sum.checked_add(amount.units().count());
            *sum = more.ok_or_else(|| StoreError::Foreign { why: "a sum is out of range".to_owned() })?;
        }
        self.first = Some(self.first.map_or(row.start, |first| first.min(row.start)));
        self.last = Some(self.last.map_or(row.start, |last| last.max(row.start)));
        Ok(())
    }
}

/// What rows of the window that is being read belong to: rows come in the order of windows.
#[derive(Default)]
struct Partners {
    start: Option<Instant>,
    seen: HashSet<i64>,
}

impl Partners {
    fn is_new(&mut self, start: Instant, partner_id: i64) -> bool {
        if self.start != Some(start) {
            self.start = Some(start);
            self.seen.clear();
        }
        self.seen.insert(partner_id)
    }
}

/// A row's texts: partner, position, time, then the amounts.
struct Texts(Vec<Option<String>>);

impl Texts {
    fn get(&self, index: usize) -> Option<&str> {
        self.0[index].as_deref()
    }

    fn shown(&self, index: usize) -> String {
        self.get(index).unwrap_or("NULL").to_owned()
    }

    fn key(&self) -> String {
        format!("time {}, partner_id {}", self.shown(2), self.shown(0))
    }
}

/// Reads the rows of one table.
struct Reader {
    table: String,
    names: Vec<&'static str>,
    texts: Vec<String>,
}

impl Reader {
    fn new<'t>(database: &Database, table: &str, kind: Kind, type_of: impl Fn(&str) -> &'t str) -> Self {
        let names: Vec<_> =
            ["partner_id", "position", "time"].into_iter().chain(columns(kind).iter().copied()).collect();
        let texts = names.iter().map(|name| sql::as_text(database, name, type_of(name))).collect();
        Self { table: table.to_owned(), names, texts }
    }

    fn rows(&self, between: Option<(&str, &str)>) -> String {
        sql::old_rows(&self.table, &self.texts, between)
    }

    fn read(&self, row: &Row) -> Result<Texts> {
        let texts = (0..self.names.len()).map(|column| row.optional_text(column));
        Ok(Texts(texts.collect::<sqlx::Result<_>>().map_err(doing("reading a row of another program"))?))
    }

    /// Says what is wrong with a row; gives it where it converts.
    fn judge(
        &self,
        row: &Texts,
        inexact: Inexact,
        partners: &mut Partners,
        sink: &mut impl Sink,
    ) -> Option<RowOf> {
        let mut is_good = true;
        let mut problem = |column: usize, why: String, cut_to: Option<Units>| {
            is_good &= cut_to.is_some() && inexact == Inexact::Floor;
            let (column, value) = (self.names[column].to_owned(), row.shown(column));
            sink.problem(&Problem { table: self.table.clone(), row: row.key(), column, value, why, cut_to });
        };
        let (partner_id, position, start) =
            Self::whose(row, &mut |column, why| problem(column, why.to_string(), None));
        if let (Some(partner_id), Some(start)) = (partner_id, start)
            && !partners.is_new(start, partner_id)
        {
            problem(0, "has another row in this window".to_owned(), None);
        }
        let mut amounts = Vec::with_capacity(self.names.len() - 3);
        for column in 3..self.names.len() {
            match Amount::read(row.get(column)) {
                Ok(amount) => {
                    if let Amount::Cut(units) = amount {
                        problem(column, "has more than 8 fractional digits".to_owned(), Some(units));
                    }
                    amounts.push(amount);
                }
                Err(why) => problem(column, why.to_string(), None),
            }
        }
        Some(RowOf { start: start?, partner_id: partner_id?, position: position?, amounts })
            .filter(|_| is_good)
    }

    /// Partner, position and window, as far as they can be read.
    fn whose(
        row: &Texts,
        problem: &mut impl FnMut(usize, BadValue),
    ) -> (Option<i64>, Option<u32>, Option<Instant>) {
        let partner_id = whole::<i64>(row.get(0)).map_err(|why| problem(0, why)).ok();
        // An INT in ours.
        let position = whole::<i32>(row.get(1))
            .and_then(|position| u32::try_from(position).map_err(|_| BadValue::Negative));
        let position = position.map_err(|why| problem(1, why)).ok();
        let start = instant(row.get(2)).map_err(|why| problem(2, why)).ok();
        (partner_id, position, start)
    }
}

/// The pools of another program: money that it has collected and not paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpaid {
    pub days: u64,
    /// Of the days whose amount could be read, cut down to 8 digits.
    pub sum: i128,
    /// Days whose amount could not be read.
    pub unreadable: u64,
}

/// Adds the old pools up; none where the table has no such column.
///
/// # Errors
/// [`StoreError`].
pub async fn unpaid_pools(database: &Database, table: &OldTable) -> Result<Option<Unpaid>> {
    let Some(column) = table.column("accumulated_daily_pool") else { return Ok(None) };
    let text = sql::as_text(database, &column.name, &column.column_type);
    let mut unpaid = Unpaid::default();
    database
        .each(sql::old_texts(table.name, &[text]), async |row| {
            let text = row.optional_text(0).map_err(doing("reading the old pools"))?;
            match Amount::read(text.as_deref()) {
                Ok(amount) if amount.units().is_zero() => {}
                Ok(amount) => {
                    unpaid.days += 1;
                    unpaid.sum += amount.units().count();
                }
                Err(_) => unpaid.unreadable += 1,
            }
            Ok(())
        })
        .await?;
    Ok(Some(unpaid))
}

/// A table of rewards in another database, whatever program writes it.
pub struct Outsider {
    database: Database,
    reader: Reader,
}

impl Outsider {
    /// The table of a kind; none where there is none.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] where it lacks a column that ours has; [`StoreError`].
    pub async fn open(database: &Database, kind: Kind) -> Result<Option<Self>> {
        let table = reward_table(kind);
        let Some(found) = found(database).await?.remove(table) else { return Ok(None) };
        let type_of = |name: &str| {
            let column = found.columns.iter().find(|(column, _)| column == name);
            column.map_or("", |(_, column_type)| column_type.as_str())
        };
        let reader = Reader::new(database, table, kind, type_of);
        if let Some(missing) = reader.names.iter().find(|name| type_of(name).is_empty()) {
            return Err(StoreError::Foreign { why: format!("{table} there has no column {missing}") });
        }
        Ok(Some(Self { database: database.clone(), reader }))
    }

    /// The rows of the windows that start in `[from, before)`, of whole seconds, in their order; `sink` is told of those that cannot be
    /// read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rows(&self, from: Instant, before: Instant, sink: &mut impl Sink) -> Result<()> {
        // Texts of instants may lack the fraction, and then sort before those that have one.
        let (from, before) = (bound(from), bound(before));
        let mut partners = Partners::default();
        self.database
            .each(self.reader.rows(Some((&from, &before))), async |row| {
                let row = self.reader.read(&row)?;
                match self.reader.judge(&row, Inexact::Floor, &mut partners, sink) {
                    Some(row) => sink.row(row).await,
                    None => Ok(()),
                }
            })
            .await
    }
}
