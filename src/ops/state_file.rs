//! The state file: what the daemon is, what it does now and what it did last, for operators and for the next start.
//!
//! Whether its owner lives is not read from it but asked of the kernel: the owner holds an exclusive lock on a sibling
//! `<state_file>.lock` for as long as it lives, and every way to die releases it. So a reused pid or a reboot fools
//! nobody, and no stale file has to be removed by hand. The file only says what to tell.
//!
//! Nothing here stops payments but a live owner. The lock file stays where it is: were it removed, two processes could
//! each hold a lock of that name.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::errors::chain;
use crate::rewards::window::{Instant, show};

mod instants;
#[cfg(test)]
mod tests;

/// The form of the file; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// How long a look at the lock may take, and how many of them may come one after the other.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 20;

/// What the file tells of its owner. Instants are written in UTC, to the microsecond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessState {
    /// For people: the lock decides who lives.
    pub pid: u32,
    pub host: String,
    /// Of the program.
    pub version: String,
    #[serde(with = "instants::one")]
    pub started_at: Instant,
    pub activity: Activity,
    /// Whether another instance has the lease, so that this one only waits.
    pub standby: bool,
    /// By job: when it last ended well.
    #[serde(with = "instants::by_job")]
    pub last_success: BTreeMap<String, Instant>,
    /// By job: when it looks next for what is due.
    #[serde(with = "instants::by_job")]
    pub next_ticks: BTreeMap<String, Instant>,
    pub last_error: Option<LastError>,
    /// Windows that are due and were not paid by the last look, with the reason; those past catch-up in one line.
    #[serde(default)]
    pub waiting: Vec<String>,
    /// Where metrics and health are served: the address that was bound, also where any port would do.
    #[serde(default)]
    pub http: Option<SocketAddr>,
}

/// What a process is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Activity {
    Starting,
    Idle,
    /// A job at work on a window, named as messages name windows.
    Running {
        job: String,
        window: String,
    },
    Stopping,
    /// The last word of a process that ended as it should.
    Stopped,
}

/// The last thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    #[serde(with = "instants::one")]
    pub at: Instant,
    pub job: String,
    pub error: String,
}

/// The file's content: the state with the version of its form before it.
#[derive(Serialize, Deserialize)]
struct Record<State> {
    record_version: u32,
    #[serde(flatten)]
    state: State,
}

impl ProcessState {
    /// This process as it starts.
    #[must_use]
    pub fn starting(now: Instant) -> Self {
        Self {
            pid: std::process::id(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            activity: Activity::Starting,
            standby: false,
            last_success: BTreeMap::new(),
            next_ticks: BTreeMap::new(),
            last_error: None,
            waiting: Vec::new(),
            http: None,
        }
    }
}

/// As messages name a process and what it does.
impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, host, version, activity, .. } = self;
        write!(f, "rewardd {version} (pid {pid} on {host}, started {}, {activity}", show(self.started_at))?;
        f.write_str(if self.standby { ", on standby)" } else { ")" })
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Idle => f.write_str("idle"),
            Self::Running { job, window } => write!(f, "running {job}: {window}"),
            Self::Stopping => f.write_str("stopping"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// What could not be done with the file, its lock or its folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}")]
pub struct StateFileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A live process holds the lock.
#[derive(Debug, thiserror::Error)]
#[error(
    "{owner} already works with the state file {path}; stop it first, or give this one a process.state_file of its own"
)]
pub struct AlreadyRunning {
    owner: String,
    path: PathBuf,
}

/// What a claim found.
#[derive(Debug)]
pub enum Claim {
    /// No file: no owner before this one.
    Fresh,
    /// The owner before ended as it should.
    Clean,
    /// The owner before died, by a crash, a kill or a reboot; this is what it last said.
    Healed(Box<ProcessState>),
    /// The file cannot be read or understood. It is replaced by the next write, if it can be.
    Unreadable(StateFileError),
    /// The lock cannot be had, though nobody seems to hold it: a second daemon would not be noticed. Every write tries
    /// for the lock again.
    Unlocked(StateFileError),
}

impl Claim {
    /// What an operator should be told; none where all is as it should be.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Fresh | Self::Clean => None,
            Self::Healed(former) => Some(format!("{former} died without stopping; this process takes over")),
            Self::Unreadable(error) => {
                Some(format!("{}; it is written anew, payments are not affected", chain(error)))
            }
            Self::Unlocked(error) => Some(format!(
                "{}; payments go on, but no state is written and a second daemon here is not refused",
                chain(error)
            )),
        }
    }
}

/// The state file of this process, which nobody else writes as long as this lives.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The locked file, once it could be had. The mutex lets one thread write at a time.
    lock: Mutex<Option<File>>,
}

impl StateFile {
    /// Makes this process the file's owner and tells what the one before left. The file itself is not touched.
    ///
    /// # Errors
    /// Only where a live owner has it; whatever else is wrong is told by the [`Claim`].
    pub fn claim(path: &Path) -> Result<(Self, Claim), AlreadyRunning> {
        let (lock, claim) = match acquire(path) {
            Ok(lock) => (Some(lock), former(path)),
            Err(error) if error.source.kind() == io::ErrorKind::WouldBlock => {
                return Err(AlreadyRunning { owner: owner(path), path: path.to_owned() });
            }
            Err(error) => (None, Claim::Unlocked(error)),
        };
        Ok((Self { path: path.to_owned(), lock: Mutex::new(lock) }, claim))
    }

    /// Whether a live process owns the file. This holds the lock for a moment itself where nobody does.
    ///
    /// # Errors
    /// Where the lock cannot be looked at.
    pub fn is_owned(path: &Path) -> Result<bool, StateFileError> {
        let path = path.with_added_extension("lock");
        let to_error = failed("look at the lock", &path);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(&to_error)?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(to_error(error)),
        }
    }

    /// Replaces the file by a state: readers see the old one or the new one, whole, and so does the next start after a
    /// power cut.
    ///
    /// # Errors
    /// Where the lock, the folder or the file cannot be had; the file is then as it was. The next write tries anew.
    pub fn write(&self, state: &ProcessState) -> Result<(), StateFileError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            *lock = Some(acquire(&self.path)?);
        }
        let to_error = failed("write the state file", &self.path);
        let mut json = serde_json::to_vec_pretty(&Record { record_version: RECORD_VERSION, state })
            .map_err(|e| to_error(e.into()))?;
        json.push(b'\n');
        replace(&self.path, &json).map_err(to_error)
    }

    /// What the file says; none where there is no file. It may be of a process that died since.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no state of a form that is known.
    pub fn read(path: &Path) -> Result<Option<ProcessState>, StateFileError> {
        let to_error = failed("read the state file", path);
        let json = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(&to_error)?,
        };
        let record: Record<ProcessState> = serde_json::from_slice(&json).map_err(|e| to_error(e.into()))?;
        if record.record_version != RECORD_VERSION {
            let problem = format!("its form {} is not {RECORD_VERSION}", record.record_version);
            return Err(to_error(io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        Ok(Some(record.state))
    }
}

/// What the owner before left; asked under the lock, so it is dead.
fn former(path: &Path) -> Claim {
    match StateFile::read(path) {
        Ok(None) => Claim::Fresh,
        Ok(Some(state)) if state.activity == Activity::Stopped => Claim::Clean,
        Ok(Some(state)) => Claim::Healed(Box::new(state)),
        Err(error) => Claim::Unreadable(error),
    }
}

/// The live owner, as well as the file tells. It may not yet: the lock comes before the first write.
fn owner(path: &Path) -> String {
    match StateFile::read(path) {
        Ok(Some(state)) if state.activity != Activity::Stopped => state.to_string(),
        Ok(_) => "a process that has not said yet what it does".to_owned(),
        Err(error) => format!("a process that cannot be told ({})", chain(&error)),
    }
}

/// Locks the file's sibling, which is made where there is none; `WouldBlock` where another holds it.
fn acquire(path: &Path) -> Result<File, StateFileError> {
    let path = path.with_added_extension("lock");
    let to_error = failed("lock", &path);
    fs::create_dir_all(folder(&path)).map_err(&to_error)?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    // A lock file that another user made can be locked all the same.
    let file = opened.or_else(|error| File::open(&path).map_err(|_| error)).map_err(&to_error)?;
    let mut locked = file.try_lock();
    // Whoever looks whether the owner lives holds the lock for a moment; an owner holds it for good.
    for _ in 0..LOOKS {
        if !matches!(locked, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(LOOK);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(to_error(io::Error::new(io::ErrorKind::WouldBlock, "another process holds it")))
        }
        Err(TryLockError::Error(error)) => Err(to_error(error)),
    }
}

/// Writes beside the file, then renames. The lock makes this the only writer, so one temporary name does, and what a
/// writer that was killed left under it goes first: it may be another user's.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    let temporary = path.with_added_extension("tmp");
    let _ = fs::remove_file(&temporary);
    let replaced = write_synced(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced?;
    // The rename itself outlives a power cut only once its folder is on the disk.
    File::open(folder)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The folder of a file; a bare name lies in the current one.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// For `map_err`: what was being done to which file.
fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> StateFileError + use<> {
    let path = path.to_owned();
    move |source| StateFileError { doing, path: path.clone(), source }
}
