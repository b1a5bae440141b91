//! Money: exact integers in units of 10⁻⁸ CC (rules, section 1).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use ethnum::U256;
use rust_decimal::Decimal;

/// Fractional digits of every amount, share, multiplier and rate.
pub const SCALE: u32 = 8;

/// Units in one CC.
const ONE: i128 = 100_000_000;

/// The largest amount that can be stored: what `DECIMAL(28,8)` holds.
const LIMIT: i128 = 10_i128.pow(28) - 1;

/// An amount in units of 10⁻⁸ CC. The same type carries ECC, rates, shares and multipliers, all of which are
/// decimals of at most 8 fractional digits.
///
/// Invariant: its absolute value fits `DECIMAL(28,8)`, so whatever was computed can also be stored. Two such
/// values never overflow the 128 bits beneath when added; the result is checked against the limit again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(i128);

/// Why a text or a number is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("is not a decimal number")]
    NotANumber,
    #[error("has more than 8 fractional digits")]
    TooPrecise,
    #[error("is out of range (at most 20 digits before the point)")]
    OutOfRange,
}

impl Units {
    pub const ZERO: Self = Self(0);
    /// 1 CC, or the number 1 where the value is a share or a rate.
    pub const ONE: Self = Self(ONE);
    /// One unit, 0.00000001 CC: what largest-remainder rounding hands out.
    pub const EPSILON: Self = Self(1);

    /// `count` units of 10⁻⁸ CC.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what `DECIMAL(28,8)` holds.
    pub const fn new(count: i128) -> Result<Self, MoneyError> {
        if count > LIMIT || count < -LIMIT { Err(MoneyError::OutOfRange) } else { Ok(Self(count)) }
    }

    /// `count` units; 64 bits always fit.
    #[must_use]
    pub const fn from_i64(count: i64) -> Self {
        Self(count as i128)
    }

    /// `number` CC; 64 bits always fit.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        Self(number as i128 * ONE)
    }

    /// How many units of 10⁻⁸ CC this is.
    #[must_use]
    pub const fn count(self) -> i128 {
        self.0
    }

    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads a plain decimal: digits, at most one point, an optional minus sign. No exponent, no separator, no
    /// blank: a text that could be read two ways is not an amount. Zeros past the eighth digit are no digits.
    ///
    /// # Errors
    /// Any [`MoneyError`].
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::parse_bytes(text.as_bytes())
    }

    /// [`Units::parse`] of a text that has not been looked at yet: what is no decimal need not be UTF-8 either. Every
    /// vote comes through here twice, so it neither allocates nor looks at a digit again.
    ///
    /// # Errors
    /// Any [`MoneyError`].
    pub fn parse_bytes(text: &[u8]) -> Result<Self, MoneyError> {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let point = digits.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = point.map_or((digits, &b"0"[..]), |at| (&digits[..at], &digits[at + 1..]));
        if whole.is_empty() || fraction.is_empty() {
            return Err(MoneyError::NotANumber);
        }
        let (fraction, beyond) = fraction.split_at(fraction.len().min(SCALE as usize));
        let units = read_digits(fraction)? * POWERS[SCALE as usize - fraction.len()];
        let whole = read_digits(whole)?;
        if !beyond.iter().all(u8::is_ascii_digit) {
            return Err(MoneyError::NotANumber);
        }
        if beyond.iter().any(|digit| *digit != b'0') {
            return Err(MoneyError::TooPrecise);
        }
        let count = whole.checked_mul(ONE).and_then(|count| count.checked_add(units));
        let count = count.ok_or(MoneyError::OutOfRange)?;
        Self::new(if digits.len() < text.len() { -count } else { count })
    }

    /// The amount as tables, logs and files hold it, with exactly 8 fractional digits; nothing is allocated.
    #[must_use]
    pub fn text(self) -> AmountText {
        let (one, count) = (ONE.unsigned_abs(), self.0.unsigned_abs());
        // 128 bits are slow to divide, and few amounts need them.
        let (whole, fraction) = match u64::try_from(count) {
            Ok(count) => (u128::from(count / one as u64), count % one as u64),
            Err(_) => (count / one, (count % one) as u64),
        };
        let mut text = AmountText { bytes: [0; AmountText::LEN], start: AmountText::LEN };
        text.push_digits(fraction, SCALE as usize);
        text.push(b'.');
        match u64::try_from(whole) {
            Ok(whole) => text.push_digits(whole, 1),
            // The one digit more that the largest amounts have.
            Err(_) => {
                let (rest, last) = (whole / 10, whole % 10);
                text.push(b'0' + last as u8);
                text.push_digits(rest as u64, 1);
            }
        }
        if self.is_negative() {
            text.push(b'-');
        }
        text
    }

    /// The value as a [`Decimal`] with 8 fractional digits.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(self.0, SCALE)
    }

    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub const fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        Self::new(self.0 + other.0)
    }

    /// `floor8(self · factor)`: what is below one unit is dropped (rules, section 1). Both must not be negative.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] past what can be stored.
    pub fn floor_mul(self, factor: Self) -> Result<Self, MoneyError> {
        self.mul_div(factor, Self::ONE).map(|(quotient, _)| quotient)
    }

    /// `(floor(self · factor / divisor), self · factor mod divisor)`, exact through 256 bits.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] where the quotient is past what can be stored.
    ///
    /// # Panics
    /// On a negative operand or a divisor that is not positive: callers have proved both.
    pub fn mul_div(self, factor: Self, divisor: Self) -> Result<(Self, Self), MoneyError> {
        assert!(self.0 >= 0 && factor.0 >= 0 && divisor.0 > 0, "mul_div takes what is not negative");
        let (quotient, remainder) = match self.0.checked_mul(factor.0) {
            Some(product) => (product / divisor.0, product % divisor.0),
            None => {
                let wide = |value: i128| U256::from(value.unsigned_abs());
                let product = wide(self.0) * wide(factor.0);
                let quotient = product / wide(divisor.0);
                let remainder = (product % wide(divisor.0)).as_i128();
                (i128::try_from(quotient).map_err(|_| MoneyError::OutOfRange)?, remainder)
            }
        };
        Ok((Self::new(quotient)?, Self(remainder)))
    }

    /// Adds up amounts of one sign.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] where the sum is past what can be stored.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

/// Panics past what can be stored; for values whose bound is proved where they are added, such as the parts of an
/// amount that exists.
impl Add for Units {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.checked_add(other).expect("the sum of parts is within the range of the whole")
    }
}

impl Sub for Units {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.0 - other.0).expect("a difference of amounts is within their range")
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Exactly 8 fractional digits, as tables, logs and files hold amounts.
impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

/// An amount as text, in place.
#[derive(Clone, Copy)]
pub struct AmountText {
    /// Written from the end.
    bytes: [u8; Self::LEN],
    start: usize,
}

impl AmountText {
    /// A sign, 20 digits, the point and 8 digits.
    const LEN: usize = 30;

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).expect("digits are ASCII")
    }

    const fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    /// A number with at least so many digits.
    const fn push_digits(&mut self, mut number: u64, at_least: usize) {
        let end = self.start - at_least;
        while number > 0 || self.start > end {
            self.push(b'0' + (number % 10) as u8);
            number /= 10;
        }
    }
}

/// Powers of ten up to the scale.
const POWERS: [i128; SCALE as usize + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Digits as a number; where there are more than any amount has, as the largest there is.
fn read_digits(digits: &[u8]) -> Result<i128, MoneyError> {
    /// So many digits always fit 64 bits.
    const SHORT: usize = 19;
    let digit = |byte: u8| if byte.is_ascii_digit() { Ok(byte - b'0') } else { Err(MoneyError::NotANumber) };
    if digits.len() <= SHORT {
        let number = digits.iter().try_fold(0_u64, |number, byte| Ok(number * 10 + u64::from(digit(*byte)?)));
        return number.map(i128::from);
    }
    digits.iter().try_fold(0_i128, |number, byte| {
        Ok(number.saturating_mul(10).saturating_add(i128::from(digit(*byte)?)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Held against another reader of decimals and another writer.
        #[test]
        fn any_amount_is_read_and_written_as_a_decimal_is(count in -LIMIT..=LIMIT, zeros in 0..12_usize) {
            let decimal = Decimal::from_i128_with_scale(count, SCALE);
            let units = Units::new(count).unwrap();
            prop_assert_eq!(units.to_string(), decimal.to_string());
            prop_assert_eq!(Units::parse(&format!("{decimal}{}", "0".repeat(zeros))), Ok(units));
            prop_assert_eq!(Units::parse(&decimal.normalize().to_string()), Ok(units));
        }

        #[test]
        fn any_text_is_an_amount_or_refused(text in "-?[0-9]{0,22}[.]?[0-9]{0,10}") {
            let decimal = Decimal::from_str_exact(&text).ok().map(|decimal| decimal.normalize());
            let plain = !text.trim_start_matches('-').starts_with('.') && !text.ends_with(['.', '-']) && !text.is_empty();
            match Units::parse(&text) {
                Ok(units) => prop_assert_eq!(Some(units.decimal().normalize()), decimal),
                Err(MoneyError::NotANumber) => prop_assert!(!plain, "{}", text),
                Err(MoneyError::TooPrecise) => prop_assert!(decimal.is_none_or(|decimal| decimal.scale() > SCALE)),
                Err(MoneyError::OutOfRange) => prop_assert!(decimal.is_none_or(|d| d.abs() >= Decimal::from_i128_with_scale(10_i128.pow(20), 0))),
            }
        }
    }

    fn units(text: &str) -> Units {
        Units::parse(text).unwrap()
    }

    #[test]
    fn text_is_read_exactly_and_written_with_eight_digits() {
        for (text, written) in [
            ("0", "0.00000000"),
            ("1.25", "1.25000000"),
            ("-0.00000001", "-0.00000001"),
            ("007.5", "7.50000000"),
            ("1.000000000000", "1.00000000"),
            ("99999999999999999999.99999999", "99999999999999999999.99999999"),
        ] {
            assert_eq!(units(text).to_string(), written);
        }
    }

    #[test]
    fn text_that_is_not_exactly_an_amount_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "+1", "1e3", "1_000", " 1", "1,5", "NaN", "0x1", "--1", "1.2.3", "١"]
        {
            assert_eq!(Units::parse(text), Err(MoneyError::NotANumber), "{text}");
        }
        assert_eq!(Units::parse("0.123456789"), Err(MoneyError::TooPrecise));
        for text in ["100000000000000000000", "-100000000000000000000", &"9".repeat(60)] {
            assert_eq!(Units::parse(text), Err(MoneyError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn products_past_128_bits_are_exact() {
        let huge = units("99999999999999999999.99999999");
        assert_eq!(huge.mul_div(huge, huge), Ok((huge, Units::ZERO)));
        assert_eq!(huge.mul_div(huge, Units::ONE), Err(MoneyError::OutOfRange));
        assert_eq!(units("0.00000003").floor_mul(units("0.5")), Ok(units("0.00000001")));
    }

    #[test]
    fn the_decimal_form_is_the_same_number() {
        assert_eq!(units("12.5").decimal().to_string(), "12.50000000");
    }
}
