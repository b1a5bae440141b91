//! `[people]`: who may decide, and how the dashboard and the commands know them.

use std::fmt;

/// Somebody who may see or decide. Without people, nobody is asked who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What the section is called: lower-case letters, digits and `_`.
    pub name: String,
    pub role: Role,
    /// The public half of the token that the person decides with; no two have the same.
    pub key: Option<PublicKey>,
    /// The `sub` or the verified mail address that OpenID Connect says; no two have the same.
    pub login: Option<String>,
}

/// What a person may do. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See.
    Viewer,
    /// Decide on cases, holds and changes.
    Reviewer,
    /// Decide on rules, too.
    Admin,
}

pub(super) const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("reviewer", Role::Reviewer), ("admin", Role::Admin)];

impl Role {
    /// The word of the configuration, of tables and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        super::name_in(&ROLES, self)
    }
}

/// An Ed25519 public key: 32 bytes, written as 64 hexadecimal digits. No secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// # Errors
    /// What is allowed. The message never repeats the text: somebody may have taken the secret half for it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused =
            || "must be the 64 hexadecimal digits that `rewardd token new` prints as the key".to_owned();
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| refused())?;
        }
        Ok(Self(bytes))
    }

    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let text = format!("0aF9{}", "5".repeat(60));
        let key = PublicKey::parse(&text).unwrap();
        assert_eq!(key.bytes()[..3], [0x0a, 0xf9, 0x55]);
        assert_eq!(key.to_string(), text.to_lowercase());
        assert_eq!(PublicKey::new(*key.bytes()), key);
        for wrong in ["", "0aF9", &"5".repeat(65), &"x".repeat(64), &"é".repeat(32)] {
            assert!(PublicKey::parse(wrong).unwrap_err().starts_with("must be the 64"), "{wrong}");
        }
    }
}
