-- Who delivers the special partners' sums: rewardd_remote, the user of remote.url.
--
-- MySQL and MariaDB, on the partners' server, once the table is there. Put the password, in quotes, in place of @PASSWORD
-- (as it stands, the server refuses the line), and the name of remote.table for partners.cc_hourly.

CREATE USER IF NOT EXISTS 'rewardd_remote'@'%' IDENTIFIED BY @PASSWORD;

-- What the partners were given once is never changed.
GRANT SELECT, INSERT ON partners.cc_hourly TO 'rewardd_remote'@'%';
