//! Amounts, instants and dates as SQL text, and back.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::bind::Row;
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

/// [`parse_time`] in microseconds since 1970. Every vote in SQLite comes through here, and nearly all are written in
/// full: those are read by the place of their digits.
///
/// # Errors
/// [`BadValue::NotAnInstant`].
pub fn parse_micros(text: &str) -> Result<i64, BadValue> {
    full_micros(text.as_bytes()).map_or_else(|| Ok(parse_time(text)?.timestamp_micros()), Ok)
}

/// `2026-11-19 13:00:00.000000`, and nothing else.
fn full_micros(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'.')];
    if text.len() != 26 || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(number(0, 4)? as i32, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?)?;
    Some(time.and_utc().timestamp_micros())
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
    pub fn optional_text(&self, index: usize) -> Result<Option<String>> {
        self.row.optional_text(index).map_err(doing("reading a text"))
    }

    /// # Errors
    /// [`StoreError`].
    pub fn optional_int(&self, index: usize) -> Result<Option<i64>> {
        self.row.optional_int(index).map_err(doing("reading a number"))
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
