-- Amounts are texts with 8 fractional digits, instants texts in UTC ('2026-11-19 13:00:00.000000'): SQLite has no
-- decimal type, and this way the same SELECT reads the same here and on MySQL.

CREATE TABLE IF NOT EXISTS votes (
    id         INTEGER NOT NULL PRIMARY KEY,
    partner_id INTEGER NOT NULL,
    vote_type  TEXT NOT NULL,
    cc         TEXT NOT NULL,
    ecc        TEXT NOT NULL,
    voted_at   TEXT NOT NULL CHECK (voted_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*')
) STRICT;

CREATE INDEX IF NOT EXISTS votes_by_time ON votes (voted_at);

CREATE TABLE IF NOT EXISTS cc_rates (
    quoted_at TEXT NOT NULL PRIMARY KEY CHECK (quoted_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*'),
    rate      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: what the first run fixed, the sums over all runs, and the end of the hash chain.
CREATE TABLE IF NOT EXISTS reward_programme (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    timezone     TEXT NOT NULL,
    start_day    TEXT NOT NULL,
    runs         INTEGER NOT NULL,
    chain_head   TEXT NOT NULL,
    contributed  TEXT NOT NULL,
    hourly_paid  TEXT NOT NULL,
    daily_paid   TEXT NOT NULL,
    market_bonus TEXT NOT NULL
) STRICT;

-- A run's key is its kind and the start of its window: no window is paid twice.
CREATE TABLE IF NOT EXISTS reward_runs (
    reward_type   TEXT NOT NULL,
    time          TEXT NOT NULL,
    sequence      INTEGER NOT NULL UNIQUE,
    rules_version TEXT NOT NULL,
    committed_at  TEXT NOT NULL,
    PRIMARY KEY (reward_type, time)
) STRICT, WITHOUT ROWID;

-- What each hour brought, computed once; paid says whether the hour's own payment has been made.
CREATE TABLE IF NOT EXISTS reward_settlements (
    time            TEXT NOT NULL PRIMARY KEY,
    day             TEXT NOT NULL,
    cc_total        TEXT NOT NULL,
    cc_rate         TEXT NOT NULL,
    total_reward_cc TEXT NOT NULL,
    hourly_share    TEXT NOT NULL,
    daily_share     TEXT NOT NULL,
    paid            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_settlements_by_day ON reward_settlements (day);
CREATE INDEX IF NOT EXISTS reward_settlements_by_paid ON reward_settlements (paid);

CREATE TABLE IF NOT EXISTS reward_pool_state (
    day                    TEXT NOT NULL PRIMARY KEY,
    accumulated_daily_pool TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS reward_list_hourly (
    partner_id            INTEGER NOT NULL,
    position              INTEGER NOT NULL,
    time                  TEXT NOT NULL,
    hourly_reward_top10p  TEXT NOT NULL,
    hourly_reward_top10   TEXT NOT NULL,
    hourly_reward_top100  TEXT NOT NULL,
    hourly_reward_top1000 TEXT NOT NULL,
    hourly_reward_all     TEXT NOT NULL,
    PRIMARY KEY (time, partner_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS reward_list_daily (
    partner_id              INTEGER NOT NULL,
    position                INTEGER NOT NULL,
    time                    TEXT NOT NULL,
    daily_reward_top10      TEXT NOT NULL,
    daily_reward_top100     TEXT NOT NULL,
    daily_reward_top1000    TEXT NOT NULL,
    daily_reward_top10000   TEXT NOT NULL,
    daily_reward_all        TEXT NOT NULL,
    daily_reward_top10p_ecc TEXT NOT NULL,
    daily_reward_top50p     TEXT NOT NULL,
    cc_market_reward        TEXT NOT NULL,
    PRIMARY KEY (time, partner_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS reward_log (
    sequence        INTEGER NOT NULL PRIMARY KEY,
    reward_type     TEXT NOT NULL,
    reward_day      TEXT NOT NULL,
    reward_hour     INTEGER,
    time            TEXT NOT NULL,
    total_reward_cc TEXT NOT NULL,
    votes           INTEGER NOT NULL,
    voters          INTEGER NOT NULL,
    cc_total        TEXT NOT NULL,
    cc_rate         TEXT NOT NULL,
    hourly_share    TEXT NOT NULL,
    daily_share     TEXT NOT NULL,
    late_cc         TEXT NOT NULL,
    late_reward_cc  TEXT NOT NULL,
    pool_before     TEXT NOT NULL,
    pool_after      TEXT NOT NULL,
    distributed     TEXT NOT NULL,
    undistributed   TEXT NOT NULL,
    market_bonus    TEXT NOT NULL,
    ecc_cap         TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS reward_log_by_day ON reward_log (reward_day);

CREATE TABLE IF NOT EXISTS reward_distribution_logs (
    sequence      INTEGER NOT NULL PRIMARY KEY,
    reward_type   TEXT NOT NULL,
    timestamp     TEXT NOT NULL,
    total_amount  TEXT NOT NULL,
    user_counts   TEXT NOT NULL CHECK (json_valid(user_counts)),
    ecc_cap       TEXT,
    record        TEXT NOT NULL CHECK (json_valid(record)),
    previous_hash TEXT NOT NULL
) STRICT;

-- The outbox of the special partners' hourly sums.
CREATE TABLE IF NOT EXISTS special_transfers (
    partner_id      INTEGER NOT NULL,
    time            TEXT NOT NULL,
    cc_reward       TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at TEXT,
    last_error      TEXT,
    delivered_at    TEXT,
    PRIMARY KEY (partner_id, time)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS special_transfers_by_attempt ON special_transfers (next_attempt_at, time);

-- Who may pay: one row, whose fence grows with each new holder. Every write checks it.
CREATE TABLE IF NOT EXISTS reward_lease (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    holder   TEXT NOT NULL,
    fence    INTEGER NOT NULL,
    renewals INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO reward_lease (id, holder, fence, renewals) VALUES (1, '', 0, 0);
