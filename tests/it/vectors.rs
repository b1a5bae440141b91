//! The worked cases of the rules, byte for byte: from files, and through every database.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::on_every_backend;
use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, assert_same, read_tables, rewardd, succeed, vectors};

fn until(case: &Path) -> String {
    fs::read_to_string(case.join("until.txt")).unwrap().trim().to_owned()
}

fn rules(case: &Path) -> String {
    fs::read_to_string(case.join("rules.toml")).unwrap_or_default()
}

#[test]
fn simulate_writes_the_expected_tables() {
    for case in vectors() {
        let out = TempDir::new().unwrap();
        let mut command = rewardd();
        command.arg("simulate").arg("--votes").arg(case.join("votes.csv"));
        command.arg("--rates").arg(case.join("rates.csv")).args(["--until", &until(&case)]);
        command.arg("--out").arg(out.path());
        if case.join("rules.toml").exists() {
            command.arg("--config").arg(case.join("rules.toml"));
        }
        succeed(&mut command);
        assert_same(
            &read_tables(out.path()),
            &read_tables(&case.join("expected")),
            &case.display().to_string(),
        );
    }
}

on_every_backend!(
    once_writes_the_expected_tables,
    hour_by_hour_and_in_any_order_of_arrival_the_tables_are_the_same,
);

/// The first vote's local date: what the case's programme starts with.
fn first_day(case: &Path) -> String {
    let log = fs::read_to_string(case.join("expected/reward_pool_state.csv")).unwrap();
    log.lines().nth(1).unwrap().split(',').next().unwrap().to_owned()
}

/// A database with the case's votes, rates and rules, and a remote.
fn prepared(case: &Path, backend: Backend, votes: &str) -> (Scratch, String) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    let rules = rules(case);
    let start = format!("start = \"{}\"", first_day(case));
    let programme = if rules.contains("[programme]") {
        rules.replace("[programme]", &format!("[programme]\n{start}"))
    } else {
        format!("[programme]\n{start}\n{rules}")
    };
    scratch.write_config(&format!("{programme}\n[remote]\nurl = {remote:?}"));
    scratch.import(votes, &fs::read_to_string(case.join("rates.csv")).unwrap());
    (scratch, remote)
}

/// A database in which a case has been paid.
pub fn paid(name: &str, backend: Backend) -> Scratch {
    let case = vectors().into_iter().find(|case| case.ends_with(name)).unwrap();
    let votes = fs::read_to_string(case.join("votes.csv")).unwrap();
    let (scratch, _) = prepared(&case, backend, &votes);
    scratch.run(&["once", "all", "--as-of", &until(&case)]);
    scratch
}

fn once_writes_the_expected_tables(backend: Backend) {
    for case in vectors() {
        let votes = fs::read_to_string(case.join("votes.csv")).unwrap();
        let (scratch, remote) = prepared(&case, backend, &votes);
        let expected = read_tables(&case.join("expected"));
        scratch.run(&["once", "all", "--as-of", &until(&case)]);
        assert_same(&stored(&scratch, &remote), &expected, &case.display().to_string());

        let again = scratch.run(&["once", "all", "--as-of", &until(&case)]);
        assert!(again.contains("Nothing else is due"), "{again}");
        assert_same(&stored(&scratch, &remote), &expected, "a second run changes nothing");
    }
}

fn hour_by_hour_and_in_any_order_of_arrival_the_tables_are_the_same(backend: Backend) {
    for name in ["two-dozen", "special", "dst-autumn"] {
        let case = vectors().into_iter().find(|case| case.ends_with(name)).unwrap();
        let votes = fs::read_to_string(case.join("votes.csv")).unwrap();
        let mut lines: Vec<&str> = votes.lines().collect();
        lines[1..].reverse();
        let (scratch, remote) = prepared(&case, backend, &format!("{}\n", lines.join("\n")));
        let end: chrono::DateTime<chrono::Utc> = until(&case).parse().unwrap();
        for hours in (0..27).rev() {
            let tick = end
                - chrono::TimeDelta::hours(hours)
                - chrono::TimeDelta::minutes(if hours > 0 { 30 } else { 0 });
            scratch.run(&["once", "all", "--as-of", &tick.to_rfc3339()]);
        }
        assert_same(&stored(&scratch, &remote), &read_tables(&case.join("expected")), name);
    }
}
