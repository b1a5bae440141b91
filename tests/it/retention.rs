//! `[retention]`: days move to files and are proved, explained and exported from there as from their tables; what is done
//! to a file is found; killed at any point, nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

mod daemon;
mod kills;

use crate::on_every_backend;
use crate::partitions::blocks;
use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, Tables, assert_same, shown, succeed};
use crate::verify::{assert_clean, verify};

on_every_backend!(
    a_moved_day_is_proved_explained_and_exported_as_before,
    what_is_done_to_an_archive_is_found,
    days_of_which_something_is_open_stay,
    a_dry_run_changes_nothing,
    transfers_of_archived_days_are_not_passed_over,
    a_transfer_that_waits_is_not_taken_for_one_that_is_gone,
    an_archive_is_not_forgotten_before_all_its_rows_are_back,
);

/// Days before the third are old enough: the fourth and the fifth are paid, and stay.
const NOW: &str = "2026-01-06T01:00:00Z";
const LOOK: [&str; 3] = ["retention", "--as-of", NOW];

const AGES: &str = "[retention]\nhourly_rewards = \"3d\"\ntransfers = \"3d\"\n";

/// Votes in five hours of each of five days, by so many partners.
fn votes(partners: u32) -> String {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let mut number = 0;
    for day in 1..=5 {
        for hour in [0, 3, 11, 22, 23] {
            for partner in 1..=partners {
                number += 1;
                let cents = number * 37 % 1000;
                votes += &format!("{number},{partner},cc,{}.{cents:03},1.{cents:03},", number % 40);
                votes += &format!("2026-01-{day:02}T{hour:02}:{:02}:07Z\n", number % 60);
            }
        }
    }
    votes
}

const RATES: &str = "quoted_at,rate\n2025-12-20T00:00:00Z,1.25\n2026-01-03T00:00:00Z,1.3\n";

fn configure(scratch: &Scratch, remote: &str, more: &str) {
    scratch.write_config(&format!(
        "[programme]\nstart = \"2026-01-01\"\ntimezone = \"Europe/Budapest\"\n[special]\npartners = [1, 3]\n\
         [http]\nlisten = \"\"\n[remote]\nurl = {remote:?}\n{more}"
    ));
}

/// Five days that are paid and delivered.
fn paid(backend: Backend, partners: u32) -> (Scratch, String) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    configure(&scratch, &remote, AGES);
    scratch.import(&votes(partners), RATES);
    let mut once = scratch.rewardd(&["once", "all", "--as-of", NOW]);
    succeed(
        once.env("REWARDD__SCHEDULE__CATCH_UP", "30d")
            .env("REWARDD__RETENTION__HOURLY_REWARDS", "")
            .env("REWARDD__RETENTION__TRANSFERS", ""),
    );
    (scratch, remote)
}

fn count(scratch: &Scratch, what: &str) -> u64 {
    scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {what}")).parse().unwrap()
}

/// The paid hours of the first two days of the programme's zone.
const OLD: &str = "time < '2026-01-02 23:00:00'";

fn export(scratch: &Scratch, table: &str) -> String {
    scratch.run(&["export", "--table", table, "--from", "2026-01-01", "--to", "2026-01-06"])
}

fn explained(scratch: &Scratch) -> String {
    scratch.run(&["explain", "--partner", "3", "--hour", "2026-01-01T11:00:00Z", "--json"])
}

/// What people see of the programme, wherever its rows are.
fn seen(scratch: &Scratch) -> Tables {
    let mut seen = Tables::new();
    for table in ["reward_list_hourly", "reward_list_daily", "special_transfers", "reward_log"] {
        seen.insert(table.to_owned(), export(scratch, table));
    }
    seen.insert("explained".to_owned(), explained(scratch));
    let proved = assert_clean(scratch, "all that is there");
    for count in ["runs", "windows", "rewards", "transfers"] {
        seen.insert(count.to_owned(), proved[count].to_string());
    }
    seen
}

/// The only file of a day.
fn archive(scratch: &Scratch, table: &str, day: &str) -> PathBuf {
    let files = fs::read_dir(scratch.path(&format!("archive/{table}"))).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let of_day = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with(day);
    let [file] = files.filter(of_day).collect::<Vec<_>>().try_into().unwrap();
    file
}

/// As reward_archives names it.
fn named(table: &str, file: &Path) -> String {
    format!("{table}/{}", file.file_name().unwrap().to_str().unwrap())
}

fn a_moved_day_is_proved_explained_and_exported_as_before(backend: Backend) {
    let (scratch, remote) = paid(backend, 40);
    let (before, tables) = (seen(&scratch), stored(&scratch, &remote));
    assert!(before["transfers"].parse::<u32>().unwrap() >= 40);
    let (rewards, transfers) = (count(&scratch, "reward_list_hourly"), count(&scratch, "special_transfers"));
    let old = count(&scratch, &format!("reward_list_hourly WHERE {OLD}"));
    assert!(old > 300 && old < rewards);

    let said = scratch.run(&LOOK);
    assert!(said.contains("4 days moved, 0 log files removed."), "{said}");
    assert_eq!(count(&scratch, &format!("reward_list_hourly WHERE {OLD}")), 0);
    assert_eq!(count(&scratch, "reward_list_hourly"), rewards - old);
    assert!(count(&scratch, "special_transfers") < transfers);
    assert_eq!(count(&scratch, "reward_archives WHERE cleared_at IS NOT NULL"), 4);
    assert_same(&seen(&scratch), &before, "read from the archive");

    let said = scratch.run(&LOOK);
    assert!(said.contains("0 days moved"), "{said}");
    let status = scratch.rewardd(&["status"]).output().unwrap();
    let status = shown(&status, &[]);
    let line =
        "archives    reward_list_hourly to 2026-01-02 (2 days), special_transfers to 2026-01-02 (2 days)";
    assert!(status.contains(line), "{status}");
    assert!(status.contains("conservation difference 0.00000000"), "{status}");

    for rows in ["hourly-rewards", "transfers"] {
        for day in ["2026-01-01", "2026-01-02"] {
            scratch.run(&["retention", "restore", "--day", day, "--rows", rows]);
        }
    }
    assert_same(&stored(&scratch, &remote), &tables, "brought back");
    assert_eq!(count(&scratch, "special_transfers"), transfers);
    assert_eq!(count(&scratch, "reward_archives"), 0);
    assert_same(&seen(&scratch), &before, "brought back");
    let again = scratch.rewardd(&["retention", "restore", "--day", "2026-01-01"]).output().unwrap();
    assert!(shown(&again, &[]).contains("reward_list_hourly of 2026-01-01 is in no archive"));
}

/// The findings of verify: class, table and what.
fn findings(scratch: &Scratch) -> (i32, Vec<[String; 3]>) {
    let (code, found) = verify(scratch, &[]);
    let text = |finding: &Json, field: &str| finding[field].as_str().unwrap().to_owned();
    let findings = found["findings"].as_array().unwrap().iter();
    (code, findings.map(|f| ["class", "table", "what"].map(|field| text(f, field))).collect())
}

fn assert_found(scratch: &Scratch, code: i32, class: &str, file: &str) {
    let (ended, found) = findings(scratch);
    assert_eq!(ended, code, "{found:?}");
    let [[found_class, table, what]] = &found[..] else { panic!("one finding: {found:?}") };
    assert_eq!((found_class.as_str(), table.as_str()), (class, "reward_archives"), "{found:?}");
    assert!(what.contains(file), "{what}");
}

fn what_is_done_to_an_archive_is_found(backend: Backend) {
    let (scratch, _) = paid(backend, 6);
    scratch.run(&LOOK);
    assert_clean(&scratch, "moved");
    for table in ["reward_list_hourly", "special_transfers"] {
        let file = archive(&scratch, table, "2026-01-02");
        let name = named(table, &file);
        let bytes = fs::read(&file).unwrap();
        for place in [bytes.len() / 3, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            fs::write(&file, changed).unwrap();
            assert_found(&scratch, 6, "tampering", &name);
        }
        fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
        assert_found(&scratch, 6, "tampering", &name);
        fs::remove_file(&file).unwrap();
        assert_found(&scratch, 5, "mismatch", &name);
        let (code, _) = verify(&scratch, &["--from", "2026-01-03"]);
        assert_eq!(code, 0, "other days are not concerned");
        fs::write(&file, bytes).unwrap();
        assert_clean(&scratch, "put back");
    }
    let hour = "2026-01-02 03:00:00.000000";
    let zeros = "'0.00000000', '0.00000000', '0.00000000', '0.00000000', '1.00000000'";
    scratch.query(&format!("INSERT INTO reward_list_hourly VALUES (3, 1, '{hour}', {zeros})"));
    let (code, found) = findings(&scratch);
    assert_eq!((code, found.len()), (5, 1), "{found:?}");
    let file = archive(&scratch, "reward_list_hourly", "2026-01-02");
    let file = named("reward_list_hourly", &file);
    assert_eq!(found[0][2], format!("rows of a day that was moved to {file}"));
    let said = scratch.run(&LOOK);
    assert!(said.contains("reward_list_hourly of 2026-01-02 stays: it was moved to"), "{said}");
    scratch.query(&format!("DELETE FROM reward_list_hourly WHERE time = '{hour}'"));

    // Another file, and a row that vouches for it: the rewards are not what the votes come to.
    let (first, second) = (
        archive(&scratch, "reward_list_hourly", "2026-01-01"),
        archive(&scratch, "reward_list_hourly", "2026-01-02"),
    );
    fs::copy(first, second).unwrap();
    let digest = |day: &str| {
        let of = format!("WHERE table_name = 'reward_list_hourly' AND day = '{day}'");
        (scratch.one(&format!("SELECT sha256 FROM reward_archives {of}")), of)
    };
    let (digest, of) = (digest("2026-01-01").0, digest("2026-01-02").1);
    scratch.query(&format!("UPDATE reward_archives SET sha256 = '{digest}' {of}"));
    let (code, found) = findings(&scratch);
    assert_eq!(code, 5, "{found:?}");
    assert!(found.iter().all(|finding| finding[2] == "the row is missing"), "{found:?}");
}

fn days_of_which_something_is_open_stay(backend: Backend) {
    let (scratch, _) = paid(backend, 4);
    let hour = "2026-01-01 11:00:00.000000";
    let waits = "next_attempt_at = '2026-01-01 12:00:00.000000', delivered_at = NULL";
    scratch.query(&format!("UPDATE special_transfers SET {waits} WHERE time = '{hour}' AND partner_id = 3"));
    scratch.query(
        "DELETE FROM reward_runs WHERE reward_type = 'hourly' AND time = '2026-01-02 10:00:00.000000'",
    );
    let said = scratch.run(&LOOK);
    for table in ["reward_list_hourly", "special_transfers"] {
        let waits = format!("{table} of 2026-01-01 stays: 1 of its transfers wait to be delivered.");
        let unpaid = format!("{table} of 2026-01-02 stays: 23 of its 24 hours are paid.");
        assert!(said.contains(&waits) && said.contains(&unpaid), "{said}");
    }
    assert!(said.contains("0 days moved"), "{said}");
    assert_eq!(count(&scratch, "reward_archives"), 0);
}

fn a_dry_run_changes_nothing(backend: Backend) {
    let (scratch, remote) = paid(backend, 4);
    let logs = scratch.path("logs");
    let old = logs.join("rewardd.2025-11-01.log");
    for name in ["rewardd.2025-11-01.log", "rewardd.2026-01-05.log", "notes.txt"] {
        let file = fs::File::create(logs.join(name)).unwrap();
        let age = if name.contains("2026") { 1 } else { 60 };
        let now: SystemTime = NOW.parse::<chrono::DateTime<chrono::Utc>>().unwrap().into();
        file.set_modified(now - Duration::from_hours(age * 24)).unwrap();
    }
    let with_logs = |args: &[&str]| {
        let mut command = scratch.rewardd(args);
        succeed(command.env("REWARDD__RETENTION__LOGS", "30d"))
    };
    let before = stored(&scratch, &remote);
    let said = with_logs(&["retention", "--as-of", NOW, "--dry-run"]);
    assert!(said.contains("4 days would be moved, 1 log files would be removed."), "{said}");
    assert_same(&stored(&scratch, &remote), &before, "a dry run");
    assert!(old.exists() && !scratch.path("archive").exists());

    let json = with_logs(&["retention", "--as-of", NOW, "--dry-run", "--json"]);
    let would: Json = serde_json::from_str(&json).unwrap();
    let did: Json = serde_json::from_str(&with_logs(&["retention", "--as-of", NOW, "--json"])).unwrap();
    assert_eq!(would["moved"], did["moved"]);
    assert_eq!(would["moved"][0]["rows"], count_of_first_day(&scratch));
    assert_eq!(would["log_files"], did["log_files"]);
    assert!(!old.exists() && logs.join("notes.txt").exists());
    assert!(logs.join("rewardd.2026-01-05.log").exists(), "it is not old enough");
}

fn transfers_of_archived_days_are_not_passed_over(backend: Backend) {
    let (scratch, remote) = paid(backend, 4);
    scratch.run(&LOOK);
    scratch.query_at(&remote, "DELETE FROM cc_hourly");
    let requeue = |from: &str| {
        let args = ["transfers", "requeue", "--from", from, "--to", "2026-01-03"];
        let output = scratch.rewardd(&args).output().unwrap();
        (output.status.code(), shown(&output, &[]))
    };
    let (code, said) = requeue("2026-01-02");
    let restore = ["retention", "restore", "--day", "2026-01-02", "--rows", "transfers"];
    assert!(code == Some(3) && said.contains(&format!("rewardd {}", restore.join(" "))), "{said}");
    assert!(!said.contains("2026-01-01") && !said.contains("missing"), "{said}");
    let waiting = || count(&scratch, "special_transfers WHERE delivered_at IS NULL");
    assert_eq!(waiting(), 0, "nothing is queued");
    let (code, _) = requeue("2026-01-03");
    assert_eq!((code, waiting()), (Some(0), 10), "two partners in five hours");

    scratch.run(&restore);
    let (code, said) = requeue("2026-01-02");
    assert_eq!((code, waiting()), (Some(0), 20), "{said}");
}

fn a_transfer_that_waits_is_not_taken_for_one_that_is_gone(backend: Backend) {
    let (scratch, _) = paid(backend, 4);
    scratch.run(&LOOK);
    let waits = "INSERT INTO special_transfers (partner_id, time, cc_reward, attempts, next_attempt_at) \
                 VALUES (3, '2026-01-01 11:00:00.000000', '1.00000000', 0, '2026-01-01 12:00:00.000000')";
    scratch.query(waits);
    scratch.query("UPDATE reward_archives SET cleared_at = NULL WHERE table_name = 'special_transfers'");
    for args in [&LOOK[..], &["retention", "restore", "--day", "2026-01-01", "--rows", "transfers"]] {
        let output = scratch.rewardd(args).output().unwrap();
        let said = shown(&output, &[]);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("1 of 2026-01-01T11:00:00.000000Z wait to be delivered"), "{said}");
    }
    assert_eq!(count(&scratch, "special_transfers WHERE delivered_at IS NULL"), 1);
    assert_eq!(count(&scratch, "reward_archives WHERE table_name = 'special_transfers'"), 2);
}

fn an_archive_is_not_forgotten_before_all_its_rows_are_back(backend: Backend) {
    let (scratch, _) = paid(backend, 4);
    scratch.run(&LOOK);
    // An hour of that day of which the file has no rows.
    let zeros = "'0.00000000', '0.00000000', '0.00000000', '0.00000000', '1.00000000'";
    scratch.query(&format!(
        "INSERT INTO reward_list_hourly VALUES (3, 1, '2026-01-01 05:00:00.000000', {zeros})"
    ));
    let restore = ["retention", "restore", "--day", "2026-01-01"];
    let output = scratch.rewardd(&restore).output().unwrap();
    let said = shown(&output, &[]);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("17 rows worth") && said.contains("where the file has 16 rows worth"), "{said}");
    assert_eq!(count(&scratch, "reward_archives"), 4);
    scratch.query("DELETE FROM reward_list_hourly WHERE time = '2026-01-01 05:00:00.000000'");
    scratch.run(&restore);
    assert_eq!(count(&scratch, "reward_archives"), 3);
    assert_clean(&scratch, "brought back");
}

/// As the archive's row tells it.
fn count_of_first_day(scratch: &Scratch) -> u64 {
    let of = "table_name = 'reward_list_hourly' AND day = '2026-01-01'";
    scratch.one(&format!("SELECT CAST(row_count AS CHAR) FROM reward_archives WHERE {of}")).parse().unwrap()
}

/// As where a share is not mounted, or a command is run in another folder than the daemon.
#[test]
fn nothing_moves_to_another_folder_than_before() {
    let (scratch, _) = paid(Backend::Sqlite, 3);
    scratch.run(&["retention", "--as-of", "2026-01-05T01:00:00Z"]);
    assert_eq!(count(&scratch, "reward_archives"), 2);
    let (folder, away) = (scratch.path("archive"), scratch.path("away"));
    fs::rename(&folder, &away).unwrap();
    for args in [&LOOK[..], &["retention", "restore", "--day", "2026-01-01"]] {
        let output = scratch.rewardd(args).output().unwrap();
        let said = shown(&output, &[]);
        assert_eq!(output.status.code(), Some(74), "{said}");
        assert!(
            said.contains("the folder of archives archive does not have ") && said.contains("mounted"),
            "{said}"
        );
        assert!(!folder.exists(), "nothing is made there");
    }
    assert_eq!(count(&scratch, "reward_archives"), 2);
    fs::rename(&away, &folder).unwrap();
    scratch.run(&LOOK);
    assert_eq!(count(&scratch, "reward_archives"), 4);
    assert_clean(&scratch, "moved to the folder from before");
}

/// The configuration and the commands of the guide.
#[test]
fn the_guide_to_archives_is_right() {
    let (scratch, remote) = paid(Backend::Sqlite, 3);
    let [ages] = blocks("toml").try_into().unwrap();
    assert!(ages.contains("\"/var/lib/rewardd/archive\""), "{ages}");
    configure(&scratch, &remote, &ages.replace("/var/lib/rewardd", "."));
    // 400 days after the second of the five.
    let said = scratch.run(&["retention", "--as-of", "2027-02-07T01:00:00Z"]);
    assert!(said.contains("4 days moved"), "{said}");
    let restore = &blocks("sh")[0];
    for line in restore.lines().filter(|line| !line.trim().is_empty()) {
        let line = line.replace("2026-01-15", "2026-01-02");
        let args: Vec<&str> = line.split_whitespace().skip(1).collect();
        let said = scratch.run(&args);
        assert!(said.contains("are back in the table"), "{line}: {said}");
    }
    assert_eq!(count(&scratch, "reward_archives"), 2);
    assert_clean(&scratch, "restored by the guide");
}

#[test]
fn without_ages_nothing_is_done() {
    let scratch = Scratch::new(Backend::Sqlite);
    assert!(scratch.run(&["retention"]).contains("[retention] asks for nothing"));
}
