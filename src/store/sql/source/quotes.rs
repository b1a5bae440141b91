//! The CC rates that bear on a window.

use super::row::SourceRow;
use super::views::View;
use super::{SqlSource, bad_row, bound, end_bound, not_negative, quoted};
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::window::Instant;
use crate::store::error::SourceError;

/// The length of an instant's text up to its second.
const SECOND_DIGITS: usize = "2026-11-19 13:00:00".len();

impl SqlSource {
    /// The quotes of `[from, to]` and the newest before them.
    pub(super) async fn quotes(
        &self,
        view: &mut View,
        from: Instant,
        to: Instant,
    ) -> Result<Quotes, SourceError> {
        let names = &self.names;
        let (quoted_at, table) = (quoted(&names.quoted_at), quoted(&names.rates_table));
        let newest =
            format!("/* quotes */ SELECT CAST(MAX({quoted_at}) AS CHAR) FROM {table} WHERE {quoted_at} <= ?");
        let mut first = None;
        let mut find = |row: &dyn SourceRow| {
            // From the whole second on, so that another quote of the same instant is seen however it is written.
            let newest = row.text(0).ok();
            first = newest.map(|newest| newest.get(..SECOND_DIGITS).unwrap_or(newest).to_owned());
            Ok(())
        };
        view.each_row(&newest, &[end_bound(from)], &names.rates_table, &mut find).await?;
        let sql = format!(
            "/* quotes */ SELECT {quoted_at}, {rate} FROM {table} WHERE {quoted_at} >= ? AND {quoted_at} <= ?",
            rate = quoted(&names.rate),
        );
        let mut quotes = Vec::new();
        let mut push = |row: &dyn SourceRow| {
            let bad = |index, column| bad_row(&names.rates_table, row, index, column);
            let at = row.instant(0).map_err(bad(0, &names.quoted_at))?;
            let rate = not_negative(row.amount(1)).map_err(bad(1, &names.rate))?;
            quotes.push(Quote { at, rate });
            Ok(())
        };
        let values = [first.unwrap_or_else(|| bound(from)), end_bound(to)];
        view.each_row(&sql, &values, &names.rates_table, &mut push).await?;
        let conflict = |conflict| SourceError::Conflict { table: names.rates_table.clone(), conflict };
        Quotes::new(quotes).map_err(conflict)
    }
}
