//! `rewardd` pays programmes' partners: votes become rewards, exact to the last unit.
//!
//! # The walk of one distribution
//!
//! ```text
//! scheduler   what is due and not done, oldest first
//!   → jobs      load → plan → commit, one window at a time
//!     → store     Source: the window's votes and CC rates, only ever read
//!     → frames    votes → one tally per partner → ranking                  (Polars)
//!     → rewards   ranking, rates, books → Plan: every amount, every pool   (pure, exact integers)
//!     → guard     votes and Plan → alarms that they raise                  (pure)
//!     → store     Store: the plan in one transaction, checked before its commit
//!   → jobs      relay: queued special transfers → Remote
//! ```
//!
//! All decisions are in the [`rewards::plan::Plan`]; a dry run, `simulate` and a payment are the same walk with another
//! store at its end.
//!
//! # Invariants
//!
//! - Money is integers in units of 10⁻⁸ CC ([`rewards::money::Units`]); what does not fit is an error.
//! - A run's key is (kind, start of window). It is committed once; asking again changes nothing and says so.
//! - Nothing is committed unless contributions = paid + held over all runs ([`store::Totals`]).
//! - Nothing slow happens inside a write transaction, and every write is a named one ([`store::sql::Work`]).
//! - What time it is, only [`clock`] knows.

pub mod cli;

pub mod config;

pub mod app;
pub mod clock;
pub mod errors;
pub mod fault;
pub mod ops;
pub mod outgoing;

pub mod rewards;

pub mod people;

pub mod frames;

pub mod guard;

pub mod audit;

pub mod store;

pub mod pending;

pub mod jobs;

pub mod proof;

pub mod scheduler;

pub mod confirm;

pub mod notify;

pub mod status;

pub mod report;

pub mod web;

pub mod daemon;

pub mod files;
