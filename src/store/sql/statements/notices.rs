//! What [`crate::store::Notices`] reads and writes.

pub const CHANGES: &str = "/* changes */ SELECT changes FROM reward_notices WHERE id = 1";

/// Takes the row lock that lets one decide at a time what is told, and does nothing where another came between.
pub const ADVANCE_CHANGES: &str =
    "/* note */ UPDATE reward_notices SET changes = ? WHERE id = 1 AND changes = ?";

pub const TOLD: &str = "/* told */ \
     SELECT receiver, told, CAST(told_at AS CHAR), reported FROM reward_receivers ORDER BY receiver";

pub const UPDATE_TOLD: &str = "/* note */ \
     UPDATE reward_receivers SET told = ?, told_at = ?, reported = ? WHERE receiver = ?";

pub const INSERT_TOLD: &str = "/* note */ \
     INSERT INTO reward_receivers (told, told_at, reported, receiver) VALUES (?, ?, ?, ?)";

macro_rules! incidents {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT opened, kind, subject, detail, CAST(opened_at AS CHAR), closed, ",
            "CAST(closed_at AS CHAR) FROM reward_incidents",
            $rest
        )
    };
}

pub const OPEN_INCIDENTS: &str = incidents!("open_incidents", " WHERE is_open = 1 ORDER BY opened");

pub const INCIDENTS_CLOSED_AFTER: &str =
    incidents!("incidents_closed_after", " WHERE closed > ? ORDER BY closed");

/// By the index of open ones, in which those that are over are together too.
pub const HAPPENED: &str = "/* has_happened */ \
     SELECT opened FROM reward_incidents WHERE is_open IS NULL AND kind = ? AND subject = ? LIMIT 1";

pub const INSERT_INCIDENT: &str = "/* note */ \
     INSERT INTO reward_incidents (opened, kind, subject, detail, opened_at, closed, closed_at, is_open) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub const CLOSE_INCIDENT: &str = "/* note */ \
     UPDATE reward_incidents SET closed = ?, closed_at = ?, is_open = NULL WHERE opened = ? AND is_open = 1";

pub const UPDATE_INCIDENT: &str = "/* note */ UPDATE reward_incidents SET detail = ? WHERE opened = ?";

pub const INSERT_NOTIFICATION: &str = "/* note */ \
     INSERT INTO reward_notifications (id, receiver, event, created_at, message, attempts, refused, \
     next_attempt_at) VALUES (?, ?, ?, ?, ?, 0, 0, ?)";

/// A range, as in SQLite IS NOT NULL is none and would read all that was ever delivered.
pub const WAITING_NOTIFICATIONS: &str = "/* waiting_notifications */ \
     SELECT id, receiver, event, CAST(created_at AS CHAR), attempts, refused, CAST(next_attempt_at AS CHAR), \
     last_error FROM reward_notifications WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' \
     ORDER BY next_attempt_at, id LIMIT ?";

/// A delivered message has no next attempt, so only those that wait are in the range. Where all wait for one instant,
/// those come first that were tried less often: one that is never taken keeps none after it from being sent.
pub const DUE_NOTIFICATION: &str = "/* due_notification */ \
     SELECT id, receiver, event, CAST(created_at AS CHAR), message, attempts FROM reward_notifications \
     WHERE next_attempt_at >= '1000-01-01 00:00:00.000000' AND next_attempt_at <= ? AND receiver = ? \
     ORDER BY next_attempt_at, attempts, created_at, id LIMIT 1";

pub const NOTIFICATION_DELIVERED: &str = "/* notification_delivered */ \
     UPDATE reward_notifications SET delivered_at = ?, next_attempt_at = NULL, last_error = NULL, \
     attempts = attempts + 1 WHERE id = ? AND delivered_at IS NULL";

pub const NOTIFICATION_FAILED: &str = "/* notification_failed */ \
     UPDATE reward_notifications SET attempts = attempts + 1, refused = ?, last_error = ?, next_attempt_at = ? \
     WHERE id = ? AND delivered_at IS NULL AND next_attempt_at IS NOT NULL";

/// What was replaced is kept, and neither waits nor was delivered.
pub const REPLACE_NOTIFICATION: &str = "/* note */ \
     UPDATE reward_notifications SET next_attempt_at = NULL, last_error = ? \
     WHERE id = ? AND refused = 1 AND delivered_at IS NULL";

/// What waits for a receiver that is away waits as long as the message that was tried.
pub const NOTIFICATIONS_POSTPONED: &str = "/* notification_failed */ \
     UPDATE reward_notifications SET next_attempt_at = ? WHERE next_attempt_at < ? AND receiver = ?";

/// The named constants of this file.
pub(super) const ALL: [&str; 18] = [
    CHANGES,
    ADVANCE_CHANGES,
    TOLD,
    UPDATE_TOLD,
    INSERT_TOLD,
    OPEN_INCIDENTS,
    INCIDENTS_CLOSED_AFTER,
    INSERT_INCIDENT,
    CLOSE_INCIDENT,
    UPDATE_INCIDENT,
    INSERT_NOTIFICATION,
    WAITING_NOTIFICATIONS,
    DUE_NOTIFICATION,
    NOTIFICATION_DELIVERED,
    NOTIFICATION_FAILED,
    NOTIFICATIONS_POSTPONED,
    REPLACE_NOTIFICATION,
    HAPPENED,
];
