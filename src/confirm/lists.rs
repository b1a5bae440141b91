//! Lists in one canonical form: key → content, both texts, whatever the order of rows and columns in the source.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;

use super::formats::{Fault, RawRow, csv_rows, json_rows, toml_rows};
use crate::config::{FileFormat, WatchedFile};

/// A larger file is no list that somebody confirms.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What is wrong with a list. What is known of it stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("{file} cannot be read")]
    Io { file: String, source: io::Error },
    #[error("{file} is larger than 8 MB, so it is not looked at")]
    TooLarge { file: String },
    /// `place` names file and line, or table and row.
    #[error("{place}: {why}")]
    Broken { place: String, why: String },
}

/// A row in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A JSON object of texts, columns sorted.
    pub content: String,
    /// Where it begins in a file.
    pub line: Option<usize>,
}

/// Rows by key: the text of the key column, or a JSON array of texts where several columns are the key.
pub type List = BTreeMap<String, Entry>;

/// Which columns name a row, and which are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    pub key: &'a [String],
    /// Beside the key; empty: all.
    pub columns: &'a [String],
}

impl<'a> Shape<'a> {
    #[must_use]
    pub fn of(file: &'a WatchedFile) -> Self {
        Self { key: &file.key, columns: &file.columns }
    }
}

/// The bytes of a list's file.
///
/// # Errors
/// [`ListError`].
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, ListError> {
    let file = path.display().to_string();
    let failed = |source| ListError::Io { file: file.clone(), source };
    let mut bytes = vec![];
    File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ListError::TooLarge { file });
    }
    Ok(bytes)
}

/// The rows of a file's content. `file` is how messages call it.
///
/// # Errors
/// [`ListError::Broken`].
pub fn rows_of(
    file: &impl fmt::Display,
    bytes: &[u8],
    format: FileFormat,
    at: &[String],
) -> Result<Vec<RawRow>, ListError> {
    let broken = |Fault { line, why }| ListError::Broken {
        place: line.map_or_else(|| file.to_string(), |line| format!("{file} line {line}")),
        why,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        broken(Fault { line: Some(line), why: "is not UTF-8".to_owned() })
    })?;
    // As spreadsheets write it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        FileFormat::Csv => csv_rows(text),
        FileFormat::Json => json_rows(text, at),
        FileFormat::Toml => toml_rows(text, at),
    }
    .map_err(broken)
}

/// Rows by their keys. `source` is how messages call the file or table.
///
/// # Errors
/// [`ListError::Broken`]: a key that is not there, is empty, or is there twice; a column that no row has.
pub fn listed(source: &impl fmt::Display, rows: Vec<RawRow>, shape: Shape<'_>) -> Result<List, ListError> {
    let place = |number: usize, line: Option<usize>| {
        line.map_or_else(|| format!("{source} row {number}"), |line| format!("{source} line {line}"))
    };
    let unseen =
        |column: &&String| !rows.iter().any(|row| row.values.iter().any(|(name, _)| name == *column));
    if let Some(column) = shape.columns.iter().find(unseen).filter(|_| !rows.is_empty()) {
        let why = format!("no row has the column {column:?}");
        return Err(ListError::Broken { place: source.to_string(), why });
    }
    let mut list = List::new();
    // By key, where it was first.
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (index, RawRow { line, values }) in rows.into_iter().enumerate() {
        let place = place(index + 1, line);
        let broken = |why: String| ListError::Broken { place: place.clone(), why };
        let mut columns: BTreeMap<String, String> = values.into_iter().collect();
        if !shape.columns.is_empty() {
            columns.retain(|name, _| shape.columns.contains(name) || shape.key.contains(name));
        }
        let key = key(&columns, shape.key).map_err(broken)?;
        if let Some(first) = places.insert(key.clone(), place.clone()) {
            return Err(broken(format!("the key {key} is there already: {first}")));
        }
        list.insert(key, Entry { content: object(columns), line });
    }
    Ok(list)
}

fn key(columns: &BTreeMap<String, String>, names: &[String]) -> Result<String, String> {
    let mut parts = vec![];
    for name in names {
        let text = columns.get(name).ok_or_else(|| format!("the key column {name:?} is missing"))?;
        if text.is_empty() {
            return Err(format!("the key column {name:?} is empty"));
        }
        parts.push(text.clone());
    }
    Ok(match <[String; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => Value::from(parts).to_string(),
    })
}

fn object(columns: BTreeMap<String, String>) -> String {
    Value::Object(columns.into_iter().map(|(name, text)| (name, Value::String(text))).collect()).to_string()
}

/// A list as one text: what a first look announces.
///
/// # Errors
/// [`ListError::TooLarge`].
pub fn whole(source: &impl fmt::Display, list: &List) -> Result<String, ListError> {
    let rows = list.iter().map(|(key, entry)| format!("{}:{}", Value::String(key.clone()), entry.content));
    let whole = format!("{{{}}}", rows.collect::<Vec<_>>().join(","));
    if whole.len() as u64 > LARGEST {
        return Err(ListError::TooLarge { file: source.to_string() });
    }
    Ok(whole)
}
