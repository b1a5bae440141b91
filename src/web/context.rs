//! What every page knows of its request: language, parameters, the present, and where its figures come from.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;

use super::answer::Failure;
use super::guard::Visitor;
use super::sessions::Guest;
use super::site::{Site, View};
use super::tables::Style;
use super::texts::{Deciding, Lang, Texts};
use crate::people::Role;
use crate::rewards::window::{Calendar, Instant};

/// The cookie that keeps the language.
pub const LANGUAGE_COOKIE: &str = "rewardd_lang";

/// How long an address or a parameter may be; longer ones are nobody's.
const LONGEST: usize = 512;

/// What follows the `?`, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    fn parse(query: &str) -> Self {
        if query.len() > LONGEST {
            return Self::default();
        }
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of a name, where it is given and not blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }
}

/// See the module.
#[derive(Clone)]
pub struct Ctx {
    pub site: Arc<Site>,
    view: Option<Arc<View>>,
    pub lang: Lang,
    pub texts: &'static Texts,
    /// The texts of pages on which something is decided.
    pub deciding: &'static Deciding,
    pub now: Instant,
    pub calendar: Calendar,
    pub params: Params,
    path: String,
    parts: Vec<(String, String)>,
    /// Whether this visitor may see more than the login.
    pub is_welcome: bool,
    /// Whoever has logged in.
    pub guest: Option<Arc<Guest>>,
    /// The language was asked for by `?lang=`, and is to be kept.
    pub keeps_language: bool,
}

impl Ctx {
    pub const fn style(&self) -> Style<'_> {
        Style { lang: self.lang, calendar: &self.calendar, now: self.now }
    }

    /// Where figures come from.
    ///
    /// # Errors
    /// [`Failure::Broken`] while there is no database yet.
    pub fn view(&self) -> Result<&View, Failure> {
        self.view.as_deref().ok_or_else(|| Failure::Broken("the database is not open yet".to_owned()))
    }

    /// Whether this visitor has a role, or one that may do more.
    pub fn may(&self, role: Role) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.role >= role)
    }

    /// A part of the path by its name in the route.
    pub fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The address of this page with some of its parameters set, or taken out.
    pub fn here(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let is_changed = |key: &str| changes.iter().any(|(name, _)| *name == key);
        // What was asked for once is not asked for again by every link.
        let kept = self
            .params
            .0
            .iter()
            .filter(|(key, _)| !is_changed(key) && !["lang", "format", "table"].contains(&key.as_str()));
        query.extend_pairs(kept);
        query.extend_pairs(changes.iter().filter_map(|(name, value)| value.map(|value| (name, value))));
        let query = query.finish();
        if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) }
    }
}

impl FromRequestParts<Arc<Site>> for Ctx {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(request: &mut Parts, site: &Arc<Site>) -> Result<Self, Self::Rejection> {
        let named = RawPathParams::from_request_parts(request, site).await;
        let parts =
            named.map(|named| named.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
        let path = request.uri.path();
        // A link to `//name` would lead to another host.
        let path = if path.len() > LONGEST || path.starts_with("//") { "/" } else { path }.to_owned();
        let params = Params::parse(request.uri.query().unwrap_or_default());
        let visitor = request.extensions.get::<Visitor>().cloned().unwrap_or_default();
        let asked = params.get("lang").and_then(Lang::of_code);
        let lang = asked.or_else(|| kept_language(&request.headers)).unwrap_or_default();
        let view = site.desk.view();
        Ok(Self {
            now: site.clock.now(),
            calendar: view.as_ref().map_or(Calendar::new(chrono_tz::UTC), |view| view.calendar),
            site: Arc::clone(site),
            view,
            lang,
            texts: lang.texts(),
            deciding: lang.deciding(),
            params,
            path,
            parts: parts.unwrap_or_default(),
            is_welcome: visitor.is_welcome,
            guest: visitor.guest,
            keeps_language: asked.is_some(),
        })
    }
}

/// By the cookie, or by what the browser accepts.
fn kept_language(headers: &HeaderMap) -> Option<Lang> {
    let kept = cookie(headers, LANGUAGE_COOKIE).and_then(Lang::of_code);
    let accepted = || headers.get(ACCEPT_LANGUAGE)?.to_str().ok().and_then(Lang::accepted);
    kept.or_else(accepted)
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
