//! `rewardd verify`: a clean history is clean, and whatever is done to it is found and named for what it is.

use rewardd::audit::{Link as _, LogRow};
use serde_json::Value as Json;

use crate::on_every_backend;
use crate::support::tables::log_rows;
use crate::support::{Backend, Scratch, vectors};
use crate::vectors::paid;

/// An hour of the case `special` with a special partner, and its day.
const HOUR: &str = "2026-11-19 09:00:00.000000";

on_every_backend!(
    nothing_is_found_in_any_worked_case,
    nothing_is_found_in_sixty_days,
    each_change_is_found_and_rightly_named,
    a_forged_end_of_the_chain_is_found,
    days_that_are_left_out_are_not_recomputed,
);

/// What verify ends with and finds.
pub fn verify(scratch: &Scratch, args: &[&str]) -> (i32, Json) {
    let output = scratch.rewardd(&[&["verify", "--json"][..], args].concat()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let record = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), record)
}

pub fn assert_clean(scratch: &Scratch, what: &str) -> Json {
    let (code, found) = verify(scratch, &[]);
    assert_eq!((code, found["findings"].as_array().map(Vec::len)), (0, Some(0)), "{what}: {found:#}");
    found
}

fn nothing_is_found_in_any_worked_case(backend: Backend) {
    for case in vectors() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let found = assert_clean(&paid(&name, backend), &name);
        assert_eq!(found["windows"], found["runs"], "{name}: {found:#}");
    }
}

/// Votes in every hour of so many days, by two dozen partners.
fn votes_of(days: u32) -> String {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let start: chrono::DateTime<chrono::Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    for number in 0..days * 24 * 3 {
        let at = start + chrono::TimeDelta::minutes(i64::from(number) * 20 + i64::from(number % 17));
        let (partner, kind) = (number * 7 % 24 + 1, ["cc", "free"][usize::from(number % 5 == 0)]);
        let cents = number * 37 % 1000;
        votes += &format!("{number},{partner},{kind},{}.{cents:03},1.{cents:03},", number % 40);
        votes += &format!("{}\n", at.format("%Y-%m-%dT%H:%M:%SZ"));
    }
    votes
}

fn nothing_is_found_in_sixty_days(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.write_config(
        "[programme]\nstart = \"2026-01-01\"\n[schedule]\ncatch_up = \"90d\"\n[special]\npartners = [1, 2, 3]",
    );
    // The servers are no other code, and slower.
    let days = if backend == Backend::Sqlite { 60 } else { 6 };
    scratch.import(&votes_of(days), "quoted_at,rate\n2025-12-20T00:00:00Z,1.25\n2026-01-20T00:00:00Z,1.3\n");
    let end = "2026-01-01T01:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        + chrono::TimeDelta::days(days.into());
    scratch.run(&["once", "all", "--as-of", &end.to_rfc3339()]);
    let found = assert_clean(&scratch, "sixty days");
    let windows = u64::from(days) * 25 + 1;
    assert_eq!((found["runs"].as_u64(), found["windows"].as_u64()), (Some(windows), Some(windows)));
    let said = scratch.run(&["verify", "--from", "2026-01-03", "--to", "2026-01-04"]);
    assert!(said.contains(&format!("{windows} runs of the audit log, 50 windows recomputed")), "{said}");
    assert!(said.contains("Nothing was found"), "{said}");
}

/// Something done to one table, and what has to be found of it.
struct Change {
    what: &'static str,
    table: &'static str,
    sql: String,
    class: &'static str,
    /// Parts of the table, key and text of one finding.
    finding: [String; 3],
}

fn change(
    what: &'static str,
    table: &'static str,
    sql: &str,
    class: &'static str,
    finding: [&str; 3],
) -> Change {
    Change { what, table, sql: sql.to_owned(), class, finding: finding.map(str::to_owned) }
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn changes(partner: &str, transferred: &str) -> Vec<Change> {
    let hour = |verb: &str| format!("{verb} WHERE time = '{HOUR}' AND partner_id = {partner}");
    let transfer = format!("WHERE time = '{HOUR}' AND partner_id = {transferred}");
    let key = format!("partner_id {partner}, time 2026-11-19T09");
    let log = "reward_distribution_logs";
    vec![
        change(
            "an amount of a day",
            "reward_list_daily",
            &format!(
                "UPDATE reward_list_daily SET daily_reward_all = '999.00000000' WHERE partner_id = {partner}"
            ),
            "mismatch",
            ["reward_list_daily", &format!("partner_id {partner}"), "daily_reward_all is 999.00000000, not "],
        ),
        change(
            "one unit of an hour",
            "reward_list_hourly",
            &hour("UPDATE reward_list_hourly SET hourly_reward_all = '0.00000001'"),
            "mismatch",
            ["reward_list_hourly", &key, "hourly_reward_all is 0.00000001, not "],
        ),
        change(
            "a deleted reward row",
            "reward_list_hourly",
            &hour("DELETE FROM reward_list_hourly"),
            "mismatch",
            ["reward_list_hourly", &key, "the row is missing"],
        ),
        change(
            "a reward row that nobody earned",
            "reward_list_hourly",
            &format!(
                "INSERT INTO reward_list_hourly VALUES (77777, 9, '{HOUR}', '1.00000000', '0.00000000', '0.00000000', '0.00000000', '0.00000000')"
            ),
            "mismatch",
            ["reward_list_hourly", "partner_id 77777", "has no vote in this window"],
        ),
        change(
            "rewards of a window that was never paid",
            "reward_list_hourly",
            "INSERT INTO reward_list_hourly VALUES (1, 1, '2026-11-25 10:00:00.000000', '1.00000000', '0.00000000', '0.00000000', '0.00000000', '0.00000000')",
            "mismatch",
            ["reward_list_hourly", "time 2026-11-25T10", "no run has paid"],
        ),
        change(
            "a position",
            "reward_list_daily",
            &format!("UPDATE reward_list_daily SET position = 99 WHERE partner_id = {partner}"),
            "mismatch",
            ["reward_list_daily", &format!("partner_id {partner}"), "position is 99, not "],
        ),
        change(
            "a record of the audit log",
            log,
            "UPDATE reward_distribution_logs SET record = REPLACE(record, 'software_version', 'software_verslon') WHERE sequence = 5",
            "tampering",
            [log, "sequence 5", "cannot be read"],
        ),
        change(
            "an amount in the audit log",
            log,
            "UPDATE reward_distribution_logs SET total_amount = '1.00000000' WHERE sequence = 5",
            "tampering",
            [log, "sequence 6", "one of the two was changed"],
        ),
        change(
            "a deleted row of the audit log",
            log,
            "DELETE FROM reward_distribution_logs WHERE sequence = 5",
            "tampering",
            [log, "sequence 5", "row 5 is missing"],
        ),
        change(
            "the last row of the audit log",
            log,
            "DELETE FROM reward_distribution_logs WHERE sequence = (SELECT runs FROM reward_programme)",
            "tampering",
            [log, "sequence 26", "row 26 is missing"],
        ),
        change(
            "the head of the chain",
            "reward_programme",
            &format!("UPDATE reward_programme SET chain_head = '{}'", "a".repeat(64)),
            "tampering",
            [log, "sequence 26", "the books name"],
        ),
        change(
            "a row after the end of the chain",
            log,
            &format!(
                "INSERT INTO reward_distribution_logs VALUES (27, 'hourly', '{HOUR}', '0.00000000', '{{}}', NULL, '{{}}', 'x')"
            ),
            "tampering",
            [log, "sequence 27", "after the end"],
        ),
        change(
            "the reward log",
            "reward_log",
            "UPDATE reward_log SET voters = voters + 1 WHERE sequence = 9",
            "mismatch",
            ["reward_log", "sequence 9", "voters is "],
        ),
        change(
            "a deleted run",
            "reward_runs",
            "DELETE FROM reward_runs WHERE sequence = 9",
            "mismatch",
            ["reward_runs", "sequence 9", "the row is missing"],
        ),
        change(
            "a pool",
            "reward_pool_state",
            "UPDATE reward_pool_state SET accumulated_daily_pool = '5.00000000' WHERE day = '2026-11-19'",
            "mismatch",
            ["reward_pool_state", "day 2026-11-19", "is 5.00000000, where the runs left 0.00000000"],
        ),
        change(
            "a settled hour",
            "reward_settlements",
            &format!("UPDATE reward_settlements SET hourly_share = '0.00000000' WHERE time = '{HOUR}'"),
            "mismatch",
            ["reward_settlements", "time 2026-11-19T09", "hourly_share is 0.00000000, not 111.58861051"],
        ),
        change(
            "a sum of the books",
            "reward_programme",
            "UPDATE reward_programme SET contributed = '1.00000000'",
            "mismatch",
            ["reward_programme", "id 1", "conservation is broken"],
        ),
        change(
            "a transfer",
            "special_transfers",
            &format!("UPDATE special_transfers SET cc_reward = '7.00000000' {transfer}"),
            "mismatch",
            ["special_transfers", &format!("partner_id {transferred}"), "cc_reward is 7.00000000, not "],
        ),
        change(
            "a deleted transfer",
            "special_transfers",
            &format!("DELETE FROM special_transfers {transfer}"),
            "mismatch",
            ["special_transfers", &format!("partner_id {transferred}"), "the row is missing"],
        ),
        change(
            "a transfer of an hour that was never paid",
            "special_transfers",
            "INSERT INTO special_transfers VALUES (1, '2026-11-25 10:00:00.000000', '1.00000000', 0, NULL, NULL, NULL)",
            "mismatch",
            ["special_transfers", "time 2026-11-25T10", "has not been paid"],
        ),
        change(
            "the rules that were in force",
            "reward_rules_versions",
            "UPDATE reward_rules_versions SET rules = REPLACE(rules, 'top1000 = 5', 'top1000 = 6')",
            "tampering",
            ["reward_rules_versions", "sequence 1", "has another hash"],
        ),
        change(
            "a vote after payment",
            "votes",
            &format!(
                "INSERT INTO votes VALUES (999999, {partner}, 'cc', '1.00000000', '1.00000000', '{HOUR}')"
            ),
            "drift",
            ["votes", "sequence ", "votes of "],
        ),
        change(
            "a vote that vanished",
            "votes",
            "DELETE FROM votes WHERE id = 1",
            "drift",
            ["votes", "sequence ", "votes of "],
        ),
        change(
            "a vote that was changed",
            "votes",
            "UPDATE votes SET cc = '0.00000001' WHERE id = 1",
            "drift",
            ["votes", "sequence ", "inputs.cc_total"],
        ),
        change(
            "a vote that is none",
            "votes",
            "UPDATE votes SET cc = '-1.00000000' WHERE id = 1",
            "drift",
            ["votes", "sequence ", "negative"],
        ),
        change(
            "another rate",
            "cc_rates",
            "UPDATE cc_rates SET rate = '9.00000000'",
            "drift",
            ["votes", "sequence ", "cc_rate is "],
        ),
    ]
}

fn each_change_is_found_and_rightly_named(backend: Backend) {
    let scratch = paid("special", backend);
    assert_clean(&scratch, "before");
    let first = |table: &str| {
        scratch.one(&format!("SELECT CAST(MIN(partner_id) AS CHAR) FROM {table} WHERE time = '{HOUR}'"))
    };
    let (partner, transferred) = (first("reward_list_hourly"), first("special_transfers"));
    for Change { what, table, sql, class, finding } in changes(&partner, &transferred) {
        scratch.query(&format!("CREATE TABLE kept AS SELECT * FROM {table}"));
        scratch.query(&sql);
        let (code, found) = verify(&scratch, &[]);
        let findings = found["findings"].as_array().unwrap();
        let is_found = findings.iter().any(|found| {
            let parts = ["table", "key", "what"].map(|name| found[name].as_str().unwrap());
            found["class"] == class
                && parts.iter().zip(&finding).all(|(text, part)| text.contains(part.as_str()))
        });
        assert!(is_found, "{what}: {finding:?} is not in {found:#}");
        let worst = ["drift", "mismatch", "tampering"].iter().position(|name| *name == class).unwrap();
        assert_eq!((code, &found["worst"]), (4 + worst as i32, &Json::from(class)), "{what}: {found:#}");
        scratch.query(&format!("DELETE FROM {table}"));
        scratch.query(&format!("INSERT INTO {table} SELECT * FROM kept"));
        scratch.query("DROP TABLE kept");
    }
    assert_clean(&scratch, "after");
}

/// The rows from `from` on, each made anew with the hash of the one before, and the head after them: what somebody
/// who can write everything would do.
fn forge(scratch: &Scratch, from: u64, change: impl Fn(&mut LogRow)) {
    let mut head = String::new();
    for mut row in log_rows(scratch) {
        if row.sequence >= from {
            change(&mut row);
            row.previous_hash.clone_from(&head);
            scratch.query(&format!(
                "UPDATE reward_distribution_logs SET total_amount = '{}', record = '{}', previous_hash = '{}' \
                 WHERE sequence = {}",
                row.total_amount, row.record, row.previous_hash, row.sequence
            ));
        }
        head = row.hash();
    }
    scratch.query(&format!("UPDATE reward_programme SET chain_head = '{head}'"));
}

fn a_forged_end_of_the_chain_is_found(backend: Backend) {
    let scratch = paid("special", backend);
    // Made anew as it is, nothing is wrong with it.
    forge(&scratch, 20, |_| {});
    assert_clean(&scratch, "the same rows");
    forge(&scratch, 20, |row| row.record = row.record.replace("\"voters\":", "\"voters\":1"));
    let (code, found) = verify(&scratch, &[]);
    assert_eq!(code, 6, "{found:#}");
}

fn days_that_are_left_out_are_not_recomputed(backend: Backend) {
    let scratch = paid("special", backend);
    let change = "UPDATE reward_list_daily SET daily_reward_all = '999.00000000'";
    scratch.query(change);
    let (code, found) = verify(&scratch, &["--from", "2026-11-20"]);
    assert_eq!((code, found["windows"].as_u64()), (0, Some(1)), "{found:#}");
    assert_eq!(verify(&scratch, &["--to", "2026-11-19"]).0, 5);
    let output = scratch.rewardd(&["verify", "--from", "2026-11-20", "--to", "2026-11-19"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("is after"), "{output:?}");
}
