//! Decisions; see [`Decisions`].

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::driver::Tx;
use super::ledger::number;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use crate::audit::{DecisionRow, Link};
use crate::rewards::window::show;
use crate::store::error::doing;
use crate::store::{Decision, Decisions, Result, StoreError, Subject};

const TABLE: &str = "reward_decisions";

/// Adds a decision to the chain, inside the transaction that carries it out; gives its number. Whoever decides at the
/// same time waits: every write of the store begins with the lease's row, and locks it until its commit.
pub(super) async fn write(tx: &mut Tx, decision: &Decision) -> Result<u64> {
    let rows = tx.fetch(sql::DECISIONS_HEAD, &[]).await.map_err(doing("reading the end of the decisions"))?;
    let (last, previous_hash) = head(&rows)?;
    let row = DecisionRow {
        number: last + 1,
        subject: decision.subject.to_string(),
        verdict: decision.verdict.to_owned(),
        decided_by: decision.by.clone(),
        decided_at: show(decision.at),
        note: decision.note.clone(),
        detail: decision.detail.to_string(),
        previous_hash,
    };
    let values = [
        number(row.number),
        row.subject.as_str().into(),
        row.verdict.as_str().into(),
        row.decided_by.as_str().into(),
        sql_time(decision.at).into(),
        row.note.as_str().into(),
        row.detail.as_str().into(),
        row.previous_hash.as_str().into(),
    ];
    tx.execute(sql::INSERT_DECISION, &values).await.map_err(doing("writing a decision"))?;
    let values = [number(row.number), row.hash().into(), number(last)];
    let advanced = tx.execute(sql::ADVANCE_DECISIONS, &values).await;
    if advanced.map_err(doing("advancing the decisions"))? != 1 {
        return Err(StoreError::Stale);
    }
    Ok(row.number)
}

/// All about a subject, in order, as the transaction sees them.
pub(super) async fn about(tx: &mut Tx, subject: &Subject) -> Result<Vec<DecisionRow>> {
    let rows = tx.fetch(sql::DECISIONS_ABOUT, &[subject.to_string().into()]).await;
    rows.map_err(doing("reading decisions"))?.iter().map(decision).collect()
}

/// Whether the row of a number is this decision: whoever repeats a transaction finds its own.
pub(super) async fn is(tx: &mut Tx, wanted: u64, made: &Decision) -> Result<bool> {
    let rows = tx.fetch(sql::DECISION, &[number(wanted)]).await.map_err(doing("reading a decision"))?;
    let Some(row) = rows.first().map(decision).transpose()? else { return Ok(false) };
    let (subject, detail) = (made.subject.to_string(), made.detail.to_string());
    let DecisionRow { verdict, decided_by, .. } = &row;
    Ok(row.subject == subject && verdict == made.verdict && *decided_by == made.by && row.detail == detail)
}

fn missing_row() -> StoreError {
    StoreError::Broken { what: "the row of reward_guard is missing".to_owned() }
}

fn head(rows: &[Row]) -> Result<(u64, String)> {
    let row = OwnRow { table: "reward_guard", row: rows.first().ok_or_else(missing_row)? };
    Ok((row.count(0, "decisions")?, row.text(1)?))
}

pub(super) fn decision(row: &Row) -> Result<DecisionRow> {
    let row = OwnRow { table: TABLE, row };
    Ok(DecisionRow {
        number: row.count(0, "number")?,
        subject: row.text(1)?,
        verdict: row.text(2)?,
        decided_by: row.text(3)?,
        decided_at: show(row.instant(4, "decided_at")?),
        note: row.text(5)?,
        detail: row.text(6)?,
        previous_hash: row.text(7)?,
    })
}

impl SqlStore {
    async fn decisions(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<DecisionRow>> {
        let rows = self.page(sql, values, "reading decisions").await?;
        rows.iter().map(decision).collect()
    }
}

#[async_trait]
impl Decisions for SqlStore {
    async fn decisions_head(&self) -> Result<(u64, String)> {
        head(&self.page(sql::DECISIONS_HEAD, &[], "reading the end of the decisions").await?)
    }

    async fn decisions_after(&self, after: u64, limit: u32) -> Result<Vec<DecisionRow>> {
        self.decisions(sql::DECISIONS_AFTER, &[number(after), i64::from(limit).into()]).await
    }

    async fn decisions_before(&self, before: u64, limit: u32) -> Result<Vec<DecisionRow>> {
        self.decisions(sql::DECISIONS_BEFORE, &[number(before), i64::from(limit).into()]).await
    }

    async fn decision(&self, wanted: u64) -> Result<Option<DecisionRow>> {
        Ok(self.decisions(sql::DECISION, &[number(wanted)]).await?.pop())
    }

    async fn decisions_about(&self, subject: &Subject) -> Result<Vec<DecisionRow>> {
        self.decisions(sql::DECISIONS_ABOUT, &[subject.to_string().into()]).await
    }
}
