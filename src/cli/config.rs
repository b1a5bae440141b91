//! `rewardd config`

use crate::cli::output::say;
use std::path::Path;

use clap::Subcommand;

use super::Exit;
use crate::config::Config;
use crate::confirm;

/// Check or show the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the configuration is valid, and all that is wrong where it is not.
    ///
    /// Reads the file, the .env file beside it and the environment, as every command does; opens no database. Files and
    /// repositories that [confirm] watches and that cannot be read now are named, and are no reason to refuse it.
    Check,
    /// Print the effective values: defaults, file, .env and environment together. Passwords are masked.
    Show,
}

impl Command {
    pub fn execute(self, path: &Path, config: Config) -> anyhow::Result<Exit> {
        match self {
            Self::Check => {
                say!("{} is valid.", path.display());
                for watch in confirm::watches(&config) {
                    if let Err(why) = confirm::check(watch) {
                        say!("But {} cannot be read: {why}", watch.name());
                    }
                }
            }
            Self::Show => say!("{}", config.show().trim_end()),
        }
        Ok(Exit::Done)
    }
}
