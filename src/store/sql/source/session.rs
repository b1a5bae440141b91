//! A session of MySQL or MariaDB whose rows are read, by one reader or the other.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use super::row::Take;
use super::wire::Wire;
use super::{mysql_row, sqlx_row};
use crate::store::error::{SourceError, server_number};
use crate::store::sql::driver::{
    ACQUIRE_TIMEOUT, MARIADB_SESSION, MYSQL_SESSION, UNKNOWN_SYSTEM_VARIABLE, timed_out,
};

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Wire,
    Sqlx,
}

/// Not of the pool: it ends, with all that it held, when it is dropped.
pub(super) enum Session {
    Wire(Wire),
    Sqlx(MySqlConnection),
}

impl Session {
    /// Opens a session that is set up like those of the pool.
    pub(super) async fn open(options: &MySqlConnectOptions, reader: Reader) -> sqlx::Result<Self> {
        let open = async {
            let mut session = match reader {
                Reader::Wire => {
                    let mut wire = Wire::connect(options).await?;
                    let collation = options.get_collation();
                    let collation = collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
                    wire.execute(&format!("SET NAMES {}{collation}", options.get_charset())).await?;
                    Self::Wire(wire)
                }
                Reader::Sqlx => Self::Sqlx(options.connect().await?),
            };
            match session.execute(MYSQL_SESSION).await {
                Err(error) if server_number(&error) == Some(UNKNOWN_SYSTEM_VARIABLE) => {
                    session.execute(MARIADB_SESSION).await?;
                }
                other => other?,
            }
            Ok(session)
        };
        tokio::time::timeout(ACQUIRE_TIMEOUT, open).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Runs a statement that gives no rows.
    pub(super) async fn execute(&mut self, sql: &str) -> sqlx::Result<()> {
        match self {
            Self::Wire(wire) => wire.execute(sql).await,
            Self::Sqlx(connection) => connection.execute(AssertSqlSafe(sql)).await.map(drop),
        }
    }

    /// Hands the rows of a query to `take` until it gives an error.
    pub(super) async fn each_row(
        &mut self,
        sql: &str,
        values: &[String],
        table: &str,
        take: Take<'_>,
    ) -> Result<(), SourceError> {
        match self {
            Self::Wire(wire) => mysql_row::each_row(wire, sql, values, table, take).await,
            Self::Sqlx(connection) => sqlx_row::each_row(connection, sql, values, table, take).await,
        }
    }
}
