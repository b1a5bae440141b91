//! How votes come from the servers: over several connections, in parts, or added up there; always the same.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use rewardd::app::source_names;
use rewardd::config::{Aggregate, Config, DatabaseUrl};
use rewardd::frames;
use rewardd::rewards::vote::Turnout;
use rewardd::rewards::window::{Calendar, Kind};
use rewardd::store::sql::{Access, Database, Effort, SqlSource};
use rewardd::store::{Request, Source};

use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, assert_same, read_tables, vectors};
use crate::{on_every_backend, on_the_servers};

const DAY: &str = "2026-11-19";
const VOTES: u64 = 6_000;
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";

/// A scratch with 250 votes in each hour of the day, of 1500 partners and two types.
fn day_of_votes(backend: Backend) -> Scratch {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for id in 1..=VOTES {
        let (partner, vote_type) = (id * 7919 % 1500, if id % 5 == 0 { "free" } else { "cc" });
        let time = format!("{:02}:{:02}:{:02}", id % 24, id / 24 % 60, id % 60);
        votes.push_str(&format!("{id},{partner},{vote_type},{id}.5,0.{id:08},{DAY}T{time}Z\n"));
    }
    let scratch = Scratch::encrypted(backend);
    scratch.import(&votes, RATES);
    scratch
}

/// A source over the scratch's votes.
async fn source(scratch: &Scratch, effort: Effort) -> SqlSource {
    let url = DatabaseUrl::parse(&scratch.url).unwrap();
    let database = Database::open(&url, Access::Write, 8).await.unwrap();
    SqlSource::new(database, source_names(&config()), effort)
}

fn config() -> Config {
    Config::parse("[database]\nurl = \"sqlite::memory:\"").unwrap()
}

async fn load(source: &SqlSource) -> Turnout {
    let window = Calendar::new(chrono_tz::UTC).day(DAY.parse().unwrap());
    assert_eq!(window.kind, Kind::Daily);
    let request = Request { window, quotes_from: window.start, count_types: false, watch: None };
    let loaded = source.load(&request).await.unwrap();
    frames::turnout(loaded.votes, &config().rules).unwrap()
}

const WHOLE: Effort = Effort { connections: 1, memory_budget: usize::MAX, aggregate: Aggregate::Daemon };

on_every_backend!(over_many_connections_and_in_small_parts_the_turnout_is_the_same);

fn over_many_connections_and_in_small_parts_the_turnout_is_the_same(backend: Backend) {
    let scratch = day_of_votes(backend);
    scratch.block_on(async {
        let whole = load(&source(&scratch, WHOLE).await).await;
        assert_eq!((whole.votes, whole.voters()), (VOTES, 1500));
        for connections in [1, 2, 5] {
            for memory_budget in [0, 100_000, usize::MAX] {
                let effort = Effort { connections, memory_budget, ..WHOLE };
                assert_eq!(load(&source(&scratch, effort).await).await, whole, "{effort:?}");
            }
        }
        if backend != Backend::Sqlite {
            let effort = Effort { aggregate: Aggregate::Server, ..WHOLE };
            assert_eq!(load(&source(&scratch, effort).await).await, whole, "{effort:?}");
        }
    });
}

on_the_servers!(
    votes_that_move_while_a_day_is_read_are_counted_once,
    without_the_right_to_lock_one_connection_reads,
    votes_added_up_by_the_server_give_the_expected_tables,
    a_bad_vote_is_named_the_same_where_the_server_adds_up,
);

/// Writers move votes between the hours all the time, and add them in pairs, one in the first and one in the last hour.
/// Whatever moment is read, there is every vote once, and no half of a pair.
fn votes_that_move_while_a_day_is_read_are_counted_once(backend: Backend) {
    let scratch = day_of_votes(backend);
    let done = AtomicBool::new(false);
    let effort = Effort { connections: 4, ..WHOLE };
    scratch.block_on(async {
        let source = source(&scratch, effort).await;
        let url = DatabaseUrl::parse(&scratch.url).unwrap();
        let writers = Database::open(&url, Access::Write, 4).await.unwrap();
        let write = |writer: u64| {
            let (writers, done) = (&writers, &done);
            async move {
                let mut moves = 0;
                while !done.load(Ordering::Relaxed) {
                    moves += 1;
                    let (id, hour) = ((moves * 4 + writer) % VOTES + 1, moves * 7 % 24);
                    let sql = format!("UPDATE votes SET voted_at = '{DAY} {hour:02}:30:00' WHERE id = {id}");
                    writers.fetch(sql, &[]).await.unwrap();
                    if moves % 5 == 0 {
                        let id = 1_000_000 + moves * 8 + writer * 2;
                        let row = |id, time| format!("({id}, {id}, 'pair', 1, 1, '{DAY} {time}')");
                        let pair = [row(id, "00:15:00"), row(id + 1, "23:15:00")].join(", ");
                        writers.fetch(format!("INSERT INTO votes VALUES {pair}"), &[]).await.unwrap();
                    }
                }
                moves
            }
        };
        let read = async {
            let mut pairs = 0;
            for _ in 0..40 {
                let turnout = load(&source).await;
                let count =
                    |name: &str| turnout.by_type.iter().find(|t| t.vote_type == name).map_or(0, |t| t.votes);
                assert_eq!(count("cc") + count("free"), VOTES, "each vote once");
                assert_eq!(count("pair") % 2, 0, "no half of a pair");
                pairs = count("pair") / 2;
            }
            done.store(true, Ordering::Relaxed);
            pairs
        };
        let (first, second, pairs) = tokio::join!(write(0), write(1), read);
        assert!(
            first > 40 && second > 40 && pairs > 10,
            "{first} and {second} votes moved, {pairs} pairs added"
        );
    });
}

fn without_the_right_to_lock_one_connection_reads(backend: Backend) {
    let scratch = day_of_votes(backend);
    let (server, database) = scratch.url.rsplit_once('/').unwrap();
    let address = server.rsplit_once('@').unwrap().1;
    let admin = format!("{server}/mysql");
    let user = format!("r_{database}").chars().take(30).collect::<String>();
    scratch.query_at(&admin, &format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'reader'"));
    scratch.query_at(&admin, &format!("GRANT SELECT ON {database}.* TO '{user}'@'%'"));

    let pay = |day: &str| {
        let mut command =
            scratch.rewardd(&["once", "daily", "--window", day, "--as-of", "2026-11-22T00:01:00Z"]);
        command.env("REWARDD__SOURCE__URL", format!("mysql://{user}:reader@{address}/{database}"));
        command.env("REWARDD__PROGRAMME__START", DAY).env("REWARDD__LOGGING__DIR", scratch.path(day));
        let said = crate::support::succeed(&mut command);
        let log = fs::read_dir(scratch.path(day)).unwrap().next().unwrap().unwrap().path();
        (said, fs::read_to_string(log).unwrap())
    };
    let (said, log) = pay(DAY);
    assert!(said.contains("to 1500 of 1500 voters"), "{said}");
    assert!(log.contains("votes are read over one connection"), "{log}");

    scratch.query_at(&admin, &format!("GRANT LOCK TABLES ON {database}.* TO '{user}'@'%'"));
    let (_, log) = pay("2026-11-20");
    scratch.query_at(&admin, &format!("DROP USER '{user}'@'%'"));
    assert!(log.contains("votes loaded") && !log.contains("over one connection"), "{log}");
}

fn votes_added_up_by_the_server_give_the_expected_tables(backend: Backend) {
    for case in vectors() {
        let mut scratch = Scratch::new(backend);
        let remote = make_remote(&mut scratch);
        let text = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
        let first_day = text("expected/reward_pool_state.csv").lines().nth(1).unwrap()[..10].to_owned();
        let start = format!("start = \"{first_day}\"");
        let rules = text("rules.toml");
        let programme = match rules.contains("[programme]") {
            true => rules.replace("[programme]", &format!("[programme]\n{start}")),
            false => format!("[programme]\n{start}\n{rules}"),
        };
        scratch.write_config(&format!(
            "{programme}\n[remote]\nurl = {remote:?}\n[source]\naggregate = \"server\"\n"
        ));
        scratch.import(&text("votes.csv"), &text("rates.csv"));
        scratch.run(&["once", "all", "--as-of", text("until.txt").trim()]);
        assert_same(
            &stored(&scratch, &remote),
            &read_tables(&case.join("expected")),
            &case.display().to_string(),
        );
    }
}

/// The last line of what a day's payment says against a table that takes anything.
fn refusal(scratch: &Scratch, aggregate: &str) -> String {
    let mut command = scratch.rewardd(&["once", "daily", "--window", DAY]);
    command.env("REWARDD__SOURCE__AGGREGATE", aggregate);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{}", crate::support::shown(&output, &[]));
    String::from_utf8(output.stderr).unwrap().lines().last().unwrap().to_owned()
}

fn a_bad_vote_is_named_the_same_where_the_server_adds_up(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.write_config(&format!(
        "[programme]\nstart = \"{DAY}\"\n[source]\nvotes_table = \"loose_votes\"\nrates_table = \"loose_rates\""
    ));
    scratch.query(
        "CREATE TABLE loose_votes (id BIGINT, partner_id BIGINT, vote_type VARCHAR(20), cc DECIMAL(40,10), \
         ecc DECIMAL(40,10), voted_at DATETIME(6))",
    );
    scratch.query("CREATE TABLE loose_rates (quoted_at DATETIME(6), rate DECIMAL(28,8))");
    scratch.query("INSERT INTO loose_rates VALUES ('2026-11-01 00:00:00', '1.25')");
    scratch.query(&format!("INSERT INTO loose_votes VALUES (1, 7, 'cc', '2', '3', '{DAY} 04:00:00')"));
    for (values, column) in [
        ("7, 'cc', '-2', '3'", "cc"),
        ("7, 'cc', '2', NULL", "ecc"),
        ("7, NULL, '2', '3'", "vote_type"),
        ("NULL, 'cc', '2', '3'", "partner_id"),
        ("7, 'cc', '0.000000001', '3'", "cc"),
        ("7, 'cc', '2', '92233720368.54775808'", "ecc"),
    ] {
        scratch.query(&format!("INSERT INTO loose_votes VALUES (2, {values}, '{DAY} 04:10:00')"));
        let said = refusal(&scratch, "server");
        assert!(said.contains(&format!("row 2: {column} is")), "{said}");
        assert_eq!(said, refusal(&scratch, "daemon"));
        scratch.query("DELETE FROM loose_votes WHERE id = 2");
    }
}
