//! The search box: a partner's number, or a day.

use chrono::NaiveDate;

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::windows::is_in_calendar;

pub async fn go(ctx: Ctx) -> Outcome {
    let asked = ctx.params.get("q").unwrap_or_default();
    if let Ok(partner) = asked.parse::<i64>() {
        return Ok(Answer::Redirect(format!("/partners/{partner}")));
    }
    // As dates are written here, and as Hungarians write them.
    let plain = asked.replace(". ", "-").replace(['.', '/'], "-");
    match plain.trim_end_matches('-').parse::<NaiveDate>() {
        Ok(day) if is_in_calendar(day) => Ok(Answer::Redirect(format!("/windows/day/{day}"))),
        _ => Err(Failure::BadRequest(ctx.texts.bad_search.to_owned())),
    }
}
