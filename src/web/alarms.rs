//! What alarms have found: over time, by alarm, and one by one.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::chart::Bars;
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, pager, sheet};
use super::tables::{Cell, Row, Table, Tone, number, text};
use super::texts::fill;
use super::windows::{kind_cell, window_path};
use crate::rewards::alarms::Action;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, show as show_instant};
use crate::store::{AlarmCount, AlarmFilter, AlarmPlace, RaisedAlarm};

/// Rows of a page.
const ROWS: u32 = 50;
/// Days of the charts.
const DAYS: u64 = 14;
/// Alarms that have a bar of their own; those that were raised most.
const BARS: usize = 12;

pub async fn show(ctx: Ctx) -> Outcome {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let store = ctx.view()?.store.as_ref();
    let filter = AlarmFilter {
        alarm: ctx.params.get("alarm").map(str::to_owned),
        partner_id: ctx.param("partner")?,
        window: window(&ctx)?,
    };
    let before = place(&ctx)?;
    let mut alarms = store.alarms_before(&filter, before, ROWS + 1).await?;
    let has_more = alarms.len() > ROWS as usize;
    alarms.truncate(ROWS as usize);
    let older = alarms.last().filter(|_| has_more).map(|last| {
        let place = format!("{},{},{}", show_instant(last.start), last.kind.name(), last.number);
        ctx.here(&[("before", Some(&place))])
    });
    let today = ctx.calendar.date_of(ctx.now);
    let first = today - Days::new(DAYS - 1);
    let counts = store.alarm_counts(ctx.calendar.day(first).start).await?;
    let (table, by_alarm) = (table(&ctx, &alarms), by_alarm_table(&ctx, &counts));
    if let Some(answer) = ctx.export(&[&table, &by_alarm], older.as_deref())? {
        return Ok(answer);
    }
    let newer = before.is_some().then(|| (texts.newest, ctx.here(&[("before", None)])));
    let pages = pager(&ctx, deciding.alarms, newer, older.map(|href| (texts.older, href)));
    let none = html! {};
    let body = html! {
        div.columns {
            section.panel { (over_time(&ctx, &counts, first, today).html(ctx.lang)) }
            section.panel { (by_alarm_chart(&ctx, &counts).html(ctx.lang)) }
        }
        (filter_form(&ctx, &filter, &counts))
        (sheet(&ctx, &table, &pages))
        details.data { summary { (deciding.by_alarm) } (sheet(&ctx, &by_alarm, &none)) }
    };
    Ok(Answer::Page(Page { section: Section::Alarms, title: deciding.alarms.to_owned(), body }))
}

/// `hourly,2026-11-21T12:00:00Z`
fn window(ctx: &Ctx) -> Result<Option<(Kind, Instant)>, Failure> {
    let Some(text) = ctx.params.get("window") else { return Ok(None) };
    parse_window(text).map(Some).ok_or_else(|| ctx.bad(text))
}

/// A window as parameters and forms name it: its kind and its start.
pub fn parse_window(text: &str) -> Option<(Kind, Instant)> {
    let (kind, start) = text.split_once(',')?;
    Some((Kind::named(kind)?, start.parse().ok()?))
}

/// A window as [`parse_window`] reads it.
pub fn window_name(kind: Kind, start: Instant) -> String {
    format!("{},{}", kind.name(), show_instant(start))
}

fn place(ctx: &Ctx) -> Result<Option<AlarmPlace>, Failure> {
    let Some(text) = ctx.params.get("before") else { return Ok(None) };
    let parsed = || {
        let mut parts = text.splitn(3, ',');
        let start = parts.next()?.parse().ok()?;
        let kind = Kind::named(parts.next()?)?;
        Some(AlarmPlace { start, kind, number: parts.next()?.parse().ok()? })
    };
    parsed().map(Some).ok_or_else(|| ctx.bad(text))
}

fn filter_form(ctx: &Ctx, filter: &AlarmFilter, counts: &[AlarmCount]) -> Markup {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let mut names: Vec<&str> = counts.iter().map(|count| count.alarm.as_str()).collect();
    names.extend(filter.alarm.as_deref());
    names.sort_unstable();
    names.dedup();
    let partner = filter.partner_id.map(|id| id.to_string());
    html! {
        form.filter method="get" action="/alarms" {
            div.field {
                label for="alarm" { (deciding.alarm) }
                select #alarm name="alarm" {
                    option value="" { (deciding.any) }
                    @for name in names { option value=(name) selected[filter.alarm.as_deref() == Some(name)] { (name) } }
                }
            }
            div.field {
                label for="partner" { (texts.partner_id) }
                input #partner name="partner" inputmode="numeric" maxlength="20" value=[partner];
            }
            @if let Some((kind, start)) = filter.window {
                input type="hidden" name="window" value=(window_name(kind, start));
            }
            button type="submit" { (texts.show) }
            @if *filter != AlarmFilter::default() { a.button href="/alarms" { (deciding.all_alarms) } }
        }
    }
}

/// The name of a window, which leads to its page.
pub fn window_cell(ctx: &Ctx, kind: Kind, start: Instant) -> Cell {
    let window = ctx.calendar.window_at(kind, start);
    let name = format::window(&window, &ctx.calendar, ctx.lang);
    let plain = match kind {
        Kind::Daily => Cell::Text(window.day.to_string()),
        Kind::Hourly => Cell::Time(start),
    };
    Cell::link(window_path(kind, window.day, start), Cell::Named(name, Box::new(plain)))
}

/// What became of an alarm's partner or window, as people and programs read it.
fn action_cell(ctx: &Ctx, action: Action) -> Cell {
    let deciding = ctx.deciding;
    let (tone, text) = match action {
        Action::Notify => (Tone::Plain, deciding.only_told),
        Action::HoldPartner => (Tone::Warn, deciding.partner_held),
        Action::HoldWindow => (Tone::Bad, deciding.window_held),
    };
    Cell::State(tone, text.to_owned(), action.name())
}

pub fn table(ctx: &Ctx, alarms: &[RaisedAlarm]) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let row = |raised: &RaisedAlarm| -> Row {
        vec![
            window_cell(ctx, raised.kind, raised.start),
            kind_cell(ctx.lang, raised.kind),
            Cell::link(format!("/alarms?alarm={}", raised.alarm), Cell::Text(raised.alarm.clone())),
            Cell::optional(raised.partner_id, |id| Cell::link(format!("/partners/{id}"), Cell::Id(id))),
            Cell::Text(raised.figure.clone()),
            Cell::Text(raised.limit.clone()),
            Cell::Amount(raised.stake),
            action_cell(ctx, raised.action),
            Cell::Time(raised.raised_at),
        ]
        .into()
    };
    Table {
        name: "alarms",
        caption: deciding.alarms.to_owned(),
        columns: vec![
            text("window", texts.window),
            text("kind", texts.kind),
            text("alarm", deciding.alarm),
            number("partner_id", texts.partner),
            text("figure", deciding.found).wrapping(),
            text("limit", deciding.allowed).wrapping(),
            number("stake_cc", deciding.at_stake),
            text("action", deciding.action),
            text("raised_at", deciding.raised_at),
        ],
        rows: alarms.iter().map(row).collect(),
        empty: deciding.no_alarms,
    }
}

/// How often each alarm was raised, those of hours and of days apart; the loudest first.
fn by_alarm(counts: &[AlarmCount]) -> Vec<(&str, [u64; 2])> {
    let mut by_alarm: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for count in counts {
        by_alarm.entry(&count.alarm).or_default()[usize::from(count.kind == Kind::Daily)] += count.alarms;
    }
    let mut by_alarm: Vec<_> = by_alarm.into_iter().collect();
    by_alarm.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
    by_alarm
}

fn by_alarm_table(ctx: &Ctx, counts: &[AlarmCount]) -> Table {
    let row = |(alarm, [hourly, daily]): &(&str, [u64; 2])| -> Row {
        vec![Cell::Text((*alarm).to_owned()), Cell::Count(*hourly), Cell::Count(*daily)].into()
    };
    Table {
        name: "by_alarm",
        caption: fill(ctx.deciding.by_alarm_in, &[&DAYS.to_string()]),
        columns: vec![
            text("alarm", ctx.deciding.alarm),
            number("hourly", ctx.texts.hourly),
            number("daily", ctx.texts.daily),
        ],
        rows: by_alarm(counts).iter().map(row).collect(),
        empty: ctx.deciding.no_alarms,
    }
}

fn by_alarm_chart(ctx: &Ctx, counts: &[AlarmCount]) -> Bars {
    let bar = |(alarm, counts): (&str, [u64; 2])| (alarm.to_owned(), counts.map(whole).to_vec());
    Bars {
        title: fill(ctx.deciding.by_alarm_in, &[&DAYS.to_string()]),
        legend: vec![ctx.texts.hourly, ctx.texts.daily],
        bars: by_alarm(counts).into_iter().take(BARS).map(bar).collect(),
    }
}

fn over_time(ctx: &Ctx, counts: &[AlarmCount], first: NaiveDate, last: NaiveDate) -> Bars {
    let mut by_day: BTreeMap<NaiveDate, [u64; 2]> =
        first.iter_days().take_while(|day| *day <= last).map(|day| (day, [0; 2])).collect();
    for count in counts {
        if let Some(day) = by_day.get_mut(&ctx.calendar.date_of(count.start)) {
            day[usize::from(count.kind == Kind::Daily)] += count.alarms;
        }
    }
    let bar = |(day, counts): (NaiveDate, [u64; 2])| {
        use chrono::Datelike;
        (day.day().to_string(), counts.map(whole).to_vec())
    };
    Bars {
        title: fill(ctx.deciding.over_time, &[&DAYS.to_string()]),
        legend: vec![ctx.texts.hourly, ctx.texts.daily],
        bars: by_day.into_iter().map(bar).collect(),
    }
}

/// A count as charts draw it.
fn whole(count: u64) -> Units {
    Units::new(i128::from(count) * Units::ONE.count()).unwrap_or(Units::ZERO)
}
