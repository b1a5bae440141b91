//! `rewardd demo`

use crate::cli::output::say;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use chrono::{Days, NaiveDate};
use clap::Args;
use serde_json::Value;

use super::{Exit, output};
use crate::app::{App, Mode, source_names};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::errors::chain;
use crate::files::VoteFile;
use crate::frames::Vote;
use crate::jobs::{FirstDay, JobError, Outcome, Walk, WalkReport};
use crate::ops::logging;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::scheduler::due::due;
use crate::store::sql::{self, sql_time};

mod generate;

/// Make a small programme with believable votes, pay it out, and show what came of it.
///
/// Everything lies in one folder: a SQLite database, its configuration and the logs. A second run finds them and pays
/// only what has become due since, which is never the same window twice.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many votes to make.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    votes: u64,
    /// How many partners cast them.
    #[arg(long, value_name = "N", default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(1..))]
    partners: u32,
    /// How many days they span, up to yesterday.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// The same seed makes the same votes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The folder for database, configuration and logs.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    dir: PathBuf,
}

impl Demo {
    pub async fn execute(self) -> anyhow::Result<Exit> {
        let now = SystemClock.now();
        let path = self.dir.join("config.toml");
        let is_new = !path.exists();
        let first_day = self.first_day(now)?;
        if is_new {
            self.write_config(&path, first_day)?;
        }
        let config = Config::load(&path, std::iter::empty())?;
        let _logs = logging::start(&config.logging, logging::Terminal::Quiet);
        let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await?;
        if is_new {
            say!("Making {} votes of {} partners over {} days …", self.votes, self.partners, self.days);
        } else {
            say!("Going on with {}; to start anew, delete it or name another --dir.", self.dir.display());
        }
        self.import(&app, &path).await?;
        let report = distribute(&app, now).await.map_err(JobError::into_error)?;
        summary(&app, &report).await?;
        self.whats_next();
        app.database.close().await;
        Ok(if report.is_complete() { Exit::Done } else { Exit::Waiting })
    }

    fn first_day(&self, now: Instant) -> anyhow::Result<NaiveDate> {
        let first = now.date_naive().checked_sub_days(Days::new(u64::from(self.days)));
        first.ok_or_else(|| anyhow!("{} days do not fit the calendar", self.days))
    }

    /// The demo's own configuration: the defaults, and where things lie.
    fn write_config(&self, path: &Path, first_day: NaiveDate) -> anyhow::Result<()> {
        let dir = self.dir.display();
        fs::create_dir_all(&self.dir).with_context(|| format!("making the folder {dir}"))?;
        let toml_text = |path: PathBuf| toml::Value::String(path.display().to_string()).to_string();
        let url = toml::Value::String(format!("sqlite://{}", self.dir.join("rewardd.db").display()));
        let text = format!(
            "# Made by `rewardd demo`. Every other key has its default: see `rewardd config show`.\n\
             [programme]\nstart = \"{first_day}\"\n\n\
             [database]\nurl = {url}\n\n\
             # A demo may rest for long between two runs.\n\
             [schedule]\ncatch_up = \"3650d\"\n\n\
             [special]\npartners = [1, 2, 3]\n\n\
             [logging]\ndir = {}\n\n\
             [process]\nstate_file = {}\n",
            toml_text(self.dir.join("logs")),
            toml_text(self.dir.join("processes.json")),
        );
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Fills the database where it holds no votes yet: all of them in one transaction, so a demo that was stopped in
    /// the middle of it starts over.
    async fn import(&self, app: &App, path: &Path) -> anyhow::Result<()> {
        let present = app.database.fetch("/* demo */ SELECT 1 FROM cc_rates LIMIT 1", &[]).await?;
        if !present.is_empty() {
            return Ok(());
        }
        let calendar = Calendar::new(app.config.programme.timezone);
        let first_day = app.config.programme.start.with_context(|| {
            format!("{} names no programme.start; delete the folder to start over", path.display())
        })?;
        let shape =
            generate::Shape { votes: self.votes, partners: self.partners, days: self.days, seed: self.seed };
        let mut file = VoteFile::default();
        for vote in generate::votes(&shape, &calendar, first_day) {
            file.ids.push(vote.id);
            file.votes.push(Vote {
                partner_id: vote.partner_id,
                vote_type: vote.vote_type,
                cc: vote.cc,
                ecc: vote.ecc,
                voted_at: vote.voted_at,
            });
        }
        let bar = output::progress("storing votes", self.votes);
        let import = sql::Import {
            names: &source_names(&app.config),
            ids: &file.ids,
            votes: &file.votes,
            quotes: &generate::rates(&shape, &calendar, first_day),
            progress: &|rows| bar.set_position(rows),
        };
        sql::import(&app.database, &import).await?;
        bar.finish_and_clear();
        Ok(())
    }

    fn whats_next(&self) {
        let dir = self.dir.display();
        let config = self.dir.join("config.toml");
        let config = config.display();
        say!(
            "\nEverything lies in {dir}: rewardd.db (SQLite), config.toml, logs.\n\n\
             Try next:\n  \
             rewardd --config {config} once --dry-run   (what would be paid now: nothing, it is all paid)\n  \
             rewardd --config {config} verify           (proves it: recomputes all of it from the votes)\n  \
             rewardd --config {config} run              (the daemon; see http://127.0.0.1:9464/, end it by Ctrl-C)\n  \
             rewardd --config {config} config show      (every setting with its value)\n  \
             rewardd simulate --help                    (pay out your own votes from files, no database)"
        );
    }
}

async fn distribute(app: &App, now: Instant) -> Result<WalkReport, JobError> {
    let distributor = &app.distributor;
    let programme = distributor.open_programme(app.config.programme.start, FirstDay::Today, now).await?;
    let kinds = vec![(Kind::Daily, now), (Kind::Hourly, now)];
    let walk = Walk { kinds, start: programme.start, now, catch_up: app.config.schedule.catch_up };
    let open = due(app.store.as_ref(), &distributor.calendar, &walk).await?.open.len();
    let bar = output::progress("paying windows", open as u64);
    let report = distributor.walk(&walk, &mut |_: Window, _: &Outcome| bar.inc(1)).await?;
    bar.finish_and_clear();
    for (_, error) in &report.failed {
        eprintln!("error: {}", chain(error.error().as_ref()));
    }
    Ok(report)
}

/// What a first-time user wants to see: the last day's pool, its tiers, the ten best, and that it all adds up.
async fn summary(app: &App, report: &WalkReport) -> anyhow::Result<()> {
    match report.paid.len() {
        0 => say!("Nothing was due: every window had been paid before."),
        count => say!("Paid {count} windows, oldest first."),
    }
    let Some(record) = sql::last_record(&app.database, Kind::Daily).await? else {
        say!("No day has paid anybody yet.");
        return Ok(());
    };
    let record: Value = serde_json::from_str(&record).context("reading the last day's record")?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    say!(
        "\nThe day {}: a pool of {} CC for {} voters\n",
        text(&record["window"]["day"]),
        text(&record["total_reward_cc"]),
        text(&record["inputs"]["voters"])
    );
    let parts = record["parts"].as_array().cloned().unwrap_or_default();
    let rows = parts.iter().map(|part| {
        ["column", "part", "members", "paid", "undistributed"].map(|field| text(&part[field])).to_vec()
    });
    say!("{}\n", output::table(&["category", "part", "members", "paid", "carried"], 1, rows.collect()));
    say!(
        "Market bonus on top: {} CC (ratio {}). ECC cap: {}.\n",
        text(&record["market_bonus"]),
        text(&record["daily"]["bonus_ratio"]),
        text(&record["daily"]["ecc_cap"])
    );

    let start: Instant = text(&record["window"]["start"]).parse()?;
    let top = sql::top_rows(&app.database, Kind::Daily, &sql_time(start), 10).await?;
    let rows = top
        .iter()
        .map(|row| vec![row.position.to_string(), row.partner_id.to_string(), row.amount.to_string()]);
    say!("{}\n", output::table(&["position", "partner", "CC of the day"], 0, rows.collect()));
    conservation(app).await
}

async fn conservation(app: &App) -> anyhow::Result<()> {
    let totals = app.store.totals().await?;
    totals.check().map_err(|what| anyhow!(what))?;
    say!(
        "Conservation: {} contributed = {} paid hourly + {} paid daily + {} still held. Not a unit is missing.",
        totals.contributed,
        totals.hourly_paid,
        totals.daily_paid,
        totals.held()?
    );
    let (queued, amount) = app.store.queue_length().await?;
    say!("Special partners: {queued} transfers worth {amount} CC are queued; no remote is configured.");
    Ok(())
}
