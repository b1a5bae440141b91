//! Sections and tables with names of the operator's: `[notify.receivers.NAME]`, and `[[alarms]]` with its `name`. What
//! each holds is in `elements.toml`. Inside, both are sections: the key of a limit is `alarms.NAME.limit`.

use toml::de::{DeTable, DeValue};

use super::{Settings, collect_defaults, join, line, variable_name};
use crate::config::values::{Value, text};

/// What elements are one of.
struct Family {
    key: &'static str,
    /// How messages name one.
    one: &'static str,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `[KEY.NAME]`: in no order, and known from variables too.
    Sections,
    /// `[[KEY]]`: in the order of the file, which alone has them.
    List,
}

pub(in crate::config) const RECEIVERS: &str = "notify.receivers";
pub(in crate::config) const PEOPLE: &str = "people";
pub(in crate::config) const ALARMS: &str = "alarms";
pub(in crate::config) const SUSPICIONS: &str = "suspicions";
pub(in crate::config) const FILES: &str = "confirm.files";
pub(in crate::config) const REPOSITORIES: &str = "confirm.repositories";

const FAMILIES: [Family; 6] = [
    Family { key: RECEIVERS, one: "a receiver", form: Form::Sections },
    Family { key: PEOPLE, one: "a person", form: Form::Sections },
    Family { key: ALARMS, one: "an alarm", form: Form::List },
    Family { key: SUSPICIONS, one: "a suspicion", form: Form::List },
    Family { key: FILES, one: "a file", form: Form::List },
    Family { key: REPOSITORIES, one: "a repository", form: Form::List },
];

/// One section or table with a name.
pub(super) struct Element {
    /// The key of its family.
    family: &'static str,
    name: String,
    /// Where its table begins; none for a section.
    place: Option<String>,
}

/// The family of sections that `section` is.
pub(super) fn sections_family(section: &str) -> Option<&'static str> {
    family(section, Form::Sections).map(|family| family.key)
}

/// The list that `key` is.
pub(super) fn list(key: &str) -> Option<&'static str> {
    family(key, Form::List).map(|family| family.key)
}

/// The list that a section is a table of, by the section's dotted name.
pub(in crate::config) fn list_of(section: &str) -> Option<&'static str> {
    section.rsplit_once('.').and_then(|(family, _)| list(family))
}

/// The keys of all families, for suggestions.
pub(super) fn families<'f>() -> impl Iterator<Item = &'f str> {
    FAMILIES.into_iter().map(|family| family.key)
}

/// The list that a variable tries to reach into.
pub(super) fn list_of_variable(name: &str) -> Option<&'static str> {
    let reaches = |family: &&Family| {
        let rest = name.strip_prefix(&variable_name(family.key));
        family.form == Form::List && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("__"))
    };
    FAMILIES.iter().find(reaches).map(|family| family.key)
}

/// The family of sections, and the name, that a variable is about.
pub(super) fn section_of_variable(name: &str) -> Option<(&'static str, String)> {
    FAMILIES.iter().filter(|family| family.form == Form::Sections).find_map(|family| {
        let rest = name.strip_prefix(&variable_name(family.key))?.strip_prefix("__")?;
        rest.split_once("__").map(|(element, _)| (family.key, element.to_lowercase()))
    })
}

fn family(key: &str, form: Form) -> Option<&'static Family> {
    const ALL: &[Family] = &FAMILIES;
    ALL.iter().find(|family| family.key == key && family.form == form)
}

impl<'t> Settings<'t> {
    /// Makes the keys of a section, where there are none yet.
    ///
    /// # Errors
    /// What a name may be.
    pub(super) fn add_section(&mut self, family: &'static str, name: &str) -> Result<(), String> {
        check_name(family, name)?;
        if self.names(family).iter().all(|known| known != name) {
            self.add_element(Element { family, name: name.to_owned(), place: None });
        }
        Ok(())
    }

    fn add_element(&mut self, element: Element) {
        let table = DeTable::parse(include_str!("../elements.toml")).expect("elements.toml is TOML");
        let mut keys = std::collections::BTreeMap::new();
        collect_defaults("", table.into_inner(), &mut keys);
        for (key, setting) in keys {
            if let Some(key) = key.strip_prefix(element.family).and_then(|key| key.strip_prefix('.')) {
                let section = join(element.family, &element.name);
                self.entries.insert(format!("{section}.{key}"), setting);
            }
        }
        self.elements.push(element);
    }

    /// Takes the tables of a list from the file.
    pub(super) fn add_list(&mut self, family: &'static str, value: DeValue<'t>, place: &str, text: &str) {
        let DeValue::Array(items) = value else {
            self.problems
                .push(format!("{place}: {family}: is a list: begin each table of it with [[{family}]]"));
            return;
        };
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{}:{}", self.file, line(text, item.span().start));
            let problem = |what: &str| format!("{place}: {family}: table {}: {what}", index + 1);
            let DeValue::Table(mut table) = item.into_inner() else {
                self.problems.push(problem("must be a table"));
                continue;
            };
            let name = match table.remove("name").map(|name| Value::Toml(name.into_inner())) {
                Some(name) => self::text(&name).map(str::to_owned).map_err(|what| format!("name: {what}")),
                None => Err("name is missing: give each a name of its own, as in name = \"one\"".to_owned()),
            };
            let checked = name.and_then(|name| check_name(family, &name).map(|()| name));
            match checked {
                Err(what) => self.problems.push(problem(&what)),
                Ok(name) if self.names(family).contains(&name) => {
                    self.problems
                        .push(problem(&format!("name: {name:?} is the name of another one already")));
                }
                Ok(name) => {
                    let key = join(family, &name);
                    self.add_element(Element { family, name, place: Some(place) });
                    self.add_table(&key, table, text);
                }
            }
        }
    }

    /// The names of a family's elements: of a list in the order of the file, of sections by name.
    pub fn names(&self, family: &str) -> Vec<String> {
        let of_family = self.elements.iter().filter(|element| element.family == family);
        let mut names: Vec<String> = of_family.map(|element| element.name.clone()).collect();
        if list(family).is_none() {
            names.sort_unstable();
        }
        names
    }

    /// Where the table of a list begins that `section` is.
    pub(super) fn place_of(&self, section: &str) -> Option<&String> {
        let is = |element: &&Element| join(element.family, &element.name) == section;
        self.elements.iter().find(is).and_then(|element| element.place.as_ref())
    }
}

fn check_name(family: &str, name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_one = (1..=32).contains(&name.len()) && name.bytes().all(plain) && !name.contains("__");
    if is_one && !name.starts_with('_') && !name.ends_with('_') {
        return Ok(());
    }
    let one = FAMILIES.iter().find(|known| known.key == family).map_or("an element", |family| family.one);
    Err(format!("{one}'s name is 1 to 32 of a-z, 0-9 and single _ between them"))
}

/// The keys of one element, for reading them.
pub(in crate::config) struct Keys<'s, 't> {
    settings: &'s mut Settings<'t>,
    section: String,
    /// How many problems there were before it.
    problems: usize,
}

impl<'s, 't> Keys<'s, 't> {
    pub fn new(settings: &'s mut Settings<'t>, family: &str, name: &str) -> Self {
        let problems = settings.problem_count();
        Self { settings, section: join(family, name), problems }
    }

    /// As [`Settings::read`].
    pub fn read<T>(&mut self, key: &str, parse: impl Fn(&Value<'_>) -> Result<T, String>) -> T {
        self.settings.read(&format!("{}.{key}", self.section), parse)
    }

    /// The value of a key that must be set; `why` says what for.
    pub fn required<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&Value<'_>) -> Result<T, String>,
        why: &str,
    ) -> Option<T> {
        let problems = self.settings.problem_count();
        let value = self.read(key, |v| crate::config::values::optional(v, &parse));
        if value.is_none() && self.settings.problem_count() == problems {
            self.report(&format!("{key} is missing: {why}"));
        }
        value
    }

    /// Whether the key is set.
    pub fn has(&self, key: &str) -> bool {
        self.settings.is_set(&format!("{}.{key}", self.section))
    }

    /// Reports what is wrong with the element as a whole.
    pub fn report(&mut self, what: &str) {
        self.settings.report(&self.section, what);
    }

    /// Reports what is wrong with a key beside the others.
    pub fn report_key(&mut self, key: &str, what: &str) {
        self.settings.report(&format!("{}.{key}", self.section), what);
    }

    /// Reports each of these keys that is set.
    pub fn refuse<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>, what: &str) {
        for key in keys {
            if self.has(key) {
                self.report_key(key, what);
            }
        }
    }

    /// Whether nothing was wrong with the element so far.
    pub fn are_valid(&self) -> bool {
        self.settings.problem_count() == self.problems
    }
}
