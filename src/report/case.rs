//! A case as a person needs it to decide: what was unusual, the partner's last windows, and what is at stake.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::audit::DecisionRow;
use crate::rewards::money::Units;
use crate::rewards::suspicions::Suspicion;
use crate::rewards::window::{Calendar, Instant, Kind, Window, show};
use crate::store::{Ballots, Case, CaseVerdict, Decision, Result, RewardsDatabase, Subject, WatchedPartner};

/// Days that are shown: the case's own, and those before.
const DAYS: Days = Days::new(7);

/// The form of the record; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// See the module.
#[derive(Clone, Debug)]
pub struct CasePage {
    pub case: Case,
    /// As configured now; none where it is not any more.
    pub stages: Option<Vec<Units>>,
    /// The last days, newest first.
    pub days: Vec<DayOfPartner>,
    /// Votes in each hour of the case's day; none where they cannot be read.
    pub hours: Option<Vec<u64>>,
    /// What the partner's rewards of the case's day come to.
    pub stake: Units,
    pub watched: Option<WatchedPartner>,
    pub decisions: Vec<DecisionRow>,
}

/// One day of the partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOfPartner {
    pub day: NaiveDate,
    /// None where the partner had no vote, or the day is not paid.
    pub position: Option<u32>,
    /// None where votes cannot be read.
    pub votes: Option<u64>,
    /// CC of the day's hours.
    pub hourly: Units,
    /// CC of the day itself.
    pub daily: Units,
}

/// Gathers it. Votes are read where there is a source; what it cannot give is left out.
///
/// # Errors
/// What the rewards' database says.
pub async fn case_page(
    store: &dyn RewardsDatabase,
    ballots: Option<&dyn Ballots>,
    (calendar, suspicions): (&Calendar, &[Suspicion]),
    case: Case,
) -> Result<CasePage> {
    let first = case.day - DAYS;
    let dates: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= case.day).collect();
    let mut days = days(store, calendar, case.partner_id, &dates).await?;
    let windows: Vec<Window> = dates.iter().map(|day| calendar.day(*day)).collect();
    let hours = votes(ballots, case.partner_id, &calendar.hours(case.day)).await;
    if let Some(votes) = votes(ballots, case.partner_id, &windows).await {
        days.iter_mut().zip(votes).for_each(|(day, votes)| day.votes = Some(votes));
    }
    let stake = days.last().map_or(Units::ZERO, |day| day.hourly + day.daily);
    days.reverse();
    let watchlist = store.watchlist().await?;
    Ok(CasePage {
        stages: suspicions.iter().find(|one| one.name == case.suspicion).map(|one| one.stages.clone()),
        days,
        hours,
        stake,
        watched: watchlist.into_iter().find(|watched| watched.case == case.number),
        decisions: store.decisions_about(&Subject::Case(case.number)).await?,
        case,
    })
}

async fn votes(ballots: Option<&dyn Ballots>, partner_id: i64, windows: &[Window]) -> Option<Vec<u64>> {
    ballots?.votes_of(partner_id, windows).await.ok()
}

async fn days(
    store: &dyn RewardsDatabase,
    calendar: &Calendar,
    partner_id: i64,
    dates: &[NaiveDate],
) -> Result<Vec<DayOfPartner>> {
    let empty = |day: &NaiveDate| {
        (
            *day,
            DayOfPartner { day: *day, position: None, votes: None, hourly: Units::ZERO, daily: Units::ZERO },
        )
    };
    let mut days: BTreeMap<NaiveDate, DayOfPartner> = dates.iter().map(empty).collect();
    let starts: Vec<Instant> = dates.iter().map(|day| calendar.midnight(*day)).collect();
    for row in store.partner_rows(Kind::Daily, partner_id, &starts).await? {
        if let Some(day) = days.get_mut(&calendar.date_of(row.start)) {
            day.position = Some(row.position);
            day.daily = row.amounts.iter().copied().sum();
        }
    }
    let hours: Vec<Instant> =
        dates.iter().flat_map(|day| calendar.hours(*day)).map(|hour| hour.start).collect();
    for row in store.partner_rows(Kind::Hourly, partner_id, &hours).await? {
        if let Some(day) = days.get_mut(&calendar.date_of(row.start)) {
            day.hourly = day.hourly + row.amounts.iter().copied().sum();
        }
    }
    Ok(days.into_values().collect())
}

/// What a person signs: exactly what is decided about whom.
#[must_use]
pub fn what_is_decided(case: &Case, verdict: CaseVerdict) -> String {
    let hold = if verdict == (CaseVerdict::Confirm { hold: true }) { ", and hold the partner" } else { "" };
    format!("partner {}, {}, stage {}{hold}", case.partner_id, case.suspicion, case.stage)
}

/// A decision about a case. `signed` is what shows who has made it, where people are configured.
#[must_use]
pub fn case_decision(
    case: &Case,
    verdict: CaseVerdict,
    (by, note): (&str, &str),
    signed: Option<(&str, Value)>,
    at: Instant,
) -> Decision {
    let mut detail = json!({
        "partner": case.partner_id,
        "suspicion": case.suspicion,
        "day": case.day.to_string(),
        "stage": case.stage,
        "score": case.score,
        "hold": verdict == (CaseVerdict::Confirm { hold: true }),
    });
    if let Some((scope, signed)) = signed {
        detail["scope"] = scope.into();
        detail["signed"] = signed;
    }
    Decision {
        subject: Subject::Case(case.number),
        verdict: verdict.name(),
        by: by.to_owned(),
        at,
        note: note.to_owned(),
        detail,
    }
}

/// A case, for programs.
#[must_use]
pub fn case_record(case: &Case) -> Value {
    json!({
        "number": case.number,
        "partner": case.partner_id,
        "suspicion": case.suspicion,
        "day": case.day.to_string(),
        "stage": case.stage,
        "score": thousandths(case.score),
        "state": case.state.name(),
        "opened_at": show(case.opened_at),
        "detail": case.detail,
    })
}

impl CasePage {
    /// The whole page, for programs.
    #[must_use]
    pub fn record(&self) -> Value {
        let day = |day: &DayOfPartner| {
            json!({
                "day": day.day.to_string(),
                "position": day.position,
                "votes": day.votes,
                "hourly": day.hourly.to_string(),
                "daily": day.daily.to_string(),
            })
        };
        let decision = |row: &DecisionRow| {
            json!({
                "number": row.number,
                "verdict": row.verdict,
                "by": row.decided_by,
                "at": row.decided_at,
                "note": row.note,
            })
        };
        let stages = self.stages.as_ref();
        json!({
            "record_version": RECORD_VERSION,
            "case": case_record(&self.case),
            "stages": stages.map(|stages| stages.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "stake": self.stake.to_string(),
            "days": self.days.iter().map(day).collect::<Vec<_>>(),
            "votes_by_hour": self.hours,
            "held_since": self.watched.as_ref().map(|watched| show(watched.since)),
            "decisions": self.decisions.iter().map(decision).collect::<Vec<_>>(),
        })
    }

    /// What was unusual, in sentences.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        let Case { detail, score, .. } = &self.case;
        let measure = detail["measure"].as_str().unwrap_or_default();
        let figure = |value: &Value| words(measure, value.as_i64().unwrap_or_default());
        let compared = |with: &Value| (figure(&with["median"]), with["count"].as_u64().unwrap_or_default());
        let past = |with: &Value| thousandths(with["score"].as_i64().unwrap_or_default());
        let mut lines = vec![format!("{}: score {}", figure(&detail["figure"]), thousandths(*score))];
        let (median, count) = compared(&detail["crowd"]);
        let crowd = match measure {
            "position_jump" => "their usual positions",
            _ => "theirs",
        };
        lines.push(format!(
            "of {count} partners, the median of {crowd} is {median}: {}",
            past(&detail["crowd"])
        ));
        if detail["own"].is_object() {
            let (median, count) = compared(&detail["own"]);
            lines.push(format!(
                "on {count} days of its own, the median is {median}: {}",
                past(&detail["own"])
            ));
        } else if !["regularity", "cohort"].contains(&measure) {
            lines.push("it has too few days of its own to be compared with".to_owned());
        }
        lines
    }
}

/// A figure of a measure, as people read it.
fn words(measure: &str, figure: i64) -> String {
    match measure {
        "votes" => format!("{figure} votes"),
        "ecc_per_vote" => format!("{} ECC a vote", Units::from_i64(figure)),
        "regularity" => format!("regularity {}", thousandths(figure)),
        "night" => format!("{figure} votes before 06:00"),
        "position_jump" => format!("position {figure}"),
        "cohort" => format!("{} doublings more partners with such a day than by chance", thousandths(figure)),
        _ => figure.to_string(),
    }
}

/// A number of thousandths as a decimal: `4.250`.
#[must_use]
pub fn thousandths(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let number = number.unsigned_abs();
    format!("{sign}{}.{:03}", number / 1000, number % 1000)
}
