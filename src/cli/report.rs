//! `rewardd report`

use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use super::Exit;
use super::explain::date;
use crate::app::Records;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::files::export::Output;
use crate::report::{self, Daily, ReportError};
use crate::store::Pages;

/// Reports for the people who run the programme.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Daily(DailyReport),
}

/// Report what a paid day came to.
///
/// What was paid, to how many and by category; the day's pool, rates and hours; the first positions and the largest
/// changes of position against the day before; special transfers; the programme's books; and whatever was late, is
/// missing, stuck or unusual. Reads only.
///
/// Text is for terminals and e-mail, HTML one page that needs nothing else, CSV one long table with the columns
/// day,section,name,figure,unit,value: one figure to a line, amounts with 8 digits.
///
/// Exit codes: 0 reported · 1 there is no such report: the day is before the programme's start, or not over yet, or
/// nothing was paid yet · 3 the day is over and has not been paid · 69 the database cannot be opened · 74 the file cannot
/// be written.
#[derive(Debug, Args)]
#[command(after_help = "rewardd report daily\n\
                        rewardd report daily --day 2026-11-19 --format html --output 2026-11-19.html")]
pub(super) struct DailyReport {
    /// The day, such as 2026-11-19 [default: the last day that was paid].
    #[arg(long, value_name = "DAY", value_parser = date)]
    day: Option<NaiveDate>,
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// The file; standard output without. It has its name only once it is complete.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file where there is one.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Html,
    Csv,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let Self::Daily(daily) = self;
        daily.execute(config).await
    }
}

impl DailyReport {
    async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let output = match &self.output {
            Some(path) => Output::file(path, self.force)?,
            None => Output::Stdout,
        };
        let records = Records::open(&config).await?;
        let gathered = self.gather(&records.stored).await;
        records.database.close().await;
        let daily = match gathered {
            Ok(daily) => daily,
            Err(error) => {
                return match no_report(&error) {
                    Some(exit) => {
                        eprintln!("error: {error}");
                        Ok(exit)
                    }
                    None => Err(error.into()),
                };
            }
        };
        let written = match self.format {
            Form::Text => report::text(&daily),
            Form::Html => report::html(&daily),
            Form::Csv => report::csv(&daily),
        };
        let path = output.path();
        let written = output.writer()?.write_all(written.as_bytes());
        match written {
            // Whoever reads standard output has enough, as in `rewardd report daily | head`.
            Err(error) if self.output.is_none() && error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.with_context(|| format!("writing {}", path.display()))?,
        }
        output.finish()?;
        Ok(Exit::Done)
    }

    async fn gather(&self, store: &dyn Pages) -> Result<Daily, ReportError> {
        let programme = store.programme().await?.ok_or(ReportError::NothingPaid)?;
        let calendar = programme.calendar()?;
        let day = match self.day {
            Some(day) => day,
            None => report::last_paid_day(store, &calendar).await?,
        };
        report::gather(store, &calendar, day, SystemClock.now()).await
    }
}

/// How the command ends where a day has no report; none where something has failed.
const fn no_report(error: &ReportError) -> Option<Exit> {
    match error {
        ReportError::NotPaid { .. } => Some(Exit::Waiting),
        ReportError::NothingPaid
        | ReportError::NoDayPaid
        | ReportError::BeforeStart { .. }
        | ReportError::Skipped { .. }
        | ReportError::NotOver { .. } => Some(Exit::Failed),
        ReportError::Store(_) | ReportError::Record(_) => None,
    }
}
