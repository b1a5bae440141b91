//! What `SHOW GRANTS` says, understood: which rights a user has on what, those of its active roles included, which
//! both servers list beside its own.

use std::fmt;

/// Stands for every right but that of granting.
pub const ALL: &str = "ALL PRIVILEGES";
pub const GRANT_OPTION: &str = "GRANT OPTION";

/// Where rights hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Everywhere,
    /// A pattern of `LIKE`, as both servers keep it.
    Schema(String),
    Table(String, String),
    /// A procedure, a role, a user: nothing that has tables.
    Other,
}

/// As statements take it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("*.*"),
            Self::Schema(pattern) => write!(f, "`{pattern}`.*"),
            Self::Table(schema, table) => write!(f, "`{schema}`.`{table}`"),
            Self::Other => f.write_str("something else"),
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In capitals, with the columns they are limited to; none where they are not.
    pub rights: Vec<(String, Option<Vec<String>>)>,
    pub scope: Scope,
    /// Takes away what a wider line gives (MySQL's partial revokes).
    pub is_revoke: bool,
}

/// All lines of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// Lines of other forms (roles, default roles) name no rights and are passed over.
    #[must_use]
    pub fn parse(lines: &[String]) -> Self {
        Self(lines.iter().filter_map(|line| parse_line(line)).collect())
    }

    /// Whether a right holds for a whole schema.
    #[must_use]
    pub fn on_schema(&self, right: &str, schema: &str) -> bool {
        let covers = |grant: &&Grant| match &grant.scope {
            Scope::Everywhere => true,
            Scope::Schema(pattern) => matches(pattern, schema),
            Scope::Table(..) | Scope::Other => false,
        };
        let is_revoked = |grant: &Grant| grant.scope == Scope::Everywhere && self.revokes(right, schema);
        let mut lines = self.0.iter().filter(|grant| !grant.is_revoke).filter(covers);
        lines.any(|grant| grant.gives(right) && !is_revoked(grant))
    }

    /// Whether a right holds for these columns of a table at least.
    #[must_use]
    pub fn on_columns(&self, right: &str, schema: &str, table: &str, columns: &[&str]) -> bool {
        let here = |grant: &&Grant| {
            matches!(&grant.scope, Scope::Table(s, t) if s == schema && t == table) && !grant.is_revoke
        };
        let allowed = |column: &str| {
            let holds = |(name, limit): &(String, Option<Vec<String>>)| {
                is_right(name, right)
                    && limit
                        .as_ref()
                        .is_none_or(|limit| limit.iter().any(|limited| limited.eq_ignore_ascii_case(column)))
            };
            self.0.iter().filter(here).any(|grant| grant.rights.iter().any(holds))
        };
        self.on_schema(right, schema) || (!columns.is_empty() && columns.iter().all(|column| allowed(column)))
    }

    /// Whether a right holds for a whole table.
    #[must_use]
    pub fn on_table(&self, right: &str, schema: &str, table: &str) -> bool {
        let here = |grant: &Grant| matches!(&grant.scope, Scope::Table(s, t) if s == schema && t == table);
        self.on_schema(right, schema) || self.0.iter().any(|grant| here(grant) && grant.gives(right))
    }

    /// The lines that give rights on everything.
    pub fn everywhere(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter().filter(|grant| grant.scope == Scope::Everywhere)
    }

    /// The lines that give rights on a schema or on tables and columns in it, without those on everything.
    pub fn within(&self, schema: &str) -> impl Iterator<Item = &Grant> {
        let here = move |grant: &&Grant| match &grant.scope {
            Scope::Schema(pattern) => matches(pattern, schema),
            Scope::Table(of, _) => of == schema,
            Scope::Everywhere | Scope::Other => false,
        };
        self.0.iter().filter(|grant| !grant.is_revoke).filter(here)
    }

    fn revokes(&self, right: &str, schema: &str) -> bool {
        let here = |grant: &Grant| matches!(&grant.scope, Scope::Schema(pattern) if matches(pattern, schema));
        self.0.iter().any(|grant| grant.is_revoke && here(grant) && grant.gives(right))
    }
}

impl Grant {
    /// Its rights that are none of these, as statements take them.
    pub fn more_than(&self, may: &[&str]) -> Vec<String> {
        let more = self.rights.iter().filter(|(name, _)| name != "USAGE" && !may.contains(&name.as_str()));
        let shown = more.map(|(name, columns)| match columns {
            Some(columns) => format!("{name} (`{}`)", columns.join("`, `")),
            None => name.clone(),
        });
        shown.collect()
    }

    fn gives(&self, right: &str) -> bool {
        self.rights.iter().any(|(name, limit)| limit.is_none() && is_right(name, right))
    }
}

fn is_right(name: &str, right: &str) -> bool {
    name == right || (name == ALL && right != GRANT_OPTION)
}

/// `GRANT SELECT, INSERT (`a`, `b`) ON `db`.`t` TO …`
fn parse_line(line: &str) -> Option<Grant> {
    let (is_revoke, rest) = match line.split_once(' ')? {
        ("GRANT", rest) => (false, rest),
        ("REVOKE", rest) => (true, rest),
        _ => return None,
    };
    let (rights, rest) = split_outside(rest, " ON ")?;
    let (scope, rest) = split_outside(rest, if is_revoke { " FROM " } else { " TO " })?;
    let mut rights: Vec<_> = split_all(rights).into_iter().map(parse_right).collect();
    if rest.contains(" WITH GRANT OPTION") {
        rights.push((GRANT_OPTION.to_owned(), None));
    }
    Some(Grant { rights, scope: parse_scope(scope), is_revoke })
}

fn parse_right(text: &str) -> (String, Option<Vec<String>>) {
    match text.split_once(" (") {
        Some((name, columns)) => {
            let columns = split_all(columns.trim_end_matches(')')).into_iter().map(unquoted);
            (name.to_owned(), Some(columns.collect()))
        }
        None => (text.to_owned(), None),
    }
}

fn parse_scope(text: &str) -> Scope {
    match split_outside(text, ".") {
        Some(("*", "*")) => Scope::Everywhere,
        Some((schema, "*")) if schema.starts_with('`') => Scope::Schema(unquoted(schema)),
        Some((schema, table)) if schema.starts_with('`') => Scope::Table(unquoted(schema), unquoted(table)),
        _ => Scope::Other,
    }
}

fn unquoted(name: &str) -> String {
    name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap_or(name).replace("``", "`")
}

/// Splits at the first mark outside of quoted names and brackets.
fn split_outside<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let (mut quoted, mut depth) = (false, 0_usize);
    for (at, c) in text.char_indices() {
        if !quoted && depth == 0 && text[at..].starts_with(mark) {
            return Some((&text[..at], &text[at + mark.len()..]));
        }
        match c {
            '`' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The parts of a list; some have a space after the comma, MySQL's dynamic privileges have none.
fn split_all(mut text: &str) -> Vec<&str> {
    let mut parts = vec![];
    while let Some((part, rest)) = split_outside(text, ",") {
        parts.push(part.trim());
        text = rest;
    }
    parts.push(text.trim());
    parts
}

/// Whether a schema's name is like a pattern, in which `%` is anything, `_` any character, and a backslash takes the
/// next one as it is.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => name.is_empty(),
        Some('%') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(pattern_rest.as_str(), &name[at..]))
        }
        Some(c) => {
            let (c, is_any) = match c {
                '\\' => (pattern_rest.next().unwrap_or(c), false),
                '_' => (c, true),
                c => (c, false),
            };
            let mut name_rest = name.chars();
            name_rest.next().is_some_and(|first| {
                (is_any || first == c) && matches(pattern_rest.as_str(), name_rest.as_str())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants::parse(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn rights_of_servers_are_read_as_they_write_them() {
        let mariadb = grants(&[
            "GRANT `readers` TO `u`@`%`",
            "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*B69027D44F6E5EDC07F1AEAD1477967B16F28227'",
            "GRANT SELECT (`id`, `cc`), INSERT (`id`) ON `voting`.`votes` TO `u`@`%`",
            "GRANT SELECT, LOCK TABLES ON `rates`.* TO `readers`",
            "SET DEFAULT ROLE `readers` FOR `u`@`%`",
        ]);
        assert!(mariadb.on_columns("SELECT", "voting", "votes", &["id", "CC"]));
        assert!(!mariadb.on_columns("SELECT", "voting", "votes", &["id", "ecc"]));
        assert!(!mariadb.on_table("SELECT", "voting", "votes"));
        assert!(mariadb.on_schema("LOCK TABLES", "rates") && mariadb.on_table("SELECT", "rates", "any"));
        assert!(mariadb.everywhere().all(|grant| grant.more_than(&[]).is_empty()));
        let within: Vec<_> = mariadb.within("voting").map(|grant| grant.more_than(&["SELECT"])).collect();
        assert_eq!(within, [["INSERT (`id`)"]]);

        let mysql = grants(&[
            "GRANT SELECT, CREATE ROLE, DROP ROLE ON *.* TO `u`@`%` WITH GRANT OPTION",
            "GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `u`@`%`",
            "REVOKE SELECT ON `rewards`.* FROM `u`@`%`",
            "GRANT ALL PRIVILEGES ON `other`.* TO `u`@`%`",
            "GRANT EXECUTE ON PROCEDURE `other`.`p` TO `u`@`%`",
            "GRANT PROXY ON ``@`` TO `u`@`%` WITH GRANT OPTION",
        ]);
        assert!(mysql.on_schema("SELECT", "voting") && !mysql.on_schema("SELECT", "rewards"));
        let everywhere: Vec<_> = mysql.everywhere().flat_map(|grant| grant.more_than(&["SELECT"])).collect();
        assert_eq!(everywhere, ["CREATE ROLE", "DROP ROLE", GRANT_OPTION, "BACKUP_ADMIN", "CLONE_ADMIN"]);
        assert!(mysql.on_schema("DELETE", "other") && !mysql.on_schema("DELETE", "voting"));
        let within: Vec<_> = mysql.within("other").collect();
        assert_eq!(
            (within.len(), within[0].more_than(&[]), within[0].scope.to_string()),
            (1, vec![ALL.to_owned()], "`other`.*".to_owned())
        );
    }

    #[test]
    fn names_may_hold_anything_and_schemas_are_patterns() {
        let odd = grants(&["GRANT INSERT ON `a ON b``.c`.`t TO u` TO `u`@`%`"]);
        assert!(odd.on_table("INSERT", "a ON b`.c", "t TO u"), "{odd:?}");
        for (pattern, name, expected) in [
            ("rewards", "rewards", true),
            ("rewards", "rewards2", false),
            (r"my\_rewards", "my_rewards", true),
            (r"my\_rewards", "my-rewards", false),
            ("my_rewards", "my-rewards", true),
            ("%", "", true),
            ("re%ds", "rewards", true),
            ("re%ds", "reward", false),
            (r"t\%", "t%", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
