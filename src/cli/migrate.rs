//! `rewardd migrate`

use clap::{Args, ValueEnum};

mod convert;

use super::Exit;
use crate::cli::output::say;
use crate::config::Config;
use crate::store::sql::legacy::{Inexact, inspect};
use crate::store::sql::{Access, Database, applied, migrate};

/// Bring the rewards' database to the form this version needs.
///
/// Every start does the same; by hand it shows what was done. Running it twice does no harm.
///
/// Where an older program has made tables under the same names, nothing is changed without --convert. With it, the rows
/// of reward_list_hourly and reward_list_daily are carried over exactly; the old tables are kept beside, as they are,
/// under names that end in _before_rewardd. Until all is copied and checked the old tables stand, and an attempt that
/// was interrupted begins again. --dry-run says all of it first, each row that does not convert among it. Stop the old
/// program before; deploy/MIGRATION.md has the whole way.
///
/// Exit codes: 0 done · 65 tables or rows do not convert, and nothing was changed · 78 an older program's tables are
/// there and --convert was not given.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Convert the tables of an older program.
    #[arg(long)]
    convert: bool,
    /// What becomes of old amounts with more than 8 fractional digits.
    #[arg(long, value_enum, default_value_t = WhereInexact::Refuse)]
    inexact: WhereInexact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhereInexact {
    /// Nothing is converted.
    Refuse,
    /// They are cut down to 8 digits, never up; each is listed, and kept in the backup as it was.
    Floor,
}

impl Migrate {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let url = &config.database.url;
        let access = if self.dry_run { Access::Read } else { Access::Create };
        // One reads while the other writes, where tables are converted.
        let database = Database::open(url, access, 2).await?;
        let exit = self.on(&database, url).await;
        database.close().await;
        exit
    }

    async fn on(&self, database: &Database, url: &impl std::fmt::Display) -> anyhow::Result<Exit> {
        let before = applied(database).await?;
        if self.convert || self.dry_run {
            let old = inspect(database, &before).await?;
            if !old.is_empty() {
                say!("{url}");
                let inexact = match self.inexact {
                    WhereInexact::Refuse => Inexact::Refuse,
                    WhereInexact::Floor => Inexact::Floor,
                };
                return convert::convert(database, &old, inexact, self.dry_run).await;
            }
        }
        if !self.dry_run {
            migrate(database).await?;
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
        Ok(Exit::Done)
    }
}
