//! What guards the money: a window's votes and plan are judged before anything of it is paid. Pure: no clock, no
//! randomness, no I/O.

pub mod alarms;
mod patterns;

#[cfg(test)]
mod tests;
