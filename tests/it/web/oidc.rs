//! Logging in by a real OpenID Connect provider: npm's oidc-provider, which `tests/servers install` brings. Where it
//! cannot be had, `tests/run` says so.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::access::request;
use super::served;
use crate::daemon::process::{Daemon, Programme, until_true};
use crate::support::Backend;
use crate::support::http::{connect, until_closed};

/// So that a test sees when the pages are there.
const TOKEN: &str = "correct-horse-battery-staple";

/// An answer as it was sent: header values keep their case.
#[derive(Debug)]
struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.head.lines().filter_map(move |line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn location(&self) -> &str {
        self.all("location").next().unwrap_or_else(|| panic!("{self:?}"))
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.all("set-cookie").find(|cookie| cookie.starts_with(&format!("{name}=")))?.split(';').next()
    }
}

fn send(address: SocketAddr, method: &str, host: &str, path: &str, cookie: &str, body: &str) -> Raw {
    let mut stream = connect(address);
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let text = until_closed(&mut stream);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oidc-provider/node_modules")
}

pub fn is_there() -> bool {
    modules().join("oidc-provider").exists() && Command::new("node").arg("--version").output().is_ok()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The provider; it ends with the test.
pub struct Provider {
    child: Child,
    /// Kept open, as it goes on talking.
    _said: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    fn start(port: u16, dashboard: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(modules()).arg(port.to_string());
        command.arg(format!("http://127.0.0.1:{dashboard}/login/callback"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap() == "ready"), "the provider starts");
        Self { child, _said: said, port }
    }

    fn ask(&self, method: &str, path: &str, cookie: &str, body: &str) -> Raw {
        let address = ([127, 0, 0, 1], self.port).into();
        send(address, method, &format!("localhost:{}", self.port), path, cookie, body)
    }

    fn set(&self, what: &str, value: &str) {
        assert_eq!(self.ask("POST", what, "", value).status, 200, "{what}");
    }

    /// A browser at the provider, from where it was sent to until it is sent back: the path of the dashboard.
    fn visit(&self, start: &str) -> String {
        let mut cookies = BTreeMap::new();
        let mut address = start.to_owned();
        for _ in 0..6 {
            // It names itself, or not.
            let here = format!("http://localhost:{}", self.port);
            let path = address.strip_prefix(&here).or(address.starts_with('/').then_some(address.as_str()));
            let Some(path) = path else { break };
            let sent: Vec<String> =
                cookies.iter().map(|(name, value): (&String, &String)| format!("{name}={value}")).collect();
            let answer = self.ask("GET", path, &sent.join("; "), "");
            for cookie in answer.all("set-cookie") {
                let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            address = answer.location().to_owned();
        }
        let path = address.splitn(4, '/').nth(3).unwrap_or_else(|| panic!("{address}"));
        assert!(path.starts_with("login/callback?"), "{address}");
        format!("/{path}")
    }
}

/// A programme, its daemon, and the port that the provider is to have.
pub struct Set {
    pub programme: Programme,
    pub daemon: Daemon,
    pub address: SocketAddr,
    provider: u16,
}

impl Set {
    pub fn new(people: &str, more: &str) -> Self {
        let programme = Programme::new(Backend::Sqlite);
        programme.configure(&format!("{more}{people}"));
        let (provider, dashboard) = (free_port(), free_port());
        let listen = format!("127.0.0.1:{dashboard}");
        let (daemon, address) = served(
            &programme,
            &[
                ("REWARDD__HTTP__LISTEN", &listen),
                ("REWARDD__HTTP__TOKEN", TOKEN),
                ("REWARDD__HTTP__OIDC__ISSUER", &format!("http://localhost:{provider}")),
                ("REWARDD__HTTP__OIDC__CLIENT_ID", "rewardd"),
                ("REWARDD__HTTP__OIDC__CLIENT_SECRET", "secret-of-the-client"),
                ("REWARDD__HTTP__OIDC__REDIRECT_URL", &format!("http://{listen}/login/callback")),
            ],
        );
        let bearer = format!("authorization: Bearer {TOKEN}");
        until_true("the dashboard answers", || {
            request(address, "GET", "/windows", &[&bearer], "").status == 200
        });
        Self { programme, daemon, address, provider }
    }

    pub fn provider(&self) -> Provider {
        Provider::start(self.provider, self.address.port())
    }

    fn get(&self, path: &str, cookie: &str) -> Raw {
        send(self.address, "GET", &self.address.to_string(), path, cookie, "")
    }

    /// A login that has begun: where the browser is sent, and its cookie.
    fn begin(&self) -> (String, String) {
        let begun = self.get("/login/provider?next=%2Faudit", "");
        assert_eq!(begun.status, 303, "{begun:?}");
        (begun.location().to_owned(), begun.cookie("rewardd_login").unwrap().to_owned())
    }

    /// The answer of the dashboard to a whole login.
    fn log_in(&self, provider: &Provider, account: &str) -> Raw {
        provider.set("/account", account);
        let (there, cookie) = self.begin();
        assert!(there.contains("code_challenge_method=S256") && there.contains("nonce="), "{there}");
        self.get(&provider.visit(&there), &cookie)
    }
}

const PEOPLE: &str = "[people.anna]\nrole = \"reviewer\"\nlogin = \"anna@example.org\"\n\
                      [people.bela]\nrole = \"admin\"\nlogin = \"bela@example.org\"\n\
                      [people.cili]\nrole = \"viewer\"\nlogin = \"subject-of-cili\"\n";

#[test]
fn people_log_in_at_their_provider_and_strangers_are_told_who_they_are() {
    if !is_there() {
        return;
    }
    let mut set = Set::new(PEOPLE, "");
    let page = set.get("/login", "");
    assert!(page.status == 200 && page.body.contains("/login/provider?next=%2F"), "{page:?}");
    let away = set.get("/login/provider", "");
    assert!(away.status == 503 && away.body.contains("localhost does not answer"), "{away:?}");

    let provider = set.provider();
    for (account, name, role) in
        [("subject-of-anna", "anna", "reviewer"), ("subject-of-cili", "cili", "viewer")]
    {
        let welcome = set.log_in(&provider, account);
        assert_eq!(welcome.status, 200, "{welcome:?}");
        assert_eq!(welcome.all("refresh").next(), Some("0; url=/audit"));
        let session = welcome.cookie("rewardd_session").unwrap();
        let page = set.get("/audit", session);
        assert!(page.body.contains(&format!("<strong>{name}</strong> {role}")), "{page:?}");
    }
    // Bela's address was never verified; nobody has this subject.
    for (account, shown) in [("subject-of-bela", "subject-of-bela"), ("subject-of-dora", "subject-of-dora")] {
        let stranger = set.log_in(&provider, account);
        assert!(stranger.status == 403 && stranger.body.contains(shown), "{stranger:?}");
        assert_eq!(stranger.cookie("rewardd_session"), None);
    }
    set.daemon.stop();
    let said = set.daemon.log();
    assert!(!said.contains("secret-of-the-client"), "{said}");
}

#[test]
fn what_a_provider_never_said_to_us_lets_nobody_in() {
    if !is_there() {
        return;
    }
    let mut set = Set::new(PEOPLE, "");
    let provider = set.provider();
    for mode in ["nonce", "audience", "expired", "forged"] {
        provider.set("/mode", mode);
        let refused = set.log_in(&provider, "subject-of-anna");
        assert!(refused.status == 403 && refused.body.contains("is not accepted"), "{mode}: {refused:?}");
        assert_eq!(refused.cookie("rewardd_session"), None, "{mode}");
    }
    // After so many failures nobody is listened to for a while.
    let answer = set.get("/login/callback?code=x&state=y", "rewardd_login=z");
    assert_eq!(answer.status, 403);
    assert_eq!(set.get("/login/provider", "").status, 429);
    set.daemon.stop();
    let log = set.daemon.log();
    for why in ["nonce", "audience", "expired", "ignature"] {
        assert!(log.contains(why), "{why}: {log}");
    }
}

#[test]
fn a_login_counts_once_and_only_where_it_was_begun() {
    if !is_there() {
        return;
    }
    let mut set = Set::new(PEOPLE, "");
    let provider = set.provider();
    provider.set("/account", "subject-of-anna");
    let ((there, cookie), (_, other)) = (set.begin(), set.begin());
    let back = provider.visit(&there);
    for cookie in [&*other, "", "rewardd_login=x", &cookie.replacen("rewardd_login=", "rewardd_login=0", 1)] {
        let refused = set.get(&back, cookie);
        assert!(refused.status == 403 && refused.body.contains("not begun in this browser"), "{refused:?}");
    }
    assert_eq!(set.get(&back, &cookie).status, 200);
    let again = set.get(&back, &cookie);
    assert!(again.status == 403 && again.cookie("rewardd_session").is_none(), "{again:?}");
    set.daemon.stop();
}
