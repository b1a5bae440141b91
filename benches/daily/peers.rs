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
/// What a script in Python says of itself, in seconds. Importing its libraries is not held against it.
const PARTS: [&str; 4] = ["import", "read", "compute", "write"];

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
            .env("PYTHONDONTWRITEBYTECODE", "1") // the scripts' folder is the project's
            .args(["--url", &format!("{}/", bench.server.url())])
            .args(["--votes-db", &votes_database(bench.size), "--result-db", RESULT, "--day", DAY]);
        let (printed, mut sample) = bench.tools.run(&command, None)?;
        let last = printed.lines().last().unwrap_or_default();
        let said: Value = serde_json::from_str(last).map_err(|error| format!("{name}: {error}: {last}"))?;
        let part = |name: &str| {
            let seconds = said[format!("{name}_s")].as_f64();
            Duration::try_from_secs_f64(seconds.unwrap_or(-1.0))
        };
        for name in PARTS {
            let time = part(name).map_err(|_| format!("{name} is not told: {last}"))?;
            sample.phases.push((name.to_owned(), time.div_duration_f64(Duration::from_millis(1))));
        }
        sample.time = PARTS[1..].iter().filter_map(|name| part(name).ok()).sum();
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
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let error = printed.lines().rfind(|line| line.starts_with("ERROR")).or(printed.lines().next());
    Err(format!("{name}: {}", error.unwrap_or("failed")).into())
}
