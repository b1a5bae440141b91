//! The forms that lists are kept in: each becomes rows of texts, with the line at which a row begins.
//!
//! Texts are taken without their quotes, numbers as they are written, `null` as a column that is not there; a list or
//! table within a row becomes compact JSON with sorted names.

mod csv_rows;
mod json_rows;
mod toml_rows;

pub use csv_rows::csv_rows;
pub use json_rows::json_rows;
pub use toml_rows::toml_rows;

/// Lists and tables within a row may be nested this deep.
const DEPTH: usize = 32;

/// A row as its source has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRow {
    /// The line at which it begins, from 1; none in a table of a database.
    pub line: Option<usize>,
    /// Columns and their texts, in the source's order.
    pub values: Vec<(String, String)>,
}

/// What is wrong with a source, and in which line where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: Option<usize>,
    pub why: String,
}

impl Fault {
    fn at(line: usize, why: impl Into<String>) -> Self {
        Self { line: Some(line), why: why.into() }
    }

    fn new(why: impl Into<String>) -> Self {
        Self { line: None, why: why.into() }
    }
}

/// Turns offsets that grow into lines.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    const fn new(text: &'t str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line of an offset; one before the last that was asked for counts from the beginning again.
    fn of(&mut self, offset: usize) -> usize {
        if offset < self.offset {
            (self.offset, self.line) = (0, 1);
        }
        let until = offset.min(self.text.len());
        let passed = &self.text.as_bytes()[self.offset..until];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.offset = until;
        self.line
    }
}

/// A name that is there twice; which of its values would count is nobody's guess.
fn twice<'n>(names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
