//! The way to the provider and back.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{LOCATION, REFRESH, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use tracing::{info, warn};

use super::{Identity, LOGIN_MINUTES, OidcError, Provider};
use crate::web::answer::{Failure, respond};
use crate::web::context::{Ctx, cookie};
use crate::web::guard::peer;
use crate::web::layout::{Page, Section, document};
use crate::web::login::{next, open, set_cookie};
use crate::web::sessions::Proof;
use crate::web::site::Site;
use crate::web::texts::fill;

/// Where the provider sends browsers back to: the path of `http.oidc.redirect_url`.
pub const RETURN: &str = "/login/callback";
/// Of a login that has begun.
const LOGIN_COOKIE: &str = "rewardd_login";

pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/login/provider", get(leave)).route(RETURN, get(come_back))
}

/// Lax: it has to come along when the provider sends the browser back.
fn login_cookie(
    parts: &axum::http::request::Parts,
    value: &str,
    seconds: i64,
) -> Result<HeaderValue, Failure> {
    set_cookie(&parts.headers, LOGIN_COOKIE, value, seconds, "Lax")
}

async fn leave(State(site): State<Arc<Site>>, request: Request) -> Response {
    let peer = peer(request.extensions());
    let (mut parts, _) = request.into_parts();
    let Ok(ctx) = Ctx::from_request_parts(&mut parts, &site).await;
    let Some(provider) = &site.provider else { return respond(&ctx, Err(Failure::NotFound)) };
    if site.sessions.is_spent(peer, ctx.now) {
        return said(&ctx, StatusCode::TOO_MANY_REQUESTS, &html! { p { (ctx.texts.too_many_logins) } });
    }
    let begun = match provider.begin(&next(ctx.params.get("next")), ctx.now).await {
        Ok(begun) => begun,
        Err(error) => return refused(&ctx, provider, &error),
    };
    match login_cookie(&parts, &begun.cookie, LOGIN_MINUTES * 60) {
        Ok(cookie) => {
            (StatusCode::SEE_OTHER, [(LOCATION, begun.address)], [(SET_COOKIE, cookie)]).into_response()
        }
        Err(failure) => respond(&ctx, Err(failure)),
    }
}

async fn come_back(State(site): State<Arc<Site>>, request: Request) -> Response {
    let peer = peer(request.extensions());
    let (mut parts, _) = request.into_parts();
    let Ok(ctx) = Ctx::from_request_parts(&mut parts, &site).await;
    let Some(provider) = &site.provider else { return respond(&ctx, Err(Failure::NotFound)) };
    if site.sessions.is_spent(peer, ctx.now) {
        return said(&ctx, StatusCode::TOO_MANY_REQUESTS, &html! { p { (ctx.texts.too_many_logins) } });
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let answer = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let mut response = match provider.finish(cookie(&parts.headers, LOGIN_COOKIE), answer, ctx.now).await {
        Ok((identity, wanted)) => welcome(&ctx, provider, &parts, &identity, &wanted),
        Err(error) => {
            if !matches!(error, OidcError::Away(_)) {
                site.sessions.failed(peer, ctx.now);
            }
            refused(&ctx, provider, &error)
        }
    };
    if let Ok(gone) = login_cookie(&parts, "", 0) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    response
}

/// A session for the person whose login it is. A page leads on and not a redirect: the way here began at the provider,
/// and browsers send a strict cookie only where it begins with us.
fn welcome(
    ctx: &Ctx,
    provider: &Provider,
    parts: &axum::http::request::Parts,
    identity: &Identity,
    wanted: &str,
) -> Response {
    let people = ctx.site.desk.people();
    let deciding = ctx.deciding;
    let Some((person, login)) = identity.person(&people) else {
        let known = identity.email.as_deref().unwrap_or(&identity.subject);
        info!(known, "somebody the configuration does not name has logged in at the provider");
        let body = html! {
            p { (fill(deciding.unknown_text, &[&provider.name(), known])) }
            p { a href="/login" { (ctx.texts.log_in) } }
        };
        return said(ctx, StatusCode::FORBIDDEN, &body);
    };
    let proof = Proof::Login { name: person.name.clone(), login: login.to_owned() };
    let cookie = match open(&ctx.site, &parts.headers, proof, ctx) {
        Ok(cookie) => cookie,
        Err(failure) => return respond(ctx, Err(failure)),
    };
    let on = next(Some(wanted));
    let body =
        html! { p { (fill(deciding.welcome, &[&person.name])) } p { a href=(on) { (deciding.go_on) } } };
    let mut response = said(ctx, StatusCode::OK, &body);
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={on}")) {
        response.headers_mut().insert(REFRESH, refresh);
    }
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// Why nobody is let in. What the provider says is for the log: it may have been sent by anybody.
fn refused(ctx: &Ctx, provider: &Provider, error: &OidcError) -> Response {
    let why = error.to_string();
    if ctx.site.is_news(&why, ctx.now) {
        warn!(error = why, "a login by the OpenID Connect provider has failed");
    }
    let deciding = ctx.deciding;
    let (status, text) = match error {
        OidcError::Away(_) => (StatusCode::SERVICE_UNAVAILABLE, deciding.provider_away),
        OidcError::NotBegun => (StatusCode::FORBIDDEN, deciding.login_not_begun),
        OidcError::Refused(_) => (StatusCode::FORBIDDEN, deciding.login_refused),
    };
    let body = html! {
        p role="alert" { (fill(text, &[&provider.name()])) }
        p { a href="/login" { (deciding.log_in_otherwise) } }
    };
    said(ctx, status, &body)
}

fn said(ctx: &Ctx, status: StatusCode, body: &Markup) -> Response {
    let body = html! { section.message { (body) } };
    let page = Page { section: Section::Other, title: ctx.texts.log_in.to_owned(), body };
    (status, Html(document(ctx, &page).into_string())).into_response()
}
