//! The overview: is all well, what was paid, what comes next.

use std::time::Duration;

use chrono::TimeDelta;
use maud::{Markup, html};

use super::answer::{Answer, Outcome};
use super::chart::Bars;
use super::context::Ctx;
use super::format;
use super::health::process_facts;
use super::layout::{Page, Section, card, facts, sheet};
use super::site::{Took, View};
use super::tables::{Cell, Table, Tone, number, state, text};
use super::texts::{Lang, fill};
use super::windows::{WindowRow, kind_cell, window_rows};
use crate::ops::state_file::ProcessState;
use crate::rewards::money::Units;
use crate::rewards::pool::{Books, Settlement};
use crate::rewards::window::{Instant, Window};
use crate::store::{Lease, Queue, Result as StoreResult, Totals};

/// Runs that are looked at for what was paid today: more than a catch-up of three days takes.
const RECENT_RUNS: u32 = 200;
/// Runs that are listed.
const LISTED_RUNS: usize = 12;
/// An error older than this is no alarm any more, where all jobs have succeeded since.
const ERROR_MEMORY: TimeDelta = TimeDelta::days(1);

/// All that the page shows, read at once.
struct Figures {
    process: ProcessState,
    today: Window,
    books: Books,
    totals: Totals,
    queue: Queue,
    lease: Lease,
    /// Newest first.
    runs: Vec<WindowRow>,
    paid_today: Paid,
    paid_this_hour: Paid,
}

/// What some runs have paid together.
struct Paid {
    since: Instant,
    runs: u64,
    amount: Units,
}

impl Paid {
    fn since(since: Instant, runs: &[WindowRow]) -> Self {
        let runs: Vec<&WindowRow> = runs.iter().filter(|row| row.run.committed_at >= since).collect();
        Self { since, runs: runs.len() as u64, amount: runs.iter().map(|row| row.paid()).sum() }
    }
}

async fn figures(ctx: &Ctx, view: &View) -> StoreResult<Figures> {
    let store = view.store.as_ref();
    let today = ctx.calendar.day(ctx.calendar.date_of(ctx.now));
    let hour = ctx.calendar.window_at(crate::rewards::window::Kind::Hourly, ctx.now);
    let books = store.books(&today, ctx.calendar.day_after(today.day)).await?;
    let (totals, queue, lease) = (store.totals().await?, store.queue().await?, store.lease().await?);
    let runs = window_rows(store, store.runs_before(u64::MAX, RECENT_RUNS).await?).await?;
    let (paid_today, paid_this_hour) = (Paid::since(today.start, &runs), Paid::since(hour.start, &runs));
    let process = ctx.site.desk.process();
    Ok(Figures { process, today, books, totals, queue, lease, runs, paid_today, paid_this_hour })
}

pub async fn show(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let figures = figures(&ctx, ctx.view()?).await?;
    let (ticks, books, pool) =
        (ticks(&ctx, &figures), books(&ctx, &figures.totals), pool_table(&ctx, &figures));
    let runs = runs(&ctx, &figures);
    if let Some(answer) = ctx.export(&[&runs, &ticks, &books, &pool], None)? {
        return Ok(answer);
    }
    let none = html! {};
    let body = html! {
        (refresh(&ctx))
        (alarms(&ctx, &figures))
        (cards(&ctx, &figures))
        div.columns {
            div.broad { (pool_chart(&ctx, &figures)) (sheet(&ctx, &runs, &none)) }
            div.side { (health(&ctx, &figures)) (sheet(&ctx, &ticks, &none)) (sheet(&ctx, &books, &none)) }
        }
        details.data { summary { (texts.pool_chart) } (sheet(&ctx, &pool, &none)) }
    };
    Ok(Answer::Page(Page { section: Section::Overview, title: texts.overview.to_owned(), body }))
}

/// Loading the page again and again is for the visitor to switch on, and off.
fn refresh(ctx: &Ctx) -> Markup {
    let is_on = ctx.params.get("refresh").is_some();
    let (href, name) = match is_on {
        true => (ctx.here(&[("refresh", None)]), ctx.texts.refresh_off),
        false => (ctx.here(&[("refresh", Some("30"))]), ctx.texts.refresh_on),
    };
    html! { p.actions { a.button href=(href) { (name) } } }
}

/// Whether anything wants an operator's eye.
fn alarms(ctx: &Ctx, figures: &Figures) -> Markup {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let process = &figures.process;
    let difference = figures.totals.difference().ok().filter(|difference| !difference.is_zero());
    let error = process.last_error.as_ref().filter(|error| is_current(process, error.at, ctx.now));
    let waiting = figures.queue.oldest.map(|oldest| format::span(ctx.now - oldest, lang)).unwrap_or_default();
    let is_well = difference.is_none()
        && error.is_none()
        && process.waiting.is_empty()
        && figures.queue.failing == 0
        && !process.standby;
    html! {
        section.alarms aria-label=(texts.alarms) {
            @if is_well { p.well { (state(Tone::Good, texts.all_well)) } }
            @if let Some(difference) = difference {
                p.alarm.bad role="alert" { (fill(texts.alarm_books, &[&format::amount_text(difference, lang)])) }
            }
            @if !process.waiting.is_empty() {
                div.alarm.bad role="alert" {
                    p { strong { (texts.alarm_waiting) } }
                    ul { @for waiting in &process.waiting { li { (waiting) } } }
                }
            }
            @if let Some(error) = error {
                div.alarm.bad role="alert" {
                    p { strong { (fill(texts.alarm_error, &[&format::span(ctx.now - error.at, lang), job_name(ctx, &error.job)])) } }
                    p { (error.error) }
                }
            }
            @if figures.queue.failing > 0 {
                p.alarm.warn {
                    a href="/transfers" { (fill(texts.alarm_transfers, &[&format::count(figures.queue.failing, lang), &waiting])) }
                }
            }
            @if process.standby { p.alarm.warn { (texts.alarm_standby) } }
        }
    }
}

/// Whether an error has not been made good: its job has not succeeded since, and it is not long past.
fn is_current(process: &ProcessState, at: Instant, now: Instant) -> bool {
    let job = process.last_error.as_ref().map(|error| error.job.as_str()).unwrap_or_default();
    // A look at both kinds is named after both.
    let parts: Vec<&str> = job.split('+').collect();
    let is_mended =
        parts.iter().all(|job| process.last_success.get(*job).is_some_and(|success| *success > at));
    !is_mended && now - at < ERROR_MEMORY
}

fn job_name<'a>(ctx: &Ctx, job: &'a str) -> &'a str {
    match job {
        "hourly" => ctx.texts.job_hourly,
        "daily" => ctx.texts.job_daily,
        "transfers" => ctx.texts.job_transfers,
        other => other,
    }
}

fn cards(ctx: &Ctx, figures: &Figures) -> Markup {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let amount = |units| html! { (format::amount(units, lang)) span.unit { "CC" } };
    let (today, hour) = (&figures.paid_today, &figures.paid_this_hour);
    let pool = figures.books.pools.get(&figures.today.day).copied().unwrap_or_default();
    let held = figures.totals.held().unwrap_or_default();
    let clock = hour.since.with_timezone(&ctx.calendar.zone()).format("%H:%M").to_string();
    let hour_note = fill(texts.paid_this_hour_note, &[&format::count(hour.runs, lang), &clock]);
    let parts =
        [figures.totals.pools_held, figures.totals.hours_held].map(|part| format::amount_text(part, lang));
    html! {
        div.cards role="group" aria-label=(texts.figures) {
            (card(texts.paid_today, &amount(today.amount), &html! { (fill(texts.paid_today_note, &[&format::count(today.runs, lang)])) }))
            (card(texts.paid_this_hour, &amount(hour.amount), &html! { (hour_note) }))
            (card(texts.pool_today, &amount(pool), &html! { (texts.pool_today_note) }))
            (card(texts.held, &amount(held), &html! { (fill(texts.held_note, &[&parts[0], &parts[1]])) }))
            @if let Some(last) = figures.runs.iter().find(|row| !row.paid().is_zero()) {
                @let name = format::window(&ctx.calendar.window_at(last.run.kind, last.run.start), &ctx.calendar, lang);
                (card(texts.last_payment, &amount(last.paid()), &html! {
                    (fill(texts.last_payment_note, &[&name, &format::count(last.figures.voters, lang)]))
                }))
            }
            (card(texts.queued, &html! { (format::count(figures.queue.waiting, lang)) }, &html! {
                (fill(texts.queued_note, &[&format::amount_text(figures.queue.amount, lang)]))
            }))
        }
    }
}

/// The settled hours of today, each with the pool as it stood after it, and what was there before the first.
fn growth(figures: &Figures) -> (Units, Vec<(&Settlement, Units)>) {
    let pool = figures.books.pools.get(&figures.today.day).copied().unwrap_or_default();
    let settled: Vec<&Settlement> = figures.books.settled.values().collect();
    let added: Units = settled.iter().map(|hour| hour.daily_share).sum();
    // What hours left undistributed has come to the pool as well, and is not said by hour.
    let carried = if pool >= added { pool - added } else { Units::ZERO };
    let mut stands = carried;
    let hours = settled.into_iter().map(|hour| {
        stands = stands + hour.daily_share;
        (hour, stands)
    });
    (carried, hours.collect())
}

fn pool_chart(ctx: &Ctx, figures: &Figures) -> Markup {
    let texts = ctx.texts;
    let (carried, hours) = growth(figures);
    let pool = figures.books.pools.get(&figures.today.day).copied().unwrap_or_default();
    let clock = |at: Instant| at.with_timezone(&ctx.calendar.zone()).format("%H").to_string();
    let bar = |hour: Window| {
        let settled = hours.iter().find(|(settled, _)| settled.hour_start == hour.start);
        let pile = settled.map(|(settled, stands)| vec![*stands - settled.daily_share, settled.daily_share]);
        (clock(hour.start), pile.unwrap_or_default())
    };
    let bars = ctx.calendar.hours(figures.today.day).into_iter().map(bar).collect();
    let chart = Bars {
        title: texts.pool_chart.to_owned(),
        legend: vec![texts.pool_so_far, texts.added_by_hour],
        bars,
    };
    let amounts = [pool, carried].map(|amount| format::amount_text(amount, ctx.lang));
    html! {
        section.panel {
            h2 { (texts.pool_today) }
            p.note { (fill(texts.pool_chart_text, &[&amounts[0], &amounts[1]])) }
            (chart.html(ctx.lang))
        }
    }
}

/// The chart as figures.
fn pool_table(ctx: &Ctx, figures: &Figures) -> Table {
    let texts = ctx.texts;
    let row = |(hour, stands): (&Settlement, Units)| {
        vec![Cell::Time(hour.hour_start), Cell::Amount(hour.daily_share), Cell::Amount(stands)].into()
    };
    Table {
        name: "pool",
        caption: texts.pool_chart.to_owned(),
        columns: vec![
            text("hour", texts.hour),
            number("added_cc", texts.added),
            number("pool_cc", texts.pool),
        ],
        rows: growth(figures).1.into_iter().map(row).collect(),
        empty: texts.nothing_yet,
    }
}

fn ticks(ctx: &Ctx, figures: &Figures) -> Table {
    let texts = ctx.texts;
    let process = &figures.process;
    let row = |job: &'static str| {
        let next = process.next_ticks.get(job).copied();
        let countdown = next.map(|next| match next <= ctx.now {
            true => texts.now.to_owned(),
            false => format::span(next - ctx.now, ctx.lang),
        });
        vec![
            Cell::Label(job_name(ctx, job).to_owned(), job),
            Cell::optional(next, Cell::Moment),
            Cell::optional(countdown, Cell::Text),
            Cell::optional(process.last_success.get(job).copied(), Cell::Moment),
        ]
        .into()
    };
    Table {
        name: "ticks",
        caption: texts.next_looks.to_owned(),
        columns: vec![
            text("job", texts.job),
            text("next", texts.next_tick),
            text("in", texts.countdown),
            text("last_success", texts.last_success),
        ],
        rows: ["hourly", "daily", "transfers"].into_iter().map(row).collect(),
        empty: texts.none,
    }
}

fn health(ctx: &Ctx, figures: &Figures) -> Markup {
    let texts = ctx.texts;
    let process = &figures.process;
    let ours = format!("{} pid {}", process.host, process.pid);
    let lease = match figures.lease.holder.as_str() {
        "" => state(Tone::Warn, texts.lease_free),
        holder if holder == ours => state(Tone::Good, texts.lease_held),
        holder => state(Tone::Plain, &fill(texts.lease_other, &[holder])),
    };
    let balances = figures.totals.difference().is_ok_and(|difference| difference.is_zero());
    let books = if balances { state(Tone::Good, texts.balances) } else { state(Tone::Bad, texts.difference) };
    let stored = [
        (texts.lease, lease),
        (texts.database, state(Tone::Good, texts.database_answers)),
        (texts.conservation, books),
    ];
    let items: Vec<_> = process_facts(ctx, process).into_iter().chain(stored).collect();
    html! {
        section.panel {
            h2 { (texts.health) }
            (facts(&items))
        }
    }
}

fn books(ctx: &Ctx, totals: &Totals) -> Table {
    let texts = ctx.texts;
    let row = |(name, key, amount): (&str, &'static str, Units)| {
        vec![Cell::Label(name.to_owned(), key), Cell::Amount(amount)].into()
    };
    let rows = [
        (texts.contributed, "contributed", totals.contributed),
        (texts.hourly_paid, "hourly_paid", totals.hourly_paid),
        (texts.daily_paid, "daily_paid", totals.daily_paid),
        (texts.pools_held, "pools_held", totals.pools_held),
        (texts.hours_held, "hours_held", totals.hours_held),
        (texts.difference, "difference", totals.difference().unwrap_or_default()),
        (texts.market_bonus_total, "market_bonus", totals.market_bonus),
    ];
    Table {
        name: "books",
        caption: texts.books.to_owned(),
        columns: vec![text("sum", texts.figure), number("amount_cc", texts.amount)],
        rows: rows.into_iter().map(row).collect(),
        empty: texts.none,
    }
}

fn runs(ctx: &Ctx, figures: &Figures) -> Table {
    let texts = ctx.texts;
    let row = |row: &WindowRow| {
        let window = ctx.calendar.window_at(row.run.kind, row.run.start);
        let took = ctx.site.desk.took(row.run.kind, row.run.start);
        vec![
            row.link(ctx),
            kind_cell(ctx.lang, row.run.kind),
            Cell::Amount(row.paid()),
            Cell::Count(row.figures.voters),
            Cell::Moment(row.run.committed_at),
            Cell::Text(format::span(row.run.committed_at - window.end, ctx.lang)),
            Cell::optional(took, |took| Cell::Text(span_text(took.total(), ctx.lang))),
            Cell::optional(took, |took| Cell::Text(phases_text(&took, ctx.lang))),
        ]
        .into()
    };
    Table {
        name: "runs",
        caption: texts.last_runs.to_owned(),
        columns: vec![
            text("window", texts.window),
            text("kind", texts.kind),
            number("paid_cc", texts.paid),
            number("voters", texts.voters),
            text("paid_at", texts.paid_at),
            text("after_end", texts.after_end),
            text("took", texts.took),
            text("phases", texts.phases),
        ],
        rows: figures.runs.iter().take(LISTED_RUNS).map(row).collect(),
        empty: texts.nothing_yet,
    }
}

/// Milliseconds where it was quick, as runs mostly are.
fn span_text(span: Duration, lang: Lang) -> String {
    match span.as_secs() {
        0..10 => {
            format!("{}\u{a0}ms", format::count(u64::try_from(span.as_millis()).unwrap_or(u64::MAX), lang))
        }
        _ => format::span(TimeDelta::from_std(span).unwrap_or_default(), lang),
    }
}

fn phases_text(took: &Took, lang: Lang) -> String {
    let millis = |phase: Duration| format::count(u64::try_from(phase.as_millis()).unwrap_or(u64::MAX), lang);
    let phases = [took.load, took.rank, took.allocate, took.commit].map(millis);
    format!("{}\u{a0}ms", phases.join(" · "))
}
