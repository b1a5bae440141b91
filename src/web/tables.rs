//! Tables: one model, shown as HTML and given as CSV and JSON with the same rows and exact amounts.

use chrono::NaiveDate;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::format;
use super::texts::Lang;
use crate::rewards::money::Units;
use crate::rewards::window::{Calendar, Instant, show};

/// How serious a state is. Colour never says it alone: each has a sign and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Plain,
    Warn,
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "state good",
            Self::Plain => "state plain",
            Self::Warn => "state warn",
            Self::Bad => "state bad",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Plain => "·",
            Self::Warn => "!",
            Self::Bad => "✕",
        }
    }
}

/// A state as a pill.
pub fn state(tone: Tone, text: &str) -> Markup {
    html! { span class=(tone.class()) { span.sign aria-hidden="true" { (tone.sign()) } " " (text) } }
}

/// One value.
#[derive(Clone, Debug)]
pub enum Cell {
    Empty,
    Text(String),
    /// A name in the page's language, and the value that it stands for.
    Named(String, Box<Self>),
    /// A label in the page's language, and the word that stands for it in CSV and JSON.
    Label(String, &'static str),
    Amount(Units),
    /// An amount of nothing, which stands back among others.
    Zero,
    /// A share, rate or ratio.
    Decimal(Units),
    Count(u64),
    /// A partner's id, or any other number that is a name.
    Id(i64),
    Time(Instant),
    /// An instant near the present: of today, its clock alone.
    Moment(Instant),
    Day(NaiveDate),
    Hash(String),
    /// A tone with its text, and the word that stands for it in CSV and JSON.
    State(Tone, String, &'static str),
    Link(String, Box<Self>),
}

impl Cell {
    pub fn link(href: impl Into<String>, cell: Self) -> Self {
        Self::Link(href.into(), Box::new(cell))
    }

    pub fn optional<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    const fn is_number(&self) -> bool {
        match self {
            Self::Amount(_) | Self::Zero | Self::Decimal(_) | Self::Count(_) | Self::Id(_) => true,
            Self::Link(_, inner) | Self::Named(_, inner) => inner.is_number(),
            _ => false,
        }
    }

    pub fn html(&self, style: &Style<'_>) -> Markup {
        let Style { lang, calendar, now } = *style;
        match self {
            Self::Empty => html! { span.none { "–" } },
            Self::Text(text) | Self::Label(text, _) | Self::Named(text, _) => html! { (text) },
            Self::Amount(amount) => format::amount(*amount, lang),
            Self::Zero => html! { span.none { "0" } },
            Self::Decimal(number) => html! { (format::decimal(*number, lang)) },
            Self::Count(number) => html! { (format::count(*number, lang)) },
            Self::Id(id) => html! { (id) },
            Self::Time(instant) => format::time(*instant, calendar, lang),
            Self::Moment(instant) => format::moment(*instant, now, calendar, lang),
            Self::Day(day) => html! { time datetime=(day) { (format::date(*day, lang)) } },
            Self::Hash(hash) => format::hash(hash),
            Self::State(tone, text, _) => state(*tone, text),
            Self::Link(href, inner) => html! { a href=(href) { (inner.html(style)) } },
        }
    }

    /// As programs read it.
    fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Label(_, word) | Self::State(_, _, word) => (*word).to_owned(),
            Self::Amount(amount) | Self::Decimal(amount) => amount.to_string(),
            Self::Zero => Units::ZERO.to_string(),
            Self::Count(number) => number.to_string(),
            Self::Id(id) => id.to_string(),
            Self::Time(instant) | Self::Moment(instant) => show(*instant),
            Self::Day(day) => day.to_string(),
            Self::Hash(hash) => hash.clone(),
            Self::Link(_, inner) | Self::Named(_, inner) => inner.plain(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Count(number) => json!(number),
            Self::Id(id) => json!(id),
            Self::Link(_, inner) | Self::Named(_, inner) => inner.json(),
            other => json!(other.plain()),
        }
    }

    /// A text that a spreadsheet would take for a formula is led by an apostrophe, which it shows as text.
    fn csv(&self) -> String {
        let plain = self.plain();
        let is_formula = !self.is_number() && plain.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        if is_formula { format!("'{plain}") } else { plain }
    }
}

/// What cells are shown by.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    pub lang: Lang,
    pub calendar: &'a Calendar,
    pub now: Instant,
}

/// A column: its name for programs, its title for people.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub key: &'static str,
    pub title: &'static str,
    /// Set right, digits under digits.
    pub is_number: bool,
    /// A sentence, which may take several lines.
    pub wraps: bool,
}

impl Column {
    pub const fn wrapping(self) -> Self {
        Self { wraps: true, ..self }
    }

    const fn class(&self) -> Option<&'static str> {
        match (self.is_number, self.wraps) {
            (true, _) => Some("number"),
            (_, true) => Some("wrap"),
            _ => None,
        }
    }
}

pub const fn text(key: &'static str, title: &'static str) -> Column {
    Column { key, title, is_number: false, wraps: false }
}

pub const fn number(key: &'static str, title: &'static str) -> Column {
    Column { key, title, is_number: true, wraps: false }
}

#[derive(Clone, Debug, Default)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// The row that was searched for.
    pub is_marked: bool,
    /// The sum of the rows before it.
    pub is_total: bool,
}

impl Row {
    const fn class(&self) -> Option<&'static str> {
        match (self.is_marked, self.is_total) {
            (true, _) => Some("marked"),
            (_, true) => Some("total"),
            _ => None,
        }
    }
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { cells, ..Self::default() }
    }
}

#[derive(Clone, Debug)]
pub struct Table {
    /// In addresses: `?table=name`.
    pub name: &'static str,
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// What is said where there are no rows.
    pub empty: &'static str,
}

impl Table {
    /// The table in a box that scrolls by itself where the page is narrow. `tools` stand beside its caption.
    pub fn html(&self, style: &Style<'_>, tools: &Markup) -> Markup {
        html! {
            section.sheet id=(self.name) {
                div.scroll role="region" aria-labelledby=(format!("{}-caption", self.name)) tabindex="0" {
                    table {
                        caption id=(format!("{}-caption", self.name)) { (self.caption) }
                        thead {
                            tr {
                                @for column in &self.columns {
                                    th scope="col" class=[column.class()] { (column.title) }
                                }
                            }
                        }
                        tbody {
                            @for row in &self.rows { (self.row(row, style)) }
                            @if self.rows.is_empty() {
                                tr { td.nothing colspan=(self.columns.len()) { (self.empty) } }
                            }
                        }
                    }
                }
                (tools)
            }
        }
    }

    fn row(&self, row: &Row, style: &Style<'_>) -> Markup {
        html! {
            tr class=[row.class()] aria-current=[row.is_marked.then_some("true")] {
                @for (index, (column, cell)) in self.columns.iter().zip(&row.cells).enumerate() {
                    @if index == 0 {
                        th scope="row" class=[column.class()] { (cell.html(style)) }
                    } @else {
                        td class=[column.class()] { (cell.html(style)) }
                    }
                }
            }
        }
    }

    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.write_record(self.columns.iter().map(|column| column.key)).expect("memory takes it");
        for row in &self.rows {
            writer.write_record(row.cells.iter().map(Cell::csv)).expect("memory takes it");
        }
        writer.into_inner().expect("memory takes it")
    }

    /// `next` is the address of the next page, where there is one.
    pub fn json(&self, next: Option<&str>) -> Value {
        let object = |row: &Row| {
            let cells = self.columns.iter().zip(&row.cells);
            cells.map(|(column, cell)| (column.key.to_owned(), cell.json())).collect::<Map<_, _>>()
        };
        let rows: Vec<_> = self.rows.iter().map(object).collect();
        json!({ "table": self.name, "rows": rows, "next": next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: Vec<Cell>) -> Table {
        let columns = (0..cells.len()).map(|_| text("key", "Title")).collect();
        Table { name: "t", caption: "Things".to_owned(), columns, rows: vec![cells.into()], empty: "" }
    }

    fn csv(cell: Cell) -> String {
        String::from_utf8(table(vec![cell]).csv()).unwrap().lines().skip(1).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_spreadsheet_takes_a_text_for_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert!(csv(Cell::Text(text.to_owned())).trim_start_matches('"').starts_with('\''), "{text}");
        }
        assert_eq!(csv(Cell::Amount(Units::parse("-0.5").unwrap())), "-0.50000000");
        assert_eq!(csv(Cell::Id(-7)), "-7");
        assert_eq!(csv(Cell::Text("a \"quoted\", text".to_owned())), "\"a \"\"quoted\"\", text\"");
    }

    #[test]
    fn texts_are_escaped_and_amounts_are_exact() {
        let calendar = Calendar::new(chrono_tz::Tz::UTC);
        let style = Style { lang: Lang::En, calendar: &calendar, now: Instant::UNIX_EPOCH };
        let table = table(vec![Cell::Text("<script>".to_owned()), Cell::Amount(Units::EPSILON)]);
        let html = table.html(&style, &html! {}).into_string();
        assert!(html.contains("&lt;script&gt;") && html.contains(".00000001"), "{html}");
        assert_eq!(table.json(None)["rows"][0]["key"], "0.00000001");
    }
}
