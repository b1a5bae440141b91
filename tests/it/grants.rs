//! The rights of deploy/grants: the program does all it does with them, and with any one of them less it says which.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::daemon::process::{DUE, Programme};
use crate::on_the_servers;
use crate::support::{Backend, database_of, shown};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/grants");
const PASSWORD: &str = "a-pass-word";

/// A programme with votes and a remote in databases of their own, and the users of the files, whose names are given
/// others here: this server is shared.
struct Place {
    programme: Programme,
    rewards: String,
    voting: String,
    partners: String,
    /// What the users' names begin with.
    prefix: String,
    server: String,
    applied: Vec<String>,
}

/// One right of a file.
#[derive(Debug)]
struct Right {
    name: String,
    on: String,
    user: String,
}

impl Right {
    /// The table it is for; none where it is for a schema.
    fn table(&self) -> Option<&str> {
        self.on.split('.').nth(1).filter(|table| *table != "*")
    }
}

impl Place {
    fn new(backend: Backend) -> Self {
        let mut programme = Programme::empty(backend);
        let voting = database_of(&programme.scratch.new_database("voting")).to_owned();
        let rewards = programme.scratch.database().to_owned();
        let partners = database_of(&programme.remote).to_owned();
        let prefix = rewards.replace("_rewards", "");
        let server = programme.scratch.url.split_once('@').unwrap().1.rsplit_once('/').unwrap().0.to_owned();
        Self { programme, rewards, voting, partners, prefix, server, applied: vec![] }
    }

    fn admin(&self, sql: &str) {
        // By way of a database that is always there.
        let url = self.programme.scratch.url.replace(&self.rewards, "mysql");
        self.programme.scratch.query_at(&url, sql);
    }

    /// The statements of a file with the names of this place.
    fn statements(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(Path::new(FOLDER).join(file)).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
        let text = lines.join("\n").replace("@PASSWORD", &format!("'{PASSWORD}'"));
        let text = text.replace("'rewardd", &format!("'{}", self.prefix));
        let text = text.replace("EXISTS rewards", &format!("EXISTS {}", self.rewards));
        let text = text.replace("ON rewards.", &format!("ON {}.", self.rewards));
        let text = text.replace("ON voting.", &format!("ON {}.", self.voting));
        let text = text.replace("ON partners.", &format!("ON {}.", self.partners));
        text.split(';').map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()).collect()
    }

    fn apply(&mut self, file: &str) {
        for sql in self.statements(file) {
            self.admin(&sql);
        }
        self.applied.push(file.trim_end_matches(".sql").to_owned());
    }

    /// Every single right that a file gives.
    fn rights(&self, file: &str) -> Vec<Right> {
        let mut rights = vec![];
        for sql in self.statements(file) {
            let Some(rest) = sql.strip_prefix("GRANT ") else { continue };
            let (names, rest) = rest.split_once(" ON ").unwrap();
            let (on, user) = rest.split_once(" TO ").unwrap();
            for name in names.split(", ") {
                rights.push(Right { name: name.to_owned(), on: on.to_owned(), user: user.to_owned() });
            }
        }
        rights
    }

    /// The URL of a file's user.
    fn url(&self, file: &str, schema: &str) -> String {
        let name = match file {
            "daemon" => self.prefix.clone(),
            other => format!("{}_{other}", self.prefix),
        };
        format!("mysql://{name}:{PASSWORD}@{}/{schema}", self.server)
    }

    /// What a process of the daemon's finds in its environment.
    fn environment(&self, user: &str) -> [(&'static str, String); 3] {
        [
            ("REWARDD__DATABASE__URL", self.url(user, &self.rewards)),
            ("REWARDD__SOURCE__URL", self.url("source", &self.voting)),
            ("REWARDD__REMOTE__URL", self.url("remote", &self.partners)),
        ]
    }

    fn command(&self, user: &str, args: &[&str]) -> Command {
        let mut command = self.programme.scratch.rewardd(args);
        command.envs(self.environment(user));
        command
    }

    fn run(&self, user: &str, args: &[&str]) -> Output {
        self.command(user, args).output().unwrap()
    }

    fn succeed(&self, user: &str, args: &[&str]) {
        let output = self.run(user, args);
        assert!(output.status.success(), "{user} {args:?}: {}", shown(&output, &[]));
    }

    /// Everything as an installation does it: the tables, then the rights on them.
    fn install(&mut self) {
        self.apply("migrate.sql");
        self.succeed("migrate", &["migrate"]);
        self.programme.fill();
        for table in ["votes", "cc_rates"] {
            let (rewards, voting) = (&self.rewards, &self.voting);
            self.admin(&format!("CREATE TABLE {voting}.{table} LIKE {rewards}.{table}"));
            self.admin(&format!("INSERT INTO {voting}.{table} SELECT * FROM {rewards}.{table}"));
            self.admin(&format!("DELETE FROM {rewards}.{table}"));
        }
        for file in ["daemon.sql", "source.sql", "remote.sql", "reader.sql"] {
            self.apply(file);
        }
    }

    /// What the doctor says of everything, line by line. Votes are where the right is given: the daemon reads them itself
    /// where the file is its own.
    fn doctor(&self, file: &str) -> (Option<i32>, Vec<String>) {
        let mut command = self.command("daemon", &["doctor", "--json"]);
        if file == "daemon.sql" {
            command.env("REWARDD__SOURCE__URL", self.url("daemon", &self.rewards));
        }
        let output = command.output().unwrap();
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        let databases = record["databases"].as_array().unwrap();
        let findings = databases.iter().flat_map(|database| database["findings"].as_array().unwrap());
        let shown = findings.map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            format!("{} {}: {} → {}", text("level"), text("check"), text("found"), text("advice"))
        });
        (output.status.code(), shown.collect())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for file in &self.applied {
            let name = self.url(file, "");
            let name = name.trim_start_matches("mysql://").split(':').next().unwrap();
            self.admin(&format!("DROP USER '{name}'@'%'"));
        }
    }
}

on_the_servers!(
    a_programme_runs_on_the_documented_rights_alone,
    each_right_is_needed_and_named_where_it_lacks,
    tables_are_made_by_their_own_user_with_just_its_rights,
);

fn a_programme_runs_on_the_documented_rights_alone(backend: Backend) {
    let mut place = Place::new(backend);
    place.install();
    let (code, findings) = place.doctor("source.sql");
    assert_eq!(code, Some(0), "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.starts_with("ok ")), "{findings:#?}");

    let environment = place.environment("daemon");
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut daemon = place.programme.start("daemon", &environment);
    place.programme.until_paid(DUE);
    daemon.stop();
    assert!(!daemon.log().contains("denied"), "{}", daemon.log());

    place.succeed("daemon", &["once", "--as-of", "2026-11-19T08:30:00Z"]);
    place.succeed("daemon", &["once", "--dry-run", "--as-of", "2026-11-19T09:30:00Z"]);
    for args in LOOKS {
        for user in ["daemon", "reader"] {
            let output = place.run(user, args);
            let text = shown(&output, &[]);
            assert!(!text.contains("denied"), "{user} {args:?}: {text}");
            // Windows are due: the votes are old.
            let expected = if args[0] == "status" { 3 } else { 0 };
            assert_eq!(output.status.code(), Some(expected), "{user} {args:?}: {text}");
        }
    }
    let refused = place.run("reader", &["once", "--as-of", "2026-11-19T10:30:00Z"]);
    assert!(!refused.status.success() && shown(&refused, &[]).contains("denied"), "who reads cannot pay");
    history_is_closed_to(&place);
    // But for who may decide about holds, as far as it takes.
    for sql in place.statements("holds.sql") {
        place.admin(&sql);
    }
    let rewards = place.url("daemon", &place.rewards);
    for table in ["reward_list_hourly", "reward_list_daily"] {
        let release = format!("UPDATE {table} SET position = position WHERE partner_id < 0");
        place.programme.scratch.ask(&rewards, &release).unwrap();
        let said = place.programme.scratch.ask(&rewards, &format!("DELETE FROM {table}")).unwrap_err();
        assert!(said.contains("denied"), "{said}");
    }
}

/// Whoever has the daemon's password.
fn history_is_closed_to(place: &Place) {
    let rewards = place.url("daemon", &place.rewards);
    for sql in [
        "UPDATE reward_distribution_logs SET record = '{}'",
        "DELETE FROM reward_runs",
        "UPDATE reward_list_daily SET daily_reward_all = 1",
        "INSERT INTO votes SELECT * FROM votes",
        "DROP TABLE reward_log",
    ] {
        let said = place.programme.scratch.ask(&rewards, sql).unwrap_err();
        assert!(said.contains("denied"), "{sql}: {said}");
    }
    let partners = place.url("remote", &place.partners);
    let said = place.programme.scratch.ask(&partners, "UPDATE cc_hourly SET cc_reward = 1").unwrap_err();
    assert!(said.contains("denied"), "{said}");
}

const LOOKS: [&[&str]; 7] = [
    &["verify"],
    &["explain", "--partner", "3", "--day", "2026-11-18"],
    &["status"],
    &["export", "--table", "reward_list_daily", "--from", "2026-11-18", "--to", "2026-11-18"],
    &["audit", "checkpoint"],
    &["rules", "history"],
    &["migrate", "--dry-run"],
];

fn each_right_is_needed_and_named_where_it_lacks(backend: Backend) {
    let mut place = Place::new(backend);
    place.install();
    let mut tried = 0;
    for file in ["daemon.sql", "source.sql", "remote.sql"] {
        for right in place.rights(file) {
            let Right { name, on, user } = &right;
            place.admin(&format!("REVOKE {name} ON {on} FROM {user}"));
            let (code, findings) = place.doctor(file);
            let bare = name.split(' ').next().unwrap();
            let named = findings.iter().any(|finding| {
                let is_new = !finding.starts_with("ok ") || finding.contains("GRANT ");
                is_new && finding.contains(bare) && right.table().is_none_or(|table| finding.contains(table))
            });
            assert!(named, "{right:?}: {findings:#?}");
            // Without this one a load takes longer, that is all.
            assert_eq!(code == Some(0), name == "LOCK TABLES", "{right:?}: {findings:#?}");
            place.admin(&format!("GRANT {name} ON {on} TO {user}"));
            tried += 1;
        }
    }
    assert!(tried > 20, "the files were read");
    assert_eq!(place.doctor("daemon.sql").0, Some(0), "all is as it was");
}

fn tables_are_made_by_their_own_user_with_just_its_rights(backend: Backend) {
    let mut place = Place::new(backend);
    place.apply("migrate.sql");
    place.apply("reader.sql");
    let refused = place.run("reader", &["migrate"]);
    assert_eq!(refused.status.code(), Some(78));
    let said = shown(&refused, &[]);
    assert!(said.contains("deploy/grants/migrate.sql") && said.contains("CREATE command denied"), "{said}");

    let interrupt =
        format!("UPDATE {}._sqlx_migrations SET success = FALSE WHERE version = 2", place.rewards);
    for right in place.rights("migrate.sql") {
        let Right { name, on, user } = &right;
        // Needed once, by the line that gives it: rights on a table that is not there want this one among them.
        if right.table().is_some() && name == "CREATE" {
            continue;
        }
        place.admin(&format!("REVOKE {name} ON {on} FROM {user}"));
        let mut output = place.run("migrate", &["migrate"]);
        if output.status.success() {
            place.admin(&interrupt);
            output = place.run("migrate", &["migrate"]);
        }
        let said = shown(&output, &[]);
        assert!(said.contains(&format!("{name} command denied")), "{right:?}: {said}");
        place.admin(&format!("DROP DATABASE {}", place.rewards));
        place.apply("migrate.sql");
        place.applied.pop();
    }
    place.succeed("migrate", &["migrate"]);
    place.admin(&interrupt);
    place.succeed("migrate", &["migrate"]);

    // Once they are in, every start only looks: nobody's rights are asked for.
    place.succeed("reader", &["migrate"]);
    place.admin(&format!("DELETE FROM {}._sqlx_migrations WHERE version = 4", place.rewards));
    let refused = place.run("reader", &["migrate"]);
    assert_eq!(refused.status.code(), Some(78), "{}", shown(&refused, &[]));
}
