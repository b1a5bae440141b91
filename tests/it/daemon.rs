//! The daemon as its machine knows it: a process with signals, a state file, log files, a socket of systemd.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::metrics::Scraped;
use crate::support::Backend;
use crate::support::proxy::{Fault, Proxy, address};

pub mod process;

use process::{AT_ONCE, DUE, Daemon, Programme, STANDS, Systemd, clock, machine_time, until, until_true};

fn ticks_are_paid_as_they_come(backend: Backend) {
    let programme = Programme::new(backend);
    // From noon of the 18th, four hours a second; after the 19th there is no more tick for a year.
    programme.configure("[schedule]\nhourly = \"0 30 * 18,19 11 *\"\ndaily = \"35 0 0 19 11 *\"\n");
    let clock = clock("2026-11-18T20:00:00Z", 14_400);
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &clock)]);
    // 24 hours and the day of the 18th; of the 19th 23 hours have ended by the tick at half past eleven at night.
    programme.until_paid(24 + 1 + 23);
    let state = daemon.until_state("no tick this year", |state| {
        state["next_ticks"]["hourly"].as_str().is_some_and(|next| next.starts_with("2027-11-18"))
    });
    assert!(state["last_success"]["daily"].is_string(), "{state}");
    daemon.stop();
    assert_eq!(state["last_error"], Value::Null, "{state}");
    programme.assert_as_paid_at_once("2026-11-19T23:30:00Z");
}

#[test]
fn ticks_are_paid_as_they_come_on_sqlite() {
    ticks_are_paid_as_they_come(Backend::Sqlite);
}

#[test]
fn ticks_are_paid_as_they_come_on_mariadb() {
    ticks_are_paid_as_they_come(Backend::MariaDb);
}

#[test]
fn at_rest_it_stops_at_once_and_in_good_order() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    daemon.until_doing("idle");
    let asked = machine_time();
    daemon.stop();
    let took = asked.elapsed();
    eprintln!("stopped at rest in {took:?}");
    assert!(took < AT_ONCE, "{took:?}");
    let log = daemon.log();
    let last = log.lines().last().unwrap();
    assert!(last.ends_with(": stopped"), "{last}");
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

/// Halts a run in its third window, asks it to stop, and starts it again.
fn stopped_in_the_middle(signal: Signal) {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[("REWARDD_FAULT", "stop@loaded:3")]);
    daemon.until_halted();
    assert_eq!(daemon.state()["activity"]["state"], "running");
    assert_eq!(programme.runs(), 2);
    daemon.signal(signal);
    daemon.signal(Signal::CONT);
    assert_eq!(daemon.exit(), 0, "{}", daemon.said());
    assert_eq!(daemon.state()["activity"]["state"], "stopped");
    let paid = programme.runs();
    assert!((3..DUE).contains(&paid), "the window that was begun is paid, and not all that is due: {paid}");
    programme.assert_nothing_half_done();

    let mut again = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    again.stop();
    assert!(!again.log().contains("died"), "it had stopped in good order");
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

#[test]
fn sigterm_in_a_long_run_ends_it_after_the_window() {
    stopped_in_the_middle(Signal::TERM);
}

#[test]
fn sigint_does_the_same() {
    stopped_in_the_middle(Signal::INT);
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[("REWARDD_FAULT", "stop@loaded:3")]);
    daemon.until_halted();
    let held = programme.hold();
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::CONT);
    daemon.until_doing("stopping");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.exit(), 130);
    held.let_go();
    assert_eq!(programme.runs(), 2);
    programme.assert_nothing_half_done();

    let mut again = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    again.stop();
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

fn past_the_grace_the_window_is_rolled_back(backend: Backend) {
    let programme = Programme::new(backend);
    let environment = [("REWARDD__PROCESS__SHUTDOWN_GRACE", "0s")];
    let halting = [environment[0], ("REWARDD_FAULT", "stop@loaded:3")];
    let mut daemon = programme.start("daemon", &halting);
    daemon.until_halted();
    let held = programme.hold();
    daemon.signal(Signal::CONT);
    if backend == Backend::MariaDb {
        // The third window is loaded already, and is paid; the fourth waits for its votes.
        daemon.until_state("the fourth window", |state| {
            state["activity"]["window"].as_str().is_some_and(|window| window.starts_with("hour 3 "))
        });
    }
    daemon.signal(Signal::TERM);
    daemon.until_logged("is rolled back");
    held.let_go();
    assert_eq!(daemon.exit(), 0, "{}", daemon.said());
    assert_eq!(daemon.state()["activity"]["state"], "stopped");
    assert_eq!(programme.runs(), if backend == Backend::MariaDb { 3 } else { 2 });
    programme.assert_nothing_half_done();

    let mut again = programme.start("daemon", &environment);
    programme.until_paid(DUE);
    again.stop();
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

#[test]
fn past_the_grace_the_window_is_rolled_back_on_sqlite() {
    past_the_grace_the_window_is_rolled_back(Backend::Sqlite);
}

#[test]
fn past_the_grace_the_window_is_rolled_back_on_mariadb() {
    past_the_grace_the_window_is_rolled_back(Backend::MariaDb);
}

#[test]
fn a_second_daemon_is_refused_and_a_killed_one_is_succeeded() {
    let programme = Programme::new(Backend::Sqlite);
    let mut first = programme.start("daemon", &[("REWARDD_FAULT", "stop@loaded:3")]);
    first.until_halted();
    let pid = first.child.id();

    let refused = {
        let mut command = programme.scratch.rewardd(&["run"]);
        command.env("REWARDD__PROCESS__STATE_FILE", &first.state_file).output().unwrap()
    };
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(73), "{said}");
    assert!(said.contains(&format!("pid {pid} ")) && said.contains("already works with"), "{said}");

    first.signal(Signal::KILL);
    until("it is gone", || first.child.try_wait().unwrap());
    let mut second = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    let log = second.log();
    let healed = log.lines().find(|line| line.contains("died without stopping")).unwrap_or_else(|| {
        panic!("nothing says what was running: {log}");
    });
    assert!(healed.contains("WARN") && healed.contains(&format!("pid {pid} ")), "{healed}");
    assert!(healed.contains("hour 2 of 2026-11-18"), "{healed}");
    assert!(log.contains("the lease is ours"), "the dead one's lease is taken at once");
    second.stop();
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

/// Two daemons on one database. The second one's clock is three hours on, so it has something to pay when it takes over.
fn a_standby_takes_over(lease: &str, end: impl FnOnce(&mut Daemon)) -> Duration {
    let programme = Programme::new(Backend::MariaDb);
    let lease = ("REWARDD__PROCESS__LEASE", lease);
    let mut first = programme.start("first", &[lease]);
    programme.until_paid(DUE);
    let later = clock("2026-11-19T08:31:00Z", 0);
    let mut second = programme.start("second", &[lease, ("REWARDD_CLOCK", &later)]);
    second
        .until_state("on standby", |state| state["standby"] == true && state["activity"]["state"] == "idle");
    second.until_logged("standby: another instance holds the lease");
    assert_eq!(first.state()["standby"], false);
    assert_eq!(programme.runs(), DUE, "the standby pays nothing");
    let ended = machine_time();
    end(&mut first);
    second.until_state("it takes over", |state| state["standby"] == false);
    let took = ended.elapsed();
    programme.until_paid(DUE + 3);
    second.stop();
    programme.assert_as_paid_at_once("2026-11-19T08:30:00Z");
    took
}

#[test]
fn a_standby_takes_over_at_once_from_one_that_stops() {
    let took = a_standby_takes_over("25s", Daemon::stop);
    eprintln!("taken over after a stop in {took:?}");
    assert!(took < AT_ONCE, "it does not wait for the lease to run out: {took:?}");
}

#[test]
fn a_standby_takes_over_within_the_lease_from_one_that_dies() {
    let took = a_standby_takes_over("2s", |first| first.signal(Signal::KILL));
    eprintln!("taken over after a kill in {took:?}");
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn one_that_slept_in_a_run_is_kept_out_and_stands_by() {
    let programme = Programme::new(Backend::MariaDb);
    let lease = ("REWARDD__PROCESS__LEASE", "2s");
    let mut sleeper = programme.start("sleeper", &[lease, ("REWARDD_FAULT", "stop@loaded:3")]);
    sleeper.until_halted();
    let mut other = programme.start("other", &[lease]);
    programme.until_paid(DUE);
    sleeper.signal(Signal::CONT);
    sleeper.until_state("on standby", |state| state["standby"] == true);
    sleeper.until_logged("the lease was taken over by another instance");
    sleeper.stop();
    assert_eq!(other.state()["standby"], false, "a standby that stops takes nothing along");
    other.stop();
    programme.assert_nothing_half_done();
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

#[test]
fn sighup_takes_a_good_configuration_and_refuses_a_bad_one() {
    let programme = Programme::new(Backend::Sqlite);
    let clock = clock(STANDS, 3600);
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &clock)]);
    let next = |minute: &'static str| {
        move |state: &Value| {
            state["next_ticks"]["hourly"].as_str().is_some_and(|next| next[14..16] == *minute)
        }
    };
    daemon.until_state("ticks at half past", next("30"));

    let refused = [
        ("[schedule]\nhourly = \"whenever\"\n", "schedule.hourly"),
        ("[unknown]\nkey = 1\n", "there is no such section"),
        ("[database]\nmax_connections = 3\n", "is not TOML"),
    ];
    for (more, why) in refused {
        programme.configure(more);
        daemon.signal(Signal::HUP);
        daemon.until_logged(why);
    }
    fs::write(programme.scratch.path(".env"), "REWARDD__PROCESS__LEASE=7s\n").unwrap();
    programme.configure("");
    daemon.signal(Signal::HUP);
    daemon.until_logged("[database], [http] and [process] cannot be changed while running: restart");
    assert_eq!(daemon.log().matches("the new configuration is refused; the old one stays").count(), 4);
    assert!(next("30")(&daemon.state()), "the old schedule stays");
    assert!(!daemon.log().contains("DEBUG"));

    fs::write(programme.scratch.path(".env"), "REWARDD__LOGGING__LEVEL=debug\n").unwrap();
    programme.configure("[schedule]\nhourly = \"0 45 * * * *\"\n");
    daemon.signal(Signal::HUP);
    daemon.until_logged("the configuration was read again");
    daemon.until_state("ticks at a quarter to", next("45"));
    daemon.until_logged("votes partner_id=");
    daemon.stop();
}

#[test]
fn sighup_opens_the_log_files_again_and_sigusr1_writes_the_status() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    daemon.until_doing("idle");
    let [file] = &daemon.log_files()[..] else { panic!("one log file") };
    let moved = programme.scratch.path("moved.log");
    fs::rename(file, &moved).unwrap();
    daemon.signal(Signal::HUP);
    daemon.until_logged("the configuration was read again");
    let before = fs::read_to_string(&moved).unwrap();
    daemon.signal(Signal::USR1);
    daemon.until_logged(" status activity=Idle standby=false");
    let status = daemon.log().lines().find(|line| line.contains(" status ")).unwrap().to_owned();
    assert!(status.contains("next_ticks=") && status.contains("last_success="), "{status}");
    assert_eq!(fs::read_to_string(&moved).unwrap(), before, "nothing goes into the old file any more");
    daemon.stop();
}

#[test]
fn neither_state_file_nor_logs_stop_payments() {
    let programme = Programme::new(Backend::Sqlite);
    let state_folder = programme.scratch.path("state");
    fs::create_dir(&state_folder).unwrap();
    let config_file = programme.scratch.path("config.toml");
    let below_a_file = config_file.join("logs");
    let mut daemon = programme.start(
        "daemon",
        &[
            ("REWARDD__PROCESS__STATE_FILE", state_folder.to_str().unwrap()),
            ("REWARDD__LOGGING__DIR", below_a_file.to_str().unwrap()),
        ],
    );
    programme.until_paid(DUE);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.exit(), 0);
    let said = daemon.said();
    assert!(said.contains("warning: no log files can be written into"), "{said}");
    assert_eq!(
        said.matches("the state file cannot be written; payments go on without it").count(),
        1,
        "{said}"
    );
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");
}

#[test]
fn old_log_files_are_removed_and_json_lines_name_job_and_run() {
    let programme = Programme::new(Backend::Sqlite);
    let folder = programme.scratch.path("daemon-logs");
    fs::create_dir(&folder).unwrap();
    for day in 1..=6 {
        fs::write(folder.join(format!("rewardd.2026-01-0{day}.log")), "").unwrap();
    }
    fs::write(folder.join("of-somebody-else.txt"), "").unwrap();
    let mut daemon =
        programme.start("daemon", &[("REWARDD__LOGGING__KEEP", "3"), ("REWARDD__LOGGING__FORMAT", "json")]);
    programme.until_paid(DUE);
    daemon.stop();
    let kept = daemon.log_files().iter().filter(|file| name_starts(file, "rewardd.")).count();
    assert_eq!(kept, 3, "{:?}", daemon.log_files());
    assert!(folder.join("of-somebody-else.txt").exists());

    let log = daemon.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let paid: Vec<&Value> = lines.iter().filter(|line| line["fields"]["message"] == "paid").collect();
    assert_eq!(paid.len(), DUE);
    for line in paid {
        let (job, id) = (line["span"]["job"].as_str().unwrap(), line["span"]["id"].as_str().unwrap());
        assert!(["hourly", "daily"].contains(&job), "{line}");
        assert!(id.ends_with(":00:00.000000Z") && line["fields"]["window"].as_str().unwrap().contains(id));
    }
}

#[test]
fn a_window_whose_plan_panics_stands_alone_and_is_tried_again() {
    let programme = Programme::new(Backend::Sqlite);
    programme.scratch.run(&["once", "hourly", "--as-of", "2026-11-18T23:30:00Z"]);
    let pool = programme.scratch.one("SELECT accumulated_daily_pool FROM reward_pool_state");
    let set_pool = |pool: &str| {
        programme.scratch.query(&format!("UPDATE reward_pool_state SET accumulated_daily_pool = '{pool}'"));
    };
    set_pool("-99999.00000000");
    programme.configure("[schedule]\ndaily = \"35 0 * * * *\"\n");
    let clock = clock("2026-11-19T00:20:00Z", 3600);
    let listen = ("REWARDD__HTTP__LISTEN", "127.0.0.1:0");
    let mut daemon = programme.start("daemon", &[listen, ("REWARDD_CLOCK", &clock)]);
    daemon.until_logged("making the plan has failed");
    assert!(Scraped::of(daemon.address()).count("rewardd_panics_total") >= 1);
    daemon
        .until_state("what waits, and why", |state| state["waiting"].to_string().contains("day 2026-11-18"));
    assert_eq!(programme.runs(), 23);
    set_pool(&pool);
    until_true("the day is paid", || programme.count("reward_runs WHERE reward_type = 'daily'") == 1);
    daemon.stop();
    programme.assert_nothing_half_done();
}

fn name_starts(file: &Path, start: &str) -> bool {
    file.file_name().unwrap().to_str().unwrap().starts_with(start)
}

#[test]
fn it_is_ready_once_migrations_are_in() {
    let programme = Programme::empty(Backend::Sqlite);
    let path = programme.scratch.path("notify");
    let mut systemd = Systemd::listen(&path);
    let held = programme.hold();
    let mut daemon = programme.start("daemon", &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    daemon.until_logged("starting");
    assert!(!systemd.has_heard("READY=1"), "{:?}", systemd.heard());
    held.let_go();
    systemd.until_heard("READY=1");
    assert_eq!(programme.count("reward_lease"), 1, "the tables are there");
    daemon.stop();
}

#[test]
fn systemd_is_told_what_happens() {
    let programme = Programme::new(Backend::Sqlite);
    let path = programme.scratch.path("notify");
    let mut systemd = Systemd::listen(&path);
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "60000000")];
    let mut daemon = programme.start("daemon", &environment);
    systemd.until_heard("READY=1");
    systemd.until_heard("WATCHDOG=1");
    systemd.until_heard("STATUS=daily+hourly: hour 0 of 2026-11-18");
    // The socket's queue is short, and whoever sends waits for whoever listens.
    until_true("all is paid", || systemd.has_heard("STATUS=idle") && programme.runs() == DUE);
    programme.until_paid(DUE);

    systemd.heard.clear();
    daemon.signal(Signal::HUP);
    systemd.until_heard("RELOADING=1");
    systemd.until_heard("READY=1");
    let heard = systemd.heard().to_vec();
    let position = |start: &str| heard.iter().position(|line| line.starts_with(start));
    assert!(position("RELOADING=1") < position("READY=1"), "{heard:?}");
    assert!(position("MONOTONIC_USEC=").is_some(), "as Type=notify-reload wants it: {heard:?}");

    systemd.heard.clear();
    daemon.stop();
    let heard = systemd.heard();
    assert!(heard.contains(&"STOPPING=1".to_owned()), "{heard:?}");
    assert_eq!(heard.last().unwrap(), "STATUS=stopped");
}

#[test]
fn it_waits_for_a_database_that_does_not_answer_and_tells_no_secret() {
    let programme = Programme::new(Backend::MariaDb);
    let url = programme.scratch.url.clone();
    let proxy = Proxy::start(address(&url));
    proxy.set(Fault::Refuse);
    let through = proxy.url(&url);
    let environment = [("REWARDD__DATABASE__URL", through.as_str()), ("REWARDD__LOGGING__LEVEL", "trace")];
    let mut daemon = programme.start("daemon", &environment);
    proxy.wait_until(|counts| counts.connections >= 2);
    daemon.until_logged("the database does not answer; it is asked again");
    assert_eq!(daemon.state()["activity"]["state"], "starting");
    proxy.set(Fault::Pass);
    programme.until_paid(DUE);
    daemon.stop();
    programme.assert_as_paid_at_once("2026-11-19T05:30:00Z");

    let password = url.split_once("://").unwrap().1.split_once(':').unwrap().1.split_once('@').unwrap().0;
    assert!(password.len() > 3);
    let state = fs::read_to_string(&daemon.state_file).unwrap();
    for (place, text) in [("log", daemon.log()), ("standard error", daemon.said()), ("state file", state)] {
        assert!(!text.is_empty() && !text.contains(password), "the password is in the {place}");
    }

    // Asked to stop while it waits, it does.
    proxy.set(Fault::Refuse);
    let seen = proxy.counts().connections;
    let mut waiting = programme.start("waiting", &environment);
    proxy.wait_until(|counts| counts.connections > seen);
    waiting.stop();
}
