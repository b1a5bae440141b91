//! What [`crate::store::Archive`] reads: ranges of what is stored, a page at a time, each page found by an index.

pub const RUNS_PAGE: &str =
    runs!("runs_page", " WHERE reward_type = ? AND time > ? AND time < ? ORDER BY time LIMIT ?");

/// By the runs, which have an index over time: the log itself has none.
pub const LOG_ROWS_PAGE: &str = "/* log_rows_page */ \
     SELECT reward_distribution_logs.sequence, reward_distribution_logs.reward_type, CAST(timestamp AS CHAR), \
     CAST(total_amount AS CHAR), user_counts, CAST(ecc_cap AS CHAR), record, previous_hash \
     FROM reward_runs JOIN reward_distribution_logs \
     ON reward_distribution_logs.sequence = reward_runs.sequence \
     WHERE reward_runs.reward_type = ? AND reward_runs.time > ? AND reward_runs.time < ? \
     ORDER BY reward_runs.time LIMIT ?";

/// A day has some 25 rows, so those of it that were read before are few.
pub const FIGURES_PAGE: &str = figures!(
    "figures_page",
    " WHERE reward_day >= ? AND reward_day <= ? AND (reward_day > ? OR sequence > ?) \
     ORDER BY reward_day, sequence LIMIT ?"
);

pub const SETTLEMENTS_PAGE: &str = "/* settlements_page */ \
     SELECT CAST(time AS CHAR), CAST(cc_total AS CHAR), CAST(cc_rate AS CHAR), CAST(total_reward_cc AS CHAR), \
     CAST(hourly_share AS CHAR), CAST(daily_share AS CHAR), CAST(day AS CHAR), paid FROM reward_settlements \
     WHERE time > ? AND time < ? ORDER BY time LIMIT ?";

pub const POOLS_PAGE: &str = "/* pools_page */ \
     SELECT CAST(day AS CHAR), CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state \
     WHERE day > ? AND day <= ? ORDER BY day LIMIT ?";

pub const RULES_USE: &str = "/* rules_use */ \
     SELECT COUNT(*), CAST(MIN(time) AS CHAR), CAST(MAX(time) AS CHAR) FROM reward_runs \
     WHERE rules_version = ? AND committed_at >= ? AND committed_at < ?";

/// Those that wait, as in [`super::TRANSFERS_WAITING`], and have been tried in vain.
pub const FAILING_TRANSFERS: &str = "/* failing_transfers */ \
     SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts, CAST(next_attempt_at AS CHAR), \
     last_error, CAST(delivered_at AS CHAR) FROM special_transfers \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' AND attempts > 0 \
     ORDER BY next_attempt_at DESC, time DESC, partner_id DESC LIMIT ?";

pub const COUNT_FAILING_TRANSFERS: &str = "/* failing_transfers */ \
     SELECT COUNT(*) FROM special_transfers \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' AND attempts > 0";

/// The named constants of this file.
pub(super) const ALL: [&str; 8] = [
    RUNS_PAGE,
    LOG_ROWS_PAGE,
    FIGURES_PAGE,
    SETTLEMENTS_PAGE,
    POOLS_PAGE,
    RULES_USE,
    FAILING_TRANSFERS,
    COUNT_FAILING_TRANSFERS,
];
