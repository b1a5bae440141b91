-- Deciding about what alarms hold: beside daemon.sql, for the user of database.url where the daemon's dashboard is to do it.
--
-- A held partner's reward row is zeros, and releasing it writes the amounts there: the one thing that changes what was
-- paid. Where the daemon is not to have this right, run `rewardd holds` as another user, who has the rights of daemon.sql
-- and these.

GRANT UPDATE ON rewards.reward_list_hourly TO 'rewardd'@'%';
GRANT UPDATE ON rewards.reward_list_daily TO 'rewardd'@'%';
