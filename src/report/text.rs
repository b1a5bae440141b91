//! A report as plain text, for a terminal and for e-mail: 80 columns, as long as amounts are usual ones. An amount is
//! never cut or broken over lines; where it has to be, the line is longer.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::daily::Daily;
use super::sheets::{Sheet, sheets};
use super::words::{about, subject};

const WIDTH: u16 = 80;

/// Blanks before every line that is no title.
const INDENT: u16 = 2;

/// The report as text.
#[must_use]
pub fn text(daily: &Daily) -> String {
    let mut lines = vec![subject(daily)];
    push_table(&mut lines, plain_table().add_row([about(daily)]));
    lines.extend([String::new(), "Incidents".to_owned()]);
    if daily.incidents.is_empty() {
        lines.push("  none".to_owned());
    }
    let incidents = daily.incidents.iter();
    let incidents = incidents.map(|incident| vec![incident.level.name().to_owned(), incident.text.clone()]);
    push_table(&mut lines, plain_table().add_rows(incidents.map(clean)));
    for sheet in sheets(daily) {
        push_sheet(&mut lines, &sheet);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH - INDENT);
    table
}

fn push_sheet(lines: &mut Vec<String>, sheet: &Sheet) {
    lines.extend([String::new(), sheet.title.clone()]);
    if let Some(note) = &sheet.note {
        push_table(lines, plain_table().add_row([note]));
    }
    if sheet.rows.is_empty() {
        return;
    }
    let shown = |index: &usize| !sheet.columns[*index].is_extra;
    let shown: Vec<usize> = (0..sheet.columns.len()).filter(shown).collect();
    let mut table = plain_table();
    if shown.iter().any(|index| sheet.columns[*index].is_number) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(shown.iter().map(|index| sheet.columns[*index].title));
    for row in &sheet.rows {
        table.add_row(clean(shown.iter().map(|index| row[*index].clone()).collect()));
    }
    for (column, index) in table.column_iter_mut().zip(&shown) {
        if sheet.columns[*index].is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    push_table(lines, &mut table);
}

/// Nothing that a terminal would take for a command: some texts come from databases.
fn clean(row: Vec<String>) -> Vec<String> {
    row.into_iter().map(|cell| cell.replace(char::is_control, " ")).collect()
}

fn push_table(lines: &mut Vec<String>, table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let indent = " ".repeat(usize::from(INDENT));
    let line = |line: &str| format!("{indent}{}", line.trim_end());
    lines.extend(table.to_string().lines().map(line).filter(|line| !line.trim().is_empty()));
}
