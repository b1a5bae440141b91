//! Logs: files that rotate, written by a thread of their own, and warnings on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{self, RollingFileAppender};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Format, Level, Logging, Rotation};
use crate::errors::chain;
use crate::rewards::window::Instant;

/// Whether warnings also go to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The command itself tells its user what happens.
    Quiet,
    Warnings,
}

/// Running logs. Dropped, they write out what is still queued.
#[must_use]
pub struct Logs {
    files: Files,
    level: reload::Handle<LevelFilter, Registry>,
    /// None where an earlier start in this process goes on logging, as in tests.
    _writer: Option<WorkerGuard>,
}

/// Starts logging into `logging.dir`. Where the folder cannot be written this is said on standard error, and work goes
/// on without files: logs do not stop payments.
pub fn start(logging: &Logging, terminal: Terminal) -> Logs {
    let files = Files::default();
    files.open(logging);
    // Nothing is ever dropped: a burst makes its writer wait for the disk instead.
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(files.clone());
    let (filter, level) = reload::Layer::new(level(logging.level));
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match logging.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().boxed(),
    };
    let warnings = fmt::layer().with_writer(io::stderr).without_time().with_target(false);
    let warnings = warnings.with_ansi(io::stderr().is_terminal()).with_filter(LevelFilter::WARN);
    let terminal = (terminal == Terminal::Warnings).then_some(warnings);
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(terminal).try_init();
    Logs { files, level, _writer: started.is_ok().then_some(guard) }
}

impl Logs {
    /// Opens the files anew and takes the level of a configuration that was read again. The format stays.
    pub fn reload(&self, logging: &Logging) {
        self.files.open(logging);
        let changed = self.level.modify(|filter| *filter = level(logging.level));
        if let Err(error) = changed {
            tracing::warn!(%error, "the log level cannot be changed");
        }
    }
}

/// The rotating files, which can be opened anew while they are written; without any, lines go nowhere.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<Option<RollingFileAppender>>>);

impl Files {
    fn open(&self, logging: &Logging) {
        let opened = match appender(logging) {
            Ok(appender) => Some(appender),
            Err(problem) => {
                let dir = logging.dir.display();
                eprintln!("warning: no log files can be written into {dir}: {}", chain(problem.as_ref()));
                None
            }
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = opened;
    }
}

impl Write for Files {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.as_mut().map_or(Ok(line.len()), |files| files.write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn appender(logging: &Logging) -> Result<RollingFileAppender, Box<dyn std::error::Error + Send + Sync>> {
    // The appender looks for old files before it makes the folder, and complains where there is none.
    std::fs::create_dir_all(&logging.dir)?;
    let rotation = match logging.rotation {
        Rotation::Never => rolling::Rotation::NEVER,
        Rotation::Hourly => rolling::Rotation::HOURLY,
        Rotation::Daily => rolling::Rotation::DAILY,
    };
    let appender = rolling::Builder::new()
        .rotation(rotation)
        .filename_prefix("rewardd")
        .filename_suffix("log")
        // Opening removes the file before the newest as well; with one it would be today's own.
        .max_log_files(logging.keep.max(2) as usize)
        .build(&logging.dir)?;
    Ok(appender)
}

/// Log files that were last written longer ago than `age`; never the newest, which is the one in use.
///
/// # Errors
/// Where the folder cannot be read.
pub fn old_files(dir: &Path, age: Duration, now: Instant) -> io::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("rewardd.") && name.ends_with("log") && entry.file_type()?.is_file() {
            files.push((Instant::from(entry.metadata()?.modified()?), entry.path()));
        }
    }
    files.sort();
    files.pop();
    files.retain(|(written, _)| (now - *written).to_std().is_ok_and(|since| since > age));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Removes [`old_files`], and gives them.
///
/// # Errors
/// Where the folder cannot be read, or a file cannot be removed.
pub fn remove_old_files(dir: &Path, age: Duration, now: Instant) -> io::Result<Vec<PathBuf>> {
    let old = old_files(dir, age, now)?;
    old.iter().try_for_each(std::fs::remove_file)?;
    Ok(old)
}

const fn level(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What logrotate does, by renaming or by `copytruncate`, loses no line and leaves no hole.
    #[test]
    fn a_file_that_was_renamed_or_truncated_is_written_on() {
        let dir = tempfile::tempdir().unwrap();
        let logging = Logging {
            dir: dir.path().to_owned(),
            level: Level::Info,
            format: Format::Text,
            rotation: Rotation::Never,
            keep: 30,
        };
        let (current, moved) = (dir.path().join("rewardd.log"), dir.path().join("moved"));
        let read = |path| std::fs::read_to_string(path).unwrap();
        let mut files = Files::default();
        files.open(&logging);
        files.write_all(b"one\n").unwrap();
        std::fs::rename(&current, &moved).unwrap();
        files.write_all(b"two\n").unwrap();
        assert_eq!(read(&moved), "one\ntwo\n", "until it is opened again, the renamed file is written");
        files.open(&logging);
        files.write_all(b"three\n").unwrap();
        assert_eq!((read(&moved).as_str(), read(&current).as_str()), ("one\ntwo\n", "three\n"));

        std::fs::File::options().write(true).open(&current).unwrap().set_len(0).unwrap();
        files.write_all(b"four\n").unwrap();
        assert_eq!(read(&current), "four\n", "at the end of what is left, so without a hole");
    }
}
