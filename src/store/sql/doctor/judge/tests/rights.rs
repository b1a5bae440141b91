//! Rights that lack, and rights that are too many.

use super::*;

fn with_grants(lines: &[&str]) -> Server {
    Server { grants: Ok(lines.iter().map(|line| (*line).to_owned()).collect()), ..server() }
}

fn reader() -> Uses {
    Uses { source: Some(names()), ..Uses::default() }
}

fn read(lines: &[&str]) -> Facts {
    Facts { rewards: None, ..on_server(with_grants(lines)) }
}

#[test]
fn what_lacks_is_given_by_the_advice() {
    // Statements that the server takes prove their rights.
    let facts = on_server(with_grants(&["GRANT SELECT, LOCK TABLES ON `rewards`.* TO `u`@`%`"]));
    assert_eq!(complaints(&facts, &uses()), [""; 0]);

    let mut empty = facts.clone();
    empty.rewards.as_mut().unwrap().refused = None;
    let give = "GRANT INSERT, UPDATE, CREATE ON `rewards`.* TO 'u'@'%'";
    assert_complaint(&empty, &uses(), "problem grants", give);

    // Once there are tables, each is given what it needs and no more.
    let mut refused = on_server(with_grants(&[
        "GRANT SELECT, INSERT, LOCK TABLES ON `rewards`.* TO `u`@`%`",
        "GRANT UPDATE ON `rewards`.`reward_lease` TO `u`@`%`",
    ]));
    refused.rewards.as_mut().unwrap().refused = Some(vec!["UPDATE command denied".to_owned()]);
    let give = [
        "reward_programme",
        "reward_pool_state",
        "reward_settlements",
        "special_transfers",
        "reward_holds",
        "reward_held_windows",
        "reward_rules_pending",
        "reward_receivers",
        "reward_incidents",
        "reward_notifications",
        "reward_watches",
        "reward_watched_rows",
        "reward_changes",
        "reward_profiles",
        "reward_cases",
        "reward_watchlist",
        "reward_notices",
        "reward_guard",
    ]
    .map(|table| format!("GRANT UPDATE ON `rewards`.`{table}` TO 'u'@'%'"));
    let complaints = complaints(&refused, &uses());
    assert!(complaints[1].ends_with(&format!("→ {}", give.join("; "))), "{complaints:#?}");

    let facts = read(&["GRANT SELECT (`id`, `cc`) ON `rewards`.`votes` TO `u`@`%`"]);
    let give =
        "GRANT SELECT ON `rewards`.`votes` TO 'u'@'%'; GRANT SELECT ON `rewards`.`cc_rates` TO 'u'@'%'";
    assert_complaint(&facts, &reader(), "problem grants", give);
}

#[test]
fn reading_may_be_given_in_many_ways() {
    for lines in [
        &["GRANT SELECT ON *.* TO `u`@`%`"][..],
        &["GRANT SELECT ON `rewar__`.* TO `readers`"],
        &["GRANT SELECT ON `rewards`.`votes` TO `u`@`%`", "GRANT SELECT ON `rewards`.`cc_rates` TO `u`@`%`"],
        &[
            "GRANT SELECT (`id`, `partner_id`, `vote_type`, `cc`, `ecc`, `voted_at`) ON `rewards`.`votes` TO `u`@`%`",
            "GRANT SELECT (`rate`, `quoted_at`) ON `rewards`.`cc_rates` TO `u`@`%`",
        ],
    ] {
        assert_eq!(complaints(&read(lines), &reader()), [""; 0], "{lines:?}");
    }
}

#[test]
fn without_lock_tables_a_load_uses_one_connection_which_is_no_fault() {
    let lock = |facts: &Facts| {
        let mut findings = judge(facts, &reader(), KEY).into_iter();
        findings.find(|finding| finding.check == "lock_tables")
    };
    let hint = lock(&read(&["GRANT SELECT ON `rewards`.* TO `u`@`%`"])).unwrap();
    assert_eq!(hint.level, Level::Ok);
    assert_eq!(hint.advice.unwrap(), "for several: GRANT LOCK TABLES ON `rewards`.* TO 'u'@'%'");
    assert_eq!(lock(&read(&["GRANT SELECT, LOCK TABLES ON `rewards`.* TO `u`@`%`"])).unwrap().advice, None);
    let mut cluster = with_grants(&["GRANT SELECT ON `rewards`.* TO `u`@`%`"]);
    cluster.global.insert("wsrep_on".into(), "ON".into());
    assert_eq!(lock(&Facts { rewards: None, ..on_server(cluster) }), None, "it would hold nothing there");
}

#[test]
fn what_is_too_much_is_taken_away_by_the_advice() {
    let facts = on_server(with_grants(&["GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION"]));
    let own = "CREATE USER 'rewardd'@'%' IDENTIFIED BY '…'; GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX, LOCK \
               TABLES ON `rewards`.* TO 'rewardd'@'%'";
    assert_complaint(&facts, &uses(), "warning grants: 'u'@'%' may do ALL PRIVILEGES, GRANT OPTION", own);

    let facts = on_server(with_grants(&["GRANT ALL PRIVILEGES ON `rewards`.* TO `u`@`%`"]));
    let less = "REVOKE ALL PRIVILEGES ON `rewards`.* FROM 'u'@'%'; GRANT SELECT, INSERT";
    assert_complaint(&facts, &uses(), "warning grants: 'u'@'%' may do ALL PRIVILEGES on rewards", less);

    let facts = on_server(with_grants(&[
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, LOCK TABLES ON `rewards`.* TO `u`@`%`",
        "GRANT SUPER ON *.* TO `u`@`%`",
    ]));
    let complaints = complaints(&facts, &uses());
    assert!(complaints[0].contains("may do SUPER on everything"), "{complaints:#?}");
    assert!(complaints[1].contains("→ REVOKE DELETE, DROP ON `rewards`.* FROM 'u'@'%'"), "{complaints:#?}");
}

#[test]
fn who_reads_the_source_is_not_to_write_there() {
    let facts = read(&[
        "GRANT SELECT, LOCK TABLES ON `rewards`.* TO `u`@`%`",
        "GRANT INSERT, UPDATE (`cc`, `ecc`) ON `rewards`.`votes` TO `u`@`%`",
        "GRANT ALL PRIVILEGES ON `rewards`.`cc_rates` TO `u`@`%`",
    ]);
    let found = "warning grants: 'u'@'%' may do ALL PRIVILEGES, INSERT, UPDATE (`cc`, `ecc`) on rewards, which is more";
    let less = "→ REVOKE INSERT, UPDATE (`cc`, `ecc`) ON `rewards`.`votes` FROM 'u'@'%'; REVOKE ALL PRIVILEGES ON \
                `rewards`.`cc_rates` FROM 'u'@'%'; GRANT SELECT ON `rewards`.`cc_rates` TO 'u'@'%'";
    assert_complaint(&facts, &reader(), found, less);
}

#[test]
fn a_delivery_reads_and_inserts() {
    let uses = Uses { remote_table: Some("partners.cc_hourly".to_owned()), ..Uses::default() };
    let hourly = table(
        &[("partner_id", "bigint"), ("cc_reward", "decimal(28,8)"), ("time", "datetime")],
        vec![index("PRIMARY", &["partner_id", "time"])],
    );
    let facts = |lines: &[&str]| Facts {
        place: Place::Server(Box::new(with_grants(lines))),
        rewards: None,
        source: None,
        remote: Some(Ok(Some(hourly.clone()))),
    };
    for enough in ["SELECT, INSERT", "SELECT, INSERT, UPDATE"] {
        let enough = facts(&[&format!("GRANT {enough} ON `partners`.`cc_hourly` TO `u`@`%`")]);
        assert_eq!(complaints(&enough, &uses), [""; 0]);
    }
    let some = facts(&["GRANT SELECT ON `partners`.* TO `u`@`%`"]);
    assert_complaint(&some, &uses, "problem grants", "→ GRANT INSERT ON `partners`.`cc_hourly` TO 'u'@'%'");
}

#[test]
fn removing_rows_takes_a_right_only_where_they_are_moved() {
    let moves = Uses { moves: true, ..uses() };
    let all = "GRANT SELECT, INSERT, UPDATE, CREATE, LOCK TABLES ON `rewards`.* TO `u`@`%`";
    let mut lacking = on_server(with_grants(&[all]));
    lacking.rewards.as_mut().unwrap().refused = Some(vec!["DELETE command denied".to_owned()]);
    let found = complaints(&lacking, &moves).join("\n");
    assert!(found.contains("GRANT DELETE ON `rewards`.`reward_list_hourly` TO 'u'@'%'"), "{found}");
    let with = all.replace("UPDATE,", "UPDATE, DELETE,");
    assert_eq!(complaints(&on_server(with_grants(&[&with])), &moves), [""; 0]);
    assert!(complaints(&on_server(with_grants(&[&with])), &uses()).join("").contains("never needs"));
}
