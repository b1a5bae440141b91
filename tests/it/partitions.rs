//! The guide to partitions in deploy/HISTORY.md: its commands work, and runs work on what they leave.

use std::fs;
use std::process::Command;

use rewardd::rewards::window::Kind;
use rewardd::store::sql::statements;

use crate::explain::{day, open, pay, with_history};
use crate::support::history::Votes;
use crate::support::{Backend, Scratch, succeed};

const DAYS: u32 = 70;

/// The blocks of the guide in a language, in order.
pub fn blocks(language: &str) -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/HISTORY.md");
    let text = fs::read_to_string(guide).unwrap();
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.map(str::to_owned).collect()
}

fn run(scratch: &Scratch, statements: &str) {
    for statement in statements.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        scratch.query(statement);
    }
}

fn rows(scratch: &Scratch, table: &str) -> u32 {
    scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}")).parse().unwrap()
}

fn partitioned(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    let scratch = with_history(backend, DAYS);
    let more = Votes { from_hour: DAYS * 24 + 25, hours: 96, per_hour: 5, partners: 20 };
    scratch.block_on(async { more.store(&open(&scratch).await, day(0)).await.unwrap() });

    let write = blocks("sh").remove(1);
    succeed(Command::new("bash").args(["-euc", &write]).current_dir(scratch.dir.path()));
    run(&scratch, &fs::read_to_string(scratch.path("partitions.sql")).unwrap());
    let paid = |days| {
        let (hourly, daily) = (rows(&scratch, "reward_list_hourly"), rows(&scratch, "reward_list_daily"));
        pay(&scratch, days);
        assert!(rows(&scratch, "reward_list_hourly") > hourly && rows(&scratch, "reward_list_daily") > daily);
    };
    paid(DAYS);
    only_one_partition_is_read(&scratch);

    let [add, move_away, undo] = blocks("sql").try_into().unwrap();
    run(&scratch, &add);
    paid(DAYS + 1);
    let before = rows(&scratch, "reward_list_hourly");
    run(&scratch, &move_away);
    assert_eq!(rows(&scratch, "reward_list_hourly_2026_01"), 31 * 24 * 4);
    assert_eq!(rows(&scratch, "reward_list_hourly"), before - 31 * 24 * 4);
    paid(DAYS + 2);
    assert!(scratch.run(&["migrate"]).contains("is in place"));
    run(&scratch, &undo);
    paid(DAYS + 3);
}

/// A window's rewards lie in one month.
fn only_one_partition_is_read(scratch: &Scratch) {
    scratch.block_on(async {
        let database = open(scratch).await;
        let sql = format!("EXPLAIN FORMAT=JSON {}", statements::rewards_written(&database, Kind::Hourly));
        let time = format!("{} 03:00:00.000000", day(DAYS));
        let plan = database.fetch(sql, &[time.into()]).await.unwrap()[0].text(0).unwrap();
        assert!(plan.contains("p2026_03") && !plan.contains("p2026_02"), "{plan}");
        database.close().await;
    });
}

mod the_guide_to_partitions_is_right {
    use super::*;

    #[test]
    fn on_mariadb() {
        partitioned(Backend::MariaDb);
    }

    #[test]
    fn on_mysql() {
        partitioned(Backend::MySql);
    }
}
