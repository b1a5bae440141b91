//! Looking at a server, as a session of ours sees it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use tokio::time::Instant;

use super::facts::Server;
use super::statements as sql;
use crate::config::DatabaseUrl;
use crate::errors::chain;
use crate::store::sql::bind::Row;
use crate::store::sql::driver::Database;

/// Of so many round trips the middle one counts: one that had to wait for something says nothing of the way.
const ROUND_TRIPS: usize = 7;

/// # Errors
/// The driver's, where the server does not even say who it is.
pub(super) async fn look(database: &Database, url: &DatabaseUrl) -> sqlx::Result<Server> {
    let identity = database.fetch(sql::IDENTITY, &[]).await?;
    let text = |column| identity[0].optional_text(column);
    let options = url.expose().parse::<MySqlConnectOptions>()?;
    let grants = database.fetch(sql::GRANTS, &[]).await;
    let grants = grants.and_then(|rows| rows.iter().map(|row| row.text(0)).collect());
    Ok(Server {
        version: text(0)?.unwrap_or_default(),
        user: text(1)?.unwrap_or_default(),
        schema: text(2)?,
        is_local: is_local(&options),
        demands_encryption: !matches!(
            options.get_ssl_mode(),
            MySqlSslMode::Disabled | MySqlSslMode::Preferred
        ),
        round_trip: round_trip(database).await?,
        session: variables(database, sql::SESSION_VARIABLES).await?,
        global: variables(database, sql::GLOBAL_VARIABLES).await?,
        status: variables(database, sql::STATUS).await?,
        grants: grants.map_err(|error: sqlx::Error| chain(&error)),
    })
}

fn is_local(options: &MySqlConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || loopback || host == "localhost"
}

/// The time from a question to its answer, on one connection that is in use already: a pool would first look whether
/// it lives, which is a trip of its own.
#[expect(clippy::disallowed_methods, reason = "a span of time, which no clock that is set can touch")]
async fn round_trip(database: &Database) -> sqlx::Result<Duration> {
    let mut tx = database.begin_read().await?;
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    tx.fetch(sql::PING, &[]).await?;
    for _ in 0..ROUND_TRIPS {
        let asked = Instant::now();
        tx.fetch(sql::PING, &[]).await?;
        times.push(asked.elapsed());
    }
    tx.rollback().await?;
    times.sort_unstable();
    Ok(times[ROUND_TRIPS / 2])
}

async fn variables(database: &Database, sql: &'static str) -> sqlx::Result<BTreeMap<String, String>> {
    let rows = database.fetch(sql, &[]).await?;
    let variable = |row: &Row| Ok((row.text(0)?, row.optional_text(1)?.unwrap_or_default()));
    rows.iter().map(variable).collect()
}
