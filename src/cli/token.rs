//! `rewardd token`

use anyhow::Context;
use clap::Subcommand;

use super::Exit;
use super::output::say;
use crate::people::Token;

/// Make the tokens that people sign their decisions with.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new token and the key that goes into the configuration.
    ///
    /// The token is shown once and kept nowhere: whoever has it decides as its owner. The key is no secret.
    New,
}

impl Command {
    pub fn execute(self) -> anyhow::Result<Exit> {
        let Self::New = self;
        let (token, text) = Token::generate().context("asking the machine for randomness")?;
        say!("token {text}");
        say!("key   {}", token.public_key());
        Ok(Exit::Done)
    }
}
