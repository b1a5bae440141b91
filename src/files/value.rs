//! Texts as numbers and instants, exactly.

use chrono::{Datelike, NaiveDate, TimeDelta};

use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::BadValue;

/// Years whose instants every database of votes can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

/// Why a cell is no value of its column; ends the sentence "… is X, which".
#[derive(Debug, thiserror::Error)]
pub(super) enum Flaw {
    #[error(transparent)]
    Value(#[from] BadValue),
    #[error(
        "is not written as 2026-11-19T13:00:00.000000Z, with Z or an offset such as +02:00, nor as \
         2026-11-19 13:00:00.000000 in UTC"
    )]
    OtherForm,
    #[error("has more than 6 fractional digits of a second")]
    FinerThanMicros,
    #[error("is not in the years {} to {}", YEARS.start(), YEARS.end())]
    OtherAge,
}

/// A text as it stands. An empty one, and `\N` as MySQL dumps write it, is NULL.
pub(super) fn text(text: &str) -> Result<&str, Flaw> {
    if matches!(text, "" | "\\N") { Err(BadValue::Null.into()) } else { Ok(text) }
}

pub(super) fn integer(text: &str) -> Result<i64, Flaw> {
    let number = if text.starts_with('+') { None } else { text.parse().ok() };
    Ok(number.ok_or(BadValue::NotAnInteger)?)
}

pub(super) fn amount(text: &str) -> Result<Units, Flaw> {
    Ok(Units::parse(text).map_err(BadValue::from)?)
}

/// Reads RFC 3339, whose offset says which instant is meant, and the form of SQL dumps, which is in UTC: with a blank
/// between date and time and without an offset. `T` without an offset would be a guess.
pub(super) fn instant(text: &str) -> Result<Instant, Flaw> {
    let (seconds, rest) = text.split_at_checked("2026-11-19T13:00:00".len()).ok_or(Flaw::OtherForm)?;
    let shaped = seconds.bytes().zip(b"0000-00-00T00:00:00").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        _ => byte == *shape,
    });
    if !shaped {
        return Err(Flaw::OtherForm);
    }
    let (micros, offset) = fraction(rest)?;
    let offset_minutes = match offset {
        "Z" | "z" => 0,
        "" if seconds.as_bytes()[10] == b' ' => 0,
        offset => offset_minutes(offset)?,
    };
    let number = |at: usize, digits: usize| decimal_digits(&seconds[at..at + digits]);
    let year = number(0, 4).cast_signed();
    let date = NaiveDate::from_ymd_opt(year, number(5, 2), number(8, 2)).ok_or(BadValue::NotAnInstant)?;
    let time = date.and_hms_micro_opt(number(11, 2), number(14, 2), number(17, 2), micros);
    let local = time.ok_or(BadValue::NotAnInstant)?.and_utc();
    in_years(local - TimeDelta::minutes(offset_minutes))
}

/// Splits `.123+02:00` into microseconds and offset.
fn fraction(text: &str) -> Result<(u32, &str), Flaw> {
    let Some(text) = text.strip_prefix('.') else { return Ok((0, text)) };
    let (digits, offset) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if digits.is_empty() {
        return Err(Flaw::OtherForm);
    }
    if digits.trim_end_matches('0').len() > 6 {
        return Err(Flaw::FinerThanMicros);
    }
    let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    Ok((padded.fold(0, |micros, digit| micros * 10 + u32::from(digit - b'0')), offset))
}

fn offset_minutes(text: &str) -> Result<i64, Flaw> {
    let &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text.as_bytes() else { return Err(Flaw::OtherForm) };
    let shaped = [h1, h2, m1, m2].iter().all(u8::is_ascii_digit);
    let number = |ten: u8, one: u8| i64::from(ten - b'0') * 10 + i64::from(one - b'0');
    if !shaped || number(h1, h2) > 23 || number(m1, m2) > 59 {
        return Err(Flaw::OtherForm);
    }
    let minutes = number(h1, h2) * 60 + number(m1, m2);
    Ok(if sign == b'-' { -minutes } else { minutes })
}

fn decimal_digits(digits: &str) -> u32 {
    digits.bytes().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// Refuses what could be read here and not be stored.
pub(super) fn in_years(instant: Instant) -> Result<Instant, Flaw> {
    if YEARS.contains(&instant.year()) { Ok(instant) } else { Err(Flaw::OtherAge) }
}

pub(super) fn not_negative(amount: Units) -> Result<Units, Flaw> {
    if amount.is_negative() { Err(BadValue::Negative.into()) } else { Ok(amount) }
}

/// An amount of one vote is not negative and fits 64 bits of units.
pub(super) fn vote_amount(amount: Units) -> Result<i64, Flaw> {
    Ok(i64::try_from(not_negative(amount)?.count()).map_err(|_| BadValue::PastVoteRange)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewards::window::show;

    fn read(text: &str) -> Result<String, String> {
        instant(text).map(show).map_err(|flaw| flaw.to_string())
    }

    #[test]
    fn instants_are_read_to_the_microsecond_whatever_their_offset() {
        for (text, utc) in [
            ("2026-11-19T13:00:00Z", "2026-11-19T13:00:00.000000Z"),
            ("2026-11-19t13:00:00.5z", "2026-11-19T13:00:00.500000Z"),
            ("2026-11-19T13:00:00.123456000+02:00", "2026-11-19T11:00:00.123456Z"),
            ("2026-11-19T23:00:00-05:30", "2026-11-20T04:30:00.000000Z"),
            ("2026-11-19 13:00:00", "2026-11-19T13:00:00.000000Z"),
            ("2026-11-19 13:00:00.000001", "2026-11-19T13:00:00.000001Z"),
            ("2026-11-19 13:00:00+01:00", "2026-11-19T12:00:00.000000Z"),
            ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999999Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(utc), "{text}");
        }
    }

    #[test]
    fn texts_that_name_no_instant_or_could_name_two_are_refused() {
        for text in [
            "",
            "2026-11-19",
            "2026-11-19T13:00:00",
            "2026-11-19T13:00Z",
            "2026-11-19 13:00:00.",
            "2026-11-19 13:00:00 ",
            " 2026-11-19 13:00:00",
            "2026-11-19T13:00:00+2:00",
            "2026-11-19T13:00:00+24:00",
            "2026-11-19T13:00:00+02:60",
            "2026-11-19T13:00:00+0２:0",
            "+026-11-19T13:00:00Z",
            "19/11/2026 13:00:00Z",
            "2026-11-19T13:00:00é",
            "2026-11-19T13:00:0é",
        ] {
            assert!(read(text).unwrap_err().starts_with("is not written as"), "{text}");
        }
        for text in
            ["2026-02-29T00:00:00Z", "2026-11-19T24:00:00Z", "2016-12-31T23:59:60Z", "0000-00-00 00:00:00"]
        {
            assert_eq!(read(text).unwrap_err(), "is not an instant of the calendar", "{text}");
        }
        assert!(read("2026-11-19T13:00:00.1234567Z").unwrap_err().contains("more than 6"));
        assert!(read("9999-12-31T23:59:59-00:01").unwrap_err().contains("years 1000 to 9999"));
    }

    #[test]
    fn integers_have_64_bits_and_no_ornaments() {
        assert_eq!(integer("-9223372036854775808").unwrap(), i64::MIN);
        for text in ["9223372036854775808", "+1", "1.0", " 1", "1e3", "0x1", "-"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_amount_of_a_vote_ends_with_64_bits() {
        let amount = |text: &str| vote_amount(Units::parse(text).unwrap()).map_err(|flaw| flaw.to_string());
        assert_eq!(amount("92233720368.54775807"), Ok(i64::MAX));
        assert!(amount("92233720368.54775808").unwrap_err().starts_with("is out of range"));
        assert_eq!(amount("-0.00000001").unwrap_err(), "must not be negative");
    }
}
