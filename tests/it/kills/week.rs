//! A week of votes, paid by a daemon that is killed and started again all the time.

use std::collections::BTreeMap;
use std::env;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::process::{Daemon, clock, daemon};
use super::{everything, prepared, wait_for_count, was_killed};
use crate::support::{Backend, Scratch, assert_same, shown};

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
    let mut places = BTreeMap::<String, u64>::new();
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
        scratch.run(&["once", "all", "--as-of", &until]);
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
