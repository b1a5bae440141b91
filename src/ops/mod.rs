//! What the operator's machine asks of a program: logs.

pub mod logging;
