//! rewardd itself: `rewardd once daily` as a whole process, on a database that holds nothing yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::data::votes_database;
use crate::generate::{AFTER_DAY, DAY};
use crate::measure::Sample;
use crate::{Bench, Outcome};

pub const REWARDD: &str = "rewardd";
/// The same with [`ALARMS`].
pub const REWARDD_ALARMS: &str = "rewardd_alarms";
/// An alarm of every rule about partners, with limits that an operator might set: each looks at many votes, and the day
/// keeps them all.
pub const ALARMS: &str = r#"
[[alarms]]
name = "minute"
rule = "votes_per_minute"
limit = 60
[[alarms]]
name = "hour"
rule = "votes_per_hour"
limit = 500
[[alarms]]
name = "day"
rule = "votes_per_window"
limit = 10000
[[alarms]]
name = "spacing"
rule = "equal_spacing"
votes = 6
[[alarms]]
name = "cc"
rule = "cc_per_vote"
at_most = "50"
[[alarms]]
name = "ecc"
rule = "ecc_per_vote"
at_most = "12.5"
[[alarms]]
name = "share"
rule = "share_of_votes"
limit = "0.05"
[[alarms]]
name = "reward"
rule = "reward"
limit = "100000000"
[[alarms]]
name = "times"
rule = "allowed_times"
from = "08:00"
until = "20:00"
partners = [1, 2, 3]
"#;
const VARIABLES: &str = "REWARDD__";

/// Has rewardd pay the day into a fresh database of this name, with some alarms.
pub fn run(bench: &Bench, database: &str, alarms: &str) -> Outcome<Sample> {
    let dir = bench.tools.dir.join("rewardd");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    let (url, votes) = (bench.server.url(), votes_database(bench.size));
    let config = format!(
        "[programme]\nstart = \"{DAY}\"\n[database]\nurl = \"{url}/{database}\"\n[source]\nurl = \"{url}/{votes}\"\n\
         [logging]\ndir = \"logs\"\nformat = \"json\"\n\
         {alarms}"
    );
    fs::write(dir.join("config.toml"), config)?;
    bench.server.sql("", &format!("DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database}"))?;
    bench.tools.run(&command(bench, &dir, &["migrate"]), None)?;
    let _ = fs::remove_dir_all(dir.join("logs"));
    crate::data::settle(&bench.server)?;
    let pay = command(bench, &dir, &["once", "daily", "--window", DAY, "--as-of", AFTER_DAY, "--json"]);
    let (printed, mut sample) = bench.tools.run(&pay, None)?;
    let result: Value = serde_json::from_str(&printed)?;
    if result["windows"][0]["state"] != "paid" {
        return Err(format!("rewardd did not pay the day:\n{printed}").into());
    }
    if result["windows"][0]["plan"]["alarms"].as_array().is_none_or(|raised| !raised.is_empty()) {
        return Err(format!("the day raises alarms:\n{printed}").into());
    }
    sample.phases = phases(&dir.join("logs"))?;
    Ok(sample)
}

fn command(bench: &Bench, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&bench.rewardd);
    command.args(arguments).args(["--config", "config.toml"]).current_dir(dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(VARIABLES) {
            command.env_remove(name);
        }
    }
    command
}

/// The fields that end in `_ms` of the last line that says "paid".
fn phases(logs: &Path) -> Outcome<Vec<(String, f64)>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(logs)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut lines = String::new();
    for file in files {
        lines += &fs::read_to_string(file)?;
    }
    for line in lines.lines().rev() {
        let Ok(parsed) = serde_json::from_str::<Value>(line) else { continue };
        let fields = if parsed["fields"].is_object() { &parsed["fields"] } else { &parsed };
        if !fields["message"].as_str().is_some_and(|message| message.starts_with("paid")) {
            continue;
        }
        let mut found: Vec<_> = fields
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.strip_suffix("_ms")?.to_owned(), value.as_f64()?)))
            .collect();
        // As the line tells them, which is the order of the walk.
        found.sort_by_key(|(name, _)| line.find(&format!("\"{name}_ms\"")));
        return Ok(found);
    }
    Ok(vec![])
}
