-- Who pays: rewardd, the user of database.url, for the daemon and for every command but `migrate` and `import`;
-- `retention`, and a daemon whose configuration has [retention], need the rights of retention.sql beside.
--
-- What was paid can be added to and not be changed: the rights are given table by table, so that neither the daemon nor
-- who has its password can rewrite rewards or the audit log, forge votes, or drop a table.
--
-- MySQL and MariaDB. Run it after `rewardd migrate`, since rights on a table want the table, and again after each
-- upgrade, which may bring tables. Put the password, in quotes, in place of @PASSWORD (as it stands, the server refuses
-- the line), and another name for rewards where the database is called otherwise.

CREATE USER IF NOT EXISTS 'rewardd'@'%' IDENTIFIED BY @PASSWORD;

GRANT SELECT ON rewards.* TO 'rewardd'@'%';
-- Several connections read a day's votes as of one moment. Not needed where votes are in another database (source.sql).
GRANT LOCK TABLES ON rewards.* TO 'rewardd'@'%';

-- History: rows come, and stay as they are.
GRANT INSERT ON rewards.reward_runs TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_list_hourly TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_list_daily TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_log TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_distribution_logs TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_rules_versions TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_decisions TO 'rewardd'@'%';
GRANT INSERT ON rewards.reward_alarms TO 'rewardd'@'%';

-- State: the books, the pools, hours that are settled and then paid, transfers that wait and then arrive, rules
-- that wait for people, the lease.
GRANT INSERT, UPDATE ON rewards.reward_programme TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_pool_state TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_settlements TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.special_transfers TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_holds TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_held_windows TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_rules_pending TO 'rewardd'@'%';
GRANT UPDATE ON rewards.reward_lease TO 'rewardd'@'%';
GRANT UPDATE ON rewards.reward_guard TO 'rewardd'@'%';

-- What receivers are told: incidents, and the outbox of the messages.
GRANT UPDATE ON rewards.reward_notices TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_receivers TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_incidents TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_notifications TO 'rewardd'@'%';

-- Reward lists and repositories that are watched ([confirm]): what of them is confirmed, and their changes.
GRANT INSERT, UPDATE ON rewards.reward_watches TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_watched_rows TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_changes TO 'rewardd'@'%';

-- Suspicions: what is remembered of partners' days, cases, and whose windows are set aside.
GRANT INSERT, UPDATE ON rewards.reward_profiles TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_cases TO 'rewardd'@'%';
GRANT INSERT, UPDATE ON rewards.reward_watchlist TO 'rewardd'@'%';
