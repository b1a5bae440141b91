//! A million reward rows: pages take no longer for them.

use std::net::SocketAddr;
use std::time::Duration;

use super::{LISTEN, rows};
use crate::daemon::process::{Daemon, Programme, machine_time, until_true};
use crate::explain::open;
use crate::support::Backend;
use crate::support::history::{History, Votes};
use crate::support::http::get;

const START: &str = "2026-10-09";
/// Up to the 18th of November, of which 22 hours are paid as well.
const DAYS: u32 = 40;
/// Two hours, the day, and five hours of the next.
const DUE: usize = 8;

/// A year's worth of rows in little time, then real votes and the payments that are due for them, served.
pub fn million() -> (Programme, Daemon, SocketAddr) {
    let programme = Programme::empty(Backend::Sqlite);
    let scratch = &programme.scratch;
    scratch.write_config(&format!("[programme]\nstart = \"{START}\"\n"));
    scratch.run(&["migrate"]);
    let start = START.parse().unwrap();
    let history =
        History { start, days: DAYS, hours: 22, hourly_voters: 800, daily_voters: 8000, specials: 3 };
    let votes = Votes { from_hour: DAYS * 24, hours: 30, per_hour: 2000, partners: 5000 };
    scratch.block_on(async {
        let database = open(scratch).await;
        history.store(&database).await.unwrap();
        votes.store(&database, start).await.unwrap();
        database.close().await;
    });
    let before = programme.runs();
    let daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    until_true("all is paid", || programme.runs() == before + DUE);
    until_true("the dashboard answers", || get(address, "/windows").status == 200);
    (programme, daemon, address)
}

/// Pages that are asked for again and again.
const PAGES: [&str; 15] = [
    "/",
    "/windows",
    "/windows?kind=daily&until=2026-11-01",
    "/windows/day/2026-11-10",
    "/windows/day/2026-11-10?page=150",
    "/windows/day/2026-11-10?partner=7777",
    "/windows/hour/2026-11-10T12:00:00Z",
    "/windows/day/2026-11-10?format=csv",
    "/partners/77",
    "/partners/77?until=2026-11-01",
    "/partners/77/day/2026-11-18",
    "/audit",
    "/audit/1000",
    "/rules",
    "/transfers",
];

/// A debug build beside other tests is slow, and this is far from what a page that reads through a table would take.
/// A single request may have to wait for its turn on the machine; half of them do not.
const SLOW: Duration = Duration::from_secs(2);

#[test]
fn pages_stay_fast_on_a_million_rows() {
    let (programme, mut daemon, address) = million();
    let count = programme.count("reward_list_hourly") + programme.count("reward_list_daily");
    assert!(count > 1_000_000, "{count}");
    eprintln!("{count} reward rows; milliseconds, of 200 requests each: median, worst, first");
    for path in PAGES {
        let mut took: Vec<Duration> = (0..201)
            .map(|_| {
                let asked = machine_time();
                let answer = get(address, path);
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                asked.elapsed()
            })
            .collect();
        let first = took.remove(0);
        took.sort_unstable();
        let [median, worst, first] = [took[100], took[199], first].map(|took| took.as_micros());
        let shown = |micros: u128| format!("{}.{:01}", micros / 1000, micros / 100 % 10);
        eprintln!("{:>8} {:>8} {:>8}  {path}", shown(median), shown(worst), shown(first));
        assert!(took[100] < SLOW, "{path}");
    }
    let ranking = rows(address, "/windows/day/2026-11-10?page=150&format=json");
    assert_eq!((ranking.len(), ranking[0]["position"].as_u64()), (50, Some(7451)));
    daemon.stop();
}
