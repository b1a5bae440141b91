-- Every commit adds up the pools that hold something: few, however many days were paid.
-- MySQL knows no CREATE INDEX IF NOT EXISTS, and this may run again after an interruption.
SET @create_index = IF(
    EXISTS (
        SELECT 1 FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'reward_pool_state'
            AND index_name = 'reward_pool_state_by_pool'
    ),
    'DO 0',
    'CREATE INDEX reward_pool_state_by_pool ON reward_pool_state (accumulated_daily_pool)'
);
PREPARE create_index FROM @create_index;
EXECUTE create_index;
DEALLOCATE PREPARE create_index;
