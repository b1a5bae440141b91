//! `rewardd import`

use crate::cli::output::say;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Exit, output};
use crate::app::{open_for_import, source_names};
use crate::config::Config;
use crate::files::{VoteFile, read_rates, read_votes};
use crate::store::sql::{self, Access, Database};

/// Load votes and CC rates from files into the configured database, for trials.
///
/// All rows are imported, or none: a vote whose id is there already, or a bad row, refuses the whole file. The files are
/// CSV or Parquet with the columns id, partner_id, vote_type, cc, ecc, voted_at, and quoted_at, rate.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Votes to load (.csv or .parquet).
    #[arg(long, value_name = "FILE", required_unless_present = "rates")]
    votes: Option<PathBuf>,
    /// CC rates to load (.csv or .parquet).
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
}

impl Import {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let votes = match &self.votes {
            Some(path) => {
                let bar = output::progress("reading votes", 0);
                let votes = read_votes(path, &mut |rows| bar.set_position(rows))?;
                bar.finish_and_clear();
                votes
            }
            None => VoteFile::default(),
        };
        let quotes = self.rates.as_ref().map(|path| read_rates(path)).transpose()?.unwrap_or_default();

        let url = &config.database.url;
        let rewards = Database::open(url, Access::Create, config.database.max_connections).await?;
        sql::migrate(&rewards).await?;
        let source = open_for_import(&config, &rewards).await?;
        let bar = output::progress("importing votes", votes.ids.len() as u64);
        let import = sql::Import {
            names: &source_names(&config),
            ids: &votes.ids,
            votes: &votes.votes,
            quotes: &quotes,
            progress: &|rows| bar.set_position(rows),
        };
        sql::import(&source, &import).await.context("importing")?;
        bar.finish_and_clear();
        say!("Imported {} votes and {} rates into {}.", votes.ids.len(), quotes.len(), config.source_url());
        source.close().await;
        rewards.close().await;
        Ok(Exit::Done)
    }
}
