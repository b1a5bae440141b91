//! Where two records differ.

use serde::Serialize;
use serde_json::Value;

/// Each field that two records have not in common, by its path, with both values. What says only who wrote the record
/// is left out.
///
/// # Panics
/// Never: records are plain data.
pub(super) fn differences<T: Serialize>(stored: &T, expected: &T) -> Vec<String> {
    let value = |record: &T| serde_json::to_value(record).expect("records are plain data");
    let mut found = vec![];
    compare("", &value(stored), &value(expected), &mut found);
    found
}

fn compare(path: &str, stored: &Value, expected: &Value, found: &mut Vec<String>) {
    if ["software_version", "record_version"].contains(&path) {
        return;
    }
    match (stored, expected) {
        (Value::Object(fields), Value::Object(others)) => {
            let mut names: Vec<&String> = fields.keys().chain(others.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let field = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or(Value::Null)
                };
                compare(&path, &field(fields), &field(others), found);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (index, (item, other)) in items.iter().zip(others).enumerate() {
                compare(&format!("{path}[{index}]"), item, other, found);
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            found.push(format!("{path} has {} entries, not {}", items.len(), others.len()));
        }
        _ if stored != expected => {
            found.push(format!("{path} is {}, not {}", plain(stored), plain(expected)))
        }
        _ => {}
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn differences_name_the_path_and_both_values() {
        let stored = json!({"a": {"b": "1"}, "c": [1, 2], "d": [1], "software_version": "1", "e": null});
        let expected = json!({"a": {"b": "2"}, "c": [1, 3], "d": [], "software_version": "2", "e": null});
        let found = differences(&stored, &expected);
        assert_eq!(found, ["a.b is 1, not 2", "c[1] is 2, not 3", "d has 1 entries, not 0"]);
        assert!(differences(&stored, &stored).is_empty());
    }
}
