//! Who may look: a session or a token where a token is set or people are named, the machine itself where neither is. And
//! the headers that hold browsers to it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    self, ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, LOCATION,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::context::cookie;
use super::sessions::{Guest, SESSION_COOKIE, Verdict};
use super::site::Site;

/// Nothing but our own style and images; no script at all, and nobody may frame us.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
];

/// Answered to anybody: whether the process lives and can work says nothing of what it pays.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Where forms are sent to: these, and what lies beneath them.
const FORMS: [&str; 6] = ["login", "logout", "holds", "cases", "changes", "rules"];

/// What programs scrape.
const METRICS: &str = "/metrics";

/// What the guard has found out about a request.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    pub is_welcome: bool,
    /// Whoever has a session.
    pub guest: Option<Arc<Guest>>,
}

impl Visitor {
    const WELCOME: Self = Self { is_welcome: true, guest: None };
}

/// Stands before everything that is served.
pub async fn guard(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match judge(&site, &request) {
        Ok(visitor) => {
            let is_stranger = !visitor.is_welcome;
            request.extensions_mut().insert(visitor);
            let response = next.run(request).await;
            if HEALTH.contains(&path.as_str()) && is_stranger { without_details(response) } else { response }
        }
        Err(refused) => *refused,
    };
    let headers = response.headers_mut();
    // A document that is a page by itself brings a policy of its own.
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The checks of a request before anything is made of it.
fn judge(site: &Site, request: &Request) -> Result<Visitor, Box<Response>> {
    let (path, headers) = (request.uri().path(), request.headers());
    let is_form = request.method() == Method::POST && takes_forms(path);
    if !is_form && ![Method::GET, Method::HEAD].contains(request.method()) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return refuse((StatusCode::METHOD_NOT_ALLOWED, allow, "only GET and HEAD are answered here\n"));
    }
    if is_form && is_foreign(headers) {
        return refuse((StatusCode::FORBIDDEN, "this form was sent from another site\n"));
    }
    let (sessions, people) = (&site.sessions, site.desk.people());
    // Without a token, what programs read is open to the machine itself, whoever has to log in.
    if !sessions.has_token() && (people.is_empty() || path == METRICS) {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if !host.is_some_and(is_this_machine) && !HEALTH.contains(&path) {
            return refuse((
                StatusCode::MISDIRECTED_REQUEST,
                "without http.token only the names of this machine itself are answered, such as localhost\n",
            ));
        }
        return Ok(Visitor::WELCOME);
    }
    let now = site.clock.now();
    if let Some(session) = cookie(headers, SESSION_COOKIE)
        && let Some(guest) = sessions.guest(session, &people, now)
    {
        return Ok(Visitor { is_welcome: true, guest: Some(guest) });
    }
    if let Some(token) = bearer(headers) {
        return match sessions.check(token, peer(request.extensions()), now) {
            Verdict::Right(_) => Ok(Visitor::WELCOME),
            Verdict::Wrong => refuse(unauthorized()),
            Verdict::TooMany => refuse(too_many()),
        };
    }
    let is_open = HEALTH.contains(&path)
        || path == "/login"
        || path.starts_with("/login/")
        || path.starts_with("/assets/");
    if is_open {
        return Ok(Visitor::default());
    }
    let wants_page = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if wants_page.is_some_and(|accept| accept.contains("text/html")) {
        // Where a form was to go, there may be nothing to be shown.
        let uri = request.uri();
        let wanted =
            if is_form { uri.path() } else { uri.path_and_query().map_or("/", |wanted| wanted.as_str()) };
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
        return refuse((StatusCode::SEE_OTHER, [(LOCATION, format!("/login?{query}"))]));
    }
    refuse(unauthorized())
}

fn takes_forms(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|first| FORMS.contains(&first))
}

fn refuse(response: impl IntoResponse) -> Result<Visitor, Box<Response>> {
    Err(Box::new(response.into_response()))
}

fn unauthorized() -> impl IntoResponse {
    let ask = [(WWW_AUTHENTICATE, "Bearer realm=\"rewardd\"")];
    (StatusCode::UNAUTHORIZED, ask, "this takes the token that is set as http.token\n")
}

/// For those who have guessed too often of late.
pub fn too_many() -> impl IntoResponse {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::RETRY_AFTER, "60")],
        "too many wrong tokens; try again in a minute\n",
    )
}

/// The address at the other end; a proxy's, where there is one.
pub fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::from([0; 4]), |ConnectInfo(peer)| peer.ip())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a `Host` is a name of this machine alone. A page of another site whose name was made to point here shows
/// its own name.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a browser says that another site sent a form. Old ones say nothing; a cookie of ours never comes with it.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !["same-origin", "none"].contains(&site);
    }
    let origin = text("origin").filter(|origin| *origin != "null");
    origin.is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != text("host"))
}

/// The health of the process without the names that its details hold.
fn without_details(response: Response) -> Response {
    let status = response.status();
    let said = if status.is_success() { "ok\n" } else { "not ok\n" };
    (status, Body::from(said)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1:9464", "127.8.0.1", "[::1]:80", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:9464",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:80",
            "0.0.0.0",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn forms_of_other_sites_are_known_by_what_browsers_say() {
        let foreign = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_foreign(&pairs.collect())
        };
        assert!(foreign(&[("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("sec-fetch-site", "same-site")]));
        assert!(foreign(&[("origin", "https://evil.example"), ("host", "rewards.example")]));
        assert!(!foreign(&[("origin", "https://rewards.example"), ("host", "rewards.example")]));
        assert!(!foreign(&[
            ("origin", "null"),
            ("host", "rewards.example"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!foreign(&[]));
    }
}
