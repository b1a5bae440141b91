//! What differs between two versions of the rules.

use std::collections::BTreeMap;

/// A key that is not the same in both; none where it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// By its dotted name.
    pub key: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// The keys that differ between two texts of rules, by name.
///
/// # Errors
/// Where one of them is no TOML: it was not written by rewardd.
pub fn rules_changes(old: &str, new: &str) -> Result<Vec<Change>, toml::de::Error> {
    let (mut old, new) = (flat(old)?, flat(new)?);
    let mut changes = vec![];
    for (key, new) in new {
        let old = old.remove(&key);
        if old.as_ref() != Some(&new) {
            changes.push(Change { key, old, new: Some(new) });
        }
    }
    changes.extend(old.into_iter().map(|(key, old)| Change { key, old: Some(old), new: None }));
    changes.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(changes)
}

fn flat(text: &str) -> Result<BTreeMap<String, String>, toml::de::Error> {
    let mut keys = BTreeMap::new();
    collect("", &text.parse()?, &mut keys);
    Ok(keys)
}

fn collect(section: &str, table: &toml::Table, keys: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        match value {
            toml::Value::Table(inner) => collect(&key, inner, keys),
            toml::Value::Array(items) if items.first().is_some_and(toml::Value::is_table) => {
                collect_list(&key, items, keys);
            }
            value => drop(keys.insert(key, value.to_string())),
        }
    }
}

/// The tables of a list by their names, and under its own key the names in order.
fn collect_list(list: &str, items: &[toml::Value], keys: &mut BTreeMap<String, String>) {
    let mut names = vec![];
    for mut table in items.iter().filter_map(|item| item.as_table().cloned()) {
        let name = table.remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        collect(&format!("{list}.{name}"), &table, keys);
        names.push(name);
    }
    keys.insert(list.to_owned(), toml::Value::from(names).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let told = |change: &Change| {
            let text = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
            format!("{} {} {}", change.key, text(&change.old), text(&change.new))
        };
        rules_changes(old, new).unwrap().iter().map(told).collect()
    }

    #[test]
    fn alarms_are_told_apart_by_their_names() {
        let alarm = |name: &str, limit: u32| format!("[[alarms]]\nname = {name:?}\nlimit = {limit}\n");
        let (burst, budget) = (alarm("burst", 60), alarm("budget", 5));
        let both = format!("{burst}{budget}");
        assert_eq!(told("", &burst), ["alarms - [\"burst\"]", "alarms.burst.limit - 60"]);
        assert_eq!(
            told(&both, &burst),
            [r#"alarms ["burst", "budget"] ["burst"]"#, "alarms.budget.limit 5 -"]
        );
        assert_eq!(told(&both, &format!("{}{budget}", alarm("burst", 50))), ["alarms.burst.limit 60 50"]);
        assert_eq!(
            told(&both, &format!("{budget}{burst}")),
            [r#"alarms ["burst", "budget"] ["budget", "burst"]"#]
        );
        assert!(told(&both, &both).is_empty());
    }

    #[test]
    fn keys_that_came_changed_and_went_are_told_by_name() {
        let old = "[rules.daily]\nmin_votes = 1\n[rules.pool]\nshare = \"0.25\"\ntypes = [\"cc\"]\n";
        let new = "[rules.daily]\nmin_votes = 2\nhours = 3\n[rules.pool]\nshare = \"0.25\"\n";
        assert_eq!(
            told(old, new),
            ["rules.daily.hours - 3", "rules.daily.min_votes 1 2", "rules.pool.types [\"cc\"] -"]
        );
        assert_eq!(rules_changes(old, old).unwrap(), []);
    }
}
