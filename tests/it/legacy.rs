//! An older program's tables, with their DOUBLE amounts, under the names that ours have.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown};

mod compare;
mod dashboard;
mod kills;

/// Rows of an old `reward_list_hourly` that convert exactly.
const GOOD: [&str; 3] = [
    "7, 1, '2026-11-17 12:00:00', 12345678.12345678, 0.3, 0.00000001, 100, 12345678901.12345678, 'first'",
    "8, 2, '2026-11-17 12:00:00', 0, 1.5, 2.25, 0.07, 1e-8, NULL",
    "7, 1, '2026-11-17 13:00:00', 0.1, 0.2, 0.7, 0.00000003, 33.33333333, NULL",
];

/// One that has too many digits, and those that have worse.
const INEXACT: &str = "9, 3, '2026-11-17 13:00:00', 0.1e0 + 0.2e0, 1e-9, 1, 0.3e0 - 0.1e0, 5, NULL";
const BAD: [&str; 6] = [
    "10, 4, '2026-11-17 13:00:00', -1.5, 0, 0, 0, 0, NULL",
    "11, 5, '2026-11-17 13:00:00', NULL, 0, 1e20, 0, 0, NULL",
    "7, 6, '2026-11-17 13:00:00', 1, 0, 0, 0, 0, 'again'",
    "NULL, 7, '2026-11-17 13:00:00', 1, 0, 0, 0, 0, NULL",
    "12, 8, NULL, 1, 0, 0, 0, 0, NULL",
    "13, NULL, '2026-11-17 13:00:00', 1, 0, 0, 0, 0, NULL",
];

const OLD: [&str; 5] = [
    "reward_list_hourly",
    "reward_list_daily",
    "reward_pool_state",
    "reward_log",
    "reward_distribution_logs",
];

const HOURLY: &str = "hourly_reward_top10p, hourly_reward_top10, hourly_reward_top100, hourly_reward_top1000, \
                      hourly_reward_all";
const DAILY: &str = "daily_reward_top10, daily_reward_top100, daily_reward_top1000, daily_reward_top10000, \
                     daily_reward_all, daily_reward_top10p_ecc, daily_reward_top50p, cc_market_reward";

/// What the old tables are made of: a key that counts, amounts, instants, names.
const fn types(backend: Backend) -> (&'static str, &'static str, &'static str, &'static str) {
    match backend {
        Backend::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "REAL", "TEXT", "TEXT"),
        Backend::MariaDb | Backend::MySql => {
            ("INT NOT NULL AUTO_INCREMENT PRIMARY KEY", "DOUBLE", "DATETIME", "VARCHAR(20)")
        }
    }
}

fn typed(columns: &str, column_type: &str) -> String {
    columns.split(", ").map(|column| format!("{column} {column_type}")).collect::<Vec<_>>().join(", ")
}

/// An old table of hours, and its rows.
fn make_old_hours(scratch: &Scratch, url: &str, rows: &[&str]) {
    let (key, double, time, text) = types(scratch.backend);
    scratch.query_at(
        url,
        &format!(
            "CREATE TABLE reward_list_hourly (id {key}, Partner_ID INT, position INT, time {time}, {}, note {text})",
            typed(HOURLY, double)
        ),
    );
    for row in rows {
        let insert = format!("INSERT INTO reward_list_hourly (partner_id, position, time, {HOURLY}, note)");
        scratch.query_at(url, &format!("{insert} VALUES ({row})"));
    }
}

/// All five tables of an older program.
fn make_old(scratch: &Scratch, hours: &[&str]) {
    make_old_hours(scratch, &scratch.url, hours);
    let (key, double, time, text) = types(scratch.backend);
    let day = if scratch.backend == Backend::Sqlite { "TEXT" } else { "DATE" };
    for statement in [
        &format!(
            "CREATE TABLE reward_list_daily (partner_id {text}, position INT, time {time}, {})",
            typed(DAILY, double)
        ),
        "INSERT INTO reward_list_daily VALUES ('7', 1, '2026-11-17 00:00:00', 1.1, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7, 8.8)",
        &format!("CREATE TABLE reward_pool_state (day {day}, accumulated_daily_pool {double})"),
        "INSERT INTO reward_pool_state VALUES ('2026-11-17', 0), ('2026-11-18', 1234.5), ('2026-11-19', 0.25)",
        &format!("CREATE TABLE reward_log (id {key}, reward_type {text}, total_reward_cc {double})"),
        "INSERT INTO reward_log (reward_type, total_reward_cc) VALUES ('hourly', 33.3)",
        &format!(
            "CREATE TABLE reward_distribution_logs (id {key}, reward_type {text}, total_amount {double})"
        ),
        "INSERT INTO reward_distribution_logs (reward_type, total_amount) VALUES ('hourly', 33.3)",
    ] {
        scratch.query(statement);
    }
}

/// The tables there are, and the rows of the reward tables and their backups as text.
fn everything(scratch: &Scratch) -> String {
    let tables = match scratch.backend {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
        }
        _ => {
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"
        }
    };
    let mut text = String::new();
    for table in scratch.query(tables).into_iter().map(|row| row[0].clone().unwrap()) {
        text.push_str(&format!("{table}\n"));
        let columns = match table.trim_end_matches("_before_rewardd") {
            "reward_list_hourly" => format!("partner_id, position, time, {HOURLY}"),
            "reward_list_daily" => format!("partner_id, position, time, {DAILY}"),
            "reward_pool_state" => "day, accumulated_daily_pool".to_owned(),
            "reward_log" => "reward_type, total_reward_cc".to_owned(),
            "reward_distribution_logs" => "reward_type, total_amount".to_owned(),
            _ => continue,
        };
        let casts = columns.split(", ").map(|column| format!("CAST({column} AS CHAR)")).collect::<Vec<_>>();
        for row in scratch.query(&format!("SELECT {} FROM {table} ORDER BY 1, 2, 3", with_three(casts))) {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>();
            text.push_str(&format!("  {}\n", cells.join(" ")));
        }
    }
    text
}

/// So that every table can be put in order by three columns.
fn with_three(mut casts: Vec<String>) -> String {
    while casts.len() < 3 {
        casts.push("''".to_owned());
    }
    casts.join(", ")
}

/// What a command said and how it ended; URLs without what changes from run to run.
fn says(scratch: &Scratch, args: &[&str]) -> String {
    let output = scratch.rewardd(args).output().unwrap();
    let url = rewardd::config::DatabaseUrl::parse(&scratch.url).unwrap().to_string();
    shown(&output, &[(url.as_str(), "URL")])
}

const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,10,1,2026-11-18T00:10:00Z\n";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1\n";

fn start_on(scratch: &Scratch, day: &str) {
    scratch.write_config(&format!("[programme]\nstart = \"{day}\"\n[schedule]\ncatch_up = \"1000h\"\n"));
}

on_every_backend!(
    no_start_goes_on_beside_old_tables,
    a_dry_run_says_what_would_become_of_each_row,
    what_converts_exactly_is_carried_over_and_the_rest_is_kept_beside,
    amounts_are_cut_down_only_where_that_is_asked_for,
    tables_that_an_earlier_version_went_over_in_silence_are_found_and_converted,
    nothing_is_converted_where_something_stands_in_the_way,
    the_rows_of_a_programme_that_kept_our_form_are_another_programs_too,
);

fn no_start_goes_on_beside_old_tables(backend: Backend) {
    let scratch = Scratch::new(backend);
    make_old(&scratch, &GOOD);
    let before = everything(&scratch);
    fs::write(scratch.path("votes.csv"), VOTES).unwrap();
    for args in [&["migrate"][..], &["once"], &["run", "--test-cycle"], &["import", "--votes", "votes.csv"]] {
        let said = says(&scratch, args);
        assert!(said.starts_with("exit code 78"), "{args:?}: {said}");
        assert!(
            said.contains(
                "another program has made reward_list_hourly, reward_list_daily, reward_pool_state, \
                               reward_log, reward_distribution_logs"
            ),
            "{said}"
        );
        assert!(said.contains("rewardd migrate --convert --dry-run"), "{said}");
        assert_eq!(everything(&scratch), before, "{args:?}");
    }
}

fn a_dry_run_says_what_would_become_of_each_row(backend: Backend) {
    let scratch = Scratch::new(backend);
    let rows: Vec<&str> = GOOD.into_iter().chain([INEXACT]).chain(BAD).collect();
    make_old(&scratch, &rows);
    let before = everything(&scratch);
    let said = says(&scratch, &["migrate", "--convert", "--dry-run"]);
    assert_snapshot!(format!("dry_run_{backend:?}").to_lowercase(), said);
    assert_eq!(says(&scratch, &["migrate", "--dry-run"]), said);
    // What is wrong beyond digits is never made right by a guess.
    for args in [&["migrate", "--convert"][..], &["migrate", "--convert", "--inexact", "floor"]] {
        let said = says(&scratch, args);
        assert!(said.starts_with("exit code 65") && said.contains("Nothing was changed"), "{said}");
        assert_eq!(everything(&scratch), before);
    }
}

fn what_converts_exactly_is_carried_over_and_the_rest_is_kept_beside(backend: Backend) {
    let scratch = Scratch::new(backend);
    make_old(&scratch, &GOOD);
    let dry = says(&scratch, &["migrate", "--convert", "--dry-run"]);
    assert!(dry.starts_with("exit code 0") && dry.contains("3 of 3 rows convert exactly"), "{dry}");
    let old = everything(&scratch);
    let said = scratch.run(&["migrate", "--convert"]);
    assert!(said.contains("reward_list_hourly: 3 rows carried over and read back"), "{said}");
    let new = everything(&scratch);
    if backend == Backend::MariaDb {
        let is_old =
            |line: &&str| line.starts_with("  ") || OLD.contains(&line.trim_end_matches("_before_rewardd"));
        assert_snapshot!("converted", new.lines().filter(is_old).collect::<Vec<_>>().join("\n"));
    }
    assert!(
        new.contains(
            "7 1 2026-11-17 12:00:00.000000 12345678.12345678 0.30000000 0.00000001 100.00000000 \
                          12345678901.12345700"
        ),
        "{new}"
    );
    for table in OLD {
        let rows = |text: &str, table: &str| {
            let rest = text.split_once(&format!("{table}\n")).unwrap().1;
            rest.lines().take_while(|line| line.starts_with("  ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(rows(&new, &format!("{table}_before_rewardd")), rows(&old, table), "{table}");
    }
    assert!(scratch.run(&["migrate", "--convert"]).contains("is in place"));
    the_programme_goes_on_after_the_old_one(&scratch);
}

/// Windows that the old program has paid are not paid again, and are nobody's to prove.
fn the_programme_goes_on_after_the_old_one(scratch: &Scratch) {
    start_on(scratch, "2026-11-17");
    scratch.import(VOTES, RATES);
    for args in [
        &["once", "--as-of", "2026-11-19T01:00:00Z"][..],
        &["once", "--dry-run", "--as-of", "2026-11-19T01:00:00Z"],
    ] {
        let said = says(scratch, args);
        assert!(
            said.contains(
                "the programme would start on 2026-11-17, but reward_list_hourly already has rewards of \
                               hour 13 of 2026-11-17"
            ),
            "{said}"
        );
        assert!(said.contains("Set programme.start to 2026-11-18 or later"), "{said}");
    }
    assert_eq!(scratch.query("SELECT 1 FROM reward_runs").len(), 0);
    start_on(scratch, "2026-11-18");
    scratch.run(&["once", "--dry-run", "--as-of", "2026-11-19T01:00:00Z"]);
    scratch.run(&["once", "--as-of", "2026-11-19T01:00:00Z"]);
    // Nor may it be moved back over them once it has begun.
    start_on(scratch, "2026-11-16");
    assert!(says(scratch, &["once"]).contains("they would be paid twice"));
    start_on(scratch, "2026-11-18");
    let said = scratch.run(&["verify"]);
    assert!(said.contains("3 windows before the programme's start were paid by another program"), "{said}");
    assert!(said.contains("Nothing was found"), "{said}");
    let said = scratch.run(&["verify", "--json"]);
    assert!(said.contains("\"windows_before_start\": 3"), "{said}");
    let export = ["export", "--table", "reward_list_hourly", "--from", "2026-11-17", "--to", "2026-11-18"];
    let exported = scratch.run(&export);
    assert!(exported.lines().count() == 5 && exported.contains("12345678901.12345700"), "{exported}");
    let said = says(scratch, &["explain", "--partner", "7", "--hour", "2026-11-17T12:00:00Z"]);
    assert!(said.contains("this programme has paid nothing for it"), "{said}");
    assert!(says(scratch, &["status"]).contains("2026-11-18T00:00:00.000000Z"));
}

fn amounts_are_cut_down_only_where_that_is_asked_for(backend: Backend) {
    let scratch = Scratch::new(backend);
    let rows: Vec<&str> = GOOD.into_iter().chain([INEXACT]).collect();
    make_old(&scratch, &rows);
    let said = says(&scratch, &["migrate", "--convert"]);
    assert!(said.starts_with("exit code 65"), "{said}");
    let said = scratch.run(&["migrate", "--convert", "--inexact", "floor"]);
    for cut in [
        "hourly_reward_top10p is 0.30000000000000004, which has more than 8 fractional digits; it is cut down to 0.30000000",
        "which has more than 8 fractional digits; it is cut down to 0.00000000",
        "hourly_reward_top1000 is 0.19999999999999998, which has more than 8 fractional digits; it is cut down to 0.19999999",
        "3 of 4 rows convert exactly, 1 are cut down, 0 do not convert",
    ] {
        assert!(said.contains(cut), "{cut}: {said}");
    }
    let new = everything(&scratch);
    assert!(
        new.contains("9 3 2026-11-17 13:00:00.000000 0.30000000 0.00000000 1.00000000 0.19999999 5.00000000"),
        "{new}"
    );
}

/// A database of ours in which the table of hours is an old one: what CREATE TABLE IF NOT EXISTS left.
fn tables_that_an_earlier_version_went_over_in_silence_are_found_and_converted(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    scratch.query("DROP TABLE reward_list_hourly");
    make_old_hours(&scratch, &scratch.url, &GOOD);
    let said = says(&scratch, &["migrate"]);
    assert!(said.starts_with("exit code 78") && said.contains("has made reward_list_hourly:"), "{said}");
    scratch.run(&["migrate", "--convert"]);
    the_programme_of_hours_goes_on(&scratch);
}

fn the_programme_of_hours_goes_on(scratch: &Scratch) {
    start_on(scratch, "2026-11-18");
    scratch.import(VOTES, RATES);
    scratch.run(&["once", "--as-of", "2026-11-19T01:00:00Z"]);
    let said = scratch.run(&["verify"]);
    assert!(
        said.contains("2 windows before the programme's start") && said.contains("Nothing was found"),
        "{said}"
    );
}

fn nothing_is_converted_where_something_stands_in_the_way(backend: Backend) {
    let refused = |scratch: &Scratch, why: &str| {
        let before = everything(scratch);
        let said = says(scratch, &["migrate", "--convert"]);
        assert!(!said.starts_with("exit code 0") && said.contains(why), "{said}");
        assert_eq!(everything(scratch), before);
    };
    let scratch = Scratch::new(backend);
    make_old_hours(&scratch, &scratch.url, &GOOD);
    scratch.query("CREATE TABLE reward_list_hourly_before_rewardd (id INT)");
    scratch.query("ALTER TABLE reward_list_hourly_before_rewardd ADD COLUMN partner_id INT");
    for column in format!("position, time, {HOURLY}").split(", ") {
        scratch.query(&format!("ALTER TABLE reward_list_hourly_before_rewardd ADD COLUMN {column} INT"));
    }
    refused(&scratch, "reward_list_hourly_before_rewardd is there already");
    scratch.query("DROP TABLE reward_list_hourly_before_rewardd");
    scratch.query("ALTER TABLE reward_list_hourly RENAME COLUMN position TO place");
    let said = says(&scratch, &["migrate", "--convert"]);
    assert!(
        said.starts_with("exit code 65") && said.contains("position                 is missing"),
        "{said}"
    );

    let scratch = Scratch::new(backend);
    start_on(&scratch, "2026-11-18");
    scratch.import(VOTES, RATES);
    scratch.run(&["once", "--as-of", "2026-11-19T01:00:00Z"]);
    scratch.query("DROP TABLE reward_list_hourly");
    make_old_hours(&scratch, &scratch.url, &GOOD);
    refused(&scratch, "rewardd has already paid runs into this database");
}

/// DECIMAL amounts and our key, but rows before the first migration: nothing to convert, everything to keep apart.
fn the_rows_of_a_programme_that_kept_our_form_are_another_programs_too(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    scratch.query("DROP TABLE _sqlx_migrations");
    scratch.query("INSERT INTO reward_pool_state VALUES ('2026-11-17', '5.00000000')");
    let row = "7, 1, '2026-11-17 12:00:00.000000', '1.00000000', '0.00000000', '0.00000000', '0.00000000', '0.00000000'";
    scratch.query(&format!("INSERT INTO reward_list_hourly VALUES ({row})"));
    let said = says(&scratch, &["migrate"]);
    assert!(said.contains("has made reward_list_hourly, reward_pool_state:"), "{said}");
    let said = scratch.run(&["migrate", "--convert"]);
    assert!(said.contains("the old pools of 1 days hold 5.00000000 in all"), "{said}");
    assert_eq!(scratch.query("SELECT 1 FROM reward_pool_state").len(), 0);
    start_on(&scratch, "2026-11-18");
    scratch.import(VOTES, RATES);
    scratch.run(&["once", "--as-of", "2026-11-19T01:00:00Z"]);
    assert!(scratch.run(&["verify"]).contains("1 windows before the programme's start"));
}
