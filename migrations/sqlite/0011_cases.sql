-- Suspicions: what is remembered of each partner's days, the cases that were opened, and whom later windows watch.

-- A paid day of partners, packed, in parts of less than a megabyte; a day with a row here has been judged. Days take
-- turns in the slots, so the table does not grow.
CREATE TABLE IF NOT EXISTS reward_profiles (
    slot     INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    day      TEXT NOT NULL,
    profiles BLOB NOT NULL,
    PRIMARY KEY (slot, part)
) STRICT;

-- Of a partner and suspicion one case stands at most: is_standing is 1 or NULL, as is is_open while nobody has decided.
CREATE TABLE IF NOT EXISTS reward_cases (
    number      INTEGER NOT NULL PRIMARY KEY,
    partner_id  INTEGER NOT NULL,
    suspicion   TEXT NOT NULL,
    day         TEXT NOT NULL,
    stage       INTEGER NOT NULL,
    score       INTEGER NOT NULL,
    state       TEXT NOT NULL,
    opened_at   TEXT NOT NULL,
    detail      TEXT NOT NULL CHECK (json_valid(detail)),
    is_standing INTEGER,
    is_open     INTEGER
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS reward_cases_by_standing ON reward_cases (partner_id, suspicion, is_standing);
CREATE INDEX IF NOT EXISTS reward_cases_by_open ON reward_cases (is_open, suspicion, day, score);
CREATE INDEX IF NOT EXISTS reward_cases_by_state ON reward_cases (state, number);

-- Partners whose windows are set aside until their cases are closed: until then is_watched is 1, afterwards NULL.
CREATE TABLE IF NOT EXISTS reward_watchlist (
    case_number INTEGER NOT NULL PRIMARY KEY,
    partner_id  INTEGER NOT NULL,
    since       TEXT NOT NULL,
    is_watched  INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS reward_watchlist_by_watched ON reward_watchlist (is_watched, partner_id);
