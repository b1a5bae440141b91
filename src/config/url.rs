//! Database URLs, which may hold a password: shown masked everywhere but where a connection is opened.

use std::fmt;

/// The schemes this program has a backend for.
const SCHEMES: [&str; 3] = ["sqlite:", "mysql:", "mariadb:"];

/// Where a database is. `Debug` and `Display` mask the password; [`DatabaseUrl::expose`] does not.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// # Errors
    /// What is allowed, where the scheme is not `sqlite:`, `mysql:` or `mariadb:` or nothing follows it. The
    /// message never repeats the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = |scheme: &&str| text.strip_prefix(*scheme).is_some_and(|rest| !rest.is_empty());
        if SCHEMES.iter().any(known) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a URL that begins with sqlite:, mysql: or mariadb:".to_owned())
        }
    }

    /// A database that is gone with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self("sqlite::memory:".to_owned())
    }

    /// The URL with its password, for opening a connection and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", mask_url(&self.0))
    }
}

/// `url` with its passwords replaced by `***`: the one before the host and any `password=`-like parameter.
///
/// What looks like no URL is masked too, and rather too much than too little: a password typed without
/// percent-encoding may hold `/`, `?` or `@`, so everything up to the *last* `@` counts as one. A `sqlite:` URL has
/// no password and stays as it is.
#[must_use]
pub fn mask_url(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let mut masked = url.to_owned();
    if let Some(at) = url[authority..].rfind('@').map(|at| authority + at)
        && let Some(colon) = url[authority..at].find(':').map(|at| authority + at)
    {
        masked.replace_range(colon + 1..at, "***");
    }
    let Some((before, query)) = masked.split_once('?') else { return masked };
    let parameters: Vec<_> = query.split('&').map(mask_parameter).collect();
    format!("{before}?{}", parameters.join("&"))
}

fn mask_parameter(parameter: &str) -> String {
    let name = parameter.split('=').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if lower.contains("pass") || lower == "pwd" { format!("{name}=***") } else { parameter.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_the_rest_is_kept() {
        for (url, masked) in [
            ("mysql://user:secret@host:3306/rewards", "mysql://user:***@host:3306/rewards"),
            ("mysql://user:p%40ss%2Fword@host/db", "mysql://user:***@host/db"),
            ("mysql://user:p@ss:w/o?rd@host/db", "mysql://user:***@host/db"),
            ("mariadb://user@host/db?ssl-key=/k.pem", "mariadb://user@host/db?ssl-key=/k.pem"),
            (
                "mysql://u:s@h/db?ssl-mode=REQUIRED&Password=s2&pwd=s3",
                "mysql://u:***@h/db?ssl-mode=REQUIRED&Password=***&pwd=***",
            ),
            ("user:secret@host", "user:***@host"),
            ("mysql:user:secret@host", "mysql:***@host"),
            ("mysql://user:@host", "mysql://user:***@host"),
            ("mysql://host:3306/db", "mysql://host:3306/db"),
            ("sqlite://data/a:b@c.db?mode=ro", "sqlite://data/a:b@c.db?mode=ro"),
            ("", ""),
        ] {
            assert_eq!(mask_url(url), masked);
        }
    }

    #[test]
    fn only_schemes_with_a_backend_are_taken() {
        for text in ["sqlite::memory:", "sqlite://a.db", "mysql://u@h/d", "mariadb://u@h/d"] {
            assert_eq!(DatabaseUrl::parse(text).unwrap().expose(), text);
        }
        for text in
            ["", "sqlite:", "postgres://u:secret@h/d", "data/rewardd.db", "MYSQL://h/d", " mysql://h/d"]
        {
            let expected = "must be a URL that begins with sqlite:, mysql: or mariadb:";
            assert_eq!(DatabaseUrl::parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn debug_and_display_hide_the_password() {
        let url = DatabaseUrl::parse("mysql://user:secret@host/db").unwrap();
        assert_eq!(format!("{url} {url:?}"), r#"mysql://user:***@host/db "mysql://user:***@host/db""#);
    }
}
