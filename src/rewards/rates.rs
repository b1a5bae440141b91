//! CC rates as they were quoted, and the questions the rules ask of them (sections 4 and 6).

use super::money::Units;
use super::window::Instant;

/// One quote: what a CC is worth from `at` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub at: Instant,
    pub rate: Units,
}

/// Quotes in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotes(Vec<Quote>);

/// Two quotes of one instant disagree: which one holds would be a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub at: Instant,
    pub rates: (Units, Units),
}

impl Quotes {
    /// Takes quotes in any order.
    ///
    /// # Errors
    /// The first [`Conflict`], where two quotes of one instant name different rates.
    pub fn new(mut quotes: Vec<Quote>) -> Result<Self, Conflict> {
        quotes.sort_by_key(|quote| (quote.at, quote.rate));
        for pair in quotes.windows(2) {
            if pair[0].at == pair[1].at && pair[0].rate != pair[1].rate {
                return Err(Conflict { at: pair[0].at, rates: (pair[0].rate, pair[1].rate) });
            }
        }
        Ok(Self(quotes))
    }

    /// The newest rate quoted at or before an instant.
    #[must_use]
    pub fn newest_at(&self, instant: Instant) -> Option<Units> {
        let before = self.0.partition_point(|quote| quote.at <= instant);
        before.checked_sub(1).map(|newest| self.0[newest].rate)
    }

    /// The mean of the quotes in `[from, to)`, rounded down to 8 digits; none where there is no quote.
    #[must_use]
    pub fn mean(&self, from: Instant, to: Instant) -> Option<Units> {
        let inside = self.0.iter().filter(|quote| from <= quote.at && quote.at < to);
        let (count, sum) = inside.fold((0_i128, 0_i128), |(n, sum), quote| (n + 1, sum + quote.rate.count()));
        (count > 0).then(|| Units::new(sum / count).expect("a mean lies between its values"))
    }

    /// The quotes of `[from, to]` and the newest before them: all that windows in that span can ask for.
    #[must_use]
    pub fn between(&self, from: Instant, to: Instant) -> Self {
        let first = self.0.partition_point(|quote| quote.at <= from).saturating_sub(1);
        let end = self.0.partition_point(|quote| quote.at <= to);
        Self(self.0[first.min(end)..end].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn quotes(list: &[(&str, i64)]) -> Result<Quotes, Conflict> {
        Quotes::new(list.iter().map(|(t, rate)| Quote { at: at(t), rate: Units::from_i64(*rate) }).collect())
    }

    #[test]
    fn the_newest_rate_counts_from_the_instant_of_its_quote() {
        let quotes = quotes(&[("2026-11-02T00:00:00Z", 7), ("2026-11-01T00:00:00Z", 5)]).unwrap();
        assert_eq!(quotes.newest_at(at("2026-10-31T23:59:59.999999Z")), None);
        assert_eq!(quotes.newest_at(at("2026-11-01T23:59:59.999999Z")), Some(Units::from_i64(5)));
        assert_eq!(quotes.newest_at(at("2026-11-02T00:00:00Z")), Some(Units::from_i64(7)));
    }

    #[test]
    fn the_mean_is_rounded_down_over_a_half_open_span() {
        let quotes = quotes(&[
            ("2026-11-01T00:00:00Z", 5),
            ("2026-11-02T00:00:00Z", 8),
            ("2026-11-03T00:00:00Z", 900),
        ]);
        let mean = |from, to| quotes.as_ref().unwrap().mean(at(from), at(to));
        assert_eq!(mean("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z"), Some(Units::from_i64(6)));
        assert_eq!(mean("2026-11-04T00:00:00Z", "2026-11-05T00:00:00Z"), None);
    }

    #[test]
    fn quotes_of_one_instant_must_agree() {
        assert!(quotes(&[("2026-11-01T00:00:00Z", 5), ("2026-11-01T00:00:00Z", 5)]).is_ok());
        let conflict = quotes(&[("2026-11-01T00:00:00Z", 6), ("2026-11-01T00:00:00Z", 5)]).unwrap_err();
        assert_eq!(conflict.rates, (Units::from_i64(5), Units::from_i64(6)));
    }
}
