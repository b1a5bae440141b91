//! A release and a forfeit are killed at any moment: each is done once, or not yet.

use super::{Saved, everything, prepared_case, was_killed};
use crate::holds::{WHO, ended, open, pay_with, raised, window};
use crate::on_every_backend;
use crate::support::{Backend, Scratch, Tables, assert_same, shown};
use crate::verify::assert_clean;
use rewardd::rewards::alarms::Action;
use rewardd::rewards::window::Kind;
use rewardd::store::Committed;

on_every_backend!(killed_at_every_point_of_a_decision_it_is_carried_out_once);

const HOUR: &str = "2026-11-19T09:00:00Z";

/// All that a decision changes but the instants.
fn decided(scratch: &Scratch, remote: &str) -> Tables {
    let mut tables = everything(scratch, remote);
    for (name, sql) in [
        ("books", "SELECT CONCAT(hourly_paid, ' ', daily_paid, ' ', market_bonus) FROM reward_programme"),
        ("holds", "SELECT state FROM reward_holds ORDER BY partner_id"),
        ("decisions", "SELECT CAST(COUNT(*) AS CHAR) FROM reward_decisions"),
    ] {
        let rows = scratch.query(sql).into_iter().map(|row| row[0].clone().unwrap());
        tables.insert(name.to_owned(), rows.collect::<Vec<_>>().join("\n"));
    }
    tables
}

fn killed_at_every_point_of_a_decision_it_is_carried_out_once(backend: Backend) {
    let (scratch, remote) = prepared_case(backend);
    scratch.run(&["once", "hourly", "--as-of", HOUR]);
    scratch.block_on(async {
        let app = open(&scratch).await;
        let alarms = [1, 4].map(|partner| raised(Some(partner), Action::HoldPartner)).to_vec();
        let hour = window(&app, Kind::Hourly, HOUR);
        assert_eq!(pay_with(&app, hour, alarms).await, Committed::Done);
        app.database.close().await;
    });
    let saved = Saved::new(&scratch, &remote);
    for verdict in ["release", "forfeit"] {
        let args = [&["holds", verdict, "hourly", HOUR, "1", "4"][..], &WHO].concat();
        saved.restore();
        scratch.run(&args);
        let expected = decided(&scratch, &remote);
        let mut kills = 0;
        loop {
            saved.restore();
            let point = kills + 1;
            let mut disturbed = scratch.rewardd(&args);
            let output = disturbed.env("REWARDD_FAULT", format!("kill@any:{point}")).output().unwrap();
            if !was_killed(&output) {
                assert!(output.status.success(), "{}", shown(&output, &[]));
                break;
            }
            kills = point;
            let (code, said) = ended(&scratch, &args);
            // Killed after its commit, it is found decided.
            assert!(code == 0 || code == 1 && said.contains("by anna"), "{said}");
            assert_same(
                &decided(&scratch, &remote),
                &expected,
                &format!("{verdict}: killed at point {point}"),
            );
        }
        assert!(kills >= 12, "{verdict}: only {kills} points were met");
        assert_clean(&scratch, verdict);
        eprintln!("{backend:?}: {verdict} was killed at each of {kills} points");
    }
}
