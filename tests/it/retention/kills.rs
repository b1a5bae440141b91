//! Killed at any point, a move goes on where it was, and all that was paid can be read at every moment.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use super::{LOOK, NOW, archive, export, paid};
use crate::on_every_backend;
use crate::support::tables::stored;
use crate::support::{Backend, Scratch, Tables, assert_same, shown};
use crate::verify::verify;

on_every_backend!(killed_at_every_point_no_row_is_lost, killed_on_the_way_back_no_row_is_lost);

/// The tables, and which archives there are.
fn everything(scratch: &Scratch, remote: &str) -> Tables {
    let mut tables = stored(scratch, remote);
    let rows = scratch.query(
        "SELECT CONCAT(table_name, ' ', CAST(day AS CHAR), ' ', CAST(row_count AS CHAR), ' ', CAST(amount AS CHAR), \
         ' ', sha256, ' ', CAST(cleared_at IS NOT NULL AS CHAR)) FROM reward_archives ORDER BY table_name, day",
    );
    let rows: Vec<String> = rows.into_iter().map(|row| row[0].clone().unwrap()).collect();
    tables.insert("archives".to_owned(), rows.join("\n"));
    let transfers = scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM special_transfers");
    tables.insert("transfers".to_owned(), transfers);
    tables
}

fn exports(scratch: &Scratch) -> [String; 2] {
    ["reward_list_hourly", "special_transfers"].map(|table| export(scratch, table))
}

/// Runs a command that is killed at a point; false where it came to its end before.
fn killed(scratch: &Scratch, args: &[&str], point: u32) -> bool {
    let mut command = scratch.rewardd(args);
    let output = command.env("REWARDD_FAULT", format!("kill@any:{point}")).output().unwrap();
    let was_killed = output.status.signal() == Some(Signal::KILL.as_raw());
    assert!(was_killed || output.status.success(), "{}", shown(&output, &[]));
    was_killed
}

/// All of it at every third point: to compute it again takes longer than all the rest. At the others, what is exported.
fn assert_whole_after(scratch: &Scratch, exported: &[String; 2], point: u32) {
    if point % 3 == 1 {
        assert_whole(scratch, exported, point);
    } else {
        assert_exported(scratch, exported, point);
    }
}

fn assert_exported(scratch: &Scratch, exported: &[String; 2], point: u32) {
    assert!(exports(scratch) == *exported, "killed at point {point}: what is exported is not what was paid");
}

fn assert_whole(scratch: &Scratch, exported: &[String; 2], point: u32) {
    assert_exported(scratch, exported, point);
    let (code, found) = verify(scratch, &[]);
    assert_eq!(code, 0, "killed at point {point}: {found:#}");
}

/// One day of both tables.
const ONE_DAY: &str = "2026-01-05T01:00:00Z";

fn killed_at_every_point_no_row_is_lost(backend: Backend) {
    let (scratch, remote) = paid(backend, 3);
    let look = ["retention", "--as-of", ONE_DAY];
    let exported = exports(&scratch);
    scratch.run(&look);
    let expected = everything(&scratch, &remote);
    let back = || {
        for rows in ["hourly-rewards", "transfers"] {
            scratch.run(&["retention", "restore", "--day", "2026-01-01", "--rows", rows]);
        }
        fs::remove_dir_all(scratch.path("archive")).unwrap();
    };
    // The servers are no other code, and slower.
    let step = if backend == Backend::Sqlite { 1 } else { 8 };
    let mut point = 1;
    back();
    while killed(&scratch, &look, point) {
        assert_whole_after(&scratch, &exported, point);
        scratch.run(&look);
        assert_same(&everything(&scratch, &remote), &expected, &format!("killed at point {point}"));
        back();
        point += step;
    }
    assert!(point > 60, "only {point} points were met");
    assert_same(&everything(&scratch, &remote), &expected, "undisturbed at last");
    assert_whole(&scratch, &exported, point);
}

fn killed_on_the_way_back_no_row_is_lost(backend: Backend) {
    let (scratch, remote) = paid(backend, 3);
    let exported = exports(&scratch);
    let before = everything(&scratch, &remote);
    scratch.run(&LOOK);
    let restore = ["retention", "restore", "--day", "2026-01-02"];
    let step = if backend == Backend::Sqlite { 1 } else { 7 };
    let mut point = 1;
    while killed(&scratch, &restore, point) {
        assert_whole_after(&scratch, &exported, point);
        // The move goes on, and takes back what had come back.
        scratch.run(&LOOK);
        assert_whole_after(&scratch, &exported, point);
        point += step;
    }
    assert!(point > 25, "only {point} points were met");
    scratch.run(&["retention", "restore", "--day", "2026-01-01"]);
    for day in ["2026-01-01", "2026-01-02"] {
        scratch.run(&["retention", "restore", "--day", day, "--rows", "transfers"]);
    }
    assert_same(&everything(&scratch, &remote), &before, "all is back");
}

/// Two at once would write one file: the second is kept out, and says so.
#[test]
fn one_process_moves_at_a_time() {
    let (scratch, _) = paid(Backend::Sqlite, 3);
    fs::create_dir(scratch.path("archive")).unwrap();
    let held = fs::File::create(scratch.path("archive/lock")).unwrap();
    held.lock().unwrap();
    let output = scratch.rewardd(&LOOK).output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", shown(&output, &[]));
    assert!(shown(&output, &[]).contains("another process is moving rows to archive"));
    drop(held);
    scratch.run(&LOOK);
    assert!(archive(&scratch, "reward_list_hourly", "2026-01-02").exists(), "at {NOW}");
}

/// A file that a killed process has left may be the only one with some of its rows, if that process had a stale look: it
/// stays as it is beside the new one. The same rows again have the same name, and are no second file.
#[test]
fn a_finished_file_that_is_not_named_stays_whole() {
    let (scratch, _) = paid(Backend::Sqlite, 3);
    let exported = exports(&scratch);
    scratch.run(&LOOK);
    let of_three = archive(&scratch, "reward_list_hourly", "2026-01-01");
    let bytes = fs::read(&of_three).unwrap();
    scratch.run(&["retention", "restore", "--day", "2026-01-01"]);
    let part = of_three.with_extension("parquetXYZ.part");
    fs::write(&part, "less").unwrap();
    scratch.run(&LOOK);
    assert_eq!(archive(&scratch, "reward_list_hourly", "2026-01-01"), of_three);
    assert!(!part.exists());
    assert_whole(&scratch, &exported, 0);

    // As one that holds other rows of the day.
    scratch.run(&["retention", "restore", "--day", "2026-01-01"]);
    let of_other_rows = of_three.with_file_name("2026-01-01.0123456789abcdef.parquet");
    fs::rename(&of_three, &of_other_rows).unwrap();
    let old = of_three.with_file_name("2026-01-01.parquet");
    fs::copy(&of_other_rows, &old).unwrap();
    scratch.run(&LOOK);
    assert!([&of_three, &of_other_rows, &old].iter().all(|file| fs::read(file).unwrap() == bytes));
    assert_whole(&scratch, &exported, 0);

    // One of the name that the day's file is to have, with other bytes: it stays too, and so does the day.
    scratch.run(&["retention", "restore", "--day", "2026-01-01"]);
    fs::write(&of_three, "half of it").unwrap();
    let output = scratch.rewardd(&LOOK).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", shown(&output, &[]));
    assert!(shown(&output, &[]).contains("holds something else; move it away"));
    assert_eq!(fs::read(&of_three).unwrap(), b"half of it");
    fs::remove_file(&of_three).unwrap();
    scratch.run(&LOOK);
    assert_whole(&scratch, &exported, 0);
}
