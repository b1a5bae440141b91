//! `rewardd simulate`

use crate::cli::output::say;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;

use super::distribute::instant;
use super::{Exit, output};
use crate::app::distributor;
use crate::clock::ManualClock;
use crate::config::Config;
use crate::files::{FileError, Tables, read_rates, read_votes};
use crate::frames::VoteColumns;
use crate::guard::alarms::groups;
use crate::jobs::{JobError, Outcome, Walk};
use crate::rewards::money::Units;
use crate::rewards::plan::{Plan, columns};
use crate::rewards::rates::Quotes;
use crate::rewards::window::{Calendar, Instant, Kind};
use crate::store::Programme;
use crate::store::memory::{MemorySource, MemoryStore, State};

/// How many winners and losers a comparison names.
const NAMED: usize = 10;

/// Pay out votes and rates from files, without any database.
///
/// The same walk as the daemon's, from the local midnight of the first vote's day up to --until, into five CSV tables:
/// reward_list_hourly, reward_list_daily, reward_pool_state, cc_hourly and reward_log. --config is only read for its
/// rules, special partners and time zone; without it the defaults hold. With --compare it also says what would change
/// for whom under other rules.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Votes (.csv or .parquet): id, partner_id, vote_type, cc, ecc, voted_at.
    #[arg(long, value_name = "FILE")]
    votes: PathBuf,
    /// CC rates (.csv or .parquet): quoted_at, rate.
    #[arg(long, value_name = "FILE")]
    rates: PathBuf,
    /// Pay all that is due at this instant, such as 2026-11-20T01:00:00Z.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Instant,
    /// The folder for the tables; it is made where there is none.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Compare with the rules of this configuration.
    #[arg(long, value_name = "OTHER_CONFIG")]
    compare: Option<PathBuf>,
}

impl Simulate {
    pub async fn execute(self, config: Option<&Path>) -> anyhow::Result<Exit> {
        let load = |path: &Path| Config::load_rules_file(path);
        let config = match config {
            Some(path) => load(path)?,
            None => Config::default_with_url("sqlite::memory:")?,
        };
        let other = self.compare.as_deref().map(load).transpose()?;
        let bar = output::progress("reading votes", 0);
        let votes = read_votes(&self.votes, &mut |rows| bar.set_position(rows))?.votes;
        bar.finish_and_clear();
        let conflict = |conflict| FileError::conflict(&self.rates, &conflict);
        let quotes = Quotes::new(read_rates(&self.rates)?).map_err(conflict)?;

        let mut tables = Tables::create(&self.out)?;
        let (mut totals, mut alarms) = (Paid::default(), vec![]);
        let mut paid = |plan: &Plan| {
            totals.add(plan);
            alarms.extend(groups(&plan.raised).map(|group| format!("{}: {group}", plan.window)));
            tables.add(plan)
        };
        let state = walk(&config, votes.clone(), quotes.clone(), self.until, &mut paid).await?;
        tables.finish(&state.pools)?;
        say!("The tables of {} runs are in {}.", state.runs, self.out.display());
        alarms.iter().for_each(|alarm| say!("{alarm}"));
        if let Some(other) = other {
            let mut others = Paid::default();
            let mut paid = |plan: &Plan| {
                others.add(plan);
                Ok(())
            };
            let walked = walk(&other, votes, quotes, self.until, &mut paid).await;
            walked.context("under the rules of --compare")?;
            say!("{}", Comparison { totals, others });
        }
        Ok(Exit::Done)
    }
}

/// Pays all that is due in memory; every plan is shown to `each`. The first window that fails ends it.
async fn walk(
    config: &Config,
    votes: VoteColumns,
    quotes: Quotes,
    until: Instant,
    each: &mut (dyn FnMut(&Plan) -> Result<(), FileError> + Send),
) -> anyhow::Result<State> {
    let calendar = Calendar::new(config.programme.timezone);
    let source = MemorySource::new(votes, quotes);
    let first = source.first_vote_at().and_then(Instant::from_timestamp_micros).unwrap_or(until);
    let start = calendar.window_at(Kind::Daily, first).day;
    let timezone = calendar.zone().name().to_owned();
    let programme = Some(Programme { timezone, start });
    let store = Arc::new(MemoryStore::new(State { programme, ..State::default() }));
    let clock = Arc::new(ManualClock::new(until));
    let distributor = distributor(config, store.clone(), Arc::new(source), clock);

    let kinds = vec![(Kind::Daily, until), (Kind::Hourly, until)];
    let walk = Walk { kinds, start, now: until, catch_up: std::time::Duration::MAX };
    let mut written = Ok(());
    let mut paid = |_, outcome: &Outcome| {
        if let (Outcome::Paid(plan, _), Ok(())) = (outcome, &written) {
            written = each(plan);
        }
    };
    let report = distributor.walk(&walk, &mut paid).await.map_err(JobError::into_error)?;
    written?;
    if let Some((_, error)) = report.failed.into_iter().next() {
        return Err(error.into_error());
    }
    if let Some((window, reason)) = report.blocked.first() {
        return Err(anyhow!("{window} was not paid: {reason}"));
    }
    Ok(store.state())
}

/// What was paid in each reward column and to each partner.
#[derive(Debug, Default)]
struct Paid {
    by_column: BTreeMap<&'static str, Units>,
    by_partner: BTreeMap<i64, Units>,
}

impl Paid {
    fn add(&mut self, plan: &Plan) {
        for (name, amounts) in columns(plan.window.kind).iter().zip(&plan.amounts) {
            for (tally, amount) in plan.turnout.ranking.iter().zip(amounts) {
                let partner = self.by_partner.entry(tally.partner_id).or_default();
                *partner = *partner + *amount;
                let column = self.by_column.entry(name).or_default();
                *column = *column + *amount;
            }
        }
    }
}

/// What changes for whom: the economy preview before a change of rules.
struct Comparison {
    totals: Paid,
    others: Paid,
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let row = |name: String, now: Units, then: Units| {
            vec![name, now.to_string(), then.to_string(), signed(then - now)]
        };
        let header = |what| [what, "now", "then", "change"];
        let all_columns = [Kind::Hourly, Kind::Daily].into_iter().flat_map(|kind| columns(kind).iter());
        let amount = |paid: &Paid, name: &str| paid.by_column.get(name).copied().unwrap_or_default();
        let categories = all_columns
            .map(|name| row((*name).to_owned(), amount(&self.totals, name), amount(&self.others, name)));
        writeln!(
            f,
            "\nTotals per category\n{}",
            output::table(&header("category"), 1, categories.collect())
        )?;

        let mut changes: Vec<(i64, Units, Units)> = self
            .totals
            .by_partner
            .iter()
            .map(|(partner, now)| {
                (*partner, *now, self.others.by_partner.get(partner).copied().unwrap_or_default())
            })
            .filter(|(_, now, then)| now != then)
            .collect();
        // By gain, the largest first; a partner's number decides between equals.
        changes.sort_by_key(|(partner, now, then)| (*now - *then, *partner));
        let rows = |named: Vec<&(i64, Units, Units)>| {
            named.into_iter().map(|(partner, now, then)| row(partner.to_string(), *now, *then)).collect()
        };
        let winners = changes.iter().filter(|(_, now, then)| then > now).take(NAMED).collect();
        let losers = changes.iter().rev().filter(|(_, now, then)| then < now).take(NAMED).collect();
        writeln!(f, "\nLargest winners\n{}", output::table(&header("partner"), 1, rows(winners)))?;
        writeln!(f, "\nLargest losers\n{}", output::table(&header("partner"), 1, rows(losers)))?;
        let unchanged = self.totals.by_partner.len() - changes.len();
        write!(f, "\n{} partners change, {unchanged} stay as they are.", changes.len())
    }
}

fn signed(amount: Units) -> String {
    if amount.is_negative() { amount.to_string() } else { format!("+{amount}") }
}
