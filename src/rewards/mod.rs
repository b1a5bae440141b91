//! The domain: what every amount is, to the last unit. Pure: no clock, no randomness, no I/O.

pub mod allocation;
pub mod daily;
pub mod hourly;
pub mod money;
pub mod plan;
pub mod pool;
pub mod rates;
pub mod rules;
pub mod vote;
pub mod window;
