//! How the process does, as it is known without a database.

use maud::{Markup, html};

use super::context::Ctx;
use super::format;
use super::layout::facts;
use super::texts::fill;
use crate::ops::state_file::{Activity, ProcessState};

/// For a page that the database had no answer for.
pub fn panel(ctx: &Ctx) -> Markup {
    let texts = ctx.texts;
    let process = ctx.site.desk.process();
    html! {
        section.panel {
            h2 { (texts.health) }
            (facts(&process_facts(ctx, &process)))
            @for waiting in &process.waiting { p.alarm.bad { (waiting) } }
            @if let Some(error) = &process.last_error {
                p.alarm.bad { (format::time(error.at, &ctx.calendar, ctx.lang)) " " (error.error) }
            }
        }
    }
}

/// What it does, since when, and where.
pub fn process_facts(ctx: &Ctx, process: &ProcessState) -> Vec<(&'static str, Markup)> {
    let texts = ctx.texts;
    vec![
        (texts.activity, html! { (activity(ctx, &process.activity)) }),
        (texts.started, format::time(process.started_at, &ctx.calendar, ctx.lang)),
        (texts.process, html! { (process.host) " · pid " (process.pid) }),
        (texts.version, html! { (process.version) }),
    ]
}

fn activity(ctx: &Ctx, activity: &Activity) -> String {
    let texts = ctx.texts;
    match activity {
        Activity::Starting => texts.starting.to_owned(),
        Activity::Idle => texts.idle.to_owned(),
        Activity::Running { window, .. } => fill(texts.running, &[window]),
        Activity::Stopping => texts.stopping.to_owned(),
        Activity::Stopped => texts.stopped.to_owned(),
    }
}
