//! What the operator's machine asks of a program: logs, signals, a state file, systemd, metrics and health.

pub mod health;
pub mod logging;
pub mod metrics;
pub mod signals;
pub mod state_file;
pub mod systemd;
