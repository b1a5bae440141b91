//! What [`crate::store::Pages`] reads.

use super::ledger::amounts;
use crate::rewards::plan::reward_table;
use crate::rewards::window::Kind;

pub const RUNS_BEFORE: &str = runs!("runs_before", " WHERE sequence < ? ORDER BY sequence DESC LIMIT ?");

pub const LOG_ROWS_BEFORE: &str =
    log_rows!("log_rows_before", " WHERE sequence < ? ORDER BY sequence DESC LIMIT ?");

/// Ranges, as in SQLite IS NOT NULL is none and would read all that was ever delivered.
pub const QUEUE: &str = "/* queue */ \
     SELECT CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts FROM special_transfers \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000'";

macro_rules! stored_transfers {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT partner_id, CAST(time AS CHAR), CAST(cc_reward AS CHAR), attempts, ",
            "CAST(next_attempt_at AS CHAR), last_error, CAST(delivered_at AS CHAR) FROM special_transfers",
            $rest
        )
    };
}

pub const WAITING_TRANSFERS: &str = stored_transfers!(
    "waiting_transfers",
    " WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' AND (time > ? OR (time = ? AND partner_id > ?)) \
     ORDER BY time, partner_id LIMIT ?"
);

/// Delivered ones have no next attempt, so they are a range of that index in order of time.
pub const DELIVERED_TRANSFERS: &str = stored_transfers!(
    "delivered_transfers",
    " WHERE next_attempt_at IS NULL AND time <= ? AND (time < ? OR partner_id < ?) \
     ORDER BY time DESC, partner_id DESC LIMIT ?"
);

/// The named constants of this file.
pub(super) const ALL: [&str; 6] =
    [ALARM_COUNTS, RUNS_BEFORE, LOG_ROWS_BEFORE, QUEUE, WAITING_TRANSFERS, DELIVERED_TRANSFERS];

/// The figures of so many runs: one look by the table's key for each.
#[must_use]
pub fn figures_of(runs: usize) -> String {
    let marks = vec!["?"; runs].join(", ");
    format!("{} WHERE sequence IN ({marks}) ORDER BY sequence DESC", figures!("figures_of", ""))
}

/// Who stands where in a window, in the order of the table's key, a page at a time.
#[must_use]
pub fn positions(kind: Kind) -> String {
    format!(
        "/* positions */ SELECT partner_id, position FROM {} WHERE time = ? AND partner_id > ? \
         ORDER BY partner_id LIMIT ?",
        reward_table(kind)
    )
}

/// The rows of so many partners in a window: one look by the table's key for each.
#[must_use]
pub fn rows_of(kind: Kind, partners: usize) -> String {
    format!(
        "/* rows_of */ SELECT partner_id, position, CAST(time AS CHAR), {} FROM {} \
         WHERE time = ? AND partner_id IN ({})",
        amounts(kind),
        reward_table(kind),
        vec!["?"; partners].join(", ")
    )
}

/// What alarms found before a place, the newest first: by the index that fits what is asked for. Its values: the alarm
/// and the partner where they are asked for; the window's kind and start, or else its start twice, its kind twice and
/// its number of the place; the limit. Within a window, the number alone is the place.
#[must_use]
pub fn alarms_before(by_alarm: bool, by_partner: bool, by_window: bool) -> String {
    let mut wanted: Vec<&str> = vec![];
    if by_alarm {
        wanted.push("alarm = ?");
    }
    if by_partner {
        wanted.push("partner_id = ?");
    }
    wanted.push(match by_window {
        true => "reward_type = ? AND time = ? AND number < ?",
        false => "time <= ? AND (time < ? OR reward_type < ? OR (reward_type = ? AND number < ?))",
    });
    format!(
        "/* alarms_before */ SELECT reward_type, CAST(time AS CHAR), number, alarm, rule, action, partner_id, figure, \
         bound, CAST(stake AS CHAR), CAST(raised_at AS CHAR) FROM reward_alarms WHERE {} \
         ORDER BY time DESC, reward_type DESC, number DESC LIMIT ?",
        wanted.join(" AND ")
    )
}

/// In the order of the index over time.
pub const ALARM_COUNTS: &str = "/* alarm_counts */ \
     SELECT CAST(time AS CHAR), reward_type, alarm, COUNT(*) FROM reward_alarms WHERE time >= ? \
     GROUP BY time, reward_type, alarm ORDER BY time, reward_type, alarm";
