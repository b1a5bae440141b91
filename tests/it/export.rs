//! What is exported is what the tables hold, to the last unit, in every form.

use std::fs::{self, File};
use std::path::Path;

use insta::assert_snapshot;
use polars::prelude::{AnyValue, ParquetReader, SerReader, TimeUnit};
use rewardd::files::export::{Exported, Holds};
use rewardd::rewards::window::show;
use serde_json::Value;

use crate::on_every_backend;
use crate::support::tables::make_remote;
use crate::support::{Backend, Scratch, shown};

/// Two days of Budapest, each with votes in a few of its hours.
fn programme(backend: Backend) -> Scratch {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    scratch.write_config(&format!(
        "[programme]\nstart = \"2026-11-18\"\ntimezone = \"Europe/Budapest\"\n[special]\npartners = [3, 5]\n[remote]\n\
         url = {remote:?}"
    ));
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for number in 0..96 {
        let (day, hour, minute) = (17 + number / 32, number % 24, number % 60);
        let (partner, cc) = (number * 7 % 11 + 1, 100 + number);
        votes.push_str(&format!(
            "{number},{partner},cc,{cc}.07000001,1.5,2026-11-{day}T{hour:02}:{minute:02}:00.000001Z\n"
        ));
    }
    scratch.import(&votes, "quoted_at,rate\n2026-11-10T00:00:00Z,1.25\n2026-11-18T12:00:00Z,1.31\n");
    scratch.run(&["once", "--as-of", "2026-11-20T02:30:00Z"]);
    // What alarms may have left.
    for (kind, time) in [
        ("hourly", "2026-11-18 08:00:00.000000"),
        ("hourly", "2026-11-19 08:00:00.000000"),
        ("daily", "2026-11-18 23:00:00.000000"),
    ] {
        scratch.query(&format!(
            "INSERT INTO reward_alarms (reward_type, time, number, alarm, rule, action, partner_id, figure, bound, \
             stake, raised_at) VALUES ('{kind}', '{time}', 1, 'burst', 'votes_per_minute', 'hold_partner', 5, \
             '61 votes', '60 votes', '1.25000000', '{time}')"
        ));
        scratch.query(&format!(
            "INSERT INTO reward_holds (reward_type, time, partner_id, amounts, from_pool, market_bonus, has_transfer, \
             alarms, state, held_at) VALUES ('{kind}', '{time}', 5, '[\"1.25000000\"]', '1.25000000', '0.00000000', 0, \
             '[\"burst\"]', 'held', '{time}')"
        ));
    }
    // One that waits and fails, with a reason that needs quotation marks.
    scratch.query(
        "UPDATE special_transfers SET delivered_at = NULL, next_attempt_at = '2026-11-20 00:00:00.000000', \
         attempts = 2, last_error = 'a \"bad\", day' WHERE partner_id = 5",
    );
    scratch
}

/// How the database orders what is exported, and the condition for the day 2026-11-19 of the programme.
fn order_and_day(table: Exported) -> (&'static str, String) {
    let between = |column: &str| {
        format!("{column} >= '2026-11-18 23:00:00.000000' AND {column} < '2026-11-19 23:00:00.000000'")
    };
    match table {
        Exported::Rewards(_) => ("time, partner_id", between("time")),
        Exported::RewardLog => ("reward_day, sequence", "reward_day = '2026-11-19'".to_owned()),
        Exported::DistributionLogs => ("reward_type, timestamp", between("timestamp")),
        Exported::Runs => ("reward_type, time", between("time")),
        Exported::Settlements => ("time", between("time")),
        Exported::PoolState => ("day", "day = '2026-11-19'".to_owned()),
        Exported::Transfers => ("partner_id, time", between("time")),
        Exported::RulesVersions => ("number", between("since")),
        Exported::Alarms => ("reward_type, time, number", between("time")),
        Exported::Holds => ("reward_type, time, partner_id", between("time")),
    }
}

/// The rows that the table holds, as an export writes their values; an empty text is NULL.
fn stored(scratch: &Scratch, table: Exported, condition: &str) -> Vec<Vec<String>> {
    let columns = table.columns();
    let casts: Vec<String> = columns.iter().map(|(name, _)| format!("CAST({name} AS CHAR)")).collect();
    let (order, _) = order_and_day(table);
    let sql = format!("SELECT {} FROM {} WHERE {condition} ORDER BY {order}", casts.join(", "), table.name());
    let rows = scratch.query(&sql).into_iter();
    let cell = |((_, holds), value): (&(&str, Holds), Option<String>)| match (holds, value) {
        (Holds::Instant, Some(time)) => format!("{}Z", time.replace(' ', "T")),
        (_, value) => value.unwrap_or_default(),
    };
    rows.map(|row| columns.iter().zip(row).map(cell).collect()).collect()
}

fn read_csv(path: &Path, table: Exported) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<&str> = table.columns().iter().map(|(name, _)| *name).collect();
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), names);
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn read_json(text: &str, table: Exported) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row.as_object().unwrap().len(), table.columns().len());
        let cell = |(name, holds): &(&str, Holds)| match &row[*name] {
            Value::Null => String::new(),
            Value::Number(number) if *holds == Holds::Integer => number.to_string(),
            Value::String(text) if *holds != Holds::Integer => text.clone(),
            other => panic!("{name}: {other}"),
        };
        table.columns().iter().map(cell).collect()
    };
    text.lines().map(row).collect()
}

fn read_parquet(path: &Path, table: Exported) -> Vec<Vec<String>> {
    let frame = ParquetReader::new(File::open(path).unwrap()).finish().unwrap();
    let names: Vec<&str> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
    assert_eq!(names, table.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let cell = |name: &str, row: usize| match frame.column(name).unwrap().get(row).unwrap().as_borrowed() {
        AnyValue::Null => String::new(),
        AnyValue::Int64(number) => number.to_string(),
        AnyValue::String(text) => text.to_owned(),
        AnyValue::Decimal(units, precision, scale) => {
            assert_eq!((precision, scale), (28, 8), "{name}");
            rewardd::rewards::money::Units::new(units).unwrap().to_string()
        }
        AnyValue::Datetime(micros, TimeUnit::Microseconds, Some(zone)) => {
            assert_eq!(zone.as_str(), "UTC");
            show(chrono::DateTime::from_timestamp_micros(micros).unwrap())
        }
        AnyValue::Date(days) => {
            (chrono::NaiveDate::default() + chrono::TimeDelta::days(days.into())).to_string()
        }
        other => panic!("{name}: {other:?}"),
    };
    (0..frame.height()).map(|row| names.iter().map(|name| cell(name, row)).collect()).collect()
}

on_every_backend!(every_table_comes_back_from_every_form_as_it_is_stored);

fn every_table_comes_back_from_every_form_as_it_is_stored(backend: Backend) {
    let scratch = programme(backend);
    for table in Exported::ALL {
        let name = table.name();
        let export = |format: &str, from: &str, to: &str, output: Option<&str>| {
            let mut args = vec!["export", "--table", name, "--from", from, "--to", to, "--format", format];
            args.extend(output.iter().flat_map(|output| ["--output", *output]));
            scratch.run(&args)
        };
        let all = stored(&scratch, table, "1 = 1");
        assert!(!all.is_empty(), "{name}");
        for format in ["csv", "parquet", "json"] {
            let file = format!("{name}.{format}");
            // Until the year 9999, as rules are recorded now.
            export(format, "2026-01-01", "9999-12-31", Some(&file));
            let path = scratch.path(&file);
            let read = match format {
                "csv" => read_csv(&path, table),
                "json" => read_json(&fs::read_to_string(&path).unwrap(), table),
                _ => read_parquet(&path, table),
            };
            assert_eq!(read, all, "{file}");
        }
        let of_day = stored(&scratch, table, &order_and_day(table).1);
        assert!(of_day.len() < all.len(), "{name}");
        assert_eq!(read_json(&export("json", "2026-11-19", "2026-11-19", None), table), of_day, "{name}");
        export("parquet", "2020-01-01", "2020-12-31", Some("none.parquet"));
        assert_eq!(read_parquet(&scratch.path("none.parquet"), table), Vec::<Vec<String>>::new(), "{name}");
        fs::remove_file(scratch.path("none.parquet")).unwrap();
    }
}

on_every_backend!(pages_join_without_a_gap);

/// More rows than two pages have, in one window.
fn pages_join_without_a_gap(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    let zeros = ["'0.00000000'"; 5].join(", ");
    let rows: Vec<String> =
        (1..=12_000).map(|n| format!("({n}, {n}, '2026-11-19 04:00:00.000000', {zeros})")).collect();
    for rows in rows.chunks(4000) {
        scratch.query(&format!("INSERT INTO reward_list_hourly VALUES {}", rows.join(", ")));
    }
    let table = Exported::Rewards(rewardd::rewards::window::Kind::Hourly);
    let args = ["export", "--table", table.name(), "--from", "2026-11-19", "--to", "2026-11-19"];
    let text = scratch.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(read_json(&text, table), stored(&scratch, table, "1 = 1"));
}

on_every_backend!(what_cannot_be_read_leaves_no_file);

fn what_cannot_be_read_leaves_no_file(backend: Backend) {
    let scratch = programme(backend);
    // Pages before it are written by then.
    scratch.query("ALTER TABLE reward_log RENAME TO reward_log_before");
    let copy = match backend {
        Backend::Sqlite => "CREATE TABLE reward_log AS SELECT * FROM reward_log_before",
        _ => "CREATE TABLE reward_log LIKE reward_log_before",
    };
    scratch.query(copy);
    if backend != Backend::Sqlite {
        scratch.query("ALTER TABLE reward_log MODIFY pool_after DECIMAL(40,10)");
        scratch.query("INSERT INTO reward_log SELECT * FROM reward_log_before");
    }
    scratch.query("UPDATE reward_log SET pool_after = '1.0000000001' WHERE sequence = 20");
    // SQLite has files of its own beside the database.
    let count = || {
        let files = fs::read_dir(scratch.dir.path()).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|name| !name.to_str().unwrap().contains(".db")).count()
    };
    let before = count();
    for format in ["csv", "json", "parquet"] {
        let args = ["export", "--table", "reward_log", "--from", "2026-11-18", "--to", "2026-11-19"];
        let mut export = scratch.rewardd(&[&args[..], &["--format", format, "--output", "out"]].concat());
        assert_snapshot!("unreadable_value", shown(&export.output().unwrap(), &[]));
        assert_eq!(count(), before, "{format}");
    }
}

#[test]
fn bad_input_is_refused_with_the_reason() {
    let scratch = programme(Backend::Sqlite);
    fs::write(scratch.path("there.csv"), "mine").unwrap();
    let days = ["--from", "2026-11-19", "--to", "2026-11-19"];
    let pools = [&["export", "--table", "reward_pool_state"], &days[..]].concat();
    for (name, args) in [
        ("unknown_table", [&["export", "--table", "votes"], &days[..]].concat()),
        (
            "no_such_day",
            vec!["export", "--table", "reward_log", "--from", "2026-11-31", "--to", "2026-12-01"],
        ),
        (
            "days_reversed",
            vec!["export", "--table", "reward_log", "--from", "2026-11-20", "--to", "2026-11-19"],
        ),
        ("parquet_to_stdout", [&pools[..], &["--format", "parquet"]].concat()),
        ("file_is_there", [&pools[..], &["--output", "there.csv"]].concat()),
        ("no_folder", [&pools[..], &["--output", "nowhere/out.csv"]].concat()),
        ("is_a_folder", [&pools[..], &["--output", "."]].concat()),
    ] {
        let output = scratch.rewardd(&args).output().unwrap();
        let dir = scratch.dir.path().display().to_string();
        assert_snapshot!(name, shown(&output, &[(&dir, "DIR")]));
    }
    assert_eq!(fs::read_to_string(scratch.path("there.csv")).unwrap(), "mine");
    scratch.run(&[&pools[..], &["--output", "there.csv", "--force"]].concat());
    assert!(
        fs::read_to_string(scratch.path("there.csv")).unwrap().starts_with("day,accumulated_daily_pool\n")
    );
    assert_snapshot!("help", scratch.run(&["export", "--help"]));
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let scratch = programme(Backend::Sqlite);
    let binary = env!("CARGO_BIN_EXE_rewardd");
    let line = format!(
        "set -o pipefail; {binary} --config config.toml export --table reward_distribution_logs --from 2026-11-18 \
         --to 2026-11-20 | head -n 1"
    );
    let output =
        std::process::Command::new("bash").args(["-c", &line]).current_dir(scratch.dir.path()).output();
    let output = output.unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", shown(&output, &[]));
}
