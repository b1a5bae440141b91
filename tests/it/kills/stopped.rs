//! A daemon hangs until its lease has gone to another, and then goes on.

use std::thread;

use rustix::process::Signal;

use super::process::{Daemon, clock, daemon};
use super::{case, prepared_case, wait_for_count};
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
        for fault in ["stop@statement:107", "stop@commit:8"] {
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
