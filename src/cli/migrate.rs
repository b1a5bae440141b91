//! `rewardd migrate`

use crate::cli::output::say;
use clap::Args;

use super::Exit;
use crate::config::Config;
use crate::store::sql::{Access, Database, applied, migrate};

/// Bring the rewards' database to the form this version needs.
///
/// Every start does the same; by hand it shows what was done. Running it twice does no harm.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Only say what would be applied.
    #[arg(long)]
    dry_run: bool,
}

impl Migrate {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let url = &config.database.url;
        let access = if self.dry_run { Access::Read } else { Access::Create };
        let database = Database::open(url, access, 1).await?;
        let before = applied(&database).await?;
        if !self.dry_run {
            migrate(&database).await?;
        }
        say!("{url}");
        for migration in before {
            let state = match (migration.applied, self.dry_run) {
                (true, _) => "is in place",
                (false, true) => "would be applied",
                (false, false) => "applied",
            };
            say!("  {:04} {:<16} {state}", migration.version, migration.description);
        }
        database.close().await;
        Ok(Exit::Done)
    }
}
