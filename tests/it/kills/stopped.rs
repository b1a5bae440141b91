//! A daemon hangs until its lease has gone to another, and then goes on.

use std::thread;

use rustix::process::Signal;

use super::process::{Daemon, clock, daemon};
use super::{case, prepared, prepared_case, wait_for_count};
use crate::on_every_backend;
use crate::support::tables::stored;
use crate::support::{Backend, Scratch, assert_same, read_tables};

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

on_every_backend!(
    a_daemon_stopped_between_transactions_and_continued_after_its_lease_has_gone_pays_nothing_twice,
);

fn a_daemon_stopped_between_transactions_and_continued_after_its_lease_has_gone_pays_nothing_twice(
    backend: Backend,
) {
    // With a plan in hand, with a commit not yet noticed, with transfers delivered and not yet noted.
    for fault in ["stop@loaded:8", "stop@committed:8", "stop@delivered:1"] {
        stopped_and_continued(backend, fault, |_| {});
    }
}

on_every_backend!(money_is_never_carried_to_a_day_that_was_paid_meanwhile);

fn money_is_never_carried_to_a_day_that_was_paid_meanwhile(backend: Backend) {
    let vote = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,10,1,2026-11-19T23:10:00Z\n";
    let rate = "quoted_at,rate\n2026-11-01T00:00:00Z,1\n";
    let (scratch, _) = prepared(backend, "2026-11-19", vote, rate);
    scratch.run(&["once", "hourly", "--as-of", "2026-11-19T23:10:00Z"]);
    scratch.run(&["once", "daily", "--as-of", "2026-11-20T00:10:00Z"]);
    // The last hour is settled and not paid. Without its voter all of it is carried, as yet to the 20th.
    scratch.query("DELETE FROM votes");
    let mut hour = scratch.rewardd(&["once", "hourly", "--window", "2026-11-19T23:00:00Z"]);
    let hour = Daemon::start(hour.env("REWARDD_FAULT", "stop@carry_day:1"));
    hour.wait_until_stopped();
    scratch.run(&["once", "daily", "--as-of", "2026-11-21T00:10:00Z"]);
    hour.signal(Signal::CONT);
    wait_for_count(&scratch, "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs", 24 + 2);
    let pools = scratch.query(
        "SELECT CAST(day AS CHAR), CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state ORDER BY day",
    );
    let pools: Vec<_> = pools.iter().map(|row| [&row[0], &row[1]].map(|cell| cell.as_deref())).collect();
    // 2.4 that the days left over, as one vote is too few for most tiers, and 2.5 of the hour.
    let expected = [("2026-11-19", "0.00000000"), ("2026-11-20", "0.00000000"), ("2026-11-21", "4.90000000")];
    assert_eq!(pools, expected.map(|(day, pool)| [Some(day), Some(pool)]));
}

/// An operator changes a table, as for partitions, under a transaction that has begun and not come to it yet.
fn a_changed_table(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    let vote = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,10,1,2026-11-19T00:10:00Z\n";
    let rate = "quoted_at,rate\n2026-11-01T00:00:00Z,1\n";
    let (scratch, _) = prepared(backend, "2026-11-19", vote, rate);
    scratch.run(&["once", "--as-of", "2026-11-19T00:10:00Z"]);
    let mut hour = scratch.rewardd(&["once", "hourly", "--as-of", "2026-11-19T01:10:00Z"]);
    let hour = Daemon::start(hour.env("REWARDD_FAULT", "stop@statement:6"));
    hour.wait_until_stopped();
    scratch.query(
        "ALTER TABLE reward_list_hourly PARTITION BY RANGE COLUMNS(time) \
         (PARTITION old VALUES LESS THAN ('2026-12-01'), PARTITION later VALUES LESS THAN (MAXVALUE))",
    );
    hour.signal(Signal::CONT);
    wait_for_count(&scratch, "SELECT CAST(COUNT(*) AS CHAR) FROM reward_list_hourly", 1);
}

mod a_table_that_changes_in_a_transaction_makes_it_start_over {
    use super::*;

    #[test]
    fn on_mariadb() {
        a_changed_table(Backend::MariaDb);
    }

    #[test]
    fn on_mysql() {
        a_changed_table(Backend::MySql);
    }
}

/// The server ends the silent session in the end. SQLite has none: there a stopped process keeps its lock.
fn stopped_in_a_transaction(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    let holds_the_books = |scratch: &Scratch| {
        let books = "SELECT chain_head FROM reward_programme WHERE id = 1 FOR UPDATE NOWAIT";
        assert!(scratch.try_query(books).is_none(), "the books are not locked");
    };
    // Both wait for their servers most of the time, so they wait together.
    thread::scope(|scope| {
        for fault in ["stop@statement:112", "stop@commit:8"] {
            scope.spawn(move || stopped_and_continued(backend, fault, holds_the_books));
        }
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
