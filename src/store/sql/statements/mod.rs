//! Every statement of the store by name. Each opens with a comment that names who runs it, so it is known again in
//! a server's process list or slow log. All of them are prepared on every backend by a test.
//!
//! `CAST(… AS CHAR)` gives amounts and instants as the same text everywhere.

#[macro_use]
mod ledger;
mod archive;
mod cases;
mod changes;
mod decisions;
mod holds;
mod legacy;
mod notices;
mod pages;
mod pending;
mod shelf;

pub use archive::*;
pub use cases::*;
pub use changes::*;
pub use decisions::*;
pub use holds::*;
pub use ledger::*;
pub use legacy::*;
pub use notices::*;
pub use pages::*;
pub use pending::*;
pub use shelf::*;

use super::Database;
use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::Kind;

pub const PROGRAMME: &str = "/* programme */ \
     SELECT timezone, CAST(start_day AS CHAR) FROM reward_programme WHERE id = 1";

pub const INSERT_PROGRAMME: &str = "/* record_programme */ \
     INSERT INTO reward_programme (id, timezone, start_day, runs, chain_head, contributed, hourly_paid, daily_paid, \
     market_bonus) VALUES (1, ?, ?, 0, ?, '0.00000000', '0.00000000', '0.00000000', '0.00000000')";

pub const UPDATE_PROGRAMME: &str = "/* record_programme */ \
     UPDATE reward_programme SET timezone = ?, start_day = ? WHERE id = 1";

pub const RUNS: &str = "/* runs */ SELECT runs FROM reward_programme WHERE id = 1";

pub const BOOKS: &str = "/* read_books */ \
     SELECT runs, chain_head, CAST(contributed AS CHAR), CAST(hourly_paid AS CHAR), CAST(daily_paid AS CHAR), \
     CAST(market_bonus AS CHAR) FROM reward_programme WHERE id = 1";

/// Takes the row lock that lets one run commit at a time, and does nothing where another came between.
pub const ADVANCE_BOOKS: &str = "/* commit_run */ \
     UPDATE reward_programme SET runs = ?, chain_head = ?, contributed = ?, hourly_paid = ?, daily_paid = ?, \
     market_bonus = ? WHERE id = 1 AND runs = ?";

pub const PAID_SINCE: &str = "/* paid_since */ \
     SELECT CAST(time AS CHAR) FROM reward_runs WHERE reward_type = ? AND time >= ? ORDER BY time";

pub const PAID_COUNT: &str = "/* paid_count */ \
     SELECT COUNT(*) FROM reward_runs WHERE reward_type = ? AND time >= ? AND time < ?";

/// All runs less the later ones, which are few where the instant lies not far back.
pub const PAID_BEFORE: &str = "/* paid_before */ \
     SELECT runs - (SELECT COUNT(*) FROM reward_runs WHERE reward_type IN ('daily', 'hourly') AND time >= ?) \
     FROM reward_programme WHERE id = 1";

/// A run's sequence number is looked up in the log, so that the windows are passed over in the runs' index only.
pub const TOTALS_BEFORE: &str = "/* totals_before */ \
     SELECT CAST(reward_log.total_reward_cc AS CHAR) FROM reward_runs \
     INNER JOIN reward_log ON reward_log.sequence = reward_runs.sequence \
     WHERE reward_runs.reward_type = ? AND reward_runs.time < ? AND reward_runs.sequence <= ? \
     ORDER BY reward_runs.time DESC LIMIT ?";

/// Everything, for a dry run.
pub const TOTALS: &str = "/* state */ SELECT CAST(total_reward_cc AS CHAR), reward_type, CAST(time AS CHAR) \
     FROM reward_log";

pub const RUN: &str = "/* commit_run */ \
     SELECT sequence, CAST(committed_at AS CHAR) FROM reward_runs WHERE reward_type = ? AND time = ?";

pub const INSERT_RUN: &str = "/* commit_run */ \
     INSERT INTO reward_runs (reward_type, time, sequence, rules_version, committed_at) VALUES (?, ?, ?, ?, ?)";

macro_rules! settlements {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT CAST(time AS CHAR), CAST(cc_total AS CHAR), CAST(cc_rate AS CHAR), ",
            "CAST(total_reward_cc AS CHAR), CAST(hourly_share AS CHAR), CAST(daily_share AS CHAR), ",
            "CAST(day AS CHAR) FROM reward_settlements",
            $rest
        )
    };
}

pub const SETTLEMENTS_OF_DAY: &str = settlements!("books", " WHERE day = ? ORDER BY time");

/// Everything, for a dry run, which goes on from all of it in memory; so is [`POOLS`], and [`PAID_SINCE`] from the
/// beginning of time.
pub const SETTLEMENTS: &str = settlements!("state", "");

pub const POOLS: &str = "/* state */ \
     SELECT CAST(accumulated_daily_pool AS CHAR), CAST(day AS CHAR) FROM reward_pool_state";

pub const INSERT_SETTLEMENT: &str = "/* commit_run */ \
     INSERT INTO reward_settlements (time, day, cc_total, cc_rate, total_reward_cc, hourly_share, daily_share, paid) \
     VALUES (?, ?, ?, ?, ?, ?, ?, 0)";

pub const SETTLEMENT_PAID: &str = "/* commit_run */ \
     UPDATE reward_settlements SET paid = 1 WHERE time = ? AND paid = 0";

pub const UNPAID_HOURLY_SHARES: &str = "/* conservation */ \
     SELECT CAST(hourly_share AS CHAR) FROM reward_settlements WHERE paid = 0";

pub const POOL: &str = "/* books */ \
     SELECT CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state WHERE day = ?";

pub const INSERT_POOL: &str = "/* commit_run */ \
     INSERT INTO reward_pool_state (accumulated_daily_pool, day) VALUES (?, ?)";

pub const UPDATE_POOL: &str = "/* commit_run */ \
     UPDATE reward_pool_state SET accumulated_daily_pool = ? WHERE day = ?";

/// A pool is never negative, so those that hold something are a range of an index, whatever the number of days that
/// were paid. (So it is in SQLite: with 8 digits after the point, no text of an amount sorts before that of zero.)
pub const POOLS_HELD: &str = "/* conservation */ \
     SELECT CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state \
     WHERE accumulated_daily_pool > '0.00000000'";

pub const INSERT_LOG: &str = "/* commit_run */ \
     INSERT INTO reward_log (sequence, reward_type, reward_day, reward_hour, time, total_reward_cc, votes, voters, \
     cc_total, cc_rate, hourly_share, daily_share, late_cc, late_reward_cc, pool_before, pool_after, distributed, \
     undistributed, market_bonus, ecc_cap) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub const INSERT_DISTRIBUTION_LOG: &str = "/* commit_run */ \
     INSERT INTO reward_distribution_logs (sequence, reward_type, timestamp, total_amount, user_counts, ecc_cap, \
     record, previous_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub const INSERT_TRANSFER: &str = "/* commit_run */ \
     INSERT INTO special_transfers (partner_id, time, cc_reward, attempts, next_attempt_at) VALUES (?, ?, ?, 0, ?)";

/// A delivered transfer has no next attempt, so only those that wait are in the range.
pub const QUEUED_TRANSFERS: &str = "/* queued_transfers */ \
     SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts FROM special_transfers \
     WHERE next_attempt_at <= ? AND (time > ? OR (time = ? AND partner_id > ?)) ORDER BY time, partner_id LIMIT ?";

pub const TRANSFER_DELIVERED: &str = "/* transfers_delivered */ \
     UPDATE special_transfers SET delivered_at = ?, next_attempt_at = NULL, last_error = NULL \
     WHERE partner_id = ? AND time = ?";

pub const TRANSFER_FAILED: &str = "/* transfers_failed */ \
     UPDATE special_transfers SET attempts = attempts + 1, last_error = ?, next_attempt_at = ? \
     WHERE partner_id = ? AND time = ? AND delivered_at IS NULL";

/// One that waits already stays as it is.
pub const REQUEUE_TRANSFER: &str = "/* requeue_transfers */ \
     UPDATE special_transfers SET delivered_at = NULL, next_attempt_at = ?, attempts = 0 \
     WHERE partner_id = ? AND time = ? AND delivered_at IS NOT NULL";

/// A range, as in SQLite IS NOT NULL is none and would read all that was ever delivered.
pub const TRANSFERS_WAITING: &str = "/* queue_length */ \
     SELECT CAST(cc_reward AS CHAR) FROM special_transfers WHERE next_attempt_at >= '1000-01-01 00:00:00.000000'";

/// When the transfer that waits longest was queued: as its hour was paid.
pub const OLDEST_WAITING: &str = "/* survey */ \
     SELECT CAST(MIN(committed_at) AS CHAR) FROM special_transfers JOIN reward_runs \
     ON reward_runs.reward_type = 'hourly' AND reward_runs.time = special_transfers.time \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000'";

/// By the windows, newest first: nothing before the one that is found is looked at.
pub const LAST_RECORD: &str = "/* last_record */ \
     SELECT record FROM reward_runs JOIN reward_distribution_logs \
     ON reward_distribution_logs.sequence = reward_runs.sequence \
     WHERE reward_runs.reward_type = ? AND total_amount <> '0.00000000' ORDER BY reward_runs.time DESC LIMIT 1";

pub const LEASE: &str = "/* lease */ SELECT holder, fence, renewals FROM reward_lease WHERE id = 1";

/// Does nothing where the holder has renewed in between.
pub const TAKE_LEASE: &str = "/* take_lease */ \
     UPDATE reward_lease SET holder = ?, fence = ?, renewals = 0 WHERE id = 1 AND fence = ? AND renewals = ?";

/// The first statement of every write: locks the lease, so that nobody takes it before the commit, and renews it.
pub const RENEW_LEASE: &str = "/* renew_lease */ \
     UPDATE reward_lease SET renewals = renewals + 1 WHERE id = 1 AND fence = ?";

pub const RELEASE_LEASE: &str = "/* release_lease */ \
     UPDATE reward_lease SET holder = '', renewals = renewals + 1 WHERE id = 1 AND fence = ?";

/// The named constants, for the tests that prepare and explain them all.
pub fn all() -> impl Iterator<Item = &'static str> {
    let of_the_rooms = ledger::ALL.into_iter().chain(archive::ALL).chain(pages::ALL).chain(pending::ALL);
    let of_people = notices::ALL
        .into_iter()
        .chain(decisions::ALL)
        .chain(holds::ALL)
        .chain(changes::ALL)
        .chain(cases::ALL);
    OF_THE_STORE.into_iter().chain(of_the_rooms).chain(of_people).chain(shelf::ALL)
}

const OF_THE_STORE: [&str; 37] = [
    PROGRAMME,
    INSERT_PROGRAMME,
    UPDATE_PROGRAMME,
    RUNS,
    BOOKS,
    ADVANCE_BOOKS,
    PAID_SINCE,
    PAID_COUNT,
    PAID_BEFORE,
    TOTALS_BEFORE,
    TOTALS,
    RUN,
    INSERT_RUN,
    SETTLEMENTS_OF_DAY,
    SETTLEMENTS,
    POOLS,
    INSERT_SETTLEMENT,
    SETTLEMENT_PAID,
    UNPAID_HOURLY_SHARES,
    POOL,
    INSERT_POOL,
    UPDATE_POOL,
    POOLS_HELD,
    INSERT_LOG,
    INSERT_DISTRIBUTION_LOG,
    INSERT_TRANSFER,
    QUEUED_TRANSFERS,
    TRANSFER_DELIVERED,
    TRANSFER_FAILED,
    REQUEUE_TRANSFER,
    TRANSFERS_WAITING,
    OLDEST_WAITING,
    LAST_RECORD,
    LEASE,
    TAKE_LEASE,
    RENEW_LEASE,
    RELEASE_LEASE,
];

/// Reward rows, `rows` of them in one statement.
#[must_use]
pub fn insert_rewards(kind: Kind, rows: usize) -> String {
    let columns = columns(kind);
    let row = format!("(?, ?, ?{})", ", ?".repeat(columns.len()));
    format!(
        "/* commit_run */ INSERT INTO {} (partner_id, position, time, {}) VALUES {}",
        reward_table(kind),
        columns.join(", "),
        vec![row; rows].join(", ")
    )
}

/// Reads back what a run has written: the number of its rows, and the sum of their amounts; see [`count_and_sum`].
#[must_use]
pub fn rewards_written(database: &Database, kind: Kind) -> String {
    count_and_sum(database, "read_back", columns(kind), reward_table(kind), "time = ?")
}

/// The number of rows, and the sum of their amounts as two texts, whole CC and units beyond, which are added up by the
/// caller. SQLite has no decimals, so there the digits before and after the point are summed apart.
fn count_and_sum(database: &Database, name: &str, columns: &[&str], table: &str, condition: &str) -> String {
    let (whole, fraction) = sums(database, columns);
    format!(
        "/* {name} */ SELECT COUNT(*), CAST({whole} AS CHAR), CAST({fraction} AS CHAR) FROM {table} WHERE {condition}"
    )
}

/// The two sums of [`count_and_sum`]; zero where there are no rows.
fn sums(database: &Database, columns: &[&str]) -> (String, String) {
    let (whole, fraction) = match database {
        Database::MySql(_) => {
            let sums: Vec<String> = columns.iter().map(|column| format!("SUM({column})")).collect();
            (sums.join(" + "), "0".to_owned())
        }
        Database::Sqlite(_) => {
            let part = |take: fn(&str) -> String| {
                let parts: Vec<String> = columns.iter().map(|column| take(column)).collect();
                format!("SUM({})", parts.join(" + "))
            };
            (
                part(|column| format!("CAST(substr({column}, 1, length({column}) - 9) AS INTEGER)")),
                part(|column| format!("CAST(substr({column}, -8) AS INTEGER)")),
            )
        }
    };
    (format!("COALESCE({whole}, 0)"), format!("COALESCE({fraction}, 0)"))
}

/// The best positions of a window: position, partner, and the columns of the kind.
#[must_use]
pub fn top_rows(kind: Kind) -> String {
    let amounts: Vec<String> = columns(kind).iter().map(|column| format!("CAST({column} AS CHAR)")).collect();
    format!(
        "/* top_rows */ SELECT position, partner_id, {} FROM {} WHERE time = ? AND position <= ? ORDER BY position",
        amounts.join(", "),
        reward_table(kind)
    )
}

/// Finds a key of a source's table that is there already.
#[must_use]
pub fn present(table: &str, key: &str, rows: usize) -> String {
    let marks = vec!["?"; rows].join(", ");
    format!("/* import */ SELECT CAST({key} AS CHAR) FROM {table} WHERE {key} IN ({marks}) LIMIT 1")
}

/// Writes transfers to the remote table; one that is there already is an error, and no right to change it is needed.
#[must_use]
pub fn insert_remote(table: &str, rows: usize) -> String {
    let values = vec!["(?, ?, ?)"; rows].join(", ");
    format!("/* deliver */ INSERT INTO {table} (partner_id, time, cc_reward) VALUES {values}")
}

/// Reads transfers back from the remote table.
#[must_use]
pub fn read_remote(table: &str, rows: usize) -> String {
    let keys = vec!["(partner_id = ? AND time = ?)"; rows].join(" OR ");
    format!(
        "/* deliver */ SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR) FROM {table} WHERE {keys}"
    )
}
