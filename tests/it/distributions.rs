//! What is paid, when, and what is refused.

use rewardd::audit::Link as _;

use crate::on_every_backend;
use crate::support::tables::log_rows;
use crate::support::{Backend, Scratch};

const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";
const HEADER: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n";

fn vote(id: u32, partner: u32, cc: &str, at: &str) -> String {
    format!("{id},{partner},cc,{cc},1,{at}\n")
}

/// A database whose programme starts on the 19th, with one vote in hour 4 of it.
fn started(backend: Backend) -> Scratch {
    let scratch = Scratch::new(backend);
    scratch.write_config("[programme]\nstart = \"2026-11-19\"");
    scratch.import(&format!("{HEADER}{}", vote(1, 7, "10", "2026-11-19T04:00:00Z")), RATES);
    scratch
}

fn count(scratch: &Scratch, table: &str) -> String {
    scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}"))
}

on_every_backend!(
    a_window_is_paid_once_and_asking_again_says_so,
    a_dry_run_says_the_same_and_writes_nothing,
    late_votes_are_added_whole_to_their_day,
    windows_past_catch_up_wait_for_an_operator,
    a_failed_hour_blocks_its_day_and_no_other_hour,
    what_was_paid_fixes_zone_and_start,
    the_log_is_a_chain_of_hashes,
);

fn a_window_is_paid_once_and_asking_again_says_so(backend: Backend) {
    let scratch = started(backend);
    let window = ["once", "hourly", "--window", "2026-11-19T04:00:00Z", "--as-of", "2026-11-19T06:00:00Z"];
    assert!(scratch.run(&window).contains("paid 3.12500000 to 1 of 1 voters"));
    let again = scratch.run(&window);
    assert!(again.contains("was paid already, nothing changed"), "{again}");
    assert_eq!(count(&scratch, "reward_runs"), "1");
    assert_eq!(count(&scratch, "reward_list_hourly"), "1");

    for (args, why) in [
        (["hourly", "--window", "2026-11-19T04:30:00Z"], "no hourly window starts at"),
        (["hourly", "--window", "2026-11-18T04:00:00Z"], "before 2026-11-19, the programme's first day"),
        (["hourly", "--window", "2026-11-19T06:00:00Z"], "is not due: it ends at 2026-11-19T07"),
        (["daily", "--window", "2026-11-19"], "is not due"),
    ] {
        let args = [&["once"][..], &args, &["--as-of", "2026-11-19T06:30:00Z"]].concat();
        let output = scratch.rewardd(&args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{args:?}: {said}");
    }
    assert_eq!(count(&scratch, "reward_runs"), "1");
}

fn a_dry_run_says_the_same_and_writes_nothing(backend: Backend) {
    let scratch = started(backend);
    let as_of = ["--as-of", "2026-11-20T02:30:00Z"];
    let dry = scratch.run(&[&["once", "--dry-run"][..], &as_of].concat());
    assert_eq!(count(&scratch, "reward_runs"), "0");
    assert_eq!(count(&scratch, "reward_programme"), "0");
    let paid = scratch.run(&[&["once"][..], &as_of].concat());
    assert!(
        dry.contains("; would write 1 reward rows, 0 transfers, pool of 2026-11-19 = 9.37500000"),
        "{dry}"
    );
    let as_paid = |line: &str| line.split("; would write").next().unwrap().replace("would pay", "paid");
    let dry: Vec<String> = dry.lines().filter(|line| line.contains("would pay")).map(as_paid).collect();
    let paid: Vec<&str> = paid.lines().filter(|line| line.contains(": paid")).collect();
    assert_eq!(dry, paid);
    assert_eq!(paid.len(), 27);
    let rest = scratch.run(&["once", "--dry-run", "--as-of", "2026-11-20T03:30:00Z"]);
    assert!(rest.contains("hour 2 of 2026-11-20") && rest.lines().count() == 2, "{rest}");
}

fn late_votes_are_added_whole_to_their_day(backend: Backend) {
    let scratch = started(backend);
    scratch.run(&["once", "--as-of", "2026-11-19T05:30:00Z"]);
    scratch.import(&format!("{HEADER}{}", vote(2, 8, "4", "2026-11-19T04:30:00Z")), "quoted_at,rate\n");
    scratch.run(&["once", "--as-of", "2026-11-20T01:00:00Z"]);
    let row = scratch.query(
        "SELECT CAST(late_cc AS CHAR), CAST(late_reward_cc AS CHAR), CAST(total_reward_cc AS CHAR) \
         FROM reward_log WHERE reward_type = 'daily'",
    );
    let row: Vec<&str> = row[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
    assert_eq!(
        row,
        ["4.00000000", "5.00000000", "14.37500000"],
        "9.375 of the hour and all 5 of the late vote"
    );

    let scratch = started(backend);
    scratch.run(&["once", "--as-of", "2026-11-19T05:30:00Z"]);
    scratch.query("DELETE FROM votes");
    scratch.run(&["once", "--as-of", "2026-11-20T01:00:00Z"]);
    let vanished = scratch.query(
        "SELECT CAST(late_cc AS CHAR), CAST(undistributed AS CHAR) FROM reward_log WHERE reward_type = 'daily'",
    );
    assert_eq!(vanished[0][0].as_deref(), Some("-10.00000000"), "it is recorded");
    assert_eq!(vanished[0][1].as_deref(), Some("9.37500000"), "and the pool stays, and carries");
}

fn windows_past_catch_up_wait_for_an_operator(backend: Backend) {
    let scratch = started(backend);
    // 100 hours after the vote's hour ended: 72 hours and the days of those are within reach.
    let output = scratch.rewardd(&["once", "--as-of", "2026-11-23T09:00:00Z"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("warning: 33 due windows ended longer ago"), "{said}");
    assert_eq!(scratch.one("SELECT CAST(MIN(time) AS CHAR) FROM reward_runs")[..19], *"2026-11-20 00:00:00");
    assert_eq!(count(&scratch, "reward_list_hourly"), "0", "nothing was paid silently");

    let by_hand = ["once", "hourly", "--window", "2026-11-19T04:00:00Z", "--as-of", "2026-11-23T09:00:00Z"];
    assert!(scratch.run(&by_hand).contains("paid 3.12500000"));
    let day = scratch.run(&["once", "daily", "--window", "2026-11-19", "--as-of", "2026-11-23T09:00:00Z"]);
    assert!(day.contains("day 2026-11-19"), "{day}");
    let pool = scratch.query(
        "SELECT CAST(day AS CHAR), CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state \
         WHERE accumulated_daily_pool <> '0.00000000'",
    );
    assert_eq!(pool[0][0].as_deref(), Some("2026-11-23"), "what it leaves over goes to the first unpaid day");
}

fn a_failed_hour_blocks_its_day_and_no_other_hour(backend: Backend) {
    let scratch = started(backend);
    scratch.write_config("[programme]\nstart = \"2026-11-19\"\n[source]\nvotes_table = \"loose_votes\"");
    let time = if backend == Backend::Sqlite { "TEXT" } else { "DATETIME(6)" };
    scratch.query(&format!(
        "CREATE TABLE loose_votes (id BIGINT, partner_id BIGINT, vote_type VARCHAR(20), cc VARCHAR(40), \
         ecc VARCHAR(40), voted_at {time})"
    ));
    scratch.query("INSERT INTO loose_votes VALUES (1, 7, 'cc', '10', '1', '2026-11-19 04:00:00')");
    scratch.query("INSERT INTO loose_votes VALUES (2, 7, 'cc', 'ten', '1', '2026-11-19 09:00:00')");
    let output = scratch.rewardd(&["once", "--as-of", "2026-11-20T02:00:00Z"]).output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("loose_votes row 2: cc is ten, which is not a decimal number"), "{said}");
    assert!(said.contains(
        "day 2026-11-19 (2026-11-19T00:00:00.000000Z) was not paid: an hour of this day has failed"
    ));
    assert_eq!(count(&scratch, "reward_runs"), "25", "every other hour, also those of the next day");
    scratch.query("UPDATE loose_votes SET cc = '10' WHERE id = 2");
    let mended = scratch.run(&["once", "--as-of", "2026-11-20T02:00:00Z"]);
    assert!(mended.contains("hour 9 of 2026-11-19") && mended.contains("day 2026-11-19"), "{mended}");
}

fn what_was_paid_fixes_zone_and_start(backend: Backend) {
    let scratch = started(backend);
    scratch.run(&["once", "--as-of", "2026-11-19T05:30:00Z"]);
    for (programme, why) in [
        ("timezone = \"Europe/Budapest\"\nstart = \"2026-11-19\"", "other days would overlap"),
        ("start = \"2026-11-20\"", "cannot be moved later"),
    ] {
        scratch.write_config(&format!("[programme]\n{programme}"));
        let output = scratch.rewardd(&["once", "--as-of", "2026-11-19T06:30:00Z"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    scratch.write_config("");
    let kept = scratch.run(&["once", "--as-of", "2026-11-19T06:30:00Z"]);
    assert!(kept.contains("hour 5 of 2026-11-19") && kept.lines().count() == 1, "{kept}");
}

#[test]
fn a_look_that_paid_nothing_does_not_fix_the_start() {
    let scratch = Scratch::new(Backend::Sqlite);
    scratch.import(&format!("{HEADER}{}", vote(1, 7, "10", "2026-11-19T04:00:00Z")), RATES);
    assert!(scratch.run(&["once", "--as-of", "2030-01-01T00:00:00Z"]).contains("Nothing else is due"));
    let paid = scratch.run(&["once", "--as-of", "2026-11-19T05:00:00Z"]);
    assert!(paid.contains("hour 4 of 2026-11-19"), "{paid}");
}

fn the_log_is_a_chain_of_hashes(backend: Backend) {
    let scratch = started(backend);
    scratch.run(&["once", "--as-of", "2026-11-20T01:00:00Z"]);
    let rows = log_rows(&scratch);
    assert_eq!(rows.len(), 26);
    let mut previous = rewardd::audit::CHAIN_START.to_owned();
    for (row, sequence) in rows.into_iter().zip(1..) {
        assert_eq!((row.sequence, &row.previous_hash), (sequence, &previous));
        previous = row.hash();
    }
    assert_eq!(scratch.one("SELECT chain_head FROM reward_programme"), previous);
}
