//! The layers of a configuration: defaults, file, environment. Every value keeps the place it was set at, so that
//! whatever is wrong with it can be said with a file and line or the name of a variable.

mod elements;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, nearest};
use super::values::Value;
use elements::Element;

/// What the name of an environment variable begins with that sets a key.
pub(super) const PREFIX: &str = "REWARDD__";

pub(super) use elements::{ALARMS, FILES, Keys, PEOPLE, RECEIVERS, REPOSITORIES, SUSPICIONS, list_of};

/// One environment variable, of the process or of a `.env` file.
pub(super) struct Variable {
    pub name: String,
    pub text: String,
    /// How messages name it.
    pub place: String,
}

impl Variable {
    /// A variable of the process's environment.
    pub fn of_process(name: String, text: String) -> Self {
        let place = format!("environment variable {name}");
        Self { name, text, place }
    }
}

/// Every key there is, by its dotted name, with its default and what it was set to; and what is wrong so far.
pub(super) struct Settings<'t> {
    /// How messages name the file, for what is missing from it.
    file: String,
    entries: BTreeMap<String, Setting<'t>>,
    elements: Vec<Element>,
    problems: Vec<String>,
}

struct Setting<'t> {
    default: Value<'static>,
    /// The value of the last layer that sets the key, and its place.
    set: Option<(Value<'t>, String)>,
}

impl<'t> Settings<'t> {
    /// Only the defaults. `file` is how messages name the file.
    pub fn new(file: String) -> Self {
        let table = DeTable::parse(include_str!("defaults.toml")).expect("defaults.toml is TOML");
        let mut entries = BTreeMap::new();
        collect_defaults("", table.into_inner(), &mut entries);
        Self { file, entries, elements: Vec::new(), problems: Vec::new() }
    }

    /// Lays the text of a TOML file over what is set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where it is no TOML. Keys that do not exist become problems.
    pub fn add_file(&mut self, text: &'t str) -> Result<(), ConfigError> {
        match DeTable::parse(text) {
            Ok(table) => {
                self.add_table("", table.into_inner(), text);
                Ok(())
            }
            Err(error) => {
                let line = line(text, error.span().unwrap_or_default().start);
                let message = format!("{}:{line}: is not TOML: {}", self.file, error.message());
                Err(ConfigError::Invalid(vec![message]))
            }
        }
    }

    fn add_table(&mut self, section: &str, table: DeTable<'t>, text: &str) {
        for (name, value) in table {
            let key = join(section, name.get_ref());
            let place = format!("{}:{}", self.file, line(text, name.span().start));
            let (list, family) = (elements::list(&key), elements::sections_family(section));
            match (value.into_inner(), list, family) {
                (value, Some(list), _) => self.add_list(list, value, &place, text),
                (DeValue::Table(_), ..) if self.entries.contains_key(&key) => {
                    self.problems.push(format!("{place}: {key}: takes a value, it is not a section"));
                }
                (DeValue::Table(inner), _, Some(family)) => match self.add_section(family, name.get_ref()) {
                    Ok(()) => self.add_table(&key, inner, text),
                    Err(what) => self.problems.push(format!("{place}: {key}: {what}")),
                },
                (DeValue::Table(inner), ..) if self.is_section(&key) => self.add_table(&key, inner, text),
                (DeValue::Table(_), ..) => {
                    let hint = suggestion(&key, self.sections().chain(elements::families()));
                    self.problems.push(format!("{place}: {key}: there is no such section{hint}"));
                }
                (value, ..) => match self.entries.get_mut(&key) {
                    Some(entry) => entry.set = Some((Value::Toml(value), place)),
                    None => self.problems.push(format!("{place}: {key}: {}", self.why_no_key(&key))),
                },
            }
        }
    }

    /// Lays environment variables over what is set. A name without [`PREFIX`] is somebody else's.
    pub fn add_variables(&mut self, variables: impl Iterator<Item = Variable>) {
        for Variable { name, text, place } in variables.filter(|v| v.name.starts_with(PREFIX)) {
            if let Some(list) = elements::list_of_variable(&name) {
                let what = format!("no variable reaches into the list {list}: write [[{list}]] in the file");
                self.problems.push(format!("{place}: {what}"));
                continue;
            }
            // A receiver may be known from its variables alone.
            if let Some((family, element)) = elements::section_of_variable(&name) {
                let _ = self.add_section(family, &element);
            }
            let key = self.entries.keys().find(|key| variable_name(key) == name).cloned();
            match key.and_then(|key| self.entries.get_mut(&key)) {
                Some(entry) => entry.set = Some((Value::Variable(text), place)),
                None => self.problems.push(format!("{place}: {}", self.why_no_variable(&name))),
            }
        }
    }

    /// Whether any layer sets a key.
    pub fn is_set(&self, key: &str) -> bool {
        self.entries[key].set.is_some()
    }

    /// Sets one key, for a program that has no file.
    pub fn set(&mut self, key: &str, text: &str) {
        let entry = self.entries.get_mut(key).expect("the key is one of defaults.toml");
        entry.set = Some((Value::Variable(text.to_owned()), self.file.clone()));
    }

    /// The value of `key` as `parse` reads it. Where it cannot, that is a problem, and the default is returned so
    /// that the keys after it are looked at too.
    pub fn read<T>(&mut self, key: &str, parse: impl Fn(&Value<'_>) -> Result<T, String>) -> T {
        let entry = &self.entries[key];
        if let Some((value, place)) = &entry.set {
            match parse(value) {
                Ok(parsed) => return parsed,
                Err(what) => self.problems.push(format!("{place}: {key}: {what}")),
            }
        }
        parse(&entry.default).expect("defaults.toml holds valid values")
    }

    /// Reports what is wrong with the keys under `section` together, at the first of them that is set.
    pub fn report(&mut self, section: &str, what: &str) {
        let under = |key: &str| {
            key.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.']) || rest.is_empty())
        };
        let set = self.entries.iter().filter(|(key, _)| under(key)).find_map(|(_, entry)| entry.set.as_ref());
        let place = self.place_of(section).or(set.map(|(_, place)| place)).unwrap_or(&self.file);
        self.problems.push(format!("{place}: {section}: {what}"));
    }

    /// How many problems were found so far.
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// `value`, unless there were problems.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with all of them.
    pub fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(value) } else { Err(ConfigError::Invalid(self.problems)) }
    }

    /// Every section there is, by its dotted name; some more than once.
    fn sections(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().flat_map(|key| key.match_indices('.').map(|(dot, _)| &key[..dot]))
    }

    fn is_section(&self, key: &str) -> bool {
        elements::sections_family(key).is_some() || self.sections().any(|section| section == key)
    }

    fn why_no_key(&self, key: &str) -> String {
        if self.is_section(key) {
            return "is a section, it takes no value itself".to_owned();
        }
        let keys = self.entries.keys().map(String::as_str).chain(elements::families());
        format!("there is no such key{}", suggestion(key, keys))
    }

    fn why_no_variable(&self, name: &str) -> String {
        let parts: Vec<_> = name[PREFIX.len()..].split("__").collect();
        if parts.contains(&"") {
            return "has an empty part: two underscores part a section from its key, as in REWARDD__DATABASE__URL"
                .to_owned();
        }
        let key = parts.join(".").to_lowercase();
        if self.is_section(&key) {
            return format!("{key} is a section, it takes no value itself");
        }
        if let Some(outer) = self.entries.keys().find(|outer| key.starts_with(&format!("{outer}."))) {
            return format!("{outer} takes a value, it is not a section");
        }
        let names: Vec<_> = self.entries.keys().map(|key| variable_name(key)).collect();
        let hint = suggestion(&name.to_uppercase(), names.iter().map(String::as_str));
        format!("sets no key there is{hint}")
    }
}

fn collect_defaults(section: &str, table: DeTable<'static>, entries: &mut BTreeMap<String, Setting<'_>>) {
    for (name, value) in table {
        let key = join(section, name.get_ref());
        match value.into_inner() {
            DeValue::Table(inner) => collect_defaults(&key, inner, entries),
            value => {
                entries.insert(key, Setting { default: Value::Toml(value), set: None });
            }
        }
    }
}

/// The dotted name of a key. One that holds a dot itself stays in quotes: it must not pass for a nested one.
fn join(section: &str, name: &str) -> String {
    let name = if name.is_empty() || name.contains('.') { format!("{name:?}") } else { name.to_owned() };
    if section.is_empty() { name } else { format!("{section}.{name}") }
}

fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn suggestion<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    nearest(word, candidates).map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

/// The line, from 1, of a byte of `text`.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
