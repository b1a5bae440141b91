//! One partner's rewards day by day, and nobody else's.

use chrono::{Days, NaiveDate};
use maud::html;
use std::collections::BTreeMap;

use super::answer::{Answer, Failure, Outcome};
use super::chart::Bars;
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, card, pager, sheet};
use super::tables::{Cell, Row, Table, number, text};
use super::texts::fill;
use super::window::explanation_path;
use super::windows::is_in_calendar;
use crate::errors::chain;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};
use crate::store::{PROBES, Pages, RewardRow};

/// Days of a page.
const DAYS: u64 = 30;
/// Days without any reward that are looked through for the last one with some.
const FARTHEST: u64 = 4000;

/// A partner's day.
#[derive(Clone, Debug, Default)]
struct Day {
    daily: Option<RewardRow>,
    hours: u64,
    hourly: Units,
    /// None where they were not counted.
    votes: Option<u64>,
}

impl Day {
    const fn has_rows(&self) -> bool {
        self.daily.is_some() || self.hours > 0
    }

    /// From the pool, and the market bonus.
    fn daily_amounts(&self) -> (Units, Units) {
        let Some(row) = &self.daily else { return (Units::ZERO, Units::ZERO) };
        let (bonus, others) =
            row.amounts.split_last().map_or((Units::ZERO, &[][..]), |(bonus, others)| (*bonus, others));
        (others.iter().copied().sum(), bonus)
    }

    fn total(&self) -> Units {
        let (pool, bonus) = self.daily_amounts();
        self.hourly + pool + bonus
    }
}

/// The form that asks whose page is wanted.
pub async fn find(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    if let Some(id) = ctx.param::<i64>("id")? {
        return Ok(Answer::Redirect(format!("/partners/{id}")));
    }
    let body = html! {
        section.panel {
            p { (texts.partners_text) }
            form.filter method="get" action="/partners" {
                div.field {
                    label for="id" { (texts.partner_id) }
                    input #id name="id" inputmode="numeric" required maxlength="20";
                }
                button type="submit" { (texts.show) }
            }
        }
    };
    Ok(Answer::Page(Page { section: Section::Partners, title: texts.partners.to_owned(), body }))
}

pub async fn show(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let partner: i64 = ctx.part("id").parse().map_err(|_| Failure::NotFound)?;
    let store = ctx.view()?.store.as_ref();
    let today = ctx.calendar.date_of(ctx.now);
    let asked = ctx.param::<NaiveDate>("until")?;
    if let Some(asked) = asked.filter(|asked| !is_in_calendar(*asked)) {
        return Err(ctx.bad(&asked.to_string()));
    }
    let start = store.programme().await?.map(|programme| programme.start).ok_or(Failure::NotFound)?;
    let newest = last_day(&ctx, store, partner, start, today).await?.ok_or(Failure::NotFound)?;
    let until = asked.unwrap_or(newest).min(today);
    let from = until - Days::new(DAYS - 1);
    let mut days = days(&ctx, store, partner, from, until).await?;
    // Rows before the programme were carried over from another one: there is nothing to explain of them here.
    for (_, day) in days.range_mut(..start) {
        *day = Day::default();
    }
    let counts = ctx.params.get("votes") == Some("count");
    if counts {
        count_votes(&ctx, partner, &mut days).await?;
    }
    let table = table(&ctx, partner, &days);
    let older = (from > start).then(|| (from - Days::new(1)).to_string());
    let older = older.map(|until| ctx.here(&[("until", Some(&until))]));
    if let Some(answer) = ctx.export(&[&table], older.as_deref())? {
        return Ok(answer);
    }
    let newer =
        asked.filter(|asked| *asked < today).map(|asked| (asked + Days::new(DAYS)).min(today).to_string());
    let newer = newer.map(|until| (texts.newer, ctx.here(&[("until", Some(&until))])));
    let pages = pager(&ctx, texts.rewards_by_day, newer, older.map(|href| (texts.older, href)));
    let span = [from, until].map(|day| format::date(day, ctx.lang));
    let body = html! {
        (cards(&ctx, &days, &fill(texts.between, &[&span[0], &span[1]])))
        section.panel { (chart(&ctx, &days).html(ctx.lang)) }
        (sheet(&ctx, &table, &pages))
        @if !counts { p { a.button rel="nofollow" href=(ctx.here(&[("votes", Some("count"))])) { (texts.count_votes) } } }
    };
    let title = fill(texts.partner_title, &[&partner.to_string()]);
    Ok(Answer::Page(Page { section: Section::Partners, title, body }))
}

/// The last day of the programme on which the partner has a row. Who votes in an hour has a row of the day as well, but
/// that of the days that are not paid yet is still to come.
async fn last_day(
    ctx: &Ctx,
    store: &dyn Pages,
    partner: i64,
    start: NaiveDate,
    today: NaiveDate,
) -> Result<Option<NaiveDate>, Failure> {
    let recent = (0..4).filter_map(|back| today.checked_sub_days(Days::new(back)));
    let recent: Vec<NaiveDate> = recent.filter(|day| *day >= start).collect();
    let hours: Vec<Instant> =
        recent.iter().flat_map(|day| ctx.calendar.hours(*day)).map(|hour| hour.start).collect();
    let rows = store.partner_rows(Kind::Hourly, partner, &hours).await?;
    let newest = rows.last().map(|row| ctx.calendar.date_of(row.start));
    if newest.is_some() {
        return Ok(newest);
    }
    let back = u64::try_from((today - start).num_days()).unwrap_or(0).min(FARTHEST);
    let days: Vec<NaiveDate> =
        (0..=back).filter_map(|back| today.checked_sub_days(Days::new(back))).collect();
    for days in days.chunks(PROBES) {
        let starts: Vec<Instant> = days.iter().map(|day| ctx.calendar.midnight(*day)).collect();
        let rows = store.partner_rows(Kind::Daily, partner, &starts).await?;
        if let Some(row) = rows.last() {
            return Ok(Some(ctx.calendar.date_of(row.start)));
        }
    }
    Ok(None)
}

/// The days of a page, newest first, by one look for each window.
async fn days(
    ctx: &Ctx,
    store: &dyn Pages,
    partner: i64,
    from: NaiveDate,
    until: NaiveDate,
) -> Result<BTreeMap<NaiveDate, Day>, Failure> {
    let dates: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= until).collect();
    let mut days: BTreeMap<NaiveDate, Day> = dates.iter().map(|day| (*day, Day::default())).collect();
    let midnights: Vec<Instant> = dates.iter().map(|day| ctx.calendar.midnight(*day)).collect();
    for row in store.partner_rows(Kind::Daily, partner, &midnights).await? {
        let day = ctx.calendar.date_of(row.start);
        days.entry(day).or_default().daily = Some(row);
    }
    let hours: Vec<(Instant, NaiveDate)> =
        dates.iter().flat_map(|day| ctx.calendar.hours(*day)).map(|hour| (hour.start, hour.day)).collect();
    let of_hour: BTreeMap<Instant, NaiveDate> = hours.iter().copied().collect();
    for hours in hours.chunks(PROBES) {
        let starts: Vec<Instant> = hours.iter().map(|(start, _)| *start).collect();
        for row in store.partner_rows(Kind::Hourly, partner, &starts).await? {
            let Some(day) = of_hour.get(&row.start) else { continue };
            let day = days.entry(*day).or_default();
            day.hours += 1;
            day.hourly = day.hourly + row.amounts.iter().copied().sum();
        }
    }
    Ok(days)
}

/// Counts the votes of the days that have rewards. All votes of these days are passed over for it, so it is done where
/// it is asked for, and one at a time.
async fn count_votes(ctx: &Ctx, partner: i64, days: &mut BTreeMap<NaiveDate, Day>) -> Result<(), Failure> {
    let _turn = ctx.site.explanations.turn().await?;
    let wanted: Vec<_> =
        days.iter().filter(|(_, day)| day.has_rows()).map(|(date, _)| ctx.calendar.day(*date)).collect();
    let counts = ctx.view()?.ballots.votes_of(partner, &wanted).await;
    let counts = counts.map_err(|error| Failure::Broken(chain(&error)))?;
    for (window, count) in wanted.iter().zip(counts) {
        days.entry(window.day).or_default().votes = Some(count);
    }
    Ok(())
}

fn cards(ctx: &Ctx, days: &BTreeMap<NaiveDate, Day>, span: &str) -> maud::Markup {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let amount = |units| html! { (format::amount(units, lang)) span.unit { "CC" } };
    let hourly: Units = days.values().map(|day| day.hourly).sum();
    let daily: Units = days.values().map(|day| day.daily_amounts().0).sum();
    let bonus: Units = days.values().map(|day| day.daily_amounts().1).sum();
    let best = days.values().filter_map(|day| day.daily.as_ref()).map(|row| row.position).min();
    let active = days.values().filter(|day| day.has_rows()).count();
    let active_note = fill(texts.active_days, &[&format::count(active as u64, lang)]);
    html! {
        div.cards role="group" aria-label=(texts.figures) {
            (card(texts.received, &amount(hourly + daily + bonus), &html! { (span) }))
            (card(texts.of_hours, &amount(hourly), &html! { (active_note) }))
            (card(texts.of_days, &amount(daily), &html! { (texts.bonus_note_plus) " " (format::amount_text(bonus, lang)) }))
            @if let Some(best) = best {
                (card(texts.best_position, &html! { (format::count(u64::from(best), lang)) }, &html! { (texts.of_a_day) }))
            }
        }
    }
}

fn chart(ctx: &Ctx, days: &BTreeMap<NaiveDate, Day>) -> Bars {
    let texts = ctx.texts;
    let bar = |(date, day): (&NaiveDate, &Day)| {
        let (pool, bonus) = day.daily_amounts();
        (date.format("%d").to_string(), vec![day.hourly, pool + bonus])
    };
    Bars {
        title: texts.rewards_by_day.to_owned(),
        legend: vec![texts.of_hours, texts.of_days],
        bars: days.iter().map(bar).collect(),
    }
}

fn table(ctx: &Ctx, partner: i64, days: &BTreeMap<NaiveDate, Day>) -> Table {
    let texts = ctx.texts;
    let with_votes = days.values().any(|day| day.votes.is_some());
    let row = |(date, day): (&NaiveDate, &Day)| -> Row {
        let (pool, bonus) = day.daily_amounts();
        let path = explanation_path(partner, &ctx.calendar.day(*date));
        let paid = |amount| if day.daily.is_some() { Cell::Amount(amount) } else { Cell::Empty };
        let mut cells = vec![
            Cell::link(path, Cell::Day(*date)),
            Cell::optional(day.daily.as_ref(), |row| Cell::Count(u64::from(row.position))),
            Cell::Count(day.hours),
            Cell::Amount(day.hourly),
            paid(pool),
            paid(bonus),
            Cell::Amount(day.total()),
        ];
        if with_votes {
            cells.insert(3, Cell::optional(day.votes, Cell::Count));
        }
        cells.into()
    };
    let mut columns = vec![
        text("day", texts.day),
        number("position", texts.position),
        number("hours", texts.hours_with_votes),
        number("hourly_cc", texts.hourly_rewards),
        number("daily_cc", texts.daily_rewards),
        number("market_bonus_cc", texts.market_bonus),
        number("total_cc", texts.sum),
    ];
    if with_votes {
        columns.insert(3, number("votes", texts.votes));
    }
    Table {
        name: "days",
        caption: texts.rewards_by_day.to_owned(),
        columns,
        rows: days.iter().rev().filter(|(_, day)| day.has_rows()).map(row).collect(),
        empty: texts.no_rewards,
    }
}
