//! Loads votes and rates from files into the source's tables, for trials. The only code that writes there.

use super::bind::Value;
use super::driver::{Database, Tx};
use super::source::{SourceNames, quoted};
use super::statements as sql;
use super::text::sql_time;
use super::transaction::Work;
use crate::frames::VoteColumns;
use crate::rewards::money::Units;
use crate::rewards::rates::Quote;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{Result, StoreError};

const ROWS_PER_STATEMENT: usize = 500;

/// What is to be imported, all of it or nothing.
pub struct Import<'a> {
    pub names: &'a SourceNames,
    /// One id per vote.
    pub ids: &'a [i64],
    pub votes: &'a VoteColumns,
    pub quotes: &'a [Quote],
    /// Told how many votes are in so far.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Imports in one transaction.
///
/// # Errors
/// [`StoreError::Duplicate`] where a vote's id or a quote's instant is there already; nothing was written then.
pub async fn import(database: &Database, import: &Import<'_>) -> Result<()> {
    assert_eq!(import.ids.len(), import.votes.len(), "one id per vote");
    database.run_tx(import).await
}

impl Work for Import<'_> {
    const NAME: &'static str = "import";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let names = self.names;
        let columns =
            [&names.id, &names.partner_id, &names.vote_type, &names.cc, &names.ecc, &names.voted_at];
        let rows: Vec<usize> = (0..self.ids.len()).collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let keys = chunk.iter().map(|row| self.ids[*row].into()).collect();
            refuse_present(tx, &names.votes_table, &names.id, keys).await?;
            let values = chunk.iter().flat_map(|row| self.vote(*row)).collect();
            insert(tx, &names.votes_table, &columns, values).await?;
            (self.progress)(chunk.last().map_or(0, |row| *row as u64 + 1));
        }
        for chunk in self.quotes.chunks(ROWS_PER_STATEMENT) {
            let keys = chunk.iter().map(|quote| sql_time(quote.at).into()).collect();
            refuse_present(tx, &names.rates_table, &names.quoted_at, keys).await?;
            let row = |quote: &Quote| [sql_time(quote.at).into(), quote.rate.to_string().into()];
            let values = chunk.iter().flat_map(row).collect();
            insert(tx, &names.rates_table, &[&names.quoted_at, &names.rate], values).await?;
        }
        Ok(())
    }
}

impl Import<'_> {
    fn vote(&self, row: usize) -> [Value<'_>; 6] {
        let vote = self.votes.get(row);
        let at = Instant::from_timestamp_micros(vote.voted_at).expect("a vote's instant came from a date");
        [
            self.ids[row].into(),
            vote.partner_id.into(),
            vote.vote_type.into(),
            Units::from_i64(vote.cc).to_string().into(),
            Units::from_i64(vote.ecc).to_string().into(),
            sql_time(at).into(),
        ]
    }
}

async fn refuse_present(tx: &mut Tx, table: &str, key: &str, keys: Vec<Value<'_>>) -> Result<()> {
    let sql = sql::present(&quoted(table), &quoted(key), keys.len());
    let present = tx.fetch(sql, &keys).await.map_err(doing("looking for duplicates"))?;
    let Some(row) = present.first() else { return Ok(()) };
    let value = row.text(0).map_err(doing("looking for duplicates"))?;
    Err(StoreError::Duplicate { table: table.to_owned(), key: key.to_owned(), value })
}

async fn insert(tx: &mut Tx, table: &str, columns: &[&String], values: Vec<Value<'_>>) -> Result<()> {
    let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows = vec![row; values.len() / columns.len()].join(", ");
    let sql = format!("/* import */ INSERT INTO {} ({}) VALUES {rows}", quoted(table), names.join(", "));
    tx.execute(sql, &values).await.map(drop).map_err(doing("importing rows"))
}
