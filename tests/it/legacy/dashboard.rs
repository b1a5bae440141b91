//! The dashboard beside rows that were carried over: it shows what this programme has paid.

use super::*;
use crate::daemon::process::{DUE, Programme};
use crate::support::http::get;
use crate::web::{rows, served};

on_every_backend!(the_dashboard_shows_nothing_that_another_program_has_paid);

fn the_dashboard_shows_nothing_that_another_program_has_paid(backend: Backend) {
    let programme = Programme::empty(backend);
    let good = GOOD.map(|row| row.replacen('7', "3", 1));
    make_old(&programme.scratch, &good.each_ref().map(String::as_str));
    programme.scratch.query("UPDATE reward_list_daily SET partner_id = '3'");
    programme.scratch.run(&["migrate", "--convert"]);
    programme.fill();
    let (mut daemon, address) = served(&programme, &[]);
    let days = rows(address, "/partners/3?format=json");
    assert!(days.iter().any(|row| row["day"] == "2026-11-18"), "{days:?}");
    let amounts = ["1.1", "8.8", "39.60000000", "12345678"];
    for path in [
        "/",
        "/partners/3",
        "/partners/3/day/2026-11-17",
        "/windows/day/2026-11-17",
        "/windows?until=2026-11-17",
    ] {
        let answer = get(address, path);
        assert!(answer.status < 500, "{path}: {answer:?}");
        let found = amounts.iter().find(|amount| answer.body.contains(&format!(">{amount}")));
        assert_eq!(found, None, "{path}: {}", answer.body);
    }
    let old: Vec<_> = days.iter().filter(|row| row["day"] == "2026-11-17").collect();
    assert!(old.iter().all(|row| !row.to_string().contains("39.6")), "{old:?}");
    assert_eq!(rows(address, "/windows?format=json").len(), DUE);
    daemon.stop();
}
