//! How things are shown to people.

use std::io::IsTerminal;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints a line for the user. One who has stopped listening (`rewardd demo | head`) stops no payment.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stdout(), $($text)*));
    }};
}
pub(super) use say;

/// A plain table whose columns from `numbers_from` on are numbers.
#[must_use]
pub fn table(header: &[&str], numbers_from: usize, rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut().skip(numbers_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A progress bar on a terminal, nothing elsewhere.
#[must_use]
pub fn progress(what: &'static str, length: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what);
    let style = ProgressStyle::with_template("{msg:>18} {wide_bar} {human_pos}/{human_len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// A count that grows, on a terminal, where nobody knows how far; nothing elsewhere.
#[must_use]
pub fn spinner(what: &'static str) -> ProgressBar {
    let bar = progress(what, 0);
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}
