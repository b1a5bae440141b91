//! Votes and CC rates from a database that may be another one, with other names. Only ever read.

use async_trait::async_trait;

use super::driver::{Database, Tx};
use super::source_row::SourceRow;
use crate::frames::{Vote, VoteColumns};
use crate::rewards::money::Units;
use crate::rewards::rates::{Quote, Quotes};
use crate::rewards::window::{Instant, Window};
use crate::store::error::{BadValue, SourceError};
use crate::store::{Loaded, Source};

/// What tables and columns of the source are called; checked names, not yet quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceNames {
    pub votes_table: String,
    pub rates_table: String,
    pub id: String,
    pub partner_id: String,
    pub vote_type: String,
    pub cc: String,
    pub ecc: String,
    pub voted_at: String,
    pub quoted_at: String,
    pub rate: String,
}

/// Quotes a checked name, each part of a qualified one by itself. Both dialects take backticks.
pub(super) fn quoted(name: &str) -> String {
    name.split('.').map(|part| format!("`{part}`")).collect::<Vec<_>>().join(".")
}

/// See the module.
#[derive(Clone, Debug)]
pub struct SqlSource {
    database: Database,
    names: SourceNames,
}

impl SqlSource {
    #[must_use]
    pub const fn new(database: Database, names: SourceNames) -> Self {
        Self { database, names }
    }
}

#[async_trait]
impl Source for SqlSource {
    async fn load(&self, window: &Window, quotes_from: Instant) -> Result<Loaded, SourceError> {
        let votes_table = &self.names.votes_table;
        // One transaction is one view of the source: votes and rates of the same moment.
        let mut tx = self.database.begin_read().await.map_err(database(votes_table))?;
        let loaded = self.read(&mut tx, window, quotes_from).await;
        // Nothing was written; whatever ends the view will do.
        drop(tx.rollback().await);
        loaded
    }
}

impl SqlSource {
    async fn read(&self, tx: &mut Tx, window: &Window, from: Instant) -> Result<Loaded, SourceError> {
        self.refuse_strays(tx, window).await?;
        let votes = self.votes(tx, window).await?;
        let quotes = self.quotes(tx, from, window.end).await?;
        Ok(Loaded { votes, quotes })
    }

    async fn votes(&self, tx: &mut Tx, window: &Window) -> Result<VoteColumns, SourceError> {
        let names = &self.names;
        let sql = format!(
            "/* votes */ SELECT {id}, {partner_id}, {vote_type}, {cc}, {ecc}, {voted_at} FROM {table} \
             WHERE {voted_at} >= ? AND {voted_at} < ?",
            id = quoted(&names.id),
            partner_id = quoted(&names.partner_id),
            vote_type = quoted(&names.vote_type),
            cc = quoted(&names.cc),
            ecc = quoted(&names.ecc),
            voted_at = quoted(&names.voted_at),
            table = quoted(&names.votes_table),
        );
        let mut votes = VoteColumns::default();
        let mut push = |row: &dyn SourceRow| self.push(row, window, &mut votes);
        let bounds = [bound(window.start), bound(window.end)];
        tx.each_row(&sql, &bounds, &names.votes_table, &mut push).await?;
        Ok(votes)
    }

    /// Checks one row and appends it. Nothing is guessed, nothing is skipped (rules, section 8).
    fn push(&self, row: &dyn SourceRow, window: &Window, votes: &mut VoteColumns) -> Result<(), SourceError> {
        let names = &self.names;
        let bad = |index, column| bad_row(&names.votes_table, row, index, column);
        let amount = |index, column| vote_amount(row.amount(index)).map_err(bad(index, column));
        let at = row
            .instant(5)
            .and_then(|at| if window.contains(at) { Ok(at) } else { Err(BadValue::NotAnInstant) });
        let vote = Vote {
            partner_id: row.integer(1).map_err(bad(1, &names.partner_id))?,
            vote_type: row.text(2).map_err(bad(2, &names.vote_type))?,
            cc: amount(3, &names.cc)?,
            ecc: amount(4, &names.ecc)?,
            voted_at: at.map_err(bad(5, &names.voted_at))?.timestamp_micros(),
        };
        votes.push(vote);
        Ok(())
    }

    /// The quotes of `[from, to]` and the newest before them.
    async fn quotes(&self, tx: &mut Tx, from: Instant, to: Instant) -> Result<Quotes, SourceError> {
        let names = &self.names;
        let (quoted_at, table) = (quoted(&names.quoted_at), quoted(&names.rates_table));
        let newest =
            format!("/* quotes */ SELECT CAST(MAX({quoted_at}) AS CHAR) FROM {table} WHERE {quoted_at} <= ?");
        let newest =
            tx.fetch(newest, &[end_bound(from).into()]).await.map_err(database(&names.rates_table))?;
        let newest = newest[0].optional_text(0).map_err(database(&names.rates_table))?;
        // From the whole second on, so that another quote of the same instant is seen however it is written.
        let newest = newest.map(|newest| newest.get(..SECOND_DIGITS).unwrap_or(&newest).to_owned());
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
        let values = [newest.unwrap_or_else(|| bound(from)), end_bound(to)];
        tx.each_row(&sql, &values, &names.rates_table, &mut push).await?;
        let conflict = |conflict| SourceError::Conflict { table: names.rates_table.clone(), conflict };
        Quotes::new(quotes).map_err(conflict)
    }

    /// Finds rows that no window would ever hold: without an instant, of a type that is none, or, in SQLite, which keeps
    /// instants as text, written so that comparing texts is not comparing instants.
    async fn refuse_strays(&self, tx: &mut Tx, window: &Window) -> Result<(), SourceError> {
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
            tx.each_row(&format!("{select} {column} IS NULL LIMIT 1"), &[], table, &mut stray).await?;
            // A wrong type shows in any row; a text that sorts outside of all instants is the first or the last.
            let mut instant =
                |row: &dyn SourceRow| row.instant(1).map(drop).map_err(bad_row(table, row, 1, at));
            for end in ["MIN", "MAX"] {
                let sql = format!("{select} {column} = (SELECT {end}({column}) FROM {from}) LIMIT 1");
                tx.each_row(&sql, &[], table, &mut instant).await?;
            }
            if matches!(self.database, Database::Sqlite(_)) {
                let sql = format!("{select} {column} >= ? AND {column} < ? AND {column} NOT GLOB ? LIMIT 1");
                for month in [window.start, window.end].map(|instant| instant.format("%Y-%m").to_string()) {
                    let range = [format!("{month}-"), format!("{month}."), SQLITE_INSTANT.to_owned()];
                    tx.each_row(&sql, &range, table, &mut stray).await?;
                }
            }
        }
        Ok(())
    }
}

/// How an instant is written in SQLite, up to its second.
const SQLITE_INSTANT: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*";

/// For `map_err`: which value of which row is bad. The row's key is its first column.
fn bad_row(
    table: &str,
    row: &dyn SourceRow,
    index: usize,
    column: &str,
) -> impl FnOnce(BadValue) -> SourceError + use<> {
    let (table, id, column, value) = (table.to_owned(), row.show(0), column.to_owned(), row.show(index));
    move |why| SourceError::BadRow { table, id, column, value, why: why.to_string() }
}

/// The length of an instant's text up to its second.
const SECOND_DIGITS: usize = "2026-11-19 13:00:00".len();

/// A bound whose text is a prefix of every way to write that second, so that comparing texts is comparing instants.
/// Windows start and end at whole seconds.
pub(super) fn bound(instant: Instant) -> String {
    instant.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same, but including the instant itself however it is written.
fn end_bound(instant: Instant) -> String {
    instant.format("%Y-%m-%d %H:%M:%S.000000").to_string()
}

fn database(table: &str) -> impl Fn(sqlx::Error) -> SourceError + use<> {
    let table = table.to_owned();
    move |source| SourceError::Database { table: table.clone(), source }
}

fn not_negative(amount: Result<Units, BadValue>) -> Result<Units, BadValue> {
    let amount = amount?;
    if amount.is_negative() { Err(BadValue::Negative) } else { Ok(amount) }
}

/// An amount of one vote fits 64 bits.
pub(super) fn vote_amount(amount: Result<Units, BadValue>) -> Result<i64, BadValue> {
    i64::try_from(not_negative(amount)?.count()).map_err(|_| BadValue::PastVoteRange)
}
