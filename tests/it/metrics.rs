//! Metrics and health as Prometheus and a load balancer see them: over HTTP, of the real daemon.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use rewardd::rewards::money::Units;
use rewardd::web::{HEADER_PATIENCE, MAX_CONNECTIONS, MAX_HEADER_BYTES};
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::process::{AT_ONCE, DUE, Programme, clock, machine_time, until, until_true};
use crate::on_every_backend;
use crate::support::http::{ask, connect, get, until_closed};
use crate::support::proxy::{Proxy, address};
use crate::support::server::{Kind, Server};
use crate::support::{Backend, shown};

mod deploy;

/// Any port will do.
const LISTEN: (&str, &str) = ("REWARDD__HTTP__LISTEN", "127.0.0.1:0");

/// What a scrape shows: the series, with their labels, and their values.
pub struct Scraped(pub BTreeMap<String, String>);

impl Scraped {
    pub fn of(address: SocketAddr) -> Self {
        let answer = get(address, "/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        let series = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.to_owned())
        };
        Self(lines.map(series).collect())
    }

    pub fn text(&self, series: &str) -> &str {
        self.0.get(series).unwrap_or_else(|| panic!("no {series} among {:#?}", self.0.keys()))
    }

    pub fn count(&self, series: &str) -> u64 {
        self.text(series).parse().unwrap_or_else(|_| panic!("{series} is {}", self.text(series)))
    }

    /// The name of each series with its labels; the rules' version is not known from the start.
    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| !name.starts_with("rewardd_build_info")).collect()
    }
}

/// Waits until a scrape is as a test wants it.
fn until_scraped(address: SocketAddr, what: &str, reached: impl Fn(&Scraped) -> bool) -> Scraped {
    until(what, || Some(Scraped::of(address)).filter(|scraped| reached(scraped)))
}

/// The checks of `/readyz`, and whether all of them are well.
fn readiness(address: SocketAddr) -> (u16, Value) {
    let answer = get(address, "/readyz");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["ready"], answer.status == 200, "{body}");
    (answer.status, body["checks"].clone())
}

fn until_ready(address: SocketAddr) -> Value {
    until("it is ready", || Some(readiness(address)).filter(|(status, _)| *status == 200)).1
}

/// The sum of a column of amounts, as the metrics show it.
fn sum(programme: &Programme, column: &str, rest: &str) -> String {
    let rows = programme.scratch.query(&format!("SELECT CAST({column} AS CHAR) FROM {rest}"));
    let amounts = rows.iter().map(|row| Units::parse(row[0].as_deref().unwrap()).unwrap());
    let sum: f64 = amounts.sum::<Units>().to_string().parse().unwrap();
    sum.to_string()
}

/// What is counted of a job is what stands in `reward_log`.
fn assert_as_logged(programme: &Programme, scraped: &Scraped, job: &str) {
    let of_job = format!("reward_log WHERE reward_type = '{job}'");
    let number = |what: &str| -> u64 {
        programme.scratch.one(&format!("SELECT CAST({what} AS CHAR) FROM {of_job}")).parse().unwrap()
    };
    let series = |name: &str| format!("rewardd_{name}{{kind=\"{job}\"}}");
    let paid = format!("rewardd_runs_total{{kind=\"{job}\",outcome=\"paid\"}}");
    assert_eq!(scraped.count(&paid), number("COUNT(*)"));
    assert_eq!(scraped.count(&series("votes_total")), number("SUM(votes)"));
    assert_eq!(scraped.count(&series("voters_total")), number("SUM(voters)"));
    for column in ["distributed", "undistributed", "market_bonus"] {
        assert_eq!(scraped.text(&series(&format!("{column}_cc_total"))), sum(programme, column, &of_job));
    }
    assert_eq!(scraped.count(&series("run_duration_seconds_count")), number("COUNT(*)"));
    for phase in ["load", "rank", "allocate", "commit"] {
        let name = format!("rewardd_run_phase_duration_seconds_count{{kind=\"{job}\",phase=\"{phase}\"}}");
        assert_eq!(scraped.count(&name), number("COUNT(*)"));
    }
    assert_eq!(scraped.count(&series("windows_due")), 0);
    assert_eq!(scraped.count(&series("windows_overdue")), 0);
}

on_every_backend!(what_is_scraped_is_what_the_tables_say,);

fn what_is_scraped_is_what_the_tables_say(backend: Backend) {
    let programme = Programme::new(backend);
    // A rate to compare that of the day's end with, so that there is a bonus.
    programme.scratch.query("INSERT INTO cc_rates VALUES ('2026-11-15 00:00:00.000000', '1.20000000')");
    let mut daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    programme.until_paid(DUE);
    let held = sum(&programme, "accumulated_daily_pool", "reward_pool_state");
    let scraped = until_scraped(address, "all is seen", |scraped| {
        scraped.text("rewardd_pool_held_cc") == held
            && scraped.text("rewardd_transfers_queued") == "0"
            && scraped.text("rewardd_transfers_total{outcome=\"delivered\"}") != "0"
            && ["transfers", "distribution"]
                .iter()
                .all(|worker| scraped.text(&format!("rewardd_busy{{worker=\"{worker}\"}}")) == "0")
    });
    for job in ["hourly", "daily"] {
        assert_as_logged(&programme, &scraped, job);
    }
    assert!(scraped.text("rewardd_market_bonus_cc_total{kind=\"daily\"}") != "0", "there is a bonus");
    let delivered = programme.count("special_transfers WHERE delivered_at IS NOT NULL") as u64;
    assert!(delivered > 0);
    assert_eq!(scraped.count("rewardd_transfers_total{outcome=\"delivered\"}"), delivered);
    let unpaid = sum(&programme, "hourly_share", "reward_settlements WHERE paid = 0");
    assert_eq!(scraped.text("rewardd_unpaid_shares_cc"), unpaid);
    let rules = programme.scratch.one("SELECT MIN(rules_version) FROM reward_runs");
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("rewardd_build_info{{rules_version=\"{rules}\",version=\"{version}\"}}");
    for (series, value) in [
        ("rewardd_conservation_difference_cc", "0"),
        ("rewardd_transfers_queued", "0"),
        ("rewardd_transfers_oldest_queued_seconds", "0"),
        ("rewardd_lease_held", "1"),
        ("rewardd_standby", "0"),
        ("rewardd_database_up", "1"),
        ("rewardd_panics_total", "0"),
        (&build, "1"),
    ] {
        assert_eq!(scraped.text(series), value, "{series}");
    }
    let state = daemon.state();
    for (series, field) in [("last_success", "last_success"), ("next_tick", "next_ticks")] {
        for job in ["hourly", "daily", "transfers"] {
            let at: chrono::DateTime<chrono::Utc> = state[field][job].as_str().unwrap().parse().unwrap();
            let shown = scraped.count(&format!("rewardd_{series}_timestamp_seconds{{kind=\"{job}\"}}"));
            assert_eq!(shown as i64, at.timestamp(), "{series} {job}");
        }
    }
    assert!(scraped.count("process_resident_memory_bytes") > 1_000_000);
    assert!(scraped.count("process_open_fds") > 3);
    assert_eq!(get(address, "/healthz").status, 200);
    let checks = until_ready(address);
    assert!(checks["lease"]["found"].as_str().unwrap().starts_with("this instance holds it"), "{checks}");

    let listen = address.to_string();
    let health = |args: &[&str]| {
        let output = programme.scratch.rewardd(args).env("REWARDD__HTTP__LISTEN", &listen).output().unwrap();
        shown(&output, &[(&listen, "ADDRESS")])
    };
    assert_eq!(health(&["health"]), "exit code 0\n--- stdout\nok\n");
    let ready = health(&["health", "--ready"]);
    assert!(ready.starts_with("exit code 0\n") && ready.contains("this instance holds it"), "{ready}");
    daemon.stop();
    let refused = health(&["health"]);
    assert!(refused.starts_with("exit code 1\n"), "{refused}");
    assert!(refused.contains("asking the daemon at http://ADDRESS/healthz: "), "{refused}");
}

/// A server that is away: the process is alive and says why it is not ready, shows every series at once, and comes back
/// by itself.
#[test]
fn health_tells_a_database_that_is_away_from_a_process_that_is() {
    let server = Server::start(Kind::MariaDb);
    let (programme, url) = (Programme::empty(Backend::Sqlite), format!("{}/rewards", server.url()));
    programme.scratch.query_at(&format!("{}/mysql", server.url()), "CREATE DATABASE rewards");
    server.kill();
    let mut daemon = programme.start("daemon", &[LISTEN, ("REWARDD__DATABASE__URL", &url)]);
    let address = daemon.address();
    daemon.until_logged("the database does not answer; it is asked again");
    assert_eq!(get(address, "/healthz").body, "ok\n");
    let (status, checks) = readiness(address);
    assert_eq!(status, 503);
    assert_eq!(checks["process"]["found"], "starting");
    let why = checks["database"]["found"].as_str().unwrap();
    assert!(why.contains("cannot open mysql://rewardd:") && !why.contains("rewardd-test"), "{why}");
    let first = Scraped::of(address);

    server.restart();
    until_ready(address);
    let then =
        until_scraped(address, "the database is up", |scraped| scraped.text("rewardd_database_up") == "1");
    assert_eq!(first.names(), then.names(), "every series is there from the start");
    assert!(first.names().len() > 100);

    server.kill();
    until_true("it is not ready", || readiness(address).0 == 503);
    let (_, checks) = readiness(address);
    assert_eq!(checks["process"]["ok"], true, "{checks}");
    assert_eq!(checks["migrations"]["found"], "not known without the database");
    assert_eq!(get(address, "/healthz").status, 200);
    assert_eq!(Scraped::of(address).text("rewardd_database_up"), "0");
    server.restart();
    until_ready(address);
    daemon.stop();
}

#[test]
fn a_bad_row_is_counted_as_failed_and_its_day_as_blocked() {
    let programme = Programme::new(Backend::Sqlite);
    // Of the second hour of the 18th.
    programme.scratch.query("UPDATE votes SET cc = '-1.00000000' WHERE id = 2");
    let mut daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    let scraped = until_scraped(address, "what waits", |scraped| {
        scraped.text("rewardd_windows_due{kind=\"daily\"}") == "1"
            && scraped.text("rewardd_busy{worker=\"distribution\"}") == "0"
            && scraped.text("rewardd_windows_due{kind=\"hourly\"}") == "1"
    });
    let runs = |kind: &str, outcome: &str| {
        scraped.count(&format!("rewardd_runs_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!((runs("hourly", "failed"), runs("hourly", "paid")), (1, 23 + 5));
    assert_eq!((runs("daily", "blocked"), runs("daily", "paid")), (1, 0));
    assert_eq!(runs("hourly", "retried"), 0, "trying again does not mend a row");
    assert_eq!(scraped.text("rewardd_last_success_timestamp_seconds{kind=\"hourly\"}"), "0");
    // It could pay: the votes are at fault.
    until_ready(address);
    daemon.stop();
}

#[test]
fn windows_past_catch_up_are_overdue_and_a_queue_has_an_age() {
    let programme = Programme::new(Backend::Sqlite);
    // Nothing takes the transfers away.
    let environment = [LISTEN, ("REWARDD__SCHEDULE__CATCH_UP", "24h"), ("REWARDD__REMOTE__URL", "")];
    let mut first = programme.start("daemon", &environment);
    let scraped = until_scraped(first.address(), "what is overdue", |scraped| {
        scraped.text("rewardd_windows_overdue{kind=\"hourly\"}") == "5"
            && scraped.text("rewardd_transfers_queued") != "0"
            && scraped.text("rewardd_busy{worker=\"distribution\"}") == "0"
    });
    assert_eq!(scraped.count("rewardd_windows_due{kind=\"hourly\"}"), 0);
    first.stop();

    // An hour and a half later by the clock.
    let later = clock("2026-11-19T07:01:00Z", 0);
    let [listen, catch_up, remote] = environment;
    let mut second = programme.start("daemon", &[listen, catch_up, remote, ("REWARDD_CLOCK", &later)]);
    let queued = sum(&programme, "cc_reward", "special_transfers");
    let scraped = until_scraped(second.address(), "the queue's age", |scraped| {
        scraped.text("rewardd_transfers_oldest_queued_seconds") == "5400"
    });
    assert!(scraped.count("rewardd_transfers_queued") > 0 && queued != "0");
    second.stop();
}

#[test]
fn a_standby_says_so_and_is_ready() {
    let programme = Programme::new(Backend::MariaDb);
    let mut first = programme.start("first", &[LISTEN]);
    programme.until_paid(DUE);
    let mut second = programme.start("second", &[LISTEN]);
    let address = second.address();
    let scraped = until_scraped(address, "the standby", |scraped| scraped.text("rewardd_standby") == "1");
    assert_eq!(scraped.text("rewardd_lease_held"), "0");
    let checks = until_ready(address);
    let holder = format!("pid {} holds it", first.child.id());
    assert!(checks["lease"]["found"].as_str().unwrap().contains(&holder), "{checks}");
    first.stop();
    until_scraped(address, "it takes over", |scraped| scraped.text("rewardd_lease_held") == "1");
    assert_eq!(Scraped::of(address).text("rewardd_standby"), "0");
    second.stop();
}

#[test]
fn a_cut_connection_is_counted_as_tried_again() {
    let programme = Programme::new(Backend::MariaDb);
    let url = programme.scratch.url.clone();
    let proxy = Proxy::start(address(&url));
    let through = proxy.url(&url);
    // In the middle of a transaction.
    let fault = ("REWARDD_FAULT", "stop@statement:20");
    let mut daemon = programme.start("daemon", &[LISTEN, ("REWARDD__DATABASE__URL", &through), fault]);
    daemon.until_halted();
    proxy.hang_up();
    daemon.signal(Signal::CONT);
    programme.until_paid(DUE);
    let scraped = Scraped::of(daemon.address());
    let retried = ["hourly", "daily"]
        .map(|kind| scraped.count(&format!("rewardd_runs_total{{kind=\"{kind}\",outcome=\"retried\"}}")));
    let retries = scraped.count("rewardd_retries_total{cause=\"connection_lost\"}");
    assert!(retries + retried.iter().sum::<u64>() >= 1, "{:#?}", scraped.0);
    daemon.stop();
}

#[test]
fn a_port_that_is_taken_stops_no_payment_and_is_taken_once_it_is_free() {
    let programme = Programme::new(Backend::Sqlite);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let listen = |address: &str| {
        let line = format!("REWARDD__HTTP__LISTEN={address}\n");
        std::fs::write(programme.scratch.path(".env"), line).unwrap();
    };
    listen(&taken.to_string());
    let mut daemon = programme.start("daemon", &[]);
    programme.until_paid(DUE);
    daemon.until_logged("http.listen cannot be bound; payments go on without metrics and health");
    assert!(daemon.said().contains("http.listen"), "{}", daemon.said());
    assert_eq!(daemon.state()["http"], Value::Null);
    drop(other);
    assert_eq!(daemon.address(), taken);
    assert_eq!(get(taken, "/healthz").status, 200);

    listen("127.0.0.1:0");
    daemon.signal(Signal::HUP);
    daemon.until_logged("[database], [http] and [process] cannot be changed while running: restart");
    assert_eq!(get(taken, "/healthz").status, 200);
    daemon.stop();
}

#[test]
fn a_hanging_client_delays_no_stop() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    programme.until_paid(DUE);
    daemon.until_doing("idle");
    let mut silent = connect(address);
    let mut half = connect(address);
    half.write_all(b"GET /metrics HTTP/1.1\r\nhost: te").unwrap();
    let mut idle = connect(address);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    // All of them are accepted: a later one is answered.
    assert_eq!(get(address, "/healthz").status, 200);
    let asked = machine_time();
    daemon.stop();
    let took = asked.elapsed();
    eprintln!("stopped with hanging clients in {took:?}");
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(until_closed(&mut silent), "");
    assert_eq!(until_closed(&mut half), "");
    assert!(until_closed(&mut idle).starts_with("HTTP/1.1 200"));
}

#[test]
fn slow_and_hostile_clients_cost_little() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    let long = "x".repeat(MAX_HEADER_BYTES);
    let many: String = (0..200).map(|number| format!("x-{number}: y\r\n")).collect();
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nhost: test\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: test\r\nx: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: test\r\n{many}\r\n"), 431),
        ("no request at all\r\n\r\n".to_owned(), 400),
        (
            "POST /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 999999999\r\n\r\n"
                .to_owned(),
            405,
        ),
    ] {
        let start = request[..20.min(request.len())].to_owned();
        assert_eq!(ask(address, &request).status, status, "{start}");
    }
    for path in ["/nothing", "/metrics/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//healthz", "/healthz/"]
    {
        assert_eq!(get(address, path).status, 404, "{path}");
    }
    // Whoever takes all places and says nothing is shown out, and the next one is served.
    let began = machine_time();
    let mut silent: Vec<_> = (0..MAX_CONNECTIONS).map(|_| connect(address)).collect();
    assert_eq!(get(address, "/healthz").status, 200);
    let took = began.elapsed();
    assert!(took < HEADER_PATIENCE * 2, "{took:?}");
    assert_eq!(until_closed(&mut silent[0]), "");
    programme.until_paid(DUE);
    daemon.stop();
}
