//! Amounts of CC among the metrics.
//!
//! Prometheus knows binary floating point only, and its sums would drift. So amounts are added up here exactly, in
//! units, and each becomes the nearest floating point number when it is shown, and for nothing else.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::rewards::money::Units;

/// The one row of what has no labels.
const ALONE: &str = "";

/// A family of exact amounts.
#[derive(Clone, Debug)]
pub(super) struct Amounts {
    desc: Arc<Desc>,
    kind: MetricType,
    /// Units, by job.
    sums: Arc<Mutex<BTreeMap<&'static str, i128>>>,
}

impl Amounts {
    /// Amounts that only grow, by the label `kind`.
    pub fn counters(name: &str, help: &str, jobs: &[&'static str]) -> prometheus::Result<Self> {
        Self::new(name, help, MetricType::COUNTER, vec!["kind".to_owned()], jobs)
    }

    /// One amount that comes and goes.
    pub fn gauge(name: &str, help: &str) -> prometheus::Result<Self> {
        Self::new(name, help, MetricType::GAUGE, vec![], &[ALONE])
    }

    fn new(
        name: &str,
        help: &str,
        kind: MetricType,
        labels: Vec<String>,
        rows: &[&'static str],
    ) -> prometheus::Result<Self> {
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())?;
        let sums = rows.iter().map(|row| (*row, 0)).collect();
        Ok(Self { desc: Arc::new(desc), kind, sums: Arc::new(Mutex::new(sums)) })
    }

    /// Adds to the sum of a job that the family was made with.
    pub fn add(&self, job: &str, amount: Units) {
        if let Some(sum) = self.lock().get_mut(job) {
            *sum = sum.saturating_add(amount.count());
        }
    }

    /// Replaces the amount of a gauge.
    pub fn set(&self, amount: Units) {
        self.lock().insert(ALONE, amount.count());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, i128>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, job: &str, units: i128) -> Metric {
        let mut metric = Metric::default();
        if job != ALONE {
            let mut label = LabelPair::default();
            label.set_name("kind".to_owned());
            label.set_value(job.to_owned());
            metric.set_label(vec![label]);
        }
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(nearest(units));
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(nearest(units));
            metric.set_gauge(gauge);
        }
        metric
    }
}

impl Collector for Amounts {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(self.kind);
        family.set_metric(self.lock().iter().map(|(job, units)| self.shown(job, *units)).collect());
        vec![family]
    }
}

/// The floating point number nearest to an amount, read off its digits: the only place where one is made of money, and
/// nothing is computed with it.
fn nearest(units: i128) -> f64 {
    let shown = Units::new(units).map_or_else(|_| f64::NAN.to_string(), |amount| amount.to_string());
    shown.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(amounts: &Amounts) -> Vec<f64> {
        amounts.collect()[0].get_metric().iter().map(|metric| metric.get_counter().get_value()).collect()
    }

    #[test]
    fn what_is_added_up_does_not_drift() {
        let amounts = Amounts::counters("a_total", "help", &["daily", "hourly"]).unwrap();
        for _ in 0..100_000 {
            amounts.add("hourly", Units::from_i64(1));
        }
        amounts.add("nobody", Units::ONE);
        assert_eq!(shown(&amounts), [0.0, 0.001]);
        assert_eq!(nearest(-1), -0.000_000_01);
        assert_eq!(nearest(10_i128.pow(28) - 1), 1e20);
        assert!(nearest(i128::MAX).is_nan());
    }
}
