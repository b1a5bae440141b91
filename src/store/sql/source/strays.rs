//! Rows that no window would ever hold, and that would otherwise never be seen.

use std::collections::BTreeSet;

use chrono::{Datelike, Months};

use super::row::SourceRow;
use super::views::View;
use super::{SqlSource, bad_row, quoted};
use crate::rewards::window::Window;
use crate::store::error::{BadValue, SourceError};
use crate::store::sql::driver::Database;

impl SqlSource {
    /// Finds rows that no window would ever hold: without an instant, of a type that is none, or, in SQLite, which keeps
    /// instants as text, written so that comparing texts is not comparing instants.
    pub(super) async fn refuse_strays(&self, view: &mut View, window: &Window) -> Result<(), SourceError> {
        let names = &self.names;
        for (table, id, at) in [
            (&names.votes_table, &names.id, &names.voted_at),
            (&names.rates_table, &names.quoted_at, &names.quoted_at),
        ] {
            let (id, column, from) = (quoted(id), quoted(at), quoted(table));
            let select = format!("/* strays */ SELECT {id}, {column} FROM {from} WHERE");
            let mut stray = |row: &dyn SourceRow| {
                let why = if row.show(1) == "NULL" { BadValue::Null } else { BadValue::OtherForm };
                Err(bad_row(table, row, 1, at)(why))
            };
            view.each_row(&format!("{select} {column} IS NULL LIMIT 1"), &[], table, &mut stray).await?;
            // A wrong type shows in any row; a text that sorts outside of all instants is the first or the last.
            let mut instant =
                |row: &dyn SourceRow| row.instant(1).map(drop).map_err(bad_row(table, row, 1, at));
            for end in ["MIN", "MAX"] {
                let sql = format!("{select} {column} = (SELECT {end}({column}) FROM {from}) LIMIT 1");
                view.each_row(&sql, &[], table, &mut instant).await?;
            }
            if matches!(self.database, Database::Sqlite(_)) {
                let gaps = gaps(window);
                let bounds = vec!["(?, ?)"; gaps.len() / 2].join(", ");
                // CROSS keeps the gaps outside: each is one look into the index.
                let sql = format!(
                    "/* strays */ WITH gaps (low, high) AS (VALUES {bounds}) \
                     SELECT {id}, {column} FROM gaps CROSS JOIN {from} WHERE {column} >= low AND {column} < high LIMIT 1"
                );
                view.each_row(&sql, &gaps, table, &mut stray).await?;
            }
        }
        Ok(())
    }
}

/// Where no text stands that is an instant of the window's months: before the first day and after the last, between two
/// days, and on the window's days between two hours. A text that is none, such as one with a `T` in its middle, stands
/// in one of them, or within an hour, where whoever reads the hour comes across it. Bounds, lower and upper in turn.
fn gaps(window: &Window) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut gap = |from: String, to: String| gaps.extend([from, to]);
    let ends = [window.start.date_naive(), window.end.date_naive()];
    for first in BTreeSet::from(ends.map(|day| day.with_day(1).expect("every month has a first day"))) {
        let next_month = first + Months::new(1);
        let mut before = first.format("%Y-%m-").to_string();
        for day in first.iter_days().take_while(|day| *day < next_month) {
            gap(before, format!("{day} 00"));
            before = format!("{day} 24");
        }
        gap(before, first.format("%Y-%m.").to_string());
    }
    for day in BTreeSet::from(ends) {
        (0..23).for_each(|hour| gap(format!("{day} {hour:02}:60"), format!("{day} {:02}:00", hour + 1)));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rewards::window::Calendar;
    use crate::store::sql::text::sql_time;

    fn in_a_gap(gaps: &[String], text: &str) -> bool {
        gaps.chunks(2).any(|bounds| bounds[0].as_str() <= text && text < bounds[1].as_str())
    }

    #[test]
    fn texts_in_other_forms_stand_in_gaps() {
        let day = Calendar::new(chrono_tz::UTC).day("2026-11-30".parse().unwrap());
        for text in [
            "2026-11-30T04:00:00Z",
            "2026-11-30",
            "2026-11-7 04:00:00",
            "2026-11-30 4:00:00",
            "2026-11-30 04.00.00",
            "2026-12-1 00:00:00",
            "2026-11-02T00:00:00",
            "2026-11-31 24:00:00",
        ] {
            assert!(in_a_gap(&gaps(&day), text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_instant_stands_in_a_gap(of in 0..20_000_i64, micros in 0..86_400_000_000_i64, day in 0..20_000_u64) {
            let first = chrono::NaiveDate::from_ymd_opt(1990, 1, 1).unwrap();
            let window = Calendar::new(chrono_tz::Europe::Budapest).day(first + chrono::Days::new(day));
            let at = first + chrono::TimeDelta::days(of);
            let at = at.and_time(chrono::NaiveTime::MIN).and_utc() + chrono::TimeDelta::microseconds(micros);
            prop_assert!(!in_a_gap(&gaps(&window), &sql_time(at)));
            prop_assert!(!in_a_gap(&gaps(&window), &at.format("%Y-%m-%d %H:%M:%S").to_string()));
        }
    }
}
