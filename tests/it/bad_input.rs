//! Bad input: what is said, how it ends, and that nothing was written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, rewardd, shown, without_parameters};

const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,2026-11-19T04:00:00Z\n";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";
const ONCE: [&str; 3] = ["once", "--as-of", "2026-11-19T05:30:00Z"];

/// What `args` print, with the scratch's own names replaced.
fn says(scratch: &Scratch, args: &[&str]) -> String {
    let output = scratch.rewardd(args).output().unwrap();
    let dir = scratch.dir.path().display().to_string();
    let server = without_parameters(&scratch.url).rsplit_once('@').map_or("no server", |(_, server)| server);
    let database = server.rsplit('/').next().unwrap_or(server);
    shown(&output, &[(&dir, "DIR"), (server, "SERVER/DATABASE"), (database, "DATABASE")])
}

fn started(backend: Backend) -> Scratch {
    let scratch = Scratch::new(backend);
    scratch.write_config("[programme]\nstart = \"2026-11-19\"");
    scratch
}

/// A source whose tables take anything, as foreign tables may.
fn loose_source(backend: Backend) -> Scratch {
    let scratch = started(backend);
    scratch.write_config(
        "[programme]\nstart = \"2026-11-19\"\n[source]\nvotes_table = \"loose_votes\"\nrates_table = \"loose_rates\"",
    );
    let (number, amount, time) = match backend {
        Backend::Sqlite => ("INTEGER", "TEXT", "TEXT"),
        _ => ("BIGINT", "DECIMAL(40,10)", "DATETIME(6)"),
    };
    scratch.query(&format!(
        "CREATE TABLE loose_votes (id {number}, partner_id {number}, vote_type VARCHAR(20), cc {amount}, \
         ecc {amount}, voted_at {time})"
    ));
    scratch.query(&format!("CREATE TABLE loose_rates (quoted_at {time}, rate {amount})"));
    scratch.query("INSERT INTO loose_rates VALUES ('2026-11-01 00:00:00', '1.25')");
    scratch
}

/// The message for one bad row among good ones, the same on every backend up to how a server writes a number; and
/// after the row has been mended, the next look pays.
fn bad_vote(backend: Backend, name: &str, values: &str) {
    let scratch = loose_source(backend);
    scratch.query("INSERT INTO loose_votes VALUES (1, 7, 'cc', '2', '3', '2026-11-19 04:00:00')");
    scratch.query(&format!("INSERT INTO loose_votes VALUES (2, {values})"));
    let said = says(&scratch, &ONCE);
    assert_snapshot!(format!("{name}_{backend:?}").to_lowercase(), said);
    assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_list_hourly"), "0");
    assert_eq!(
        scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs WHERE time >= '2026-11-19 04:00:00'"),
        "0",
        "nothing of the bad hour stays"
    );
    scratch.query("DELETE FROM loose_votes WHERE id = 2");
    assert!(scratch.run(&ONCE).contains("hour 4 of 2026-11-19"), "the next look pays");
}

on_every_backend!(
    bad_votes_are_named_by_row_and_column,
    an_hour_without_a_rate_is_not_paid,
    two_rates_of_one_instant_are_refused,
    missing_tables_and_columns_are_named,
    duplicate_ids_are_refused_as_a_whole,
);

fn bad_votes_are_named_by_row_and_column(backend: Backend) {
    for (name, values) in [
        ("negative_cc", "7, 'cc', '-2', '3', '2026-11-19 04:10:00'"),
        ("null_ecc", "7, 'cc', '2', NULL, '2026-11-19 04:10:00'"),
        ("null_partner", "NULL, 'cc', '2', '3', '2026-11-19 04:10:00'"),
        ("null_time", "7, 'cc', '2', '3', NULL"),
        ("nine_digits", "7, 'cc', '2.123456789', '3', '2026-11-19 04:10:00'"),
        ("past_64_bits", "7, 'cc', '92233720368.54775808', '3', '2026-11-19 04:10:00'"),
    ] {
        bad_vote(backend, name, values);
    }
}

#[test]
fn instants_of_another_form_stop_the_run_and_are_never_passed_over() {
    for (kind, backend, time, at) in [
        ("epoch_sqlite", Backend::Sqlite, "INTEGER", "1795060800"),
        ("one_digit_day_sqlite", Backend::Sqlite, "TEXT", "'2026-11-9 04:10:00'"),
        ("day_first_sqlite", Backend::Sqlite, "TEXT", "'19/11/2026 04:10:00'"),
        ("iso_sqlite", Backend::Sqlite, "TEXT", "'2026-11-19T04:10:00Z'"),
        ("epoch_mariadb", Backend::MariaDb, "BIGINT", "1795060800"),
    ] {
        let scratch = loose_source(backend);
        scratch.query("DROP TABLE loose_votes");
        let amount = if backend == Backend::Sqlite { "TEXT" } else { "DECIMAL(40,10)" };
        scratch.query(&format!(
            "CREATE TABLE loose_votes (id BIGINT, partner_id BIGINT, vote_type VARCHAR(20), cc {amount}, \
             ecc {amount}, voted_at {time})"
        ));
        scratch.query(&format!("INSERT INTO loose_votes VALUES (2, 7, 'cc', '2', '3', {at})"));
        assert_snapshot!(kind, says(&scratch, &["once", "--as-of", "2026-11-19T01:00:00Z"]));
        assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs"), "0", "{kind}");
    }
}

#[test]
fn two_rates_of_one_instant_are_refused_however_they_are_written() {
    let scratch = loose_source(Backend::Sqlite);
    scratch.query("INSERT INTO loose_rates VALUES ('2026-11-01 00:00:00.000000', '1.26')");
    assert_snapshot!("two_rates", says(&scratch, &["once", "--as-of", "2026-11-19T01:00:00Z"]));
}

fn an_hour_without_a_rate_is_not_paid(backend: Backend) {
    let scratch = started(backend);
    scratch.import(VOTES, "quoted_at,rate\n2026-11-19T03:00:00.000001Z,1.25\n");
    assert_snapshot!("no_rate", says(&scratch, &ONCE));
    assert_eq!(
        scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs"),
        "2",
        "hours 3 and 4 have a rate at their end"
    );
}

fn two_rates_of_one_instant_are_refused(backend: Backend) {
    let scratch = loose_source(backend);
    scratch.query("INSERT INTO loose_rates VALUES ('2026-11-01 00:00:00', '1.26')");
    assert_snapshot!("two_rates", says(&scratch, &["once", "--as-of", "2026-11-19T01:00:00Z"]));
}

fn missing_tables_and_columns_are_named(backend: Backend) {
    let scratch = loose_source(backend);
    scratch.write_config("[programme]\nstart = \"2026-11-19\"\n[source]\nvotes_table = \"no_such_table\"");
    let name = |what: &str| format!("{what}_{backend:?}").to_lowercase();
    assert_snapshot!(name("missing_table"), says(&scratch, &["once", "--as-of", "2026-11-19T01:00:00Z"]));
    scratch.write_config("[programme]\nstart = \"2026-11-19\"\n[source.columns]\ncc = \"no_such_column\"");
    assert_snapshot!(name("missing_column"), says(&scratch, &["once", "--as-of", "2026-11-19T01:00:00Z"]));
}

fn duplicate_ids_are_refused_as_a_whole(backend: Backend) {
    let scratch = started(backend);
    scratch.import(VOTES, RATES);
    let more = "id,partner_id,vote_type,cc,ecc,voted_at\n9,7,cc,2,3,2026-11-19T04:00:00Z\n\
                1,7,cc,2,3,2026-11-19T04:00:00Z\n";
    fs::write(scratch.path("more.csv"), more).unwrap();
    assert_snapshot!("duplicate_import", says(&scratch, &["import", "--votes", "more.csv"]));
    assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM votes"), "1");
}

#[test]
fn a_wrong_password_and_a_missing_server_are_told_apart() {
    for (backend, name) in [(Backend::MariaDb, "mariadb"), (Backend::MySql, "mysql")] {
        if !backend.is_there() {
            continue;
        }
        let mut scratch = Scratch::encrypted(backend);
        let right = scratch.url.clone();
        scratch.url = right.replace("rewardd-test@", "not-the-password@");
        scratch.write_config("");
        assert_snapshot!(format!("wrong_password_{name}"), says(&scratch, &ONCE));
        scratch.url = "mysql://rewardd:secret@127.0.0.1:1/nowhere".to_owned();
        scratch.write_config("");
        assert_snapshot!("no_server", says(&scratch, &ONCE));
    }
}

#[test]
fn a_read_only_database_file_is_said() {
    let scratch = started(Backend::Sqlite);
    scratch.import(VOTES, RATES);
    // The superuser writes anything, so for it the whole folder has to refuse; a folder where the file should be
    // refuses everybody.
    fs::set_permissions(scratch.path("rewards.db"), fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().write(true).open(scratch.path("rewards.db")).is_ok() {
        fs::remove_file(scratch.path("rewards.db")).unwrap();
        fs::create_dir(scratch.path("rewards.db")).unwrap();
        assert_snapshot!("database_is_a_folder", says(&scratch, &ONCE));
    } else {
        assert_snapshot!("database_is_read_only", says(&scratch, &ONCE));
    }
}

#[test]
fn a_full_disk_pays_nothing_and_heals() {
    let scratch = started(Backend::Sqlite);
    scratch.import(VOTES, RATES);
    // A limit on the size of files stands for the full disk: a write that would grow one fails. The database is
    // checkpointed and closed, so there is no room but in new files, which hold 1 KiB at most.
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let mut command = std::process::Command::new("bash");
    command.args(["-c", limited, "bash", env!("CARGO_BIN_EXE_rewardd"), "--config", "config.toml"]);
    let output = command.args(ONCE).env_clear().current_dir(scratch.dir.path()).output().unwrap();
    let dir = scratch.dir.path().display().to_string();
    assert_snapshot!("full_disk", shown(&output, &[(&dir, "DIR")]));
    assert_eq!(scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_list_hourly"), "0");
    assert!(scratch.run(&ONCE).contains("hour 4 of 2026-11-19"), "with room again, the next look pays");
}

#[test]
fn configuration_errors_name_file_key_and_what_is_allowed() {
    let scratch = Scratch::new(Backend::Sqlite);
    for (name, text) in [
        ("unknown_key", "[rules.daily]\nmin_vote = 3"),
        ("bad_zone", "[programme]\ntimezone = \"Europe/Atlantis\""),
        ("splits", "[rules.daily.split]\nfixed = \"0.5\""),
        (
            "zero_weights",
            "[rules.hourly.weights]\ntop10p=\"0\"\ntop10=\"0\"\ntop100=\"0\"\ntop1000=\"0\"\nall=\"0\"",
        ),
        ("bad_cron", "[schedule]\nhourly = \"every hour\""),
        ("float", "[rules.pool]\nhourly_share = 0.25"),
        ("not_toml", "[rules\n"),
    ] {
        scratch.write_config(text);
        assert_snapshot!(name, says(&scratch, &["config", "check"]));
    }
    scratch.write_config("");
    fs::write(scratch.path(".env"), "REWARDD__HTTP__LISTEN=\"127.0.0.1:1\nREWARDD__DATABASE").unwrap();
    assert_snapshot!("half_written_env", says(&scratch, &["config", "check"]));
    fs::remove_file(scratch.path(".env")).unwrap();
    let output =
        scratch.rewardd(&["config", "check"]).env("REWARDD__SCHEDULE__CATCHUP", "1h").output().unwrap();
    assert_snapshot!("unknown_variable", shown(&output, &[]));
}

#[test]
fn a_missing_configuration_says_how_to_get_one() {
    let dir = tempfile::TempDir::new().unwrap();
    let output = rewardd().arg("once").current_dir(dir.path()).output().unwrap();
    assert_snapshot!("no_configuration", shown(&output, &[]));
}

#[test]
fn bad_files_are_named_by_line_and_nothing_is_left_behind() {
    let scratch = Scratch::new(Backend::Sqlite);
    for (name, votes) in [
        ("file_missing_column", "id,partner_id,vote_type,cc,voted_at\n"),
        (
            "file_nine_digits",
            "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2.123456789,3,2026-11-19T04:00:00Z\n",
        ),
        ("file_negative", "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,-3,2026-11-19T04:00:00Z\n"),
        ("file_no_zone", "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,yesterday\n"),
        (
            "file_twice",
            "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,2026-11-19T04:00:00Z\n1,7,cc,2,3,2026-11-19T04:00:00Z\n",
        ),
        ("file_ragged", "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc\n"),
    ] {
        fs::write(scratch.path("votes.csv"), votes).unwrap();
        fs::write(scratch.path("rates.csv"), RATES).unwrap();
        let mut command = rewardd();
        command.args(["simulate", "--votes", "votes.csv", "--rates", "rates.csv", "--until"]);
        command.args(["2026-11-20T01:00:00Z", "--out", "out"]).current_dir(scratch.dir.path());
        assert_snapshot!(name, shown(&command.output().unwrap(), &[]));
        let left = fs::read_dir(scratch.path("out")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{name}: nothing half done stays behind");
    }
}
