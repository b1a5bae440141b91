//! `status` tells how things stand, whatever of daemon and database is there, and changes nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;
use rewardd::rewards::window::{Instant, show};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::process::{DUE, Daemon, Programme, STANDS, clock, until_true};
use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown};

/// A command beside the state file of a name, at an instant that stands still.
fn status(scratch: &Scratch, name: &str, at: &str, args: &[&str]) -> Command {
    let mut command = scratch.rewardd(&[&["status"], args].concat());
    command
        .env("REWARDD_CLOCK", clock(at, 0))
        .env("REWARDD__PROCESS__STATE_FILE", scratch.path(&format!("{name}.json")));
    command
}

fn look(scratch: &Scratch, at: &str) -> Output {
    status(scratch, "daemon", at, &[]).output().unwrap()
}

fn told(scratch: &Scratch, name: &str, at: &str) -> Value {
    let output = status(scratch, name, at, &["--json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output, &[])))
}

/// What a state file says of its process, which differs each time.
fn own_words(state_file: &Path) -> Vec<(String, String)> {
    let Ok(text) = fs::read_to_string(state_file) else { return vec![] };
    let state: Value = serde_json::from_str(&text).unwrap();
    let written: Instant = state_file.metadata().unwrap().modified().unwrap().into();
    let (pid, host) = (&state["pid"], state["host"].as_str().unwrap());
    vec![
        (show(written), "WRITTEN".to_owned()),
        (format!("{host} pid {pid}"), "HOST pid PID".to_owned()),
        (format!("pid {pid} on {host}"), "pid PID on HOST".to_owned()),
        (format!("\"pid\": {pid}"), "\"pid\": \"PID\"".to_owned()),
        (format!("\"host\": \"{host}\""), "\"host\": \"HOST\"".to_owned()),
    ]
}

fn says(output: &Output, state_file: &Path) -> String {
    let words = own_words(state_file);
    let replace: Vec<(&str, &str)> = words.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    shown(output, &replace)
}

fn until_all_is_said(daemon: &Daemon) {
    daemon.until_state("idle, and every job done once", |state| {
        state["activity"]["state"] == "idle"
            && ["hourly", "daily", "transfers"].iter().all(|job| state["last_success"][*job].is_string())
    });
}

fn paid(backend: Backend) -> (Programme, Daemon) {
    let programme = Programme::new(backend);
    let daemon = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    until_all_is_said(&daemon);
    (programme, daemon)
}

on_every_backend!(a_daemon_is_told_while_it_runs_and_after, troubles_are_told_one_by_one);

fn a_daemon_is_told_while_it_runs_and_after(backend: Backend) {
    let (programme, mut daemon) = paid(backend);
    let scratch = &programme.scratch;
    assert_snapshot!("running", says(&look(scratch, STANDS), &daemon.state_file));
    let json = status(scratch, "daemon", STANDS, &["--json"]).output().unwrap();
    assert_snapshot!("running_json", says(&json, &daemon.state_file));
    // An hour that no tick has come for is no trouble.
    let due = told(scratch, "daemon", "2026-11-19T06:10:00Z");
    assert_eq!(due["well"], true, "{due}");
    assert_eq!(due["database"]["programme"]["due"][0]["state"], "next_tick");

    daemon.stop();
    let renewals = "SELECT CAST(renewals AS CHAR) FROM reward_lease";
    let before = scratch.one(renewals);
    assert_snapshot!("stopped", says(&look(scratch, STANDS), &daemon.state_file));
    assert_snapshot!("stopped_and_late", says(&look(scratch, "2026-11-19T07:40:00Z"), &daemon.state_file));
    assert_eq!(scratch.one(renewals), before, "nothing was written");

    let mut killed = programme.start("daemon", &[]);
    until_all_is_said(&killed);
    killed.signal(Signal::KILL);
    let _ = killed.child.wait();
    let output = look(scratch, STANDS);
    assert_eq!(output.status.code(), Some(3));
    assert_snapshot!("died", says(&output, &killed.state_file));
}

fn troubles_are_told_one_by_one(backend: Backend) {
    let (programme, mut daemon) = paid(backend);
    daemon.stop();
    let scratch = &programme.scratch;
    let problems = |expected: i32, at: &str| {
        let output = look(scratch, at);
        assert_eq!(output.status.code(), Some(expected), "{}", shown(&output, &[]));
        told(scratch, "daemon", at)["problems"].as_array().unwrap().len()
    };
    assert_eq!(problems(0, STANDS), 0);
    // Rules that are not recorded yet are told, and are no trouble.
    programme.configure("[rules.pool]\nhourly_share = \"0.5\"");
    let differ = told(scratch, "daemon", STANDS);
    assert!(differ["well"] == true && differ["database"]["rules"]["differ"] == true, "{differ}");
    assert_snapshot!("other_rules", says(&look(scratch, STANDS), &daemon.state_file));
    programme.configure("");

    scratch.query(
        "UPDATE special_transfers SET delivered_at = NULL, next_attempt_at = '2026-11-19 06:00:00.000000', \
         attempts = 2, last_error = 'the remote holds 1 where 2 is due'",
    );
    assert_eq!(problems(3, STANDS), 1);
    assert_snapshot!("failing_transfer", says(&look(scratch, STANDS), &daemon.state_file));
    scratch.query("UPDATE special_transfers SET next_attempt_at = NULL");
    assert_eq!(problems(0, STANDS), 0);

    // Of 80 hours, those that ended 72 or more ago wait for an operator, the others for a daemon.
    let late = "2026-11-22T14:00:00Z";
    assert_eq!(problems(3, late), 2);
    let far = told(scratch, "daemon", late);
    let past = &far["database"]["programme"]["past_catch_up"];
    assert_eq!(
        (past["count"].as_u64(), past["last"]["time"].as_str()),
        (Some(8), Some("2026-11-19T12:00:00.000000Z"))
    );

    let books = |amount: &str| {
        scratch.query(&format!("UPDATE reward_programme SET contributed = '{amount}'"));
    };
    let contributed = scratch.one("SELECT CAST(contributed AS CHAR) FROM reward_programme");
    books("1.00000000");
    assert_eq!(problems(70, STANDS), 1);
    books(&contributed);

    // The lease is another's, who does not renew it.
    scratch.query("UPDATE reward_lease SET holder = 'elsewhere pid 7'");
    let mut silent = status(scratch, "daemon", STANDS, &["--json"]);
    let silent = silent.env("REWARDD__PROCESS__LEASE", "1s").output().unwrap();
    assert_eq!(silent.status.code(), Some(3));
    let silent: Value = serde_json::from_slice(&silent.stdout).unwrap();
    assert_eq!(silent["database"]["lease"]["held"], "silent", "{silent}");
}

#[test]
fn a_window_that_fails_is_told_with_its_reason() {
    let programme = Programme::new(Backend::Sqlite);
    let scratch = &programme.scratch;
    scratch.query("UPDATE votes SET cc = '-1.00000000' WHERE id = 20");
    let daemon = programme.start("daemon", &[]);
    daemon.until_state("the day waits", |state| {
        state["activity"]["state"] == "idle" && !state["waiting"].as_array().unwrap().is_empty()
    });
    until_true("what was paid is delivered", || {
        programme.count("special_transfers WHERE delivered_at IS NULL") == 0
    });
    let output = look(scratch, STANDS);
    assert_snapshot!("failed", says(&output, &daemon.state_file));
    let told = told(scratch, "daemon", STANDS);
    assert_eq!(told["daemon"]["failure"]["job"], "hourly", "{told}");
}

#[test]
fn beside_a_standby_the_holder_is_seen_to_renew() {
    let lease = ("REWARDD__PROCESS__LEASE", "2s");
    let programme = Programme::new(Backend::Sqlite);
    let mut first = programme.start("first", &[lease]);
    programme.until_paid(DUE);
    let mut second = programme.start("second", &[lease]);
    second.until_state("standby", |state| state["standby"] == true);
    let mut command = status(&programme.scratch, "second", STANDS, &[]);
    let output = command.env(lease.0, lease.1).output().unwrap();
    let words = own_words(&first.state_file);
    let holder = &words[1].0;
    let text = shown(&output, &[(holder, "FIRST")]);
    assert!(text.contains("held by FIRST, who renews it") && text.contains("standing by: another"), "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
    first.stop();
    second.stop();
}

#[test]
fn without_a_database_the_state_file_still_speaks() {
    let (programme, mut daemon) = paid(Backend::Sqlite);
    daemon.stop();
    let mut scratch = programme.scratch;
    scratch.url = "mysql://rewardd:secret@127.0.0.1:1/rewards".to_owned();
    scratch.write_config("");
    let output = look(&scratch, STANDS);
    assert_snapshot!("unreachable", says(&output, &daemon.state_file));
    let told = told(&scratch, "daemon", STANDS);
    assert_eq!(told["database"]["state"], "unreachable");
    // And without either.
    fs::write(&daemon.state_file, "{").unwrap();
    let output = look(&scratch, STANDS);
    let dir = scratch.dir.path().display().to_string();
    assert_snapshot!("nothing_readable", shown(&output, &[(&dir, "DIR")]));
}

on_every_backend!(before_the_first_run_there_is_little_to_tell);

fn before_the_first_run_there_is_little_to_tell(backend: Backend) {
    let scratch = Scratch::new(backend);
    if backend != Backend::Sqlite {
        assert_snapshot!("not_migrated", shown(&look(&scratch, STANDS), &[]));
        assert_eq!(told(&scratch, "daemon", STANDS)["database"]["state"], "not_migrated");
    }
    scratch.run(&["migrate"]);
    assert_snapshot!("empty", shown(&look(&scratch, STANDS), &[]));
    assert_eq!(told(&scratch, "daemon", STANDS)["database"]["programme"], Value::Null);
}

#[test]
fn watching_goes_on_until_it_is_interrupted() {
    let (programme, mut daemon) = paid(Backend::Sqlite);
    daemon.stop();
    let mut command = status(&programme.scratch, "daemon", STANDS, &["--watch", "1", "--json"]);
    let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["record_version"], 1);
    }
    kill_process(Pid::from_child(&watching), Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));

    let mut command = status(&programme.scratch, "daemon", STANDS, &["--watch"]);
    let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(watching.stdout.take());
    until_true("it ends with its reader", || watching.try_wait().unwrap().is_some());
}

#[test]
fn help_and_bad_arguments() {
    let scratch = Scratch::new(Backend::Sqlite);
    assert_snapshot!("help_status", scratch.run(&["status", "--help"]));
    let output = scratch.rewardd(&["status", "--watch", "0"]).output().unwrap();
    assert_snapshot!("watch_zero", shown(&output, &[]));
}

#[test]
fn looking_at_the_lock_keeps_no_daemon_from_starting() {
    let (programme, mut daemon) = paid(Backend::Sqlite);
    daemon.stop();
    let path: PathBuf = daemon.state_file.clone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(rewardd::status::Process::read(&path));
                std::thread::yield_now();
            }
        });
        for _ in 0..3 {
            let mut again = programme.start("daemon", &[]);
            again.until_doing("idle");
            again.stop();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
