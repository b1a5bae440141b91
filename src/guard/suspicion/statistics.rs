//! Medians, deviations and scores in integers, so that every machine comes to the same. Scores and logarithms are in
//! thousandths.

/// What the deviation of normally spread values is multiplied by to be their standard deviation, in ten-thousandths.
const SIGMA: i128 = 14_826;

/// Where values lie, and how far from there they usually are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Of an even number of values the lower one of the two in the middle, so that it is one of them.
    pub median: i64,
    /// The median of the distances from the median.
    pub deviation: i64,
    pub count: usize,
}

impl Spread {
    /// None of no values. Their order does not matter; it is lost.
    #[must_use]
    pub fn of(values: &mut [i64]) -> Option<Self> {
        let median = median(values)?;
        // Half of what 64 bits hold is further than any two of our values are apart.
        let mut distances: Vec<i64> =
            values.iter().map(|value| value.saturating_sub(median).saturating_abs()).collect();
        let deviation = median_of_some(&mut distances);
        Some(Self { median, deviation, count: values.len() })
    }

    /// By how many standard deviations a value lies above the median, in thousandths; below it negative. Where values
    /// hardly differ, the deviation counts as `floor`, which is positive.
    #[must_use]
    pub fn score(&self, value: i64, floor: i64) -> i64 {
        let above = i128::from(value) - i128::from(self.median);
        let deviation = i128::from(self.deviation.max(floor).max(1));
        let score = above * 1000 * 10_000 / (deviation * SIGMA);
        score.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}

/// The lower median; none of no values.
#[must_use]
pub fn median(values: &mut [i64]) -> Option<i64> {
    (!values.is_empty()).then(|| median_of_some(values))
}

fn median_of_some(values: &mut [i64]) -> i64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable(middle).1
}

/// Digits of a logarithm after the point, in binary.
const FRACTION_BITS: u32 = 14;

/// The logarithm to base 2 in thousandths, rounded down: never smaller for a larger number. Zero counts as one.
#[must_use]
pub fn log2(number: u64) -> i64 {
    let number = number.max(1);
    let whole = number.ilog2();
    // The number as 1.x with 63 digits after the point. Squaring it doubles the logarithm, digit by digit.
    let mut mantissa = u128::from(number) << (63 - whole);
    let mut fraction = 0_u64;
    for _ in 0..FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let digit = mantissa >> 64;
        mantissa >>= digit;
        fraction = (fraction << 1) | digit as u64;
    }
    (u64::from(whole) * 1000 + ((fraction * 1000) >> FRACTION_BITS)) as i64
}
