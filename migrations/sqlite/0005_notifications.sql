-- What is not well, who was told of it, and the outbox of the messages.

-- One row: counts the openings and closings of incidents, and lets one writer at a time decide what to tell.
CREATE TABLE IF NOT EXISTS reward_notices (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    changes INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO reward_notices (id, changes) VALUES (1, 0);

-- opened and closed are numbers of changes. Of a kind and subject one incident is open at most: is_open is 1 or NULL.
CREATE TABLE IF NOT EXISTS reward_incidents (
    opened    INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    detail    TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed    INTEGER,
    closed_at TEXT,
    is_open   INTEGER
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS reward_incidents_by_open ON reward_incidents (is_open, kind, subject);
CREATE INDEX IF NOT EXISTS reward_incidents_by_closed ON reward_incidents (closed);

-- How far each receiver has been told: of changes, and of the runs that have daily reports.
CREATE TABLE IF NOT EXISTS reward_receivers (
    receiver TEXT NOT NULL PRIMARY KEY,
    told     INTEGER NOT NULL,
    told_at  TEXT,
    reported INTEGER
) STRICT, WITHOUT ROWID;

-- The outbox. What has been delivered has no next attempt.
CREATE TABLE IF NOT EXISTS reward_notifications (
    id              TEXT NOT NULL PRIMARY KEY,
    receiver        TEXT NOT NULL,
    event           TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    message         TEXT NOT NULL CHECK (json_valid(message)),
    attempts        INTEGER NOT NULL,
    refused         INTEGER NOT NULL,
    next_attempt_at TEXT,
    last_error      TEXT,
    delivered_at    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS reward_notifications_by_attempt ON reward_notifications (next_attempt_at, receiver);
