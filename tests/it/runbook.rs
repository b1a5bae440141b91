//! deploy/RUNBOOK.md: nothing is missing in it, its links lead somewhere, and its commands work, in their order.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::daemon::process::{RATES, STANDS, clock, two_days_of_votes};
use crate::support::server::{Kind, Server};
use crate::support::{shown, succeed};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

fn runbook() -> String {
    read("deploy/RUNBOOK.md")
}

/// What links within a page name its sections by.
fn anchors(text: &str) -> BTreeSet<String> {
    let titles =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#'));
    let anchor = |title: &str| {
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(anchor).collect()
}

#[test]
fn every_alert_has_its_section_and_names_it() {
    let (rules, sections) = (read("deploy/prometheus/rewardd.rules.yml"), anchors(&runbook()));
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 20);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let anchor = name.to_lowercase();
        assert!(sections.contains(&anchor), "the runbook has no section {name}");
        assert!(
            alert.contains(&format!("runbook: \"deploy/RUNBOOK.md#{anchor}\"")),
            "{name} does not name it"
        );
    }
}

#[test]
fn every_exit_code_has_its_row() {
    let codes = read("src/cli/exit.rs");
    let codes: Vec<&str> = codes
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => ")?.1.strip_suffix(','))
        .filter(|code| code.parse::<u8>().is_ok())
        .chain(["130"])
        .collect();
    assert!(codes.len() >= 14, "{codes:?}");
    for page in ["deploy/RUNBOOK.md", "README.md"] {
        let text = read(page);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        let in_row = |code: &&&str| {
            rows.iter().any(|row| row.split('|').nth(1).unwrap().split(',').any(|cell| cell.trim() == **code))
        };
        let missing: Vec<&&str> = codes.iter().filter(|code| !in_row(code)).collect();
        // The README says of signals elsewhere.
        assert!(missing.iter().all(|code| **code == "130" && page == "README.md"), "{page}: {missing:?}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = runbook();
    let joined = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let links: Vec<&str> = joined.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0).collect();
    assert!(links.len() > 20);
    let sections = anchors(&text);
    for link in links {
        match link.strip_prefix('#') {
            Some(anchor) => assert!(sections.contains(anchor), "no section {anchor}"),
            None => assert!(repository().join("deploy").join(link).exists(), "no file {link}"),
        }
    }
}

/// The commands, block by block. Those in `bash` blocks are for a machine with systemd.
fn blocks() -> Vec<String> {
    let text = runbook();
    let mut blocks = vec![];
    let mut block: Option<String> = None;
    for line in text.lines().map(str::trim) {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(done), "```") => {
                blocks.push(std::mem::take(done));
                block = None;
            }
            (Some(lines), line) => lines.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    blocks
}

/// What happens between the blocks, by a command of the block after which it does: votes come, and the daemon pays.
const MEANWHILE: [(&str, &str); 3] = [
    (
        "grants/reader.sql",
        "mariadb -e 'CREATE DATABASE partners'
         mariadb partners -e 'CREATE TABLE cc_hourly (partner_id BIGINT, cc_reward DECIMAL(28,8), time DATETIME(6), PRIMARY KEY (partner_id, time))'
         sed \"s/@PASSWORD/'$password'/\" deploy/grants/remote.sql | mariadb
         REWARDD__DATABASE__URL=$admin/rewards rewardd import --votes votes.csv --rates rates.csv
         export REWARDD__DATABASE__URL=mysql://rewardd:$password@$db/rewards
         export REWARDD__REMOTE__URL=mysql://rewardd_remote:$password@$db/partners",
    ),
    ("rewardd doctor", "rewardd once"),
    (
        "audit checkpoint >> checkpoints",
        "mariadb-dump --user=rewardd_reader --password=$reader_password --single-transaction --hex-blob rewards > by-reader.sql
         test $(grep -c 'INSERT INTO' by-reader.sql) = $(grep -c 'INSERT INTO' rewards.sql)",
    ),
];

/// Everything from the rights on an empty server to a month's windows by hand, in one shell, as an operator would.
#[test]
fn its_commands_work_in_their_order() {
    let server = Server::start(Kind::MariaDb);
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let address = server.address();
    // The server's user has the name of ours, so an administrator takes its place.
    let client = format!("[client]\nhost=127.0.0.1\nport={}\nuser=", address.port());
    let (user, password) = server.url().strip_prefix("mysql://").unwrap().split_once(':').unwrap();
    let password = password.split_once('@').unwrap().0;
    fs::write(path("first.cnf"), format!("{client}{user}\npassword={password}\n")).unwrap();
    fs::write(path(".my.cnf"), format!("{client}admin\npassword=x\n")).unwrap();
    let prepare = format!(
        "mariadb --defaults-file=first.cnf -e \"CREATE USER admin@'%' IDENTIFIED BY 'x'; \
         GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION\" && mariadb -e \"DROP USER {user}@'%'\""
    );
    succeed(&mut shell(&prepare, dir.path()));
    fs::write(
        path("config.toml"),
        format!(
            "[database]\nurl = \"mysql://rewardd@{address}/rewards\"\n[programme]\nstart = \"2026-11-18\"\n\
             [special]\npartners = [3]\n[http]\nlisten = \"\"\n[logging]\ndir = {:?}\n[process]\nstate_file = {:?}\n",
            path("logs"),
            path("processes.json")
        ),
    )
    .unwrap();
    fs::write(path("votes.csv"), two_days_of_votes()).unwrap();
    fs::write(path("rates.csv"), RATES).unwrap();
    symlink(repository().join("deploy"), path("deploy")).unwrap();
    fs::create_dir(path("bin")).unwrap();
    let program = format!(
        "#!/bin/sh\nexec {} --config {:?} \"$@\"\n",
        env!("CARGO_BIN_EXE_rewardd"),
        path("config.toml")
    );
    fs::write(path("bin/rewardd"), program).unwrap();
    fs::set_permissions(path("bin/rewardd"), fs::Permissions::from_mode(0o755)).unwrap();

    let mut script = "trap 'echo \"FAILED with $?: $BASH_COMMAND\" >&2' ERR\n".to_owned();
    let mut meanwhile = MEANWHILE.iter().peekable();
    for block in blocks() {
        script.push_str(&block);
        if let Some((_, more)) = meanwhile.next_if(|(command, _)| block.contains(command)) {
            script.push_str(&format!("{more}\n"));
        }
    }
    assert!(meanwhile.next().is_none(), "the runbook has all of these commands, in this order");
    let output = shell(&script, dir.path())
        .env("db", address.to_string())
        .env("admin", format!("mysql://admin:x@{address}"))
        .output()
        .unwrap();
    let said = shown(&output, &[]);
    assert!(!said.contains("FAILED with"), "{script}\n{said}");
    let lines = [
        "is the same",
        "none is missing",
        "was paid already, nothing changed",
        "transfers: 0 delivered, 0 failed",
    ];
    for line in lines {
        assert!(said.contains(line), "{line}: {said}");
    }
}

/// A shell of an operator who has nothing else set.
fn shell(script: &str, home: &Path) -> Command {
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REWARDD_")) {
        command.env_remove(name);
    }
    let path = format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap());
    command.args(["-uc", script]).current_dir(home).env("HOME", home).env("PATH", path);
    command.env("REWARDD_CLOCK", clock(STANDS, 0));
    command
}
