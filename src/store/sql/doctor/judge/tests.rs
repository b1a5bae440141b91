//! A database in good order, and what is said of each thing that is not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::super::facts::{Column, File, Index, Plan, Server, Step, WriteLock};
use super::super::{Applied, Level};
use super::*;

mod rights;
mod tables;

const KEY: &str = "database.url";

fn names() -> SourceNames {
    SourceNames {
        votes_table: "votes".to_owned(),
        rates_table: "cc_rates".to_owned(),
        id: "id".to_owned(),
        partner_id: "partner_id".to_owned(),
        vote_type: "vote_type".to_owned(),
        cc: "cc".to_owned(),
        ecc: "ecc".to_owned(),
        voted_at: "voted_at".to_owned(),
        quoted_at: "quoted_at".to_owned(),
        rate: "rate".to_owned(),
    }
}

fn uses() -> Uses {
    Uses { rewards: true, source: Some(names()), ..Uses::default() }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn server() -> Server {
    let grants = "GRANT SELECT, INSERT, UPDATE, CREATE, LOCK TABLES ON `rewards`.* TO `u`@`%`";
    Server {
        version: "8.4.6".to_owned(),
        user: "u@%".to_owned(),
        schema: Some("rewards".to_owned()),
        is_local: false,
        demands_encryption: true,
        round_trip: Duration::from_micros(345),
        session: map(&[
            ("time_zone", "+00:00"),
            ("sql_mode", "STRICT_ALL_TABLES,NO_ZERO_DATE"),
            ("transaction_isolation", "REPEATABLE-READ"),
            ("wait_timeout", "30"),
            ("max_allowed_packet", "67108864"),
        ]),
        global: map(&[
            ("time_zone", "SYSTEM"),
            ("system_time_zone", "UTC"),
            ("innodb_flush_log_at_trx_commit", "1"),
            ("innodb_doublewrite", "ON"),
            ("log_bin", "ON"),
            ("sync_binlog", "1"),
            ("binlog_format", "ROW"),
            ("read_only", "OFF"),
            ("super_read_only", "OFF"),
        ]),
        status: map(&[("Ssl_cipher", "TLS_AES_128_GCM_SHA256"), ("Ssl_version", "TLSv1.3")]),
        grants: Ok(vec![grants.to_owned()]),
    }
}

fn file() -> File {
    File {
        version: "3.51.3".to_owned(),
        path: PathBuf::from("/data/rewardd.db"),
        journal_mode: "wal".to_owned(),
        damage: Ok(vec![]),
        free_bytes: Some(50 << 30),
        write_lock: Some(Ok(WriteLock::Free)),
    }
}

/// A column by its type as the database shows it.
fn column(name: &str, full_type: &str) -> Column {
    let number = |text: &str| text.parse::<u32>().ok();
    let digits =
        full_type.split_once('(').map(|(_, rest)| rest.split_once(')').map_or(rest, |(in_it, _)| in_it));
    let data_type = full_type.split(['(', ' ']).next().unwrap_or_default().to_lowercase();
    let is_time = ["datetime", "timestamp"].contains(&data_type.as_str());
    Column {
        name: name.to_owned(),
        scale: digits.and_then(|digits| number(digits.split_once(',')?.1)),
        second_digits: is_time.then(|| digits.and_then(number).unwrap_or(0)),
        data_type,
        full_type: full_type.to_owned(),
        is_nullable: false,
        defaults_to_now: false,
    }
}

fn index(name: &str, columns: &[&str]) -> Index {
    Index {
        name: name.to_owned(),
        is_unique: name == "PRIMARY",
        is_primary: name == "PRIMARY",
        is_used: true,
        columns: columns.iter().map(|column| Some((*column).to_owned())).collect(),
    }
}

fn table(columns: &[(&str, &str)], indexes: Vec<Index>) -> Table {
    Table {
        is_view: false,
        storage: Some("InnoDB".to_owned()),
        is_strict: true,
        columns: columns.iter().map(|(name, full_type)| column(name, full_type)).collect(),
        indexes,
    }
}

/// Our own tables on a server.
fn source() -> Source {
    let votes = table(
        &[
            ("id", "bigint"),
            ("partner_id", "bigint"),
            ("vote_type", "varchar(64)"),
            ("cc", "decimal(28,8)"),
            ("ecc", "decimal(28,8)"),
            ("voted_at", "datetime(6)"),
        ],
        vec![
            index("PRIMARY", &["id"]),
            index("votes_by_time", &["voted_at", "partner_id", "vote_type", "cc", "ecc"]),
        ],
    );
    let rates = table(
        &[("quoted_at", "datetime(6)"), ("rate", "decimal(28,8)")],
        vec![index("PRIMARY", &["quoted_at"])],
    );
    let step =
        Step { index: Some("votes_by_time".to_owned()), is_covered: true, rows: Some(9), is_scan: false };
    Source { votes: Ok(Some(votes)), rates: Ok(Some(rates)), plan: Some(Plan::Steps(vec![step])) }
}

fn rewards() -> Rewards {
    let applied = Applied { version: 1, description: "rewards", applied: true };
    Rewards { migrations: Ok(vec![applied]), newer: None, interrupted: None, refused: Some(vec![]) }
}

fn on_server(server: Server) -> Facts {
    Facts {
        place: Place::Server(Box::new(server)),
        rewards: Some(rewards()),
        source: Some(source()),
        remote: None,
    }
}

fn in_file(file: File) -> Facts {
    Facts { place: Place::File(file), rewards: Some(rewards()), source: None, remote: None }
}

/// What is not ok, as `level check: found → advice`.
fn complaints(facts: &Facts, uses: &Uses) -> Vec<String> {
    let findings = judge(facts, uses, KEY).into_iter().filter(|finding| finding.level != Level::Ok);
    let line = |finding: Finding| {
        let (level, advice) = (finding.level.name(), finding.advice.unwrap_or_default());
        format!("{level} {}: {} → {advice}", finding.check, finding.found)
    };
    findings.map(line).collect()
}

/// There is one complaint, which begins and goes on like this.
fn assert_complaint(facts: &Facts, uses: &Uses, begins: &str, holds: &str) {
    let complaints = complaints(facts, uses);
    let [complaint] = complaints.as_slice() else { panic!("{begins}: {complaints:#?}") };
    assert!(complaint.starts_with(begins) && complaint.contains(holds), "{begins} … {holds}: {complaint}");
}

#[test]
fn good_order_is_not_complained_of() {
    assert_eq!(complaints(&on_server(server()), &uses()), [""; 0]);
    assert_eq!(complaints(&in_file(file()), &Uses { rewards: true, ..Uses::default() }), [""; 0]);
}

#[test]
fn a_server_is_judged_by_what_it_says_of_itself() {
    type Change = fn(&mut Server);
    let changes: [(Change, &str, &str); 16] = [
        (
            |s| s.version = "8.0.40-0ubuntu0.24.04.1".to_owned(),
            "warning version: MySQL 8.0.40",
            "MySQL 8.4 or later",
        ),
        (|s| s.version = "5.5.5-10.6.18-MariaDB-log".to_owned(), "warning version: MariaDB 10.6.18", "10.11"),
        (|s| s.version = "8.0.11-TiDB-v7.5.1".to_owned(), "warning version: TiDB", "tested with"),
        (|s| s.status.clear(), "warning encryption: none", "ssl-mode=REQUIRED to database.url"),
        (|s| s.round_trip = Duration::from_millis(31), "warning round_trip: 31.00 ms", "near"),
        (|s| s.schema = None, "problem database: the URL names no database", "add /NAME to database.url"),
        (
            |s| drop(s.session.insert("time_zone".into(), "SYSTEM".into())),
            "problem session",
            "time_zone is SYSTEM",
        ),
        (|s| drop(s.session.insert("sql_mode".into(), String::new())), "problem session", "sql_mode is "),
        (|s| drop(s.session.remove("transaction_isolation")), "problem session", "isolation is unknown"),
        (
            |s| drop(s.session.insert("max_allowed_packet".into(), "8388608".into())),
            "warning max_allowed",
            "8 MB",
        ),
        (
            |s| drop(s.session.insert("max_allowed_packet".into(), "65536".into())),
            "problem max_allowed",
            "64 kB",
        ),
        (
            |s| drop(s.global.insert("super_read_only".into(), "ON".into())),
            "problem writable: no",
            "primary in data",
        ),
        (
            |s| {
                s.global.insert("innodb_flush_log_at_trx_commit".into(), "2".into());
                s.global.insert("sync_binlog".into(), "0".into());
            },
            "warning durability: innodb_flush_log_at_trx_commit = 2, sync_binlog = 0",
            "→ SET PERSIST innodb_flush_log_at_trx_commit = 1, PERSIST sync_binlog = 1",
        ),
        (|s| drop(s.global.insert("innodb_doublewrite".into(), "OFF".into())), "warning durability", "ZFS"),
        (
            |s| drop(s.global.insert("binlog_format".into(), "STATEMENT".into())),
            "warning binary_log",
            "= ROW",
        ),
        (
            |s| drop(s.global.insert("wsrep_on".into(), "ON".into())),
            "problem galera: this node is",
            "another in data",
        ),
    ];
    for (change, begins, holds) in changes {
        let mut changed = server();
        change(&mut changed);
        if changed.schema.is_none() {
            // Rights on a database without a name are another complaint.
            changed.grants =
                Ok(vec!["GRANT SELECT, INSERT, UPDATE, CREATE, LOCK TABLES ON `%`.* TO u".to_owned()]);
        }
        assert_complaint(&on_server(changed), &uses(), begins, holds);
    }
}

#[test]
fn what_does_not_matter_is_not_complained_of() {
    type Change = fn(&mut Server);
    let changes: [Change; 6] = [
        |s| s.version = "5.5.5-10.11.19-MariaDB-0+deb12u1".to_owned(),
        |s| s.version = "12.0.2-MariaDB".to_owned(),
        |s| {
            s.status.clear();
            s.is_local = true;
        },
        |s| {
            let isolation = s.session.remove("transaction_isolation").unwrap();
            s.session.insert("tx_isolation".into(), isolation);
        },
        // Without a binary log there is nothing to flush.
        |s| s.global.extend(map(&[("log_bin", "OFF"), ("sync_binlog", "0"), ("binlog_format", "STATEMENT")])),
        |s| {
            s.global.insert("wsrep_on".into(), "ON".into());
            s.status.extend(map(&[("wsrep_cluster_status", "Primary"), ("wsrep_ready", "ON")]));
        },
    ];
    for change in changes {
        let mut changed = server();
        change(&mut changed);
        assert_eq!(complaints(&on_server(changed), &uses()), [""; 0]);
    }
    // Who only reads may read from a replica.
    let mut replica = server();
    replica.global.insert("read_only".into(), "ON".into());
    replica.global.insert("innodb_flush_log_at_trx_commit".into(), "2".into());
    replica.session.insert("max_allowed_packet".into(), "1048576".into());
    replica.grants = Ok(vec!["GRANT SELECT, LOCK TABLES ON `rewards`.* TO `u`@`%`".to_owned()]);
    let uses = Uses { source: Some(names()), ..Uses::default() };
    assert_eq!(complaints(&Facts { rewards: None, ..on_server(replica) }, &uses), [""; 0]);
}

#[test]
fn a_file_is_judged_by_its_journal_its_pages_its_lock_and_its_room() {
    type Change = fn(&mut File);
    let changes: [(Change, &str, &str); 6] = [
        (|f| f.journal_mode = "delete".to_owned(), "warning journal_mode: delete", "rewardd migrate"),
        (
            |f| f.damage = Ok(vec!["page 7: bad".to_owned()]),
            "problem integrity: the file is damaged: page 7",
            "backup",
        ),
        (|f| f.write_lock = Some(Ok(WriteLock::Held)), "problem writable: no", "fuser -v '/data/rewardd.db'"),
        (|f| f.write_lock = Some(Ok(WriteLock::Denied)), "problem writable: no", "chown"),
        (|f| f.free_bytes = Some(900 << 20), "warning free_space: 900 MB", "make room"),
        (|f| f.free_bytes = Some(9 << 20), "problem free_space: 9 MB", "make room"),
    ];
    for (change, begins, holds) in changes {
        let mut changed = file();
        change(&mut changed);
        assert_complaint(&in_file(changed), &Uses { rewards: true, ..Uses::default() }, begins, holds);
    }
    let uses = Uses { source: Some(names()), ..Uses::default() };
    let read = File { journal_mode: "delete".to_owned(), free_bytes: Some(1), write_lock: None, ..file() };
    let facts = Facts { rewards: None, ..in_file(read) };
    assert_complaint(&facts, &uses, "warning journal_mode", "PRAGMA journal_mode = WAL");
}

#[test]
fn migrations_and_statements_of_ours_have_to_be_taken() {
    type Change = fn(&mut Rewards);
    let changes: [(Change, &str, &str); 5] = [
        (
            |r| {
                r.migrations = Ok(vec![Applied { version: 1, description: "rewards", applied: false }]);
                r.refused = None;
            },
            "problem migrations: migration 1 (rewards) is not in",
            "→ rewardd migrate",
        ),
        (|r| r.newer = Some(9), "problem migrations: a newer rewardd", "migration 9"),
        (|r| r.interrupted = Some(1), "problem migrations: migration 1 was interrupted", "DELETE"),
        (|r| r.migrations = Err("denied".to_owned()), "warning migrations: cannot be looked at: denied", ""),
        (
            |r| r.refused = Some(vec!["no such column: runs".to_owned(), "no such table".to_owned()]),
            "problem statements: no such column: runs (and 1 more)",
            "migrations/",
        ),
    ];
    for (change, begins, holds) in changes {
        let mut facts = on_server(server());
        change(facts.rewards.as_mut().unwrap());
        assert_complaint(&facts, &uses(), begins, holds);
    }
}
