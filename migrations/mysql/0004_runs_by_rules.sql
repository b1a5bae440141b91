-- How many runs were made by a version of the rules, and which windows they paid.
-- MySQL knows no CREATE INDEX IF NOT EXISTS, and this may run again after an interruption.
SET @create_index = IF(
    EXISTS (
        SELECT 1 FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'reward_runs' AND index_name = 'reward_runs_by_rules'
    ),
    'DO 0',
    'CREATE INDEX reward_runs_by_rules ON reward_runs (rules_version, committed_at)'
);
PREPARE create_index FROM @create_index;
EXECUTE create_index;
DEALLOCATE PREPARE create_index;
