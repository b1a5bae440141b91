//! What people decided, as it is recorded.

use super::context::Ctx;
use super::tables::{Cell, Row, Table, number, text};
use crate::audit::DecisionRow;

pub fn table(ctx: &Ctx, decisions: &[DecisionRow]) -> Table {
    let deciding = ctx.deciding;
    let row = |row: &DecisionRow| -> Row {
        vec![
            Cell::Count(row.number),
            Cell::Text(row.verdict.clone()),
            Cell::Text(row.decided_by.clone()),
            match row.decided_at.parse() {
                Ok(at) => Cell::Time(at),
                Err(_) => Cell::Text(row.decided_at.clone()),
            },
            Cell::Text(row.note.clone()),
        ]
        .into()
    };
    Table {
        name: "decisions",
        caption: deciding.decisions.to_owned(),
        columns: vec![
            number("number", deciding.decision),
            text("verdict", deciding.verdict),
            text("decided_by", deciding.decided_by),
            text("decided_at", deciding.decided_at),
            text("note", deciding.why).wrapping(),
        ],
        rows: decisions.iter().map(row).collect(),
        empty: deciding.no_decisions,
    }
}
