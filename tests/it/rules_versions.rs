//! The rules have versions: each change is recorded once, and each run names the version that it was made by.

use std::process::{Child, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};

use crate::daemon::process::until_true;
use crate::support::{Backend, Scratch, shown};
use crate::{on_every_backend, on_the_servers};

const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,2026-11-19T00:10:00Z\n";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";
const A: &str = "";
const B: &str = "[rules.pool]\nhourly_share = \"0.5\"\n[special]\npartners = [7]\n";

fn configure(scratch: &Scratch, rules: &str) {
    scratch.write_config(&format!("[programme]\nstart = \"2026-11-19\"\n{rules}"));
}

fn started(backend: Backend) -> Scratch {
    let scratch = Scratch::new(backend);
    configure(&scratch, A);
    scratch.import(VOTES, RATES);
    scratch
}

fn pay(scratch: &Scratch, rules: &str, as_of: &str) {
    configure(scratch, rules);
    scratch.run(&["once", "--as-of", as_of]);
}

fn recorded(scratch: &Scratch) -> String {
    scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_rules_versions")
}

fn history(scratch: &Scratch) -> Value {
    serde_json::from_str(&scratch.run(&["rules", "history", "--json"])).unwrap()
}

/// What a command says, with the instants of this test's own run taken out.
fn says(scratch: &Scratch, args: &[&str]) -> String {
    let output = scratch.rewardd(args).output().unwrap();
    let since = history(scratch);
    let since: Vec<(String, String)> = since["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            (version["since"].as_str().unwrap().to_owned(), "YYYY-MM-DDTHH:MM:SS.ffffffZ".to_owned())
        })
        .collect();
    let replace: Vec<(&str, &str)> = since.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    shown(&output, &replace)
}

on_every_backend!(
    each_change_is_recorded_and_each_run_names_its_version,
    a_dry_run_records_nothing,
    processes_that_record_at_once_record_one_change,
);

fn each_change_is_recorded_and_each_run_names_its_version(backend: Backend) {
    let scratch = started(backend);
    assert_snapshot!("none_recorded", says(&scratch, &["rules", "history"]));
    assert_snapshot!("diff_none_recorded", says(&scratch, &["rules", "diff"]));
    pay(&scratch, A, "2026-11-19T02:00:00Z");
    pay(&scratch, A, "2026-11-19T03:00:00Z");
    assert_snapshot!("diff_equal", says(&scratch, &["rules", "diff"]));
    pay(&scratch, B, "2026-11-19T04:00:00Z");
    pay(&scratch, A, "2026-11-19T06:00:00Z");
    assert_eq!(recorded(&scratch), "3");
    assert_snapshot!("history", says(&scratch, &["rules", "history"]));
    assert_snapshot!("diff", says(&scratch, &["rules", "diff", "1", "2"]));
    let told = scratch.rewardd(&["rules", "diff", "1", "2", "--json"]).output().unwrap();
    assert_eq!(told.status.code(), Some(1), "as without --json");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let changed = json!({ "key": "rules.pool.hourly_share", "old": "\"0.25\"", "new": "\"0.5\"" });
    assert_eq!(told["changes"][0], changed, "{told}");
    assert_ne!(told["old"], told["new"], "{told}");
    assert_snapshot!("show", says(&scratch, &["rules", "show", "2"]));

    let told = history(&scratch);
    let versions = told["versions"].as_array().unwrap();
    let names: Vec<&str> = versions.iter().map(|version| version["version"].as_str().unwrap()).collect();
    assert!(names[0] == names[2] && names[0] != names[1], "{told}");
    let runs: Vec<u64> = versions.iter().map(|version| version["runs"].as_u64().unwrap()).collect();
    assert_eq!(runs, [3, 1, 2], "{told}");
    assert_eq!(told["configuration"]["recorded"], true);
    let of_hour = |hour: u32| {
        scratch.one(&format!(
            "SELECT rules_version FROM reward_runs WHERE time = '2026-11-19 {hour:02}:00:00.000000'"
        ))
    };
    assert_eq!(
        (of_hour(2).as_str(), of_hour(3).as_str(), of_hour(5).as_str()),
        (names[0], names[1], names[0])
    );

    // The configuration changes, and nobody has looked at what is due since.
    configure(&scratch, B);
    assert_snapshot!("history_other_configuration", says(&scratch, &["rules", "history"]));
    assert_snapshot!("diff_configuration", says(&scratch, &["rules", "diff"]));
    assert_eq!(history(&scratch)["configuration"]["recorded"], false);
    let own = scratch.run(&["rules", "show"]);
    assert!(own.starts_with(&format!("# version {}, of the configuration", names[1])), "{own}");
    let shown = scratch.run(&["rules", "show", &names[1][..8]]);
    assert_eq!(own.split_once('\n').unwrap().1, shown.split_once('\n').unwrap().1);

    assert_snapshot!("unknown_version", says(&scratch, &["rules", "show", "9"]));
    assert_snapshot!("unknown_prefix", says(&scratch, &["rules", "diff", "zz"]));
    scratch.query("UPDATE reward_rules_versions SET rules = CONCAT(rules, ' ') WHERE number = 2");
    let changed = scratch.rewardd(&["rules", "show", "2"]).output().unwrap();
    assert_eq!(changed.status.code(), Some(6));
}

fn a_dry_run_records_nothing(backend: Backend) {
    let scratch = started(backend);
    scratch.run(&["once", "--dry-run", "--as-of", "2026-11-19T02:00:00Z"]);
    assert_eq!(recorded(&scratch), "0");
    pay(&scratch, A, "2026-11-19T02:00:00Z");
    configure(&scratch, B);
    scratch.run(&["once", "--dry-run", "--as-of", "2026-11-19T03:00:00Z"]);
    assert_eq!(recorded(&scratch), "1");
}

fn begin(scratch: &Scratch, as_of: &str) -> Child {
    let mut once = scratch.rewardd(&["once", "--as-of", as_of]);
    once.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output, &[]));
}

fn processes_that_record_at_once_record_one_change(backend: Backend) {
    let scratch = started(backend);
    let at_once = |rules: &str, as_of: &str| {
        configure(&scratch, rules);
        let children: Vec<Child> = (0..4).map(|_| begin(&scratch, as_of)).collect();
        children.into_iter().for_each(end);
    };
    at_once(A, "2026-11-19T01:00:00Z");
    assert_eq!(recorded(&scratch), "1");
    at_once(B, "2026-11-19T02:00:00Z");
    assert_eq!(recorded(&scratch), "2");
    assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs"), "2");
}

on_the_servers!(whoever_comes_second_with_a_number_takes_what_is_there_or_the_next);

/// A cluster has no lock that keeps another from inserting the same number: so it is done here past the lease.
fn whoever_comes_second_with_a_number_takes_what_is_there_or_the_next(backend: Backend) {
    for (rules, expected) in [(A, "1"), (B, "2")] {
        let scratch = started(backend);
        configure(&scratch, rules);
        let own = scratch.run(&["rules", "show"]);
        configure(&scratch, A);
        let (heading, text) = own.split_once('\n').unwrap();
        let version = heading.split([' ', ',']).nth(2).unwrap();
        let insert = format!(
            "INSERT INTO reward_rules_versions VALUES (1, '{version}', '2026-11-19 00:00:00', '{}\n')",
            text.trim_end()
        );
        let mut link = scratch.block_on(MySqlConnection::connect(&scratch.url)).unwrap();
        let mut run = |sql: String| {
            scratch.block_on(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut link)).unwrap();
        };
        run("START TRANSACTION".to_owned());
        run(insert);
        let second = begin(&scratch, "2026-11-19T01:00:00Z");
        until_true("the second one waits for the number", || {
            let waiting = "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.processlist \
                           WHERE db = DATABASE() AND info LIKE '/* record_rules */ INSERT%'";
            scratch.one(waiting) == "1"
        });
        run("COMMIT".to_owned());
        end(second);
        assert_eq!(recorded(&scratch), expected);
        assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs"), "1");
    }
}
