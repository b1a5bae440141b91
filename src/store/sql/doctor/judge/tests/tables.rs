//! Tables of others: types, indexes, plans.

use super::*;

/// A source whose column of votes or rates has another type.
fn with_type(name: &str, full_type: &str) -> Facts {
    let mut facts = on_server(server());
    let source = facts.source.as_mut().unwrap();
    for table in [&mut source.votes, &mut source.rates] {
        for old in &mut table.as_mut().unwrap().as_mut().unwrap().columns {
            if old.name == name {
                *old = column(name, full_type);
            }
        }
    }
    facts
}

fn with_votes(change: impl FnOnce(&mut Table)) -> Facts {
    let mut facts = on_server(server());
    change(facts.source.as_mut().unwrap().votes.as_mut().unwrap().as_mut().unwrap());
    facts
}

#[test]
fn types_that_hold_every_value_exactly_are_right() {
    for (name, full_type) in [
        ("id", "char(36)"),
        ("partner_id", "int(10) unsigned"),
        ("vote_type", "enum('cc','free')"),
        ("cc", "decimal(20,2)"),
        ("ecc", "bigint(20)"),
        ("voted_at", "timestamp(6)"),
        ("quoted_at", "datetime"),
        ("rate", "decimal(10,8)"),
    ] {
        assert_eq!(complaints(&with_type(name, full_type), &uses()), [""; 0], "{name} {full_type}");
    }
}

#[test]
fn types_that_do_not_are_named_with_their_remedy() {
    for (name, full_type, begins) in [
        ("partner_id", "varchar(20)", "problem votes_table: votes.partner_id is VARCHAR(20)"),
        ("partner_id", "tinyint(1)", "problem votes_table: votes.partner_id is TINYINT(1)"),
        ("partner_id", "decimal(20,0)", "problem votes_table: votes.partner_id is DECIMAL(20,0)"),
        ("vote_type", "int", "problem votes_table: votes.vote_type is INT: not a text"),
        ("cc", "double", "problem votes_table: votes.cc is DOUBLE: a binary fraction"),
        ("ecc", "float", "problem votes_table: votes.ecc is FLOAT: a binary fraction"),
        ("cc", "varchar(40)", "warning votes_table: votes.cc is VARCHAR(40): a text may hold"),
        (
            "cc",
            "decimal(38,12)",
            "warning votes_table: votes.cc is DECIMAL(38,12): an amount that uses more than 8",
        ),
        ("cc", "json", "problem votes_table: votes.cc is JSON: not an exact number"),
        ("voted_at", "datetime", "warning votes_table: votes.voted_at is DATETIME: votes lose the fraction"),
        ("voted_at", "timestamp(3)", "warning votes_table: votes.voted_at is TIMESTAMP(3): votes lose"),
        ("voted_at", "bigint", "problem votes_table: votes.voted_at is BIGINT: not an instant"),
        ("quoted_at", "date", "problem rates_table: cc_rates.quoted_at is DATE: not an instant"),
        ("rate", "double", "problem rates_table: cc_rates.rate is DOUBLE"),
    ] {
        let table = if begins.contains("cc_rates") { "cc_rates" } else { "votes" };
        let remedy = format!("→ ALTER TABLE `{table}` MODIFY `{name}` ");
        assert_complaint(&with_type(name, full_type), &uses(), begins, &remedy);
    }
}

#[test]
fn missing_and_empty_columns_are_named() {
    let facts = with_votes(|votes| drop(votes.columns.remove(3)));
    let there = "→ cc = \"…\" under [source.columns], naming one of id, partner_id, vote_type, ecc, voted_at";
    assert_complaint(&facts, &uses(), "problem votes_table: votes has no column cc", there);
    let mut failing = facts;
    failing.source.as_mut().unwrap().plan = Some(Plan::Refused("no such column".to_owned()));
    assert_eq!(complaints(&failing, &uses()).len(), 1, "that its query fails says nothing more");
    let facts = with_votes(|votes| votes.columns[3].is_nullable = true);
    let modify = "→ ALTER TABLE `votes` MODIFY `cc` DECIMAL(28,8) NOT NULL";
    assert_complaint(&facts, &uses(), "warning votes_table: votes.cc may be NULL", modify);
    let facts = with_votes(|votes| votes.storage = Some("MyISAM".to_owned()));
    assert_complaint(&facts, &uses(), "warning votes_table: votes is stored by MyISAM", "ENGINE = InnoDB");
    let facts = with_votes(|votes| votes.columns[3].name = "CC".to_owned());
    assert_eq!(complaints(&facts, &uses()), [""; 0], "names of columns have no case");
}

#[test]
fn a_clock_that_is_not_in_utc_fills_no_column() {
    let facts = |zone: &str, full_type: &str| {
        let mut facts = with_type("voted_at", full_type);
        let source = facts.source.as_mut().unwrap();
        source.votes.as_mut().unwrap().as_mut().unwrap().columns[5].defaults_to_now = true;
        let Place::Server(server) = &mut facts.place else { unreachable!("it is a server") };
        server.global.insert("system_time_zone".to_owned(), zone.to_owned());
        facts
    };
    assert_eq!(complaints(&facts("UTC", "datetime(6)"), &uses()), [""; 0]);
    assert_eq!(complaints(&facts("CET", "timestamp(6)"), &uses()), [""; 0]);
    let begins = "warning votes_table: votes.voted_at is filled in from the server's clock";
    assert_complaint(&facts("CET", "datetime(6)"), &uses(), begins, "default_time_zone = '+00:00'");
}

#[test]
fn the_index_of_votes_begins_with_their_instant_and_holds_the_rest() {
    const CREATE: &str =
        "CREATE INDEX `votes_by_time` ON `votes` (`voted_at`, `partner_id`, `vote_type`, `cc`, `ecc`)";
    let none = with_votes(|votes| drop(votes.indexes.pop()));
    assert_complaint(&none, &uses(), "problem votes_index: no index of votes begins with voted_at", CREATE);
    let other = with_votes(|votes| votes.indexes[1].columns.swap(0, 1));
    assert_complaint(&other, &uses(), "problem votes_index: no index of votes begins with voted_at", CREATE);
    let part = with_votes(|votes| drop(votes.indexes[1].columns.pop()));
    assert_complaint(&part, &uses(), "warning votes_index: votes_by_time (voted_at, partner_id, ", CREATE);
    let prefix = with_votes(|votes| {
        votes.indexes[1].columns[2] = None;
        votes.columns[2] = column("vote_type", "text");
    });
    let modify = format!("→ ALTER TABLE `votes` MODIFY `vote_type` VARCHAR(64) NOT NULL; {CREATE}");
    assert_complaint(&prefix, &uses(), "warning votes_index", &modify);
    let clustered = with_votes(|votes| votes.indexes = vec![index("PRIMARY", &["voted_at", "id"])]);
    assert_eq!(complaints(&clustered, &uses()), [""; 0], "a table that lies in the order of its votes");
    let view = with_votes(|votes| {
        votes.is_view = true;
        votes.indexes.clear();
    });
    assert_eq!(complaints(&view, &uses()), [""; 0], "its plan is what counts");
}

#[test]
fn an_index_that_is_not_in_use_is_brought_back() {
    for (version, sql) in [
        ("8.4.6", "ALTER TABLE `votes` ALTER INDEX `votes_by_time` VISIBLE"),
        ("11.8.3-MariaDB", "ALTER TABLE `votes` ALTER INDEX `votes_by_time` NOT IGNORED"),
    ] {
        let mut facts = with_votes(|votes| votes.indexes[1].is_used = false);
        facts.place = Place::Server(Box::new(Server { version: version.to_owned(), ..server() }));
        assert_complaint(&facts, &uses(), "problem votes_index: votes_by_time (voted_at, ", sql);
    }
}

#[test]
fn a_plan_that_reads_everything_matters_where_there_is_much() {
    let with_step = |step: Step, indexed: bool| {
        let mut facts = with_votes(|votes| votes.indexes.truncate(if indexed { 2 } else { 1 }));
        facts.source.as_mut().unwrap().plan = Some(Plan::Steps(vec![step]));
        complaints(&facts, &uses())
    };
    let scan = |rows| Step { is_scan: true, rows: Some(rows), ..Step::default() };
    assert_eq!(with_step(scan(9_999), true), [""; 0]);
    assert_eq!(
        with_step(scan(2_000_000), true),
        [
            "warning votes_plan: yesterday takes the whole of votes, about 2000000 rows, although there is an index → \
          ANALYZE TABLE `votes`, and look whether most votes are of yesterday"
        ]
    );
    let without = with_step(scan(2_000_000), false);
    assert!(
        without[0].starts_with("problem votes_index") && without[1].starts_with("problem votes_plan"),
        "{without:?}"
    );
    let mut facts = on_server(server());
    facts.source.as_mut().unwrap().plan = Some(Plan::Refused("denied".to_owned()));
    assert_complaint(
        &facts,
        &uses(),
        "problem votes_plan: the query for votes is refused: denied",
        "GRANT SELECT",
    );
    facts.source.as_mut().unwrap().plan = Some(Plan::Hidden("lacking privileges".to_owned()));
    assert_complaint(&facts, &uses(), "warning votes_plan: is not shown: lacking", "under votes");
}

#[test]
fn rates_want_an_index_too() {
    let mut facts = on_server(server());
    facts.source.as_mut().unwrap().rates.as_mut().unwrap().as_mut().unwrap().indexes.clear();
    let create = "→ CREATE INDEX `cc_rates_by_time` ON `cc_rates` (`quoted_at`, `rate`)";
    assert_complaint(&facts, &uses(), "warning rates_index: no index of cc_rates", create);
}

/// SQLite keeps by what a type's name contains, and a strict table by its type.
#[test]
fn sqlite_keeps_amounts_and_instants_as_texts() {
    let complaints_of = |name: &str, full_type: &str, is_strict: bool| {
        let texts = [
            ("id", "INTEGER"),
            ("partner_id", "INTEGER"),
            ("vote_type", "TEXT"),
            ("cc", "TEXT"),
            ("ecc", "TEXT"),
        ];
        let all = texts.into_iter().chain([("voted_at", "TEXT")]);
        let typed = all.map(|(n, t)| Column {
            name: n.to_owned(),
            data_type: if n == name { full_type } else { t }.to_lowercase(),
            full_type: if n == name { full_type } else { t }.to_owned(),
            ..Column::default()
        });
        let votes = Table {
            is_strict,
            columns: typed.collect(),
            indexes: vec![index("votes_by_time", &["voted_at"])],
            ..Table::default()
        };
        let rates = Table {
            columns: vec![column("quoted_at", "TEXT"), column("rate", "TEXT")],
            indexes: vec![index("rates", &["quoted_at"])],
            ..Table::default()
        };
        let source = Source { votes: Ok(Some(votes)), rates: Ok(Some(rates)), plan: None };
        complaints(&Facts { source: Some(source), ..in_file(file()) }, &uses())
    };
    for (name, full_type, is_strict) in [
        ("cc", "VARCHAR(40)", false),
        ("cc", "INTEGER", true),
        ("partner_id", "BIGINT UNSIGNED", false),
        ("voted_at", "DATETIME", false),
        ("vote_type", "CHARACTER(8)", false),
    ] {
        assert_eq!(complaints_of(name, full_type, is_strict), [""; 0], "{name} {full_type}");
    }
    for (name, full_type, begins) in [
        (
            "cc",
            "DECIMAL(28,8)",
            "problem votes_table: votes.cc is DECIMAL(28,8): SQLite makes a binary fraction",
        ),
        ("cc", "DOUBLE", "problem votes_table: votes.cc is DOUBLE"),
        (
            "cc",
            "INTEGER",
            "problem votes_table: votes.cc is INTEGER: SQLite makes a binary fraction of what is no",
        ),
        ("cc", "", "warning votes_table: votes.cc is no type: SQLite keeps here whatever is written"),
        ("partner_id", "TEXT", "problem votes_table: votes.partner_id is TEXT"),
        ("voted_at", "INTEGER", "problem votes_table: votes.voted_at is INTEGER"),
    ] {
        let complaints = complaints_of(name, full_type, false);
        assert!(complaints.len() == 1 && complaints[0].starts_with(begins), "{begins}: {complaints:?}");
        assert!(complaints[0].contains("→ make the table anew with"), "{complaints:?}");
    }
}

#[test]
fn the_remote_table_keeps_a_delivery_whole_and_once() {
    let uses = Uses { remote_table: Some("cc_hourly".to_owned()), ..Uses::default() };
    let rights = "GRANT SELECT, INSERT, UPDATE ON `rewards`.* TO `u`@`%`";
    let facts = |amount: &str, indexes: Vec<Index>| Facts {
        place: Place::Server(Box::new(Server { grants: Ok(vec![rights.to_owned()]), ..server() })),
        rewards: None,
        source: None,
        remote: Some(Ok(Some(table(
            &[("partner_id", "bigint"), ("cc_reward", amount), ("time", "datetime")],
            indexes,
        )))),
    };
    let key = || vec![index("PRIMARY", &["time", "partner_id"])];
    assert_eq!(complaints(&facts("decimal(28,8)", key()), &uses), [""; 0]);
    let begins = "problem remote_table: cc_hourly.cc_reward is DECIMAL(20,2): it cannot hold every amount";
    assert_complaint(&facts("decimal(20,2)", key()), &uses, begins, "MODIFY `cc_reward` DECIMAL(28,8)");
    let none = facts("decimal(28,8)", vec![]);
    assert_complaint(
        &none,
        &uses,
        "problem remote_key: cc_hourly has no key",
        "CREATE UNIQUE INDEX `cc_hourly_once` ON `cc_hourly` (`partner_id`, `time`)",
    );
    let narrow = facts("decimal(28,8)", vec![index("PRIMARY", &["partner_id"])]);
    assert_complaint(
        &narrow,
        &uses,
        "problem remote_key: PRIMARY (partner_id) lets only one row in",
        "DROP INDEX",
    );
    let missing = Facts { remote: Some(Ok(None)), ..facts("", vec![]) };
    assert_complaint(
        &missing,
        &uses,
        "problem remote_table: there is no table cc_hourly",
        "CREATE TABLE `cc_hourly`",
    );
}
