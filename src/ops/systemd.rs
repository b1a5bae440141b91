//! What systemd is told. Started by anything else, nothing is said and nothing fails.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "systemd was not told");
    }
}

/// The database answers, and migrations are in.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// One line of what is being done.
pub fn status(text: &str) {
    notify(&[NotifyState::Status(text)]);
}

/// The configuration is being read again; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
}

pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The main loop is alive.
pub fn watchdog() {
    notify(&[NotifyState::Watchdog]);
}

/// How often [`watchdog`] has to be said; none where systemd does not ask.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|timeout| timeout / 3)
}
