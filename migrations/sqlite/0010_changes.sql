-- Reward lists and repositories that are watched: what of them is confirmed, and every change that was found.

-- One row per watch. version grows with each look that finds something and each decision, so that of two that were made
-- from the same state only one is written. baseline is 1 once a list has been confirmed as a whole; position is the last
-- commit of a repository that was looked at; trouble is why the last look failed.
CREATE TABLE IF NOT EXISTS reward_watches (
    name     TEXT NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL,
    baseline INTEGER NOT NULL,
    position TEXT,
    trouble  TEXT
) STRICT, WITHOUT ROWID;

-- The rows of lists: their confirmed content (none where a row is not confirmed to be there), and the content that was
-- rejected and is still there (is_rejected is 1; none where the rejected content is that the row is gone).
CREATE TABLE IF NOT EXISTS reward_watched_rows (
    watch       TEXT NOT NULL,
    key_hash    TEXT NOT NULL,
    row_key     TEXT NOT NULL,
    content     TEXT,
    is_rejected INTEGER NOT NULL,
    rejected    TEXT,
    PRIMARY KEY (watch, key_hash)
) STRICT, WITHOUT ROWID;

-- Every change, once. Of a watch and key one is open at most: is_open is 1 or NULL. decision is the number of the
-- decision that ended it; one that was overtaken or taken back in its source has none.
CREATE TABLE IF NOT EXISTS reward_changes (
    number         INTEGER NOT NULL PRIMARY KEY,
    watch          TEXT NOT NULL,
    key_hash       TEXT NOT NULL,
    row_key        TEXT NOT NULL,
    before_content TEXT,
    after_content  TEXT,
    author         TEXT,
    revision       TEXT,
    detail         TEXT NOT NULL CHECK (json_valid(detail)),
    seen_at        TEXT NOT NULL,
    state          TEXT NOT NULL,
    is_open        INTEGER,
    decision       INTEGER,
    ended_at       TEXT
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS reward_changes_by_open ON reward_changes (is_open, watch, key_hash);
