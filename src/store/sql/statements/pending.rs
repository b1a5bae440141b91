//! What [`crate::store::Confirmations`] reads and writes.

macro_rules! pending {
    ($rest:literal) => {
        concat!(
            "/* pending_rules */ SELECT number, version, rules, CAST(seen_at AS CHAR), state, effect, proposal, ",
            "decision, CAST(gone_at AS CHAR) FROM reward_rules_pending ORDER BY number",
            $rest
        )
    };
}

pub const LAST_PENDING: &str = pending!(" DESC LIMIT 1");
pub const ALL_PENDING: &str = pending!("");

pub const INSERT_PENDING: &str = "/* see_rules */ \
     INSERT INTO reward_rules_pending (number, version, rules, seen_at, state) VALUES (?, ?, ?, ?, ?)";

pub const END_PENDING: &str = "/* see_rules */ \
     UPDATE reward_rules_pending SET state = ?, gone_at = ? WHERE number = ? AND gone_at IS NULL";

pub const PROPOSE_PENDING: &str = "/* decide_rules */ \
     UPDATE reward_rules_pending SET state = ?, proposal = ? WHERE number = ? AND state = ? AND gone_at IS NULL";

pub const DECIDE_PENDING: &str = "/* decide_rules */ \
     UPDATE reward_rules_pending SET state = ?, decision = ? WHERE number = ? AND state = ? AND gone_at IS NULL";

pub const KEEP_EFFECT: &str = "/* keep_effect */ \
     UPDATE reward_rules_pending SET effect = ? WHERE number = ? AND effect IS NULL";

/// The named constants of this file.
pub(super) const ALL: [&str; 7] =
    [LAST_PENDING, ALL_PENDING, INSERT_PENDING, END_PENDING, PROPOSE_PENDING, DECIDE_PENDING, KEEP_EFFECT];
