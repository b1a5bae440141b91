//! A Galera cluster of three nodes behind HAProxy, as operators run it.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::outages::{UNTIL, a_disturbed_day, assert_expected, case_on, tried_again, two_payers_at_once};

/// One cluster at a time: nodes that have to wait for a processor take each other for dead.
static TURN: Mutex<()> = Mutex::new(());

struct Cluster {
    dir: TempDir,
    url: String,
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// None where Galera is not installed, which `tests/run` says loudly.
    fn start() -> Option<Self> {
        if std::env::var_os("REWARDD_TEST_GALERA").is_none() {
            eprintln!("NOT RUN on Galera: REWARDD_TEST_GALERA is not set");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = TempDir::new().unwrap();
        let url = script(dir.path(), "start", &[]).trim().to_owned();
        Some(Self { dir, url, _turn: turn })
    }

    fn act(&self, what: &str, node: &str) {
        script(self.dir.path(), what, &[node]);
    }

    /// The URL of one node, past HAProxy. The file lists HAProxy's port, then those of the nodes.
    fn node(&self, number: usize) -> String {
        let ports = std::fs::read_to_string(self.dir.path().join("ports")).unwrap();
        let port = ports.split_whitespace().nth(number).unwrap();
        format!("{}:{port}", self.url.rsplit_once(':').unwrap().0)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = galera("stop", self.dir.path(), &[]).status();
    }
}

fn galera(what: &str, dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/galera"));
    command.arg(what).arg(dir).args(more);
    command
}

fn script(dir: &Path, what: &str, more: &[&str]) -> String {
    crate::support::succeed(&mut galera(what, dir, more))
}

#[test]
fn nodes_that_die_leave_and_come_back_lose_and_double_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    a_disturbed_day(
        &cluster.url,
        &mut [
            // The node under the daemon is killed, and comes back while it works on.
            (3, &mut || cluster.act("kill", "1")),
            (6, &mut || cluster.act("rejoin", "1")),
            // The one it has moved to is cut off from the others.
            (9, &mut || cluster.act("isolate", "2")),
            (12, &mut || cluster.act("heal", "2")),
            // A rolling restart.
            (14, &mut || {
                for node in ["1", "2", "3"] {
                    cluster.act("stop-node", node);
                    cluster.act("rejoin", node);
                }
            }),
        ],
    );
}

#[test]
fn two_payers_on_two_nodes_pay_once() {
    let Some(cluster) = Cluster::start() else { return };
    two_payers_at_once(&cluster.node(1), &cluster.node(2));
}

#[test]
fn commits_that_certification_refuses_are_tried_again() {
    let Some(cluster) = Cluster::start() else { return };
    let (scratch, remote) = case_on(&cluster.node(1));
    scratch.run(&["migrate"]);
    // Every write of the payer touches the lease, and so does this, on another node.
    let meddler = format!("{}/rewards", cluster.node(2));
    let mut payer = scratch.rewardd(&["once", "--as-of", UNTIL]).spawn().unwrap();
    let mut meddled = 0;
    let code = loop {
        if let Some(status) = payer.try_wait().unwrap() {
            break status.code();
        }
        let renewed = scratch.ask(&meddler, "UPDATE reward_lease SET renewals = renewals + 1 WHERE id = 1");
        meddled += u32::from(renewed.is_ok());
    };
    assert!(code == Some(0) || code == Some(75), "{code:?}");
    let refused = tried_again(&scratch.path("logs"));
    eprintln!("Galera: {meddled} foreign writes, {refused} transactions refused and tried again");
    assert!(refused > 0, "certification has refused commits");
    scratch.run(&["once", "--as-of", UNTIL]);
    scratch.run(&["once", "transfers"]);
    assert_expected(&scratch, &remote);
}
