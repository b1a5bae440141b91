//! A report as one long table, one figure to a line, which spreadsheets filter and pivot, and to which those of other
//! days can be joined.
//!
//! `day,section,name,figure,unit,value`: `section` is the table of the report, `name` the row of it (a reward column, an
//! hour's start, a partner's id), `figure` what is said of it, `unit` how `value` is to be read: `CC` (a decimal with
//! 8 digits), `decimal` (a rate or ratio, likewise), `count`, `position`, `instant` (UTC), `text`.

use super::daily::{Category, Daily, Hour, Move, Placed};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, show};

/// The names of the columns.
const HEADER: [&str; 6] = ["day", "section", "name", "figure", "unit", "value"];

/// The report as CSV.
///
/// # Panics
/// Never: writing to memory does not fail.
#[must_use]
pub fn csv(daily: &Daily) -> String {
    let mut lines = Lines { day: daily.day.day.to_string(), writer: ::csv::Writer::from_writer(vec![]) };
    lines.writer.write_record(HEADER).expect("memory takes it");
    lines.day(daily);
    for category in &daily.categories {
        lines.category(category);
    }
    lines.pool(daily);
    for hour in &daily.hours {
        lines.hour(hour);
    }
    for (name, votes, cc) in &daily.vote_types {
        lines.of("votes", name).count("votes", *votes).amount("cc_total", *cc);
    }
    lines.positions(daily);
    lines.rest(daily);
    let bytes = lines.writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("texts are UTF-8")
}

struct Lines {
    day: String,
    writer: ::csv::Writer<Vec<u8>>,
}

/// One row of a table of the report.
struct Named<'l> {
    lines: &'l mut Lines,
    section: &'static str,
    name: String,
}

impl Lines {
    fn of(&mut self, section: &'static str, name: &str) -> Named<'_> {
        Named { name: harmless(name), lines: self, section }
    }

    fn day(&mut self, daily: &Daily) {
        let (paid, zone) = (&daily.paid, daily.calendar.zone().to_string());
        self.of("day", "")
            .instant("start", daily.day.start)
            .instant("end", daily.day.end)
            .text("timezone", &zone)
            .count("run", daily.run.sequence)
            .instant("paid_at", daily.run.committed_at)
            .text("rules_version", &daily.rules.version)
            .instant("as_of", daily.at)
            .count("votes", daily.votes)
            .count("voters", daily.voters);
        self.of("paid", "hourly").amount("amount", paid.hourly).count("payments", paid.hourly_payments);
        self.of("paid", "daily").amount("amount", paid.daily).count("payments", paid.partners);
        self.of("paid", "market_bonus").amount("amount", paid.market_bonus);
        self.of("paid", "total").amount("amount", paid.total());
    }

    fn category(&mut self, category: &Category) {
        self.of("category", category.column)
            .count("members", category.members)
            .amount("to_share", category.part)
            .amount("paid", category.paid)
            .some("smallest", category.range.map(|(least, _)| least), Named::amount)
            .some("largest", category.range.map(|(_, most)| most), Named::amount)
            .amount("undistributed", category.undistributed);
    }

    fn pool(&mut self, daily: &Daily) {
        let (pool, rates) = (&daily.pool, &daily.rates);
        let carried_to = pool.carried_to.map(|day| day.to_string());
        self.of("pool", "")
            .amount("carried_in", pool.carried_in)
            .amount("contributed", pool.contributed)
            .amount("late_cc", pool.late_cc)
            .amount("late_contributed", pool.late_contributed)
            .amount("to_share", pool.to_share)
            .amount("paid", pool.paid)
            .amount("carried_out", pool.carried_out)
            .some("carried_to", carried_to.as_deref(), Named::text);
        self.of("rates", "")
            .decimal("rate_end", rates.end)
            .some("rate_reference", rates.reference, Named::decimal)
            .decimal("bonus_ratio", rates.bonus_ratio)
            .some("ecc_cap", rates.ecc_cap, Named::decimal);
    }

    fn hour(&mut self, hour: &Hour) {
        let mut named = self.of("hour", &show(hour.window.start));
        if let Some(settled) = &hour.settlement {
            named = named
                .amount("cc_total", settled.cc_total)
                .decimal("cc_rate", settled.rate)
                .amount("total", settled.total)
                .amount("hourly_share", settled.hourly_share)
                .amount("daily_share", settled.daily_share);
        }
        if let Some(payment) = &hour.payment {
            named
                .count("votes", payment.votes)
                .count("voters", payment.voters)
                .amount("paid", payment.paid)
                .count("payments", payment.payments)
                .amount("undistributed", payment.undistributed)
                .instant("paid_at", payment.at);
        }
    }

    fn positions(&mut self, daily: &Daily) {
        for Placed { position, partner_id, before, daily, market_bonus } in &daily.top {
            self.of("top", &partner_id.to_string())
                .position("position", *position)
                .some("position_before", *before, Named::position)
                .amount("daily", *daily)
                .amount("market_bonus", *market_bonus)
                .amount("total", *daily + *market_bonus);
        }
        let Some(changes) = &daily.changes else { return };
        self.of("changes", "")
            .text("since", &changes.since.to_string())
            .count("up", changes.risen)
            .count("down", changes.fallen)
            .count("unchanged", changes.unchanged)
            .count("new", changes.new)
            .count("gone", changes.gone);
        let lists = [
            ("up", &changes.ups),
            ("down", &changes.downs),
            ("new", &changes.newcomers),
            ("gone", &changes.leavers),
        ];
        for (section, moves) in lists {
            for Move { partner_id, before, now } in moves {
                self.of(section, &partner_id.to_string())
                    .some("position_before", *before, Named::position)
                    .some("position", *now, Named::position);
            }
        }
    }

    fn rest(&mut self, daily: &Daily) {
        let (transfers, books) = (&daily.transfers, &daily.books);
        self.of("transfers", "queued")
            .count("transfers", transfers.queued)
            .amount("amount", transfers.queued_sum);
        self.of("transfers", "delivered")
            .count("transfers", transfers.delivered())
            .amount("amount", transfers.delivered_sum());
        self.of("transfers", "waiting")
            .count("transfers", transfers.waiting)
            .amount("amount", transfers.waiting_sum);
        self.of("transfers", "failing").count("transfers", transfers.failing);
        for change in &daily.rules.changes {
            self.of("rules", &change.key).some("before", change.old.as_deref(), Named::text).some(
                "now",
                change.new.as_deref(),
                Named::text,
            );
        }
        self.of("books", "")
            .amount("contributed", books.contributed)
            .amount("hourly_paid", books.hourly_paid)
            .amount("daily_paid", books.daily_paid)
            .amount("pools_held", books.pools_held)
            .amount("hours_held", books.hours_held)
            .amount("set_aside", books.set_aside)
            .some("difference", books.difference().ok(), Named::amount)
            .amount("market_bonus", books.market_bonus);
        for incident in &daily.incidents {
            self.of("incident", incident.name).text(incident.level.name(), &incident.text);
        }
    }
}

impl Named<'_> {
    fn line(self, figure: &str, unit: &str, value: &str) -> Self {
        let record = [&*self.lines.day, self.section, &*self.name, figure, unit, value];
        self.lines.writer.write_record(record).expect("memory takes it");
        self
    }

    fn some<T>(self, figure: &str, value: Option<T>, line: impl Fn(Self, &str, T) -> Self) -> Self {
        match value {
            Some(value) => line(self, figure, value),
            None => self,
        }
    }

    fn amount(self, figure: &str, amount: Units) -> Self {
        self.line(figure, "CC", amount.text().as_str())
    }

    fn decimal(self, figure: &str, number: Units) -> Self {
        self.line(figure, "decimal", number.text().as_str())
    }

    fn count(self, figure: &str, number: u64) -> Self {
        self.line(figure, "count", &number.to_string())
    }

    fn position(self, figure: &str, position: u32) -> Self {
        self.line(figure, "position", &position.to_string())
    }

    fn instant(self, figure: &str, instant: Instant) -> Self {
        self.line(figure, "instant", &show(instant))
    }

    fn text(self, figure: &str, text: &str) -> Self {
        self.line(figure, "text", &harmless(text))
    }
}

/// A text that a spreadsheet would take for a formula is led by an apostrophe, which it shows as text.
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<i64>().is_err();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spreadsheet_takes_a_text_for_a_formula() {
        for text in ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["-7", "cc", "2026-11-19"] {
            assert_eq!(harmless(text), text, "a partner's id, a name, a date");
        }
    }
}
