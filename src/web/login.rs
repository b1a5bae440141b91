//! The way in and out: by a token, or by the page of an OpenID Connect provider.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use maud::html;
use tracing::{info, warn};

use super::answer::{Failure, respond};
use super::context::{Ctx, cookie};
use super::form::{FORM_KEY, Form};
use super::guard::peer;
use super::layout::{Page, Section, document};
use super::sessions::{Proof, SESSION_COOKIE, SESSION_HOURS, Verdict};
use super::site::Site;
use super::texts::fill;

/// A token and an address to go on to.
const LONGEST_FORM: usize = 4096;

pub fn routes() -> Router<Arc<Site>> {
    Router::new().route("/login", get(show).post(log_in)).route("/logout", post(log_out))
}

async fn show(ctx: Ctx) -> Response {
    if ctx.is_welcome {
        return go_to(&next(ctx.params.get("next")));
    }
    form(&ctx, StatusCode::OK, None, ctx.params.get("next"))
}

fn form(ctx: &Ctx, status: StatusCode, wrong: Option<&str>, wanted: Option<&str>) -> Response {
    let texts = ctx.texts;
    let has_people = !ctx.site.desk.people().is_empty();
    let body = html! {
        @if let Some(provider) = &ctx.site.provider {
            p.provider {
                a.button href=(to_provider(wanted)) { (fill(ctx.deciding.log_in_provider, &[&provider.name()])) }
            }
            h2 { (ctx.deciding.or_token) }
        }
        form.login action="/login" method="post" {
            p { (if has_people { ctx.deciding.log_in_person } else { texts.log_in_text }) }
            @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
            input type="text" name="username" value="rewardd" autocomplete="username" hidden;
            label for="token" { (texts.token) }
            input #token name="token" type="password" autocomplete="current-password" required autofocus maxlength="256";
            input type="hidden" name="next" value=(next(wanted));
            button type="submit" { (texts.log_in) }
        }
    };
    let page = Page { section: Section::Other, title: texts.log_in.to_owned(), body };
    let answer = (status, Html(document(ctx, &page).into_string())).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return ([(RETRY_AFTER, "60")], answer).into_response();
    }
    answer
}

async fn log_in(State(site): State<Arc<Site>>, request: Request) -> Response {
    let peer = peer(request.extensions());
    let (mut parts, body) = request.into_parts();
    let Ok(ctx) = Ctx::from_request_parts(&mut parts, &site).await;
    let people = site.desk.people();
    if !site.sessions.has_token() && people.is_empty() {
        return respond(&ctx, Err(Failure::NotFound));
    }
    let sent = Form::read(body, LONGEST_FORM).await;
    let wanted = Some(sent.get("next"));
    match site.sessions.check_any(sent.get("token"), &people, peer, ctx.now) {
        Verdict::Right(proof) => match open(&site, &parts.headers, proof, &ctx) {
            Ok(cookie) => {
                let mut response = go_to(&next(wanted));
                response.headers_mut().append(SET_COOKIE, cookie);
                response
            }
            Err(failure) => respond(&ctx, Err(failure)),
        },
        Verdict::Wrong => {
            warn!(%peer, "a wrong token was given for the dashboard");
            form(&ctx, StatusCode::UNAUTHORIZED, Some(ctx.texts.wrong_token), wanted)
        }
        Verdict::TooMany => {
            form(&ctx, StatusCode::TOO_MANY_REQUESTS, Some(ctx.texts.too_many_logins), wanted)
        }
    }
}

/// A session for whoever has shown who they are: its cookie.
pub(super) fn open(
    site: &Site,
    headers: &HeaderMap,
    proof: Proof,
    ctx: &Ctx,
) -> Result<HeaderValue, Failure> {
    let who = match &proof {
        Proof::HttpToken => "http.token".to_owned(),
        Proof::Key { name, .. } | Proof::Login { name, .. } => name.clone(),
    };
    let session = site.sessions.open(proof, ctx.now).map_err(|error| Failure::Broken(error.to_string()))?;
    info!(who, "somebody has logged in to the dashboard");
    set_cookie(headers, SESSION_COOKIE, &session, SESSION_HOURS * 3600, "Strict")
}

async fn log_out(State(site): State<Arc<Site>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(ctx) = Ctx::from_request_parts(&mut parts, &site).await;
    if let (Some(guest), Some(session)) = (&ctx.guest, cookie(&parts.headers, SESSION_COOKIE)) {
        let sent = Form::read(body, LONGEST_FORM).await;
        if !guest.has_made(sent.get(FORM_KEY)) {
            return respond(&ctx, Err(Failure::Stale));
        }
        site.sessions.end(session);
    }
    let mut response = go_to("/login");
    if let Ok(cookie) = set_cookie(&parts.headers, SESSION_COOKIE, "", 0, "Strict") {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn to_provider(wanted: Option<&str>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &next(wanted)).finish();
    format!("/login/provider?{query}")
}

fn go_to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// Where to go on to: a path of ours, and never another site's address.
pub(super) fn next(wanted: Option<&str>) -> String {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.starts_with("/login")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    wanted.filter(is_ours).unwrap_or("/").to_owned()
}

/// Sent over encrypted connections only where it came by one: behind a proxy that says so.
pub(super) fn set_cookie(
    headers: &HeaderMap,
    name: &str,
    value: &str,
    seconds: i64,
    same_site: &str,
) -> Result<HeaderValue, Failure> {
    let is_https = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if is_https { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}");
    HeaderValue::from_str(&cookie).map_err(|error| Failure::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_login_nobody_is_sent_elsewhere() {
        for path in ["/", "/windows?kind=daily", "/partners/7/day/2026-11-21"] {
            assert_eq!(next(Some(path)), path);
        }
        for path in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/login", "/a\r\nb", "evil"]
        {
            assert_eq!(next(Some(path)), "/", "{path}");
        }
    }
}
