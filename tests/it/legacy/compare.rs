//! Running beside the old program: what both have paid is compared, and deploy/MIGRATION.md leads over.

use std::path::Path;
use std::process::{Command, Output};

use chrono::{DateTime, Utc};

use super::*;
use crate::support::rewardd;

on_every_backend!(rewards_are_compared_row_by_row, the_guide_leads_from_the_old_program_to_this_one);

const MANY: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,10,1,2026-11-18T00:10:00Z\n\
                    2,8,cc,3,2.5,2026-11-18T00:20:00Z\n3,9,cc,7.7,1,2026-11-18T00:30:00Z\n\
                    4,7,cc,1,1,2026-11-18T05:10:00Z\n";

/// Has another program have paid what this one has: the rows of one database as DOUBLE in another.
fn pay_there(scratch: &Scratch, here: &str, there: &str) {
    let (_, double, time, text) = types(scratch.backend);
    for (table, columns) in [("reward_list_hourly", HOURLY), ("reward_list_daily", DAILY)] {
        let typed = typed(columns, double);
        scratch.query_at(
            there,
            &format!("CREATE TABLE {table} (partner_id {text}, position INT, time {time}, {typed})"),
        );
        let casts = format!("partner_id, position, time, {columns}");
        let casts: Vec<String> = casts.split(", ").map(|column| format!("CAST({column} AS CHAR)")).collect();
        for row in scratch.query_at(here, &format!("SELECT {} FROM {table}", casts.join(", "))) {
            // The old program knows no fractions of a second.
            let cells = row.iter().map(|cell| cell.as_deref().unwrap().trim_end_matches(".000000"));
            let (key, amounts): (Vec<_>, Vec<_>) = cells.enumerate().partition(|(column, _)| *column < 3);
            let key = key.iter().map(|(_, cell)| format!("'{cell}'"));
            let cells: Vec<String> = key.chain(amounts.iter().map(|(_, cell)| (*cell).to_owned())).collect();
            scratch.query_at(there, &format!("INSERT INTO {table} VALUES ({})", cells.join(", ")));
        }
    }
}

fn rewards_are_compared_row_by_row(backend: Backend) {
    let mut scratch = Scratch::new(backend);
    let there = scratch.new_database("old");
    start_on(&scratch, "2026-11-18");
    scratch.import(MANY, RATES);
    scratch.run(&["once", "--as-of", "2026-11-19T01:00:00Z"]);
    let compare = |more: &[&str]| says(&scratch, &[&["compare", "--with", &there], more].concat());
    scratch.query_at(&there, "CREATE TABLE something (id INTEGER)");
    let said = compare(&[]);
    let neither = "the other database has neither reward_list_hourly nor reward_list_daily";
    assert!(said.starts_with("exit code 65") && said.contains(neither), "{said}");
    pay_there(&scratch, &scratch.url, &there);
    let same = compare(&[]);
    assert!(same.starts_with("exit code 0"), "{same}");
    assert!(
        same.contains("26 windows compared, 0 of them differ; 7 rows here, 7 there: 7 equal, 0 different"),
        "{same}"
    );
    // An hour of the next day is paid here, the day itself is not: that it is paid there is no difference.
    let day = "INSERT INTO reward_list_daily VALUES ('7', 1, '2026-11-19 00:00:00', 1, 1, 1, 1, 1, 1, 1, 1)";
    scratch.query_at(&there, day);
    assert_eq!(compare(&[]), same);
    scratch.query_at(&there, "DELETE FROM reward_list_daily WHERE time = '2026-11-19 00:00:00'");
    // A unit less, and floating point's own dust, which is none.
    let dust = "UPDATE reward_list_hourly SET hourly_reward_all = hourly_reward_all - 1e-8, \
                hourly_reward_top10 = hourly_reward_top10 + 1e-14 WHERE partner_id = '8'";
    scratch.query_at(&there, dust);
    let said = compare(&[]);
    assert!(said.starts_with("exit code 5") && said.contains("1 of them differ"), "{said}");
    assert!(compare(&["--tolerance", "2"]).starts_with("exit code 0"));

    for change in [
        "UPDATE reward_list_hourly SET hourly_reward_all = 12.5, position = 4 WHERE partner_id = '8'",
        "DELETE FROM reward_list_hourly WHERE partner_id = '9'",
        "UPDATE reward_list_daily SET cc_market_reward = NULL WHERE partner_id = '9'",
        "INSERT INTO reward_list_daily VALUES ('10', 9, '2026-11-18 00:00:00', 1, 1, 1, 1, 1, 1, 1, 1)",
    ] {
        scratch.query_at(&there, change);
    }
    let said = compare(&["--tolerance", "2"]);
    if backend == Backend::Sqlite {
        assert_snapshot!("compare", said);
        let json = compare(&["--tolerance", "2", "--json", "--day", "2026-11-18"]);
        assert_snapshot!("compare_json", json.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }
    assert!(said.starts_with("exit code 5"), "{said}");
    for named in [
        "26 windows compared, 2 of them differ; 7 rows here, 6 there: 4 equal, 1 different, 2 only here, 1 only \
         there, 1 unreadable there.",
        "partner 8: position is 1 here, 4 there; hourly_reward_all is",
        "partner 9: only here",
        "partner 10: only there",
        "reward_list_daily there, time 2026-11-18 00:00:00, partner_id 9: cc_market_reward is NULL, which must not \
         be NULL",
    ] {
        assert!(said.contains(named), "{named}: {said}");
    }
    let said = compare(&["--day", "2026-11-17"]);
    assert!(said.starts_with("exit code 1\n") && said.contains("Nothing to compare"), "{said}");
}

/// The blocks of the guide in a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/MIGRATION.md");
    let text = fs::read_to_string(guide).unwrap();
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.map(str::to_owned).collect()
}

/// Runs a block of the guide as a shell would, at some time.
fn shell(scratch: &Scratch, trial: &str, block: &str, at: &str) -> Output {
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    let program = rewardd();
    let folder = Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euc", block]).current_dir(scratch.dir.path()).env("PATH", path);
    command.env("OLD", &scratch.url).env("TRIAL", trial);
    command.env("REWARDD_CLOCK", format!("{},{at},0", now.to_rfc3339())).output().unwrap()
}

/// The votes of an older program.
fn make_votes(scratch: &Scratch) {
    let (amount, time, text) = match scratch.backend {
        Backend::Sqlite => ("TEXT", "TEXT", "TEXT"),
        Backend::MariaDb | Backend::MySql => ("DECIMAL(28,8)", "DATETIME(6)", "VARCHAR(20)"),
    };
    for statement in [
        &format!(
            "CREATE TABLE votes (id INTEGER NOT NULL PRIMARY KEY, partner_id INTEGER NOT NULL, \
             vote_type {text} NOT NULL, cc {amount} NOT NULL, ecc {amount} NOT NULL, voted_at {time} NOT NULL)"
        ),
        "INSERT INTO votes VALUES (1, 7, 'cc', '10.0', '1.0', '2026-11-18 00:10:00'), \
         (2, 8, 'cc', '3.0', '2.5', '2026-11-18 00:20:00'), (3, 7, 'cc', '4.0', '1.0', '2026-11-19 00:10:00')",
        &format!("CREATE TABLE cc_rates (quoted_at {time} NOT NULL, rate {amount} NOT NULL)"),
        "INSERT INTO cc_rates VALUES ('2026-11-01 00:00:00', '1.0')",
    ] {
        scratch.query(statement);
    }
}

fn the_guide_leads_from_the_old_program_to_this_one(backend: Backend) {
    let mut scratch = Scratch::new(backend);
    let trial = scratch.new_database("trial");
    make_votes(&scratch);
    let [begin, compare, convert, pay] = blocks("sh").try_into().unwrap();
    let [back] = blocks("sql").try_into().unwrap();
    let succeed = |block: &str, at: &str| {
        let output = shell(&scratch, &trial, block, at);
        assert!(output.status.success(), "{block}\n{}", shown(&output, &[]));
        String::from_utf8(output.stdout).unwrap()
    };
    let beside = "2026-11-19T00:40:00Z";
    succeed(&begin, beside);
    assert!(everything(&scratch).lines().eq(["cc_rates", "votes"]), "the trial has changed nothing there");
    pay_there(&scratch, &trial, &scratch.url);
    let old = everything(&scratch);
    assert!(succeed(&compare, beside).contains("0 of them differ"));
    assert!(fs::read_to_string(scratch.path("compared.json")).unwrap().contains("\"same\": true"));

    let after = "2026-11-20T00:40:00Z";
    let said = succeed(&convert, after);
    assert!(said.contains("`programme.start` has to be a later day") && said.contains("read back"), "{said}");
    if backend != Backend::Sqlite {
        for statement in back.split(';') {
            scratch.query(statement);
        }
        let old_again = everything(&scratch);
        assert!(old.lines().all(|line| old_again.contains(line)), "{old_again}");
        succeed("rewardd --config rewardd.toml migrate --convert", after);
    }
    let said = succeed(&pay, after);
    assert!(said.contains("25 runs of the audit log") && said.contains("Nothing was found"), "{said}");
    let twice = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs WHERE time < '2026-11-19'";
    assert_eq!(scratch.one(twice), "0", "no window is paid by both");
}
