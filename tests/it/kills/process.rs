//! Daemons as processes, and their clock.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::PATIENCE;
use crate::support::Scratch;

/// A daemon, and what it says on standard error. It ends with the test.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
}

impl Daemon {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                // The test need not listen any more.
                let _ = said.send(line.unwrap());
            }
        });
        Self { child, lines }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until it has been stopped by a signal.
    pub fn wait_until_stopped(&self) {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.pid()), options).unwrap().unwrap();
        assert!(status.stopped(), "it ended: {status:?}");
    }

    pub fn wait_until_it_says(&self, text: &str) {
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("{text:?} is not said: {why}"));
            if line.contains(text) {
                return;
            }
        }
    }

    /// Asks it to stop, which it has to do well. Gives what it has said since a test last listened.
    pub fn stop(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended; a panic here would hide the one of the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `rewardd run` with a state file and logs of its own.
pub fn daemon(scratch: &Scratch, name: &str, lease: &str) -> Command {
    let mut command = scratch.rewardd(&["run"]);
    command.env("REWARDD__PROCESS__STATE_FILE", scratch.path(&format!("{name}.json")));
    command.env("REWARDD__PROCESS__LEASE", lease);
    command.env("REWARDD__LOGGING__DIR", scratch.path(&format!("logs-{name}")));
    command
}

/// REWARDD_CLOCK from now on.
pub fn clock(start: &str, factor: u64) -> String {
    #[expect(clippy::disallowed_methods, reason = "the program's clock is set against the machine's")]
    let anchor = DateTime::<Utc>::from(SystemTime::now());
    format!("{},{start},{factor}", anchor.to_rfc3339())
}
