//! What alarms found and set aside, as rows of an export.

use super::{Cell, ExportError, Pages};
use crate::rewards::money::Units;
use crate::rewards::window::Kind;
use crate::store::{Hold, RaisedAlarm};

/// Rows that are read at once.
const PAGE: u32 = 5000;

impl Pages<'_> {
    pub(super) async fn alarms(&mut self) -> Result<(), ExportError> {
        for kind in [Kind::Daily, Kind::Hourly] {
            let mut after = (self.span.after, u64::MAX >> 1);
            loop {
                let rows = self.archive.alarms_page(kind, after, self.span.before, PAGE).await;
                let rows = rows.map_err(self.stored())?;
                let Some(last) = rows.last() else { break };
                after = (last.start, last.number);
                self.take(rows.iter().map(alarm).collect())?;
            }
        }
        Ok(())
    }

    pub(super) async fn holds(&mut self) -> Result<(), ExportError> {
        for kind in [Kind::Daily, Kind::Hourly] {
            let mut after = (self.span.after, i64::MAX);
            loop {
                let rows = self.archive.holds_page(kind, after, self.span.before, PAGE).await;
                let rows = rows.map_err(self.stored())?;
                let Some(last) = rows.last() else { break };
                after = (last.key.start, last.key.partner_id);
                self.take(rows.iter().map(hold).collect())?;
            }
        }
        Ok(())
    }
}

fn optional<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Null, cell)
}

fn count(number: u64) -> Cell {
    Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn list(texts: &[String]) -> Cell {
    Cell::Text(serde_json::to_string(texts).expect("texts are plain data"))
}

fn alarm(row: &RaisedAlarm) -> Vec<Cell> {
    vec![
        Cell::Text(row.kind.name().to_owned()),
        Cell::Instant(row.start),
        count(row.number),
        Cell::Text(row.alarm.clone()),
        Cell::Text(row.rule.clone()),
        Cell::Text(row.action.name().to_owned()),
        optional(row.partner_id, Cell::Integer),
        Cell::Text(row.figure.clone()),
        Cell::Text(row.limit.clone()),
        Cell::Amount(row.stake),
        Cell::Instant(row.raised_at),
    ]
}

fn hold(row: &Hold) -> Vec<Cell> {
    let amounts: Vec<String> = row.amounts.iter().map(Units::to_string).collect();
    let decided = row.decided.as_ref();
    vec![
        Cell::Text(row.key.kind.name().to_owned()),
        Cell::Instant(row.key.start),
        Cell::Integer(row.key.partner_id),
        list(&amounts),
        Cell::Amount(row.from_pool),
        Cell::Amount(row.market_bonus),
        Cell::Integer(row.has_transfer.into()),
        list(&row.alarms),
        Cell::Text(row.state.name().to_owned()),
        Cell::Instant(row.held_at),
        optional(decided.map(|made| made.number), count),
        optional(decided.map(|made| made.by.clone()), Cell::Text),
        optional(decided.map(|made| made.at), Cell::Instant),
        optional(row.forfeited.map(|(day, _)| day), Cell::Day),
        optional(row.forfeited.map(|(_, after)| after), count),
    ]
}
