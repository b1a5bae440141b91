//! `rewardd notify`

use std::sync::Arc;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::Exit;
use super::output::say;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Receiver};
use crate::notify::send::deliverer;
use crate::notify::{SendError, trial};

/// Try whether the receivers of notifications can be reached.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Test(Test),
}

/// Send a test message, and say what each receiver answered.
///
/// It is sent at once, beside the daemon and without the outbox; no database is needed.
///
/// Exit codes: 0 all took it · 1 one refuses it · 75 one could not be reached, trying again may help.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// One receiver, by its name in [notify.receivers] [default: all of them].
    receiver: Option<String>,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let Self::Test(test) = self;
        test.execute(&config).await
    }
}

impl Test {
    async fn execute(self, config: &Config) -> anyhow::Result<Exit> {
        let receivers = &config.notify.receivers;
        if receivers.is_empty() {
            bail!("no receiver is configured: add one as [notify.receivers.NAME], see config.toml");
        }
        let wanted = |receiver: &&Receiver| self.receiver.as_ref().is_none_or(|name| receiver.name == *name);
        let chosen: Vec<&Receiver> = receivers.iter().filter(wanted).collect();
        if chosen.is_empty() {
            let names: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
            let name = self.receiver.unwrap_or_default();
            bail!("there is no receiver {name}; those of [notify.receivers] are {}", names.join(", "));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut exit = Exit::Done;
        for receiver in chosen {
            let message = trial(&receiver.name, clock.now());
            let name = &receiver.name;
            match deliverer(&receiver.channel, Arc::clone(&clock)).deliver(&message).await {
                Ok(answer) => say!("{name}: taken: {answer}"),
                Err(error) => {
                    say!("{name}: not taken: {error}");
                    exit = match (error, exit) {
                        (SendError::Never(_), _) | (_, Exit::Failed) => Exit::Failed,
                        (SendError::Later { .. }, _) => Exit::TryAgain,
                    };
                }
            }
        }
        Ok(exit)
    }
}
