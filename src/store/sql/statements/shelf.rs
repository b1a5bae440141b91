//! Rows that are moved to archives and back; see [`crate::store::Mover`].

use super::count_and_sum;
use crate::rewards::plan::{HOURLY_COLUMNS, reward_table};
use crate::rewards::window::Kind;
use crate::store::Movable;
use crate::store::sql::Database;

macro_rules! archives {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT table_name, CAST(day AS CHAR), CAST(from_time AS CHAR), CAST(until_time AS CHAR), file_name, ",
            "row_count, CAST(amount AS CHAR), sha256, CAST(archived_at AS CHAR), CAST(cleared_at AS CHAR) ",
            "FROM reward_archives",
            $rest
        )
    };
}

/// Everything: a row for each day.
pub const ARCHIVES: &str = archives!("archives", " ORDER BY table_name, day");

/// The archive that may hold an instant: the last to begin at or before it.
pub const ARCHIVE_AT: &str =
    archives!("archive_at", " WHERE table_name = ? AND from_time <= ? ORDER BY from_time DESC LIMIT 1");

pub const ARCHIVE_AFTER: &str =
    archives!("archive_after", " WHERE table_name = ? AND from_time > ? ORDER BY from_time LIMIT 1");

pub const INSERT_ARCHIVE: &str = "/* archive */ \
     INSERT INTO reward_archives (table_name, day, from_time, until_time, file_name, row_count, amount, sha256, \
     archived_at, cleared_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)";

/// Matches only the archive that the caller knows.
pub const ARCHIVE_CLEARED: &str = "/* cleared */ \
     UPDATE reward_archives SET cleared_at = ? WHERE table_name = ? AND day = ? AND sha256 = ?";

pub const DELETE_ARCHIVE: &str = "/* unarchive */ \
     DELETE FROM reward_archives WHERE table_name = ? AND day = ? AND sha256 = ?";

pub const ARCHIVE_OF: &str = archives!("archive_of", " WHERE table_name = ? AND day = ?");

pub const CLEAR_REWARDS: &str = "/* clear */ DELETE FROM reward_list_hourly WHERE time = ?";

/// Delivered ones have no next attempt.
pub const CLEAR_TRANSFERS: &str = "/* clear */ \
     DELETE FROM special_transfers WHERE next_attempt_at IS NULL AND time = ?";

pub const NEXT_DELIVERED: &str = "/* next_movable */ \
     SELECT CAST(time AS CHAR) FROM special_transfers WHERE next_attempt_at IS NULL AND time >= ? \
     ORDER BY special_transfers.time LIMIT 1";

pub const DELIVERED_OF: &str = "/* movable_rows */ \
     SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts, CAST(next_attempt_at AS CHAR), \
     last_error, CAST(delivered_at AS CHAR) FROM special_transfers \
     WHERE next_attempt_at IS NULL AND time = ? AND partner_id > ? ORDER BY partner_id LIMIT ?";

pub const WAITING_OF: &str = "/* waiting_of */ \
     SELECT COUNT(*) FROM special_transfers \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' AND time >= ? AND time < ?";

pub const TRANSFER_OF: &str = "/* transfer_of */ \
     SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts, CAST(next_attempt_at AS CHAR), \
     last_error, CAST(delivered_at AS CHAR) FROM special_transfers WHERE partner_id = ? AND time = ?";

/// The named constants of this file.
pub(super) const ALL: [&str; 13] = [
    ARCHIVES,
    ARCHIVE_AT,
    ARCHIVE_AFTER,
    INSERT_ARCHIVE,
    ARCHIVE_CLEARED,
    DELETE_ARCHIVE,
    ARCHIVE_OF,
    CLEAR_REWARDS,
    CLEAR_TRANSFERS,
    NEXT_DELIVERED,
    DELIVERED_OF,
    WAITING_OF,
    TRANSFER_OF,
];

/// Those that move rows, which few users have the rights to.
pub const MOVING: [&str; 5] =
    [INSERT_ARCHIVE, ARCHIVE_CLEARED, DELETE_ARCHIVE, CLEAR_REWARDS, CLEAR_TRANSFERS];

/// The statement that removes the rows of an hour.
#[must_use]
pub const fn clear(table: Movable) -> &'static str {
    match table {
        Movable::HourlyRewards => CLEAR_REWARDS,
        Movable::Transfers => CLEAR_TRANSFERS,
    }
}

/// The number of an hour's rows and the sum of their amounts, as [`super::rewards_written`] gives them.
#[must_use]
pub fn movable_tally(database: &Database, table: Movable) -> String {
    tally(database, "movable_tally", table, "time = ?")
}

/// The same of a day's rows.
#[must_use]
pub fn brought_back(database: &Database, table: Movable) -> String {
    tally(database, "unarchive", table, "time >= ? AND time < ?")
}

fn tally(database: &Database, name: &str, table: Movable, times: &str) -> String {
    match table {
        Movable::HourlyRewards => {
            count_and_sum(database, name, &HOURLY_COLUMNS, reward_table(Kind::Hourly), times)
        }
        Movable::Transfers => {
            let condition = format!("next_attempt_at IS NULL AND {times}");
            count_and_sum(database, name, &["cc_reward"], table.name(), &condition)
        }
    }
}

/// Transfers that are brought back, `rows` of them in one statement.
#[must_use]
pub fn refill_transfers(rows: usize) -> String {
    format!(
        "/* refill */ INSERT INTO special_transfers (partner_id, time, cc_reward, attempts, next_attempt_at, \
         last_error, delivered_at) VALUES {}",
        vec!["(?, ?, ?, ?, NULL, NULL, ?)"; rows].join(", ")
    )
}
