//! What was measured: a table for people, a file for programs.
#![expect(clippy::float_arithmetic, reason = "a percentage to be read by people")]

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::floor::FLOOR;
use crate::generate::Size;
use crate::machine;
use crate::measure::Sample;
use crate::rewardd::REWARDD;
use crate::server::Server;

/// The samples of everyone, in the order of the table.
#[derive(Default)]
pub struct Results(Vec<(String, Vec<Sample>)>);

/// Of one contestant: times are medians unless they say otherwise, memory and disturbance the most.
pub struct Summary {
    pub median: Duration,
    pub least: Duration,
    pub most: Duration,
    pub whole: Duration,
    pub cpu: Duration,
    pub server_cpu: Duration,
    pub peak_kb: u64,
    pub server_kb: u64,
    pub others: f64,
    phases: Vec<(String, f64)>,
}

/// The middle one, or the mean of the two in the middle.
fn median(values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    values.sort();
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2 }
}

impl Summary {
    /// None without samples.
    fn of(samples: &[Sample]) -> Option<Self> {
        let first = samples.first()?;
        let times = |of: fn(&Sample) -> Duration| samples.iter().map(of);
        let phase = |(name, _): &(String, f64)| {
            let same = |sample: &Sample| sample.phases.iter().find(|(other, _)| other == name).map(|it| it.1);
            let mut times: Vec<f64> = samples.iter().filter_map(same).collect();
            times.sort_by(f64::total_cmp);
            (name.clone(), times[times.len() / 2])
        };
        Some(Self {
            median: median(times(|it| it.time)),
            least: times(|it| it.time).min()?,
            most: times(|it| it.time).max()?,
            whole: median(times(|it| it.whole)),
            cpu: median(times(|it| it.cpu)),
            server_cpu: median(times(|it| it.server_cpu)),
            peak_kb: samples.iter().map(|it| it.peak_kb).max()?,
            server_kb: samples.iter().map(|it| it.server_kb).max()?,
            others: samples.iter().map(|it| it.others).fold(0.0, f64::max),
            phases: first.phases.iter().map(phase).collect(),
        })
    }
}

impl Results {
    pub fn add(&mut self, name: &str, sample: Sample) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((name.to_owned(), vec![sample])),
        }
    }

    /// None where it did not take part.
    pub fn summary(&self, name: &str) -> Option<Summary> {
        Summary::of(&self.0.iter().find(|(known, _)| known == name)?.1)
    }

    fn summaries(&self) -> impl Iterator<Item = (&str, Summary)> {
        self.0.iter().filter_map(|(name, samples)| Some((name.as_str(), Summary::of(samples)?)))
    }

    /// The table, then the phases.
    pub fn markdown(&self) -> String {
        let [floor, rewardd] = [FLOOR, REWARDD].map(|name| self.summary(name).map(|it| it.median));
        let ratio = |of: Duration, to: Option<Duration>| {
            to.map_or_else(String::new, |to| format!("{:.2}", of.div_duration_f64(to)))
        };
        let mut text = String::from(
            "| contestant | median s | min | max | × floor | rewardd is × faster | whole process s | its CPU s \
             | server's CPU s | peak MB | server's memory rose by MB |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (name, it) in self.summaries() {
            let faster = if name == REWARDD { String::new() } else { ratio(it.median, rewardd) };
            let [median, least, most, whole, cpu, server_cpu] =
                [it.median, it.least, it.most, it.whole, it.cpu, it.server_cpu].map(seconds);
            let floor = ratio(it.median, floor);
            let [peak, rise] = [it.peak_kb / 1024, it.server_kb / 1024];
            let _ = writeln!(
                text,
                "| {name} | {median} | {least} | {most} | {floor} | {faster} | {whole} | {cpu} | {server_cpu} \
                 | {peak} | {rise} |",
            );
        }
        text.push('\n');
        for (name, it) in self.summaries() {
            let phases: Vec<_> =
                it.phases.iter().map(|(phase, time)| format!("{phase} {time:.0} ms")).collect();
            if !phases.is_empty() {
                let _ = writeln!(text, "- phases of {name}, medians: {}", phases.join(", "));
            } else if name == REWARDD {
                let _ = writeln!(text, "- {REWARDD} logs no phases");
            }
        }
        text
    }

    /// The most that other programs took of the processors during any run.
    fn others(&self) -> f64 {
        self.summaries().map(|(_, it)| it.others).fold(0.0, f64::max)
    }

    fn json(&self) -> Value {
        let entries = self.0.iter().filter_map(|(name, samples)| {
            let it = Summary::of(samples)?;
            let entry = json!({
                "median_s": it.median.as_secs_f64(),
                "min_s": it.least.as_secs_f64(),
                "max_s": it.most.as_secs_f64(),
                "whole_s": it.whole.as_secs_f64(),
                "cpu_s": it.cpu.as_secs_f64(),
                "server_cpu_s": it.server_cpu.as_secs_f64(),
                "peak_kb": it.peak_kb,
                "server_rise_kb": it.server_kb,
                "others": it.others,
                "phases_ms": it.phases.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                "all_s": samples.iter().map(|sample| sample.time.as_secs_f64()).collect::<Vec<_>>(),
            });
            Some((name.clone(), entry))
        });
        Value::Object(entries.collect())
    }
}

/// As tables show them.
pub fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// What the figures were measured on.
pub struct Conditions {
    machine: String,
    server: String,
    votes: String,
}

impl Conditions {
    pub fn now(server: &Server, sizes: &[Size], seed: u64, rounds: usize) -> Outcome<Self> {
        let size =
            |it: &Size| format!("size {}: {} votes by up to {} partners", it.name, it.votes, it.partners);
        let sizes = sizes.iter().map(size).collect::<Vec<_>>().join("; ");
        Ok(Self {
            machine: machine::describe()?,
            server: server.describe()?,
            votes: format!("{sizes}; seed {seed}; {rounds} rounds after one that warmed up"),
        })
    }

    /// Lines to stand below a table.
    pub fn markdown<'a>(&self, results: impl IntoIterator<Item = &'a Results>) -> String {
        let Self { machine, server, votes } = self;
        let others = results.into_iter().map(Results::others).fold(0.0, f64::max) * 100.0;
        format!(
            "- {votes}\n- machine: {machine}; other programs took at most {others:.0} % of it during a run\n\
             - server: {server}\n"
        )
    }

    pub fn json(&self, results: &Results) -> Value {
        let Self { machine, server, votes } = self;
        json!({ "votes": votes, "machine": machine, "server": server, "results": results.json() })
    }
}
