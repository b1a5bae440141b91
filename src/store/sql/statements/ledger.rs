//! What [`crate::store::Ledger`] reads.

use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::Kind;

macro_rules! runs {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT sequence, reward_type, CAST(time AS CHAR), rules_version, CAST(committed_at AS CHAR) ",
            "FROM reward_runs",
            $rest
        )
    };
}

pub const CHAIN_HEAD: &str = "/* chain_head */ SELECT runs, chain_head FROM reward_programme WHERE id = 1";

pub const RUNS_AFTER: &str = runs!("runs_after", " WHERE sequence > ? ORDER BY sequence LIMIT ?");

pub const RUNS_OF: &str =
    runs!("runs_of", " WHERE reward_type = ? AND time >= ? AND time < ? ORDER BY time DESC LIMIT ?");

pub const RUN_OF: &str = runs!("run_of", " WHERE reward_type = ? AND time = ?");

macro_rules! log_rows {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT sequence, reward_type, CAST(timestamp AS CHAR), CAST(total_amount AS CHAR), user_counts, ",
            "CAST(ecc_cap AS CHAR), record, previous_hash FROM reward_distribution_logs",
            $rest
        )
    };
}

pub const LOG_ROWS_AFTER: &str = log_rows!("log_rows_after", " WHERE sequence > ? ORDER BY sequence LIMIT ?");

pub const LOG_ROW: &str = log_rows!("log_row", " WHERE sequence = ?");

macro_rules! figures {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT sequence, reward_type, CAST(reward_day AS CHAR), reward_hour, CAST(time AS CHAR), ",
            "CAST(total_reward_cc AS CHAR), votes, voters, CAST(cc_total AS CHAR), CAST(cc_rate AS CHAR), ",
            "CAST(hourly_share AS CHAR), CAST(daily_share AS CHAR), CAST(late_cc AS CHAR), ",
            "CAST(late_reward_cc AS CHAR), CAST(pool_before AS CHAR), CAST(pool_after AS CHAR), ",
            "CAST(distributed AS CHAR), CAST(undistributed AS CHAR), CAST(market_bonus AS CHAR), ",
            "CAST(ecc_cap AS CHAR) FROM reward_log",
            $rest
        )
    };
}

pub const FIGURES_AFTER: &str = figures!("figures_after", " WHERE sequence > ? ORDER BY sequence LIMIT ?");

pub const FIGURES: &str = figures!("figures", " WHERE sequence = ?");

/// Everything, for verify, which holds all of it against the history.
pub const STANDING_SETTLEMENTS: &str = "/* standing */ \
     SELECT CAST(time AS CHAR), CAST(cc_total AS CHAR), CAST(cc_rate AS CHAR), CAST(total_reward_cc AS CHAR), \
     CAST(hourly_share AS CHAR), CAST(daily_share AS CHAR), CAST(day AS CHAR), paid FROM reward_settlements";

pub const SETTLEMENTS_AND_PAID: &str = "/* settlements */ \
     SELECT CAST(time AS CHAR), CAST(cc_total AS CHAR), CAST(cc_rate AS CHAR), CAST(total_reward_cc AS CHAR), \
     CAST(hourly_share AS CHAR), CAST(daily_share AS CHAR), CAST(day AS CHAR), paid FROM reward_settlements \
     WHERE day = ? ORDER BY time";

macro_rules! transfers {
    ($rest:literal) => {
        concat!(
            "/* transfers_after */ SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts, ",
            "CAST(next_attempt_at AS CHAR), last_error, CAST(delivered_at AS CHAR) FROM special_transfers",
            $rest
        )
    };
}

/// All there is in the order of the table's key, a page at a time.
pub const TRANSFERS_AFTER: &str =
    transfers!(" WHERE (partner_id > ? OR (partner_id = ? AND time > ?)) ORDER BY partner_id, time LIMIT ?");

pub const RULES_VERSIONS: &str = "/* rules_versions */ \
     SELECT number, version, CAST(since AS CHAR), rules FROM reward_rules_versions ORDER BY number";

pub const LAST_RULES_VERSION: &str = "/* last_rules_version */ \
     SELECT number, version, CAST(since AS CHAR), rules FROM reward_rules_versions ORDER BY number DESC LIMIT 1";

pub const INSERT_RULES_VERSION: &str = "/* record_rules */ \
     INSERT INTO reward_rules_versions (number, version, since, rules) VALUES (?, ?, ?, ?)";

/// The named constants of this file.
pub(super) const ALL: [&str; 14] = [
    CHAIN_HEAD,
    RUNS_AFTER,
    RUNS_OF,
    RUN_OF,
    LOG_ROWS_AFTER,
    LOG_ROW,
    FIGURES_AFTER,
    FIGURES,
    STANDING_SETTLEMENTS,
    SETTLEMENTS_AND_PAID,
    TRANSFERS_AFTER,
    RULES_VERSIONS,
    LAST_RULES_VERSION,
    INSERT_RULES_VERSION,
];

pub(super) fn amounts(kind: Kind) -> String {
    let amounts: Vec<String> = columns(kind).iter().map(|column| format!("CAST({column} AS CHAR)")).collect();
    amounts.join(", ")
}

/// Reward rows of a window in the order of the table's key, a page at a time.
#[must_use]
pub fn reward_rows(kind: Kind) -> String {
    format!(
        "/* reward_rows */ SELECT partner_id, position, CAST(time AS CHAR), {} FROM {} \
         WHERE time = ? AND partner_id > ? ORDER BY partner_id LIMIT ?",
        amounts(kind),
        reward_table(kind)
    )
}

/// The next window that has rows: one step along the table's key.
#[must_use]
pub fn next_reward_time(kind: Kind) -> String {
    format!(
        "/* next_reward_time */ SELECT CAST(time AS CHAR) FROM {0} WHERE time >= ? ORDER BY {0}.time LIMIT 1",
        reward_table(kind)
    )
}

/// A partner's rows in so many windows: one look by the table's key for each.
#[must_use]
pub fn partner_rows(kind: Kind, windows: usize) -> String {
    format!(
        "/* partner_rows */ SELECT partner_id, position, CAST(time AS CHAR), {} FROM {} \
         WHERE partner_id = ? AND time IN ({}) ORDER BY time",
        amounts(kind),
        reward_table(kind),
        vec!["?"; windows].join(", ")
    )
}
