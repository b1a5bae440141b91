//! A report as one page of HTML that needs nothing else: for browsers and for e-mail. E-mail programs drop styles that
//! are not at their elements, and cut what is longer than 100 kB, so styles are few, and old attributes say the rest. No
//! colour is set that would not suit light and dark alike.

use maud::{DOCTYPE, Markup, html as markup};

use super::daily::{Daily, Level};
use super::sheets::{Column, Sheet, sheets};
use super::words::{about, subject};

const BODY: &str = "margin:0 auto;padding:16px;max-width:1120px;line-height:1.45;\
                    font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:15px";
const TITLE: &str = "font-size:20px;margin:0 0 8px";
const HEADING: &str = "font-size:16px;margin:28px 0 4px";
const NOTE: &str = "margin:0 0 6px";
const SCROLL: &str = "overflow-x:auto";
const TABLE: &str = "border-collapse:collapse;font-variant-numeric:tabular-nums";
const HEAD: &str = "border-bottom:2px solid #8886";
const LINE: &str = "border-bottom:1px solid #8884";
const PLAIN: &str = "font-weight:400;white-space:normal";
const BADGE: &str = "display:inline-block;padding:0 8px;border-radius:4px;font-weight:600;";

/// The report as HTML.
#[must_use]
pub fn html(daily: &Daily) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (subject(daily)) }
                style { ":root{color-scheme:light dark}" }
            }
            body {
                main style=(BODY) {
                    h1 style=(TITLE) { (subject(daily)) }
                    p style=(NOTE) { (about(daily)) }
                    (incidents(daily))
                    @for part in sheets(daily) { (sheet(&part)) }
                }
            }
        }
    };
    page.into_string()
}

/// Dark on light or light on dark by itself, so that it can be read on any ground.
const fn badge(level: Level) -> &'static str {
    match level {
        Level::Broken => "background:#b00020;color:#ffffff",
        Level::Warning => "background:#ffc107;color:#000000",
        Level::Notice => "background:#1a5fb4;color:#ffffff",
    }
}

fn incidents(daily: &Daily) -> Markup {
    markup! {
        h2 style=(HEADING) { "Incidents" }
        @if daily.incidents.is_empty() { p style=(NOTE) { "None." } }
        @for incident in &daily.incidents {
            p style=(NOTE) {
                span style={ (BADGE) (badge(incident.level)) } { (incident.level.name()) } " " (incident.text)
            }
        }
    }
}

const fn side(column: &Column) -> &'static str {
    if column.is_number { "right" } else { "left" }
}

/// Figures stay on their line; texts may take several.
fn keeps_lines(sheet: &Sheet) -> &'static str {
    if sheet.columns.iter().any(|column| column.is_number) { ";white-space:nowrap" } else { "" }
}

fn sheet(sheet: &Sheet) -> Markup {
    markup! {
        h2 style=(HEADING) { (sheet.title) }
        @if let Some(note) = &sheet.note { p style=(NOTE) { (note) } }
        @if !sheet.rows.is_empty() {
            // What is wider than a telephone scrolls by itself, by keyboard too.
            div style=(SCROLL) role="region" aria-label=(sheet.title) tabindex="0" {
                table style={ (TABLE) (keeps_lines(sheet)) } cellpadding="6" {
                    thead {
                        tr style=(HEAD) {
                            @for column in &sheet.columns {
                                @if column.title.is_empty() {
                                    td {}
                                } @else {
                                    th scope="col" align=(side(column)) { (column.title) }
                                }
                            }
                        }
                    }
                    tbody { @for row in &sheet.rows { (line(sheet, row)) } }
                }
            }
        }
    }
}

fn line(sheet: &Sheet, row: &[String]) -> Markup {
    markup! {
        tr style=(LINE) {
            @for (index, (column, cell)) in sheet.columns.iter().zip(row).enumerate() {
                @if index == 0 {
                    th scope="row" align=(side(column)) style=(PLAIN) { (cell) }
                } @else {
                    td align=[column.is_number.then_some("right")] { (cell) }
                }
            }
        }
    }
}
