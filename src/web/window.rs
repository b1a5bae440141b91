//! One paid window: what it brought, how it was shared, and its ranking.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, card, pager, sheet, trail};
use super::report::report_path;
use super::tables::{Cell, Column, Row, Table, Tone, number, text};
use super::texts::{Texts, fill};
use super::windows::{WindowRow, is_in_calendar, window_path, window_rows};
use crate::audit::RunRecord;
use crate::proof::read_record;
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::pool::Settlement;
use crate::rewards::window::{Calendar, Instant, Kind, Window};
use crate::store::{Pages, RewardRow};

/// Positions of a page.
const ROWS: usize = 50;

/// The window that a path names; none where there is no such.
pub fn named_window(calendar: &Calendar, kind: &str, start: &str) -> Option<Window> {
    match kind {
        "day" => {
            let day = start.parse::<NaiveDate>().ok().filter(|day| is_in_calendar(*day))?;
            Some(calendar.day(day))
        }
        "hour" => {
            let start = start.parse::<Instant>().ok()?;
            is_in_calendar(start.date_naive())
                .then(|| calendar.window_at(Kind::Hourly, start))
                .filter(|window| window.start == start)
        }
        _ => None,
    }
}

/// The name of a reward column.
pub fn category<'t>(texts: &'t Texts, column: &'t str) -> &'t str {
    match column.trim_start_matches("hourly_reward_").trim_start_matches("daily_reward_") {
        "top10p" => texts.top10p,
        "top10" => texts.top10,
        "top100" => texts.top100,
        "top1000" => texts.top1000,
        "top10000" => texts.top10000,
        "all" => texts.all,
        "top10p_ecc" => texts.top10p_ecc,
        "top50p" => texts.top50p,
        "cc_market_reward" => texts.bonus,
        other => other,
    }
}

pub async fn show(ctx: Ctx) -> Outcome {
    let window = named_window(&ctx.calendar, ctx.part("kind"), ctx.part("start")).ok_or(Failure::NotFound)?;
    let store = ctx.view()?.store.as_ref();
    let run = store.run_of(window.kind, window.start).await?.ok_or(Failure::NotFound)?;
    let sequence = run.sequence;
    let row = window_rows(store, vec![run]).await?.pop().ok_or(Failure::NotFound)?;
    // A record that cannot be read is for `verify` to report; the figures beside it are shown all the same.
    let record = store.log_row(sequence).await?.and_then(|row| read_record(&row).ok());

    let ranking = ranking(&ctx, store, &window, row.figures.voters).await?;
    let figures = figures_table(&ctx, &row);
    let parts = parts_table(&ctx, record.as_ref());
    let types = types_table(&ctx, record.as_ref());
    let hours = hours_table(&ctx, store, &window).await?;
    let next = ranking.pages.1.as_ref().map(|(_, href)| href.clone());
    if let Some(answer) = ctx.export(&[&ranking.table, &parts, &figures, &types, &hours], next.as_deref())? {
        return Ok(answer);
    }
    let texts = ctx.texts;
    let title = format::window(&window, &ctx.calendar, ctx.lang);
    let none = html! {};
    let pages = pager(&ctx, texts.ranking, ranking.pages.0.clone(), ranking.pages.1.clone());
    let body = html! {
        @if window.kind == Kind::Daily { (reports(&ctx, window.day)) }
        (trail(&trail_to(&ctx, &window)))
        (cards(&ctx, &row))
        div.columns {
            div.broad { (sheet(&ctx, &parts, &none)) }
            div.side { (sheet(&ctx, &types, &none)) }
        }
        section #positions {
            (find_form(&ctx, &window, ranking.missing))
            (sheet(&ctx, &ranking.table, &pages))
        }
        div.columns {
            div.broad { @if window.kind == Kind::Daily { (sheet(&ctx, &hours, &none)) } }
            div.side { (sheet(&ctx, &figures, &none)) }
        }
    };
    Ok(Answer::Page(Page { section: Section::Windows, title, body }))
}

/// The day's report, to be read or handed on.
fn reports(ctx: &Ctx, day: NaiveDate) -> Markup {
    html! {
        p.actions {
            a.button href=(report_path(day, "html")) { (ctx.texts.report) }
            a.button href=(report_path(day, "csv")) rel="nofollow" { (ctx.texts.report_csv) }
        }
    }
}

/// From the list down to the window; an hour lies in its day.
fn trail_to(ctx: &Ctx, window: &Window) -> Vec<(String, String)> {
    let mut trail = vec![("/windows".to_owned(), ctx.texts.windows.to_owned())];
    if window.kind == Kind::Hourly {
        let path = window_path(Kind::Daily, window.day, window.start);
        trail.push((path, format::date(window.day, ctx.lang)));
    }
    trail
}

fn cards(ctx: &Ctx, row: &WindowRow) -> Markup {
    let (texts, lang, figures) = (ctx.texts, ctx.lang, &row.figures);
    let amount = |units| html! { (format::amount(units, lang)) span.unit { "CC" } };
    let brought = match row.run.kind {
        Kind::Daily => figures.total_reward_cc,
        Kind::Hourly => figures.hourly_share,
    };
    let voters = format::count(figures.voters, lang);
    let votes = fill(texts.votes_note, &[&format::count(figures.votes, lang)]);
    html! {
        div.cards role="group" aria-label=(texts.figures) {
            (card(texts.paid_card, &amount(row.paid()), &html! { (texts.paid_at) " " (format::time(row.run.committed_at, &ctx.calendar, lang)) }))
            (card(texts.to_share_card, &amount(brought), &html! { (texts.rate) " " (format::decimal(figures.cc_rate, lang)) }))
            (card(texts.voters, &html! { (voters) }, &html! { (votes) }))
            (card(texts.undistributed_card, &amount(figures.undistributed), &html! { (texts.undistributed_note) }))
            @if row.run.kind == Kind::Daily {
                (card(texts.bonus, &amount(figures.market_bonus), &html! { (texts.bonus_note) }))
            }
            (card(texts.rules_version, &format::hash(&row.run.rules_version), &html! { a href=(format!("/audit/{}", row.run.sequence)) { (texts.sequence) " " (format::count(row.run.sequence, lang)) } }))
        }
    }
}

fn figures_table(ctx: &Ctx, row: &WindowRow) -> Table {
    let (texts, figures) = (ctx.texts, &row.figures);
    let is_day = row.run.kind == Kind::Daily;
    let mut rows: Vec<(&str, &'static str, Cell)> = vec![
        (texts.cc_total, "cc_total", Cell::Amount(figures.cc_total)),
        (texts.rate, "cc_rate", Cell::Decimal(figures.cc_rate)),
        (
            if is_day { texts.total_day } else { texts.total_hour },
            "total_reward_cc",
            Cell::Amount(figures.total_reward_cc),
        ),
    ];
    if is_day {
        rows.push((texts.late_cc, "late_cc", Cell::Amount(figures.late_cc)));
        rows.push((texts.late_reward, "late_reward_cc", Cell::Amount(figures.late_reward_cc)));
        rows.push((texts.ecc_cap, "ecc_cap", Cell::optional(figures.ecc_cap, Cell::Amount)));
    } else {
        rows.push((texts.hourly_share, "hourly_share", Cell::Amount(figures.hourly_share)));
        rows.push((texts.daily_share, "daily_share", Cell::Amount(figures.daily_share)));
    }
    rows.extend([
        (texts.paid, "distributed", Cell::Amount(figures.distributed)),
        (texts.undistributed, "undistributed", Cell::Amount(figures.undistributed)),
        (texts.market_bonus, "market_bonus", Cell::Amount(figures.market_bonus)),
        (texts.pool_before, "pool_before", Cell::Amount(figures.pool_before)),
        (texts.pool_after, "pool_after", Cell::Amount(figures.pool_after)),
        (texts.rules_version, "rules_version", Cell::Hash(row.run.rules_version.clone())),
        (texts.paid_at, "paid_at", Cell::Time(row.run.committed_at)),
    ]);
    let rows =
        rows.into_iter().map(|(name, key, value)| vec![Cell::Label(name.to_owned(), key), value].into());
    Table {
        name: "figures",
        caption: texts.figures.to_owned(),
        columns: vec![text("figure", texts.figure), number("value", texts.value)],
        rows: rows.collect(),
        empty: texts.none,
    }
}

/// A text of a record as an amount.
fn recorded(amount: &str) -> Cell {
    Units::parse(amount).map_or_else(|_| Cell::Text(amount.to_owned()), Cell::Amount)
}

fn parts_table(ctx: &Ctx, record: Option<&RunRecord>) -> Table {
    let texts = ctx.texts;
    let parts = record.map_or(&[][..], |record| &record.parts);
    let rows = parts.iter().map(|part| -> Row {
        let name = category(texts, &part.column).to_owned();
        vec![
            Cell::Named(name, Box::new(Cell::Text(part.column.clone()))),
            recorded(&part.part),
            Cell::Count(part.members as u64),
            recorded(&part.paid),
            recorded(&part.undistributed),
        ]
        .into()
    });
    Table {
        name: "categories",
        caption: texts.categories.to_owned(),
        columns: vec![
            text("category", texts.category),
            number("part_cc", texts.part),
            number("members", texts.members),
            number("paid_cc", texts.paid),
            number("undistributed_cc", texts.undistributed),
        ],
        rows: rows.collect(),
        empty: texts.none,
    }
}

fn types_table(ctx: &Ctx, record: Option<&RunRecord>) -> Table {
    let texts = ctx.texts;
    let types = record.map_or(&[][..], |record| &record.inputs.by_type);
    let rows = types.iter().map(|of| -> Row {
        vec![Cell::Text(of.vote_type.clone()), Cell::Count(of.votes), recorded(&of.cc)].into()
    });
    Table {
        name: "types",
        caption: texts.by_type.to_owned(),
        columns: vec![
            text("vote_type", texts.vote_type),
            number("votes", texts.votes),
            number("cc", texts.cc_total),
        ],
        rows: rows.collect(),
        empty: texts.none,
    }
}

/// The hours of a day, paid or not.
async fn hours_table(ctx: &Ctx, store: &dyn Pages, window: &Window) -> Result<Table, Failure> {
    let texts = ctx.texts;
    let hours = match window.kind {
        Kind::Daily => store.settlements(window.day).await?,
        Kind::Hourly => Default::default(),
    };
    let row = |(hour, paid): &(Settlement, bool)| -> Row {
        let paid = match paid {
            true => Cell::State(Tone::Good, texts.is_paid.to_owned(), "paid"),
            false => Cell::State(Tone::Plain, texts.not_paid_yet.to_owned(), "settled"),
        };
        vec![
            Cell::link(window_path(Kind::Hourly, hour.day, hour.hour_start), Cell::Time(hour.hour_start)),
            Cell::Amount(hour.cc_total),
            Cell::Decimal(hour.rate),
            Cell::Amount(hour.hourly_share),
            Cell::Amount(hour.daily_share),
            paid,
        ]
        .into()
    };
    Ok(Table {
        name: "hours",
        caption: texts.hours_of_day.to_owned(),
        columns: vec![
            text("hour", texts.hour),
            number("cc_total", texts.cc_total),
            number("cc_rate", texts.rate),
            number("hourly_share_cc", texts.hourly_share),
            number("daily_share_cc", texts.daily_share),
            text("state", texts.state),
        ],
        rows: hours.values().map(row).collect(),
        empty: texts.none,
    })
}

type PageLink = Option<(&'static str, String)>;

struct Ranking {
    table: Table,
    pages: (PageLink, PageLink),
    /// Who was looked for and is not there.
    missing: Option<i64>,
}

/// A page of the ranking: the one with the partner who is looked for, or the one that was asked for.
async fn ranking(ctx: &Ctx, store: &dyn Pages, window: &Window, voters: u64) -> Result<Ranking, Failure> {
    let texts = ctx.texts;
    let order = ctx.site.orders.of(store, window.kind, window.start).await?;
    let wanted = ctx.param::<i64>("partner")?;
    let found = wanted.and_then(|partner| order.iter().position(|other| *other == partner));
    let pages = order.len().div_ceil(ROWS).max(1);
    let asked = ctx.param::<usize>("page")?.unwrap_or(1).clamp(1, pages);
    let page = found.map_or(asked, |index| index / ROWS + 1);
    let first = (page - 1) * ROWS;
    let partners = &order[first.min(order.len())..(first + ROWS).min(order.len())];
    let rows = store.rows_of(window.kind, window.start, partners).await?;
    let marked = found.and(wanted);
    let rows = in_order(partners, rows).iter().map(|row| ranking_row(window, row, marked)).collect();
    let shown = [first + 1, first + partners.len()].map(|position| format::count(position as u64, ctx.lang));
    let total = format::count(voters, ctx.lang);
    let caption = match partners.is_empty() {
        true => texts.ranking.to_owned(),
        false => fill(texts.ranking_of, &[&shown[0], &shown[1], &total]),
    };
    let to = |page: usize| {
        format!("{}#positions", ctx.here(&[("page", Some(&page.to_string())), ("partner", None)]))
    };
    let before = (page > 1).then(|| (texts.previous, to(page - 1)));
    let after = (page < pages).then(|| (texts.next, to(page + 1)));
    let table = Table {
        name: "ranking",
        caption,
        columns: ranking_columns(ctx, window.kind),
        rows,
        empty: texts.ranking_empty,
    };
    Ok(Ranking { table, pages: (before, after), missing: wanted.filter(|_| found.is_none()) })
}

fn in_order(partners: &[i64], rows: Vec<RewardRow>) -> Vec<RewardRow> {
    let mut rows = rows;
    let place = |row: &RewardRow| partners.iter().position(|partner| *partner == row.partner_id);
    rows.sort_by_key(place);
    rows
}

fn ranking_columns(ctx: &Ctx, kind: Kind) -> Vec<Column> {
    let texts = ctx.texts;
    let mut all = vec![
        number("position", texts.position),
        number("partner_id", texts.partner),
        number("sum_cc", texts.sum),
    ];
    all.extend(columns(kind).iter().map(|column| number(column, category(texts, column))));
    all
}

fn ranking_row(window: &Window, row: &RewardRow, marked: Option<i64>) -> Row {
    let path = explanation_path(row.partner_id, window);
    let mut cells = vec![
        Cell::Count(u64::from(row.position)),
        Cell::link(format!("/partners/{}", row.partner_id), Cell::Id(row.partner_id)),
        Cell::link(path, Cell::Amount(row.amounts.iter().copied().sum())),
    ];
    cells.extend(
        row.amounts.iter().map(|amount| if amount.is_zero() { Cell::Zero } else { Cell::Amount(*amount) }),
    );
    Row { cells, is_marked: marked == Some(row.partner_id), ..Row::default() }
}

/// Where the explanation of a payment lies.
pub fn explanation_path(partner_id: i64, window: &Window) -> String {
    let path = window_path(window.kind, window.day, window.start);
    format!("/partners/{partner_id}{}", path.trim_start_matches("/windows"))
}

fn find_form(ctx: &Ctx, window: &Window, missing: Option<i64>) -> Markup {
    let texts = ctx.texts;
    let action = format!("{}#positions", window_path(window.kind, window.day, window.start));
    html! {
        form.filter method="get" action=(action) {
            div.field {
                label for="partner" { (texts.partner) }
                input #partner name="partner" inputmode="numeric" maxlength="20" value=[ctx.params.get("partner")];
            }
            button type="submit" { (texts.find_partner) }
        }
        @if let Some(missing) = missing {
            p.message role="status" { (fill(texts.not_in_ranking, &[&missing.to_string()])) }
        }
    }
}
