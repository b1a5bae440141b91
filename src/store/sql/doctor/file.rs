//! Looking at a SQLite file and the file system that it is on.

use sqlx::sqlite::SqliteConnectOptions;

use super::facts::{File, Looked, WriteLock};
use super::statements as sql;
use crate::config::DatabaseUrl;
use crate::errors::chain;
use crate::store::StoreError;
use crate::store::sql::bind::Row;
use crate::store::sql::driver::{Access, Database};

/// # Errors
/// The driver's, where the file is no database or does not let itself be read.
pub(super) async fn look(database: &Database, url: &DatabaseUrl, is_written: bool) -> sqlx::Result<File> {
    let version = database.fetch(sql::SQLITE_VERSION, &[]).await?[0].text(0)?;
    let journal_mode = database.fetch(sql::SQLITE_JOURNAL_MODE, &[]).await?[0].text(0)?;
    let path = url.expose().parse::<SqliteConnectOptions>()?.get_filename().to_owned();
    // Opening a database of another journal mode to write would change the mode.
    let write_lock = if is_written && journal_mode == "wal" { Some(write_lock(url).await) } else { None };
    let free = rustix::fs::statvfs(&path).ok();
    Ok(File {
        version,
        journal_mode,
        damage: damage(database).await.map_err(|error| chain(&error)),
        free_bytes: free.map(|free| free.f_bavail.saturating_mul(free.f_frsize)),
        write_lock,
        path,
    })
}

async fn damage(database: &Database) -> sqlx::Result<Vec<String>> {
    let rows = match database.fetch(sql::SQLITE_QUICK_CHECK, &[]).await {
        // So much is damaged that the check does not come to its end.
        Err(error) if kind(&error) == Some(11) => return Ok(vec![chain(&error)]),
        rows => rows?,
    };
    let lines = rows.iter().map(|row: &Row| row.text(0)).collect::<sqlx::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Takes the write lock as a commit does, waits for it as long, and gives it back.
async fn write_lock(url: &DatabaseUrl) -> Looked<WriteLock> {
    let database = match Database::open(url, Access::Write, 1).await {
        Ok(database) => database,
        Err(StoreError::Connect { source: Some(error), .. }) => return refusal(&error),
        Err(error) => return Err(chain(&error)),
    };
    let lock = match database.begin().await {
        Ok(tx) => tx.rollback().await.map(|()| WriteLock::Free).map_err(|error| chain(&error)),
        Err(error) => refusal(&error),
    };
    database.close().await;
    lock
}

fn refusal(error: &sqlx::Error) -> Looked<WriteLock> {
    match kind(error) {
        Some(5) => Ok(WriteLock::Held),
        Some(8 | 14) => Ok(WriteLock::Denied),
        _ => Err(chain(error)),
    }
}

/// SQLite's code of an error without what it says more in its higher bytes: 5 busy, 8 read-only, 11 corrupt, 14 cannot
/// be opened.
fn kind(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse::<u32>().ok().map(|code| code & 0xFF)
}
