-- Every commit adds up the pools that hold something: few, however many days were paid.
CREATE INDEX IF NOT EXISTS reward_pool_state_by_pool ON reward_pool_state (accumulated_daily_pool);
