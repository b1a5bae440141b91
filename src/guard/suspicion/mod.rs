//! Suspicions: what is out of the ordinary about a partner's day, by statistics that a few outliers do not bend.
//!
//! ```text
//! votes of a paid day → profiles    a few figures for each partner, kept for the next days
//!   → judge       each figure against the crowd and against the partner's own last days: a score
//!   → crossings   who is past which stage; a person decides what that means
//! ```
//!
//! The score is the robust z-score: distance from the median in units of the median distance, scaled so that for
//! normally spread values it counts standard deviations. Only what is *above* the ordinary counts, as nobody gains by
//! being below. Of the two scores, against the crowd and against the own past, the smaller one counts: who always was
//! like that has done nothing suddenly, and who does what all others do today is in company. Where the own past is too
//! short, the crowd alone speaks, and has to be past the second stage. Regularity and cohort know no own past.
//!
//! Everything is an integer, so that every machine comes to the same, and no order of votes or partners matters.

mod cohort;
mod judge;
mod profile;
mod statistics;

pub use judge::{Compared, Crossing, MIN_CROWD, Today, judge};
pub use profile::{PROFILE_BYTES, PROFILES_A_PART, Profile, pack, profiles, unpack};
pub use statistics::{Spread, log2, median};

#[cfg(test)]
mod tests;
