//! How votes are read from MySQL and MariaDB: by any way that a URL can name, whatever the columns' types, and what
//! happens where the reading is broken off, by the network, by the server or by us.

use std::fs;
use std::time::{Duration, Instant};

use rewardd::app::source_names;
use rewardd::config::{Aggregate, Config, DatabaseUrl};
use rewardd::frames;
use rewardd::rewards::vote::Turnout;
use rewardd::rewards::window::Calendar;
use rewardd::store::SourceError;
use rewardd::store::sql::{Access, Database, Effort, SqlSource};
use rewardd::store::{Request, Source};

use crate::on_the_servers;
use crate::support::proxy::{Fault, Proxy, address};
use crate::support::{Backend, Scratch, succeed};

const DAY: &str = "2026-11-19";
const VOTES: u64 = 4_000;
/// More than all that a reader of the day hears.
const ALL_BYTES: u64 = 260_000;
/// A way to log in that sqlx knows and our reader does not.
const BY_SQLX: &str = "IDENTIFIED WITH sha256_password BY 'secret'";
const ONE: Effort = Effort { connections: 1, memory_budget: usize::MAX, aggregate: Aggregate::Daemon };
const THREE: Effort = Effort { connections: 3, ..ONE };

on_the_servers!(
    a_reading_that_is_cut_at_any_byte_fails_for_now_or_is_whole,
    a_reading_that_is_given_up_leaves_no_session_behind,
    a_reading_whose_session_is_killed_fails_for_now,
    keys_of_every_type_of_integer_are_read,
    texts_of_every_length_and_type_are_read,
    votes_are_read_through_a_socket,
    passwords_of_any_form_are_told,
    a_password_that_is_wrong_is_the_servers_to_say,
);

/// A scratch with votes in each hour of the day.
fn day_of_votes(backend: Backend) -> Scratch {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for id in 1..=VOTES {
        let time = format!("{:02}:{:02}:{:02}", id % 24, id / 24 % 60, id % 60);
        votes.push_str(&format!("{id},{},cc,{id}.5,0.{id:08},{DAY}T{time}Z\n", id * 7919 % 900));
    }
    let scratch = Scratch::encrypted(backend);
    scratch.import(&votes, "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n");
    scratch
}

fn config(more: &str) -> Config {
    Config::parse(&format!("[database]\nurl = \"sqlite::memory:\"\n{more}")).unwrap()
}

async fn source(url: &str, config: &Config, effort: Effort) -> SqlSource {
    let database = Database::open(&DatabaseUrl::parse(url).unwrap(), Access::Read, 8).await.unwrap();
    SqlSource::new(database, source_names(config), effort)
}

async fn load(source: &SqlSource) -> Result<Turnout, SourceError> {
    let window = Calendar::new(chrono_tz::UTC).day(DAY.parse().unwrap());
    let request = Request { window, quotes_from: window.start, count_types: false, watch: None };
    Ok(frames::turnout(source.load(&request).await?.votes, &config("").rules).unwrap())
}

fn a_reading_that_is_cut_at_any_byte_fails_for_now_or_is_whole(backend: Backend) {
    let scratch = day_of_votes(backend);
    let proxy = Proxy::start(address(&scratch.url));
    for effort in [ONE, THREE] {
        scratch.block_on(async {
            let source = source(&proxy.url(&scratch.url), &config(""), effort).await;
            let whole = load(&source).await.unwrap();
            assert_eq!(whole.votes, VOTES);
            let (mut cut, mut failed) = (0, 0);
            for number in 0..40 {
                // Most cuts hit the login and what is asked first, some the rows.
                let bytes = number * number * ALL_BYTES / 1_600;
                let fault =
                    if number % 2 == 0 { Fault::Truncate { bytes } } else { Fault::CutAfter { bytes } };
                let cuts = proxy.counts().cuts;
                proxy.set(fault);
                match load(&source).await {
                    Ok(turnout) => assert_eq!(turnout, whole, "{fault:?}"),
                    Err(error) => {
                        assert!(error.is_transient(), "{fault:?}: {error:?}");
                        failed += 1;
                    }
                }
                proxy.set(Fault::Pass);
                cut += proxy.counts().cuts - cuts;
            }
            assert!(cut > 30 && failed > 10, "{cut} cuts, {failed} failures");
            assert_eq!(load(&source).await.unwrap(), whole);
        });
    }
}

/// The sessions in the scratch's database, but not the one that asks; those in a state, where one is given.
fn sessions(scratch: &Scratch, state: &str) -> Vec<String> {
    let database = scratch.url.rsplit_once('/').unwrap().1;
    let rows = scratch.query(&format!(
        "SELECT CAST(id AS CHAR) FROM information_schema.processlist \
         WHERE db = '{database}' AND id <> CONNECTION_ID() AND COALESCE(state, '') LIKE '{state}%'"
    ));
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

/// Waits until so many are there.
fn wait_for_sessions(scratch: &Scratch, state: &str, wanted: impl Fn(usize) -> bool) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = sessions(scratch, state);
        if wanted(found.len()) {
            return found;
        }
        assert!(Instant::now() < deadline, "{found:?}");
    }
}

fn a_reading_that_is_given_up_leaves_no_session_behind(backend: Backend) {
    let scratch = day_of_votes(backend);
    let proxy = Proxy::start(address(&scratch.url));
    let source = scratch.block_on(source(&proxy.url(&scratch.url), &config(""), THREE));
    let (idle, before) = (sessions(&scratch, "").len(), proxy.counts().connections);
    let reading = scratch.spawn({
        let source = source.clone();
        async move { load(&source).await }
    });
    // The guard and the readers are there, and nobody hears anything any more.
    proxy.wait_until(|counts| counts.connections == before + 4);
    proxy.set(Fault::Stall);
    proxy.wait_until(|counts| counts.held > 0);
    wait_for_sessions(&scratch, "", |count| count > idle);
    reading.abort();
    assert!(scratch.block_on(reading).unwrap_err().is_cancelled());
    proxy.set(Fault::Pass);
    wait_for_sessions(&scratch, "", |count| count <= idle);
    assert_eq!(scratch.block_on(load(&source)).unwrap().votes, VOTES);
}

fn a_reading_whose_session_is_killed_fails_for_now(backend: Backend) {
    let scratch = day_of_votes(backend);
    // One vote takes minutes to read.
    scratch.query("CREATE VIEW slow_votes AS SELECT * FROM votes WHERE id <> 77 OR SLEEP(600) = 0");
    let config = config("[source]\nvotes_table = \"slow_votes\"");
    let source = scratch.block_on(source(&scratch.url, &config, ONE));
    let reading = scratch.spawn(async move { load(&source).await });
    let sleeping = wait_for_sessions(&scratch, "User sleep", |count| count > 0);
    scratch.query(&format!("KILL {}", sleeping[0]));
    let error = scratch.block_on(reading).unwrap().map(|turnout| turnout.votes).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

/// Loads the votes of a table of the scratch that `loose_votes` is made of, with any types of columns.
fn load_loose(scratch: &Scratch, columns: &str, rows: &str) -> Turnout {
    scratch.query(&format!("CREATE TABLE loose_votes ({columns})"));
    scratch.query(&format!("INSERT INTO loose_votes VALUES {rows}"));
    let config = config("[source]\nvotes_table = \"loose_votes\"");
    let by = |url: &str| scratch.block_on(async { load(&source(url, &config, ONE).await).await.unwrap() });
    let turnout = by(&scratch.url);
    if scratch.backend == Backend::MySql {
        with_user(scratch, BY_SQLX, |user| {
            assert_eq!(by(&url_for(scratch, &format!("{user}:secret"), "")), turnout, "both read the same");
        });
    }
    scratch.query("DROP TABLE loose_votes");
    turnout
}

fn keys_of_every_type_of_integer_are_read(backend: Backend) {
    let scratch = day_of_votes(backend);
    for (of_type, low, high) in [
        ("TINYINT", "-128", "127"),
        ("TINYINT UNSIGNED", "0", "255"),
        ("SMALLINT", "-32768", "32767"),
        ("SMALLINT UNSIGNED", "0", "65535"),
        ("MEDIUMINT", "-8388608", "8388607"),
        ("MEDIUMINT UNSIGNED", "0", "16777215"),
        ("INT", "-2147483648", "2147483647"),
        ("INT UNSIGNED", "0", "4294967295"),
        ("BIGINT", "-9223372036854775808", "9223372036854775807"),
        ("BIGINT UNSIGNED", "0", "9223372036854775807"),
    ] {
        let columns = format!(
            "id {of_type}, partner_id {of_type}, vote_type VARCHAR(20), cc {of_type}, ecc DECIMAL(20,8), \
             voted_at TIMESTAMP NULL"
        );
        let row = |key: &str| format!("({key}, {key}, 'cc', 1, '0.5', '{DAY} 07:00:00')");
        let turnout = load_loose(&scratch, &columns, &format!("{}, {}", row(low), row(high)));
        let mut keys: Vec<_> = turnout.ranking.iter().map(|tally| tally.partner_id).collect();
        keys.sort_unstable();
        assert_eq!(keys, [low.parse().unwrap(), high.parse::<i64>().unwrap()], "{of_type}");
    }
}

fn texts_of_every_length_and_type_are_read(backend: Backend) {
    let scratch = day_of_votes(backend);
    for of_type in [
        "VARCHAR(300) CHARACTER SET latin1",
        "VARCHAR(300) COLLATE utf8mb4_bin",
        "VARBINARY(700)",
        "MEDIUMTEXT",
        "LONGBLOB",
    ] {
        let columns = format!(
            "id BIGINT, partner_id BIGINT, vote_type {of_type}, cc DECIMAL(20,8), ecc DECIMAL(20,8), \
             voted_at DATETIME"
        );
        // Lengths of one byte and of three.
        let types = ["x".to_owned(), "y".repeat(250), "z".repeat(251), "é".repeat(300)];
        let row = |name: &String| format!("(1, 7, '{name}', '1', '0.5', '{DAY} 00:00:00')");
        let rows: Vec<_> = types.iter().map(row).collect();
        let turnout = load_loose(&scratch, &columns, &rows.join(", "));
        let found: Vec<_> = turnout.by_type.iter().map(|total| total.vote_type.clone()).collect();
        assert_eq!(found, types, "{of_type}");
    }
}

fn votes_are_read_through_a_socket(backend: Backend) {
    let scratch = day_of_votes(backend);
    let socket = scratch.one("SELECT CONCAT(IF(LEFT(@@socket, 1) = '/', '', @@datadir), @@socket)");
    // A host and a port where nobody listens.
    let (user, place) = scratch.url.rsplit_once('@').unwrap();
    let database = place.split_once('/').unwrap().1;
    let url = format!("{user}@127.0.0.1:1/{database}?socket={socket}&ssl-mode=DISABLED");
    let turnout = scratch.block_on(async { load(&source(&url, &config(""), THREE).await).await });
    assert_eq!(turnout.unwrap().votes, VOTES);
}

/// Makes a user who may read the scratch, gives its name to `use_it`, and takes it away again.
fn with_user(scratch: &Scratch, identified: &str, use_it: impl FnOnce(&str)) {
    let (server, database) = scratch.url.rsplit_once('/').unwrap();
    let admin = format!("{server}/mysql");
    let user = format!("s_{database}").chars().take(30).collect::<String>();
    scratch.query_at(&admin, &format!("CREATE USER '{user}'@'%' {identified}"));
    scratch.query_at(&admin, &format!("GRANT SELECT, LOCK TABLES ON {database}.* TO '{user}'@'%'"));
    use_it(&user);
    scratch.query_at(&admin, &format!("DROP USER '{user}'@'%'"));
}

/// The URL of the scratch for another user.
fn url_for(scratch: &Scratch, user: &str, parameters: &str) -> String {
    format!("mysql://{user}@{}{parameters}", scratch.url.rsplit_once('@').unwrap().1)
}

fn passwords_of_any_form_are_told(backend: Backend) {
    let scratch = day_of_votes(backend);
    for (password, in_url) in
        [("", ""), ("a b/c?d@e:f%g+", ":a%20b%2Fc%3Fd%40e%3Af%25g%2B"), ("ő", ":%C5%91")]
    {
        with_user(&scratch, &format!("IDENTIFIED BY '{password}'"), |user| {
            let url = url_for(&scratch, &format!("{user}{in_url}"), "?charset=utf8mb4&collation=utf8mb4_bin");
            let turnout = scratch.block_on(async { load(&source(&url, &config(""), THREE).await).await });
            assert_eq!(turnout.unwrap().votes, VOTES, "{password}");
        });
    }
}

fn a_password_that_is_wrong_is_the_servers_to_say(backend: Backend) {
    let scratch = day_of_votes(backend);
    with_user(&scratch, "IDENTIFIED BY 'secret'", |user| {
        let url = url_for(&scratch, &format!("{user}:secret"), "");
        let source = scratch.block_on(source(&url, &config(""), THREE));
        set_password(&scratch, user, "another");
        let error = scratch.block_on(load(&source)).map(|turnout| turnout.votes).unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
        let said = chain(&error);
        assert!(said.contains("Access denied") && said.contains("1045"), "{said}");
    });
}

fn set_password(scratch: &Scratch, user: &str, password: &str) {
    let admin = format!("{}/mysql", scratch.url.rsplit_once('/').unwrap().0);
    scratch.query_at(&admin, &format!("ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'"));
}

fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// MySQL wants the whole password of a user whom it does not remember, which it does not after any change of the
/// password; only an encrypted connection carries it.
#[test]
fn a_password_that_mysql_has_forgotten_is_told_encrypted_and_not_otherwise() {
    if !Backend::MySql.is_there() {
        return;
    }
    let scratch = day_of_votes(Backend::MySql);
    with_user(&scratch, "IDENTIFIED WITH caching_sha2_password BY 'secret'", |user| {
        let named = |parameters| url_for(&scratch, &format!("{user}:secret"), parameters);
        scratch.ask(&named("?ssl-mode=REQUIRED"), "SELECT 1").unwrap();
        let plain = scratch.block_on(source(&named("?ssl-mode=DISABLED"), &config(""), THREE));
        let encrypted = scratch.block_on(source(&named("?ssl-mode=REQUIRED"), &config(""), THREE));
        let votes = |source| match scratch.block_on(load(source)) {
            Ok(turnout) => Ok(turnout.votes),
            Err(error) => Err(chain(&error)),
        };
        assert_eq!(votes(&plain).unwrap(), VOTES);
        set_password(&scratch, user, "secret");
        let said = votes(&plain).unwrap_err();
        assert!(said.contains("use TLS"), "{said}");
        assert_eq!(votes(&encrypted).unwrap(), VOTES);
        assert_eq!(votes(&plain).unwrap(), VOTES);
    });
}

/// What our reader cannot do, sqlx does, and the log says why.
#[test]
fn a_user_whom_only_sqlx_can_log_in_is_paid_for_all_the_same() {
    if !Backend::MySql.is_there() {
        return;
    }
    let scratch = day_of_votes(Backend::MySql);
    with_user(&scratch, BY_SQLX, |user| {
        let mut command =
            scratch.rewardd(&["once", "daily", "--window", DAY, "--as-of", "2026-11-20T00:01:00Z"]);
        command.env("REWARDD__SOURCE__URL", url_for(&scratch, &format!("{user}:secret"), ""));
        let said = succeed(command.env("REWARDD__PROGRAMME__START", DAY));
        assert!(said.contains("of 900 voters"), "{said}");
    });
    let log = fs::read_dir(scratch.path("logs")).unwrap().next().unwrap().unwrap().path();
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("votes are read by sqlx").count(), 1, "{log}");
    assert!(log.contains("no way to log in by sha256_password"), "{log}");
}

/// A user who may only come encrypted and with a certificate reads votes: the readers bring both. MariaDB of the tests
/// has no certificate.
#[test]
fn votes_are_read_encrypted_with_the_certificates_of_the_url() {
    if !Backend::MySql.is_there() {
        return;
    }
    let scratch = day_of_votes(Backend::MySql);
    let data = scratch.one("SELECT @@datadir");
    with_user(&scratch, "IDENTIFIED BY 'secret' REQUIRE X509", |user| {
        let user = format!("{user}:secret");
        let certificates =
            format!("ssl-ca={data}ca.pem&ssl-cert={data}client-cert.pem&ssl-key={data}client-key.pem");
        for mode in ["REQUIRED", "VERIFY_CA"] {
            let url = url_for(&scratch, &user, &format!("?ssl-mode={mode}&{certificates}"));
            let turnout = scratch.block_on(async { load(&source(&url, &config(""), THREE).await).await });
            assert_eq!(turnout.unwrap().votes, VOTES, "{mode}");
        }
        let url = url_for(&scratch, &user, "?ssl-mode=REQUIRED");
        let refused = scratch.ask(&url, "SELECT 1").unwrap_err();
        assert!(refused.contains("check user and password"), "{refused}");
    });
}
