//! The daemon does it by itself, after payments and never before them.

use std::fs;

use crate::daemon::process::{Daemon, Programme, clock};
use crate::support::Backend;
use crate::verify::assert_clean;

/// Two days with votes are paid, and a day without; half a day and a day are still to be paid by a daemon that begins
/// now, and the two days with votes are old enough.
fn begin(programme: &Programme) -> Daemon {
    programme.scratch.run(&["once", "all", "--as-of", "2026-11-21T00:30:00Z"]);
    let clock = clock("2026-11-22T12:31:00Z", 0);
    let environment = [
        ("REWARDD__SCHEDULE__CATCH_UP", "2d"),
        ("REWARDD__RETENTION__HOURLY_REWARDS", "2d"),
        ("REWARDD__RETENTION__TRANSFERS", "2d"),
        ("REWARDD_CLOCK", clock.as_str()),
    ];
    programme.start("one", &environment)
}

#[test]
fn the_daemon_moves_what_is_old_after_it_has_paid() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = begin(&programme);
    daemon.until_state("retention was done", |state| state["last_success"]["retention"].is_string());
    assert_eq!(programme.runs(), 4 * 25 + 12, "what was due is paid");
    daemon.stop();
    assert_eq!(programme.count("reward_archives WHERE cleared_at IS NOT NULL"), 4);
    assert_eq!(programme.count("reward_list_hourly"), 0);
    assert_clean(&programme.scratch, "moved by the daemon");
}

/// What keeps it from moving is said, and keeps nobody from being paid.
#[test]
fn a_folder_that_cannot_be_written_stops_no_payment() {
    let programme = Programme::new(Backend::Sqlite);
    fs::write(programme.scratch.path("archive"), "no folder").unwrap();
    let mut daemon = begin(&programme);
    daemon.until_state("the failure is said", |state| state["last_error"]["job"] == "retention");
    programme.until_paid(4 * 25 + 12);
    daemon.stop();
    assert_clean(&programme.scratch, "nothing was moved");
    assert_eq!(programme.count("reward_archives"), 0);
}
