//! `[http.oidc]`: logging in by a provider of OpenID Connect.

use url::{Host, Url};

use super::secret::Secret;
use super::settings::Settings;
use super::show::{Entry, entry};
use super::values::{Value, filled, list, optional, secret, text};

/// What is shown where the section is off.
const DEFAULT_SCOPES: [&str; 2] = ["openid", "email"];

/// How the dashboard's people log in elsewhere: by authorization code and PKCE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// As the provider writes it in its tokens, to the letter.
    pub issuer: String,
    pub client_id: String,
    /// None for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// Where the provider sends the browser back to, as it is registered there.
    pub redirect_url: String,
    /// What is asked for; `openid` is among them.
    pub scopes: Vec<String>,
}

/// The keys of the section.
pub(super) fn entries(oidc: Option<&Oidc>) -> Vec<Entry> {
    let or_empty = |text: Option<&String>| text.cloned().unwrap_or_default();
    let secret = oidc.and_then(|oidc| oidc.client_secret.as_ref());
    let scopes = oidc.map_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec(), |oidc| oidc.scopes.clone());
    vec![
        entry("http.oidc.issuer", or_empty(oidc.map(|oidc| &oidc.issuer))),
        entry("http.oidc.client_id", or_empty(oidc.map(|oidc| &oidc.client_id))),
        entry("http.oidc.client_secret", secret.map(ToString::to_string).unwrap_or_default()),
        entry("http.oidc.redirect_url", or_empty(oidc.map(|oidc| &oidc.redirect_url))),
        entry("http.oidc.scopes", scopes),
    ]
}

/// Reads the section; none where it is off.
pub(super) fn read(s: &mut Settings<'_>) -> Option<Oidc> {
    let problems = s.problem_count();
    let issuer = s.read("http.oidc.issuer", |v| optional(v, address));
    let client_id = s.read("http.oidc.client_id", |v| optional(v, filled));
    let client_secret = s.read("http.oidc.client_secret", |v| optional(v, secret));
    let redirect_url = s.read("http.oidc.redirect_url", |v| optional(v, address));
    let scopes = s.read("http.oidc.scopes", scopes);
    let is_off = issuer.is_none() && client_id.is_none() && redirect_url.is_none() && client_secret.is_none();
    if is_off || s.problem_count() > problems {
        return None;
    }
    let missing = [
        ("issuer", issuer.is_none()),
        ("client_id", client_id.is_none()),
        ("redirect_url", redirect_url.is_none()),
    ];
    for (key, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
        s.report("http.oidc", &format!("{key} is missing: issuer, client_id and redirect_url go together"));
    }
    Some(Oidc { issuer: issuer?, client_id: client_id?, client_secret, redirect_url: redirect_url?, scopes })
}

fn scopes(value: &Value<'_>) -> Result<Vec<String>, String> {
    let scopes = list(value, |item| {
        let scope = filled(item)?;
        let is_plain = scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if is_plain { Ok(scope) } else { Err(format!("{scope:?} is not a scope such as \"email\"")) }
    })?;
    if scopes.iter().any(|scope| scope == "openid") {
        Ok(scopes)
    } else {
        Err("must hold \"openid\"".to_owned())
    }
}

/// An address of the web that nobody between can read, or of this machine.
fn address(value: &Value<'_>) -> Result<String, String> {
    let text = text(value)?;
    let is_plain = |url: &Url| {
        let has_login = !url.username().is_empty() || url.password().is_some();
        url.has_host() && !has_login && url.query().is_none() && url.fragment().is_none()
    };
    let is_safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    match Url::parse(text).ok().filter(is_plain) {
        Some(url) if is_safe(&url) => Ok(text.to_owned()),
        Some(url) if url.scheme() == "http" => {
            Err("must begin with https://, but for this machine's own addresses".to_owned())
        }
        _ => {
            Err("must be a URL that begins with https:// and a host, without user, password, ? and #"
                .to_owned())
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
