//! The dashboard as visitors meet it: over HTTP, of the real daemon, beside the tables that it shows.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use rewardd::rewards::money::Units;
use serde_json::Value;

use crate::daemon::process::{DUE, Daemon, Programme, STANDS, clock, until_true};
use crate::on_every_backend;
use crate::support::http::{Answer, ask, get};
use crate::support::{Backend, succeed, vectors};

mod access;
mod decisions;
mod hostile;
pub mod million;
pub mod oidc;
pub mod people;

/// Any port will do.
pub const LISTEN: (&str, &str) = ("REWARDD__HTTP__LISTEN", "127.0.0.1:0");

/// Every page that the navigation and its tables lead to, of the programme that most tests have.
const PAGES: [&str; 16] = [
    "/",
    "/windows",
    "/windows?kind=daily",
    "/windows?kind=hourly&until=2026-11-18",
    "/windows/day/2026-11-18",
    "/windows/hour/2026-11-18T12:00:00Z",
    "/partners",
    "/partners/3",
    "/partners/3/day/2026-11-18",
    "/partners/3/hour/2026-11-18T02:00:00Z",
    "/audit",
    "/audit/1",
    "/rules",
    "/rules/1",
    "/transfers",
    "/login",
];

/// A daemon that has paid all that is due and serves.
pub fn served(programme: &Programme, environment: &[(&str, &str)]) -> (Daemon, SocketAddr) {
    let environment: Vec<_> = [LISTEN].into_iter().chain(environment.iter().copied()).collect();
    let daemon = programme.start("daemon", &environment);
    programme.until_paid(DUE);
    let address = daemon.address();
    // Its connections are opened once the databases are.
    until_true("the dashboard answers", || get(address, "/windows").status != 503);
    (daemon, address)
}

/// A table as the dashboard gives it.
pub fn rows(address: SocketAddr, path: &str) -> Vec<Value> {
    let answer = get(address, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    let table: Value = serde_json::from_str(&answer.body).unwrap();
    table["rows"].as_array().unwrap_or_else(|| panic!("{path}: {table}")).clone()
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} of {row}"))
}

fn units(row: &Value, key: &str) -> Units {
    Units::parse(text(row, key)).unwrap()
}

/// The headers that hold browsers to it are on every answer.
pub fn assert_strict(answer: &Answer, path: &str) {
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "deny"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{path}: {name}");
    }
    let cached = if path.starts_with("/assets/") && answer.status == 200 {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    assert_eq!(answer.header("cache-control"), Some(cached), "{path}");
}

on_every_backend!(what_pages_show_is_what_the_tables_hold,);

fn what_pages_show_is_what_the_tables_hold(backend: Backend) {
    let programme = Programme::new(backend);
    let (mut daemon, address) = served(&programme, &[]);
    for path in PAGES {
        let answer = get(address, path);
        assert!(answer.status == 200 || path == "/login", "{path}: {answer:?}");
        assert_strict(&answer, path);
        assert!(!answer.body.contains("<script") && !answer.body.contains(" style="), "{path}");
    }

    // Windows: as the log has them.
    let listed = rows(address, "/windows?format=json");
    assert_eq!(listed.len(), DUE);
    let sql = "SELECT CAST(sequence AS CHAR), CAST(distributed AS CHAR), CAST(market_bonus AS CHAR), \
               CAST(voters AS CHAR) FROM reward_log";
    let stored: BTreeMap<String, Vec<Option<String>>> =
        programme.scratch.query(sql).into_iter().map(|row| (row[0].clone().unwrap(), row)).collect();
    for row in &listed {
        let stored = &stored[&row["run"].to_string()];
        assert_eq!(Some(text(row, "paid_cc")), stored[1].as_deref(), "{row}");
        assert_eq!(Some(text(row, "market_bonus_cc")), stored[2].as_deref(), "{row}");
        assert_eq!(Some(row["voters"].to_string()), stored[3], "{row}");
    }

    // A window's ranking, and its categories, which add up to what was paid.
    let ranking = rows(address, "/windows/day/2026-11-18?format=json");
    let sql = "SELECT CAST(position AS CHAR), CAST(partner_id AS CHAR), CAST(daily_reward_all AS CHAR) \
               FROM reward_list_daily ORDER BY position";
    let stored = programme.scratch.query(sql);
    assert_eq!(ranking.len(), stored.len());
    for (row, stored) in ranking.iter().zip(&stored) {
        let shown = [
            row["position"].to_string(),
            row["partner_id"].to_string(),
            text(row, "daily_reward_all").to_owned(),
        ];
        assert_eq!(shown.map(Some).to_vec(), *stored);
    }
    let parts = rows(address, "/windows/day/2026-11-18?format=json&table=categories");
    let paid: Units = parts.iter().map(|part| units(part, "paid_cc")).sum();
    let day = listed.iter().find(|row| row["kind"] == "daily").unwrap();
    assert_eq!(paid, units(day, "paid_cc"));
    let paid: Units = ranking.iter().map(|row| units(row, "sum_cc")).sum();
    assert_eq!(paid, units(day, "paid_cc") + units(day, "market_bonus_cc"));

    // A partner's days, with the votes where they are asked for.
    let days = rows(address, "/partners/3?format=json&votes=count");
    for day in &days {
        let day_of = format!("voted_at LIKE '{}%'", text(day, "day"));
        let votes = programme.count(&format!("votes WHERE partner_id = 3 AND {day_of}"));
        assert_eq!(day["votes"].as_u64(), Some(votes as u64), "{day}");
    }
    assert!(!days.is_empty() && rows(address, "/partners/3?format=json")[0].get("votes").is_none());

    // A day that is still to be paid shows its hours.
    let hours = rows(address, "/partners/3/day/2026-11-19?format=json");
    assert!(!hours.is_empty() && get(address, "/partners/3/day/2026-11-19").body.contains("not paid yet"));

    // The books, and the chain.
    let books = rows(address, "/?format=json&table=books");
    let book = |name: &str| units(books.iter().find(|row| row["sum"] == name).unwrap(), "amount_cc");
    assert!(book("difference").is_zero() && !book("contributed").is_zero());
    let held = book("pools_held") + book("hours_held") + book("hourly_paid") + book("daily_paid");
    assert_eq!(book("contributed"), held);
    let log = rows(address, "/audit?format=json");
    assert_eq!(log.len(), DUE);
    assert!(log[1..].iter().all(|row| row["chain"] == "holds") && log[0]["chain"] == "head", "{log:?}");
    let delivered = rows(address, "/transfers?format=json&table=delivered");
    assert_eq!(delivered.len(), programme.count("special_transfers"));
    daemon.stop();
}

/// The worked case `town`, paid and served.
fn town(backend: Backend) -> (Programme, Daemon, SocketAddr) {
    let case: PathBuf = vectors().into_iter().find(|case| case.ends_with("town")).unwrap();
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let until = read("until.txt").trim().to_owned();
    let programme = Programme::empty(backend);
    programme.scratch.import(&read("votes.csv"), &read("rates.csv"));
    programme.scratch.run(&["once", "all", "--as-of", &until]);
    let environment = [LISTEN, ("REWARDD_CLOCK", &*clock(&until, 0))];
    let daemon = programme.start("daemon", &environment);
    let address = daemon.address();
    until_true("the dashboard answers", || get(address, "/windows").status == 200);
    (programme, daemon, address)
}

#[test]
fn every_partner_of_the_town_is_explained_as_the_tables_say() {
    let (programme, mut daemon, address) = town(Backend::Sqlite);
    let mut explained = 0;
    for (kind, table, name) in
        [("daily", "reward_list_daily", "day"), ("hourly", "reward_list_hourly", "hour")]
    {
        let columns = rewardd::rewards::plan::columns(match kind {
            "daily" => rewardd::rewards::window::Kind::Daily,
            _ => rewardd::rewards::window::Kind::Hourly,
        });
        // Every partner of every day; of the hours those of one busy evening.
        let some = if kind == "daily" { "" } else { "WHERE time = '2026-11-18 20:00:00.000000'" };
        let sql = format!(
            "SELECT CAST(partner_id AS CHAR), CAST(time AS CHAR), CAST(position AS CHAR), {} FROM {table} {some} ORDER BY time, position",
            columns.join(", ")
        );
        for row in programme.scratch.query(&sql) {
            let row: Vec<String> = row.into_iter().map(Option::unwrap).collect();
            let start = if kind == "daily" {
                row[1][..10].to_owned()
            } else {
                format!("{}Z", row[1][..19].replace(' ', "T"))
            };
            let path = format!("/partners/{}/{name}/{start}?format=json", row[0]);
            let answer = get(address, &path);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let record: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(record["agreement"], "agrees", "{path}");
            assert_eq!(record["position"].to_string(), row[2], "{path}");
            let paid: Units = row[3..].iter().map(|amount| Units::parse(amount).unwrap()).sum();
            assert_eq!(record["paid"], paid.to_string(), "{path}");
            assert_eq!(record["computed"], paid.to_string(), "{path}");
            assert!(record.get("neighbours").is_none(), "{path}");
            explained += 1;
        }
    }
    assert!(explained > 3000, "{explained}");
    daemon.stop();
}

/// All ids of others, as a page would show them: no number on a partner's page is one of them by more than chance, so
/// they are made such that no figure can be taken for one.
#[test]
fn a_partner_s_pages_hold_nothing_of_another_partner() {
    let programme = Programme::empty(Backend::Sqlite);
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let ids: Vec<i64> = (0..12).map(|number| 900_000_077_000 + number * 1_111).collect();
    for (number, id) in ids.iter().enumerate() {
        for vote in 0..=number {
            let (cc, ecc) = (10 + number, 77_700_000 + number * 1_234 + vote);
            let key = number * 100 + vote;
            votes.push_str(&format!("{key},{id},cc,{cc}.05,{ecc}.125,2026-11-18T{vote:02}:30:00Z\n"));
        }
    }
    programme.scratch.import(&votes, "quoted_at,rate\n2026-11-10T00:00:00Z,1.25\n");
    let (mut daemon, address) = served(&programme, &[]);
    let own = ids[5];
    for path in [
        format!("/partners/{own}"),
        format!("/partners/{own}/day/2026-11-18"),
        format!("/partners/{own}/hour/2026-11-18T00:00:00Z"),
        format!("/partners/{own}/day/2026-11-18?lang=hu"),
        format!("/partners/{own}?format=csv"),
        format!("/partners/{own}/day/2026-11-18?format=json"),
        format!("/partners/{own}/day/2026-11-18?format=csv&table=parts"),
    ] {
        let answer = get(address, &path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.body.contains(&own.to_string()) || path.contains("format"), "{path}");
        let digits: String = answer.body.replace([',', '\u{a0}'], "");
        for (number, id) in ids.iter().enumerate().filter(|(_, id)| **id != own) {
            assert!(!digits.contains(&id.to_string()), "{path} shows {id}");
            for vote in 0..=number {
                let ecc = format!("{}", 77_700_000 + number * 1_234 + vote);
                assert!(number == 5 || !digits.contains(&ecc), "{path} shows the ECC of {id}");
            }
        }
    }
    daemon.stop();
}

#[test]
fn every_table_is_there_as_csv_and_json_with_the_same_rows() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    for path in PAGES {
        let page = get(address, path).body;
        let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let links: Vec<String> =
            links.filter(|link| link.contains("table=")).map(|link| link.replace("&amp;", "&")).collect();
        for csv_path in links.iter().filter(|link| link.contains("format=csv")) {
            let csv = get(address, csv_path);
            assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"), "{csv_path}");
            assert!(
                csv.header("content-disposition").unwrap().starts_with("attachment; filename="),
                "{csv_path}"
            );
            let json = rows(address, &csv_path.replace("format=csv", "format=json"));
            let mut reader = csv::Reader::from_reader(csv.body.as_bytes());
            let names = reader.headers().unwrap().clone();
            let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), json.len(), "{csv_path}");
            for (record, row) in records.iter().zip(&json) {
                for (name, value) in names.iter().zip(record) {
                    let expected = match &row[name] {
                        Value::Null => String::new(),
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    assert_eq!(value.trim_start_matches('\''), expected, "{csv_path}: {name}");
                }
            }
        }
    }
    daemon.stop();
}

#[test]
fn a_day_s_report_is_a_page_of_its_own_and_a_file() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    let links = |path: &str| get(address, path).body.matches("href=\"/report/daily/").count();
    assert_eq!(links("/windows/day/2026-11-18"), 2);
    assert_eq!(links("/windows/hour/2026-11-18T12:00:00Z"), 0, "an hour has none");
    let report = |format: &str| {
        let args = ["report", "daily", "--day", "2026-11-18", "--format", format];
        succeed(programme.scratch.rewardd(&args).env("REWARDD_CLOCK", clock(STANDS, 0)))
    };
    let page = get(address, "/report/daily/2026-11-18.html");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.body, report("html"), "it is the one of the command");
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"),
        "{policy}"
    );
    assert_eq!(
        (page.header("x-frame-options"), page.header("cache-control")),
        (Some("deny"), Some("no-store"))
    );
    let file = get(address, "/report/daily/2026-11-18.csv");
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    let name = "attachment; filename=\"rewardd-report-2026-11-18.csv\"";
    assert_eq!(file.header("content-disposition"), Some(name));
    assert_eq!(file.body, report("csv"));
    assert_strict(&file, "/report/daily/2026-11-18.csv");
    daemon.stop();
}

#[test]
fn pages_come_in_the_language_that_was_asked_for() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    let with = |path: &str, header: &str| {
        ask(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}connection: close\r\n\r\n"))
    };
    let is_hungarian = |answer: &Answer| {
        let hungarian = answer.body.contains("<html lang=\"hu\">");
        assert_eq!(hungarian, answer.body.contains("Áttekintés"), "{answer:?}");
        assert_ne!(hungarian, answer.body.contains("Overview"), "{answer:?}");
        hungarian
    };
    assert!(!is_hungarian(&with("/", "")));
    assert!(is_hungarian(&with("/", "accept-language: hu-HU,hu;q=0.9,en;q=0.8\r\n")));
    assert!(!is_hungarian(&with("/", "accept-language: de,fr\r\n")));
    let chosen = with("/?lang=hu", "accept-language: en\r\n");
    assert!(is_hungarian(&chosen));
    let cookie = chosen.header("set-cookie").unwrap();
    assert!(cookie.starts_with("rewardd_lang=hu;") && cookie.contains("httponly"), "{cookie}");
    assert!(is_hungarian(&with("/", "cookie: rewardd_lang=hu\r\naccept-language: en\r\n")));
    assert!(!is_hungarian(&with("/?lang=en", "cookie: rewardd_lang=hu\r\n")));
    assert!(!is_hungarian(&with("/?lang=xx", "cookie: rewardd_lang=<script>\r\n")));
    // Amounts are grouped and pointed as each language does.
    let amount = rows(address, "/?format=json&table=books")[0]["amount_cc"].as_str().unwrap().to_owned();
    let fraction = amount.split_once('.').unwrap().1.to_owned();
    assert!(with("/", "").body.contains(&format!(".{fraction}")));
    assert!(with("/?lang=hu", "").body.contains(&format!(",{fraction}")));
    daemon.stop();
}

#[test]
fn what_is_wrong_is_shown_and_named() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    assert!(get(address, "/").body.contains("All is well"));
    programme.scratch.query("UPDATE special_transfers SET delivered_at = NULL, attempts = 2, last_error = '=no <route>', next_attempt_at = '2027-01-01 00:00:00.000000' WHERE time = (SELECT MIN(time) FROM special_transfers)");
    programme
        .scratch
        .query("UPDATE reward_distribution_logs SET total_amount = '9.00000000' WHERE sequence = 7");
    programme.scratch.query("UPDATE reward_programme SET contributed = '1.00000000'");
    let overview = get(address, "/").body;
    assert!(
        overview.contains("1 transfers fail") && overview.contains("The books do not balance"),
        "{overview}"
    );
    let waiting = rows(address, "/transfers?format=json");
    assert_eq!((text(&waiting[0], "state"), text(&waiting[0], "last_error")), ("failing", "=no <route>"));
    assert!(get(address, "/transfers").body.contains("=no &lt;route&gt;"));
    assert!(get(address, "/transfers?format=csv").body.contains(",'=no <route>"), "no formula");
    let log = rows(address, "/audit?format=json");
    let broken: Vec<u64> =
        log.iter().filter(|row| row["chain"] == "broken").map(|row| row["run"].as_u64().unwrap()).collect();
    assert_eq!(broken, [8, 7]);
    assert!(get(address, "/audit").body.contains("2 links on this page are broken"));
    assert!(get(address, "/audit/7").body.contains("state bad"));
    // A vote that came after the payment shows on the explanation, and so do votes that are gone.
    programme.scratch.query(
        "INSERT INTO votes VALUES (100000, 3, 'cc', '1.00000000', '1.00000000', '2026-11-18 12:00:01.000000')",
    );
    let explained = get(address, "/partners/3/hour/2026-11-18T12:00:00Z");
    assert!(explained.body.contains("votes have changed since"), "{explained:?}");
    let paid = "FROM reward_list_hourly WHERE time = '2026-11-18 13:00:00.000000'";
    let partner = programme.scratch.one(&format!("SELECT CAST(MIN(partner_id) AS CHAR) {paid}"));
    programme.scratch.query(&format!("DELETE FROM votes WHERE partner_id = {partner}"));
    let explained = get(address, &format!("/partners/{partner}/hour/2026-11-18T13:00:00Z"));
    assert!(explained.body.contains("are no longer there"), "{explained:?}");
    daemon.stop();
}

#[test]
fn while_the_database_is_away_pages_say_how_the_process_does() {
    let programme = Programme::empty(Backend::Sqlite);
    let away = ("REWARDD__DATABASE__URL", "mysql://nobody@127.0.0.1:1/nothing");
    let mut daemon = programme.start("daemon", &[LISTEN, away]);
    let address = daemon.address();
    for path in ["/", "/windows", "/partners/3"] {
        let answer = get(address, path);
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert_strict(&answer, path);
        assert!(answer.body.contains("This page cannot be made now"), "{path}: {answer:?}");
        assert!(answer.body.contains("starting") && !answer.body.contains("nobody@"), "{path}: {answer:?}");
    }
    daemon.stop();
}
