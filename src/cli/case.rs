//! `rewardd case`

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Exit;
use super::decided::{Decided, Matter};
use super::output::{say, table};
use crate::app::{self, Records};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::errors::chain;
use crate::people::Role;
use crate::report::{CasePage, case_decision, case_page, case_record, thousandths, what_is_decided};
use crate::rewards::window::{Calendar, show};
use crate::store::sql::SqlStore;
use crate::store::{Ballots, Case, CaseDecided, CaseState, CaseVerdict, Cases, Store, Subject};

/// Cases that one look for the list reads.
const PAGE: u32 = 500;

/// Look at partners whose days are out of the ordinary, and decide about them.
///
/// After each paid day every partner is measured by `[[suspicions]]`. Who is past a stage becomes a case, one for a partner
/// and suspicion. Nothing is kept back by it until a person says so:
///
///   rewardd case list                                                     what waits for a decision
///   rewardd case show 12                                                  all that one needs to decide
///   rewardd case dismiss 12 --as mara --note "a school class"             all is well, up to this stage
///   rewardd case confirm 12 --hold --as mara --note "the same script"     its next windows are set aside
///   rewardd case close 12 --as mara --note "account closed"               a confirmed case is over
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(super) enum Command {
    /// List cases, the newest first.
    List(List),
    /// Show a case: what is unusual, the partner's last days, its votes by hour, and what is at stake.
    Show(Show),
    /// It is as it looks. The case stands until it is closed, and no other is opened beside it.
    Confirm(Confirm),
    /// All is well: the partner is left alone by this suspicion up to the stage of the case.
    Dismiss(Decide),
    /// A confirmed case is over; the partner's windows are set aside no longer.
    Close(Decide),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    Open,
    Confirmed,
    Dismissed,
    Closed,
    All,
}

impl Which {
    const fn state(self) -> Option<CaseState> {
        match self {
            Self::Open => Some(CaseState::Open),
            Self::Confirmed => Some(CaseState::Confirmed),
            Self::Dismissed => Some(CaseState::Dismissed),
            Self::Closed => Some(CaseState::Closed),
            Self::All => None,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Which of them.
    #[arg(long, value_enum, default_value_t = Which::Open)]
    state: Which,
    /// How many at most.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The case's number.
    number: u64,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The case's number.
    number: u64,
    #[command(flatten)]
    decided: Decided,
}

#[derive(Debug, Args)]
pub(super) struct Confirm {
    #[command(flatten)]
    decide: Decide,
    /// Set the partner's later windows aside until the case is closed; everyone else is paid.
    #[arg(long)]
    hold: bool,
}

impl Command {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        match self {
            Self::List(list) => list.execute(&config).await,
            Self::Show(show) => show.execute(&config).await,
            Self::Confirm(Confirm { decide, hold }) => {
                decide.execute(&config, CaseVerdict::Confirm { hold }).await
            }
            Self::Dismiss(decide) => decide.execute(&config, CaseVerdict::Dismiss).await,
            Self::Close(decide) => decide.execute(&config, CaseVerdict::Close).await,
        }
    }
}

impl List {
    async fn execute(&self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let cases = self.cases(&records.stored).await?;
        records.database.close().await;
        if self.json {
            let cases: Vec<_> = cases.iter().map(case_record).collect();
            say!("{:#}", json!({ "cases": cases }));
            return Ok(Exit::Done);
        }
        if cases.is_empty() {
            say!("There is no such case.");
            return Ok(Exit::Done);
        }
        let row = |case: &Case| {
            vec![
                case.number.to_string(),
                case.state.name().to_owned(),
                case.suspicion.clone(),
                case.day.to_string(),
                case.partner_id.to_string(),
                case.stage.to_string(),
                thousandths(case.score),
            ]
        };
        let header = ["case", "state", "suspicion", "day", "partner", "stage", "score"];
        say!("{}", table(&header, 4, cases.iter().map(row).collect()));
        Ok(Exit::Done)
    }

    async fn cases(&self, stored: &SqlStore) -> anyhow::Result<Vec<Case>> {
        let (mut cases, mut before) = (vec![], u64::MAX);
        let limit = self.limit as usize;
        while cases.len() < limit {
            let page = PAGE.min((limit - cases.len()) as u32);
            let found = stored.cases_before(self.state.state(), before, page).await?;
            let Some(last) = found.last() else { break };
            before = last.number;
            cases.extend(found);
        }
        Ok(cases)
    }
}

impl Show {
    async fn execute(&self, config: &Config) -> anyhow::Result<Exit> {
        let records = Records::open(config).await?;
        let Some(case) = records.stored.case(self.number).await? else { return Ok(missing(self.number)) };
        // A case can be looked at while the votes are out of reach.
        let source = app::open_source(config, &records.database).await;
        let source =
            source.inspect_err(|error| eprintln!("warning: without votes: {}", chain(error.as_ref())));
        let source = source.ok();
        let ballots = source.as_ref().map(|source| source as &dyn Ballots);
        let calendar = Calendar::new(config.programme.timezone);
        let page = case_page(&records.stored, ballots, (&calendar, &config.suspicions), case).await?;
        if self.json {
            say!("{:#}", page.record());
        } else {
            print(&page);
        }
        Ok(Exit::Done)
    }
}

fn missing(number: u64) -> Exit {
    eprintln!("error: there is no case {number}; `rewardd case list --state all`");
    Exit::Usage
}

fn print(page: &CasePage) {
    let Case { number, partner_id, suspicion, day, stage, state, .. } = &page.case;
    say!("Case {number}: partner {partner_id}, {suspicion}, stage {stage}, {}", state.name());
    say!("Opened at {}, last raised by {day}", show(page.case.opened_at));
    for line in page.why() {
        say!("  {line}");
    }
    if let Some(stages) = &page.stages {
        let stages: Vec<String> = stages.iter().map(ToString::to_string).collect();
        say!("  stages: {}", stages.join(", "));
    }
    say!("At stake: {} CC for {day}", page.stake);
    if let Some(watched) = &page.watched {
        say!("Windows of this partner are set aside since {}", show(watched.since));
    }
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rows = page.days.iter().map(|day| {
        vec![
            day.day.to_string(),
            or_dash(day.position.map(|position| position.to_string())),
            or_dash(day.votes.map(|votes| votes.to_string())),
            day.hourly.to_string(),
            day.daily.to_string(),
        ]
    });
    say!("\n{}", table(&["day", "position", "votes", "hourly CC", "daily CC"], 1, rows.collect()));
    if let Some(hours) = &page.hours {
        let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
        say!("\nVotes by hour of {day}: {}", hours.join(" "));
    }
    for row in &page.decisions {
        say!("\n{} by {} at {}: {}", row.verdict, row.decided_by, row.decided_at, row.note);
    }
}

impl Decide {
    async fn execute(&self, config: &Config, verdict: CaseVerdict) -> anyhow::Result<Exit> {
        let (database, stored) = app::open_notices(config).await?;
        let decided = self.decide(&stored, config, verdict).await;
        database.close().await;
        decided
    }

    async fn decide(&self, stored: &SqlStore, config: &Config, verdict: CaseVerdict) -> anyhow::Result<Exit> {
        let programme = stored.programme().await?.context("nothing was paid yet, so there is no case")?;
        let Some(case) = stored.case(self.number).await? else { return Ok(missing(self.number)) };
        let scope = format!("{} {}", programme.timezone, programme.start);
        let matter = Matter {
            scope: &scope,
            subject: &Subject::Case(case.number),
            verdict: verdict.name(),
            what: what_is_decided(&case, verdict),
        };
        let decider = match self.decided.by(&config.people, Role::Reviewer, matter)? {
            Ok(decider) => decider,
            Err(why) => {
                eprintln!("error: {why}");
                return Ok(Exit::Failed);
            }
        };
        let signed = decider.signed.map(serde_json::to_value).transpose()?;
        let signed = signed.map(|signed| (scope.as_str(), signed));
        let by = (decider.name.as_str(), self.decided.note.as_str());
        let decision = case_decision(&case, verdict, by, signed, SystemClock.now());
        Ok(match stored.decide_case(case.number, verdict, &decision).await? {
            CaseDecided::Done(number) => {
                say!(
                    "Case {} is {} (decision {number}).{}",
                    case.number,
                    verdict.name(),
                    effect(&case, verdict)
                );
                Exit::Done
            }
            CaseDecided::Is(state) => {
                eprintln!(
                    "error: case {} is {}; this takes one that is {}",
                    case.number,
                    state.name(),
                    verdict.before().name()
                );
                Exit::Usage
            }
            CaseDecided::Missing => missing(case.number),
        })
    }
}

fn effect(case: &Case, verdict: CaseVerdict) -> String {
    let partner = case.partner_id;
    match verdict {
        CaseVerdict::Confirm { hold: true } => {
            format!(" What partner {partner} gets from now on is set aside until the case is closed.")
        }
        CaseVerdict::Confirm { hold: false } => String::new(),
        CaseVerdict::Dismiss => {
            format!(" {} leaves partner {partner} alone up to stage {}.", case.suspicion, case.stage)
        }
        CaseVerdict::Close => format!(" Partner {partner} is paid as everyone else from now on."),
    }
}
