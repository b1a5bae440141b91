-- The days whose rows were moved to files: a day with a row here is read from its file, whatever its table still holds.
CREATE TABLE IF NOT EXISTS reward_archives (
    table_name  TEXT NOT NULL,
    day         TEXT NOT NULL,
    from_time   TEXT NOT NULL,
    until_time  TEXT NOT NULL,
    file_name   TEXT NOT NULL,
    row_count   INTEGER NOT NULL,
    amount      TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    archived_at TEXT NOT NULL,
    cleared_at  TEXT,
    PRIMARY KEY (table_name, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_archives_by_time ON reward_archives (table_name, from_time);
