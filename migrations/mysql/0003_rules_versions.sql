-- The rules in force, a row at each change of them; each run names the version that it was made by.
CREATE TABLE IF NOT EXISTS reward_rules_versions (
    number  BIGINT NOT NULL PRIMARY KEY,
    version CHAR(64) CHARACTER SET ascii NOT NULL,
    since   DATETIME(6) NOT NULL,
    rules   LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
