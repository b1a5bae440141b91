//! Who may look: with a token, with a session made by it, and from this machine alone where there is none.

use std::net::SocketAddr;

use rustix::process::Signal;

use super::{LISTEN, assert_strict, served};
use crate::daemon::process::{Daemon, Programme, until_true};
use crate::support::http::{Answer, ask, get};
use crate::support::{Backend, shown};

const TOKEN: &str = "correct-horse-battery-staple";
const WITH_TOKEN: (&str, &str) = ("REWARDD__HTTP__TOKEN", TOKEN);

pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    ask(
        address,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: rewards.example\r\n{headers}content-length: {length}\r\n\
             content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\r\n{body}"
        ),
    )
}

fn bearer(address: SocketAddr, path: &str, token: &str) -> Answer {
    request(address, "GET", path, &[&format!("authorization: Bearer {token}")], "")
}

/// The session's cookie and its attributes.
fn log_in(address: SocketAddr, headers: &[&str]) -> (String, String) {
    let answer = request(address, "POST", "/login", headers, &format!("token={TOKEN}&next=%2Faudit"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/audit")), "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    (pair.to_owned(), attributes.to_owned())
}

#[test]
fn with_a_token_nothing_is_shown_without_it() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served_with_token(&programme);
    for path in ["/", "/windows", "/partners/3", "/audit", "/metrics", "/nowhere", "/search?q=3"] {
        let answer = request(address, "GET", path, &[], "");
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some("bearer realm=\"rewardd\""));
        assert_strict(&answer, path);
        // A browser is shown the way in, and comes back afterwards.
        let answer = request(address, "GET", path, &["accept: text/html,*/*"], "");
        let to = format!("/login?next={}", path.replace('/', "%2f").replace('?', "%3f").replace('=', "%3d"));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to.as_str())), "{path}");
        assert_eq!(
            bearer(address, path, "wrong-horse-battery-staple").status,
            if path == "/nowhere" || path == "/search?q=3" { 429 } else { 401 },
            "{path}"
        );
    }
    let login = request(address, "GET", "/login", &[], "");
    assert_eq!(login.status, 200);
    assert!(!login.body.contains("/windows") && !login.body.contains("/logout"), "{login:?}");
    assert_eq!(request(address, "GET", "/healthz", &[], "").body, "ok\n");
    until_true("ready", || request(address, "GET", "/readyz", &[], "").body == "ok\n");
    daemon.stop();
}

fn served_with_token(programme: &Programme) -> (Daemon, SocketAddr) {
    let (daemon, address) = served(programme, &[WITH_TOKEN]);
    until_true("the dashboard answers", || bearer(address, "/windows", TOKEN).status == 200);
    (daemon, address)
}

#[test]
fn the_token_opens_everything_as_a_bearer_and_as_a_session() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served_with_token(&programme);
    until_true("ready", || bearer(address, "/readyz", TOKEN).status == 200);
    for path in ["/", "/windows", "/metrics"] {
        assert_eq!(bearer(address, path, TOKEN).status, 200, "{path}");
    }
    assert!(bearer(address, "/readyz", TOKEN).body.contains("lease"), "its owner is told the details");

    let (cookie, attributes) = log_in(address, &[]);
    assert!(!cookie.contains(TOKEN) && cookie.len() > 64, "{cookie}");
    assert_eq!(attributes, "path=/; max-age=43200; httponly; samesite=strict");
    let (_, behind_https) = log_in(address, &["x-forwarded-proto: https"]);
    assert!(behind_https.ends_with("; secure"), "{behind_https}");
    let with_cookie = |path: &str| request(address, "GET", path, &[&format!("cookie: a=b; {cookie}")], "");
    let page = with_cookie("/audit");
    assert!(page.status == 200 && page.body.contains("action=\"/logout\""), "{page:?}");
    assert_eq!(with_cookie("/login").header("location"), Some("/"));

    // Sent from another site, or without the key of the session, neither form does anything.
    let form_key = page.body.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(request(address, "POST", "/logout", &[&format!("cookie: {cookie}")], "").status, 403);
    for path in ["/login", "/logout"] {
        let headers = [&*format!("cookie: {cookie}"), "sec-fetch-site: cross-site"];
        assert_eq!(request(address, "POST", path, &headers, &format!("token={TOKEN}")).status, 403, "{path}");
    }
    assert_eq!(with_cookie("/audit").status, 200);

    let key = format!("form_key={form_key}");
    let out = request(address, "POST", "/logout", &[&format!("cookie: {cookie}")], &key);
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    assert!(out.header("set-cookie").unwrap().contains("max-age=0"), "{out:?}");
    assert_eq!(with_cookie("/audit").status, 401, "the session is over, whoever kept its cookie");
    let forged = ["", "x", "0000000000000000000000000000000000000000000000000000000000000000", TOKEN];
    for value in forged {
        assert_eq!(
            request(address, "GET", "/", &[&format!("cookie: rewardd_session={value}")], "").status,
            401
        );
    }
    daemon.stop();
    assert!(!daemon.log().contains(TOKEN) && !daemon.said().contains(TOKEN), "the token is written nowhere");
}

#[test]
fn guessing_is_slowed_down() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served_with_token(&programme);
    let (cookie, _) = log_in(address, &[]);
    let guess = || request(address, "POST", "/login", &[], "token=wrong-horse-battery-staple");
    for _ in 0..5 {
        let answer = guess();
        assert!(answer.status == 401 && answer.body.contains("This is not the token."), "{answer:?}");
    }
    let refused = guess();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")), "{refused:?}");
    // Not even the right one is looked at; who is in stays in.
    assert_eq!(request(address, "POST", "/login", &[], &format!("token={TOKEN}")).status, 429);
    assert_eq!(bearer(address, "/", TOKEN).status, 429);
    assert_eq!(request(address, "GET", "/", &[&format!("cookie: {cookie}")], "").status, 200);
    daemon.stop();
}

#[test]
fn without_a_token_only_this_machine_s_own_names_are_answered() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    for path in ["/", "/metrics", "/windows?format=json"] {
        assert_eq!(get(address, path).status, 200, "{path}");
        let rebound = request(address, "GET", path, &[], "");
        assert_eq!(rebound.status, 421, "{path}: {rebound:?}");
        assert!(!rebound.body.contains("CC"), "{path}");
    }
    assert_eq!(request(address, "GET", "/healthz", &[], "").status, 200);
    daemon.stop();
}

#[test]
fn an_open_address_takes_a_token() {
    let programme = Programme::new(Backend::Sqlite);
    let mut run = programme.scratch.rewardd(&["run"]);
    let output = run.env("REWARDD__HTTP__LISTEN", "0.0.0.0:0").output().unwrap();
    let said = shown(&output, &[]);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("http.listen: is not a loopback address") && said.contains("set http.token"),
        "{said}"
    );

    let mut daemon = programme.start("daemon", &[("REWARDD__HTTP__LISTEN", "0.0.0.0:0"), WITH_TOKEN]);
    let port = daemon.address().port();
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    assert_eq!(request(address, "GET", "/", &[], "").status, 401);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.exit(), 0);
    let show = programme.scratch.rewardd(&["config", "show"]).envs([WITH_TOKEN, LISTEN]).output().unwrap();
    let show = String::from_utf8(show.stdout).unwrap();
    assert!(show.contains("token = \"***\"") && !show.contains(TOKEN), "{show}");
}
