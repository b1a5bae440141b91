//! Making metrics.

use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::KINDS;
use super::amounts::Amounts;

/// Seconds; up to the hour that is the shortest period of a job.
const BUCKETS: [f64; 14] =
    [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

/// Makes metrics that are in the registry already.
pub(super) struct Maker(pub Registry);

impl Maker {
    fn add<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let made = made.expect("names and labels are of the form that Prometheus knows");
        self.0.register(Box::new(made.clone())).expect("each name is given once");
        made
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help))
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels))
    }

    /// Amounts that grow, by the job that pays them.
    pub fn paid(&self, name: &str, help: &str) -> Amounts {
        self.add(Amounts::counters(name, help, &KINDS))
    }

    /// One amount that comes and goes.
    pub fn held(&self, name: &str, help: &str) -> Amounts {
        self.add(Amounts::gauge(name, help))
    }
}
