//! A report tells what the tables hold, and what was not as it should be.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use insta::assert_snapshot;
use rewardd::config::DatabaseUrl;
use rewardd::report;
use rewardd::rewards::money::Units;
use rewardd::rewards::plan::columns;
use rewardd::rewards::window::{Calendar, Kind};
use rewardd::store::sql::{Access, Database, Fence, SqlStore};

use crate::daemon::process::clock;
use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown, succeed, vectors};
use crate::vectors::paid;

/// Runs a command at an instant at which time stands still.
fn at(scratch: &Scratch, instant: &str, args: &[&str]) -> String {
    succeed(scratch.rewardd(args).env("REWARDD_CLOCK", clock(instant, 0)))
}

fn reported(scratch: &Scratch, instant: &str, day: &str, format: &str) -> String {
    at(scratch, instant, &["report", "daily", "--day", day, "--format", format])
}

/// Votes of a few partners, one every twelve minutes: who casts most of them changes from day to day.
fn votes(numbers: Range<u32>, start: &str) -> String {
    let start: chrono::DateTime<chrono::Utc> = start.parse().unwrap();
    let line = |number: u32| {
        let partner = 1 + number * number % 13 + number / 120;
        let kind = if number.is_multiple_of(5) { "free" } else { "cc" };
        let cc = if kind == "cc" { 1 + number % 7 } else { 0 };
        let time = start + chrono::TimeDelta::minutes(12 * i64::from(number));
        format!("{number},{partner},{kind},{cc}.07000001,{}.5,{}\n", partner % 4, time.to_rfc3339())
    };
    format!("id,partner_id,vote_type,cc,ecc,voted_at\n{}", numbers.map(line).collect::<String>())
}

const RATES: &str = "quoted_at,rate\n2026-01-01T00:00:00Z,1.25\n2026-11-18T12:00:00Z,1.31\n";

/// Two days that were paid as they should be, but for an outage on the second, votes that came late, a change of the
/// rules, and a remote database that does not answer.
fn two_days(backend: Backend) -> Scratch {
    let scratch = Scratch::new(backend);
    let config = |more: &str| {
        scratch.write_config(&format!(
            "[programme]\nstart = \"2026-11-18\"\n[special]\npartners = [3, 5]\n[rules.daily]\n{more}"
        ));
    };
    config("min_votes = 1");
    scratch.import(&votes(0..240, "2026-11-18T00:00:00Z"), RATES);
    for hour in 1..24 {
        at(&scratch, &format!("2026-11-18T{hour:02}:30:00Z"), &["once", "hourly"]);
    }
    at(&scratch, "2026-11-19T00:00:35Z", &["once", "daily"]);
    config("min_votes = 2");
    for hour in (0..6).chain([9]).chain(11..24) {
        at(&scratch, &format!("2026-11-19T{hour:02}:30:00Z"), &["once", "hourly"]);
    }
    let late = "id,partner_id,vote_type,cc,ecc,voted_at\n900,8,cc,4,1,2026-11-19T03:30:00Z\n";
    scratch.import(late, "quoted_at,rate\n");
    scratch.query(
        "UPDATE special_transfers SET attempts = 3, last_error = 'connecting has failed: <refused>' \
         WHERE time >= '2026-11-19 20:00:00.000000'",
    );
    at(&scratch, "2026-11-20T00:00:35Z", &["once", "daily"]);
    scratch
}

#[test]
fn a_day_is_told_as_text_html_and_csv() {
    let scratch = two_days(Backend::Sqlite);
    let now = "2026-11-20T00:01:00Z";
    let text = at(&scratch, now, &["report", "daily"]);
    assert_eq!(text, reported(&scratch, now, "2026-11-19", "text"), "the last day that was paid");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_snapshot!("report_text", text);
    assert_snapshot!("report_csv", reported(&scratch, now, "2026-11-19", "csv"));
    let html = reported(&scratch, now, "2026-11-19", "html");
    assert!(html.contains("&lt;refused&gt;") && !html.contains("<script"), "{html}");
    assert_snapshot!("report_html", html.replace("<h2", "\n<h2").replace("<tr", "\n<tr"));
}

#[test]
fn a_few_lines_say_what_matters() {
    let scratch = two_days(Backend::Sqlite);
    let url = DatabaseUrl::parse(&scratch.url).unwrap();
    let (first, second) = scratch.block_on(async {
        let database = Database::open(&url, Access::Read, 1).await.unwrap();
        let store = SqlStore::new(database.clone(), Arc::new(Fence::closed()), Arc::new(()));
        let calendar = Calendar::new(chrono_tz::UTC);
        let now = "2026-11-20T00:01:00Z".parse().unwrap();
        let second = report::last_paid_day(&store, &calendar).await.unwrap();
        let first = report::gather(&store, &calendar, second.pred_opt().unwrap(), now).await.unwrap();
        let second = report::gather(&store, &calendar, second, now).await.unwrap();
        database.close().await;
        (first, second)
    });
    let both = [report::summary(&first).join("\n"), report::summary(&second).join("\n")];
    assert_snapshot!("report_summary", both.join("\n\n"));
}

#[test]
fn a_first_day_has_no_day_before_and_its_last_hour_waits_an_hour_unmentioned() {
    let scratch = two_days(Backend::Sqlite);
    assert_snapshot!("report_first_day", reported(&scratch, "2026-11-19T02:00:00Z", "2026-11-18", "text"));
    scratch.query("UPDATE reward_settlements SET paid = 0 WHERE time = '2026-11-19 23:00:00.000000'");
    let unpaid = |now: &str| reported(&scratch, now, "2026-11-19", "csv").contains(",incident,unpaid,");
    assert!(!unpaid("2026-11-20T00:59:59Z") && unpaid("2026-11-20T01:00:00Z"));
}

#[test]
fn a_day_without_votes_is_an_incident_and_its_pool_goes_on() {
    let scratch = Scratch::new(Backend::Sqlite);
    scratch.write_config("[programme]\nstart = \"2026-11-18\"");
    scratch.import("id,partner_id,vote_type,cc,ecc,voted_at\n1,7,free,10,1,2026-11-18T04:00:00Z\n2,7,cc,10,1,2026-11-18T05:00:00Z\n", RATES);
    at(&scratch, "2026-11-20T00:00:35Z", &["once"]);
    scratch.query("UPDATE reward_runs SET committed_at = '2026-11-20 00:00:35.000000' WHERE sequence > 24");
    assert_snapshot!("report_empty_day", reported(&scratch, "2026-11-20T00:01:00Z", "2026-11-19", "text"));
}

#[test]
fn days_across_a_clock_change_have_their_own_hours() {
    for (name, first, day, until) in [
        ("report_23_hours", "2026-03-28", "2026-03-29", "2026-03-29T22:30:00Z"),
        ("report_25_hours", "2026-10-24", "2026-10-25", "2026-10-25T23:30:00Z"),
    ] {
        let scratch = Scratch::new(Backend::Sqlite);
        scratch.write_config(&format!("[programme]\nstart = {first:?}\ntimezone = \"Europe/Budapest\""));
        scratch.import(&votes(0..240, &format!("{first}T00:00:00Z")), RATES);
        at(&scratch, until, &["once"]);
        let text = reported(&scratch, until, day, "text");
        let hours: Vec<&str> =
            text.lines().skip_while(|line| *line != "Hours").take_while(|line| !line.is_empty()).collect();
        assert_snapshot!(
            name,
            format!("{}\n\n{}", text.lines().take(8).collect::<Vec<_>>().join("\n"), hours.join("\n"))
        );
    }
}

#[test]
fn a_day_that_has_no_report_is_named_with_the_reason() {
    let scratch = Scratch::new(Backend::Sqlite);
    scratch.write_config("[programme]\nstart = \"2026-11-18\"");
    scratch.import(&votes(0..240, "2026-11-18T00:00:00Z"), RATES);
    let mut all = vec![];
    let mut ask = |args: &[&str]| {
        let mut command = scratch.rewardd(&[&["report", "daily"], args].concat());
        let output = command.env("REWARDD_CLOCK", clock("2026-11-20T10:00:00Z", 0)).output().unwrap();
        all.push(format!("$ report daily {}\n{}", args.join(" "), shown(&output, &[])));
    };
    ask(&[]);
    at(&scratch, "2026-11-18T06:30:00Z", &["once"]);
    ask(&[]);
    at(&scratch, "2026-11-19T00:30:00Z", &["once"]);
    ask(&["--day", "2026-11-17"]);
    ask(&["--day", "2026-11-19"]);
    ask(&["--day", "2026-11-20"]);
    ask(&["--day", "tomorrow"]);
    ask(&["--force"]);
    assert_snapshot!("report_none", all.join("\n"));

    let file = scratch.path("day.csv");
    let args = ["report", "daily", "--format", "csv", "--output", "day.csv"];
    assert_eq!(at(&scratch, "2026-11-19T00:30:00Z", &args), "", "it is in the file");
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept, reported(&scratch, "2026-11-19T00:30:00Z", "2026-11-18", "csv"));
    let again = scratch.rewardd(&args).output().unwrap();
    assert_eq!(again.status.code(), Some(74), "{}", shown(&again, &[]));
    at(&scratch, "2026-11-19T00:31:00Z", &[&args[..], &["--force"]].concat());
    assert_ne!(fs::read_to_string(&file).unwrap(), kept, "replaced, as of another minute");
}

on_every_backend!(
    a_report_adds_up_to_the_tables_in_every_worked_case,
    what_does_not_add_up_or_is_stuck_is_told,
);

/// A report in CSV: values by section, name and figure.
type Figures = BTreeMap<(String, String, String), String>;

fn figures(text: &str) -> Figures {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut figures = Figures::new();
    for line in reader.records().map(Result::unwrap) {
        let key = (line[1].to_owned(), line[2].to_owned(), line[3].to_owned());
        assert!(figures.insert(key, line[5].to_owned()).is_none() || &line[1] == "incident", "{line:?}");
    }
    figures
}

fn figure<'f>(figures: &'f Figures, section: &str, name: &str, figure: &str) -> &'f str {
    figures.get(&(section.to_owned(), name.to_owned(), figure.to_owned())).map_or("-", |value| value)
}

/// A reward row of a table: partner, position, amounts.
type Row = (String, u32, Vec<Units>);

fn rows(scratch: &Scratch, table: &str, columns: &[&str], condition: &str) -> Vec<Row> {
    let casts: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS CHAR)")).collect();
    let sql = format!(
        "SELECT CAST(partner_id AS CHAR), CAST(position AS CHAR), {} FROM {table} WHERE {condition}",
        casts.join(", ")
    );
    let rows = scratch.query(&sql).into_iter().map(|row| row.into_iter().map(Option::unwrap));
    let row = |mut cells: Box<dyn Iterator<Item = String>>| {
        let (partner, position) = (cells.next().unwrap(), cells.next().unwrap().parse().unwrap());
        (partner, position, cells.map(|amount| Units::parse(&amount).unwrap()).collect())
    };
    rows.map(|cells| row(Box::new(cells.collect::<Vec<_>>().into_iter()))).collect()
}

fn a_report_adds_up_to_the_tables_in_every_worked_case(backend: Backend) {
    let mut days = 0;
    for case in vectors() {
        let name = case.file_name().unwrap().to_str().unwrap();
        let scratch = paid(name, backend);
        let paid_days = scratch.query(
            "SELECT CAST(reward_day AS CHAR), CAST(time AS CHAR) FROM reward_log WHERE reward_type = 'daily' \
             ORDER BY time",
        );
        let mut before: Option<Vec<Row>> = None;
        for day in &paid_days {
            let (day, start) = (day[0].clone().unwrap(), day[1].clone().unwrap());
            let now = "2027-01-01T00:00:00Z";
            let figures = figures(&reported(&scratch, now, &day, "csv"));
            before = Some(adds_up(&scratch, &figures, &day, &start, before));
            days += 1;
        }
    }
    assert!(days > 15, "{days} days were reported");
}

/// Holds a day's report against the tables; gives the rows of the day.
fn adds_up(
    scratch: &Scratch,
    figures: &Figures,
    day: &str,
    start: &str,
    before: Option<Vec<Row>>,
) -> Vec<Row> {
    let hours = format!("time IN (SELECT time FROM reward_settlements WHERE day = '{day}')");
    let hourly = rows(scratch, "reward_list_hourly", columns(Kind::Hourly), &hours);
    let daily = rows(scratch, "reward_list_daily", columns(Kind::Daily), &format!("time = '{start}'"));
    for (columns, rows) in [(columns(Kind::Hourly), &hourly), (columns(Kind::Daily), &daily)] {
        for (index, column) in columns.iter().enumerate() {
            let amounts: Vec<Units> = rows.iter().map(|row| row.2[index]).filter(|a| !a.is_zero()).collect();
            let of = |name: &str| figure(figures, "category", column, name).to_owned();
            let text = |amount: Option<&Units>| amount.map_or("-".to_owned(), ToString::to_string);
            assert_eq!(of("paid"), amounts.iter().copied().sum::<Units>().to_string(), "{day} {column}");
            assert_eq!(of("smallest"), text(amounts.iter().min()), "{day} {column}");
            assert_eq!(of("largest"), text(amounts.iter().max()), "{day} {column}");
            assert!(of("members").parse::<usize>().unwrap() >= amounts.len(), "{day} {column}");
        }
    }
    let sum = |amounts: &[Units]| amounts.iter().copied().sum::<Units>();
    let got_something = |rows: &[Row]| rows.iter().filter(|row| !sum(&row.2).is_zero()).count().to_string();
    let bonus: Units = daily.iter().map(|row| row.2[7]).sum();
    let from_pool: Units = daily.iter().map(|row| sum(&row.2[..7])).sum();
    let by_hours: Units = hourly.iter().map(|row| sum(&row.2)).sum();
    for (name, amount, payments) in [
        ("hourly", by_hours, Some(got_something(&hourly))),
        ("daily", from_pool, Some(got_something(&daily))),
        ("market_bonus", bonus, None),
        ("total", by_hours + from_pool + bonus, None),
    ] {
        assert_eq!(figure(figures, "paid", name, "amount"), amount.to_string(), "{day} {name}");
        assert_eq!(
            figure(figures, "paid", name, "payments"),
            payments.as_deref().unwrap_or("-"),
            "{day} {name}"
        );
    }
    let pool = |name: &str| Units::parse(figure(figures, "pool", "", name)).unwrap();
    assert_eq!(
        pool("carried_in") + pool("contributed") + pool("late_contributed"),
        pool("to_share"),
        "{day}"
    );
    assert_eq!(pool("paid") + pool("carried_out"), pool("to_share"), "{day}");
    let queued =
        scratch.query(&format!("SELECT CAST(cc_reward AS CHAR) FROM special_transfers WHERE {hours}"));
    let queued: Vec<Units> =
        queued.iter().map(|row| Units::parse(row[0].as_ref().unwrap()).unwrap()).collect();
    assert_eq!(figure(figures, "transfers", "queued", "transfers"), queued.len().to_string());
    assert_eq!(figure(figures, "transfers", "queued", "amount"), sum(&queued).to_string());
    let is_broken = |key: &&(String, String, String)| key.0 == "incident" && key.2 == "broken";
    assert_eq!(figures.keys().find(is_broken), None, "{day}");
    moves(figures, &daily, before.as_deref());
    daily
}

/// Holds the changes of position against two days' rows.
fn moves(figures: &Figures, now: &[Row], before: Option<&[Row]>) {
    let Some(before) = before else {
        assert!(figures.keys().all(|(section, ..)| section != "changes"), "there is no day before");
        return;
    };
    let by_partner = |rows: &[Row]| -> BTreeMap<String, u32> {
        rows.iter().map(|(partner, position, _)| (partner.clone(), *position)).collect()
    };
    let (now, before) = (by_partner(now), by_partner(before));
    let both = now.iter().filter_map(|(partner, now)| Some((partner, *now, *before.get(partner)?)));
    let (mut ups, mut downs) = (vec![], vec![]);
    for (partner, now, before) in both {
        match i64::from(before) - i64::from(now) {
            0 => {}
            places if places > 0 => ups.push((-places, now, before, partner.clone())),
            places => downs.push((places, before, now, partner.clone())),
        }
    }
    for (section, count, mut moved, is_up) in
        [("up", ups.len(), ups, true), ("down", downs.len(), downs, false)]
    {
        assert_eq!(figure(figures, "changes", "", section), count.to_string());
        moved.sort();
        for (_, better, worse, partner) in moved.iter().take(10) {
            let (now, before) = if is_up { (better, worse) } else { (worse, better) };
            assert_eq!(figure(figures, section, partner, "position"), now.to_string(), "{section} {partner}");
            assert_eq!(figure(figures, section, partner, "position_before"), before.to_string());
        }
    }
    let new = now.keys().filter(|partner| !before.contains_key(*partner)).count();
    let gone = before.keys().filter(|partner| !now.contains_key(*partner)).count();
    assert_eq!(figure(figures, "changes", "", "new"), new.to_string());
    assert_eq!(figure(figures, "changes", "", "gone"), gone.to_string());
}

fn what_does_not_add_up_or_is_stuck_is_told(backend: Backend) {
    let scratch = two_days(backend);
    let now = "2026-11-20T02:00:00Z";
    let incidents = |day: &str| -> Vec<String> {
        let text = reported(&scratch, now, day, "csv");
        let lines = text.lines().filter(|line| line.contains(",incident,"));
        lines.map(|line| line.splitn(3, ',').nth(2).unwrap().to_owned()).collect()
    };
    let well = incidents("2026-11-19");
    scratch.query("UPDATE reward_programme SET contributed = '1.00000000'");
    scratch.query("DELETE FROM reward_list_daily WHERE position = 2 AND time = '2026-11-19 00:00:00.000000'");
    scratch.query("DELETE FROM reward_settlements WHERE time = '2026-11-19 07:00:00.000000'");
    let broken = incidents("2026-11-19");
    assert_eq!(broken[broken.len() - well.len()..], well[..], "the gravest come first");
    for part in [
        "incident,books,broken",
        "rows,broken,text,\"reward_list_daily has",
        "unsettled,broken",
        "adds up to",
    ] {
        assert!(broken.iter().any(|line| format!("incident,{line}").contains(part)), "{part}: {broken:#?}");
    }
}
