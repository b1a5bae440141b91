//! The daily benchmark: one day's run from the votes in MariaDB to the committed rewards, beside the floor that the
//! database itself sets and beside others that do the same job. `cargo bench --bench daily -- --help` explains it.
//!
//! Whoever takes part writes the same table, and every result is compared with rewardd's: who does not pay the same
//! amounts to the last unit fails the benchmark. Contestants run in turn, one at a time, so that what else happens on
//! the machine hits all alike.

mod data;
mod floor;
mod generate;
mod growth;
mod machine;
mod measure;
mod options;
mod peers;
mod report;
mod rewardd;
mod server;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use floor::Floor;
use generate::Size;
use machine::DISTURBED;
use measure::{Sample, Tools};
use options::{Options, USAGE};
use peers::Python;
use report::{Conditions, Results};
use rewardd::{ALARMS, REWARDD, REWARDD_ALARMS};
use server::Server;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The project's folder.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The database with the result that all others are compared with.
pub const REFERENCE: &str = "bench_reference";
/// The database of rewardd's measured runs.
const REWARDS: &str = "bench_rewards";

/// The peers in Python, and the largest number of votes that one is given: some would take minutes for more.
const PYTHON_PEERS: [(&str, u64); 4] = [
    ("polars_common", u64::MAX),
    ("polars_tuned", u64::MAX),
    ("polars_best", u64::MAX),
    ("pandas_common", 1_000_000),
];

/// What all contestants need.
pub struct Bench {
    pub server: Server,
    pub tools: Tools,
    pub size: Size,
    pub rewardd: PathBuf,
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(None) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => run(&options).map_or_else(complain, |()| ExitCode::SUCCESS),
        Err(error) => complain(error),
    }
}

fn complain(error: Box<dyn Error>) -> ExitCode {
    eprintln!("daily: {error}");
    ExitCode::FAILURE
}

fn run(options: &Options) -> Outcome<()> {
    let target = target();
    let dir = options.keep.clone().unwrap_or_else(|| target.join("bench-daily"));
    let server = Server::start(&dir.join("mariadb"))?;
    if options.serve {
        data::prepare(&server, options.size, options.seed)?;
        println!("{}\n{}", server.describe()?, server.url());
        server.leave();
        return Ok(());
    }
    let tools = Tools::new(&dir.join("run"), server.pid())?;
    let built = option_env!("CARGO_BIN_EXE_rewardd").map(PathBuf::from);
    let rewardd = options.rewardd.clone().or(built).ok_or("say --rewardd PATH")?.canonicalize()?;
    let mut bench = Bench { server, tools, size: options.size, rewardd };
    if options.growth {
        return growth::run(&mut bench, options, &target, &Path::new(ROOT).join("benches/growth.svg"));
    }
    data::prepare(&bench.server, bench.size, options.seed)?;
    let conditions = Conditions::now(&bench.server, &[bench.size], options.seed, options.rounds)?;
    let results = rounds(&bench, options, &target)?;
    println!("\n{}\n{}", results.markdown(), conditions.markdown([&results]));
    let file = dir.join(format!("{}.json", options.size.name));
    fs::write(&file, serde_json::to_string_pretty(&conditions.json(&results))?)?;
    println!("The same for programs: {}", file.display());
    Ok(())
}

/// Where cargo builds.
fn target() -> PathBuf {
    let scratch = option_env!("CARGO_TARGET_TMPDIR").map(Path::new);
    scratch.and_then(Path::parent).map_or_else(|| Path::new(ROOT).join("target"), Path::to_owned)
}

/// Someone who takes part.
enum Contestant {
    Floor(Floor),
    Rewardd,
    Alarms,
    Sql,
    Python(&'static str),
}

/// One round that warms up, then those that count.
fn rounds(bench: &Bench, options: &Options, target: &Path) -> Outcome<Results> {
    rewardd::run(bench, REFERENCE, "")?;
    let mut contestants = vec![];
    if options.wants("floor") {
        contestants.push(Contestant::Floor(Floor::new(bench)?));
    }
    if options.wants(REWARDD) {
        contestants.push(Contestant::Rewardd);
    }
    if options.alarms {
        contestants.push(Contestant::Alarms);
    }
    if options.wants("sql") {
        contestants.push(Contestant::Sql);
    }
    let peers =
        PYTHON_PEERS.into_iter().filter(|(name, most)| options.wants(name) && bench.size.votes <= *most);
    let peers: Vec<_> = peers.map(|(name, _)| Contestant::Python(name)).collect();
    let mut python = None;
    if !peers.is_empty() {
        match Python::new(target) {
            Ok(made) => {
                python = Some(made);
                contestants.extend(peers);
            }
            Err(error) => {
                println!("LEFT OUT: the peers in Python ({error}); they need python3-venv and PyPI.");
            }
        }
    }
    let mut results = Results::default();
    for round in 0..=options.rounds {
        for contestant in &contestants {
            for (name, sample) in contestant.undisturbed(bench, python.as_ref(), options.patience)? {
                let kind = if round == 0 { "warm-up" } else { "round" };
                eprintln!("{kind} {round}: {name}: {} s", report::seconds(sample.time));
                if round > 0 {
                    results.add(&name, sample);
                }
            }
        }
    }
    Ok(results)
}

impl Contestant {
    /// A run at a time when the machine does nothing else; after so much patience, the least disturbed of those
    /// that were had.
    fn undisturbed(
        &self,
        bench: &Bench,
        python: Option<&Python>,
        mut patience: Duration,
    ) -> Outcome<Vec<(String, Sample)>> {
        let disturbance = |samples: &[(String, Sample)]| {
            samples.iter().map(|(_, sample)| sample.others).fold(0.0, f64::max)
        };
        let mut best: Option<Vec<_>> = None;
        loop {
            patience = patience.saturating_sub(machine::wait_for_quiet(bench.server.pid(), patience)?);
            let samples = self.run(bench, python)?;
            patience = patience.saturating_sub(samples.iter().map(|(_, sample)| sample.whole).sum());
            let others = disturbance(&samples);
            if best.as_ref().is_none_or(|best| others < disturbance(best)) {
                best = Some(samples);
            }
            if others < DISTURBED || patience.is_zero() {
                return best.ok_or_else(|| "nothing was run".into());
            }
            eprintln!("Others disturbed this run; it is repeated.");
        }
    }

    /// One run, its result compared; a floor gives several samples.
    fn run(&self, bench: &Bench, python: Option<&Python>) -> Outcome<Vec<(String, Sample)>> {
        let (name, sample) = match self {
            Self::Floor(floor) => return floor.run(bench),
            Self::Rewardd | Self::Alarms => {
                let (name, alarms) = match self {
                    Self::Alarms => (REWARDD_ALARMS, ALARMS),
                    _ => (REWARDD, ""),
                };
                let sample = rewardd::run(bench, REWARDS, alarms)?;
                data::compare(&bench.server, REFERENCE, REWARDS)?;
                (name, Ok(sample))
            }
            Self::Sql => ("sql", peers::sql(bench)),
            Self::Python(name) => {
                let python = python.ok_or("no Python")?;
                (*name, python.run(bench, name))
            }
        };
        Ok(vec![(name.to_owned(), sample.map_err(|error| format!("{name}: {error}"))?)])
    }
}
