-- Who only looks: rewardd_reader, for auditors and reports. verify, explain, status, export, rules and audit work with it
-- as database.url; where votes are in another database, verify and explain want rewardd_source beside it.
--
-- MySQL and MariaDB. Put the password, in quotes, in place of @PASSWORD (as it stands, the server refuses the line), and
-- another name for rewards where the database is called otherwise.

CREATE USER IF NOT EXISTS 'rewardd_reader'@'%' IDENTIFIED BY @PASSWORD;

GRANT SELECT ON rewards.* TO 'rewardd_reader'@'%';
