//! When to look, what is due, and who may pay.

pub mod cron;
pub mod due;
pub mod lease;
