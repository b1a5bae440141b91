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
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(MoneyError::NotANumber);
        }
        if fraction.trim_end_matches('0').len() > SCALE as usize {
            return Err(MoneyError::TooPrecise);
        }
        let fraction = &fraction[..fraction.len().min(SCALE as usize)];
        let sign = if digits.len() < text.len() { "-" } else { "" };
        let decimal = Decimal::from_str_exact(&format!("{sign}{whole}.{fraction}"))
            .map_err(|_| MoneyError::OutOfRange)?;
        let missing_digits = SCALE - decimal.scale();
        let count = decimal.mantissa().checked_mul(10_i128.pow(missing_digits));
        Self::new(count.ok_or(MoneyError::OutOfRange)?)
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
        let (whole, fraction) = (self.0.unsigned_abs() / ONE as u128, self.0.unsigned_abs() % ONE as u128);
        f.pad(&format!("{}{whole}.{fraction:08}", if self.0 < 0 { "-" } else { "" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
