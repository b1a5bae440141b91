//! `rewardd compare`

use anyhow::Context;
use chrono::{NaiveDate, TimeDelta};
use clap::Args;
use serde_json::{Value, json};

use super::{Exit, output};
use crate::app::Records;
use crate::cli::output::say;
use crate::config::{Config, DatabaseUrl};
use crate::proof::ProofError;
use crate::proof::compare::{Compared, Comparison, compare};
use crate::rewards::money::Units;
use crate::rewards::window::{Calendar, Instant, Kind, show};
use crate::store::Ledger;
use crate::store::sql::{Access, Database};

/// The form of what `--json` prints; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// Compare what was paid with the reward tables of another program, window by window and row by row.
///
/// For a trial beside an older program: rewardd pays into a database of its own from the same votes, and this holds
/// its rewards against reward_list_hourly and reward_list_daily of the database that --with names, whatever types they
/// have there. Reads only. Amounts there with more than 8 digits, as DOUBLE has them, are cut down to 8 first: such an
/// amount may differ by one unit that nobody has lost, which --tolerance 1 allows for.
///
/// Exit codes: 0 all is the same · 1 there is nothing to compare · 5 something differs · 65 the other database has no
/// such tables.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// The database of the other program; a user that may SELECT is enough.
    #[arg(long, value_name = "URL", value_parser = DatabaseUrl::parse)]
    with: DatabaseUrl,
    /// Only the windows of this day [default: from the programme's first day to the last hour, and the last day, paid
    /// here].
    #[arg(long, value_name = "DAY")]
    day: Option<NaiveDate>,
    /// How many units of 0.00000001 two amounts may differ by and still count as the same.
    #[arg(long, value_name = "UNITS", default_value_t = 0)]
    tolerance: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let records = Records::open(&config).await?;
        let other = Database::open(&self.with, Access::Read, 1).await;
        let other = other.context("opening the other program's database (--with)")?;
        let compared = self.compare(&records.stored, &other).await;
        other.close().await;
        records.database.close().await;
        let compared = compared?;
        if self.json {
            say!("{:#}", record(&compared, self.tolerance));
        } else {
            show_comparison(&compared);
        }
        Ok(match compared {
            compared if compared.is_same() => Exit::Done,
            compared if compared.is_empty() => Exit::Failed,
            _ => Exit::Mismatch,
        })
    }

    async fn compare(&self, ledger: &dyn Ledger, other: &Database) -> anyhow::Result<Comparison> {
        let programme = ledger.programme().await?.ok_or(ProofError::NoProgramme)?;
        let calendar = programme.calendar()?;
        let between = match self.day {
            Some(day) => [(calendar.midnight(day), calendar.midnight(calendar.day_after(day))); 2],
            None => paid(ledger, &calendar, programme.start).await?,
        };
        Ok(compare(ledger, &calendar, other, between, self.tolerance).await?)
    }
}

/// From the programme's first day to just after the last hour, and the last day, that was paid.
async fn paid(
    ledger: &dyn Ledger,
    calendar: &Calendar,
    start: NaiveDate,
) -> anyhow::Result<[(Instant, Instant); 2]> {
    let from = calendar.midnight(start);
    let mut between = [(from, from); 2];
    for (kind, (_, before)) in [Kind::Hourly, Kind::Daily].into_iter().zip(&mut between) {
        if let Some(last) = ledger.paid_since(kind, from).await?.last() {
            *before = *last + TimeDelta::seconds(1);
        }
    }
    Ok(between)
}

/// A difference in units as an amount; a sum may be past what one amount can be.
fn amount(units: i128) -> String {
    Units::new(units).map_or_else(|_| format!("{units} units"), |units| units.to_string())
}

fn show_comparison(comparison: &Comparison) {
    if comparison.is_empty() {
        say!("Nothing to compare: no window of that time is paid here or has rows there.");
        return;
    }
    let different: Vec<_> = comparison.windows.iter().filter(|compared| !compared.is_same()).collect();
    if !different.is_empty() {
        let header = [
            " windows that differ",
            "here",
            "there",
            "equal",
            "differ",
            "only here",
            "only there",
            "largest",
            "sum",
        ];
        say!("{}", output::table(&header, 1, different.iter().map(|compared| cells(compared)).collect()));
    }
    for compared in &different {
        say!("\n{}", compared.window);
        for named in &compared.named {
            say!("  {named}");
        }
        let found = compared.different + compared.only_here + compared.only_there;
        if found > compared.named.len() as u64 {
            say!("  {found} rows in all; the first {} are named", compared.named.len());
        }
    }
    for named in &comparison.named {
        say!("{named}");
    }
    let all = |count: fn(&Compared) -> u64| comparison.windows.iter().map(count).sum::<u64>();
    if !comparison.is_same() {
        say!("");
    }
    say!(
        "{} windows compared, {} of them differ; {} rows here, {} there: {} equal, {} different, {} only here, {} only \
         there, {} unreadable there.",
        comparison.windows.len(),
        different.len(),
        all(|compared| compared.rows_here),
        all(|compared| compared.rows_there),
        all(|compared| compared.equal),
        all(|compared| compared.different),
        all(|compared| compared.only_here),
        all(|compared| compared.only_there),
        comparison.unreadable
    );
}

fn cells(compared: &Compared) -> Vec<String> {
    let counts = [
        compared.rows_here,
        compared.rows_there,
        compared.equal,
        compared.different,
        compared.only_here,
        compared.only_there,
    ];
    let window = format!(" {} {}", compared.window.kind.name(), show(compared.window.start));
    let differences = [amount(compared.largest), amount(compared.sum)];
    std::iter::once(window).chain(counts.map(|count| count.to_string())).chain(differences).collect()
}

fn record(comparison: &Comparison, tolerance: u64) -> Value {
    let window = |compared: &Compared| {
        json!({
            "reward_type": compared.window.kind.name(),
            "day": compared.window.day.to_string(),
            "hour": compared.window.hour,
            "start": show(compared.window.start),
            "same": compared.is_same(),
            "rows_here": compared.rows_here,
            "rows_there": compared.rows_there,
            "equal": compared.equal,
            "different": compared.different,
            "only_here": compared.only_here,
            "only_there": compared.only_there,
            "largest_difference": amount(compared.largest),
            "sum_of_differences": amount(compared.sum),
            "named": compared.named,
        })
    };
    json!({
        "record_version": RECORD_VERSION,
        "software_version": env!("CARGO_PKG_VERSION"),
        "tolerance_units": tolerance,
        "same": comparison.is_same(),
        "unreadable_there": comparison.unreadable,
        "unreadable_named": comparison.named,
        "windows": comparison.windows.iter().map(window).collect::<Vec<_>>(),
    })
}
