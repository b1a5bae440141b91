//! A daemon as a process of a test's own, and what it works on.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, MySqlConnection, SqliteConnection};

use crate::support::tables::{make_remote, stored};
use crate::support::{Backend, Scratch, Tables, assert_same};

/// How long anything may take before a test gives up; on a busy machine nearly all of it may be waiting for a core.
const PATIENCE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "a deadline, and how long a test waited for something")]
pub fn machine_time() -> std::time::Instant {
    std::time::Instant::now()
}

/// What takes this long at most waits for nobody: neither for the 30 seconds that a daemon gives its work on the way
/// out, nor for a lease or a receiver that a test makes slower still. Far more than it takes beside other tests.
pub const AT_ONCE: Duration = Duration::from_secs(20);

/// Looks again and again until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = machine_time() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(machine_time() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn until_true(what: &str, mut look: impl FnMut() -> bool) {
    until(what, || look().then_some(()));
}

/// For `REWARDD_CLOCK`: it is `start` now, and time runs `factor` times as fast from here; 0 lets it stand still.
#[expect(clippy::disallowed_methods, reason = "the anchor is the machine's present")]
pub fn clock(start: &str, factor: u32) -> String {
    format!("{},{start},{factor}", chrono::Utc::now().to_rfc3339())
}

/// The clock of most tests: the last tick, at half past five, makes 24 hours and the day of the 18th due, and 5 hours.
pub const STANDS: &str = "2026-11-19T05:31:00Z";
pub const DUE: usize = 30;

/// The rates of the two days of votes.
pub const RATES: &str = "quoted_at,rate\n2026-11-10T00:00:00Z,1.25\n2026-11-18T12:00:00Z,1.31\n";

/// Two votes an hour, as a file to import.
pub fn two_days_of_votes() -> String {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    for number in 0..96 {
        let (day, hour, minute) = (18 + number / 48, number / 2 % 24, 30 * (number % 2) + 7);
        let (partner, cc) = (number * 7 % 11 + 1, 100 + number);
        votes.push_str(&format!(
            "{number},{partner},cc,{cc}.07,1.5,2026-11-{day}T{hour:02}:{minute:02}:00Z\n"
        ));
    }
    votes
}

/// A database with two days of votes, and a remote.
pub struct Programme {
    pub scratch: Scratch,
    pub remote: String,
}

impl Programme {
    /// An empty database, not migrated, and a remote.
    pub fn empty(backend: Backend) -> Self {
        let mut scratch = Scratch::new(backend);
        let remote = make_remote(&mut scratch);
        let programme = Self { scratch, remote };
        programme.configure("");
        programme
    }

    pub fn new(backend: Backend) -> Self {
        let programme = Self::empty(backend);
        programme.fill();
        programme
    }

    /// Brings two days of votes into the database.
    pub fn fill(&self) {
        self.scratch.import(&two_days_of_votes(), RATES);
    }

    /// The configuration, with a schedule of the test's own.
    pub fn configure(&self, schedule: &str) {
        self.scratch.write_config(&format!(
            "[programme]\nstart = \"2026-11-18\"\n[special]\npartners = [3]\n[http]\nlisten = \"\"\n[remote]\n\
             url = {:?}\n{schedule}",
            self.remote
        ));
    }

    /// Starts a daemon by this name, which its state file and log folder have too.
    pub fn start(&self, name: &str, environment: &[(&str, &str)]) -> Daemon {
        let path = |ending: &str| self.scratch.path(&format!("{name}{ending}"));
        let (state_file, logs, stderr) = (path(".json"), path("-logs"), path(".stderr"));
        let mut command = self.scratch.rewardd(&["run"]);
        command
            .env_remove("NOTIFY_SOCKET")
            .env("REWARDD_CLOCK", clock(STANDS, 0))
            .env("REWARDD__PROCESS__STATE_FILE", &state_file)
            .env("REWARDD__LOGGING__DIR", &logs)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::from(File::options().create(true).append(true).open(&stderr).unwrap()));
        Daemon { child: command.spawn().unwrap(), state_file, logs, stderr }
    }

    pub fn count(&self, what: &str) -> usize {
        self.scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {what}")).parse().unwrap()
    }

    pub fn runs(&self) -> usize {
        self.count("reward_runs")
    }

    /// Waits until this many windows are paid, and all transfers are delivered.
    pub fn until_paid(&self, windows: usize) {
        until_true(&format!("{windows} windows paid"), || {
            self.runs() >= windows && self.count("special_transfers WHERE delivered_at IS NULL") == 0
        });
        assert_eq!(self.runs(), windows);
    }

    /// What a run leaves is whole, or not there.
    pub fn assert_nothing_half_done(&self) {
        let runs = self.runs();
        assert_eq!(self.count("reward_log"), runs);
        assert_eq!(self.count("reward_distribution_logs"), runs);
        let voters =
            "SELECT CAST(COALESCE(SUM(voters), 0) AS CHAR) FROM reward_log WHERE reward_type = 'hourly'";
        assert_eq!(self.count("reward_list_hourly").to_string(), self.scratch.one(voters));
    }

    fn tables(&self) -> Tables {
        stored(&self.scratch, &self.remote)
    }

    /// Compares with what one look from the command line pays on a database of its own.
    pub fn assert_as_paid_at_once(&self, as_of: &str) {
        let other = Self::new(self.scratch.backend);
        other.scratch.run(&["once", "--as-of", as_of]);
        assert_same(&self.tables(), &other.tables(), &format!("as of {as_of}"));
    }

    /// Keeps everybody else from writing (SQLite), or from reading votes (MariaDB), until it is let go.
    pub fn hold(&self) -> Held<'_> {
        let url = &self.scratch.url;
        self.scratch.block_on(async {
            if self.scratch.backend == Backend::Sqlite {
                let options: SqliteConnectOptions = url.parse().unwrap();
                let mut link = options.create_if_missing(true).connect().await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut link).await.unwrap();
                Held { scratch: &self.scratch, sqlite: Some(link), mysql: None }
            } else {
                let mut link = MySqlConnection::connect(url).await.unwrap();
                sqlx::raw_sql("LOCK TABLES votes WRITE").execute(&mut link).await.unwrap();
                Held { scratch: &self.scratch, sqlite: None, mysql: Some(link) }
            }
        })
    }
}

/// A lock on the database, until it is let go.
pub struct Held<'s> {
    scratch: &'s Scratch,
    sqlite: Option<SqliteConnection>,
    mysql: Option<MySqlConnection>,
}

impl Held<'_> {
    pub fn let_go(self) {
        self.scratch.block_on(async {
            if let Some(link) = self.sqlite {
                link.close().await.unwrap();
            }
            if let Some(link) = self.mysql {
                link.close().await.unwrap();
            }
        });
    }
}

/// A process, which ends with its test.
pub struct Daemon {
    pub child: Child,
    pub state_file: PathBuf,
    logs: PathBuf,
    stderr: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and gives the exit code.
    pub fn exit(&mut self) -> i32 {
        let status = until("the process ends", || self.child.try_wait().unwrap());
        status.code().unwrap_or_else(|| panic!("{status}: {}", self.said()))
    }

    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.exit(), 0, "{}", self.said());
        assert_eq!(self.state()["activity"]["state"], "stopped");
    }

    /// Waits until `REWARDD_FAULT` has halted it.
    pub fn until_halted(&mut self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        until_true("the process halts", || {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            // pid (name) state …
            fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().starts_with(" T")
        });
    }

    pub fn state(&self) -> Value {
        let text = fs::read_to_string(&self.state_file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Where it serves metrics and health, once it does.
    pub fn address(&self) -> SocketAddr {
        let state = self.until_state("an address", |state| state["http"].is_string());
        state["http"].as_str().unwrap().parse().unwrap()
    }

    pub fn until_state(&self, what: &str, reached: impl Fn(&Value) -> bool) -> Value {
        until(what, || Some(self.state()).filter(|state| reached(state)))
    }

    pub fn until_doing(&self, activity: &str) {
        self.until_state(activity, |state| state["activity"]["state"] == activity);
    }

    pub fn log_files(&self) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(&self.logs) else { return vec![] };
        let mut files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    pub fn log(&self) -> String {
        self.log_files().iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect()
    }

    pub fn until_logged(&self, text: &str) {
        until_true(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    /// On standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }
}

/// The socket that systemd would listen at.
pub struct Systemd {
    socket: UnixDatagram,
    pub heard: Vec<String>,
}

impl Systemd {
    pub fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, heard: vec![] }
    }

    /// The lines that came, all since the start.
    pub fn heard(&mut self) -> &[String] {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let message = String::from_utf8_lossy(&buffer[..length]);
            self.heard.extend(message.lines().map(str::to_owned));
        }
        &self.heard
    }

    pub fn has_heard(&mut self, start: &str) -> bool {
        self.heard().iter().any(|line| line.starts_with(start))
    }

    pub fn until_heard(&mut self, start: &str) {
        until_true(&format!("systemd hears {start}"), || self.has_heard(start));
    }
}
