//! Votes and CC rates from a database that may be another one, with other names. Only ever read.

use async_trait::async_trait;

mod aggregate;
mod ballots;
mod mysql_row;
mod quotes;
mod row;
mod session;
mod sqlite_row;
mod sqlx_row;
mod strays;
mod views;
mod votes;
mod wire;

use super::driver::Database;
use crate::config::Aggregate;
use crate::errors::chain;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};
use crate::store::error::{BadValue, SourceError};
use crate::store::{Loaded, Request, Source};
use row::SourceRow;
use session::Reader;

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

impl SourceNames {
    /// The votes of a span, in the order of the covering index's columns.
    pub(super) fn votes_query(&self, with_id: bool) -> String {
        format!(
            "/* votes */ SELECT {partner_id}, {vote_type}, {cc}, {ecc}, {voted_at}{id} FROM {table} \
             WHERE {voted_at} >= ? AND {voted_at} < ?",
            partner_id = quoted(&self.partner_id),
            vote_type = quoted(&self.vote_type),
            cc = quoted(&self.cc),
            ecc = quoted(&self.ecc),
            voted_at = quoted(&self.voted_at),
            id = if with_id { format!(", {}", quoted(&self.id)) } else { String::new() },
            table = quoted(&self.votes_table),
        )
    }
}

/// Quotes a checked name, each part of a qualified one by itself. Both dialects take backticks.
pub(super) fn quoted(name: &str) -> String {
    name.split('.').map(|part| format!("`{part}`")).collect::<Vec<_>>().join(".")
}

/// How much is spent on reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Connections that read a day at the same time.
    pub connections: u32,
    /// What the readers of a window may hold before they add it to what all have brought, bytes.
    pub memory_budget: usize,
    pub aggregate: Aggregate,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct SqlSource {
    database: Database,
    names: SourceNames,
    effort: Effort,
}

impl SqlSource {
    #[must_use]
    pub const fn new(database: Database, names: SourceNames, effort: Effort) -> Self {
        Self { database, names, effort }
    }
}

#[async_trait]
impl Source for SqlSource {
    async fn load(&self, request: &Request) -> Result<Loaded, SourceError> {
        match self.load_by(Reader::Wire, request).await {
            Err(SourceError::Database { source, .. }) if wire::is_beyond(&source) => {
                tracing::warn!(why = chain(&source), "votes are read by sqlx, which takes longer");
                self.load_by(Reader::Sqlx, request).await
            }
            other => other,
        }
    }
}

impl SqlSource {
    async fn load_by(&self, reader: Reader, request: &Request) -> Result<Loaded, SourceError> {
        let window = &request.window;
        let (votes_table, rates_table) = (&self.names.votes_table, &self.names.rates_table);
        // Single votes are to be seen where a window was paid by alarms about them; a configuration with both is refused.
        let by_server = self.effort.aggregate == Aggregate::Server && request.watch.is_none();
        // An hour is read sooner than locks are taken.
        let wanted = if window.kind == Kind::Daily && !by_server { self.effort.connections } else { 1 };
        // All views are of one state of the source: votes and rates of the same moment.
        let tables = [quoted(votes_table), quoted(rates_table)];
        let mut views = views::begin(&self.database, &tables, wanted, votes_table, reader).await?;
        self.refuse_strays(&mut views[0], window).await?;
        let quotes = self.quotes(&mut views[0], request.quotes_from, window.end).await?;
        let votes = match views.pop() {
            Some(view) if by_server => self.aggregated(view, request).await?,
            last => {
                views.extend(last);
                self.votes(views, request).await?
            }
        };
        Ok(Loaded { votes, quotes })
    }
}

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

/// A bound whose text is a prefix of every way to write that second, so that comparing texts is comparing instants.
/// Windows start and end at whole seconds.
pub(super) fn bound(instant: Instant) -> String {
    instant.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same, but including the instant itself however it is written.
fn end_bound(instant: Instant) -> String {
    instant.format("%Y-%m-%d %H:%M:%S.000000").to_string()
}

fn not_negative(amount: Result<Units, BadValue>) -> Result<Units, BadValue> {
    let amount = amount?;
    if amount.is_negative() { Err(BadValue::Negative) } else { Ok(amount) }
}

/// An amount of one vote fits 64 bits.
pub(super) fn vote_amount(amount: Result<Units, BadValue>) -> Result<i64, BadValue> {
    i64::try_from(not_negative(amount)?.count()).map_err(|_| BadValue::PastVoteRange)
}
