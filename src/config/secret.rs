//! A secret that is no URL: shown masked everywhere but where it is compared.

use std::fmt;

/// Long enough that nobody guesses it, short enough for a header.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

/// A text that only its owners know. `Debug` and `Display` mask it; [`Secret::expose`] does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// # Errors
    /// What is allowed. The message never repeats the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 16 to 256 letters, digits and signs of ASCII without a blank, as `openssl rand -hex 32` \
                 prints them"
                .to_owned())
        }
    }

    /// The secret itself, for comparing and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::parse("correct-horse-battery").unwrap();
        assert_eq!(format!("{secret} {secret:?}"), "*** Secret(***)");
        assert_eq!(secret.expose(), "correct-horse-battery");
    }

    #[test]
    fn what_is_short_or_does_not_fit_a_header_is_refused() {
        for text in
            ["", "short", "fifteen-letters", "with a blank in it", "árvíztűrő-tükörfúró", &"x".repeat(257)]
        {
            let refused = Secret::parse(text).unwrap_err();
            assert!(refused.starts_with("must be 16 to 256") && !refused.contains("short"), "{refused}");
        }
    }
}
