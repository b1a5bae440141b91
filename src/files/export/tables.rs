//! The columns of exported tables that are always the same, in the order of the tables.

use super::Column;
use super::Holds::{Amount, Day, Instant, Integer, Text};

pub(super) const REWARD_LOG: [Column; 20] = [
    ("sequence", Integer),
    ("reward_type", Text),
    ("reward_day", Day),
    ("reward_hour", Integer),
    ("time", Instant),
    ("total_reward_cc", Amount),
    ("votes", Integer),
    ("voters", Integer),
    ("cc_total", Amount),
    ("cc_rate", Amount),
    ("hourly_share", Amount),
    ("daily_share", Amount),
    ("late_cc", Amount),
    ("late_reward_cc", Amount),
    ("pool_before", Amount),
    ("pool_after", Amount),
    ("distributed", Amount),
    ("undistributed", Amount),
    ("market_bonus", Amount),
    ("ecc_cap", Amount),
];

pub(super) const DISTRIBUTION_LOGS: [Column; 8] = [
    ("sequence", Integer),
    ("reward_type", Text),
    ("timestamp", Instant),
    ("total_amount", Amount),
    ("user_counts", Text),
    ("ecc_cap", Amount),
    ("record", Text),
    ("previous_hash", Text),
];

pub(super) const RUNS: [Column; 5] = [
    ("reward_type", Text),
    ("time", Instant),
    ("sequence", Integer),
    ("rules_version", Text),
    ("committed_at", Instant),
];

pub(super) const SETTLEMENTS: [Column; 8] = [
    ("time", Instant),
    ("day", Day),
    ("cc_total", Amount),
    ("cc_rate", Amount),
    ("total_reward_cc", Amount),
    ("hourly_share", Amount),
    ("daily_share", Amount),
    ("paid", Integer),
];

pub(super) const POOL_STATE: [Column; 2] = [("day", Day), ("accumulated_daily_pool", Amount)];

pub(super) const TRANSFERS: [Column; 7] = [
    ("partner_id", Integer),
    ("time", Instant),
    ("cc_reward", Amount),
    ("attempts", Integer),
    ("next_attempt_at", Instant),
    ("last_error", Text),
    ("delivered_at", Instant),
];

pub(super) const RULES_VERSIONS: [Column; 4] =
    [("number", Integer), ("version", Text), ("since", Instant), ("rules", Text)];

pub(super) const ALARMS: [Column; 11] = [
    ("reward_type", Text),
    ("time", Instant),
    ("number", Integer),
    ("alarm", Text),
    ("rule", Text),
    ("action", Text),
    ("partner_id", Integer),
    ("figure", Text),
    ("bound", Text),
    ("stake", Amount),
    ("raised_at", Instant),
];

pub(super) const HOLDS: [Column; 15] = [
    ("reward_type", Text),
    ("time", Instant),
    ("partner_id", Integer),
    ("amounts", Text),
    ("from_pool", Amount),
    ("market_bonus", Amount),
    ("has_transfer", Integer),
    ("alarms", Text),
    ("state", Text),
    ("held_at", Instant),
    ("decision", Integer),
    ("decided_by", Text),
    ("decided_at", Instant),
    ("pool_day", Day),
    ("after_run", Integer),
];
