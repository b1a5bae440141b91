//! The report of a paid day, as a page of its own or as a file.

use chrono::NaiveDate;

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::windows::is_in_calendar;
use crate::errors::chain;
use crate::report::{self, ReportError};

/// Reports that may wait for one that is being made: each reads all rows of a day.
pub const PLACES: usize = 4;

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::Record(error) => Self::Broken(chain(&error)),
            _ => Self::NotFound,
        }
    }
}

/// Where the report of a day lies.
pub fn report_path(day: NaiveDate, form: &str) -> String {
    format!("/report/daily/{day}.{form}")
}

pub async fn show(ctx: Ctx) -> Outcome {
    let (day, form) = ctx.part("file").rsplit_once('.').ok_or(Failure::NotFound)?;
    let day = day.parse::<NaiveDate>().ok().filter(|day| is_in_calendar(*day)).ok_or(Failure::NotFound)?;
    if !["html", "csv"].contains(&form) {
        return Err(Failure::NotFound);
    }
    let store = ctx.view()?.store.as_ref();
    let _turn = ctx.site.reports.enter().await?;
    let daily = report::gather(store, &ctx.calendar, day, ctx.now).await?;
    Ok(match form {
        "csv" => Answer::Csv { name: format!("report-{day}"), text: report::csv(&daily).into_bytes() },
        _ => Answer::Document(report::html(&daily)),
    })
}
