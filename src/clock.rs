//! The only place that knows what time it is. Everything else is told.

use std::sync::Mutex;
use std::time::Duration;

use chrono::Utc;

use crate::rewards::window::Instant;

/// Where the present comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where ambient time enters")]
    fn now(&self) -> Instant {
        accelerated(Utc::now())
    }
}

/// In a debug build, `REWARDD_CLOCK=ANCHOR,START,FACTOR` makes time run `FACTOR` times as fast from `START` on, which it
/// was at the machine's instant `ANCHOR`: how tests let weeks pass, across restarts. In a release build time is what
/// the machine says.
#[cfg(debug_assertions)]
fn accelerated(now: Instant) -> Instant {
    use std::sync::LazyLock;

    static CLOCK: LazyLock<Option<(Instant, Instant, i32)>> = LazyLock::new(|| {
        let text = std::env::var("REWARDD_CLOCK").ok()?;
        let mut parts = text.split(',');
        let mut part = || parts.next();
        Some((part()?.parse().ok()?, part()?.parse().ok()?, part()?.parse().ok()?))
    });
    CLOCK.map_or(now, |(anchor, start, factor)| start + (now - anchor) * factor)
}

#[cfg(not(debug_assertions))]
const fn accelerated(now: Instant) -> Instant {
    now
}

/// How long things take, by a clock that nobody sets.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a span of time is no time of day")]
    #[must_use]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start or since this was last asked.
    pub fn lap(&mut self) -> Duration {
        let before = std::mem::replace(self, Self::start());
        self.0 - before.0
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is set: for runs as of another instant, and for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Instant>);

impl ManualClock {
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// # Panics
    /// Where another thread panicked while it held the clock.
    pub fn set(&self, now: Instant) {
        *self.0.lock().expect("setting a clock does not panic") = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.0.lock().expect("setting a clock does not panic")
    }
}
