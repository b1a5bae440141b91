//! Who may decide what: people, their roles, and signatures that only their tokens can make.
//!
//! A token is the private half of an Ed25519 key and stays with its owner; the configuration has the public half
//! (`[people.NAME] key`). So neither the configuration nor the database holds anything that a decision could be forged
//! with.

use std::fmt;

mod statement;
mod token;

pub use statement::{Signed, SignedError, Statement};
pub use token::{PublicKey, Token};

/// What a person may do, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Decides about holds, cases and changes of lists, and proposes rules.
    Reviewer,
    /// Confirms rules and lets held windows be paid.
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Reviewer, Self::Admin];

    /// As the configuration writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Reviewer => "reviewer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A section `[people.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub role: Role,
    /// Of this person's token; who has none logs in by OpenID Connect alone.
    pub key: Option<PublicKey>,
    /// The subject or verified e-mail by which an OpenID Connect provider knows the person.
    pub login: Option<String>,
}

/// Why somebody may not decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{name:?} is no name: 1 to 64 characters, none of them a control character")]
    NoName { name: String },
    #[error("there is no [people.{name}] in the configuration; there is {known}")]
    Unknown { name: String, known: String },
    #[error("{name} is a {role}, and this takes a person with the role {needed}")]
    Role { name: String, role: Role, needed: Role },
    #[error(
        "{name} has no key in [people.{name}], so no token can show that it is {name}: `rewardd token new`"
    )]
    NoKey { name: String },
    #[error("this takes the token of {name}: in REWARDD_TOKEN, or in a file that --token-file names")]
    NoToken { name: String },
    #[error("this is not the token of {name}: its public half is another than [people.{name}] key")]
    NotTheToken { name: String },
}

/// Who decides, as it will be recorded; and the signature, where people are configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    pub name: String,
    pub signed: Option<Signed>,
}

/// Whether `name` may decide. Where no people are configured, anybody who can run the command may, under any name.
/// Elsewhere it takes the person's token, which signs the statement.
///
/// # Errors
/// [`Refused`].
pub fn authorize(
    people: &[Person],
    name: &str,
    needed: Role,
    token: Option<&Token>,
    statement: Statement,
) -> Result<Decider, Refused> {
    let owned = || name.to_owned();
    if people.is_empty() {
        let is_name = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        return match is_name {
            true => Ok(Decider { name: owned(), signed: None }),
            false => Err(Refused::NoName { name: owned() }),
        };
    }
    let person = find(people, name)?;
    if person.role < needed {
        return Err(Refused::Role { name: owned(), role: person.role, needed });
    }
    let key = person.key.as_ref().ok_or_else(|| Refused::NoKey { name: owned() })?;
    let token = token.ok_or_else(|| Refused::NoToken { name: owned() })?;
    if token.public_key() != *key {
        return Err(Refused::NotTheToken { name: owned() });
    }
    Ok(Decider { name: owned(), signed: Some(statement.sign(token)) })
}

/// A person by name.
///
/// # Errors
/// [`Refused::Unknown`], with the names there are.
pub fn find<'p>(people: &'p [Person], name: &str) -> Result<&'p Person, Refused> {
    people.iter().find(|person| person.name == name).ok_or_else(|| {
        let known: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
        Refused::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

#[cfg(test)]
mod tests;
