//! Webhooks as their receivers get them: over real connections, judged by other programs than this one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rewardd::clock::{Clock, ManualClock, SystemClock};
use rewardd::config::{Body, Channel, Endpoint, Secret, Webhook};
use rewardd::notify::send::deliverer;
use rewardd::notify::{Message, SendError};
use serde_json::{Value, json};

use crate::support::proxy::{Fault, Proxy};
use crate::support::receiver::Receiver;
use crate::support::{Backend, Scratch, succeed};

const SECRET: &str = "correct-horse-battery";
/// Where a test that has started itself again sends to.
const SEND_TO: &str = "REWARDD_TEST_SEND_TO";
/// Of deliveries that are answered: more than any takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of one that is answered, but not to the end: what is waited for in vain.
const ENOUGH: Duration = Duration::from_secs(5);
/// Of deliveries that are not.
const SHORT: Duration = Duration::from_millis(300);

pub fn message(id: &str) -> Message {
    Message {
        id: id.to_owned(),
        created_at: "2026-11-19T05:31:00Z".parse().unwrap(),
        event: "incidents".to_owned(),
        subject: "1 incident: hour 10 of 2026-11-18 was not paid".to_owned(),
        text: "votes row 20: cc is -1.00000000, árvíztűrő & <tükörfúró>\n".to_owned(),
        html: None,
        details: json!({ "version": 1, "opened": [] }),
    }
}

/// Delivers once, as the daemon does.
pub fn deliver(
    channel: &Channel,
    clock: impl Clock + 'static,
    message: &Message,
) -> Result<String, SendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(deliverer(channel, Arc::new(clock)).deliver(message))
}

/// Why it is to be sent again.
pub fn later(outcome: Result<String, SendError>) -> String {
    match outcome {
        Err(SendError::Later { why, after: None }) => why,
        other => panic!("not to be sent again: {other:?}"),
    }
}

fn webhook(url: &str, secret: &str, timeout: Duration) -> Channel {
    Channel::Webhook(Webhook {
        url: Endpoint::webhook(url).unwrap(),
        secret: Some(Secret::parse(secret).unwrap()),
        body: Body::Json,
        timeout,
    })
}

#[test]
fn a_receiver_gets_the_record_and_openssl_agrees_with_its_signature() {
    let receiver = Receiver::start();
    let channel = webhook(&receiver.url("/hook/abcdef"), SECRET, PATIENCE);
    let clock = ManualClock::new("2026-11-19T05:32:00Z".parse().unwrap());
    let told = deliver(&channel, clock, &message("incidents-17")).unwrap();
    assert_eq!(told, format!("http://{}/*** answers 200 OK: taken", receiver.address()));

    let received = receiver.received();
    let [request] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(request.path, "/hook/abcdef");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("user-agent"), Some(concat!("rewardd/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("x-rewardd-delivery"), Some("incidents-17"));
    assert_eq!(request.header("x-rewardd-timestamp"), Some("1795066320"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let expected = json!({
        "version": 1,
        "id": "incidents-17",
        "event": "incidents",
        "created_at": "2026-11-19T05:31:00.000000Z",
        "subject": "1 incident: hour 10 of 2026-11-18 was not paid",
        "text": "votes row 20: cc is -1.00000000, árvíztűrő & <tükörfúró>\n",
        "details": { "version": 1, "opened": [] },
    });
    assert_eq!(body, expected);

    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", SECRET, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    write!(openssl.stdin.take().unwrap(), "1795066320.{}", request.body).unwrap();
    let output = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    let signature = request.header("x-rewardd-signature").unwrap().strip_prefix("sha256=").unwrap();
    assert_eq!(output.split(' ').next().unwrap(), signature);
}

#[test]
fn the_answer_decides_whether_it_is_sent_again() {
    let receiver = Receiver::start();
    let channel = webhook(&receiver.url("/"), SECRET, PATIENCE);
    let sent = |status, headers: &[(&'static str, &str)]| {
        receiver.answer(status, headers, &"long ".repeat(100_000));
        deliver(&channel, SystemClock, &message("a"))
    };
    for status in [200, 201, 202, 204] {
        assert!(sent(status, &[]).is_ok(), "{status}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        let why = later(sent(status, &[]));
        assert!(why.contains(&format!("answers {status} ")) && why.len() < 300, "{why}");
    }
    for status in [400, 401, 403, 404, 410, 413] {
        assert!(matches!(sent(status, &[]), Err(SendError::Never(_))), "{status}");
    }
    let busy = sent(429, &[("retry-after", "90")]);
    assert!(
        matches!(busy, Err(SendError::Later { after: Some(after), .. }) if after == Duration::from_secs(90))
    );
}

#[test]
fn redirects_are_not_followed() {
    let receiver = Receiver::start();
    for status in [301, 302, 303, 307, 308] {
        receiver.answer(status, &[("location", &receiver.url("/elsewhere"))], "");
        let refused = deliver(&webhook(&receiver.url("/"), SECRET, PATIENCE), SystemClock, &message("a"));
        let Err(SendError::Never(why)) = refused else { panic!("{refused:?}") };
        assert!(why.ends_with("; redirects are not followed") && !why.contains("elsewhere"), "{why}");
    }
    assert!(receiver.received().iter().all(|request| request.path == "/"));
}

#[test]
fn a_receiver_that_is_away_or_hangs_or_hangs_up_is_asked_again() {
    let receiver = Receiver::start();
    let attempt = |fault, timeout| {
        let proxy = Proxy::start(receiver.address());
        proxy.set(fault);
        let url = proxy.url(&receiver.url("/services/geheim?key=geheim"));
        let told = later(deliver(&webhook(&url, SECRET, timeout), SystemClock, &message("a")));
        assert!(!told.contains("geheim") && !told.contains(SECRET), "{told}");
        let (who, why) = told.split_once("/***: ").unwrap();
        assert_eq!(who, format!("http://127.0.0.1:{}", proxy.port()));
        why.to_owned()
    };
    assert_eq!(attempt(Fault::Stall, SHORT), "no answer within 300ms");
    for fault in [Fault::Refuse, Fault::Truncate { bytes: 0 }, Fault::Truncate { bytes: 10 }] {
        let why = attempt(fault, PATIENCE);
        assert!(why.starts_with("client error (SendRequest)"), "{fault:?}: {why}");
    }

    let address = receiver.address();
    drop(receiver);
    let gone = webhook(&format!("http://{address}/"), SECRET, PATIENCE);
    let why = later(deliver(&gone, SystemClock, &message("a")));
    assert!(why.contains("Connection refused"), "{why}");
    let receiver = Receiver::start_on(address);
    deliver(&gone, SystemClock, &message("a")).unwrap();
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn a_host_that_is_not_known_is_asked_again() {
    let nowhere = webhook("http://rewardd.invalid/", SECRET, PATIENCE);
    let why = later(deliver(&nowhere, SystemClock, &message("a")));
    assert!(why.starts_with("http://rewardd.invalid/***: client error (Connect): dns error: "), "{why}");
}

#[test]
fn a_status_counts_though_the_body_never_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // An answer before the question would be no answer.
        let mut asked = vec![];
        while !asked.ends_with(b"}") {
            let mut some = [0; 1024];
            let length = stream.read(&mut some).unwrap();
            assert!(length > 0, "hung up after {asked:?}");
            asked.extend_from_slice(&some[..length]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nalmost").unwrap();
        // Open until the other side gives up.
        let _ = stream.read_to_end(&mut vec![]);
    });
    let told = deliver(&webhook(&url, SECRET, ENOUGH), SystemClock, &message("a")).unwrap();
    assert!(told.ends_with("answers 200 OK: almost"), "{told}");
    server.join().unwrap();
}

#[test]
fn a_certificate_that_the_machine_does_not_trust_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start_tls(folder.path());
    let channel = webhook(&receiver.url("/"), SECRET, PATIENCE);
    let why = later(deliver(&channel, SystemClock, &message("a")));
    assert!(why.ends_with("invalid peer certificate: UnknownIssuer"), "{why}");
    assert!(receiver.received().is_empty());
}

/// Which roots are trusted is said by the environment, and that is a process's own. So a test starts itself again, with
/// the authority of a folder as the only one that is trusted, and with a URL to send to.
pub fn again_in_a_process_that_trusts(folder: &Path, test: &str, url: &str) {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test]).env("SSL_CERT_FILE", folder.join("ca.pem")).env(SEND_TO, url);
    assert!(succeed(&mut again).contains("1 passed"), "there is a test named {test}");
}

/// Sends where this is such a process.
pub fn in_a_process_that_trusts(send: impl FnOnce(&str) -> String) -> bool {
    let url = std::env::var(SEND_TO);
    url.map(|url| send(&url)).is_ok()
}

#[test]
fn a_certificate_that_the_machine_trusts_is_taken() {
    let send = |url: &str| deliver(&webhook(url, SECRET, PATIENCE), SystemClock, &message("a")).unwrap();
    if in_a_process_that_trusts(send) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start_tls(folder.path());
    let test = "webhooks::a_certificate_that_the_machine_trusts_is_taken";
    again_in_a_process_that_trusts(folder.path(), test, &receiver.url("/"));
    assert_eq!(receiver.received().len(), 1);
}

/// The example of deploy/NOTIFICATIONS.md, as it is.
struct Python {
    child: Child,
    address: SocketAddr,
}

impl Python {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/webhook-receiver.py");
        let mut command = Command::new("python3");
        command.arg(script).arg("0").env("REWARDD_SECRET", SECRET);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().trim_end_matches('/');
        Self { address: address.parse().unwrap(), child }
    }

    /// Ends it; gives what it has printed.
    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        printed
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_documented_receiver_takes_what_is_genuine_and_new_once() {
    let python = Python::start();
    let url = format!("http://{}/", python.address);
    let own = webhook(&url, SECRET, PATIENCE);
    let answer =
        |outcome: Result<String, SendError>| outcome.unwrap().rsplit(": ").next().unwrap().to_owned();
    let refused =
        |outcome| matches!(outcome, Err(SendError::Never(why)) if why.ends_with("does not hold, or is old"));

    assert_eq!(answer(deliver(&own, SystemClock, &message("a"))), "taken");
    assert_eq!(answer(deliver(&own, SystemClock, &message("a"))), "taken before");
    assert!(refused(deliver(
        &webhook(&url, "another-secret-of-a-thief", PATIENCE),
        SystemClock,
        &message("b")
    )));
    let earlier = ManualClock::new(SystemClock.now() - chrono::TimeDelta::minutes(6));
    assert!(refused(deliver(&own, earlier, &message("c"))), "it was sent before");

    let printed = python.stop();
    let taken: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&taken["id"], &taken["text"]), (&json!("a"), &json!(message("a").text)));
}

/// The first block of a language in deploy/NOTIFICATIONS.md.
fn documented(language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/NOTIFICATIONS.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_receivers_are_valid_with_their_secrets_from_the_environment() {
    let scratch = Scratch::new(Backend::Sqlite);
    scratch.write_config(&documented("toml"));
    let mut check = scratch.rewardd(&["config", "check"]);
    for line in documented("sh").lines() {
        let (name, value) = line.split_once('=').unwrap();
        check.env(name, value.split_whitespace().next().unwrap().replace('…', "0123456789abcdef"));
    }
    succeed(&mut check);
}

#[test]
fn the_documented_addresses_of_mail_servers_are_valid() {
    let page = include_str!("../../deploy/NOTIFICATIONS.md");
    let urls: Vec<&str> =
        page.split('`').filter(|text| text.starts_with("smtp") && text.contains("://")).collect();
    assert_eq!(urls.len(), 5, "{urls:?}");
    for url in urls {
        Endpoint::mail(url).unwrap();
    }
}
