//! Logs: files that rotate, written by a thread of their own, and warnings on standard error.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config;
use crate::errors::chain;

/// Keeps the log writer alive; dropped, it writes out what is still queued.
#[must_use]
pub struct Logs {
    _writer: Option<WorkerGuard>,
}

/// Whether warnings also go to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The command itself tells its user what happens.
    Quiet,
    Warnings,
}

/// Starts logging into `logging.dir`. Where the folder cannot be written this is said on standard error, and work goes
/// on without files: logs do not stop payments.
pub fn start(logging: &config::Logging, terminal: Terminal) -> Logs {
    let level = level(logging.level);
    let (files, guard, problem) = match appender(logging) {
        Ok(appender) => {
            let (writer, guard) =
                tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false).finish(appender);
            let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
            let layer = match logging.format {
                config::Format::Text => layer.boxed(),
                config::Format::Json => layer.json().boxed(),
            };
            (Some(layer.with_filter(level)), Some(guard), None)
        }
        Err(problem) => (None, None, Some(problem)),
    };
    let warnings = tracing_subscriber::fmt::layer().with_writer(io::stderr).without_time().with_target(false);
    let warnings = warnings.with_ansi(io::stderr().is_terminal()).with_filter(LevelFilter::WARN.min(level));
    let terminal = (terminal == Terminal::Warnings).then_some(warnings);
    // A second start in one process, as tests do it, keeps the first.
    let started = tracing_subscriber::registry().with(files).with(terminal).try_init();
    if let Some(problem) = problem {
        eprintln!(
            "warning: no log files can be written into {}: {}",
            logging.dir.display(),
            chain(problem.as_ref())
        );
    }
    Logs { _writer: guard.filter(|_| started.is_ok()) }
}

fn appender(
    logging: &config::Logging,
) -> Result<rolling::RollingFileAppender, Box<dyn std::error::Error + Send + Sync>> {
    // The appender looks for old files before it makes the folder, and complains where there is none.
    std::fs::create_dir_all(&logging.dir)?;
    let rotation = match logging.rotation {
        config::Rotation::Never => rolling::Rotation::NEVER,
        config::Rotation::Hourly => rolling::Rotation::HOURLY,
        config::Rotation::Daily => rolling::Rotation::DAILY,
    };
    let appender = rolling::Builder::new()
        .rotation(rotation)
        .filename_prefix("rewardd")
        .filename_suffix("log")
        .max_log_files(logging.keep as usize)
        .build(&logging.dir)?;
    Ok(appender)
}

const fn level(level: config::Level) -> LevelFilter {
    match level {
        config::Level::Error => LevelFilter::ERROR,
        config::Level::Warn => LevelFilter::WARN,
        config::Level::Info => LevelFilter::INFO,
        config::Level::Debug => LevelFilter::DEBUG,
        config::Level::Trace => LevelFilter::TRACE,
    }
}
