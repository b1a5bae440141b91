-- Moving old days to archives ([retention]): beside daemon.sql, for the user of database.url where the daemon is to do it.
--
-- It is the only thing that removes rows, and takes the right to do so: of hourly rewards and delivered transfers alone.
-- Where the daemon is not to have it, leave [retention] out of its configuration and run `rewardd retention` with another,
-- by a user who has the rights of daemon.sql and these.

GRANT DELETE ON rewards.reward_list_hourly TO 'rewardd'@'%';
GRANT DELETE ON rewards.special_transfers TO 'rewardd'@'%';
GRANT INSERT, UPDATE, DELETE ON rewards.reward_archives TO 'rewardd'@'%';
