//! A day and an hour in SQLite, beside the floor: the same rows read and written by SQLite's own library, which decodes
//! and adds up nothing. `cargo bench --bench sqlite`; it takes the demo's votes, a million of them on one day.

#![expect(clippy::float_arithmetic, reason = "seconds and their ratios, no money")]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rewardd::clock::Stopwatch;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 7;
const VOTES: &str = "1000000";
const PARTNERS: &str = "50000";

/// A window that is paid, and how many columns its rewards have.
struct Job {
    kind: &'static str,
    start: String,
    end: String,
    table: &'static str,
}

fn main() -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    rewardd(&["demo", "--votes", VOTES, "--partners", PARTNERS, "--days", "1"], dir)?;
    let demo = Connection::open(dir.join("demo/rewardd.db"))?;
    let day: String = demo.query_row("SELECT start_day FROM reward_programme", (), |row| row.get(0))?;
    let next: String = demo.query_row("SELECT date(?, '+1 day')", [&day], |row| row.get(0))?;
    let jobs = [
        Job { kind: "daily", start: format!("{day} 00:00:00"), end: next, table: "reward_list_daily" },
        Job {
            kind: "hourly",
            start: format!("{day} 20:00:00"),
            end: format!("{day} 21:00:00"),
            table: "reward_list_hourly",
        },
    ];
    println!("| what | votes | rows | read | write | floor | rewardd | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for job in &jobs {
        report(job, &demo, &day, dir)?;
    }
    Ok(())
}

/// Runs floor and program in turn, and prints their medians in seconds.
fn report(job: &Job, demo: &Connection, day: &str, dir: &Path) -> Outcome<()> {
    let (mut reads, mut writes, mut runs) = (vec![], vec![], vec![]);
    let (mut votes, mut rewards) = (0, 0);
    for _ in 0..ROUNDS {
        let mut watch = Stopwatch::start();
        votes = read(job, demo)?;
        reads.push(watch.lap());
        let rows = rows(job, demo)?;
        rewards = rows.len();
        let floor = target(demo, job, &dir.join("floor.db"))?;
        watch.lap();
        write(job, floor, &rows)?;
        writes.push(watch.lap());
        runs.push(pay(job, day, dir)?);
    }
    let [read, write, run] = [reads, writes, runs].map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    let floor = read + write;
    let ratio = run / floor;
    let kind = job.kind;
    println!(
        "| {kind} | {votes} | {rewards} | {read:.3} | {write:.3} | {floor:.3} | {run:.3} | {ratio:.2} |"
    );
    Ok(())
}

fn read(job: &Job, demo: &Connection) -> Outcome<u64> {
    let mut query = demo.prepare(
        "SELECT partner_id, vote_type, cc, ecc, voted_at FROM votes WHERE voted_at >= ? AND voted_at < ?",
    )?;
    let mut rows = query.query([&job.start, &job.end])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        row.get_ref(0)?.as_i64()?;
        for column in 1..5 {
            std::hint::black_box(row.get_ref(column)?.as_str()?);
        }
        count += 1;
    }
    Ok(count)
}

/// The rewards that the demo has paid, by key.
fn rows(job: &Job, demo: &Connection) -> Outcome<Vec<Vec<Value>>> {
    let table = job.table;
    let mut query = demo
        .prepare(&format!("SELECT * FROM {table} WHERE substr(time, 1, 19) = ? ORDER BY time, partner_id"))?;
    let columns = query.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
    Ok(query.query_map([&job.start], row)?.collect::<Result<_, _>>()?)
}

/// An empty table like the program's, in a file of its own.
fn target(demo: &Connection, job: &Job, path: &Path) -> Outcome<Connection> {
    drop(std::fs::remove_file(path));
    let schema: String =
        demo.query_row("SELECT sql FROM sqlite_master WHERE name = ?", [job.table], |row| row.get(0))?;
    let floor = Connection::open(path)?;
    floor.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    floor.execute_batch(&schema)?;
    Ok(floor)
}

fn write(job: &Job, mut floor: Connection, rows: &[Vec<Value>]) -> Outcome<()> {
    let marks = vec!["?"; rows[0].len()].join(", ");
    let transaction = floor.transaction()?;
    let mut insert = transaction.prepare(&format!("INSERT INTO {} VALUES ({marks})", job.table))?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    drop(insert);
    Ok(transaction.commit()?)
}

/// The whole process, from an empty programme on.
fn pay(job: &Job, day: &str, dir: &Path) -> Outcome<Duration> {
    for file in ["r.db", "r.db-wal", "r.db-shm"] {
        drop(std::fs::remove_file(dir.join(file)));
    }
    std::fs::write(
        dir.join("config.toml"),
        format!(
            "[programme]\nstart = \"{day}\"\n[database]\nurl = \"sqlite://r.db\"\n[source]\nurl = \
             \"sqlite://demo/rewardd.db\"\n[logging]\ndir = \"logs\"\n"
        ),
    )?;
    rewardd(&["migrate"], dir)?;
    let window = job.start.replace(' ', "T") + "Z";
    let window = if job.kind == "daily" { day } else { &window };
    let mut watch = Stopwatch::start();
    rewardd(&["once", job.kind, "--window", window], dir)?;
    Ok(watch.lap())
}

fn rewardd(args: &[&str], dir: &Path) -> Outcome<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_rewardd")).args(args).current_dir(dir).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("rewardd {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr)).into())
}
