-- How many runs were made by a version of the rules, and which windows they paid.
CREATE INDEX IF NOT EXISTS reward_runs_by_rules ON reward_runs (rules_version, committed_at);
