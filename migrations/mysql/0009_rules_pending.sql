-- Changes of the rules that wait for a confirmation, and what became of each. A number is of one sequence with those of
-- reward_rules_versions: a version that is adopted keeps it. Where gone_at is NULL, the configuration has these rules now.
CREATE TABLE IF NOT EXISTS reward_rules_pending (
    number   BIGINT NOT NULL PRIMARY KEY,
    version  CHAR(64) CHARACTER SET ascii NOT NULL,
    rules    LONGTEXT NOT NULL,
    seen_at  DATETIME(6) NOT NULL,
    state    VARCHAR(16) CHARACTER SET ascii NOT NULL,
    effect   LONGTEXT,
    proposal BIGINT,
    decision BIGINT,
    gone_at  DATETIME(6)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
