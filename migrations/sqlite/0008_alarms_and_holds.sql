-- What alarms found, and the money that they set aside.

-- A row for each alarm that was raised, counted within its window: written with the run, or with the hold of the window.
CREATE TABLE IF NOT EXISTS reward_alarms (
    reward_type TEXT NOT NULL,
    time        TEXT NOT NULL,
    number      INTEGER NOT NULL,
    alarm       TEXT NOT NULL,
    rule        TEXT NOT NULL,
    action      TEXT NOT NULL,
    partner_id  INTEGER,
    figure      TEXT NOT NULL,
    bound       TEXT NOT NULL,
    stake       TEXT NOT NULL,
    raised_at   TEXT NOT NULL,
    PRIMARY KEY (reward_type, time, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_alarms_by_time ON reward_alarms (time, reward_type, number);
-- They are counted along it alone.
CREATE INDEX IF NOT EXISTS reward_alarms_by_count ON reward_alarms (time, reward_type, alarm);
CREATE INDEX IF NOT EXISTS reward_alarms_by_partner ON reward_alarms (partner_id, time);
CREATE INDEX IF NOT EXISTS reward_alarms_by_alarm ON reward_alarms (alarm, time);

-- The amounts of a partner whose reward row is zeros until somebody decides. amounts are those of the reward columns, in
-- their order; from_pool is their sum without the market bonus. after_run and pool_day are of those that were
-- forfeited: how many runs there were by then, and whose pool took the money.
CREATE TABLE IF NOT EXISTS reward_holds (
    reward_type  TEXT NOT NULL,
    time         TEXT NOT NULL,
    partner_id   INTEGER NOT NULL,
    amounts      TEXT NOT NULL CHECK (json_valid(amounts)),
    from_pool    TEXT NOT NULL,
    market_bonus TEXT NOT NULL,
    has_transfer INTEGER NOT NULL,
    alarms       TEXT NOT NULL CHECK (json_valid(alarms)),
    state        TEXT NOT NULL,
    held_at      TEXT NOT NULL,
    decision     INTEGER,
    decided_by   TEXT,
    decided_at   TEXT,
    pool_day     TEXT,
    after_run    INTEGER,
    PRIMARY KEY (reward_type, time, partner_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_holds_by_state
    ON reward_holds (state, time, reward_type, partner_id, from_pool);
CREATE INDEX IF NOT EXISTS reward_holds_by_time ON reward_holds (time);
CREATE INDEX IF NOT EXISTS reward_holds_by_partner ON reward_holds (partner_id, time);

-- Windows of which nothing was paid: held until somebody decides, then approved, and paid by the next look.
CREATE TABLE IF NOT EXISTS reward_held_windows (
    reward_type TEXT NOT NULL,
    time        TEXT NOT NULL,
    alarms      TEXT NOT NULL CHECK (json_valid(alarms)),
    stake       TEXT NOT NULL,
    state       TEXT NOT NULL,
    held_at     TEXT NOT NULL,
    decision    INTEGER,
    decided_by  TEXT,
    decided_at  TEXT,
    partners    TEXT NOT NULL CHECK (json_valid(partners)),
    PRIMARY KEY (reward_type, time)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_held_windows_by_state ON reward_held_windows (state, time);
