//! Who decides, and why: the arguments that every deciding command takes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::people::{self, Decider, Person, Refused, Role, Statement, Token};
use crate::store::Subject;

/// Where a token is looked for that no file names.
const VARIABLE: &str = "REWARDD_TOKEN";

#[derive(Debug, Args)]
pub(super) struct Decided {
    /// Who decides: a person of the configuration's [people], or any name where there are none.
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// Why; kept with the decision.
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    /// A file with the person's token [default: the environment variable REWARDD_TOKEN].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What is decided, as it is signed.
pub(super) struct Matter<'a> {
    /// Where it counts; see [`Statement::scope`].
    pub scope: &'a str,
    pub subject: &'a Subject,
    pub verdict: &'a str,
    /// See [`Statement::what`].
    pub what: String,
}

impl Decided {
    /// Who has decided, with a signature where people are configured; or why this is not taken.
    ///
    /// # Errors
    /// Where the token cannot be read, or the machine gives no randomness.
    pub fn by(
        &self,
        people: &[Person],
        needed: Role,
        matter: Matter<'_>,
    ) -> anyhow::Result<Result<Decider, Refused>> {
        let token = if people.is_empty() { None } else { self.token()? };
        let statement = Statement {
            scope: matter.scope.to_owned(),
            subject: matter.subject.to_string(),
            verdict: matter.verdict.to_owned(),
            what: matter.what,
            by: self.name.clone(),
            issued_at: SystemClock.now(),
            nonce: Statement::nonce().context("asking the machine for randomness")?,
        };
        Ok(people::authorize(people, &self.name, needed, token.as_ref(), statement))
    }

    fn token(&self) -> anyhow::Result<Option<Token>> {
        let (text, place) = match &self.token_file {
            Some(file) => {
                let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
                (text, file.display().to_string())
            }
            None => match std::env::var(VARIABLE) {
                Ok(text) => (text, VARIABLE.to_owned()),
                Err(_) => return Ok(None),
            },
        };
        Token::parse(&text).map(Some).map_err(|why| anyhow!("{place}: {why}"))
    }
}
