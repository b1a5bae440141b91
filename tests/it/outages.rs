//! The database goes away in the middle of things: connections are cut at any byte, servers are killed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::proxy::{Fault, Proxy, address};
use crate::support::server::{Kind, Server};
use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, assert_same, read_tables, shown, vectors};

/// All of the case is due.
pub const UNTIL: &str = "2026-11-20T01:00:00Z";

fn case() -> PathBuf {
    vectors().into_iter().find(|case| case.ends_with("special")).unwrap()
}

fn config(remote: &str) -> String {
    format!(
        "[programme]\nstart = \"2026-11-19\"\n[special]\npartners = [1, 4, 999]\n[remote]\nurl = {remote:?}\n[http]\n\
         listen = \"\"\n"
    )
}

/// A scratch database with the case's votes, and a remote. Both are reached through the proxy, if any.
fn prepared(backend: Backend, proxy: Option<&Proxy>) -> (Scratch, String) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    let text = |name: &str| fs::read_to_string(case().join(name)).unwrap();
    scratch.write_config(&config(&remote));
    scratch.import(&text("votes.csv"), &text("rates.csv"));
    if let Some(proxy) = proxy {
        let direct = std::mem::take(&mut scratch.url);
        scratch.url = proxy.url(&direct);
        scratch.write_config(&config(&proxy.url(&remote)));
        scratch.url = direct;
    }
    (scratch, remote)
}

/// How many cuts a test makes; REWARDD_TEST_CUTS asks for more.
fn cuts() -> u64 {
    std::env::var("REWARDD_TEST_CUTS").map_or(16, |count| count.parse().unwrap())
}

/// Pays the case through a proxy that cuts a connection once, at bytes spread over all that is said, now in what the
/// program says and now in what the server answers. A run that gave up is begun again.
fn cut_anywhere(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    let expected = read_tables(&case().join("expected"));
    // About what one run says and hears; the last cuts may come too late to meet it.
    let all_bytes = 260_000;
    let (mut healed, mut begun_again, mut cut) = (0, 0, 0);
    for number in 0..cuts() {
        let bytes = number * all_bytes / cuts();
        let direct = Scratch::new(backend).url.clone();
        let proxy = Proxy::start(address(&direct));
        let (scratch, remote) = prepared(backend, Some(&proxy));
        let fault = if number % 2 == 0 { Fault::CutAfter { bytes } } else { Fault::Truncate { bytes } };
        proxy.set(fault);
        let output = scratch.rewardd(&["once", "--as-of", UNTIL]).output().unwrap();
        cut += proxy.counts().cuts;
        proxy.set(Fault::Pass);
        if output.status.success() {
            healed += 1;
        } else {
            begun_again += 1;
            let code = output.status.code();
            assert!(code == Some(69) || code == Some(75), "{fault:?}: {}", shown(&output, &[]));
        }
        scratch.run(&["once", "--as-of", UNTIL]);
        scratch.run(&["once", "transfers", "--as-of", UNTIL]);
        assert_same(&stored(&scratch, &remote), &expected, &format!("{fault:?}"));
    }
    assert!(cut * 2 > cuts(), "most of the cuts met a connection: {cut} of {}", cuts());
    eprintln!("{backend:?}: {cut} cuts; {healed} runs healed by themselves, {begun_again} were begun again");
}

#[test]
fn a_connection_cut_at_any_byte_loses_and_doubles_nothing_on_mariadb() {
    cut_anywhere(Backend::MariaDb);
}

#[test]
fn a_connection_cut_at_any_byte_loses_and_doubles_nothing_on_mysql() {
    cut_anywhere(Backend::MySql);
}

#[test]
fn a_remote_that_swallows_everything_blocks_no_distribution() {
    let direct = Scratch::new(Backend::MariaDb).url.clone();
    let proxy = Proxy::start(address(&direct));
    let (scratch, remote) = prepared(Backend::MariaDb, None);
    scratch.write_config(&config(&proxy.url(&remote)));
    proxy.set(Fault::Stall);
    let output = scratch.rewardd(&["once", "--as-of", UNTIL]).output().unwrap();
    let said = shown(&output, &[]);
    assert!(output.status.success() && said.contains("warning: transfers stay queued"), "{said}");
    proxy.set(Fault::Pass);
    scratch.run(&["once", "transfers"]);
    assert_same(&stored(&scratch, &remote), &read_tables(&case().join("expected")), "after the stall");
}

/// The case in a new database of a server, with a remote beside it.
pub fn case_on(server: &str) -> (Scratch, String) {
    let mut scratch = Scratch::new(Backend::Sqlite);
    let root = format!("{server}/mysql");
    scratch.query_at(&root, "CREATE DATABASE rewards");
    scratch.query_at(&root, "CREATE DATABASE remote");
    let remote = format!("{server}/remote");
    scratch.query_at(
        &remote,
        "CREATE TABLE cc_hourly (partner_id BIGINT, cc_reward DECIMAL(28,8), time DATETIME(6), \
         PRIMARY KEY (partner_id, time))",
    );
    scratch.url = format!("{server}/rewards");
    scratch.write_config(&config(&remote));
    let text = |name: &str| fs::read_to_string(case().join(name)).unwrap();
    scratch.import(&text("votes.csv"), &text("rates.csv"));
    (scratch, remote)
}

/// Has two processes pay the same case at the same time, each through a server of its own for the same data.
pub fn two_payers_at_once(first: &str, second: &str) {
    let (mut scratch, remote) = case_on(first);
    let mut payers = vec![];
    // One file for both, written before either reads it.
    scratch.write_config(&config(&remote));
    for (server, logs) in [(first, "logs-1"), (second, "logs-2")] {
        scratch.url = format!("{server}/rewards");
        let mut command = scratch.rewardd(&["once", "--as-of", UNTIL]);
        command.env("REWARDD__DATABASE__URL", &scratch.url).env("REWARDD__LOGGING__DIR", scratch.path(logs));
        payers.push(command.spawn().unwrap());
    }
    for mut payer in payers {
        let code = payer.wait().unwrap().code();
        // A payer that was outrun again and again may give up; it has paid nothing twice.
        assert!(code == Some(0) || code == Some(75), "{code:?}");
    }
    scratch.run(&["once", "--as-of", UNTIL]);
    scratch.run(&["once", "transfers"]);
    assert_expected(&scratch, &remote);
    let refused = tried_again(&scratch.path("logs-1")) + tried_again(&scratch.path("logs-2"));
    eprintln!("{refused} transactions were refused and tried again");
}

/// The tables are those that the case expects.
pub fn assert_expected(scratch: &Scratch, remote: &str) {
    assert_same(&stored(scratch, remote), &read_tables(&case().join("expected")), "the case");
}

/// How often a transaction was tried again, by the only log in a folder.
pub fn tried_again(logs: &Path) -> usize {
    let log = fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    fs::read_to_string(log).unwrap().matches("transaction is tried again").count()
}

#[test]
fn two_payers_on_one_server_pay_once() {
    let server = Server::start(Kind::MariaDb);
    two_payers_at_once(server.url(), server.url());
}

/// Has a daemon on an accelerated clock pay the case's day on a server, and disturbs it each time it has made so many
/// runs. In the end the tables are those of an undisturbed day.
pub fn a_disturbed_day(server: &str, disturb: &mut [(u64, &mut dyn FnMut())]) {
    let (scratch, remote) = case_on(server);
    // An hour becomes due every two seconds.
    let anchor = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let clock = format!("{},2026-11-19T00:59:00Z,1800", anchor.to_rfc3339());
    let mut daemon = scratch.rewardd(&["run"]).env("REWARDD_CLOCK", clock).spawn().unwrap();
    for (wanted, disturbance) in disturb {
        wait_for_runs(&scratch, &mut daemon, *wanted);
        disturbance();
    }
    // All hours and the day of the case, and the first hour after it; and every transfer is through.
    wait_for_runs(&scratch, &mut daemon, 26);
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
    scratch.run(&["once", "transfers"]);
    // The daemon may have begun the next hours already; what the case expects is what counts.
    let expected = read_tables(&case().join("expected"));
    let found = stored(&scratch, &remote);
    for table in ["reward_list_hourly", "reward_list_daily", "cc_hourly"] {
        assert_eq!(found[table], expected[table], "{table}");
    }
    let log: Vec<&str> = found["reward_log"].lines().take(27).collect();
    assert_eq!(log, expected["reward_log"].lines().collect::<Vec<_>>());
}

/// Waits until so many runs have been made; a server that is away for a while is asked again.
fn wait_for_runs(scratch: &Scratch, daemon: &mut std::process::Child, wanted: u64) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(180);
    loop {
        let made = scratch.try_query("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs");
        if made.is_some_and(|rows| rows[0][0].as_deref().unwrap().parse::<u64>().unwrap() >= wanted) {
            return;
        }
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon lives on");
        assert!(std::time::Instant::now() < deadline, "{wanted} runs are made in time");
    }
}

fn server_killed(kind: Kind) {
    let server = Server::start(kind);
    let mut kill = [0, 1, 2].map(|_| {
        || {
            server.kill();
            server.restart();
        }
    });
    let [first, second, third] = &mut kill;
    a_disturbed_day(server.url(), &mut [(3, first), (9, second), (15, third)]);
}

#[test]
fn a_server_killed_under_the_daemon_loses_and_doubles_nothing_on_mariadb() {
    server_killed(Kind::MariaDb);
}

#[test]
fn a_server_killed_under_the_daemon_loses_and_doubles_nothing_on_mysql() {
    if Server::mysql_available() {
        server_killed(Kind::MySql);
    }
}
