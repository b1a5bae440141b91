//! The others: the same day by a script in SQL, and by data frames in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::data::{self, RESULT_TABLE, votes_database};
use crate::generate::DAY;
use crate::measure::Sample;
use crate::{Bench, Outcome, ROOT};

const RESULT: &str = "bench_peer";
/// What a script in Python says of itself, in seconds; importing its libraries is not held against it.
const WORK: [&str; 3] = ["read_s", "compute_s", "write_s"];

fn folder() -> PathBuf {
    Path::new(ROOT).join("benches/daily/peers")
}

fn script(name: &str) -> Outcome<PathBuf> {
    let path = folder().join(name);
    if path.is_file() { Ok(path) } else { Err(format!("there is no {}", path.display()).into()) }
}

/// The day by the server alone: a script for its command line client.
pub fn sql(bench: &Bench) -> Outcome<Sample> {
    let mut text = fs::read_to_string(script("job.sql")?)?;
    for (token, value) in
        [("{votes_db}", votes_database(bench.size).as_str()), ("{result_db}", RESULT), ("{day}", DAY)]
    {
        text = text.replace(token, value);
    }
    let file = bench.tools.dir.join("job.sql");
    fs::write(&file, text)?;
    data::fresh(&bench.server, RESULT, &[RESULT_TABLE])?;
    data::settle(&bench.server)?;
    let (_, sample) = bench.tools.run(&bench.server.client(RESULT), Some(&file))?;
    data::compare(&bench.server, crate::REFERENCE, RESULT)?;
    Ok(sample)
}

/// A Python with the libraries of `requirements.txt`, in a folder of its own.
pub struct Python(PathBuf);

impl Python {
    /// Makes the folder, or takes the one that an earlier run made from the same requirements.
    pub fn new(target: &Path) -> Outcome<Self> {
        let (wanted, dir) = (script("requirements.txt")?, target.join("bench-peers"));
        let (python, done) = (dir.join("bin/python"), dir.join("requirements.txt"));
        let text = fs::read_to_string(&wanted)?;
        if fs::read_to_string(&done).is_ok_and(|made_from| made_from == text) {
            return Ok(Self(python));
        }
        eprintln!("Making {} for the peers in Python.", dir.display());
        let _ = fs::remove_dir_all(&dir);
        quietly(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
        quietly(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&wanted))?;
        fs::write(done, text)?;
        Ok(Self(python))
    }

    /// The day by a script of this name.
    pub fn run(&self, bench: &Bench, name: &str) -> Outcome<Sample> {
        data::fresh(&bench.server, RESULT, &[RESULT_TABLE])?;
        data::settle(&bench.server)?;
        let mut command = Command::new(&self.0);
        command
            .arg(script(&format!("{name}.py"))?)
            .args(["--url", &format!("{}/", bench.server.url())])
            .args(["--votes-db", &votes_database(bench.size), "--result-db", RESULT, "--day", DAY]);
        let (printed, mut sample) = bench.tools.run(&command, None)?;
        let last = printed.lines().last().unwrap_or_default();
        let said: Value = serde_json::from_str(last).map_err(|error| format!("{name}: {error}: {last}"))?;
        sample.time = Duration::ZERO;
        for part in WORK {
            let seconds = said[part].as_f64().ok_or_else(|| format!("{name} says no {part}"))?;
            sample.time += Duration::try_from_secs_f64(seconds)?;
        }
        let fields = said.as_object().into_iter().flatten();
        sample.phases = fields
            .filter_map(|(field, value)| {
                let part = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
                Some((field.strip_suffix("_s")?.to_owned(), part.div_duration_f64(Duration::from_millis(1))))
            })
            .collect();
        data::compare(&bench.server, crate::REFERENCE, RESULT)?;
        Ok(sample)
    }
}

fn quietly(command: &mut Command) -> Outcome<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{name}: {}", complaints.lines().last().unwrap_or("failed")).into())
}
