//! One integration binary: the program as its users meet it, on SQLite and on real servers.
//!
//! `tests/run` brings the servers up; see there.

#![allow(clippy::disallowed_methods, reason = "tests look at the machine's clock to wait with a deadline")]
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with a line number; that is all it needs")]

mod support;
mod suspicions;

mod alarms;
mod architecture;
mod audit_commands;
mod bad_input;
mod browser;
mod changes;
mod commands;
mod daemon;
mod distributions;
mod doctor;
mod explain;
mod explanations;
mod export;
mod four_eyes;
mod galera;
mod grants;
mod holds;
mod kills;
mod legacy;
mod loading;
mod mails;
mod metrics;
mod notifications;
mod outages;
mod packaging;
mod partitions;
mod properties;
mod reading;
mod recovery;
mod report;
mod retention;
mod rules_versions;
mod runbook;
mod statements;
mod status;
mod time;
mod transfers;
mod vectors;
mod verify;
mod web;
mod webhooks;
