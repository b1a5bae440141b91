-- Changes of the rules that wait for a confirmation, and what became of each. A number is of one sequence with those of
-- reward_rules_versions: a version that is adopted keeps it. Where gone_at is NULL, the configuration has these rules now.
CREATE TABLE IF NOT EXISTS reward_rules_pending (
    number   INTEGER NOT NULL PRIMARY KEY,
    version  TEXT NOT NULL,
    rules    TEXT NOT NULL,
    seen_at  TEXT NOT NULL,
    state    TEXT NOT NULL,
    effect   TEXT,
    proposal INTEGER,
    decision INTEGER,
    gone_at  TEXT
) STRICT;
