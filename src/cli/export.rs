//! `rewardd export`

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::anyhow;
use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{Exit, output};
use crate::app::Records;
use crate::config::Config;
use crate::files::export::{Days, Exported, Format, Output, export};
use crate::ops::signals;
use crate::rewards::window::Calendar;
use crate::store::{Archive, Store};

/// Export a table for reports.
///
/// Rows come in the order of the table's key, page by page: memory does not grow with their number. Amounts are exact,
/// in CSV and JSON as decimal text, in Parquet as DECIMAL(28,8). Instants are UTC, in Parquet timestamps of
/// microseconds. JSON is one object for each row, on a line of its own.
///
/// A row belongs to the day of the programme that its window is of, a version of the rules to the day that it was
/// recorded on.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[arg(long, value_name = "NAME", value_parser = table_parser())]
    table: Exported,
    /// The first day, such as 2026-11-01.
    #[arg(long, value_name = "DAY")]
    from: NaiveDate,
    /// The last day; it is exported too.
    #[arg(long, value_name = "DAY")]
    to: NaiveDate,
    #[arg(long, value_enum, default_value_t = As::Csv)]
    format: As,
    /// The file; Parquet needs one, CSV and JSON go to standard output without. It has its name only once it is
    /// complete.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file where there is one.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    Csv,
    Parquet,
    Json,
}

fn table_parser() -> impl TypedValueParser<Value = Exported> {
    let names = PossibleValuesParser::new(Exported::ALL.map(Exported::name));
    names.map(|name| {
        let table = Exported::ALL.into_iter().find(|table| table.name() == name);
        table.expect("only names of tables are let through")
    })
}

impl Export {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        if self.from > self.to {
            eprintln!("error: --from {} is after --to {}", self.from, self.to);
            return Ok(Exit::Usage);
        }
        let format = match self.format {
            As::Csv => Format::Csv,
            As::Json => Format::Json,
            As::Parquet => Format::Parquet,
        };
        let output = match (&self.output, format) {
            (Some(path), _) => Output::file(path, self.force)?,
            (None, Format::Parquet) => {
                eprintln!("error: a Parquet file cannot be streamed: say where to with --output FILE");
                return Ok(Exit::Usage);
            }
            (None, _) => Output::Stdout,
        };
        // An export that is interrupted takes what it has begun with it.
        let mut requests = signals::listen()?;
        let records = Records::open(&config).await?;
        let exported = tokio::select! {
            exported = self.rows(&config, &records, format, output) => exported,
            _ = requests.recv() => Err(anyhow!("interrupted; the export is not complete")),
        };
        records.database.close().await;
        match exported {
            // Whoever reads standard output has enough, as in `rewardd export … | head`.
            Err(error) if self.output.is_none() && is_broken_pipe(&error) => Ok(Exit::Done),
            exported => exported.map(|()| Exit::Done),
        }
    }

    async fn rows(
        &self,
        config: &Config,
        records: &Records,
        format: Format,
        output: Output,
    ) -> anyhow::Result<()> {
        let archive: &dyn Archive = &records.stored;
        // Days are the programme's, which its first run has fixed.
        let zone = match records.stored.programme().await? {
            Some(programme) => programme.timezone.parse().map_err(|_| {
                anyhow!("reward_programme.timezone holds {:?}, which is no time zone", programme.timezone)
            })?,
            None => config.programme.timezone,
        };
        let calendar = Calendar::new(zone);
        let bar = output::spinner("rows");
        let days = Days { from: self.from, to: self.to };
        let progress = |rows| bar.set_position(rows);
        let exported = export(archive, &calendar, self.table, days, format, output, &progress).await;
        bar.finish_and_clear();
        let rows = exported?;
        if let Some(path) = &self.output {
            eprintln!("{}: {rows} rows of {}", path.display(), self.table.name());
        }
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
