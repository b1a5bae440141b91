//! Amounts, instants and dates as SQL text, and back.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::driver::Row;
use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::error::{BadValue, doing};
use crate::store::{Result, StoreError};

/// An instant as both dialects store and compare it: `2026-11-19 13:00:00.000000`.
#[must_use]
pub fn sql_time(instant: Instant) -> String {
    instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Reads an instant back, also where a source wrote less than six digits.
///
/// # Errors
/// [`BadValue::NotAnInstant`].
pub fn parse_time(text: &str) -> Result<Instant, BadValue> {
    let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
    let time = parsed.map_err(|_| BadValue::NotAnInstant)?;
    if time.nanosecond() % 1000 != 0 || time.nanosecond() >= 1_000_000_000 {
        return Err(BadValue::NotAnInstant);
    }
    Ok(time.and_utc())
}

/// A row of one of our own tables, read by column index. What cannot be read was not written by us.
pub struct OwnRow<'row> {
    pub table: &'static str,
    pub row: &'row Row,
}

impl OwnRow<'_> {
    /// # Errors
    /// [`StoreError`].
    pub fn text(&self, index: usize) -> Result<String> {
        self.row.text(index).map_err(doing("reading a text"))
    }

    /// # Errors
    /// [`StoreError`].
    pub fn int(&self, index: usize) -> Result<i64> {
        self.row.int(index).map_err(doing("reading a number"))
    }

    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn count(&self, index: usize, column: &'static str) -> Result<u64> {
        let number = self.int(index)?;
        u64::try_from(number).map_err(|_| self.unreadable(column, &number.to_string(), "is negative"))
    }

    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn units(&self, index: usize, column: &'static str) -> Result<Units> {
        let text = self.text(index)?;
        Units::parse(&text).map_err(|why| self.unreadable(column, &text, why))
    }

    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn instant(&self, index: usize, column: &'static str) -> Result<Instant> {
        let text = self.text(index)?;
        parse_time(&text).map_err(|why| self.unreadable(column, &text, why))
    }

    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn date(&self, index: usize, column: &'static str) -> Result<NaiveDate> {
        let text = self.text(index)?;
        text.parse().map_err(|_| self.unreadable(column, &text, "is no date"))
    }

    fn unreadable(&self, column: &'static str, value: &str, why: impl ToString) -> StoreError {
        StoreError::Unreadable { table: self.table, column, value: value.to_owned(), why: why.to_string() }
    }
}
