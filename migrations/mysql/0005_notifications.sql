-- What is not well, who was told of it, and the outbox of the messages.

-- One row: counts the openings and closings of incidents, and lets one writer at a time decide what to tell.
CREATE TABLE IF NOT EXISTS reward_notices (
    id      TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    changes BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO reward_notices (id, changes) VALUES (1, 0);

-- opened and closed are numbers of changes. Of a kind and subject one incident is open at most: is_open is 1 or NULL.
CREATE TABLE IF NOT EXISTS reward_incidents (
    opened    BIGINT NOT NULL PRIMARY KEY,
    kind      VARCHAR(32) CHARACTER SET ascii NOT NULL,
    subject   VARCHAR(190) NOT NULL,
    detail    TEXT NOT NULL,
    opened_at DATETIME(6) NOT NULL,
    closed    BIGINT,
    closed_at DATETIME(6),
    is_open   TINYINT,
    UNIQUE KEY reward_incidents_by_open (is_open, kind, subject),
    KEY reward_incidents_by_closed (closed)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How far each receiver has been told: of changes, and of the runs that have daily reports.
CREATE TABLE IF NOT EXISTS reward_receivers (
    receiver VARCHAR(32) CHARACTER SET ascii NOT NULL PRIMARY KEY,
    told     BIGINT NOT NULL,
    told_at  DATETIME(6),
    reported BIGINT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The outbox. What has been delivered has no next attempt.
CREATE TABLE IF NOT EXISTS reward_notifications (
    id              VARCHAR(190) CHARACTER SET ascii NOT NULL PRIMARY KEY,
    receiver        VARCHAR(32) CHARACTER SET ascii NOT NULL,
    event           VARCHAR(32) CHARACTER SET ascii NOT NULL,
    created_at      DATETIME(6) NOT NULL,
    message         LONGTEXT NOT NULL CHECK (json_valid(message)),
    attempts        INT NOT NULL,
    refused         TINYINT NOT NULL,
    next_attempt_at DATETIME(6),
    last_error      TEXT,
    delivered_at    DATETIME(6),
    KEY reward_notifications_by_attempt (next_attempt_at, receiver)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
