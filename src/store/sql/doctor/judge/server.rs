//! What is thought of a server.

use std::time::Duration;

use super::super::facts::{Engine, Server};
use super::super::{Finding, Uses};

/// From here on, writing a day's rewards takes long: it goes to the server and back some hundred times.
const SLOW_ROUND_TRIP: Duration = Duration::from_millis(20);

/// The largest statements are some hundred rows long.
const ENOUGH_PACKET_BYTES: u64 = 16 << 20;
const LEAST_PACKET_BYTES: u64 = 4 << 20;

pub(super) fn judge(server: &Server, uses: &Uses, key: &str) -> Vec<Finding> {
    let mut findings = vec![version(server), encryption(server, key), round_trip(server, uses)];
    findings.extend(database(server, uses, key));
    findings.push(session(server));
    if uses.writes() {
        findings.push(packet(server));
        findings.push(writable(server, key));
    }
    if uses.rewards {
        findings.push(durability(server));
        findings.extend(binary_log(server));
    }
    if server.is_galera() {
        findings.push(galera(server, key));
    }
    findings
}

fn version(server: &Server) -> Finding {
    const CHECK: &str = "version";
    // MariaDB hides behind 5.5.5 where it speaks to old replicas.
    let version = server.version.strip_prefix("5.5.5-").unwrap_or(&server.version);
    let number = version.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let release = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let (name, least) = match server.engine() {
        Engine::TiDb => {
            let found = format!("TiDB ({version})");
            return Finding::warning(CHECK, found, "rewardd is tested with MySQL and MariaDB only");
        }
        Engine::MariaDb => ("MariaDB", (10, 11)),
        Engine::MySql | Engine::Sqlite => ("MySQL", (8, 4)),
    };
    let found = format!("{name} {number}");
    if release >= least {
        return Finding::ok(CHECK, found);
    }
    let advice = format!("upgrade to {name} {}.{} or later, which rewardd is tested with", least.0, least.1);
    Finding::warning(CHECK, found, advice)
}

fn encryption(server: &Server, key: &str) -> Finding {
    const CHECK: &str = "encryption";
    let demand = format!("add ?ssl-mode=REQUIRED to {key}, better VERIFY_IDENTITY with ssl-ca=FILE");
    match (server.status("Ssl_cipher"), server.is_local, server.demands_encryption) {
        ("", true, _) => Finding::ok(CHECK, "none, the server is on this machine"),
        ("", false, _) => {
            Finding::warning(CHECK, "none: votes and rewards cross the network for all to read", demand)
        }
        (_, false, false) => {
            let found =
                format!("{}, as long as nobody in between talks it away", server.status("Ssl_version"));
            Finding::hint(CHECK, found, demand)
        }
        _ => Finding::ok(CHECK, server.status("Ssl_version")),
    }
}

fn round_trip(server: &Server, uses: &Uses) -> Finding {
    let time = server.round_trip.as_micros();
    let found = format!("{}.{:02} ms", time / 1000, time % 1000 / 10);
    if uses.rewards && server.round_trip >= SLOW_ROUND_TRIP {
        let why = format!("{found}: a day of many voters takes some hundred of them, with its rows locked");
        return Finding::warning("round_trip", why, "run rewardd near to its database");
    }
    Finding::ok("round_trip", found)
}

/// Without a database, table names without a schema mean nothing.
fn database(server: &Server, uses: &Uses, key: &str) -> Option<Finding> {
    let source = uses.source.iter().flat_map(|names| [&names.votes_table, &names.rates_table]);
    let unqualified = source.chain(&uses.remote_table).any(|name| !name.contains('.'));
    if server.schema.is_some() || !(uses.rewards || unqualified) {
        return None;
    }
    Some(Finding::problem(
        "database",
        "the URL names no database",
        format!("add /NAME to {key}, after the port"),
    ))
}

/// What every session of ours sets, and what a proxy in between may swallow.
fn session(server: &Server) -> Finding {
    const CHECK: &str = "session";
    let value = |name: &str| server.session.get(name).map_or("unknown", String::as_str);
    let isolation = match value("transaction_isolation") {
        "unknown" => value("tx_isolation"),
        isolation => isolation,
    };
    let strict = value("sql_mode").split(',').any(|mode| mode == "STRICT_ALL_TABLES");
    let wrong: Vec<String> = [
        (value("time_zone") == "+00:00", format!("time_zone is {}", value("time_zone"))),
        (strict, format!("sql_mode is {}", value("sql_mode"))),
        (isolation == "REPEATABLE-READ", format!("transaction_isolation is {isolation}")),
        (value("wait_timeout") == "30", format!("wait_timeout is {}", value("wait_timeout"))),
    ]
    .into_iter()
    .filter_map(|(is_right, what)| (!is_right).then_some(what))
    .collect();
    if wrong.is_empty() {
        return Finding::ok(CHECK, "UTC, strict, REPEATABLE-READ, ended after 30 s of silence");
    }
    let found = format!("what rewardd sets does not arrive: {}", wrong.join(", "));
    Finding::problem(CHECK, found, "let the proxy in between pass SET SESSION on to the server")
}

fn packet(server: &Server) -> Finding {
    const CHECK: &str = "max_allowed_packet";
    let bytes = server.session.get(CHECK).and_then(|bytes| bytes.parse::<u64>().ok());
    let Some(bytes) = bytes else { return Finding::unseen(CHECK, "the server does not say") };
    let found = if bytes >= 1 << 20 { format!("{} MB", bytes >> 20) } else { format!("{} kB", bytes >> 10) };
    let advice =
        "SET GLOBAL max_allowed_packet = 16777216, and max_allowed_packet = 16M in the server's options";
    match bytes {
        ENOUGH_PACKET_BYTES.. => Finding::ok(CHECK, found),
        LEAST_PACKET_BYTES.. => Finding::warning(CHECK, found, advice),
        _ => Finding::problem(CHECK, format!("{found} is too little for what rewardd sends"), advice),
    }
}

fn writable(server: &Server, key: &str) -> Finding {
    const CHECK: &str = "writable";
    let is_on = |name: &&str| !["", "off", "0"].contains(&server.global(name).as_str());
    match ["read_only", "super_read_only", "innodb_read_only"].into_iter().find(is_on) {
        None => Finding::ok(CHECK, "yes"),
        Some(name) => Finding::problem(
            CHECK,
            format!("no: {name} is ON, as on a replica or after a failover"),
            format!("name the primary in {key}, or SET GLOBAL {name} = OFF"),
        ),
    }
}

/// Whether a commit that was answered outlives a loss of power.
fn durability(server: &Server) -> Finding {
    const CHECK: &str = "durability";
    let is_weak = |name: &&str| !["1", ""].contains(&server.global(name).as_str());
    let binary_log = (server.global("log_bin") == "on").then_some("sync_binlog");
    let weak = ["innodb_flush_log_at_trx_commit"].into_iter().chain(binary_log).filter(is_weak);
    let weak: Vec<&str> = weak.collect();
    if !weak.is_empty() {
        let is_mysql = server.engine() == Engine::MySql;
        let (scope, also) =
            if is_mysql { ("PERSIST", "") } else { ("GLOBAL", ", and the same in the server's options") };
        let found: Vec<String> =
            weak.iter().map(|name| format!("{name} = {}", server.global(name))).collect();
        let set: Vec<String> = weak.iter().map(|name| format!("{scope} {name} = 1")).collect();
        return Finding::warning(
            CHECK,
            format!("{}: a loss of power may take back rewards that were paid", found.join(", ")),
            format!("SET {}{also}", set.join(", ")),
        );
    }
    match server.global("innodb_doublewrite").as_str() {
        mode @ ("off" | "0" | "detect_only") => Finding::warning(
            CHECK,
            format!("innodb_doublewrite is {mode}: a page half written by a loss of power is lost"),
            "innodb_doublewrite = ON in the server's options, unless the file system writes pages whole (ZFS)",
        ),
        _ => Finding::ok(CHECK, "every commit is flushed to disk"),
    }
}

fn binary_log(server: &Server) -> Option<Finding> {
    if server.global("log_bin") != "on" {
        return None;
    }
    let format = server.global("binlog_format").to_uppercase();
    if format == "STATEMENT" {
        let advice = "SET GLOBAL binlog_format = ROW, and binlog_format = ROW in the server's options";
        let found = "binlog_format is STATEMENT: replicas run the statements anew and may come to differ";
        return Some(Finding::warning("binary_log", found, advice));
    }
    Some(Finding::ok("binary_log", if format.is_empty() { "on".to_owned() } else { format }))
}

fn galera(server: &Server, key: &str) -> Finding {
    const CHECK: &str = "galera";
    let (state, size) = (server.status("wsrep_local_state_comment"), server.status("wsrep_cluster_size"));
    let (cluster, ready) = (server.status("wsrep_cluster_status"), server.status("wsrep_ready"));
    if cluster.eq_ignore_ascii_case("primary") && ready.eq_ignore_ascii_case("on") {
        let found = format!(
            "this node is {state} in a cluster of {size}; loads use one connection here, since LOCK TABLES \
             holds nothing on the other nodes"
        );
        return Finding::ok(CHECK, found);
    }
    let found = format!("this node is {state}, its part of the cluster {cluster}: it answers nothing");
    Finding::problem(CHECK, found, format!("bring the node back, or name another in {key}"))
}
