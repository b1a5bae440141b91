-- The rules in force, a row at each change of them; each run names the version that it was made by.
CREATE TABLE IF NOT EXISTS reward_rules_versions (
    number  INTEGER NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    since   TEXT NOT NULL,
    rules   TEXT NOT NULL
) STRICT;
