//! The process as the kernel sees it, by the names that every client of Prometheus gives it.

use std::collections::HashMap;
use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};
use rustix::time::{ClockId, clock_gettime};

use crate::rewards::window::Instant;

/// Name, kind and help of each.
const SHOWN: [(&str, MetricType, &str); 4] = [
    ("process_cpu_seconds_total", MetricType::COUNTER, "Total user and system CPU time spent in seconds."),
    ("process_open_fds", MetricType::GAUGE, "Number of open file descriptors."),
    ("process_resident_memory_bytes", MetricType::GAUGE, "Resident memory size in bytes."),
    (
        "process_start_time_seconds",
        MetricType::GAUGE,
        "Start time of the process since unix epoch in seconds.",
    ),
];

/// See the module. What the kernel does not tell is left out.
#[derive(Debug)]
pub(super) struct Process {
    started_at: Instant,
    descs: Vec<Desc>,
}

impl Process {
    pub fn new(started_at: Instant) -> Self {
        let desc = |(name, _, help): &(&str, MetricType, &str)| {
            let made = Desc::new((*name).to_owned(), (*help).to_owned(), vec![], HashMap::new());
            made.expect("the names are of the form that Prometheus knows")
        };
        Self { started_at, descs: SHOWN.iter().map(desc).collect() }
    }

    /// The values in the order of [`SHOWN`].
    fn values(&self) -> [Option<f64>; SHOWN.len()] {
        [
            Some(cpu_seconds()),
            // The folder itself is open while it is read.
            fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1) as f64),
            resident_bytes(),
            Some(self.started_at.timestamp() as f64),
        ]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let family = |((name, kind, help), value): (&(&str, MetricType, &str), Option<f64>)| {
            let value = value?;
            let mut metric = Metric::default();
            if *kind == MetricType::COUNTER {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            let mut family = MetricFamily::default();
            family.set_name((*name).to_owned());
            family.set_help((*help).to_owned());
            family.set_field_type(*kind);
            family.set_metric(vec![metric]);
            Some(family)
        };
        SHOWN.iter().zip(self.values()).filter_map(family).collect()
    }
}

/// Of all threads, those that have ended too.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(spent.tv_nsec).unwrap_or_default();
    std::time::Duration::new(spent.tv_sec.unsigned_abs(), nanoseconds).as_secs_f64()
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some((kilobytes * 1024) as f64)
}
