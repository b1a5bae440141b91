//! What guards the money: a window's votes and plan are judged before anything of it is paid, and each partner's day
//! after it. Pure: no clock, no randomness, no I/O.

pub mod alarms;
mod patterns;
pub mod suspicion;
pub mod watchlist;

#[cfg(test)]
mod tests;
