//! What [`crate::store::Decisions`] reads, and how a decision is written.

pub const DECISIONS_HEAD: &str = "/* decide */ SELECT decisions, chain_head FROM reward_guard WHERE id = 1";

pub const INSERT_DECISION: &str = "/* decide */ \
     INSERT INTO reward_decisions (number, subject, verdict, decided_by, decided_at, note, detail, previous_hash) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub const ADVANCE_DECISIONS: &str = "/* decide */ \
     UPDATE reward_guard SET decisions = ?, chain_head = ? WHERE id = 1 AND decisions = ?";

macro_rules! decisions {
    ($rest:literal) => {
        concat!(
            "/* decisions */ SELECT number, subject, verdict, decided_by, CAST(decided_at AS CHAR), note, detail, ",
            "previous_hash FROM reward_decisions ",
            $rest
        )
    };
}

pub const DECISION: &str = decisions!("WHERE number = ?");
pub const DECISIONS_AFTER: &str = decisions!("WHERE number > ? ORDER BY number LIMIT ?");
pub const DECISIONS_BEFORE: &str = decisions!("WHERE number < ? ORDER BY number DESC LIMIT ?");
pub const DECISIONS_ABOUT: &str = decisions!("WHERE subject = ? ORDER BY number");

pub(super) const ALL: [&str; 7] = [
    DECISIONS_HEAD,
    INSERT_DECISION,
    ADVANCE_DECISIONS,
    DECISION,
    DECISIONS_AFTER,
    DECISIONS_BEFORE,
    DECISIONS_ABOUT,
];
