-- Amounts are DECIMAL(28,8), instants DATETIME(6) in UTC. Every statement may run again after an interruption:
-- MySQL commits each on its own.

CREATE TABLE IF NOT EXISTS votes (
    id         BIGINT NOT NULL PRIMARY KEY,
    partner_id BIGINT NOT NULL,
    vote_type  VARCHAR(64) NOT NULL,
    cc         DECIMAL(28,8) NOT NULL,
    ecc        DECIMAL(28,8) NOT NULL,
    voted_at   DATETIME(6) NOT NULL,
    -- Covers all that a run reads, so a window is one range of one index.
    KEY votes_by_time (voted_at, partner_id, vote_type, cc, ecc)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS cc_rates (
    quoted_at DATETIME(6) NOT NULL PRIMARY KEY,
    rate      DECIMAL(28,8) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row: what the first run fixed, the sums over all runs, and the end of the hash chain.
CREATE TABLE IF NOT EXISTS reward_programme (
    id           TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    timezone     VARCHAR(64) CHARACTER SET ascii NOT NULL,
    start_day    DATE NOT NULL,
    runs         BIGINT NOT NULL,
    chain_head   CHAR(64) CHARACTER SET ascii NOT NULL,
    contributed  DECIMAL(28,8) NOT NULL,
    hourly_paid  DECIMAL(28,8) NOT NULL,
    daily_paid   DECIMAL(28,8) NOT NULL,
    market_bonus DECIMAL(28,8) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A run's key is its kind and the start of its window: no window is paid twice.
CREATE TABLE IF NOT EXISTS reward_runs (
    reward_type   VARCHAR(8) CHARACTER SET ascii NOT NULL,
    time          DATETIME(6) NOT NULL,
    sequence      BIGINT NOT NULL UNIQUE,
    rules_version CHAR(64) CHARACTER SET ascii NOT NULL,
    committed_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (reward_type, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What each hour brought, computed once; paid says whether the hour's own payment has been made.
CREATE TABLE IF NOT EXISTS reward_settlements (
    time            DATETIME(6) NOT NULL PRIMARY KEY,
    day             DATE NOT NULL,
    cc_total        DECIMAL(28,8) NOT NULL,
    cc_rate         DECIMAL(28,8) NOT NULL,
    total_reward_cc DECIMAL(28,8) NOT NULL,
    hourly_share    DECIMAL(28,8) NOT NULL,
    daily_share     DECIMAL(28,8) NOT NULL,
    paid            TINYINT NOT NULL,
    KEY reward_settlements_by_day (day),
    KEY reward_settlements_by_paid (paid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reward_pool_state (
    day                    DATE NOT NULL PRIMARY KEY,
    accumulated_daily_pool DECIMAL(28,8) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reward_list_hourly (
    partner_id            BIGINT NOT NULL,
    position              INT NOT NULL,
    time                  DATETIME(6) NOT NULL,
    hourly_reward_top10p  DECIMAL(28,8) NOT NULL,
    hourly_reward_top10   DECIMAL(28,8) NOT NULL,
    hourly_reward_top100  DECIMAL(28,8) NOT NULL,
    hourly_reward_top1000 DECIMAL(28,8) NOT NULL,
    hourly_reward_all     DECIMAL(28,8) NOT NULL,
    PRIMARY KEY (time, partner_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reward_list_daily (
    partner_id              BIGINT NOT NULL,
    position                INT NOT NULL,
    time                    DATETIME(6) NOT NULL,
    daily_reward_top10      DECIMAL(28,8) NOT NULL,
    daily_reward_top100     DECIMAL(28,8) NOT NULL,
    daily_reward_top1000    DECIMAL(28,8) NOT NULL,
    daily_reward_top10000   DECIMAL(28,8) NOT NULL,
    daily_reward_all        DECIMAL(28,8) NOT NULL,
    daily_reward_top10p_ecc DECIMAL(28,8) NOT NULL,
    daily_reward_top50p     DECIMAL(28,8) NOT NULL,
    cc_market_reward        DECIMAL(28,8) NOT NULL,
    PRIMARY KEY (time, partner_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reward_log (
    sequence        BIGINT NOT NULL PRIMARY KEY,
    reward_type     VARCHAR(8) CHARACTER SET ascii NOT NULL,
    reward_day      DATE NOT NULL,
    reward_hour     TINYINT,
    time            DATETIME(6) NOT NULL,
    total_reward_cc DECIMAL(28,8) NOT NULL,
    votes           BIGINT NOT NULL,
    voters          BIGINT NOT NULL,
    cc_total        DECIMAL(28,8) NOT NULL,
    cc_rate         DECIMAL(28,8) NOT NULL,
    hourly_share    DECIMAL(28,8) NOT NULL,
    daily_share     DECIMAL(28,8) NOT NULL,
    late_cc         DECIMAL(28,8) NOT NULL,
    late_reward_cc  DECIMAL(28,8) NOT NULL,
    pool_before     DECIMAL(28,8) NOT NULL,
    pool_after      DECIMAL(28,8) NOT NULL,
    distributed     DECIMAL(28,8) NOT NULL,
    undistributed   DECIMAL(28,8) NOT NULL,
    market_bonus    DECIMAL(28,8) NOT NULL,
    ecc_cap         DECIMAL(28,8),
    KEY reward_log_by_day (reward_day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reward_distribution_logs (
    sequence      BIGINT NOT NULL PRIMARY KEY,
    reward_type   VARCHAR(8) CHARACTER SET ascii NOT NULL,
    timestamp     DATETIME(6) NOT NULL,
    total_amount  DECIMAL(28,8) NOT NULL,
    user_counts   TEXT NOT NULL CHECK (json_valid(user_counts)),
    ecc_cap       DECIMAL(28,8),
    record        LONGTEXT NOT NULL CHECK (json_valid(record)),
    previous_hash CHAR(64) CHARACTER SET ascii NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The outbox of the special partners' hourly sums.
CREATE TABLE IF NOT EXISTS special_transfers (
    partner_id      BIGINT NOT NULL,
    time            DATETIME(6) NOT NULL,
    cc_reward       DECIMAL(28,8) NOT NULL,
    attempts        INT NOT NULL,
    next_attempt_at DATETIME(6),
    last_error      TEXT,
    delivered_at    DATETIME(6),
    PRIMARY KEY (partner_id, time),
    KEY special_transfers_by_attempt (next_attempt_at, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who may pay: one row, whose fence grows with each new holder. Every write checks it.
CREATE TABLE IF NOT EXISTS reward_lease (
    id       TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    holder   VARCHAR(255) NOT NULL,
    fence    BIGINT NOT NULL,
    renewals BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO reward_lease (id, holder, fence, renewals) VALUES (1, '', 0, 0);
