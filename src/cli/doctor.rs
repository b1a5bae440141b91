//! `rewardd doctor`

use clap::Args;
use serde_json::{Value, json};

use super::Exit;
use crate::app::source_names;
use crate::cli::output::say;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, DatabaseUrl};
use crate::rewards::window::{Calendar, Kind};
use crate::store::sql::doctor::{Checkup, Finding, Level, Uses, examine};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Look at the configured databases and say what to change.
///
/// Looks at the rewards' database, at the source of votes and rates, and at the remote where one is configured:
/// connection, versions, settings, rights, tables, column types, indexes, and how yesterday's votes would be read. Each
/// line says ok, warning or problem, what was found, and after an arrow what to do. Writes nothing.
///
/// Exit codes: 0 no problem, though there may be warnings · 69 a database cannot be opened · 78 any other problem.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let calendar = Calendar::new(config.programme.timezone);
        let today = calendar.window_at(Kind::Daily, SystemClock.now());
        let yesterday = calendar.window_at(Kind::Daily, today.start - chrono::TimeDelta::microseconds(1));
        let mut examined = vec![];
        for patient in patients(&config) {
            let checkup = examine(patient.url, patient.key, &patient.uses, &yesterday).await;
            if !self.json {
                show(&patient, &checkup);
            }
            examined.push((patient, checkup));
        }
        let count = |level| {
            let findings = examined.iter().flat_map(|(_, checkup)| &checkup.findings);
            findings.filter(|finding| finding.level == level).count()
        };
        let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
        if self.json {
            let databases: Vec<Value> =
                examined.iter().map(|(patient, checkup)| record(patient, checkup)).collect();
            let record = json!({
                "record_version": RECORD_VERSION,
                "software_version": env!("CARGO_PKG_VERSION"),
                "databases": databases,
                "problems": problems,
                "warnings": warnings,
            });
            say!("{record:#}");
        } else {
            say!("{}, {}.", counted(problems, "problem"), counted(warnings, "warning"));
        }
        Ok(match (examined.iter().all(|(_, checkup)| checkup.is_reached), problems) {
            (false, _) => Exit::Unavailable,
            (true, 0) => Exit::Done,
            (true, _) => Exit::BadConfig,
        })
    }
}

/// A database to look at.
struct Patient<'c> {
    title: &'static str,
    roles: &'static [&'static str],
    key: &'static str,
    url: &'c DatabaseUrl,
    uses: Uses,
}

fn patients(config: &Config) -> Vec<Patient<'_>> {
    let rewards = &config.database.url;
    let names = Some(source_names(config));
    let moves = config.retention.hourly_rewards.is_some() || config.retention.transfers.is_some();
    let mut patients = if config.source_url() == rewards {
        vec![Patient {
            title: "The rewards' database, and source of votes",
            roles: &["rewards", "source"],
            key: "database.url",
            url: rewards,
            uses: Uses { rewards: true, moves, source: names, ..Uses::default() },
        }]
    } else {
        let uses = |rewards, source| Uses { rewards, moves: moves && rewards, source, ..Uses::default() };
        vec![
            Patient {
                title: "The rewards' database",
                roles: &["rewards"],
                key: "database.url",
                url: rewards,
                uses: uses(true, None),
            },
            Patient {
                title: "The source of votes",
                roles: &["source"],
                key: "source.url",
                url: config.source_url(),
                uses: uses(false, names),
            },
        ]
    };
    if let Some(url) = &config.remote.url {
        let uses = Uses { remote_table: Some(config.remote.table.clone()), ..Uses::default() };
        patients.push(Patient {
            title: "The special partners' database",
            roles: &["remote"],
            key: "remote.url",
            url,
            uses,
        });
    }
    patients
}

/// One line per finding, so that `grep` finds all of it.
fn show(patient: &Patient<'_>, checkup: &Checkup) {
    say!("{} ({}): {}", patient.title, patient.key, patient.url);
    for Finding { level, check, found, advice } in &checkup.findings {
        let advice = advice.as_ref().map_or(String::new(), |advice| format!("  → {advice}"));
        say!(
            "  {:<8} {:<18} {}{}",
            level.name(),
            check.replace('_', " "),
            one_line(found),
            one_line(&advice)
        );
    }
    say!("");
}

/// What servers say may have several lines.
fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

fn record(patient: &Patient<'_>, checkup: &Checkup) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "check": finding.check,
            "level": finding.level.name(),
            "found": finding.found,
            "advice": finding.advice,
        })
    };
    json!({
        "roles": patient.roles,
        "key": patient.key,
        "url": patient.url.to_string(),
        "reached": checkup.is_reached,
        "findings": checkup.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
