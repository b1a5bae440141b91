//! What [`crate::store::Cases`] reads and writes.

/// Of all slots, which are few.
pub const JUDGED_DAYS: &str = "/* judged_days */ \
     SELECT CAST(day AS CHAR) FROM reward_profiles WHERE part = 0 AND day >= ? ORDER BY day";

pub const PROFILES_OF: &str =
    "/* profiles_of */ SELECT profiles FROM reward_profiles WHERE slot = ? AND day = ? ORDER BY part";

pub const UPDATE_PROFILES: &str = "/* keep_profiles */ \
     UPDATE reward_profiles SET day = ?, profiles = ? WHERE slot = ? AND part = ?";

pub const INSERT_PROFILES: &str = "/* keep_profiles */ \
     INSERT INTO reward_profiles (day, profiles, slot, part) VALUES (?, ?, ?, ?)";

/// All cases of a partner by one suspicion: few, as most were decided.
pub const CASES_ABOUT: &str = "/* open_cases */ \
     SELECT number, stage, state FROM reward_cases WHERE partner_id = ? AND suspicion = ? ORDER BY number";

pub const LAST_CASE: &str = "/* open_cases */ SELECT MAX(number) FROM reward_cases";

pub const INSERT_CASE: &str = "/* open_cases */ \
     INSERT INTO reward_cases (day, stage, score, detail, number, partner_id, suspicion, state, opened_at, is_standing, \
     is_open) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, 1, 1)";

pub const RAISE_CASE: &str = "/* open_cases */ \
     UPDATE reward_cases SET day = ?, stage = ?, score = ?, detail = ? WHERE number = ? AND is_open = 1";

macro_rules! cases {
    ($name:literal, $rest:literal) => {
        concat!(
            "/* ",
            $name,
            " */ SELECT number, partner_id, suspicion, CAST(day AS CHAR), stage, score, state, ",
            "CAST(opened_at AS CHAR), detail FROM reward_cases",
            $rest
        )
    };
}

pub const CASE: &str = cases!("case", " WHERE number = ?");

pub const CASES_BEFORE: &str = cases!("cases_before", " WHERE number < ? ORDER BY number DESC LIMIT ?");

pub const CASES_IN_STATE: &str =
    cases!("cases_in_state", " WHERE state = ? AND number < ? ORDER BY number DESC LIMIT ?");

/// The open ones together, by an index.
pub const OPEN_GROUPS: &str = "/* open_groups */ \
     SELECT suspicion, CAST(day AS CHAR), COUNT(*), MAX(stage) FROM reward_cases WHERE is_open = 1 \
     GROUP BY suspicion, day ORDER BY day, suspicion";

pub const LOUDEST_OF: &str = "/* open_groups */ \
     SELECT number, partner_id, stage, score FROM reward_cases \
     WHERE is_open = 1 AND suspicion = ? AND day = ? ORDER BY score DESC LIMIT ?";

pub const UPDATE_CASE: &str = "/* decide_case */ \
     UPDATE reward_cases SET state = ?, is_standing = ?, is_open = NULL WHERE number = ? AND state = ?";

pub const INSERT_WATCHED: &str = "/* decide_case */ \
     INSERT INTO reward_watchlist (case_number, partner_id, since, is_watched) VALUES (?, ?, ?, 1)";

pub const WATCHED_NO_MORE: &str = "/* decide_case */ \
     UPDATE reward_watchlist SET is_watched = NULL WHERE case_number = ? AND is_watched = 1";

/// Those whom a person has put there and nobody has taken off again, together in an index.
pub const WATCHLIST: &str = "/* watchlist */ \
     SELECT partner_id, case_number, CAST(since AS CHAR) FROM reward_watchlist WHERE is_watched = 1 \
     ORDER BY partner_id, case_number";

/// The named constants of this file.
pub(super) const ALL: [&str; 17] = [
    JUDGED_DAYS,
    PROFILES_OF,
    UPDATE_PROFILES,
    INSERT_PROFILES,
    CASES_ABOUT,
    LAST_CASE,
    INSERT_CASE,
    RAISE_CASE,
    CASE,
    CASES_BEFORE,
    CASES_IN_STATE,
    OPEN_GROUPS,
    LOUDEST_OF,
    UPDATE_CASE,
    INSERT_WATCHED,
    WATCHED_NO_MORE,
    WATCHLIST,
];
