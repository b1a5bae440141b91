//! The paid windows, newest first.

use chrono::{Days, NaiveDate, NaiveTime};
use maud::{Markup, html};

use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::format;
use super::layout::{Page, Section, pager, sheet};
use super::tables::{Cell, Row, Table, number, text};
use super::texts::Lang;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, show};
use crate::store::{PROBES, Pages, Result as StoreResult, Run, RunFigures};

/// Past every window that is stored.
const LATEST: Instant = match NaiveDate::from_ymd_opt(9999, 1, 1) {
    Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
    None => Instant::MAX_UTC,
};

/// Rows of a page.
const ROWS: u32 = 50;

/// A run with its figures.
pub struct WindowRow {
    pub run: Run,
    pub figures: RunFigures,
}

impl WindowRow {
    /// All that was paid, the market bonus included.
    pub fn paid(&self) -> Units {
        self.figures.distributed + self.figures.market_bonus
    }

    /// The window's name, which leads to its page.
    pub fn link(&self, ctx: &Ctx) -> Cell {
        let window = ctx.calendar.window_at(self.run.kind, self.run.start);
        let name = format::window(&window, &ctx.calendar, ctx.lang);
        let day = match self.run.kind {
            Kind::Daily => Cell::Text(window.day.to_string()),
            Kind::Hourly => Cell::Time(self.run.start),
        };
        Cell::link(window_path(self.run.kind, window.day, self.run.start), Cell::Named(name, Box::new(day)))
    }
}

/// Where a window's page lies.
pub fn window_path(kind: Kind, day: NaiveDate, start: Instant) -> String {
    match kind {
        Kind::Daily => format!("/windows/day/{day}"),
        Kind::Hourly => format!("/windows/hour/{}", start.format("%Y-%m-%dT%H:%M:%SZ")),
    }
}

/// A kind as people and programs read it.
pub fn kind_cell(lang: Lang, kind: Kind) -> Cell {
    let texts = lang.texts();
    let name = if kind == Kind::Daily { texts.daily } else { texts.hourly };
    Cell::Label(name.to_owned(), kind.name())
}

/// Runs with their figures, in the order of the runs.
pub async fn window_rows(store: &dyn Pages, runs: Vec<Run>) -> StoreResult<Vec<WindowRow>> {
    let mut rows = Vec::with_capacity(runs.len());
    for runs in runs.chunks(PROBES) {
        let sequences: Vec<u64> = runs.iter().map(|run| run.sequence).collect();
        let figures = store.figures_of(&sequences).await?;
        let known = |run: &Run| figures.iter().find(|figures| figures.sequence == run.sequence).cloned();
        // A run whose row in reward_log is gone is for `verify` to report; here it has no figures to show.
        rows.extend(runs.iter().filter_map(|run| Some(WindowRow { run: run.clone(), figures: known(run)? })));
    }
    Ok(rows)
}

/// What the list is narrowed to.
struct Filter {
    kinds: Vec<Kind>,
    /// The last day that is listed.
    until: Option<NaiveDate>,
    before: Option<Instant>,
}

fn filter(ctx: &Ctx) -> Result<Filter, Failure> {
    let kinds = match ctx.params.get("kind") {
        None | Some("both") => vec![Kind::Daily, Kind::Hourly],
        Some("daily") => vec![Kind::Daily],
        Some("hourly") => vec![Kind::Hourly],
        Some(other) => return Err(ctx.bad(other)),
    };
    let until = ctx.param::<NaiveDate>("until")?;
    if let Some(until) = until
        && !is_in_calendar(until)
    {
        return Err(ctx.bad(&until.to_string()));
    }
    Ok(Filter { kinds, until, before: ctx.param("before")? })
}

/// Whether a day is one of the years that every backend can hold.
pub fn is_in_calendar(day: NaiveDate) -> bool {
    use chrono::Datelike;
    (1970..=9998).contains(&day.year())
}

pub async fn list(ctx: Ctx) -> Outcome {
    let texts = ctx.texts;
    let filter = filter(&ctx)?;
    let store = ctx.view()?.store.as_ref();
    let until = filter.until.map(|until| ctx.calendar.midnight(until + Days::new(1)));
    let before = [until, filter.before].into_iter().flatten().min().unwrap_or(LATEST);
    let mut runs = vec![];
    for kind in &filter.kinds {
        runs.extend(store.runs_of(*kind, Instant::UNIX_EPOCH, before, ROWS + 1).await?);
    }
    // Newest first, a day before its hours.
    runs.sort_by_key(|run| std::cmp::Reverse((run.start, run.kind == Kind::Daily)));
    let more = runs.len() > ROWS as usize;
    if more {
        runs.truncate(ROWS as usize);
        // A day and its first hour start together: the page ends between two instants.
        let last = runs.last().map(|run| run.start);
        while runs.len() > 1 && filter.kinds.len() > 1 && runs.last().map(|run| run.start) == last {
            runs.pop();
        }
    }
    let last = runs.last().map(|run| show(run.start)).filter(|_| more);
    let older = last.as_deref().map(|last| ctx.here(&[("before", Some(last))]));
    let table = table(&ctx, &window_rows(store, runs).await?);
    if let Some(answer) = ctx.export(&[&table], older.as_deref())? {
        return Ok(answer);
    }
    let newer = filter.before.map(|_| (texts.newest, ctx.here(&[("before", None)])));
    let pages = pager(&ctx, texts.paid_windows, newer, older.map(|href| (texts.older, href)));
    let body = html! { (form(&ctx, &filter)) (sheet(&ctx, &table, &pages)) };
    Ok(Answer::Page(Page { section: Section::Windows, title: texts.windows.to_owned(), body }))
}

fn form(ctx: &Ctx, filter: &Filter) -> Markup {
    let texts = ctx.texts;
    let chosen = ctx.params.get("kind").unwrap_or("both");
    let kinds = [("both", texts.both), ("daily", texts.daily), ("hourly", texts.hourly)];
    html! {
        form.filter method="get" action="/windows" {
            div.field {
                label for="kind" { (texts.kind_filter) }
                select #kind name="kind" {
                    @for (value, name) in kinds { option value=(value) selected[value == chosen] { (name) } }
                }
            }
            div.field {
                label for="until" { (texts.until_day) }
                input #until type="date" name="until" value=[filter.until];
            }
            button type="submit" { (texts.show) }
        }
    }
}

fn table(ctx: &Ctx, rows: &[WindowRow]) -> Table {
    let texts = ctx.texts;
    let row = |row: &WindowRow| -> Row {
        let figures = &row.figures;
        vec![
            row.link(ctx),
            kind_cell(ctx.lang, row.run.kind),
            Cell::Count(figures.votes),
            Cell::Count(figures.voters),
            Cell::Decimal(figures.cc_rate),
            Cell::Amount(match row.run.kind {
                Kind::Daily => figures.total_reward_cc,
                Kind::Hourly => figures.hourly_share,
            }),
            Cell::Amount(figures.distributed),
            Cell::Amount(figures.undistributed),
            Cell::Amount(figures.market_bonus),
            Cell::Time(row.run.committed_at),
            Cell::link(format!("/audit/{}", figures.sequence), Cell::Count(figures.sequence)),
        ]
        .into()
    };
    Table {
        name: "windows",
        caption: texts.paid_windows.to_owned(),
        columns: vec![
            text("window", texts.window),
            text("kind", texts.kind),
            number("votes", texts.votes),
            number("voters", texts.voters),
            number("cc_rate", texts.rate),
            number("to_share_cc", texts.brought),
            number("paid_cc", texts.paid),
            number("undistributed_cc", texts.undistributed),
            number("market_bonus_cc", texts.market_bonus),
            text("paid_at", texts.paid_at),
            number("run", texts.sequence),
        ],
        rows: rows.iter().map(row).collect(),
        empty: texts.no_windows,
    }
}
