SET SESSION time_zone = '+00:00',
    sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    tmp_table_size = 1 << 30, max_heap_table_size = 1 << 30, sort_buffer_size = 2 << 20;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; -- else CREATE ... SELECT locks every vote it reads
START TRANSACTION;

-- The votes: per partner (hour is NULL) and per hour (partner_id is NULL), in one statement, hence of one view.
SET @hours = (
    SELECT GROUP_CONCAT(
        'UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, ', seq, ', SUM(cc)
         FROM {votes_db}.votes FORCE INDEX (votes_by_time) WHERE vote_type = "cc"
         AND voted_at >= "{day}" + INTERVAL ', seq, ' HOUR AND voted_at < "{day}" + INTERVAL ', seq + 1, ' HOUR '
        SEPARATOR '')
    FROM seq_0_to_23);
EXECUTE IMMEDIATE CONCAT(
    'CREATE TEMPORARY TABLE sums (
         partner_id BIGINT, votes BIGINT, ecc DECIMAL(28,8), last DATETIME(6), active_hours INT,
         hour INT, cc DECIMAL(28,8)
     ) ENGINE = MEMORY
     SELECT SQL_BIG_RESULT partner_id, COUNT(*) AS votes, SUM(ecc) AS ecc, MAX(voted_at) AS last,
            BIT_COUNT(BIT_OR(1 << HOUR(voted_at))) AS active_hours, NULL AS hour, NULL AS cc
     FROM {votes_db}.votes FORCE INDEX (votes_by_time)
     WHERE voted_at >= "{day}" AND voted_at < "{day}" + INTERVAL 1 DAY
     GROUP BY partner_id ', @hours);

-- The pool, section 4. An hour without a rate fails on NOT NULL.
CREATE TEMPORARY TABLE settled (
    hour INT PRIMARY KEY, rate DECIMAL(28,8) NOT NULL, total DECIMAL(28,8) NOT NULL
)
SELECT hour, rate, TRUNCATE(IFNULL(cc, 0) * rate, 8) AS total
FROM (
    SELECT hour, cc, (
        SELECT rate FROM {votes_db}.cc_rates WHERE quoted_at <= '{day}' + INTERVAL hour + 1 HOUR
        ORDER BY quoted_at DESC LIMIT 1
    ) AS rate
    FROM sums WHERE hour IS NOT NULL
) AS hours;

-- Positions, section 3. Amounts are in units from here on.
CREATE TEMPORARY TABLE ranked (
    position INT PRIMARY KEY, partner_id BIGINT, votes BIGINT, ecc DECIMAL(28,0), active_hours INT
) ENGINE = MEMORY
SELECT ROW_NUMBER() OVER (ORDER BY votes DESC, ecc DESC, last, partner_id) AS position,
       partner_id, votes, ecc * 100000000 AS ecc, active_hours
FROM sums WHERE hour IS NULL;

-- P = F + E + T: the units that flooring leaves (of weights 2, 2, 1 at most two) go to the largest remainders.
CREATE TEMPORARY TABLE split (part VARCHAR(5) PRIMARY KEY, amount DECIMAL(28,0) NOT NULL)
WITH pool AS (SELECT SUM(total - TRUNCATE(total * 0.25, 8)) * 100000000 AS pool FROM settled),
     weights AS (SELECT 1 AS no, 'fixed' AS part, 2 AS weight UNION ALL SELECT 2, 'ecc', 2 UNION ALL SELECT 3, 'top50', 1),
     shares AS (
         SELECT no, part, (pool * weight - pool * weight MOD 5) / 5 AS base, pool * weight MOD 5 AS remainder, pool
         FROM pool, weights)
SELECT part, base + (ROW_NUMBER() OVER (ORDER BY remainder DESC, no) <= pool - SUM(base) OVER ()) AS amount
FROM shares;

-- The equal categories, section 6. With the default rules every voter is eligible and position follows votes, so the
-- members of each are the first positions; the first `plus` of them get `base` and one unit.
CREATE TEMPORARY TABLE equal (category VARCHAR(8) PRIMARY KEY, members INT, base DECIMAL(28,8), plus INT)
WITH tiers AS (
    SELECT 0 AS no, 'top10' AS category, 10 AS positions, 20 AS min_votes
    UNION ALL SELECT 1, 'top100', 100, 10
    UNION ALL SELECT 2, 'top1000', 1000, 5
    UNION ALL SELECT 3, 'top10000', 10000, 2
    UNION ALL SELECT 4, 'all', ~0, 1
    UNION ALL SELECT NULL, 'top50p', (SELECT COUNT(*) + 1 FROM ranked) DIV 2, 1
), parts AS (
    SELECT tiers.*, IF(no IS NULL, amount, (amount - amount MOD 5) / 5 + (no < amount MOD 5)) AS amount
    FROM tiers JOIN split ON part = IF(no IS NULL, 'top50', 'fixed')
), counted AS (
    SELECT category, amount, NULLIF(COUNT(position), 0) AS members
    FROM parts LEFT JOIN ranked ON position <= positions AND votes >= min_votes AND active_hours >= 1
    GROUP BY category
)
SELECT category, members, (amount - amount MOD members) / members * 0.00000001 AS base, amount MOD members AS plus
FROM counted;

-- The ECC part: largest remainders over the weights of the top 10 %.
SET @top10p = (SELECT (COUNT(*) + 9) DIV 10 FROM ranked);
CREATE TEMPORARY TABLE weights (position INT PRIMARY KEY, weight DECIMAL(28,0)) ENGINE = MEMORY
WITH cap AS (
    SELECT (SUM(5 * ecc) - SUM(5 * ecc) MOD COUNT(*)) / COUNT(*) AS cap FROM ranked WHERE position <= @top10p)
SELECT position, LEAST(ecc, cap) AS weight FROM ranked, cap WHERE position <= @top10p AND active_hours >= 1;
CREATE TEMPORARY TABLE by_ecc (position INT PRIMARY KEY, amount DECIMAL(28,8)) ENGINE = MEMORY
WITH shares AS (
    SELECT position, amount, (amount * weight - amount * weight MOD total) / total AS base,
           amount * weight MOD total AS remainder
    FROM weights, (SELECT NULLIF(SUM(weight), 0) AS total FROM weights) AS sum, split WHERE part = 'ecc')
SELECT position, (base + (ROW_NUMBER() OVER (ORDER BY remainder DESC, position) <= amount - SUM(base) OVER ()))
                 * 0.00000001 AS amount
FROM shares;

-- The market bonus: of a reference of 0, or none, there is no rise.
CREATE TEMPORARY TABLE market (ratio DECIMAL(9,8) NOT NULL)
WITH quotes AS (
    SELECT (SUM(rate * 100000000) - SUM(rate * 100000000) MOD COUNT(*)) / COUNT(*) AS reference
    FROM {votes_db}.cc_rates WHERE quoted_at >= '{day}' - INTERVAL 7 DAY AND quoted_at < '{day}'
), rise AS (
    SELECT NULLIF(reference, 0) AS reference, GREATEST(rate * 100000000 - reference, 0) * 100000000 AS rise
    FROM quotes, settled WHERE hour = 23
)
SELECT IFNULL(LEAST((rise - rise MOD reference) / reference * 0.00000001, 0.1), 0) AS ratio FROM rise;

INSERT INTO {result_db}.reward_list_daily
SELECT partner_id, position, '{day}', top10, top100, top1000, top10000, `all`, top10p_ecc, top50p,
       TRUNCATE((top10 + top100 + top1000 + top10000 + `all` + top10p_ecc + top50p) * ratio, 8)
FROM (
    SELECT partner_id, position, ratio, IFNULL(by_ecc.amount, 0) AS top10p_ecc,
           IF(position <= a.members, a.base + IF(position <= a.plus, 0.00000001, 0), 0) AS top10,
           IF(position <= b.members, b.base + IF(position <= b.plus, 0.00000001, 0), 0) AS top100,
           IF(position <= c.members, c.base + IF(position <= c.plus, 0.00000001, 0), 0) AS top1000,
           IF(position <= d.members, d.base + IF(position <= d.plus, 0.00000001, 0), 0) AS top10000,
           IF(position <= e.members, e.base + IF(position <= e.plus, 0.00000001, 0), 0) AS `all`,
           IF(position <= f.members, f.base + IF(position <= f.plus, 0.00000001, 0), 0) AS top50p
    FROM ranked LEFT JOIN by_ecc USING (position), market, equal AS a, equal AS b, equal AS c, equal AS d, equal AS e,
         equal AS f
    WHERE a.category = 'top10' AND b.category = 'top100' AND c.category = 'top1000' AND d.category = 'top10000'
      AND e.category = 'all' AND f.category = 'top50p'
) AS amounts
ORDER BY partner_id;
COMMIT;
