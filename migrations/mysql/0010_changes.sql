-- Reward lists and repositories that are watched: what of them is confirmed, and every change that was found.

-- One row per watch. version grows with each look that finds something and each decision, so that of two that were made
-- from the same state only one is written. baseline is 1 once a list has been confirmed as a whole; position is the last
-- commit of a repository that was looked at; trouble is why the last look failed.
CREATE TABLE IF NOT EXISTS reward_watches (
    name     VARCHAR(32) CHARACTER SET ascii NOT NULL PRIMARY KEY,
    version  BIGINT NOT NULL,
    baseline TINYINT NOT NULL,
    position VARCHAR(64) CHARACTER SET ascii,
    trouble  TEXT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The rows of lists: their confirmed content (none where a row is not confirmed to be there), and the content that was
-- rejected and is still there (is_rejected is 1; none where the rejected content is that the row is gone).
CREATE TABLE IF NOT EXISTS reward_watched_rows (
    watch       VARCHAR(32) CHARACTER SET ascii NOT NULL,
    key_hash    CHAR(64) CHARACTER SET ascii NOT NULL,
    row_key     LONGTEXT NOT NULL,
    content     LONGTEXT,
    is_rejected TINYINT NOT NULL,
    rejected    LONGTEXT,
    PRIMARY KEY (watch, key_hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every change, once. Of a watch and key one is open at most: is_open is 1 or NULL. decision is the number of the
-- decision that ended it; one that was overtaken or taken back in its source has none.
CREATE TABLE IF NOT EXISTS reward_changes (
    number         BIGINT NOT NULL PRIMARY KEY,
    watch          VARCHAR(32) CHARACTER SET ascii NOT NULL,
    key_hash       CHAR(64) CHARACTER SET ascii NOT NULL,
    row_key        LONGTEXT NOT NULL,
    before_content LONGTEXT,
    after_content  LONGTEXT,
    author         TEXT,
    revision       VARCHAR(64) CHARACTER SET ascii,
    detail         LONGTEXT NOT NULL CHECK (json_valid(detail)),
    seen_at        DATETIME(6) NOT NULL,
    state          VARCHAR(16) CHARACTER SET ascii NOT NULL,
    is_open        TINYINT,
    decision       BIGINT,
    ended_at       DATETIME(6),
    UNIQUE KEY reward_changes_by_open (is_open, watch, key_hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
