//! `rewardd doctor` on real databases: good order, foreign tables, rights, locks, outages.

use std::fs;

use insta::assert_snapshot;
use rewardd::config::DatabaseUrl;
use rewardd::store::sql::{Access, Database};

use crate::on_every_backend;
use crate::support::tables::make_remote;
use crate::support::{Backend, database_of, without_parameters};
use patient::Patient;

mod patient;

const ENOUGH: &str = "SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX, LOCK TABLES";

on_every_backend!(
    good_order_has_no_problem_and_its_rights_are_enough,
    foreign_tables_are_judged_column_by_column,
    nothing_is_written,
    a_source_that_does_not_answer_hides_nothing_of_the_rewards,
    the_remote_table_is_looked_at,
);

/// What the doctor calls enough is enough to start from nothing, to import and to pay.
fn good_order_has_no_problem_and_its_rights_are_enough(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant(ENOUGH);
    assert_snapshot!(format!("good_{backend:?}").to_lowercase(), patient.says());
    let (code, findings) = patient.findings();
    assert_eq!(code, Some(0));
    assert!(findings.iter().all(|finding| finding.level == "ok"), "{findings:#?}");
    let plan = findings.iter().find(|finding| finding.check == "votes_plan").unwrap();
    assert!(plan.found.contains("votes_by_time"), "{plan:?}");

    let tables = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs";
    if backend != Backend::Sqlite {
        let name = patient.database().to_owned();
        patient.scratch.query_at(&patient.admin.replace(&name, "mysql"), &format!("DROP DATABASE {name}"));
        patient.scratch.query_at(&patient.admin.replace(&name, "mysql"), &format!("CREATE DATABASE {name}"));
    }
    patient.scratch.write_config("[programme]\nstart = \"2026-11-19\"");
    patient.scratch.run(&["migrate"]);
    patient.scratch.import(
        "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,2026-11-19T04:00:00Z\n",
        "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n",
    );
    patient.scratch.run(&["once", "--as-of", "2026-11-19T05:30:00Z"]);
    assert_eq!(patient.scratch.one(tables), "5");
}

/// A table that somebody else made, with all that can be wrong.
fn foreign_tables_are_judged_column_by_column(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant(ENOUGH);
    patient.scratch.write_config(
        "[source]\nvotes_table = \"ballots\"\nrates_table = \"quotes\"\n[source.columns]\nvote_type = \"kind\"",
    );
    let scale = if backend == Backend::Sqlite { "TEXT" } else { "DECIMAL(38,12)" };
    patient.admin(&format!(
        "CREATE TABLE ballots (id INTEGER PRIMARY KEY, partner_id INTEGER, cc DOUBLE NOT NULL, ecc {scale} NOT NULL, \
         voted_at DATETIME NOT NULL)"
    ));
    patient.admin("CREATE TABLE quotes (quoted_at DATETIME NOT NULL, rate VARCHAR(40) NOT NULL)");
    assert_snapshot!(format!("foreign_{backend:?}").to_lowercase(), patient.says());
    assert_eq!(patient.findings().0, Some(78));

    // The advice is SQL that mends what it says.
    let index = patient.complaint("votes_index");
    assert_eq!(index.level, "problem");
    patient.admin("ALTER TABLE ballots ADD COLUMN kind VARCHAR(64) NOT NULL DEFAULT 'cc'");
    patient.admin(&index.advice);
    patient.admin(&patient.complaint("rates_index").advice);
    if backend != Backend::Sqlite {
        for _ in 0..4 {
            let (_, findings) = patient.findings();
            let wrong =
                findings.iter().find(|finding| finding.check == "votes_table" && finding.level != "ok");
            if let Some(wrong) = wrong {
                patient.admin(&wrong.advice);
            }
        }
        patient.admin(&patient.complaint("rates_table").advice);
        let (code, findings) = patient.findings();
        assert!(code == Some(0) && findings.iter().all(|finding| finding.level == "ok"), "{findings:#?}");
    }
}

fn nothing_is_written(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant("SELECT, LOCK TABLES");
    let file = patient.scratch.path("rewards.db");
    let before = fs::read(&file).ok();
    patient.doctor(&[]);
    assert!(fs::read(&file).ok() == before);
    if backend == Backend::Sqlite {
        fs::remove_file(&file).unwrap();
        let missing = patient.complaint("connection");
        assert!(missing.advice.contains("rewardd migrate"), "{missing:?}");
        assert!(!file.exists());
    } else {
        let lacks = patient.complaint("grants");
        let tables = ["`.`reward_log` and INSERT on", "INSERT, UPDATE on", "and UPDATE on"];
        assert!(tables.iter().all(|part| lacks.found.contains(part)), "{lacks:?}");
        let refused = patient.complaint("statements");
        assert!(refused.found.contains("command denied"), "{refused:?}");
        for sql in lacks.advice.split("; ") {
            patient.admin(sql);
        }
        assert_eq!(patient.findings().0, Some(0), "the advice gives what lacks");
    }
}

fn a_source_that_does_not_answer_hides_nothing_of_the_rewards(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant(ENOUGH);
    patient.scratch.write_config("[source]\nurl = \"mysql://reader:secret@127.0.0.1:1/voting\"");
    let output = patient.doctor(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(69), "{text}");
    assert!(!text.contains("secret") && text.contains("reader:***@"), "{text}");
    let (_, findings) = patient.findings();
    let roles: Vec<&str> = findings.iter().map(|finding| finding.role.as_str()).collect();
    assert!(
        findings.iter().any(|finding| finding.check == "migrations" && finding.level == "ok"),
        "{findings:#?}"
    );
    assert_eq!(roles.iter().filter(|role| **role == "source").count(), 1, "{findings:#?}");
    assert!(patient.complaint("connection").found.contains("refused"), "{findings:#?}");
}

fn the_remote_table_is_looked_at(backend: Backend) {
    let mut patient = Patient::new(backend);
    patient.grant(ENOUGH);
    let remote = make_remote(&mut patient.scratch);
    let configure = |patient: &Patient| patient.scratch.write_config(&format!("[remote]\nurl = {remote:?}"));
    configure(&patient);
    let (code, findings) = patient.findings();
    let of_remote =
        |check: &str| findings.iter().any(|f| f.role == "remote" && f.check == check && f.level == "ok");
    assert!(code == Some(0) && of_remote("remote_table") && of_remote("remote_key"), "{findings:#?}");

    patient.scratch.query_at(&remote, "DROP TABLE cc_hourly");
    let missing = patient.complaint("remote_table");
    let create = missing.advice.split(';').next().unwrap();
    patient.scratch.query_at(&remote, create);
    assert_eq!(patient.findings().0, Some(0), "the advice makes the table: {create}");

    patient.scratch.query_at(&remote, "DROP TABLE cc_hourly");
    patient.scratch.query_at(
        &remote,
        "CREATE TABLE cc_hourly (partner_id BIGINT, cc_reward DECIMAL(20,2), time DATETIME)",
    );
    assert_eq!(patient.complaint("remote_table").level, "problem");
    let key = patient.complaint("remote_key");
    assert_eq!((key.level.as_str(), patient.findings().0), ("problem", Some(78)));
    patient.scratch.query_at(&remote, &key.advice);
    assert_eq!(
        patient.findings().1.iter().filter(|f| f.level == "problem").count(),
        1,
        "the advice makes the key"
    );
}

/// A source of its own, with a user who may do more than read.
fn rights_on_the_source(backend: Backend) {
    let mut patient = Patient::new(backend);
    patient.grant(ENOUGH);
    let source = patient.scratch.new_database("voting");
    let (url, voting) = without_parameters(&source).rsplit_once('/').unwrap();
    let reader = format!("{}r", patient.user);
    let server = url.split_once('@').unwrap().1;
    let source_url = format!("mysql://{reader}:x@{server}/{voting}");
    for sql in [
        &format!("CREATE TABLE {voting}.votes LIKE {}.votes", patient.database()),
        &format!("CREATE TABLE {voting}.cc_rates LIKE {}.cc_rates", patient.database()),
        &format!("CREATE USER '{reader}'@'%' IDENTIFIED BY 'x'"),
    ] {
        patient.admin(sql);
    }
    patient.scratch.write_config(&format!("[source]\nurl = {source_url:?}"));
    // Nothing is allowed: the server lets nobody in, or shows nothing.
    assert_ne!(patient.findings().0, Some(0));

    // By a role, which is somebody's right as well.
    let role = format!("{}o", patient.user);
    let (make, default) = match backend {
        Backend::MariaDb => {
            (format!("CREATE ROLE {role}"), format!("SET DEFAULT ROLE {role} FOR '{reader}'@'%'"))
        }
        // In MySQL a user may be another's role, and that can be said in prepared statements.
        _ => (format!("CREATE USER {role}"), format!("ALTER USER '{reader}'@'%' DEFAULT ROLE {role}")),
    };
    patient.admin(&make);
    patient.admin(&format!("GRANT SELECT ON {voting}.* TO {role}"));
    patient.admin(&format!("GRANT {role} TO '{reader}'@'%'"));
    patient.admin(&default);
    let (code, findings) = patient.findings();
    assert_eq!(code, Some(0), "{findings:#?}");
    let hint = findings.iter().find(|finding| finding.check == "lock_tables").unwrap();
    assert!(hint.level == "ok" && hint.advice.contains("GRANT LOCK TABLES"), "{hint:?}");
    patient.admin(hint.advice.split_once(": ").unwrap().1);
    let (_, findings) = patient.findings();
    let allowed = findings.iter().find(|finding| finding.check == "lock_tables").unwrap();
    assert_eq!(allowed.advice, "", "{allowed:?}");

    patient.admin(&format!("GRANT SELECT, DELETE, DROP ON {voting}.votes TO '{reader}'@'%'"));
    let writes = patient.complaint("grants");
    assert_eq!((writes.level.as_str(), writes.role.as_str()), ("warning", "source"), "{writes:?}");
    patient.admin(&writes.advice);
    patient.admin(&format!("GRANT ALL PRIVILEGES ON {voting}.* TO '{reader}'@'%'"));
    for sql in patient.complaint("grants").advice.split("; ") {
        patient.admin(sql);
    }
    let (code, findings) = patient.findings();
    assert!(
        code == Some(0) && findings.iter().all(|f| f.level == "ok"),
        "the advice was right: {findings:#?}"
    );
    patient.admin(&format!("DROP USER '{reader}'@'%'"));
    patient.admin(&make.replace("CREATE", "DROP"));
}

/// An index that the server has been told not to use.
fn hidden_index(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant(ENOUGH);
    let hide = if backend == Backend::MariaDb { "IGNORED" } else { "INVISIBLE" };
    patient.admin(&format!("ALTER TABLE votes ALTER INDEX votes_by_time {hide}"));
    let hidden = patient.complaint("votes_index");
    assert!(hidden.level == "problem" && hidden.found.contains("not in use"), "{hidden:?}");
    patient.admin(&hidden.advice);
    assert_eq!(patient.findings().0, Some(0), "the advice was right: {hidden:?}");
}

/// A view over a table that its reader may not see by itself.
fn view_of_votes(backend: Backend) {
    let mut patient = Patient::new(backend);
    patient.grant(ENOUGH);
    let hidden = database_of(&patient.scratch.new_database("hidden")).to_owned();
    patient.admin(&format!("CREATE TABLE {hidden}.votes LIKE {}.votes", patient.database()));
    patient.admin(&format!("CREATE VIEW ballots AS SELECT * FROM {hidden}.votes"));
    patient.scratch.write_config("[source]\nvotes_table = \"ballots\"");
    let plan = patient.complaint("votes_plan");
    assert!(plan.level == "warning" && plan.found.starts_with("is not shown"), "{plan:?}");
    assert_eq!(patient.findings().0, Some(0), "what it asks for it gets");
    patient.admin(&format!("GRANT SELECT, SHOW VIEW ON {hidden}.* TO '{}'@'%'", patient.user));
    patient.grant("SHOW VIEW");
    let (_, findings) = patient.findings();
    let plan = findings.iter().find(|finding| finding.check == "votes_plan").unwrap();
    assert!(plan.level == "ok" && plan.found.contains("votes_by_time"), "{plan:?}");
}

/// Without an index, ten thousand votes and more are gone through for one day's.
fn large_table(backend: Backend) {
    let patient = Patient::new(backend);
    patient.grant(ENOUGH);
    // The server looks at every page when it is told to, and at no other time: its estimates are no guesses then.
    patient.admin(
        "ALTER TABLE votes DROP INDEX votes_by_time, STATS_AUTO_RECALC = 0, STATS_SAMPLE_PAGES = 1000",
    );
    let digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 \
                  UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    patient.admin(&format!(
        "INSERT INTO votes SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n, 7, 'cc', 1, 1, \
         '2020-01-01' FROM {digits} a, {digits} b, {digits} c, {digits} d, (SELECT 0 n UNION SELECT 1) e"
    ));
    let analysed = "ANALYZE TABLE votes";
    patient.admin(analysed);
    let plan = patient.complaint("votes_plan");
    assert!(
        plan.level == "problem" && plan.found.starts_with("yesterday takes the whole of votes, about "),
        "{plan:?}"
    );
    patient.admin(&patient.complaint("votes_index").advice);
    patient.admin(analysed);
    let (code, findings) = patient.findings();
    let plan = findings.iter().find(|finding| finding.check == "votes_plan").unwrap();
    assert!(code == Some(0) && plan.found.starts_with("yesterday takes votes_by_time alone"), "{plan:?}");
}

fn a_server_is_asked(backend: Backend) {
    rights_on_the_source(backend);
    hidden_index(backend);
    large_table(backend);
    view_of_votes(backend);
}

#[test]
fn mariadb_is_asked_for_rights_hidden_indexes_plans_and_views() {
    a_server_is_asked(Backend::MariaDb);
}

#[test]
fn mysql_is_asked_for_rights_hidden_indexes_plans_and_views() {
    if Backend::MySql.is_there() {
        a_server_is_asked(Backend::MySql);
    }
}

#[test]
fn the_user_of_everything_is_warned_of() {
    for backend in [Backend::MariaDb, Backend::MySql] {
        if backend.is_there() {
            let patient = Patient::new(backend);
            patient.admin(&format!("GRANT ALL ON *.* TO '{}'@'%' WITH GRANT OPTION", patient.user));
            let warned = patient.complaint("grants");
            assert!(warned.level == "warning" && warned.found.contains("on everything"), "{warned:?}");
            assert_eq!(patient.findings().0, Some(0), "a warning is no problem");
        }
    }
}

#[test]
fn an_index_of_some_votes_is_none() {
    let patient = Patient::new(Backend::Sqlite);
    patient.scratch.write_config("[source]\nvotes_table = \"main.votes\"");
    patient.admin("DROP INDEX votes_by_time");
    patient.admin("CREATE INDEX dear_votes ON votes (voted_at) WHERE cc > '9'");
    let partial = patient.complaint("votes_index");
    assert!(partial.found.contains("dear_votes (voted_at) is there, but not in use"), "{partial:?}");
    patient.admin(&partial.advice);
    assert_eq!(patient.findings().0, Some(0), "the advice was right: {partial:?}");
}

#[test]
fn a_file_that_another_holds_or_that_is_damaged_is_a_problem() {
    let patient = Patient::new(Backend::Sqlite);
    let url = DatabaseUrl::parse(&patient.admin).unwrap();
    let open = || async { Database::open(&url, Access::Write, 1).await.unwrap() };
    let other = patient.scratch.block_on(open());
    let begin = |sql: &'static str| patient.scratch.block_on(other.fetch(sql, &[])).unwrap();
    begin("BEGIN IMMEDIATE");
    let held = patient.complaint("writable");
    assert!(held.level == "problem" && held.advice.contains("fuser -v"), "{held:?}");
    begin("ROLLBACK");
    patient.scratch.block_on(other.close());
    assert_eq!(patient.findings().0, Some(0));

    let file = patient.scratch.path("rewards.db");
    let mut pages = fs::read(&file).unwrap();
    let end = pages.len();
    pages[end - 4096..].fill(0x5A);
    fs::write(&file, &pages).unwrap();
    let damaged = patient.complaint("integrity");
    assert!(damaged.level == "problem" && damaged.advice.contains("backup"), "{damaged:?}");
    assert_eq!(patient.findings().0, Some(78));
    fs::write(&file, "this is no database, however long one looks at it").unwrap();
    assert_eq!(patient.findings().0, Some(69));
}
