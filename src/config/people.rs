//! `[people]`: who may decide, and how the dashboard and the commands know them.

use super::settings::{Keys, PEOPLE, Settings};
use super::show::Entry;
use super::values::{filled, optional, text, word};
use crate::people::{Person, PublicKey, Role};

const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("reviewer", Role::Reviewer), ("admin", Role::Admin)];

/// Reads the section.
pub(super) fn read(s: &mut Settings<'_>) -> Vec<Person> {
    let is_same = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    let mut people: Vec<Person> = vec![];
    for name in s.names(PEOPLE) {
        let mut keys = Keys::new(s, PEOPLE, &name);
        let role = keys.read("role", |v| word(&ROLES, v));
        let key = keys.read("key", |v| optional(v, |v| PublicKey::parse(text(v)?)));
        let login = keys.read("login", |v| optional(v, filled));
        if key.is_none() && login.is_none() && keys.are_valid() {
            keys.report("key is missing: set it to the one that `rewardd token new` prints, or set a login");
        }
        // Whoever had two names could confirm what is their own.
        if let Some(other) = people.iter().find(|other| key.is_some() && other.key == key) {
            keys.report_key("key", &format!("is that of {}: everybody has a key of their own", other.name));
        }
        if let Some(other) = people.iter().find(|other| is_same(&other.login, &login)) {
            keys.report_key(
                "login",
                &format!("is that of {}: everybody has a login of their own", other.name),
            );
        }
        people.push(Person { name, role, key, login });
    }
    people
}

/// The sections, by name.
pub(super) fn entries(people: &[Person]) -> Vec<Entry> {
    let of_person = |Person { name, role, key, login }: &Person| {
        let key = key.as_ref().map(|key| key.to_string()).unwrap_or_default();
        let login = login.clone().unwrap_or_default();
        let values = [("role", role.name().to_owned()), ("key", key), ("login", login)];
        values.map(|(key, value)| (format!("{PEOPLE}.{name}.{key}"), value.into()))
    };
    people.iter().flat_map(of_person).collect()
}
