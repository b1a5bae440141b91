//! What alarms found and set aside, and what was decided; see [`crate::store::Holds`].

use super::{count_and_sum, sums};
use crate::rewards::plan::{columns, reward_table};
use crate::rewards::window::Kind;
use crate::store::sql::Database;

/// Alarms, `rows` of them in one statement.
#[must_use]
pub fn insert_alarms(rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    format!(
        "/* insert_alarms */ INSERT INTO reward_alarms (reward_type, time, number, alarm, rule, action, partner_id, \
         figure, bound, stake, raised_at) VALUES {}",
        vec![row; rows].join(", ")
    )
}

/// How many were raised before, as by a run after the hold of its window.
pub const COUNT_ALARMS: &str = "/* insert_alarms */ \
     SELECT COUNT(*) FROM reward_alarms WHERE reward_type = ? AND time = ?";

pub const ALARMS_OF: &str = "/* alarms_of */ \
     SELECT reward_type, CAST(time AS CHAR), number, alarm, rule, action, partner_id, figure, bound, \
     CAST(stake AS CHAR), CAST(raised_at AS CHAR) FROM reward_alarms \
     WHERE reward_type = ? AND time = ? AND number > ? ORDER BY number LIMIT ?";

pub const ALARMS_PAGE: &str = "/* alarms_page */ \
     SELECT reward_type, CAST(time AS CHAR), number, alarm, rule, action, partner_id, figure, bound, \
     CAST(stake AS CHAR), CAST(raised_at AS CHAR) FROM reward_alarms \
     WHERE reward_type = ? AND time >= ? AND time < ? AND (time > ? OR number > ?) ORDER BY time, number LIMIT ?";

/// Amounts that are set aside, `rows` of them in one statement.
#[must_use]
pub fn insert_holds(rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?, ?, ?, 'held', ?)";
    format!(
        "/* commit_run */ INSERT INTO reward_holds (reward_type, time, partner_id, amounts, from_pool, market_bonus, \
         has_transfer, alarms, state, held_at) VALUES {}",
        vec![row; rows].join(", ")
    )
}

/// Reads back what a run has set aside: the number of rows, and the sum of their amounts; see [`count_and_sum`].
#[must_use]
pub fn holds_written(database: &Database) -> String {
    let amounts = ["from_pool", "market_bonus"];
    count_and_sum(database, "read_back", &amounts, "reward_holds", "reward_type = ? AND time = ?")
}

/// What is set aside and not decided, of all runs: the number of rows, and what they hold of the pools' money; see
/// [`count_and_sum`]. The index over states holds the amounts, so no other row is looked at.
#[must_use]
pub fn set_aside(database: &Database) -> String {
    count_and_sum(database, "conservation", &["from_pool"], "reward_holds", "state = 'held'")
}

/// Everything by what has become of it, for verify: state, kind, the pool's day and the run before of what was
/// forfeited, the number of rows, and the sums of both amounts, each as in [`count_and_sum`].
#[must_use]
pub fn holds_by_state(database: &Database) -> String {
    let ((pool, pool_fraction), (bonus, bonus_fraction)) =
        (sums(database, &["from_pool"]), sums(database, &["market_bonus"]));
    format!(
        "/* standing */ SELECT state, reward_type, CAST(pool_day AS CHAR), after_run, COUNT(*), \
         CAST({pool} AS CHAR), CAST({pool_fraction} AS CHAR), CAST({bonus} AS CHAR), \
         CAST({bonus_fraction} AS CHAR) FROM reward_holds GROUP BY state, reward_type, pool_day, after_run"
    )
}

macro_rules! holds {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT reward_type, CAST(time AS CHAR), partner_id, amounts, CAST(from_pool AS CHAR), ",
            "CAST(market_bonus AS CHAR), has_transfer, alarms, state, CAST(held_at AS CHAR), decision, decided_by, ",
            "CAST(decided_at AS CHAR), CAST(pool_day AS CHAR), after_run FROM reward_holds",
            $rest
        )
    };
}

/// In the order of the index, past a row of it.
pub const HOLDS: &str = holds!(
    "holds",
    " WHERE state = ? AND time >= ? AND (time > ? OR reward_type > ? OR (reward_type = ? AND partner_id > ?)) \
     ORDER BY time, reward_type, partner_id LIMIT ?"
);

pub const HOLDS_OF: &str =
    holds!("holds_of", " WHERE reward_type = ? AND time = ? AND partner_id > ? ORDER BY partner_id LIMIT ?");

pub const HOLDS_PAGE: &str = holds!(
    "holds_page",
    " WHERE reward_type = ? AND time >= ? AND time < ? AND (time > ? OR partner_id > ?) \
     ORDER BY time, partner_id LIMIT ?"
);

pub const HOLD: &str = holds!("hold", " WHERE reward_type = ? AND time = ? AND partner_id = ?");

/// Only what nobody has decided.
pub const DECIDE_HOLD: &str = "/* decide_holds */ \
     UPDATE reward_holds SET state = ?, decision = ?, decided_by = ?, decided_at = ?, pool_day = ?, after_run = ? \
     WHERE reward_type = ? AND time = ? AND partner_id = ? AND state = 'held'";

/// The amounts of a row that was written as zeros; it matches no other.
#[must_use]
pub fn release_reward(kind: Kind) -> String {
    let set: Vec<String> = columns(kind).iter().map(|column| format!("{column} = ?")).collect();
    let zeros: Vec<String> = columns(kind).iter().map(|column| format!("{column} = '0.00000000'")).collect();
    format!(
        "/* decide_holds */ UPDATE {} SET {} WHERE time = ? AND partner_id = ? AND {}",
        reward_table(kind),
        set.join(", "),
        zeros.join(" AND ")
    )
}

/// Under the lock that every write takes, so nothing comes between reading and this.
pub const CORRECT_BOOKS: &str = "/* decide_holds */ \
     UPDATE reward_programme SET hourly_paid = ?, daily_paid = ?, market_bonus = ? WHERE id = 1 AND runs = ?";

macro_rules! held_windows {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT reward_type, CAST(time AS CHAR), alarms, CAST(stake AS CHAR), state, CAST(held_at AS CHAR), ",
            "decision, decided_by, CAST(decided_at AS CHAR), partners FROM reward_held_windows",
            $rest
        )
    };
}

pub const HELD_WINDOW: &str = held_windows!("held_window", " WHERE reward_type = ? AND time = ?");

/// Those that are still to be paid, few as they are.
pub const HELD_WINDOWS: &str =
    held_windows!("held_windows", " WHERE state IN ('approved', 'held') ORDER BY time, reward_type");

pub const INSERT_HELD_WINDOW: &str = "/* hold_window */ \
     INSERT INTO reward_held_windows (reward_type, time, alarms, stake, state, held_at, partners) \
     VALUES (?, ?, ?, ?, 'held', ?, '[]')";

/// Only what nobody has decided.
pub const APPROVE_WINDOW: &str = "/* approve_window */ \
     UPDATE reward_held_windows SET state = 'approved', decision = ?, decided_by = ?, decided_at = ?, partners = ? \
     WHERE reward_type = ? AND time = ? AND state = 'held'";

pub const HELD_WINDOW_PAID: &str = "/* commit_run */ \
     UPDATE reward_held_windows SET state = 'paid' WHERE reward_type = ? AND time = ? AND state = 'approved'";

pub const OPEN_HOLDS_OF: &str = "/* open_holds_of */ \
     SELECT COUNT(*) FROM reward_holds WHERE state = 'held' AND time >= ? AND time < ?";

/// The named constants of this file.
pub(super) const ALL: [&str; 15] = [
    ALARMS_PAGE,
    HOLDS_PAGE,
    OPEN_HOLDS_OF,
    COUNT_ALARMS,
    ALARMS_OF,
    HOLDS,
    HOLDS_OF,
    HOLD,
    DECIDE_HOLD,
    CORRECT_BOOKS,
    HELD_WINDOW,
    HELD_WINDOWS,
    INSERT_HELD_WINDOW,
    APPROVE_WINDOW,
    HELD_WINDOW_PAID,
];
