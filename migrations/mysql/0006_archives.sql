-- The days whose rows were moved to files: a day with a row here is read from its file, whatever its table still holds.
CREATE TABLE IF NOT EXISTS reward_archives (
    table_name  VARCHAR(64) CHARACTER SET ascii NOT NULL,
    day         DATE NOT NULL,
    from_time   DATETIME(6) NOT NULL,
    until_time  DATETIME(6) NOT NULL,
    file_name   VARCHAR(255) NOT NULL,
    row_count   BIGINT NOT NULL,
    amount      DECIMAL(28,8) NOT NULL,
    sha256      CHAR(64) CHARACTER SET ascii NOT NULL,
    archived_at DATETIME(6) NOT NULL,
    cleared_at  DATETIME(6),
    PRIMARY KEY (table_name, day),
    KEY reward_archives_by_time (table_name, from_time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
