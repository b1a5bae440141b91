//! The way in and out where a token is set.

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use maud::html;
use tracing::{info, warn};

use super::answer::{Failure, respond};
use super::context::{Ctx, cookie};
use super::guard::peer;
use super::layout::{Page, Section, document};
use super::sessions::{SESSION_COOKIE, SESSION_HOURS, Verdict};
use super::site::Site;

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
    let body = html! {
        form.login action="/login" method="post" {
            p { (texts.log_in_text) }
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
    let peer = peer(&request);
    let (mut parts, body) = request.into_parts();
    let Ok(ctx) = Ctx::from_request_parts(&mut parts, &site).await;
    let Some(sessions) = &site.sessions else { return respond(&ctx, Err(Failure::NotFound)) };
    let body = to_bytes(body, LONGEST_FORM).await.unwrap_or_default();
    let (token, wanted) = (field(&body, "token"), field(&body, "next"));
    let wanted = Some(wanted.as_str());
    match sessions.check(token.trim(), peer, ctx.now) {
        Verdict::Right => match sessions.open(ctx.now) {
            Ok(session) => {
                info!(%peer, "somebody has logged in to the dashboard");
                let mut response = go_to(&next(wanted));
                set_cookie(&mut response, &parts.headers, &session, SESSION_HOURS * 3600);
                response
            }
            Err(error) => respond(&ctx, Err(Failure::Broken(error.to_string()))),
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

async fn log_out(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if let (Some(sessions), Some(session)) = (&site.sessions, cookie(&headers, SESSION_COOKIE)) {
        sessions.end(session);
    }
    let mut response = go_to("/login");
    set_cookie(&mut response, &headers, "", 0);
    response
}

fn go_to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// Where to go on to: a path of ours, and never another site's address.
fn next(wanted: Option<&str>) -> String {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.starts_with("/login")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    wanted.filter(is_ours).unwrap_or("/").to_owned()
}

fn field(form: &Bytes, name: &str) -> String {
    let mut fields = form_urlencoded::parse(form);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Sent over encrypted connections only where it came by one: behind a proxy that says so.
fn set_cookie(response: &mut Response, headers: &HeaderMap, session: &str, seconds: i64) {
    let is_https = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if is_https { "; Secure" } else { "" };
    let cookie =
        format!("{SESSION_COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
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
