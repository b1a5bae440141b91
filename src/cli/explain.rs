//! `rewardd explain`

use chrono::{Datelike, NaiveDate};
use clap::Args;

use super::Exit;
use super::distribute::instant;
use crate::app::Records;
use crate::cli::output::say;
use crate::config::Config;
use crate::proof::explain::{Agreement, ExplanationRecord};
use crate::rewards::window::{Calendar, Instant, Kind, Window};

mod page;
mod words;

use page::page;

/// Explain what a partner was paid for an hour or a day, and why.
///
/// Votes by type, position and who stands next to it, each category with its part, members and rules, the unit that
/// rounding left over, the ECC cap, the market bonus: one page that adds up to what is stored. It is made from the votes
/// as they are now; where they have changed since the payment it says so. Reads only.
///
/// Exit codes: 0 what is stored agrees · 1 nothing to explain: no vote in that window, not yet paid, or before the
/// programme's start · 2 wrong arguments · 4 explained, but votes or rates have changed since the payment · 5 explained,
/// but what is stored is not what these votes come to · 69 a database cannot be opened.
#[derive(Debug, Args)]
#[command(after_help = "rewardd explain --partner 4711 --day 2026-11-19\n\
                        rewardd explain --partner 4711 --hour 2026-11-19T13:00:00Z --without-others")]
pub(super) struct Explain {
    /// The partner's id.
    #[arg(long, value_name = "ID", value_parser = partner, allow_negative_numbers = true)]
    partner: i64,
    #[command(flatten)]
    window: Chosen,
    /// Leave out other partners' ids and figures, for a page that is handed on.
    #[arg(long)]
    without_others: bool,
    /// Print the explanation as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// The hour that holds this instant, such as 2026-11-19T13:00:00Z.
    #[arg(long, value_name = "START", value_parser = instant)]
    hour: Option<Instant>,
    /// The day of this date, such as 2026-11-19.
    #[arg(long, value_name = "DAY", value_parser = date)]
    day: Option<NaiveDate>,
}

impl Chosen {
    fn window(&self, calendar: &Calendar) -> Window {
        match (self.hour, self.day) {
            (Some(hour), _) => calendar.window_at(Kind::Hourly, hour),
            (None, day) => calendar.day(day.expect("one of the two is required")),
        }
    }
}

/// A partner's id of the command line.
fn partner(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a partner's id is a whole number, such as 4711".to_owned())
}

/// A date of the command line.
pub(super) fn date(text: &str) -> Result<NaiveDate, String> {
    let parsed = text.parse().ok().filter(|date: &NaiveDate| (1..=9999).contains(&date.year()));
    parsed.ok_or_else(|| "write it as 2026-11-19".to_owned())
}

impl Explain {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let records = Records::open(&config).await?;
        let prover = records.prover(&config).await?;
        let explained = prover.explain(self.window.window(&prover.calendar), self.partner).await;
        records.database.close().await;
        let mut explanation = explained?;
        if self.without_others {
            explanation = explanation.without_others();
        }
        if self.json {
            say!("{}", ExplanationRecord::new(&explanation).json());
        } else {
            say!("{}", page(&explanation));
        }
        Ok(match explanation.agreement() {
            Agreement::Agrees => Exit::Done,
            Agreement::Drifted => Exit::Drift,
            Agreement::Differs => Exit::Mismatch,
        })
    }
}
