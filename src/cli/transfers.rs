//! `rewardd transfers`

use std::sync::Arc;

use anyhow::{Context, anyhow};
use chrono::{Days, NaiveDate};
use clap::{Args, Subcommand};

use super::Exit;
use super::output::say;
use crate::app::{App, Mode, Records, open_remote};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::jobs::{Compared, requeue};
use crate::ops::logging;
use crate::rewards::window::{Calendar, show};
use crate::store::{Archived, Ledger, Movable, Store};

/// Look after what went to the special partners' database.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Requeue(Requeue),
}

/// Queue delivered transfers again that the remote database has lost.
///
/// For a remote that was brought back from a backup. Asks it for every delivered transfer of these days; those that it
/// does not have any more wait again and go out with the daemon's next look, or `rewardd once transfers`. What it holds
/// is left alone, and running this again queues nothing twice.
///
/// Where transfers of these days are in archives, nothing is done: the days are named, with the command that has them
/// back.
///
/// Exit codes: 0 all is there or waits again · 3 days are in archives · 5 the remote holds other amounts, which are
/// listed and never overwritten · 69 a database cannot be opened.
#[derive(Debug, Args)]
pub(super) struct Requeue {
    /// The first day of the programme whose hours are looked at, such as 2026-11-19.
    #[arg(long, value_name = "DAY")]
    from: NaiveDate,
    /// The last day; it is looked at too.
    #[arg(long, value_name = "DAY")]
    to: NaiveDate,
    /// Only say what is missing.
    #[arg(long)]
    dry_run: bool,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let Self::Requeue(requeue) = self;
        requeue.execute(config).await
    }
}

impl Requeue {
    async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        if self.from > self.to {
            eprintln!("error: --from {} is after --to {}", self.from, self.to);
            return Ok(Exit::Usage);
        }
        let _logs = (!self.dry_run).then(|| logging::start(&config.logging, logging::Terminal::Quiet));
        let url =
            config.remote.url.as_ref().ok_or_else(|| anyhow!("remote.url is not set: there is no remote"))?;
        let remote = open_remote(url, &config.remote.table).await?;
        let records = Records::open(&config).await?;
        let stored = &records.stored;
        let programme = stored.programme().await?.ok_or_else(|| anyhow!("nothing has been paid yet"))?;
        let calendar = Calendar::new(programme.timezone.parse().context("the programme's time zone")?);
        let after = self.to.checked_add_days(Days::new(1)).ok_or_else(|| anyhow!("--to is too late"))?;
        let hours = (calendar.midnight(self.from), calendar.midnight(after));
        if self.names_archived(stored).await? {
            return Ok(Exit::Waiting);
        }
        let paying = match self.dry_run {
            true => None,
            false => Some(App::open(config, Arc::new(SystemClock), Mode::Pay).await?),
        };
        let store = paying.as_ref().map(|app| app.store.as_ref());
        let compared = requeue(stored, &remote, store, hours, SystemClock.now()).await;
        let compared = compared.context("comparing the transfers with the remote")?;
        let exit = self.say(&compared);
        // One that was moved meanwhile may not have been looked at.
        Ok(if self.names_archived(stored).await? { Exit::Waiting } else { exit })
    }

    /// Says which of the days are in archives, whose transfers the table does not have; false where none is.
    async fn names_archived(&self, ledger: &dyn Ledger) -> anyhow::Result<bool> {
        let days = self.from..=self.to;
        let mut archives = ledger.archives().await?;
        archives.retain(|archived| archived.table == Movable::Transfers && days.contains(&archived.day));
        if archives.is_empty() {
            return Ok(false);
        }
        say!("Transfers of these days are in archives, and cannot be looked at. Set a greater age");
        say!("(retention.transfers), have the days back, and ask again:");
        for Archived { day, .. } in archives {
            say!("rewardd retention restore --day {day} --rows transfers");
        }
        Ok(true)
    }

    fn say(&self, compared: &Compared) -> Exit {
        let Compared { held, missing, queued, other } = compared;
        say!("{} to {}: the remote holds {held} transfers as they were delivered", self.from, self.to);
        let what = match (missing, self.dry_run) {
            (0, _) => "none is missing".to_owned(),
            (_, true) => format!("{missing} are missing; without --dry-run they are queued again"),
            (_, false) => format!("{missing} are missing, {queued} are queued again"),
        };
        say!("{what}");
        for (transfer, holds) in other {
            say!(
                "partner {}, {}: the remote holds {holds} where {} was delivered",
                transfer.partner_id,
                show(transfer.time),
                transfer.amount
            );
        }
        if other.is_empty() { Exit::Done } else { Exit::Mismatch }
    }
}
