-- What alarms found, and the money that they set aside.

-- A row for each alarm that was raised, counted within its window: written with the run, or with the hold of the window.
CREATE TABLE IF NOT EXISTS reward_alarms (
    reward_type VARCHAR(8) CHARACTER SET ascii NOT NULL,
    time        DATETIME(6) NOT NULL,
    number      BIGINT NOT NULL,
    alarm       VARCHAR(32) CHARACTER SET ascii NOT NULL,
    rule        VARCHAR(32) CHARACTER SET ascii NOT NULL,
    action      VARCHAR(16) CHARACTER SET ascii NOT NULL,
    partner_id  BIGINT,
    figure      VARCHAR(190) NOT NULL,
    bound       VARCHAR(190) NOT NULL,
    stake       DECIMAL(28,8) NOT NULL,
    raised_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (reward_type, time, number),
    KEY reward_alarms_by_time (time, reward_type, number),
    -- They are counted along it alone.
    KEY reward_alarms_by_count (time, reward_type, alarm),
    KEY reward_alarms_by_partner (partner_id, time),
    KEY reward_alarms_by_alarm (alarm, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The amounts of a partner whose reward row is zeros until somebody decides. amounts are those of the reward columns, in
-- their order; from_pool is their sum without the market bonus. after_run and pool_day are of those that were
-- forfeited: how many runs there were by then, and whose pool took the money.
CREATE TABLE IF NOT EXISTS reward_holds (
    reward_type  VARCHAR(8) CHARACTER SET ascii NOT NULL,
    time         DATETIME(6) NOT NULL,
    partner_id   BIGINT NOT NULL,
    amounts      TEXT NOT NULL CHECK (json_valid(amounts)),
    from_pool    DECIMAL(28,8) NOT NULL,
    market_bonus DECIMAL(28,8) NOT NULL,
    has_transfer TINYINT NOT NULL,
    alarms       TEXT NOT NULL CHECK (json_valid(alarms)),
    state        VARCHAR(9) CHARACTER SET ascii NOT NULL,
    held_at      DATETIME(6) NOT NULL,
    decision     BIGINT,
    decided_by   VARCHAR(190),
    decided_at   DATETIME(6),
    pool_day     DATE,
    after_run    BIGINT,
    PRIMARY KEY (reward_type, time, partner_id),
    KEY reward_holds_by_state (state, time, reward_type, partner_id, from_pool),
    KEY reward_holds_by_time (time),
    KEY reward_holds_by_partner (partner_id, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Windows of which nothing was paid: held until somebody decides, then approved, and paid by the next look.
CREATE TABLE IF NOT EXISTS reward_held_windows (
    reward_type VARCHAR(8) CHARACTER SET ascii NOT NULL,
    time        DATETIME(6) NOT NULL,
    alarms      TEXT NOT NULL CHECK (json_valid(alarms)),
    stake       DECIMAL(28,8) NOT NULL,
    state       VARCHAR(9) CHARACTER SET ascii NOT NULL,
    held_at     DATETIME(6) NOT NULL,
    decision    BIGINT,
    decided_by  VARCHAR(190),
    decided_at  DATETIME(6),
    partners    TEXT NOT NULL CHECK (json_valid(partners)),
    PRIMARY KEY (reward_type, time),
    KEY reward_held_windows_by_state (state, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
