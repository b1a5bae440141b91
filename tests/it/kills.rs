//! The program is killed, or stopped and continued, at any moment: it pays what an undisturbed one pays.

use std::cell::Cell;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rewardd::config::DatabaseUrl;
use rewardd::store::sql::{Access, Database};
use rustix::process::Signal;

mod holds;
mod process;
mod stopped;
mod week;

use crate::on_every_backend;
use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, Tables, assert_same, read_tables, shown, vectors};

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

fn config(start: &str, remote: &str) -> String {
    format!(
        "[programme]\nstart = \"{start}\"\n[special]\npartners = [1, 4, 999]\n[remote]\nurl = {remote:?}\n\
         [schedule]\ncatch_up = \"1000h\"\n[http]\nlisten = \"127.0.0.1:0\"\n"
    )
}

fn prepared(backend: Backend, start: &str, votes: &str, rates: &str) -> (Scratch, String) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    scratch.write_config(&config(start, &remote));
    scratch.import(votes, rates);
    (scratch, remote)
}

/// The worked case with special partners: votes from six to ten o'clock of the 19th.
fn case() -> PathBuf {
    vectors().into_iter().find(|case| case.ends_with("special")).unwrap()
}

fn prepared_case(backend: Backend) -> (Scratch, String) {
    let text = |name: &str| fs::read_to_string(case().join(name)).unwrap();
    prepared(backend, "2026-11-19", &text("votes.csv"), &text("rates.csv"))
}

/// The five tables; beside them the end of the hash chain, and how many transfers are not noted as delivered.
fn everything(scratch: &Scratch, remote: &str) -> Tables {
    let mut tables = stored(scratch, remote);
    tables.insert("chain_head".to_owned(), scratch.one("SELECT chain_head FROM reward_programme"));
    let waiting = "SELECT CAST(COUNT(*) AS CHAR) FROM special_transfers WHERE delivered_at IS NULL";
    tables.insert("waiting".to_owned(), scratch.one(waiting));
    tables
}

fn was_killed(output: &Output) -> bool {
    output.status.signal() == Some(Signal::KILL.as_raw())
}

/// Runs statements one after the other over one connection.
fn execute(scratch: &Scratch, url: &str, statements: &[String]) {
    let url = DatabaseUrl::parse(url).unwrap();
    scratch.block_on(async {
        let database = Database::open(&url, Access::Write, 1).await.unwrap();
        for statement in statements {
            database.fetch(statement.clone(), &[]).await.unwrap();
        }
        database.close().await;
    });
}

/// Waits until a count is as wanted. Between two looks a little time passes, so that others get on.
fn wait_for_count(scratch: &Scratch, sql: &str, wanted: u64) {
    let url = DatabaseUrl::parse(&scratch.url).unwrap();
    let last = Cell::new(0);
    let reached = scratch.block_on(async {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let database = Database::open(&url, Access::Write, 1).await.unwrap();
                let rows = database.fetch(sql.to_owned(), &[]).await.unwrap();
                last.set(rows[0].text(0).unwrap().parse().unwrap());
                database.close().await;
                if last.get() == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    });
    assert!(reached.is_ok(), "{sql}: still {} where {wanted} are wanted", last.get());
}

on_every_backend!(killed_at_every_point_a_run_ends_as_if_undisturbed);

/// The tables that runs and decisions write to.
const WRITTEN: [&str; 14] = [
    "reward_programme",
    "reward_runs",
    "reward_settlements",
    "reward_pool_state",
    "reward_list_hourly",
    "reward_list_daily",
    "reward_log",
    "reward_distribution_logs",
    "special_transfers",
    "reward_alarms",
    "reward_holds",
    "reward_held_windows",
    "reward_decisions",
    "reward_guard",
];

/// A state to come back to: with an empty remote.
struct Saved<'a> {
    scratch: &'a Scratch,
    remote: &'a str,
}

impl<'a> Saved<'a> {
    fn new(scratch: &'a Scratch, remote: &'a str) -> Self {
        let saved = Self { scratch, remote };
        if scratch.backend == Backend::Sqlite {
            assert!(!scratch.path("rewards.db-wal").exists(), "the file holds everything");
            for (file, copy) in saved.files() {
                fs::copy(file, copy).unwrap();
            }
        } else {
            let copies = WRITTEN.iter().flat_map(|table| {
                [
                    format!("DROP TABLE IF EXISTS saved_{table}"),
                    format!("CREATE TABLE saved_{table} LIKE {table}"),
                    format!("INSERT INTO saved_{table} SELECT * FROM {table}"),
                ]
            });
            execute(scratch, &scratch.url, &copies.collect::<Vec<_>>());
        }
        saved
    }

    fn files(&self) -> [(PathBuf, PathBuf); 2] {
        ["rewards.db", "remote.db"]
            .map(|name| (self.scratch.path(name), self.scratch.path(&format!("saved-{name}"))))
    }

    fn restore(&self) {
        if self.scratch.backend == Backend::Sqlite {
            for (file, copy) in self.files() {
                for sibling in ["-wal", "-shm"] {
                    let mut sibling_file = file.clone().into_os_string();
                    sibling_file.push(sibling);
                    // What a killed process leaves; there is none where it closed the file.
                    let _ = fs::remove_file(sibling_file);
                }
                fs::copy(copy, file).unwrap();
            }
        } else {
            let mut back = vec!["SET autocommit = 0".to_owned()];
            for table in WRITTEN {
                back.push(format!("DELETE FROM {table}"));
                back.push(format!("INSERT INTO {table} SELECT * FROM saved_{table}"));
            }
            back.push("COMMIT".to_owned());
            execute(self.scratch, &self.scratch.url, &back);
            execute(self.scratch, self.remote, &["DELETE FROM cc_hourly".to_owned()]);
        }
    }
}

fn killed_at_every_point_a_run_ends_as_if_undisturbed(backend: Backend) {
    let (scratch, remote) = prepared_case(backend);
    // An hour of votes whose transfers are queued and delivered, beside those that wait; then the last two
    // hours of the day, the day itself and an hour of the next day.
    for (paid_until, until, least) in [
        ("2026-11-19T08:10:00Z", "2026-11-19T09:10:00Z", 20),
        ("2026-11-19T22:10:00Z", "2026-11-20T01:00:00Z", 70),
    ] {
        // The hours alone: their transfers stay queued.
        scratch.query_at(&remote, "DELETE FROM cc_hourly");
        scratch.run(&["once", "hourly", "--as-of", paid_until]);
        execute(
            &scratch,
            &scratch.url,
            &["UPDATE special_transfers SET delivered_at = NULL, \
             next_attempt_at = '2026-11-19 00:00:00.000000'"
                .to_owned()],
        );
        let saved = Saved::new(&scratch, &remote);
        let run = ["once", "all", "--as-of", until];
        scratch.run(&run);
        let expected = everything(&scratch, &remote);

        let mut last = 0;
        for point in backend.fault_points() {
            saved.restore();
            let mut disturbed = scratch.rewardd(&run);
            let output = disturbed.env("REWARDD_FAULT", format!("kill@any:{point}")).output().unwrap();
            if !was_killed(&output) {
                assert!(output.status.success(), "{}", shown(&output, &[]));
                break;
            }
            last = point;
            scratch.run(&run);
            assert_same(
                &everything(&scratch, &remote),
                &expected,
                &format!("killed at point {point} before {until}"),
            );
        }
        assert_same(&everything(&scratch, &remote), &expected, "undisturbed at last");
        assert!(last >= least, "only {last} points were met before {until}");
        eprintln!("{backend:?}: killed at points up to the {last}th of the run as of {until}");
    }
    assert_same(&stored(&scratch, &remote), &read_tables(&case().join("expected")), "the worked case");
}
