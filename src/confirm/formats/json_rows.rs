//! JSON: an array of objects, at the top or at the end of a path. Values are taken as they are written, so that no number
//! loses a digit.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DEPTH, Fault, Lines, RawRow, twice};

/// # Errors
/// [`Fault`].
pub fn json_rows(text: &str, path: &[String]) -> Result<Vec<RawRow>, Fault> {
    let mut at: &RawValue =
        serde_json::from_str(text).map_err(|error| Fault::at(error.line(), error.to_string()))?;
    let mut lines = Lines::new(text);
    for name in path {
        let inside =
            pairs(at.get(), lines.of(offset(text, at)))?.into_iter().find(|(known, _)| known == name);
        at = inside.ok_or_else(|| Fault::new(format!("there is no {name:?}, which `rows` names")))?.1;
    }
    let line = lines.of(offset(text, at));
    if !at.get().starts_with('[') {
        return Err(Fault::at(line, "an array of rows is wanted here; `rows` names where it is"));
    }
    let rows: Vec<&RawValue> =
        serde_json::from_str(at.get()).map_err(|error| Fault::at(line, error.to_string()))?;
    let row = |row: &&RawValue| {
        let line = lines.of(offset(text, row));
        let mut values = vec![];
        for (name, value) in pairs(row.get(), line)? {
            let value = plain(value.get()).map_err(|why| Fault::at(line, format!("{name}: {why}")))?;
            values.extend(value.map(|value| (name, value)));
        }
        Ok(RawRow { line: Some(line), values })
    };
    rows.iter().map(row).collect()
}

/// Where a part begins in the text that it was cut from.
fn offset(text: &str, part: &RawValue) -> usize {
    (part.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Names and values of an object, in their order, each name once.
fn pairs(text: &str, line: usize) -> Result<Vec<(String, &RawValue)>, Fault> {
    if !text.starts_with('{') {
        return Err(Fault::at(line, "an object is wanted here"));
    }
    let Pairs(pairs) = serde_json::from_str(text).map_err(|error| Fault::at(line, error.to_string()))?;
    match twice(pairs.iter().map(|(name, _)| name.as_str())) {
        Some(name) => Err(Fault::at(line, format!("the name {name:?} is there twice"))),
        None => Ok(pairs),
    }
}

/// The text of a value; none for `null`.
fn plain(written: &str) -> Result<Option<String>, String> {
    Ok(match written.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => Some(serde_json::from_str(written).map_err(|error| error.to_string())?),
        _ => Some(nested(written, DEPTH)?),
    })
}

/// A value as compact JSON, names sorted.
fn nested(written: &str, depth: usize) -> Result<String, String> {
    let deeper = depth.checked_sub(1).ok_or_else(|| format!("is nested deeper than {DEPTH} times"));
    match written.as_bytes().first() {
        Some(b'"') => {
            let text: String = serde_json::from_str(written).map_err(|error| error.to_string())?;
            Ok(serde_json::Value::String(text).to_string())
        }
        Some(b'[') => {
            let depth = deeper?;
            let parts: Vec<&RawValue> = serde_json::from_str(written).map_err(|error| error.to_string())?;
            let parts: Result<Vec<_>, _> = parts.iter().map(|part| nested(part.get(), depth)).collect();
            Ok(format!("[{}]", parts?.join(",")))
        }
        Some(b'{') => {
            let depth = deeper?;
            let sorted: BTreeMap<String, &RawValue> =
                pairs(written, 0).map_err(|fault| fault.why)?.into_iter().collect();
            let part = |(name, value): (String, &RawValue)| {
                let value = nested(value.get(), depth)?;
                Ok(format!("{}:{value}", serde_json::Value::String(name)))
            };
            let parts: Result<Vec<_>, String> = sorted.into_iter().map(part).collect();
            Ok(format!("{{{}}}", parts?.join(",")))
        }
        _ => Ok(written.to_owned()),
    }
}

/// An object without a map's judgement of names that are there twice.
struct Pairs<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = vec![];
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        from.deserialize_map(Reader)
    }
}
