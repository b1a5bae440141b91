//! TOML: an array of tables at the end of a path.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{DEPTH, Fault, Lines, RawRow};

/// # Errors
/// [`Fault`].
pub fn toml_rows(text: &str, path: &[String]) -> Result<Vec<RawRow>, Fault> {
    let mut lines = Lines::new(text);
    let top = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| lines.of(span.start));
        Fault { line, why: error.message().to_owned() }
    })?;
    let mut table = top.get_ref();
    let mut names = path.iter().peekable();
    while let Some(name) = names.next() {
        let missing = || Fault::new(format!("there is no {name:?}, which `rows` names"));
        let value = table.get(name.as_str()).ok_or_else(missing)?;
        match value.get_ref() {
            DeValue::Array(rows) if names.peek().is_none() => {
                return rows.iter().map(|row| raw_row(text, row, &mut lines)).collect();
            }
            DeValue::Table(inner) if names.peek().is_some() => table = inner,
            other => {
                let wanted = if names.peek().is_some() { "a table" } else { "a list of tables" };
                let line = lines.of(value.span().start);
                return Err(Fault::at(line, format!("{name} is of type {}, not {wanted}", other.type_str())));
            }
        }
    }
    Err(Fault::new("a TOML file needs `rows`, the name of its list"))
}

fn raw_row(text: &str, row: &Spanned<DeValue<'_>>, lines: &mut Lines<'_>) -> Result<RawRow, Fault> {
    let line = lines.of(row.span().start);
    let DeValue::Table(table) = row.get_ref() else {
        return Err(Fault::at(line, format!("a row is of type {}, not a table", row.get_ref().type_str())));
    };
    let mut values = vec![];
    for (name, value) in table {
        let value = match value.get_ref() {
            DeValue::String(value) => value.to_string(),
            _ => nested(text, value, DEPTH)
                .map_err(|why| Fault::at(line, format!("{}: {why}", name.get_ref())))?,
        };
        values.push((name.get_ref().to_string(), value));
    }
    Ok(RawRow { line: Some(line), values })
}

/// A value as compact JSON, names sorted; numbers and times as they are written.
fn nested(text: &str, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<String, String> {
    let deeper = depth.checked_sub(1).ok_or_else(|| format!("is nested deeper than {DEPTH} times"));
    match value.get_ref() {
        DeValue::String(value) => Ok(serde_json::Value::String(value.to_string()).to_string()),
        DeValue::Array(parts) => {
            let depth = deeper?;
            let parts: Result<Vec<_>, _> = parts.iter().map(|part| nested(text, part, depth)).collect();
            Ok(format!("[{}]", parts?.join(",")))
        }
        DeValue::Table(table) => {
            let depth = deeper?;
            let sorted: BTreeMap<String, &Spanned<DeValue<'_>>> =
                table.iter().map(|(name, value)| (name.get_ref().to_string(), value)).collect();
            let part = |(name, value): (String, &Spanned<DeValue<'_>>)| {
                Ok(format!("{}:{}", serde_json::Value::String(name), nested(text, value, depth)?))
            };
            let parts: Result<Vec<_>, String> = sorted.into_iter().map(part).collect();
            Ok(format!("{{{}}}", parts?.join(",")))
        }
        _ => Ok(text.get(value.span()).unwrap_or_default().to_owned()),
    }
}
