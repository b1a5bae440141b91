//! What is not well, and whether those who should know have been told.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use super::make::Maker;
use crate::config::Event;

/// What became of an attempt to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Delivered,
    /// It is tried again.
    Postponed,
    /// The receiver will never take it.
    Refused,
}

impl Sent {
    const ALL: [Self; 3] = [Self::Delivered, Self::Postponed, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Postponed => "postponed",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug)]
pub(super) struct Notices {
    open: IntGaugeVec,
    waiting: IntGaugeVec,
    oldest: IntGauge,
    sent: IntCounterVec,
}

impl Notices {
    pub fn new(make: &Maker) -> Self {
        let notices = Self {
            open: make.gauges("rewardd_incidents_open", "Incidents that are open, by kind.", &["kind"]),
            waiting: make.gauges(
                "rewardd_notifications_waiting",
                "Messages that a receiver has not taken yet.",
                &["receiver"],
            ),
            oldest: make.gauge(
                "rewardd_notifications_oldest_waiting_seconds",
                "How long the oldest message that waits has been queued; 0 where none waits.",
            ),
            sent: make.counters(
                "rewardd_notifications_total",
                "Attempts to send a message, by what became of them.",
                &["receiver", "outcome"],
            ),
        };
        for event in Event::INCIDENTS {
            notices.open.with_label_values(&[event.name()]);
        }
        notices
    }

    pub fn open(&self, by_kind: &BTreeMap<&str, i64>) {
        for event in Event::INCIDENTS {
            let count = by_kind.get(event.name()).copied().unwrap_or_default();
            self.open.with_label_values(&[event.name()]).set(count);
        }
    }

    /// Receivers that are configured no more are named no more.
    pub fn waiting(&self, by_receiver: &BTreeMap<&str, i64>, oldest: Duration) {
        self.waiting.reset();
        for (receiver, count) in by_receiver {
            self.waiting.with_label_values(&[receiver]).set(*count);
            for outcome in Sent::ALL {
                self.sent.with_label_values(&[receiver, outcome.name()]);
            }
        }
        self.oldest.set(i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX));
    }

    pub fn sent(&self, receiver: &str, outcome: Sent) {
        self.sent.with_label_values(&[receiver, outcome.name()]).inc();
    }
}
