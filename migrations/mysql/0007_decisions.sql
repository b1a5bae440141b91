-- What people decided about held money, cases and changes, each row linked to the one before by its hash.

-- One row: how many decisions there are and the hash of the last; lets one writer at a time add to them.
CREATE TABLE IF NOT EXISTS reward_guard (
    id         TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    decisions  BIGINT NOT NULL,
    chain_head CHAR(64) CHARACTER SET ascii NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO reward_guard (id, decisions, chain_head)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE IF NOT EXISTS reward_decisions (
    number        BIGINT NOT NULL PRIMARY KEY,
    subject       VARCHAR(190) NOT NULL,
    verdict       VARCHAR(16) CHARACTER SET ascii NOT NULL,
    decided_by    VARCHAR(64) NOT NULL,
    decided_at    DATETIME(6) NOT NULL,
    note          TEXT NOT NULL,
    detail        LONGTEXT NOT NULL CHECK (json_valid(detail)),
    previous_hash CHAR(64) CHARACTER SET ascii NOT NULL,
    KEY reward_decisions_by_subject (subject, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
