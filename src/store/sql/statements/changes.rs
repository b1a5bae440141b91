//! What [`crate::store::Changes`] reads and writes.

pub const WATCHES: &str =
    "/* watches */ SELECT name, version, baseline, position, trouble FROM reward_watches ORDER BY name";

pub const WATCH: &str =
    "/* watch_state */ SELECT name, version, baseline, position, trouble FROM reward_watches WHERE name = ?";

/// All rows of one list, which a look is compared with.
pub const WATCHED_ROWS: &str = "/* watch_state */ \
     SELECT row_key, content, is_rejected, rejected FROM reward_watched_rows WHERE watch = ?";

pub const OPEN_CHANGES: &str = "/* watch_state */ \
     SELECT number, row_key, after_content FROM reward_changes WHERE is_open = 1 AND watch = ?";

macro_rules! changes {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT number, watch, row_key, author, revision, detail, CAST(seen_at AS CHAR), state, decision, ",
            "CAST(ended_at AS CHAR) FROM reward_changes",
            $rest
        )
    };
}

pub const PENDING_CHANGES: &str = changes!("pending_changes", " WHERE is_open = 1 ORDER BY number");

pub const PENDING_OF_WATCH: &str =
    changes!("pending_changes", " WHERE is_open = 1 AND watch = ? ORDER BY number");

pub const FIRST_PENDING: &str =
    changes!("waiting_changes", " WHERE is_open = 1 AND watch = ? ORDER BY number LIMIT ?");

pub const NEWEST_PENDING: &str =
    changes!("waiting_changes", " WHERE is_open = 1 AND watch = ? ORDER BY number DESC LIMIT 1");

pub const COUNT_PENDING: &str =
    "/* waiting_changes */ SELECT watch, COUNT(*) FROM reward_changes WHERE is_open = 1 GROUP BY watch";

pub const CHANGES_PAGE: &str = changes!("changes_page", " WHERE number < ? ORDER BY number DESC LIMIT ?");

pub const CHANGE: &str = changes!("change", " WHERE number = ?");

pub const CHANGE_CONTENTS: &str =
    "/* change */ SELECT before_content, after_content FROM reward_changes WHERE number = ?";

/// Takes the row lock that lets one look or decision at a time change a watch, and does nothing where another came
/// between.
pub const ADVANCE_WATCH: &str = "/* record_look */ \
     UPDATE reward_watches SET version = version + 1, position = ?, trouble = ? WHERE name = ? AND version = ?";

pub const INSERT_WATCH: &str = "/* record_look */ \
     INSERT INTO reward_watches (position, trouble, name, version, baseline) VALUES (?, ?, ?, 1, 0)";

pub const LAST_CHANGE: &str = "/* record_look */ SELECT MAX(number) FROM reward_changes";

pub const END_CHANGE: &str = "/* record_look */ \
     UPDATE reward_changes SET state = ?, is_open = NULL, decision = ?, ended_at = ? \
     WHERE number = ? AND is_open = 1";

pub const FORGET_REJECTED: &str = "/* record_look */ \
     UPDATE reward_watched_rows SET is_rejected = 0, rejected = NULL WHERE watch = ? AND key_hash = ?";

pub const DECIDED_WATCH: &str = "/* decide_changes */ \
     UPDATE reward_watches SET version = version + 1, baseline = CASE WHEN ? = 1 THEN 1 ELSE baseline END \
     WHERE name = ?";

pub const CONFIRM_ROW: &str = "/* decide_changes */ \
     UPDATE reward_watched_rows SET content = ?, is_rejected = 0, rejected = NULL WHERE watch = ? AND key_hash = ?";

pub const REJECT_ROW: &str = "/* decide_changes */ \
     UPDATE reward_watched_rows SET is_rejected = 1, rejected = ? WHERE watch = ? AND key_hash = ?";

/// The named constants of this file.
pub(super) const ALL: [&str; 20] = [
    WATCHES,
    WATCH,
    WATCHED_ROWS,
    OPEN_CHANGES,
    PENDING_CHANGES,
    PENDING_OF_WATCH,
    FIRST_PENDING,
    NEWEST_PENDING,
    COUNT_PENDING,
    CHANGES_PAGE,
    CHANGE,
    CHANGE_CONTENTS,
    ADVANCE_WATCH,
    INSERT_WATCH,
    LAST_CHANGE,
    END_CHANGE,
    FORGET_REJECTED,
    DECIDED_WATCH,
    CONFIRM_ROW,
    REJECT_ROW,
];

/// Changes, `rows` of them in one statement.
#[must_use]
pub fn insert_changes(rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', 1)";
    format!(
        "/* record_look */ INSERT INTO reward_changes (number, watch, key_hash, row_key, before_content, \
         after_content, author, revision, detail, seen_at, state, is_open) VALUES {}",
        vec![row; rows].join(", ")
    )
}

/// Rows of lists, `rows` of them in one statement.
#[must_use]
pub fn insert_watched_rows(rows: usize) -> String {
    format!(
        "/* decide_changes */ INSERT INTO reward_watched_rows (watch, key_hash, row_key, content, is_rejected, rejected) \
         VALUES {}",
        vec!["(?, ?, ?, ?, ?, ?)"; rows].join(", ")
    )
}
