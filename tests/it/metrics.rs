//! Metrics and health as Prometheus and a load balancer see them: over HTTP, of the real daemon.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use rewardd::config::DatabaseUrl;
use rewardd::rewards::money::Units;
use rewardd::web::{HEADER_PATIENCE, MAX_CONNECTIONS, MAX_HEADER_BYTES};
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::process::{DUE, Daemon, Programme, machine_time, until, until_true};
use crate::on_every_backend;
use crate::support::Backend;
use crate::support::http::{ask, connect, get, until_closed};
use crate::support::proxy::{Fault, Proxy, address};
use crate::support::server::{Kind, Server};

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

/// The sum of a column of amounts, as the metrics show it.
fn sum(programme: &Programme, column: &str, rest: &str) -> String {
    let rows = programme.scratch.query(&format!("SELECT CAST({column} AS CHAR) FROM {rest}"));
    let amounts = rows.iter().map(|row| Units::parse(row[0].as_deref().unwrap()).unwrap());
    let sum: f64 = amounts.sum::<Units>().to_string().parse().unwrap();
    sum.to_string()
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
    let scraped = until_scraped(address, "the pools", |scraped| {
        scraped.text("rewardd_pool_held_cc") == held
            && scraped.text("rewardd_busy{worker=\"transfers\"}") == "0"
    });
    for job in ["hourly", "daily"] {
        let of_job = format!("reward_log WHERE reward_type = '{job}'");
        let number = |what: &str| -> u64 {
            programme.scratch.one(&format!("SELECT CAST({what} AS CHAR) FROM {of_job}")).parse().unwrap()
        };
        let series = |name: &str| format!("rewardd_{name}{{job=\"{job}\"}}");
        let paid = format!("rewardd_runs_total{{job=\"{job}\",outcome=\"paid\"}}");
        assert_eq!(scraped.count(&paid), number("COUNT(*)"));
        assert_eq!(scraped.count(&series("votes_total")), number("SUM(votes)"));
        assert_eq!(scraped.count(&series("voters_total")), number("SUM(voters)"));
        for column in ["distributed", "undistributed", "market_bonus"] {
            assert_eq!(
                scraped.text(&series(&format!("{column}_cc_total"))),
                sum(&programme, column, &of_job)
            );
        }
        assert_eq!(scraped.count(&series("run_duration_seconds_count")), number("COUNT(*)"));
        for phase in ["load", "rank", "allocate", "commit"] {
            let name = format!("rewardd_run_phase_duration_seconds_count{{job=\"{job}\",phase=\"{phase}\"}}");
            assert_eq!(scraped.count(&name), number("COUNT(*)"));
        }
        assert_eq!(scraped.count(&series("windows_due")), 0);
        assert_eq!(scraped.count(&series("windows_overdue")), 0);
    }
    assert!(scraped.text("rewardd_market_bonus_cc_total{job=\"daily\"}") != "0", "there is a bonus");
    let delivered = programme.count("special_transfers WHERE delivered_at IS NOT NULL") as u64;
    assert!(delivered > 0);
    assert_eq!(scraped.count("rewardd_transfers_total{outcome=\"delivered\"}"), delivered);
    let unpaid = sum(&programme, "hourly_share", "reward_settlements WHERE paid = 0");
    assert_eq!(scraped.text("rewardd_hours_held_cc"), unpaid);
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
            let shown = scraped.count(&format!("rewardd_{series}_timestamp_seconds{{job=\"{job}\"}}"));
            assert_eq!(shown as i64, at.timestamp(), "{series} {job}");
        }
    }
    assert!(scraped.count("process_resident_memory_bytes") > 1_000_000);
    assert!(scraped.count("process_open_fds") > 3);
    assert_eq!(get(address, "/healthz").status, 200);
    let (status, checks) = readiness(address);
    assert_eq!(status, 200, "{checks}");
    assert!(checks["lease"]["found"].as_str().unwrap().starts_with("this instance holds it"), "{checks}");
    daemon.stop();
}
