//! When to look, and what is due.

pub mod due;
