-- What people decided about held money, cases and changes, each row linked to the one before by its hash.

-- One row: how many decisions there are and the hash of the last; lets one writer at a time add to them.
CREATE TABLE IF NOT EXISTS reward_guard (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    decisions  INTEGER NOT NULL,
    chain_head TEXT NOT NULL
) STRICT;

INSERT OR IGNORE INTO reward_guard (id, decisions, chain_head)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE IF NOT EXISTS reward_decisions (
    number        INTEGER NOT NULL PRIMARY KEY,
    subject       TEXT NOT NULL,
    verdict       TEXT NOT NULL,
    decided_by    TEXT NOT NULL,
    decided_at    TEXT NOT NULL,
    note          TEXT NOT NULL,
    detail        TEXT NOT NULL CHECK (json_valid(detail)),
    previous_hash TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS reward_decisions_by_subject ON reward_decisions (subject, number);
