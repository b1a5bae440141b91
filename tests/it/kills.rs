//! The program is killed, or stopped and continued, at any moment: what it pays is what an undisturbed one pays.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rewardd::config::DatabaseUrl;
use rewardd::store::sql::{Access, Database};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::on_every_backend;
use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, Tables, assert_same, read_tables, shown, succeed, vectors};

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
    let mut remote = make_remote(&mut scratch);
    if backend == Backend::MySql {
        // Encryption would take most of the time of these many short connections.
        for url in [&mut scratch.url, &mut remote] {
            url.push_str("?ssl-mode=disabled");
        }
    }
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
    let last = std::cell::Cell::new(0);
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

on_every_backend!(
    killed_at_every_point_a_run_ends_as_if_undisturbed,
    a_daemon_stopped_between_transactions_and_continued_after_its_lease_has_gone_pays_nothing_twice,
);

/// The tables that a run writes to.
const WRITTEN: [&str; 9] = [
    "reward_programme",
    "reward_runs",
    "reward_settlements",
    "reward_pool_state",
    "reward_list_hourly",
    "reward_list_daily",
    "reward_log",
    "reward_distribution_logs",
    "special_transfers",
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
    // An hour of votes whose transfers are queued and delivered, beside three that wait; then two hours around
    // midnight, the day before the second, and an hour of the next day.
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

        let mut kills = 0;
        loop {
            saved.restore();
            let point = kills + 1;
            let mut disturbed = scratch.rewardd(&run);
            let output = disturbed.env("REWARDD_FAULT", format!("kill@any:{point}")).output().unwrap();
            if !was_killed(&output) {
                assert!(output.status.success(), "{}", shown(&output, &[]));
                break;
            }
            kills = point;
            scratch.run(&run);
            assert_same(
                &everything(&scratch, &remote),
                &expected,
                &format!("killed at point {point} before {until}"),
            );
        }
        assert_same(&everything(&scratch, &remote), &expected, "undisturbed at last");
        assert!(kills >= least, "only {kills} points were met before {until}");
        eprintln!("{backend:?}: killed at each of {kills} points of the run as of {until}");
    }
    assert_same(&stored(&scratch, &remote), &read_tables(&case().join("expected")), "the worked case");
}

/// A daemon, and what it says on standard error. It ends with the test.
struct Daemon {
    child: Child,
    lines: Receiver<String>,
}

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                // The test need not listen any more.
                let _ = said.send(line.unwrap());
            }
        });
        Self { child, lines }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until it has been stopped by a signal.
    fn wait_until_stopped(&self) {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.pid()), options).unwrap().unwrap();
        assert!(status.stopped(), "it ended: {status:?}");
    }

    fn wait_until_it_says(&self, text: &str) {
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("{text:?} is not said: {why}"));
            if line.contains(text) {
                return;
            }
        }
    }

    /// Asks it to stop, which it has to do well. Gives what it has said since a test last listened.
    fn stop(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended; a panic here would hide the one of the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `rewardd run` with a state file and logs of its own.
fn daemon(scratch: &Scratch, name: &str, lease: &str) -> Command {
    let mut command = scratch.rewardd(&["run"]);
    command.env("REWARDD__PROCESS__STATE_FILE", scratch.path(&format!("{name}.json")));
    command.env("REWARDD__PROCESS__LEASE", lease);
    command.env("REWARDD__LOGGING__DIR", scratch.path(&format!("logs-{name}")));
    command
}

/// REWARDD_CLOCK from now on.
fn clock(start: &str, factor: u64) -> String {
    #[expect(clippy::disallowed_methods, reason = "the program's clock is set against the machine's")]
    let anchor = DateTime::<Utc>::from(SystemTime::now());
    format!("{},{start},{factor}", anchor.to_rfc3339())
}

/// Just after the tick that pays the last hour of the case.
const AFTER_THE_CASE: &str = "2026-11-20T01:30:20Z";
const CASE_RUNS: u64 = 26;

/// Has a daemon stop at a fault, another take over and pay everything, and the first go on.
fn stopped_and_continued(backend: Backend, fault: &str, once_stopped: impl Fn(&Scratch)) {
    let (scratch, remote) = prepared_case(backend);
    // So that the programme is recorded, and of the first daemon's statements only those count that pay.
    scratch.run(&["once", "--as-of", "2026-11-19T00:10:00Z"]);
    let clock = clock(AFTER_THE_CASE, 1);
    // It renews its lease so rarely that its first renewal comes after the fault.
    let mut command = daemon(&scratch, "first", "30s");
    let first = Daemon::start(command.env("REWARDD_CLOCK", &clock).env("REWARDD_FAULT", fault));
    first.wait_until_stopped();
    once_stopped(&scratch);
    let paid = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs";
    let paid_by_first = scratch.one(paid);

    let second = Daemon::start(daemon(&scratch, "second", "1s").env("REWARDD_CLOCK", &clock));
    wait_for_count(&scratch, paid, CASE_RUNS);
    let delivered = "SELECT CAST(COUNT(*) AS CHAR) FROM special_transfers WHERE delivered_at IS NOT NULL";
    wait_for_count(&scratch, delivered, 6);
    let expected = read_tables(&case().join("expected"));
    assert_same(&stored(&scratch, &remote), &expected, "paid by the second");

    first.signal(Signal::CONT);
    first.wait_until_it_says("the lease was taken over by another instance");
    let mut said = first.stop();
    said.extend(second.stop());
    assert!(!said.iter().any(|line| line.contains("panicked")), "{said:#?}");
    assert_same(&stored(&scratch, &remote), &expected, "the first has gone on");
    let again = scratch.run(&["once", "--as-of", "2026-11-20T01:00:00Z"]);
    assert!(again.contains("Nothing else is due"), "{again}");
    eprintln!(
        "{backend:?}: {paid_by_first} runs were paid by the first, then {fault}; the rest by the second"
    );
}

fn a_daemon_stopped_between_transactions_and_continued_after_its_lease_has_gone_pays_nothing_twice(
    backend: Backend,
) {
    // With a plan in hand, with a commit not yet noticed, with transfers delivered and not yet noted.
    for fault in ["stop@loaded:8", "stop@committed:8", "stop@delivered:1"] {
        stopped_and_continued(backend, fault, |_| {});
    }
}

/// The server ends the silent session in the end. SQLite has none: there a stopped process keeps its lock.
fn stopped_in_a_transaction(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    stopped_and_continued(backend, "stop@statement:107", |scratch| {
        let books = "SELECT chain_head FROM reward_programme WHERE id = 1 FOR UPDATE NOWAIT";
        assert!(scratch.try_query(books).is_none(), "it holds the books");
    });
}

mod a_daemon_stopped_in_a_transaction_and_continued_after_its_lease_has_gone_pays_nothing_twice {
    use super::*;

    #[test]
    fn on_mariadb() {
        stopped_in_a_transaction(Backend::MariaDb);
    }

    #[test]
    fn on_mysql() {
        stopped_in_a_transaction(Backend::MySql);
    }
}

const WEEK_START: &str = "2026-11-16T00:00:00Z";
const WEEK_SECONDS: u64 = 7 * 24 * 3600;
/// All hours and days of the week.
const WEEK_RUNS: u64 = 7 * 25;
/// About how many fault points an undisturbed week passes.
const WEEK_POINTS: u64 = 4000;

/// How often the week's daemon is killed; REWARDD_TEST_KILLS asks for more.
fn wanted_kills() -> u64 {
    env::var("REWARDD_TEST_KILLS").map_or(25, |count| count.parse().unwrap())
}

/// A week of votes, more in some hours and none in others.
fn week_of_votes() -> String {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let start: DateTime<Utc> = WEEK_START.parse().unwrap();
    let mut text = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let mut id = 0;
    for hour in (0..7 * 24).filter(|hour| hour % 11 != 5) {
        for _ in 0..random.random_range(1..14) {
            id += 1;
            let partner_id = random.random_range(1..25);
            let (vote_type, cents) = if random.random_range(0..4) == 0 {
                ("free", 0)
            } else {
                ("cc", random.random_range(1..10_000))
            };
            let ecc: u64 = random.random_range(0..2_000_000_000);
            let voted_at = start
                + TimeDelta::hours(hour)
                + TimeDelta::microseconds(random.random_range(0..3_600_000_000));
            text.push_str(&format!(
                "{id},{partner_id},{vote_type},{}.{:02},{}.{:08},{}\n",
                cents / 100,
                cents % 100,
                ecc / 100_000_000,
                ecc % 100_000_000,
                voted_at.format("%Y-%m-%dT%H:%M:%S%.6fZ")
            ));
        }
    }
    text
}

fn week_of_rates() -> String {
    let rates =
        (8..23).map(|day| format!("2026-11-{day:02}T06:00:00Z,1.{:08}\n", day * 3_333_333 % 100_000_000));
    format!("quoted_at,rate\n{}", rates.collect::<String>())
}

/// The end of the last window that was paid.
fn paid_until(scratch: &Scratch) -> DateTime<Utc> {
    let last = |kind: &str, length: TimeDelta| {
        let sql = format!("SELECT CAST(MAX(time) AS CHAR) FROM reward_runs WHERE reward_type = '{kind}'");
        let start: DateTime<Utc> = format!("{}Z", scratch.one(&sql).replace(' ', "T")).parse().unwrap();
        start + length
    };
    last("hourly", TimeDelta::hours(1)).max(last("daily", TimeDelta::days(1)))
}

fn a_week_of_random_kills(backend: Backend) {
    let (votes, rates) = (week_of_votes(), week_of_rates());
    let (scratch, remote) = prepared(backend, "2026-11-16", &votes, &rates);
    let kills = wanted_kills();
    // Kills are spread over the week: over its time, and over the points that are passed in it.
    let clock = clock(WEEK_START, WEEK_SECONDS / (kills / 4).max(20));
    let furthest = (3 * WEEK_POINTS / kills).clamp(20, 320);
    let mut random = ChaCha8Rng::seed_from_u64(kills);
    let start = |fault: &str| {
        let mut command = daemon(&scratch, "killed", "1s");
        command.env("REWARDD_CLOCK", &clock).env("REWARDD_FAULT", fault);
        command
    };
    let mut places = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..kills {
        let fault = format!("kill@any:{}", random.random_range(1..=furthest));
        let output = start(&fault).output().unwrap();
        assert!(was_killed(&output), "{fault}: {}", shown(&output, &[]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let place = said.lines().rev().find_map(|line| line.strip_prefix("fault at ")).unwrap_or("?");
        *places.entry(place.to_owned()).or_default() += 1;
    }
    let made = scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs");

    let last = Daemon::start(&mut start("none"));
    let of_the_week =
        "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs WHERE time < '2026-11-23 00:00:00.000000'";
    wait_for_count(&scratch, of_the_week, WEEK_RUNS);
    last.stop();
    eprintln!("{backend:?}: {kills} kills, {places:?}; {made} runs were made meanwhile");

    // The daemon may have gone on into the week after; both are brought to the same hour.
    let until = paid_until(&scratch).to_rfc3339();
    let (undisturbed, other_remote) = prepared(backend, "2026-11-16", &votes, &rates);
    for scratch in [&scratch, &undisturbed] {
        succeed(&mut scratch.rewardd(&["once", "all", "--as-of", &until]));
    }
    let expected = everything(&undisturbed, &other_remote);
    let rows = |table: &str| expected[table].lines().count() - 1;
    assert!(rows("reward_list_hourly") > 500 && rows("reward_list_daily") > 100 && rows("cc_hourly") > 50);
    assert_same(&everything(&scratch, &remote), &expected, "a week of kills");
}

mod a_week_of_random_kills_ends_in_the_undisturbed_tables {
    use super::*;

    #[test]
    fn on_sqlite() {
        a_week_of_random_kills(Backend::Sqlite);
    }

    #[test]
    fn on_mariadb() {
        a_week_of_random_kills(Backend::MariaDb);
    }
}
