-- Who reads votes and rates where they are in a database of their own: rewardd_source, the user of source.url.
--
-- MySQL and MariaDB, on the server of the votes. Put the password, in quotes, in place of @PASSWORD (as it stands, the
-- server refuses the line), and the names of [source] for voting, votes and cc_rates.

CREATE USER IF NOT EXISTS 'rewardd_source'@'%' IDENTIFIED BY @PASSWORD;

GRANT SELECT ON voting.votes TO 'rewardd_source'@'%';
GRANT SELECT ON voting.cc_rates TO 'rewardd_source'@'%';
-- Several connections read a day's votes as of one moment; without it one reads, slower. It is given on whole schemas.
GRANT LOCK TABLES ON voting.* TO 'rewardd_source'@'%';
