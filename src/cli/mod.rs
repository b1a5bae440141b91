//! The command line: one file per command, the arguments of all of them here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

mod audit;
mod case;
mod changes;
mod compare;
mod config;
mod decided;
mod demo;
mod distribute;
mod doctor;
mod exit;
mod explain;
mod export;
mod health;
mod holds;
mod import;
mod manual;
mod migrate;
mod notify;
mod output;
mod report;
mod retention;
mod rules;
mod simulate;
mod status;
mod token;
mod transfers;
mod verify;

pub use exit::Exit;

use crate::config::Config;
use crate::errors::chain;

/// Pays partners for taking part: votes become rewards, exact to the last unit.
///
/// First time here? `rewardd demo` makes a small programme of its own and pays it out, without any set-up.
///
/// Exit codes: 0 all done · 1 something else failed · 2 wrong arguments · 3 windows wait for an operator (past
/// schedule.catch_up) or for a window that failed, or `status` found something that is not well · 4, 5, 6 `verify` has
/// found drift, a mismatch, tampering (5 also `compare`, 6 also `audit check`) · 65 bad votes or rates · 69 a database
/// cannot be reached or opened · 70 the books do not add up · 73 a daemon is running already · 74 a file cannot be read
/// or written · 75 failed for now, trying again may help · 78 the configuration is not valid.
#[derive(Debug, Parser)]
#[command(name = "rewardd", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// The configuration file [default: config.toml].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(distribute::Run),
    Once(distribute::Once),
    Simulate(simulate::Simulate),
    Import(import::Import),
    Migrate(migrate::Migrate),
    Doctor(doctor::Doctor),
    Verify(verify::Verify),
    Compare(compare::Compare),
    Explain(explain::Explain),
    Status(status::ShowStatus),
    Health(health::Health),
    Export(export::Export),
    Retention(retention::Retain),
    #[command(subcommand)]
    Report(report::Command),
    #[command(subcommand)]
    Notify(notify::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(subcommand)]
    Case(case::Command),
    #[command(subcommand)]
    Transfers(transfers::Command),
    #[command(subcommand)]
    Holds(holds::Command),
    #[command(subcommand)]
    Rules(rules::Command),
    #[command(subcommand)]
    Changes(changes::Command),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Token(token::Command),
    /// Print a completion script for a shell.
    ///
    /// For bash: `rewardd completions bash > /etc/bash_completion.d/rewardd`.
    Completions {
        shell: Shell,
    },
    /// Write the manual pages, one per command, into a folder.
    ///
    /// Read one with `man ./DIR/rewardd-once.1`.
    Man {
        /// The folder; it is made where there is none.
        #[arg(long, value_name = "DIR", default_value = "man")]
        dir: PathBuf,
    },
}

/// Reads the arguments of the process and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os()).into()
}

/// Runs a command line and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors, and come here too.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match execute(cli) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            Exit::of(&error)
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<Exit> {
    let file = cli.config;
    match cli.command {
        Command::Demo(demo) => block_on(demo.execute()),
        Command::Run(run) => block_on(run.execute(&path(file.as_deref()), load(file.as_deref())?)),
        Command::Once(once) => block_on(once.execute(load(file.as_deref())?)),
        Command::Simulate(simulate) => block_on(simulate.execute(file.as_deref())),
        Command::Import(import) => block_on(import.execute(load(file.as_deref())?)),
        Command::Migrate(migrate) => block_on(migrate.execute(load(file.as_deref())?)),
        Command::Doctor(doctor) => block_on(doctor.execute(load(file.as_deref())?)),
        Command::Verify(verify) => block_on(verify.execute(load(file.as_deref())?)),
        Command::Compare(compare) => block_on(compare.execute(load(file.as_deref())?)),
        Command::Explain(explain) => block_on(explain.execute(load(file.as_deref())?)),
        Command::Status(status) => block_on(status.execute(load(file.as_deref())?)),
        Command::Health(health) => block_on(health.execute(load(file.as_deref())?)),
        Command::Export(export) => block_on(export.execute(load(file.as_deref())?)),
        Command::Report(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Notify(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Retention(retention) => block_on(retention.execute(load(file.as_deref())?)),
        Command::Audit(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Case(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Transfers(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Holds(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Rules(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Changes(command) => block_on(command.execute(load(file.as_deref())?)),
        Command::Config(command) => command.execute(&path(file.as_deref()), load(file.as_deref())?),
        Command::Token(command) => command.execute(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "rewardd", &mut std::io::stdout());
            Ok(Exit::Done)
        }
        Command::Man { dir } => manual::write(&Cli::command(), &dir),
    }
}

fn path(file: Option<&Path>) -> PathBuf {
    file.unwrap_or(Path::new("config.toml")).to_owned()
}

fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    Ok(Config::load_with_environment(&path(file))?)
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(work);
    // A computation that was given up is not waited for.
    runtime.shutdown_background();
    output
}
