//! The special partners' database: `cc_hourly(partner_id, cc_reward, time)`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::driver::{Database, Tx};
use super::source::quoted;
use super::statements::{insert_remote, read_remote};
use super::text::{parse_time, sql_time};
use super::transaction::Work;
use crate::rewards::money::Units;
use crate::rewards::plan::Transfer;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{Remote, Result, StoreError};

/// See the module.
#[derive(Clone, Debug)]
pub struct SqlRemote {
    database: Database,
    table: String,
}

impl SqlRemote {
    /// `table` may be qualified by a schema.
    #[must_use]
    pub fn new(database: Database, table: &str) -> Self {
        Self { database, table: quoted(table) }
    }
}

#[async_trait]
impl Remote for SqlRemote {
    async fn deliver(&self, transfers: &[Transfer]) -> Result<Vec<(Transfer, String)>> {
        self.database.run_tx(&Deliver { remote: self, transfers }).await
    }

    async fn held(&self, transfers: &[Transfer]) -> Result<Vec<Option<String>>> {
        let read = read_remote(&self.table, transfers.len());
        let rows = self.database.fetch(read, &keys(transfers)).await;
        let mut held = amounts(rows.map_err(doing("reading the remote table"))?)?;
        Ok(transfers.iter().map(|transfer| held.remove(&(transfer.partner_id, transfer.time))).collect())
    }
}

/// Writes what is not there yet and reads all of it back: what stands there in the end is what counts, whoever wrote
/// it and however often this ran.
struct Deliver<'a> {
    remote: &'a SqlRemote,
    transfers: &'a [Transfer],
}

impl Work for Deliver<'_> {
    const NAME: &'static str = "deliver_transfers";
    type Output = Vec<(Transfer, String)>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<(Transfer, String)>> {
        let before = self.read(tx).await?;
        let mut rows: Vec<Value<'_>> = Vec::with_capacity(self.transfers.len() * 3);
        for transfer in self.transfers {
            let (partner_id, time) = (transfer.partner_id, transfer.time);
            if !before.contains_key(&(partner_id, time)) {
                rows.extend([partner_id.into(), sql_time(time).into(), transfer.amount.to_string().into()]);
            }
        }
        if !rows.is_empty() {
            // Where somebody else has just written one of them, none is written, and the next attempt finds it.
            let insert = insert_remote(&self.remote.table, rows.len() / 3);
            tx.execute(insert, &rows).await.map_err(doing("writing to the remote table"))?;
        }
        let after = self.read(tx).await?;

        let mut conflicts = Vec::new();
        for transfer in self.transfers {
            let key = (transfer.partner_id, transfer.time);
            let holds = after.get(&key).cloned().unwrap_or_else(|| "nothing".to_owned());
            if Units::parse(&holds) == Ok(transfer.amount) {
                continue;
            }
            if !before.contains_key(&key) {
                // Not a word of it stays: what was written is not what is due.
                return Err(StoreError::RemoteInexact { due: transfer.amount.to_string(), holds });
            }
            conflicts.push((*transfer, holds));
        }
        Ok(conflicts)
    }
}

impl Deliver<'_> {
    /// The amounts, as text, that the remote table holds for the transfers.
    async fn read(&self, tx: &mut Tx) -> Result<BTreeMap<(i64, Instant), String>> {
        let read = read_remote(&self.remote.table, self.transfers.len());
        amounts(tx.fetch(read, &keys(self.transfers)).await.map_err(doing("reading the remote table"))?)
    }
}

fn keys(transfers: &[Transfer]) -> Vec<Value<'static>> {
    let key = |transfer: &Transfer| [transfer.partner_id.into(), sql_time(transfer.time).into()];
    transfers.iter().flat_map(key).collect()
}

fn amounts(rows: Vec<Row>) -> Result<BTreeMap<(i64, Instant), String>> {
    let mut found = BTreeMap::new();
    for row in rows {
        let partner_id = row.int(0).map_err(doing("reading the remote partner"))?;
        let time = row.text(1).map_err(doing("reading the remote time"))?;
        let amount = row.text(2).map_err(doing("reading the remote amount"))?;
        if let Ok(time) = parse_time(&time) {
            found.insert((partner_id, time), amount);
        }
    }
    Ok(found)
}
