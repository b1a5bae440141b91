//! Disasters that deploy/RUNBOOK.md has a way out of: a database brought back from yesterday's backup, and what went on
//! without it meanwhile.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::daemon::process::{DUE, Programme};
use crate::on_every_backend;
use crate::support::tables::stored;
use crate::support::{Backend, Scratch, Tables, assert_same, shown, succeed};

/// A client of the servers' packages, with this user's and password's way in: by a file, as passwords are seen in
/// command lines.
fn client(scratch: &Scratch, name: &str, (user, password): (&str, &str)) -> Command {
    let (_, place) = scratch.url.split_once('@').unwrap();
    let (host, port) = place.split_once('/').unwrap().0.split_once(':').unwrap();
    let file = scratch.path("client.cnf");
    fs::write(&file, format!("[client]\nuser={user}\npassword={password}\nhost={host}\nport={port}\n"))
        .unwrap();
    let mut command = match scratch.backend {
        Backend::MariaDb => Command::new(name.replace("mysql", "mariadb").replace("dump", "-dump")),
        // Debian's of this name are MariaDB's.
        _ => of_mysql(&format!("usr/bin/{name}")),
    };
    command.arg(format!("--defaults-extra-file={}", file.display()));
    command
}

/// A program of the folder that tests/servers has made, by the loader and the libraries of that folder.
fn of_mysql(program: &str) -> Command {
    let root =
        std::env::var_os("REWARDD_MYSQL_ROOT").expect("the folder of the MySQL that these tests run on");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let libraries = fs::read_dir(root.join("usr/lib")).unwrap().map(|entry| entry.unwrap().path());
    let libraries = libraries.filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    let libraries = libraries.into_iter().next().unwrap();
    let mut files = fs::read_dir(&libraries).unwrap().map(|entry| entry.unwrap().path());
    let loader =
        files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("ld-linux")).unwrap();
    let mut command = Command::new(loader);
    command.arg("--library-path").arg(libraries).arg(root.join(program)).env("OPENSSL_CONF", "/dev/null");
    command
}

/// As the runbook says, while payments may go on.
fn backup(scratch: &Scratch) -> PathBuf {
    let file = scratch.path("backup");
    if scratch.backend == Backend::Sqlite {
        let database = scratch.path("rewards.db");
        succeed(Command::new("sqlite3").arg(database).arg(format!(".backup {}", file.display())));
        return file;
    }
    // As one who may only read, by the rights of deploy/grants/reader.sql.
    let name = scratch.database();
    let reader = name.replace("_rewards", "_b");
    scratch.query(&format!("CREATE USER '{reader}'@'%' IDENTIFIED BY 'x'"));
    scratch.query(&format!("GRANT SELECT ON {name}.* TO '{reader}'@'%'"));
    let mut dump = client(scratch, "mysqldump", (&reader, "x"));
    dump.args(["--single-transaction", "--hex-blob"]);
    if scratch.backend == Backend::MySql {
        dump.args(["--no-tablespaces", "--set-gtid-purged=OFF", "--loose-skip-masking-policies"]);
    }
    let said = dump.arg(name).stdout(File::create(&file).unwrap()).output().unwrap();
    scratch.query(&format!("DROP USER '{reader}'@'%'"));
    assert!(said.status.success() && !shown(&said, &[]).contains("denied"), "{}", shown(&said, &[]));
    file
}

/// As the runbook says, while nothing runs.
fn restore(scratch: &Scratch, backup: &Path) {
    if scratch.backend == Backend::Sqlite {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::rename(scratch.path(&format!("rewards.db{ending}")), scratch.path("lost"));
        }
        fs::copy(backup, scratch.path("rewards.db")).unwrap();
        return;
    }
    let name = scratch.database();
    let anew = format!("DROP DATABASE {name}; CREATE DATABASE {name}");
    let (user, password) = scratch.url.strip_prefix("mysql://").unwrap().split_once(':').unwrap();
    let administrator = (user, password.split_once('@').unwrap().0);
    succeed(client(scratch, "mysql", administrator).args(["-e", &anew]));
    succeed(client(scratch, "mysql", administrator).arg(name).stdin(File::open(backup).unwrap()));
}

fn run(programme: &Programme, args: &[&str]) -> Output {
    programme.scratch.rewardd(args).output().unwrap()
}

fn tables(programme: &Programme) -> Tables {
    stored(&programme.scratch, &programme.remote)
}

/// The transfers as they stand, without when they arrived.
fn transfers(programme: &Programme) -> Vec<Vec<Option<String>>> {
    programme.scratch.query(
        "SELECT CAST(partner_id AS CHAR), CAST(time AS CHAR), CAST(cc_reward AS CHAR), \
         CASE WHEN delivered_at IS NULL THEN 'waits' ELSE 'delivered' END FROM special_transfers ORDER BY time",
    )
}

const THE_END: &str = "2026-11-19T05:31:00Z";

/// Two days as a daemon pays them, look by look, with a backup and a line of the audit in between and one at the end.
fn lived(programme: &Programme) -> (PathBuf, String, String) {
    let scratch = &programme.scratch;
    scratch.run(&["once", "--as-of", "2026-11-18T12:30:00Z"]);
    let backup = backup(scratch);
    let early = scratch.run(&["audit", "checkpoint"]);
    scratch.run(&["once", "hourly", "--as-of", "2026-11-18T23:30:00Z"]);
    scratch.run(&["once", "daily", "--as-of", "2026-11-19T00:00:35Z"]);
    scratch.run(&["once", "--as-of", "2026-11-19T00:30:00Z"]);
    scratch.run(&["once", "--as-of", THE_END]);
    assert_eq!(programme.runs(), DUE);
    let late = scratch.run(&["audit", "checkpoint"]);
    (backup, early, late)
}

on_every_backend!(
    a_restored_database_is_paid_up_to_the_same_books,
    votes_that_came_meanwhile_are_told_from_what_the_remote_was_given,
    a_restored_remote_gets_again_what_it_lost,
    windows_past_catch_up_are_paid_by_hand_after_a_long_restore,
);

fn a_restored_database_is_paid_up_to_the_same_books(backend: Backend) {
    let programme = Programme::new(backend);
    let scratch = &programme.scratch;
    let (backup, early, late) = lived(&programme);
    let (before, sent) = (tables(&programme), transfers(&programme));
    assert!(!sent.is_empty());

    restore(scratch, &backup);
    assert_eq!(programme.runs(), 12, "yesterday at noon");
    let gone = run(&programme, &["audit", "check", &late]);
    assert_eq!(gone.status.code(), Some(6));
    assert!(shown(&gone, &[]).contains("is not there any more"), "{}", shown(&gone, &[]));
    let said = scratch.run(&["once", "--as-of", THE_END]);
    assert!(said.contains(" delivered, 0 failed"), "{said}");

    assert_same(&tables(&programme), &before, "paid again");
    assert_eq!(transfers(&programme), sent, "what the remote held already counts as delivered");
    // A run's record does not say when it was made: the history is the same to the last hash.
    for line in [&early, &late] {
        assert!(scratch.run(&["audit", "check", line]).contains("is the same"), "{line}");
    }
    assert_eq!(run(&programme, &["verify"]).status.code(), Some(0));
}

fn votes_that_came_meanwhile_are_told_from_what_the_remote_was_given(backend: Backend) {
    let programme = Programme::new(backend);
    let scratch = &programme.scratch;
    let (backup, early, late) = lived(&programme);
    restore(scratch, &backup);
    // A vote of an hour that was paid before the loss and is not any more; the partner's remote has the old sum.
    let hour = scratch.query_at(
        &programme.remote,
        "SELECT CAST(time AS CHAR) FROM cc_hourly WHERE time > '2026-11-18 14' ORDER BY time LIMIT 1",
    );
    let hour = hour[0][0].clone().unwrap()[..13].to_owned();
    scratch.query(&format!(
        "INSERT INTO votes (id, partner_id, vote_type, cc, ecc, voted_at) \
         VALUES (9000, 5, 'cc', '77.00000000', '1.00000000', '{hour}:59:00.000000')"
    ));
    let given = tables(&programme)["cc_hourly"].clone();
    let paid = run(&programme, &["once", "--as-of", THE_END]);
    let said = shown(&paid, &[]);
    assert!(paid.status.success() && said.contains("delivered, 1 failed"), "{said}");
    assert_eq!(tables(&programme)["cc_hourly"], given, "nothing is overwritten");

    let status = run(&programme, &["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(shown(&status, &[]).contains("the remote holds "), "{}", shown(&status, &[]));
    let check = run(&programme, &["audit", "check", &late]);
    assert_eq!(check.status.code(), Some(6));
    assert!(shown(&check, &[]).contains("the history was written anew"), "{}", shown(&check, &[]));
    assert!(run(&programme, &["audit", "check", &early]).status.success(), "up to the backup nothing is new");
    assert_eq!(
        run(&programme, &["verify"]).status.code(),
        Some(0),
        "what is stored is what the votes come to"
    );
    // The way back to a provable state: a new line, beside the old ones.
    let anew = scratch.run(&["audit", "checkpoint"]);
    assert!(run(&programme, &["audit", "check", &anew]).status.success());

    // Once the partners' own database has been put right by its owner, the transfer counts as delivered.
    let due = scratch.one("SELECT CAST(cc_reward AS CHAR) FROM special_transfers WHERE delivered_at IS NULL");
    scratch.query_at(
        &programme.remote,
        &format!("UPDATE cc_hourly SET cc_reward = '{due}' WHERE time = '{hour}:00:00.000000'"),
    );
    assert!(scratch.run(&["once", "transfers"]).contains("transfers: 1 delivered, 0 failed"));
}

fn a_restored_remote_gets_again_what_it_lost(backend: Backend) {
    let programme = Programme::new(backend);
    let scratch = &programme.scratch;
    lived(&programme);
    let (before, sent) = (tables(&programme), transfers(&programme));
    scratch.query_at(&programme.remote, "DELETE FROM cc_hourly WHERE time >= '2026-11-18 12:00:00'");
    assert_ne!(tables(&programme)["cc_hourly"], before["cc_hourly"]);
    assert!(scratch.run(&["once", "transfers"]).contains("0 delivered"), "for the daemon all has arrived");

    let requeue = ["transfers", "requeue", "--from", "2026-11-18", "--to", "2026-11-19"];
    let dry: Vec<&str> = requeue.iter().copied().chain(["--dry-run"]).collect();
    let missing = scratch.run(&dry);
    assert!(missing.contains("are missing; without --dry-run they are queued again"), "{missing}");
    assert_eq!(transfers(&programme), sent, "a dry run writes nothing");
    let queued = scratch.run(&requeue);
    let count = transfers(&programme).iter().filter(|row| row[3].as_deref() == Some("waits")).count();
    assert!(
        count > 0 && queued.contains(&format!("{count} are missing, {count} are queued again")),
        "{queued}"
    );
    assert!(scratch.run(&requeue).contains("none is missing"), "those that wait are queued already");
    let said = scratch.run(&["once", "transfers"]);
    assert!(said.contains(&format!("transfers: {count} delivered, 0 failed")), "{said}");
    assert_same(&tables(&programme), &before, "delivered again");
    assert_eq!(transfers(&programme), sent);

    scratch.query_at(
        &programme.remote,
        "UPDATE cc_hourly SET cc_reward = '0.00000001' WHERE time >= '2026-11-19'",
    );
    let other = run(&programme, &requeue);
    assert_eq!(other.status.code(), Some(5));
    assert!(shown(&other, &[]).contains("the remote holds 0.00000001 where "), "{}", shown(&other, &[]));
    assert_eq!(transfers(&programme), sent, "what is there is left to people");
    assert_eq!(
        run(&programme, &["transfers", "requeue", "--from", "2026-11-19", "--to", "2026-11-18"])
            .status
            .code(),
        Some(2)
    );
}

fn windows_past_catch_up_are_paid_by_hand_after_a_long_restore(backend: Backend) {
    let programme = Programme::new(backend);
    let scratch = &programme.scratch;
    let (backup, _, late) = lived(&programme);
    let before = tables(&programme);
    restore(scratch, &backup);
    // Days later, all of it is past catch-up.
    let later = "2026-11-23T12:00:00Z";
    let clocked = |args: &[&str]| {
        let mut command = scratch.rewardd(args);
        command.env("REWARDD_CLOCK", crate::daemon::process::clock(later, 0));
        command
    };
    let output = clocked(&["once", "--dry-run", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let overdue = report["overdue"].as_array().unwrap();
    assert!(output.status.code() == Some(3) && overdue.len() > DUE - 12, "{report}");
    for window in overdue.iter().take(DUE - 12) {
        let text = |key: &str| window[key].as_str().unwrap();
        succeed(&mut clocked(&["once", text("kind"), "--window", text("time")]));
    }
    assert!(scratch.run(&["once", "transfers"]).contains(" delivered, 0 failed"));
    assert_same(&tables(&programme), &before, "paid by hand, in the order of the report");
    assert!(scratch.run(&["audit", "check", &late]).contains("is the same"));

    // Or all at once, with a longer reach for this one look.
    restore(scratch, &backup);
    let mut far = scratch.rewardd(&["once", "--as-of", THE_END]);
    succeed(far.env("REWARDD__SCHEDULE__CATCH_UP", "30d"));
    assert_same(&tables(&programme), &before, "paid in one go");
}

/// A file of the daemon's that is lost is made anew, and takes no knowledge of payments with it.
#[test]
fn without_its_state_file_a_daemon_pays_as_before() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    daemon.stop();
    let before = tables(&programme);
    fs::remove_file(programme.scratch.path("daemon.json")).unwrap();
    let mut again = programme.start("daemon", &[]);
    again.until_doing("idle");
    again.stop();
    assert_same(&tables(&programme), &before, "nothing is paid twice");
}

/// Votes and rewards may be restored from different moments: what was paid for votes that are gone is told.
#[test]
fn votes_that_a_restore_took_away_are_told_by_verify() {
    let programme = Programme::new(Backend::Sqlite);
    lived(&programme);
    let before = tables(&programme);
    programme.scratch.query("DELETE FROM votes WHERE voted_at >= '2026-11-19 03:00:00'");
    let said = run(&programme, &["verify"]);
    assert_eq!(said.status.code(), Some(4), "{}", shown(&said, &[]));
    assert_same(&tables(&programme), &before, "what was paid stays");
}

/// A clock that runs ahead closes hours before their votes are in. Their money is not lost while the day is open, and a
/// backup from before brings everything back as it would have been.
#[test]
fn what_a_clock_that_ran_ahead_has_paid_is_told_and_can_be_taken_back() {
    let programme = Programme::new(Backend::Sqlite);
    let scratch = &programme.scratch;
    scratch.run(&["once", "--as-of", "2026-11-18T12:30:00Z"]);
    let backup = backup(scratch);
    let ahead = crate::daemon::process::clock("2026-11-18T15:30:00Z", 0);
    let late = "voted_at >= '2026-11-18 14:30:00'";
    scratch.query(&format!("CREATE TABLE to_come AS SELECT * FROM votes WHERE {late}"));
    scratch.query(&format!("DELETE FROM votes WHERE {late}"));
    succeed(scratch.rewardd(&["once"]).env("REWARDD_CLOCK", &ahead));
    scratch.query("INSERT INTO votes SELECT * FROM to_come");
    assert_eq!(run(&programme, &["verify"]).status.code(), Some(4));

    scratch.run(&["once", "--as-of", THE_END]);
    let late_cc = "SELECT late_cc FROM reward_log WHERE reward_type = 'daily'";
    assert_ne!(scratch.one(late_cc), "0.00000000", "the day was open, and its pool has their money");

    restore(scratch, &backup);
    scratch.query("DROP TABLE IF EXISTS to_come");
    scratch.run(&["once", "--as-of", THE_END]);
    assert_eq!(scratch.one(late_cc), "0.00000000");
    assert_eq!(run(&programme, &["verify"]).status.code(), Some(0));
}
