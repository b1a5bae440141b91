//! What handlers give back, and how it becomes a response: a page, a table as CSV or JSON, or a failure that says no
//! more than a visitor needs to know.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFRESH, RETRY_AFTER, SET_COOKIE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use maud::{Markup, html};
use tracing::warn;

use super::context::{Ctx, LANGUAGE_COOKIE};
use super::health;
use super::layout::{Page, Section, document, role_name};
use super::site::Site;
use super::tables::Table;
use super::texts::fill;
use crate::errors::chain;
use crate::people::Role;
use crate::store::StoreError;

/// How long a page that asks for it waits before it is loaded again, seconds.
const REFRESH_SECONDS: &str = "30";
/// What is said to those who come while too many wait, seconds.
const RETRY_SECONDS: &str = "5";
/// The style in a document is its own, and nothing else is let in.
const DOCUMENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
const YEAR_SECONDS: u32 = 31_536_000;

/// What came of a request.
pub enum Answer {
    Page(Page),
    Csv {
        name: String,
        text: Vec<u8>,
    },
    /// A whole page that brings its own style, and goes by itself wherever it is sent.
    Document(String),
    Json(serde_json::Value),
    Redirect(String),
}

/// Why there is no page.
#[derive(Debug)]
pub enum Failure {
    NotFound,
    /// With a sentence that says what is allowed.
    BadRequest(String),
    /// Too many expensive pages wait already.
    Busy,
    /// Logged with its causes, and not shown.
    Broken(String),
    MethodNotAllowed,
    /// It takes a role that the visitor does not have.
    Forbidden(Role),
    /// The form is not of this session, or of none.
    Stale,
    /// With a sentence that says what stands against it: it has been decided already, for example.
    Conflict(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Broken(chain(&error))
    }
}

pub type Outcome = Result<Answer, Failure>;

/// Serves a page by GET and HEAD.
pub fn page<F, Fut>(handler: F) -> MethodRouter<Arc<Site>>
where
    F: Fn(Ctx) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    get(async move |ctx: Ctx| {
        let outcome = handler(ctx.clone()).await;
        respond(&ctx, outcome)
    })
}

impl Ctx {
    /// The table that `?format=` asks for, as data; the first one unless `?table=` names another.
    pub fn export(&self, tables: &[&Table], next: Option<&str>) -> Result<Option<Answer>, Failure> {
        let Some(format) = self.params.get("format") else { return Ok(None) };
        let table = match self.params.get("table") {
            Some(name) => tables.iter().find(|table| table.name == name),
            None => tables.first(),
        };
        let table = table.ok_or(Failure::NotFound)?;
        match format {
            "csv" => Ok(Some(Answer::Csv { name: table.name.to_owned(), text: table.csv() })),
            "json" => Ok(Some(Answer::Json(table.json(next)))),
            other => Err(self.bad(other)),
        }
    }

    /// A parameter that is none.
    pub fn bad(&self, value: &str) -> Failure {
        let shown: String = value.chars().take(64).collect();
        Failure::BadRequest(fill(self.texts.bad_value, &[&shown]))
    }

    /// A parameter as a number, a date or whatever else is read from text; none where it is not given.
    pub fn param<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.params.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| self.bad(value))
    }
}

/// An outcome as a response in the visitor's language.
pub fn respond(ctx: &Ctx, outcome: Outcome) -> Response {
    let mut response = match outcome {
        Ok(Answer::Page(page)) => {
            let mut response = Html(document(ctx, &page).into_string()).into_response();
            if ctx.params.get("refresh") == Some(REFRESH_SECONDS) {
                response.headers_mut().insert(REFRESH, HeaderValue::from_static(REFRESH_SECONDS));
            }
            response
        }
        Ok(Answer::Csv { name, text }) => {
            let file = format!("attachment; filename=\"rewardd-{name}.csv\"");
            let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, file)];
            (headers, text).into_response()
        }
        Ok(Answer::Document(document)) => {
            ([(CONTENT_SECURITY_POLICY, DOCUMENT_POLICY)], Html(document)).into_response()
        }
        Ok(Answer::Json(value)) => {
            ([(CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
        }
        Ok(Answer::Redirect(to)) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Err(failure) => failed(ctx, &failure),
    };
    if ctx.keeps_language {
        let cookie = format!(
            "{LANGUAGE_COOKIE}={}; Path=/; Max-Age={YEAR_SECONDS}; SameSite=Lax; HttpOnly",
            ctx.lang.code()
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

fn failed(ctx: &Ctx, failure: &Failure) -> Response {
    let texts = ctx.texts;
    let deciding = ctx.deciding;
    let role;
    let (status, title, text) = match failure {
        Failure::NotFound => (StatusCode::NOT_FOUND, texts.not_found, texts.not_found_text),
        Failure::BadRequest(text) => (StatusCode::BAD_REQUEST, texts.bad_request, text.as_str()),
        Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, texts.busy, texts.busy_text),
        Failure::Broken(error) => {
            if ctx.site.is_news(error, ctx.now) {
                warn!(path = ctx.here(&[]), error, "a page could not be made");
            }
            (StatusCode::SERVICE_UNAVAILABLE, texts.unavailable, texts.unavailable_text)
        }
        Failure::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, texts.not_allowed, ""),
        Failure::Forbidden(needed) => {
            role = fill(deciding.forbidden_text, &[role_name(ctx, *needed), needed.name()]);
            (StatusCode::FORBIDDEN, deciding.forbidden, role.as_str())
        }
        Failure::Stale => (StatusCode::FORBIDDEN, deciding.stale, deciding.stale_text),
        Failure::Conflict(why) => (StatusCode::CONFLICT, deciding.conflict, why.as_str()),
    };
    if ctx.params.get("format").is_some() {
        let body = serde_json::json!({ "error": title, "status": status.as_u16() });
        return finish(
            failure,
            (status, [(CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response(),
        );
    }
    let body = message(ctx, failure, text);
    let page = Page { section: Section::Other, title: title.to_owned(), body };
    finish(failure, (status, Html(document(ctx, &page).into_string())).into_response())
}

fn finish(failure: &Failure, mut response: Response<Body>) -> Response {
    if matches!(failure, Failure::Busy) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    }
    response
}

fn message(ctx: &Ctx, failure: &Failure, text: &str) -> Markup {
    html! {
        section.message {
            p { (text) }
            p { a href="/" { (ctx.texts.back_to_overview) } }
        }
        @if matches!(failure, Failure::Broken(_)) && ctx.is_welcome { (health::panel(ctx)) }
    }
}
