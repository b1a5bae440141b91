//! What the operator's machine asks of a program: logs, signals, a state file, systemd.

pub mod logging;
pub mod signals;
pub mod state_file;
pub mod systemd;
