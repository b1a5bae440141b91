//! Where a receiver of notifications is.

use std::fmt;

use url::{Host, Url};

/// The URL of a receiver, all of which may be secret but scheme and host: who knows the path of a Slack webhook can
/// write there. `Debug` and `Display` show no more than that; [`Endpoint::expose`] does.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The URL of a webhook: `https` or `http`.
    ///
    /// # Errors
    /// What is wrong. The message never repeats the text.
    pub fn webhook(text: &str) -> Result<Self, String> {
        let Self(url) = Self::parse(text, ["https", "http"])?;
        if has_login(&url) {
            return Err("must not hold a user or a password: messages are signed with `secret`".to_owned());
        }
        Ok(Self(url))
    }

    /// The URL of a mail server, as `lettre` writes it: `smtps://`, `smtp://…?tls=required` or `tls=opportunistic` for
    /// STARTTLS, and plain `smtp://`; with user and password where the server asks for them, and with the name that is
    /// said in the greeting as its path.
    ///
    /// # Errors
    /// What is wrong. The message never repeats the text.
    pub fn mail(text: &str) -> Result<Self, String> {
        let Self(url) = Self::parse(text, ["smtps", "smtp"])?;
        let is_encrypted = match (url.scheme(), url.query()) {
            ("smtps", None) | ("smtp", Some("tls=required")) => true,
            // Whoever is between can say that the server offers no encryption.
            ("smtp", None | Some("tls=opportunistic")) => false,
            _ => {
                return Err(
                    "may end with ?tls=required or ?tls=opportunistic after smtp://, and with nothing else \
                            after a ?"
                        .to_owned(),
                );
            }
        };
        if has_login(&url) {
            if url.username().is_empty() || url.password().is_none_or(str::is_empty) {
                return Err("must hold both a user and a password, or neither".to_owned());
            }
            if !is_encrypted && !is_loopback(&url) {
                return Err(
                    "would show the password to the network: begin with smtps://, or end with ?tls=required"
                        .to_owned(),
                );
            }
        }
        Ok(Self(url))
    }

    fn parse(text: &str, schemes: [&str; 2]) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.host().is_some());
        let [one, other] = schemes;
        url.map(Self)
            .ok_or_else(|| format!("must be a URL that begins with {one}:// or {other}:// and a host"))
    }

    /// All of it, for opening a connection and nothing else.
    #[must_use]
    pub const fn expose(&self) -> &Url {
        &self.0
    }
}

fn has_login(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether what is sent stays on this machine. Hosts of schemes that no browser knows are names, also where they are
/// numbers.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/***")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_endpoint_only_scheme_and_host_are_shown() {
        let hook = Endpoint::webhook("https://hooks.example.org:8443/T0/B0/geheim?key=1").unwrap();
        assert_eq!(
            format!("{hook} {hook:?}"),
            "https://hooks.example.org:8443/*** Endpoint(https://hooks.example.org:8443/***)"
        );
        let mail = Endpoint::mail("smtps://user:geheim@mail.example.org").unwrap();
        assert_eq!(mail.to_string(), "smtps://mail.example.org/***");
        for text in ["", "https://", "ftp://example.org", "mail.example.org", "smtp://example.org"] {
            let said = "must be a URL that begins with https:// or http:// and a host";
            assert_eq!(Endpoint::webhook(text), Err(said.to_owned()));
        }
        assert!(
            Endpoint::webhook("https://user@example.org/").unwrap_err().starts_with("must not hold a user")
        );
    }

    #[test]
    fn a_password_only_leaves_the_machine_encrypted() {
        for text in [
            "smtps://u:geheim@example.org",
            "smtp://u:geheim@example.org?tls=required",
            "smtp://u:geheim@example.org:2525/mail.example.net?tls=required",
            "smtp://u:geheim@localhost",
            "smtp://u:geheim@127.0.0.2:25?tls=opportunistic",
            "smtp://u:geheim@[::1]",
            "smtp://relay.example.org:25",
            "smtp://relay.example.org?tls=opportunistic",
        ] {
            Endpoint::mail(text).unwrap();
        }
        for (text, said) in [
            ("smtp://u:geheim@example.org", "would show the password"),
            ("smtp://u:geheim@example.org?tls=opportunistic", "would show the password"),
            ("smtp://u:geheim@128.0.0.1", "would show the password"),
            ("smtp://u:geheim@localhost.example.org", "would show the password"),
            ("smtp://u@example.org?tls=required", "must hold both"),
            ("smtps://u:@example.org", "must hold both"),
            ("smtps://:geheim@example.org", "must hold both"),
            ("smtp://example.org?tls=geheim", "may end with"),
            ("smtp://example.org?tls=required&timeout=5", "may end with"),
            ("smtp://example.org?TLS=required", "may end with"),
            ("smtps://example.org?tls=required", "may end with"),
        ] {
            let refused = Endpoint::mail(text).unwrap_err();
            assert!(refused.starts_with(said) && !refused.contains("geheim"), "{text}: {refused}");
        }
    }
}
