//! Values of another program's tables, read from their texts to the last digit.

use crate::rewards::money::{MoneyError, SCALE, Units};
use crate::rewards::window::Instant;
use crate::store::error::BadValue;
use crate::store::sql::text::parse_time;

/// What becomes of an amount with more than 8 fractional digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexact {
    /// It is not converted, and so nothing is.
    Refuse,
    /// What is below one unit is cut off: nobody is credited a unit on a guess.
    Floor,
}

/// An amount as another program has stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Exact(Units),
    /// It has more digits than ours; cut down to 8.
    Cut(Units),
}

impl Amount {
    /// Exact, or cut down.
    #[must_use]
    pub const fn units(self) -> Units {
        match self {
            Self::Exact(units) | Self::Cut(units) => units,
        }
    }

    /// Reads a decimal, also with an exponent, as databases print floating point.
    pub(super) fn read(text: Option<&str>) -> Result<Self, BadValue> {
        let text = text.ok_or(BadValue::Null)?;
        let plain = plain(text).ok_or(MoneyError::NotANumber)?;
        if plain.starts_with('-') {
            let is_zero = plain.bytes().all(|byte| matches!(byte, b'-' | b'.' | b'0'));
            return if is_zero { Ok(Self::Exact(Units::ZERO)) } else { Err(BadValue::Negative) };
        }
        match Units::parse(&plain) {
            Err(MoneyError::TooPrecise) => {
                let point = plain.find('.').ok_or(MoneyError::NotANumber)?;
                Ok(Self::Cut(Units::parse(&plain[..=point + SCALE as usize])?))
            }
            read => Ok(Self::Exact(read?)),
        }
    }
}

/// How far an exponent may move the point: past that nothing is an amount.
const FARTHEST: i32 = 400;

/// The same decimal without an exponent.
fn plain(text: &str) -> Option<String> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Some(text.to_owned()) };
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= FARTHEST)?;
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    Some(match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{sign}{digits:0<point$}"),
        Ok(point) if point > 0 => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        _ => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    })
}

/// A whole number in its one form: `07` and `7` would be two partners to one program and one to another.
pub(super) fn whole<T: std::str::FromStr + ToString>(text: Option<&str>) -> Result<T, BadValue> {
    let text = text.ok_or(BadValue::Null)?;
    let number = text.parse::<T>().map_err(|_| BadValue::NotAnInteger)?;
    if number.to_string() == text { Ok(number) } else { Err(BadValue::NotAnInteger) }
}

/// An instant in UTC, with or without a fraction of a second.
pub(super) fn instant(text: Option<&str>) -> Result<Instant, BadValue> {
    parse_time(text.ok_or(BadValue::Null)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Amount {
        Amount::Exact(Units::parse(text).unwrap())
    }

    #[test]
    fn what_databases_print_of_floating_point_is_read_to_the_last_digit() {
        for (text, amount) in [
            ("0.3", exact("0.3")),
            ("5", exact("5")),
            ("5.0", exact("5")),
            ("1e2", exact("100")),
            ("1.5e+2", exact("150")),
            ("1.25e1", exact("12.5")),
            ("1.0e-08", exact("0.00000001")),
            ("123.5e-2", exact("1.235")),
            ("-0", exact("0")),
            ("-0.0", exact("0")),
            ("12345678901.123457", exact("12345678901.123457")),
            ("0.30000000000000004", Amount::Cut(Units::parse("0.3").unwrap())),
            ("1e-9", Amount::Cut(Units::ZERO)),
            ("0.29999999999999998", Amount::Cut(Units::parse("0.29999999").unwrap())),
        ] {
            assert_eq!(Amount::read(Some(text)).ok(), Some(amount), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for (text, why) in [
            (None, "must not be NULL"),
            (Some("-1.5"), "must not be negative"),
            (Some("-1e-9"), "must not be negative"),
            (Some("1e20"), "is out of range (at most 20 digits before the point)"),
            (Some("1e300"), "is out of range (at most 20 digits before the point)"),
            (Some("Inf"), "is not a decimal number"),
            (Some("nan"), "is not a decimal number"),
            (Some(""), "is not a decimal number"),
            (Some("1e999999999"), "is not a decimal number"),
            (Some("1,5"), "is not a decimal number"),
        ] {
            assert_eq!(Amount::read(text).unwrap_err().to_string(), why, "{text:?}");
        }
        assert_eq!(whole::<i64>(Some("-7")).ok(), Some(-7));
        for text in [None, Some("07"), Some("7.0"), Some(" 7"), Some("9223372036854775808")] {
            assert!(whole::<i64>(text).is_err(), "{text:?}");
        }
    }
}
