-- Suspicions: what is remembered of each partner's days, the cases that were opened, and whom later windows watch.

-- A paid day of partners, packed, in parts of less than a megabyte; a day with a row here has been judged. Days take
-- turns in the slots, so the table does not grow.
CREATE TABLE IF NOT EXISTS reward_profiles (
    slot     INT NOT NULL,
    part     INT NOT NULL,
    day      DATE NOT NULL,
    profiles MEDIUMBLOB NOT NULL,
    PRIMARY KEY (slot, part)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Of a partner and suspicion one case stands at most: is_standing is 1 or NULL, as is is_open while nobody has decided.
CREATE TABLE IF NOT EXISTS reward_cases (
    number      BIGINT NOT NULL PRIMARY KEY,
    partner_id  BIGINT NOT NULL,
    suspicion   VARCHAR(32) CHARACTER SET ascii NOT NULL,
    day         DATE NOT NULL,
    stage       INT NOT NULL,
    score       BIGINT NOT NULL,
    state       VARCHAR(16) CHARACTER SET ascii NOT NULL,
    opened_at   DATETIME(6) NOT NULL,
    detail      LONGTEXT NOT NULL CHECK (json_valid(detail)),
    is_standing TINYINT,
    is_open     TINYINT,
    UNIQUE KEY reward_cases_by_standing (partner_id, suspicion, is_standing),
    KEY reward_cases_by_open (is_open, suspicion, day, score),
    KEY reward_cases_by_state (state, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Partners whose windows are set aside until their cases are closed: until then is_watched is 1, afterwards NULL.
CREATE TABLE IF NOT EXISTS reward_watchlist (
    case_number BIGINT NOT NULL PRIMARY KEY,
    partner_id  BIGINT NOT NULL,
    since       DATETIME(6) NOT NULL,
    is_watched  TINYINT,
    KEY reward_watchlist_by_watched (is_watched, partner_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
