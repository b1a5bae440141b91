//! A set-up for the doctor to look at, and what it says.

use std::process::Output;

use serde_json::Value;

use crate::support::{Backend, Scratch, database_of, shown, without_parameters};

/// Found values that differ from machine to machine or from version to version.
const VARIES: [&str; 6] =
    ["version", "encryption", "round_trip", "max_allowed_packet", "free_space", "votes_plan"];

/// A scratch with migrated tables, and on a server with a user of its own, so far without rights.
pub struct Patient {
    pub scratch: Scratch,
    /// The URL of who may do everything.
    pub admin: String,
    /// Empty where there are no users.
    pub user: String,
}

impl Patient {
    pub fn new(backend: Backend) -> Self {
        let scratch = Scratch::new(backend);
        scratch.run(&["migrate"]);
        let admin = scratch.url.clone();
        let mut patient = Self { scratch, admin, user: String::new() };
        if backend != Backend::Sqlite {
            // Named after its database, as no other test's is.
            patient.user = format!("u_{}", patient.database().replace("_rewards", ""));
            patient.admin(&format!("CREATE USER '{}'@'%' IDENTIFIED BY 'x'", patient.user));
            let (_, server) = without_parameters(&patient.admin).split_once('@').unwrap();
            patient.scratch.url = format!("mysql://{}:x@{server}", patient.user);
            patient.scratch.write_config("");
        }
        patient
    }

    pub fn database(&self) -> &str {
        database_of(&self.admin)
    }

    pub fn admin(&self, sql: &str) {
        self.scratch.query_at(&self.admin, sql);
    }

    /// Gives rights on the database; a SQLite file has none to give.
    pub fn grant(&self, rights: &str) {
        if self.scratch.backend != Backend::Sqlite {
            self.admin(&format!("GRANT {rights} ON {}.* TO '{}'@'%'", self.database(), self.user));
        }
    }

    pub fn doctor(&self, args: &[&str]) -> Output {
        let all: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
        self.scratch.rewardd(&all).output().unwrap()
    }

    /// What people read, without what varies.
    pub fn says(&self) -> String {
        let output = self.doctor(&[]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let line = |line: &str| {
            let varies =
                |check: &&&str| line.get(11..29).is_some_and(|at| at.trim() == check.replace('_', " "));
            match VARIES.iter().find(varies) {
                Some(check) => format!("{}{}", &line[..30], check.to_uppercase()),
                None => line.to_owned(),
            }
        };
        let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
        let dir = self.scratch.dir.path().display().to_string();
        let server = without_parameters(&self.admin).split_once('@').map_or("no server", |(_, url)| url);
        let user = if self.user.is_empty() { "no user" } else { &self.user };
        let replaced = Output { stdout: text.into_bytes(), ..output };
        let replace = [
            (dir.as_str(), "DIR"),
            (server, "SERVER/DATABASE"),
            (self.database(), "DATABASE"),
            (user, "USER"),
        ];
        shown(&replaced, &replace)
    }

    /// The findings of all databases as programs read them, and how it ended.
    pub fn findings(&self) -> (Option<i32>, Vec<Found>) {
        let output = self.doctor(&["--json"]);
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(record["record_version"], 1);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let databases = record["databases"].as_array().unwrap();
        let findings = databases.iter().flat_map(|database| {
            database["findings"].as_array().unwrap().iter().map(|finding| Found {
                role: text(&database["roles"][0]),
                level: text(&finding["level"]),
                check: text(&finding["check"]),
                found: text(&finding["found"]),
                advice: text(&finding["advice"]),
            })
        });
        let findings: Vec<Found> = findings.collect();
        let problems = findings.iter().filter(|finding| finding.level == "problem").count();
        assert_eq!(record["problems"], problems);
        (output.status.code(), findings)
    }

    /// The one finding of a check that is not ok.
    pub fn complaint(&self, check: &str) -> Found {
        let (_, findings) = self.findings();
        let found = findings.iter().filter(|finding| finding.check == check && finding.level != "ok");
        let found: Vec<&Found> = found.collect();
        let [one] = found.as_slice() else { panic!("{check}: {findings:#?}") };
        (*one).clone()
    }
}

/// A finding of `--json`.
#[derive(Clone, Debug)]
pub struct Found {
    pub role: String,
    pub level: String,
    pub check: String,
    pub found: String,
    /// Empty where there is nothing to do.
    pub advice: String,
}

impl Drop for Patient {
    fn drop(&mut self) {
        if !self.user.is_empty() {
            self.admin(&format!("DROP USER '{}'@'%'", self.user));
        }
    }
}
