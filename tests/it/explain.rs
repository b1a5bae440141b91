//! Years of history slow nothing down: every statement finds what it reads by an index, and what a run reads does not
//! grow with what was paid before.
//!
//! The statements are those that the program sends, as its log shows them, and all that [`statements`] names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::{Days, NaiveDate};
use rewardd::app::source_names;
use rewardd::config::{Config, DatabaseUrl};
use rewardd::rewards::window::Kind;
use rewardd::store::sql::{Access, Database, Value, statements};
use rewardd::store::{Movable, PROBES};
use serde_json::Value as Json;

use crate::architecture::sources;
use crate::on_every_backend;
use crate::support::history::{History, Votes};
use crate::support::tables::make_table;
use crate::support::{Backend, Scratch};

/// Tables that grow with every window or vote.
const GROWING: [&str; 22] = [
    "votes",
    "cc_rates",
    "reward_list_hourly",
    "reward_list_daily",
    "reward_log",
    "reward_runs",
    "reward_settlements",
    "reward_pool_state",
    "reward_distribution_logs",
    "special_transfers",
    "cc_hourly",
    "reward_incidents",
    "reward_notifications",
    "reward_archives",
    "reward_decisions",
    "reward_alarms",
    "reward_holds",
    "reward_held_windows",
    "reward_watched_rows",
    "reward_changes",
    "reward_cases",
    "reward_watchlist",
];

/// What may read a whole table, by a part of its text, and why.
const READ_ALL: [(&str, &str); 5] = [
    ("/* state */", "a dry run goes on in memory from all that is stored, and pays nothing"),
    ("/* standing */", "verify holds all settled hours against the history"),
    ("/* archives */", "verify, status and retention look at all archives, a row for each day"),
    ("/* transfers_after */", "verify and export read all transfers, a page at a time by their key"),
    (
        "_at` IS NULL LIMIT 1",
        "SQLite's plan names the table, but its program ends before the first row: these columns are NOT NULL",
    ),
];

/// Statements, by name, that are not looked at here: they read no growing table, or one row of it.
const SMALL: [&str; 6] = ["session", "applied", "migrate", "demo", "views", "listing"];

/// An incident for each run, which is over, a message that was delivered, a decision, a change that was confirmed.
const TOLD: [&str; 10] = [
    "INSERT INTO reward_watched_rows (watch, key_hash, row_key, content, is_rejected) \
     SELECT CAST(sequence AS CHAR), 'x', 'x', '{}', 0 FROM reward_runs",
    "INSERT INTO reward_changes (number, watch, key_hash, row_key, detail, seen_at, state, decision, ended_at) \
     SELECT sequence, CAST(sequence AS CHAR), 'x', 'x', '{}', committed_at, 'confirmed', 1, committed_at FROM reward_runs",
    "INSERT INTO reward_incidents (opened, kind, subject, detail, opened_at, closed, closed_at) \
     SELECT sequence, 'run_failed', CAST(time AS CHAR), 'x', committed_at, sequence, committed_at FROM reward_runs",
    "INSERT INTO reward_notifications (id, receiver, event, created_at, message, attempts, refused, delivered_at) \
     SELECT CAST(sequence AS CHAR), 'ops', 'incidents', committed_at, '{}', 1, 0, committed_at FROM reward_runs",
    "INSERT INTO reward_decisions (number, subject, verdict, decided_by, decided_at, note, detail, previous_hash) \
     SELECT sequence + 1000000, CAST(time AS CHAR), 'released', 'x', committed_at, 'x', '{}', 'x' FROM reward_runs",
    "INSERT INTO reward_alarms (reward_type, time, number, alarm, rule, action, figure, bound, stake, raised_at) \
     SELECT reward_type, time, 1, 'burst', 'votes_per_minute', 'hold_partner', 'x', 'x', '1.00000000', committed_at \
     FROM reward_runs",
    "INSERT INTO reward_holds (reward_type, time, partner_id, amounts, from_pool, market_bonus, has_transfer, alarms, \
     state, held_at) SELECT reward_type, time, 1, '[]', '1.00000000', '0.00000000', 0, '[]', 'released', committed_at \
     FROM reward_runs",
    "INSERT INTO reward_held_windows (reward_type, time, alarms, stake, state, held_at, partners) \
     SELECT reward_type, time, '[]', '1.00000000', 'paid', committed_at, '[]' FROM reward_runs",
    "INSERT INTO reward_cases (number, partner_id, suspicion, day, stage, score, state, opened_at, detail) \
     SELECT sequence, sequence, 'votes', '2026-01-01', 1, 4000, 'closed', committed_at, '{}' FROM reward_runs",
    "INSERT INTO reward_watchlist (case_number, partner_id, since) \
     SELECT sequence, sequence, committed_at FROM reward_runs",
];

/// The programme's first day.
const START: &str = "2026-01-01";

on_every_backend!(no_statement_reads_through_a_table_that_grows, a_run_reads_no_more_after_a_longer_history,);

fn no_statement_reads_through_a_table_that_grows(backend: Backend) {
    let scratch = with_history(backend, 300);
    let mut sent: BTreeSet<String> = pay(&scratch, 300).into_keys().collect();
    // Who adds up on the server asks otherwise; SQLite does not.
    let mut small = SMALL.to_vec();
    match backend {
        Backend::Sqlite => small.push("aggregate"),
        _ => sent.extend(once(&scratch, &format!("{}T02:00:00Z", day(301)), "server").1.into_keys()),
    }
    scratch.block_on(async {
        let database = open(&scratch).await;
        sent.extend(statements::all().map(str::to_owned));
        for kind in [Kind::Hourly, Kind::Daily] {
            sent.extend([statements::rewards_written(&database, kind), statements::top_rows(kind)]);
            sent.extend([statements::reward_rows(kind), statements::partner_rows(kind, PROBES)]);
            sent.extend([statements::positions(kind), statements::rows_of(kind, PROBES)]);
            sent.extend([statements::next_reward_time(kind), statements::release_reward(kind)]);
        }
        sent.insert(statements::figures_of(PROBES));
        sent.extend([statements::set_aside(&database), statements::holds_written(&database)]);
        sent.insert(statements::holds_by_state(&database));
        sent.extend(
            (0..8_u8).map(|wanted| statements::alarms_before(wanted & 1 > 0, wanted & 2 > 0, wanted & 4 > 0)),
        );
        sent.extend(Movable::ALL.map(|table| statements::movable_tally(&database, table)));
        sent.extend(Movable::ALL.map(|table| statements::brought_back(&database, table)));
        sent.insert(statements::refill_transfers(3));
        sent.insert(source_names(&Config::default_with_url(&scratch.url).unwrap()).count_votes());
        sent.extend([
            statements::present("`votes`", "`id`", 500),
            statements::present("`cc_rates`", "`quoted_at`", 500),
        ]);
        sent.insert(statements::read_remote("`cc_hourly`", 500));
        for name in names_in_sources().iter().filter(|name| !small.contains(&name.as_str())) {
            assert!(
                sent.iter().any(|sql| name_of(sql) == name),
                "no statement of {name} is looked at: let ALL in statements.rs name it"
            );
        }
        sent.retain(|sql| reads(sql));
        let mut scans = scans(&database, &sent).await;
        // SQLite plans by rules of thumb until somebody has it count its rows.
        let count: Vec<String> = match backend {
            Backend::Sqlite => vec!["ANALYZE".to_owned()],
            _ => GROWING.iter().map(|table| format!("ANALYZE TABLE {table}")).collect(),
        };
        for count in count {
            database.fetch(count, &[]).await.unwrap();
        }
        scans.extend(self::scans(&database, &sent).await);
        assert!(scans.is_empty(), "these read a whole table: {scans:#?}");
        database.close().await;
    });
}

/// The statements, cut short, that read a growing table from end to end, and the tables.
async fn scans(database: &Database, sent: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut scans = BTreeMap::new();
    for sql in sent.iter().filter(|sql| !READ_ALL.iter().any(|(part, _)| sql.contains(part))) {
        let tables = scanned_tables(database, sql).await;
        if !tables.is_empty() {
            scans.insert(sql.chars().take(500).collect(), tables);
        }
    }
    scans
}

/// Rows that each statement gave, summed over the run of an hour, a day and another hour.
fn a_run_reads_no_more_after_a_longer_history(backend: Backend) {
    let after = |days| {
        let mut sent = pay(&with_history(backend, days), days);
        sent.retain(|sql, _| reads(sql));
        assert!(sent.keys().any(|sql| name_of(sql) == "votes"), "the log shows what was sent");
        sent
    };
    assert_eq!(after(20), after(200));
}

/// The scratch's database.
pub async fn open(scratch: &Scratch) -> Database {
    let url = DatabaseUrl::parse(&scratch.url).unwrap();
    let database = Database::open(&url, Access::Write, 1).await.unwrap();
    if scratch.backend == Backend::MySql {
        // Plans in the form that MariaDB knows too.
        database.fetch("SET SESSION explain_json_format_version = 1", &[]).await.unwrap();
    }
    database
}

/// A day of the programme, counted from 0.
pub fn day(number: u32) -> NaiveDate {
    START.parse::<NaiveDate>().unwrap() + Days::new(u64::from(number))
}

/// A programme that has paid so many days and 22 hours of the next.
pub fn with_history(backend: Backend, days: u32) -> Scratch {
    let scratch = Scratch::new(backend);
    // The remote table lies in the same database, so that its statements are planned with the others.
    let remote = &scratch.url;
    scratch.write_config(&format!(
        "[programme]\nstart = \"{START}\"\n[special]\npartners = [1, 2, 3]\n[remote]\nurl = {remote:?}"
    ));
    scratch.run(&["migrate"]);
    scratch.query(make_table(backend));
    let start = day(0);
    let history = History { start, days, hours: 22, hourly_voters: 4, daily_voters: 20, specials: 3 };
    let votes = Votes { from_hour: 0, hours: days * 24 + 25, per_hour: 5, partners: 20 };
    scratch.block_on(async {
        let database = open(&scratch).await;
        history.store(&database).await.unwrap();
        votes.store(&database, start).await.unwrap();
        let deliver = "INSERT INTO cc_hourly SELECT partner_id, cc_reward, time FROM special_transfers";
        database.fetch(deliver, &[]).await.unwrap();
        for told in TOLD {
            database.fetch(told, &[]).await.unwrap();
        }
        database.close().await;
    });
    scratch
}

/// Pays the last hours of a day, the day and the first hour of the next, and delivers. Gives the statements that were
/// sent, and how many rows each gave over all.
pub fn pay(scratch: &Scratch, days: u32) -> BTreeMap<String, u64> {
    let (said, sent) = once(scratch, &format!("{}T01:00:00Z", day(days + 1)), "daemon");
    assert!(said.contains("hour 23 of") && said.contains("day ") && said.contains("delivered"), "{said}");
    sent
}

/// What a look says, and the statements that have been sent so far.
fn once(scratch: &Scratch, as_of: &str, aggregate: &str) -> (String, BTreeMap<String, u64>) {
    let mut once = scratch.rewardd(&["once", "--as-of", as_of]);
    once.env("REWARDD__LOGGING__LEVEL", "trace").env("REWARDD__LOGGING__FORMAT", "json");
    once.env("REWARDD__SOURCE__AGGREGATE", aggregate);
    let said = crate::support::succeed(&mut once);
    let mut sent = BTreeMap::new();
    for file in fs::read_dir(scratch.path("logs")).unwrap() {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            if line["target"] == "sqlx::query" {
                let fields = &line["fields"];
                let text = fields["db.statement"].as_str().filter(|text| !text.is_empty());
                let text = text.or(fields["summary"].as_str()).unwrap().trim().to_owned();
                *sent.entry(text).or_default() += fields["rows_returned"].as_u64().unwrap();
            }
        }
    }
    (said, sent)
}

/// The name in the comment that a statement opens with.
fn name_of(sql: &str) -> &str {
    sql.strip_prefix("/* ").and_then(|rest| rest.split_once(" */")).map_or(sql, |(name, _)| name)
}

/// The names of all statements that are written down in the sources.
fn names_in_sources() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(file).unwrap();
        let named = text.split("\"/* ").skip(1).filter_map(|rest| rest.split_once(" */"));
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        names.extend(named.map(|(name, _)| name).filter(is_name).map(str::to_owned));
    }
    assert!(names.len() > 20, "the sources were read");
    names
}

/// Whether a statement has to find rows of ours.
fn reads(sql: &str) -> bool {
    let Some((_, text)) = sql.split_once("*/ ") else { return false };
    ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb))
}

/// The growing tables that a statement reads from end to end, whether by the table itself or by an index.
async fn scanned_tables(database: &Database, sql: &str) -> BTreeSet<String> {
    let values = samples(sql);
    let mut scanned = BTreeSet::new();
    match database {
        Database::Sqlite(_) => {
            let plan = database.fetch(format!("EXPLAIN QUERY PLAN {sql}"), &values).await.unwrap();
            for step in plan {
                let step = step.text(3).unwrap();
                if let Some(table) = step.strip_prefix("SCAN ") {
                    scanned.insert(table.split(' ').next().unwrap().to_owned());
                }
            }
        }
        Database::MySql(_) => {
            let plan = database.fetch(format!("EXPLAIN FORMAT=JSON {sql}"), &values).await;
            let plan = plan.unwrap_or_else(|error| panic!("{sql}: {error}"))[0].text(0).unwrap();
            let plan: Json = serde_json::from_str(&plan).unwrap();
            collect_scans(&plan, &mut scanned);
        }
    }
    scanned.retain(|table| GROWING.contains(&table.as_str()));
    scanned
}

fn collect_scans(plan: &Json, scanned: &mut BTreeSet<String>) {
    if plan["access_type"] == "ALL" || plan["access_type"] == "index" {
        scanned.insert(plan["table_name"].as_str().unwrap_or_default().to_owned());
    }
    match plan {
        Json::Object(fields) => fields.values().for_each(|inner| collect_scans(inner, scanned)),
        Json::Array(items) => items.iter().for_each(|inner| collect_scans(inner, scanned)),
        _ => {}
    }
}

/// A value for each `?`, by the column before it.
fn samples(sql: &str) -> Vec<Value<'static>> {
    let sample = |(place, _)| {
        let before = sql[..place].trim_end_matches([' ', ',', '?', '(']);
        let is_from = before.ends_with('>') || before.ends_with(">=");
        let mut words = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_');
        let column = words.find(|word| !["", "IN", "NOT", "GLOB"].contains(word)).unwrap_or_default();
        match column {
            _ if before.ends_with("GLOB") => "[0-9]*".into(),
            "id" if sql.contains("reward_notifications") => "text".into(),
            "state" => "held".into(),
            "effect" => "ops".into(),
            "proposal" => 7.into(),
            "number" | "decision" | "after_run" | "decisions" | "changes" | "opened" | "closed" | "told"
            | "reported" => 7000.into(),
            "refused" => 0.into(),
            "suspicion" | "profiles" => "text".into(),
            "stage" | "score" | "is_standing" | "slot" | "part" | "case_number" => 7.into(),
            "receiver" | "detail" | "kind" | "subject" => "ops".into(),
            "reward_type" => "hourly".into(),
            "table_name" => "reward_list_hourly".into(),
            "sequence" => 7.into(),
            "day" | "reward_day" | "start_day" | "pool_day" => day(300).to_string().into(),
            "time" | "HOUR" | "voted_at" | "quoted_at" | "next_attempt_at" | "delivered_at" | "from_time"
            | "cleared_at" | "gone_at" | "decided_at" | "committed_at" | "closed_at" | "told_at"
            | "ended_at" => {
                let hour = if is_from { 20 } else { 21 };
                format!("{} {hour}:00:00.000000", day(300)).into()
            }
            "id" | "partner_id" | "position" | "LIMIT" | "fence" | "renewals" | "runs" => 7.into(),
            "accumulated_daily_pool" | "contributed" | "hourly_paid" | "daily_paid" | "market_bonus" => {
                "1.00000000".into()
            }
            "decided_by" | "partners" => "[]".into(),
            column if column.contains("_reward") => "1.00000000".into(),
            "WHEN" => 1.into(),
            "version" => 7.into(),
            "alarm" | "watch" | "key_hash" | "name" | "trouble" | "content" | "rejected" => "text".into(),
            "holder" | "chain_head" | "timezone" | "last_error" | "rules_version" | "sha256" => "text".into(),
            _ => panic!("what does {column} hold? {sql}"),
        }
    };
    sql.match_indices('?').map(sample).collect()
}
