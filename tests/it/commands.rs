//! The commands as a new user meets them.

use std::fs;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, rewardd, shown, succeed};

/// A demo's output with its dates and times taken out: they are of the day it ran.
fn timeless(text: &str) -> String {
    let digits = |part: &str| part.len() >= 10 && part.as_bytes()[4] == b'-' && part.as_bytes()[7] == b'-';
    let word = |word: &str| if digits(word) { "DATE".to_owned() } else { word.to_owned() };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_demo_pays_once_and_a_second_run_pays_nothing_twice() {
    let dir = TempDir::new().unwrap();
    let mut command = rewardd();
    let demo = command.args(["demo", "--votes", "3000", "--partners", "200"]).current_dir(dir.path());
    let first = succeed(demo);
    let without_count = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("Paid ") && !line.starts_with("Special"));
        timeless(&lines.collect::<Vec<_>>().join("\n"))
    };
    assert_snapshot!("demo", without_count(&first));
    let second = succeed(demo);
    assert!(second.contains("Going on with demo"), "{second}");
    let conserved =
        |text: &str| text.lines().find(|line| line.starts_with("Conservation")).unwrap().to_owned();
    assert_eq!(conserved(&first), conserved(&second));
    assert!(dir.path().join("demo/rewardd.db").exists() && dir.path().join("demo/logs").is_dir());
}

#[test]
fn a_test_cycle_on_an_empty_database_pays_yesterday() {
    let scratch = Scratch::new(Backend::Sqlite);
    let today = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::UNIX_EPOCH);
    scratch.import(
        "id,partner_id,vote_type,cc,ecc,voted_at\n",
        &format!("quoted_at,rate\n{},1\n", today.to_rfc3339()),
    );
    let said = scratch.run(&["run", "--test-cycle"]);
    assert!(said.contains("day ") && said.contains("hour 0 of "), "{said}");
    let days = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs WHERE reward_type = 'daily'";
    assert_eq!(scratch.one(days), "1");
}

on_every_backend!(migrate_shows_what_it_does);

fn migrate_shows_what_it_does(backend: Backend) {
    let scratch = Scratch::new(backend);
    let says = |args: &[&str], state: &str| {
        let said = scratch.run(args);
        for migration in [
            "0001 rewards         ",
            "0002 pools held      ",
            "0003 rules versions  ",
            "0004 runs by rules   ",
            "0005 notifications   ",
            "0006 archives        ",
            "0008 alarms and holds",
        ] {
            assert!(said.contains(&format!("{migration} {state}")), "{said}");
        }
    };
    if backend != Backend::Sqlite {
        says(&["migrate", "--dry-run"], "would be applied");
    }
    says(&["migrate"], "applied");
    says(&["migrate"], "is in place");
    says(&["migrate", "--dry-run"], "is in place");
}

on_every_backend!(a_migration_that_was_cut_short_is_applied_again);

fn a_migration_that_was_cut_short_is_applied_again(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    // As a kill leaves it between the statements of a migration and the note that it is in.
    for version in [2, 1] {
        scratch.query(&format!("UPDATE _sqlx_migrations SET success = FALSE WHERE version = {version}"));
        let said = scratch.run(&["migrate"]);
        assert!(said.contains(&format!("000{version}")) && !said.contains("would"), "{said}");
        let whole = "SELECT CAST(COUNT(*) AS CHAR) FROM _sqlx_migrations WHERE success = TRUE";
        assert_eq!(scratch.one(whole), "11");
    }
}

#[test]
fn config_show_masks_secrets() {
    let mut scratch = Scratch::new(Backend::Sqlite);
    scratch.url = "mysql://rewardd:geheim@127.0.0.1/rewards".to_owned();
    scratch.write_config("");
    let shown = scratch.run(&["config", "show"]);
    assert!(shown.contains("mysql://rewardd:***@127.0.0.1/rewards") && !shown.contains("geheim"), "{shown}");
    assert!(scratch.run(&["config", "check"]).contains("is valid"));
}

#[test]
fn help_teaches() {
    assert_snapshot!("help", succeed(rewardd().arg("--help")));
    assert_snapshot!("help_once", succeed(rewardd().args(["once", "--help"])));
    assert_snapshot!("help_doctor", succeed(rewardd().args(["doctor", "--help"])));
    assert_snapshot!("help_explain", succeed(rewardd().args(["explain", "--help"])));
    assert_snapshot!("help_simulate", succeed(rewardd().args(["simulate", "--help"])));
    assert_snapshot!("no_command", shown(&rewardd().output().unwrap(), &[]));
}

#[test]
fn completions_and_manual_pages_are_generated() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(succeed(rewardd().args(["completions", shell])).contains("rewardd"));
    }
    let dir = TempDir::new().unwrap();
    succeed(rewardd().arg("man").arg("--dir").arg(dir.path()));
    let page = fs::read_to_string(dir.path().join("rewardd-once.1")).unwrap();
    assert!(page.contains("--as-of") || page.contains("\\-\\-as\\-of"), "{page}");
}

#[test]
fn a_comparison_says_who_wins_and_who_loses() {
    let case = format!("{}/tests/vectors/two-dozen", env!("CARGO_MANIFEST_DIR"));
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("other.toml"), "[rules.daily.split]\nfixed = \"0.2\"\necc = \"0.6\"\n")
        .unwrap();
    let mut command = rewardd();
    command.args([
        "simulate",
        "--votes",
        &format!("{case}/votes.csv"),
        "--rates",
        &format!("{case}/rates.csv"),
    ]);
    command.args(["--until", "2026-11-20T01:00:00Z", "--out", "out", "--compare", "other.toml"]);
    assert_snapshot!("compare", succeed(command.current_dir(dir.path())));
}
