//! The special partners' sums on their way to the remote database.

use crate::on_every_backend;
use crate::support::tables::make_remote;
use crate::support::{Backend, Scratch};

const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1\n";
const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,4,1,2026-11-19T00:10:00Z\n\
                     2,8,cc,4,1,2026-11-19T00:20:00Z\n3,7,cc,4,1,2026-11-19T01:20:00Z\n";

fn config(remote: &str) -> String {
    format!("[programme]\nstart = \"2026-11-19\"\n[special]\npartners = [7]\n[remote]\nurl = {remote:?}")
}

fn prepared(backend: Backend) -> (Scratch, String) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    scratch.write_config(&config(&remote));
    scratch.import(VOTES, RATES);
    (scratch, remote)
}

fn delivered(scratch: &Scratch, remote: &str) -> Vec<(String, String)> {
    let sql = "SELECT CAST(time AS CHAR), CAST(cc_reward AS CHAR) FROM cc_hourly WHERE partner_id = 7 ORDER BY time";
    let rows = scratch.query_at(remote, sql).into_iter();
    rows.map(|row| (row[0].clone().unwrap()[..19].to_owned(), row[1].clone().unwrap())).collect()
}

fn waiting(scratch: &Scratch) -> Vec<(String, String)> {
    let sql = "SELECT CAST(attempts AS CHAR), last_error FROM special_transfers WHERE delivered_at IS NULL \
               ORDER BY time";
    let rows = scratch.query(sql).into_iter();
    rows.map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap_or_default())).collect()
}

on_every_backend!(
    a_dead_remote_blocks_no_distribution_and_gets_all_of_it_later,
    a_remote_that_holds_another_amount_is_reported_and_never_overwritten,
    a_lost_answer_is_made_up_for_without_paying_twice,
);

fn a_dead_remote_blocks_no_distribution_and_gets_all_of_it_later(backend: Backend) {
    let (scratch, remote) = prepared(backend);
    let nowhere = match backend {
        Backend::Sqlite => "sqlite:///no/such/folder/remote.db",
        _ => "mysql://rewardd:x@127.0.0.1:1/remote",
    };
    scratch.write_config(&config(nowhere));
    let said = scratch.run(&["once", "--as-of", "2026-11-19T02:30:00Z"]);
    assert!(said.contains("hour 1 of 2026-11-19"), "{said}");
    assert_eq!(waiting(&scratch).len(), 2, "one sum for each hour with a row");

    // A remote without its table answers, and takes nothing.
    scratch.query_at(&remote, "DROP TABLE cc_hourly");
    scratch.write_config(&config(&remote));
    let output = scratch.rewardd(&["once", "transfers"]).output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("transfers: 0 delivered, 2 failed"), "{said}");
    let failing = waiting(&scratch);
    assert!(
        failing.iter().all(|(attempts, error)| attempts == "1" && error.contains("cc_hourly")),
        "{failing:?}"
    );

    let mut scratch = scratch;
    let remote = make_remote(&mut scratch);
    scratch.write_config(&config(&remote));
    assert!(scratch.run(&["once", "transfers"]).contains("transfers: 2 delivered, 0 failed"));
    let arrived = [("2026-11-19 00:00:00", "1.20000000"), ("2026-11-19 01:00:00", "1.00000000")];
    let arrived = arrived.map(|(time, amount)| (time.to_owned(), amount.to_owned()));
    assert_eq!(delivered(&scratch, &remote), arrived);
    assert!(waiting(&scratch).is_empty());
}

fn a_remote_that_holds_another_amount_is_reported_and_never_overwritten(backend: Backend) {
    let (scratch, remote) = prepared(backend);
    scratch.query_at(
        &remote,
        "INSERT INTO cc_hourly (partner_id, cc_reward, time) VALUES (7, '0.50000000', '2026-11-19 00:00:00.000000')",
    );
    let said = scratch.run(&["once", "--as-of", "2026-11-19T02:30:00Z"]);
    assert!(said.contains("transfers: 1 delivered, 1 failed"), "{said}");
    assert_eq!(delivered(&scratch, &remote)[0].1, "0.50000000");
    let (attempts, reason) = &waiting(&scratch)[0];
    assert_eq!(
        (attempts.as_str(), reason.as_str()),
        ("1", "the remote holds 0.50000000 where 1.20000000 is due")
    );
}

fn a_lost_answer_is_made_up_for_without_paying_twice(backend: Backend) {
    let (scratch, remote) = prepared(backend);
    scratch.run(&["once", "--as-of", "2026-11-19T02:30:00Z"]);
    let arrived = delivered(&scratch, &remote);
    assert_eq!(arrived.len(), 2);
    // As after a crash between the remote's commit and our own note of it.
    scratch.query(
        "UPDATE special_transfers SET delivered_at = NULL, next_attempt_at = '2026-11-19 00:00:00.000000'",
    );
    assert!(scratch.run(&["once", "transfers"]).contains("transfers: 2 delivered, 0 failed"));
    assert_eq!(delivered(&scratch, &remote), arrived);
}

on_every_backend!(one_that_the_remote_refuses_keeps_no_other_from_its_partner);

fn one_that_the_remote_refuses_keeps_no_other_from_its_partner(backend: Backend) {
    let mut scratch = Scratch::new(backend);
    let remote = make_remote(&mut scratch);
    scratch.query_at(&remote, "DROP TABLE cc_hourly");
    let (amount, time) =
        if backend == Backend::Sqlite { ("TEXT", "TEXT") } else { ("DECIMAL(28,8)", "DATETIME(6)") };
    scratch.query_at(
        &remote,
        &format!(
            "CREATE TABLE cc_hourly (partner_id BIGINT CHECK (partner_id <> 8), cc_reward {amount}, time {time}, \
             PRIMARY KEY (partner_id, time))"
        ),
    );
    scratch.write_config(&config(&remote).replace("[7]", "[7, 8]"));
    scratch.import(VOTES, RATES);
    let said = scratch.run(&["once", "--as-of", "2026-11-19T02:30:00Z"]);
    assert!(said.contains("transfers: 2 delivered, 1 failed"), "{said}");
    assert_eq!(delivered(&scratch, &remote).len(), 2);
    assert_eq!(waiting(&scratch).len(), 1);
}

#[test]
fn a_remote_that_rounds_is_refused_and_keeps_nothing() {
    let (scratch, remote) = prepared(Backend::MariaDb);
    scratch.query_at(&remote, "ALTER TABLE cc_hourly MODIFY cc_reward DECIMAL(10,0)");
    scratch.run(&["once", "--as-of", "2026-11-19T02:30:00Z"]);
    let arrived = delivered(&scratch, &remote);
    assert_eq!(arrived.len(), 1, "1 can be held, 1.2 cannot: {arrived:?}");
    let (_, reason) = &waiting(&scratch)[0];
    assert!(reason.contains("the remote table cannot hold 1.20000000, it reads back as 1"), "{reason}");
}
