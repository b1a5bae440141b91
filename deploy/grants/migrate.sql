-- Who makes and changes tables: rewardd_migrate, for `rewardd migrate` at the installation and at upgrades, and for
-- nothing else. Its password need not lie on the daemon's machine.
--
-- MySQL and MariaDB. Put the password, in quotes, in place of @PASSWORD (as it stands, the server refuses the line), and
-- another name for rewards where the database is called otherwise. May be run again.

CREATE DATABASE IF NOT EXISTS rewards;
CREATE USER IF NOT EXISTS 'rewardd_migrate'@'%' IDENTIFIED BY @PASSWORD;

GRANT SELECT, INSERT, CREATE, INDEX ON rewards.* TO 'rewardd_migrate'@'%';
-- The list of migrations: noted as begun, then as done; DELETE where one was interrupted and is begun again.
GRANT CREATE, UPDATE, DELETE ON rewards._sqlx_migrations TO 'rewardd_migrate'@'%';
