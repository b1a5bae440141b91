//! Mail as a real server takes it, and as another program reads it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rewardd::clock::SystemClock;
use rewardd::config::{Channel, Endpoint, Mail};
use rewardd::notify::{Message, SendError};
use serde_json::{Value, json};

use crate::daemon::process::{Programme, clock, until, until_true};
use crate::support::Backend;
use crate::support::mail::MailServer;
use crate::support::proxy::{Fault, Proxy};
use crate::webhooks::{again_in_a_process_that_trusts, deliver, in_a_process_that_trusts, later, message};

const PATIENCE: Duration = Duration::from_secs(60);

fn mail(url: &str, to: &[&str], timeout: Duration) -> Channel {
    Channel::Mail(Mail {
        url: Endpoint::mail(url).unwrap(),
        from: "Jutalmak <rewardd@example.com>".to_owned(),
        to: to.iter().map(|to| (*to).to_owned()).collect(),
        timeout,
    })
}

fn send(url: &str, to: &[&str], message: &Message) -> Result<String, SendError> {
    deliver(&mail(url, to, PATIENCE), SystemClock, message)
}

fn never(outcome: Result<String, SendError>) -> String {
    match outcome {
        Err(SendError::Never(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_mail_arrives_as_text_and_as_html() {
    let Some(server) = MailServer::start() else { return };
    let url = format!("smtp://127.0.0.1:{}", server.smtp);
    // Dots alone on a line end a message on the wire, lines have at most 998 signs, and neither may be seen here.
    let text = format!("árvíztűrő\n.\n..\nFrom here on: {}\n", "0123456789 ".repeat(300));
    let message = Message {
        id: "daily_report/2026-11-20/ops".to_owned(),
        event: "daily_report".to_owned(),
        subject: format!("Kifizetve: 5.38596368 CC, {}", "tükörfúró ".repeat(20)),
        text: text.clone(),
        html: Some("<p>árvíztűrő &amp; <b>5.38596368</b></p>".to_owned()),
        ..message("")
    };
    let told = send(&url, &["ops@example.com", "Ügyelet <duty@example.com>"], &message).unwrap();
    assert!(told.starts_with(&format!("smtp://127.0.0.1:{}/*** answers 250 OK id=", server.smtp)), "{told}");

    let mails = server.messages(2);
    for mail in &mails {
        let header = |name: &str| mail["headers"][name].as_array().unwrap().clone();
        assert_eq!(header("from"), ["Jutalmak <rewardd@example.com>"]);
        assert_eq!(header("to"), ["ops@example.com, Ügyelet <duty@example.com>"]);
        assert_eq!(header("subject"), [message.subject.trim_end()]);
        assert_eq!(header("message-id"), ["<daily_report/2026-11-20/ops@example.com>"]);
        assert_eq!(header("date"), ["Thu, 19 Nov 2026 05:31:00 +0000"]);
        assert_eq!(header("auto-submitted"), ["auto-generated"]);
        assert_eq!(header("x-rewardd-event"), ["daily_report"]);
        assert_eq!(mail["type"], "multipart/alternative");
        let parts = json!([
            { "type": "text/plain", "text": text },
            { "type": "text/html", "text": message.html },
        ]);
        assert_eq!(mail["parts"], parts);
    }
    let mut got: Vec<&Value> = mails.iter().map(|mail| &mail["headers"]["envelope-to"][0]).collect();
    got.sort_by_key(|to| to.as_str());
    assert_eq!(got, ["duty@example.com", "ops@example.com"]);
}

#[test]
fn what_the_server_answers_decides_whether_it_is_sent_again() {
    let Some(server) = MailServer::start() else { return };
    let url = format!("smtp://127.0.0.1:{}", server.smtp);
    let told = later(send(&url, &["busy@example.com"], &message("a")));
    assert!(told.ends_with("transient error (451): greylisted, please try again"), "{told}");
    let told = never(send(&url, &["nobody@example.com"], &message("a")));
    assert!(told.ends_with("permanent error (550): no such user"), "{told}");
    // Of several, one that is refused is enough: nobody gets half a message.
    later(send(&url, &["ops@example.com", "busy@example.com"], &message("a")));

    let with = |password: &str| format!("smtp://ops:{password}@127.0.0.1:{}", server.smtp);
    let told = never(send(&with("wrong-word"), &["ops@example.com"], &message("a")));
    assert!(told.contains("permanent error (535)") && !told.contains("wrong-word"), "{told}");
    send(&with("pass-word"), &["ops@example.com"], &message("b")).unwrap();
    let mails = server.messages(1);
    assert_eq!(mails[0]["headers"]["message-id"], json!(["<b@example.com>"]));
    assert!(server.log().contains("A=plain:ops"), "{}", server.log());
}

#[test]
fn a_server_that_was_away_gets_the_same_message_later() {
    let Some(server) = MailServer::start() else { return };
    let url = format!("smtp://127.0.0.1:{}", server.smtp);
    server.stop();
    for _ in 0..3 {
        let told = later(send(&url, &["ops@example.com"], &message("incidents-17")));
        assert!(told.contains("Connection refused"), "{told}");
    }
    server.restart();
    send(&url, &["ops@example.com"], &message("incidents-17")).unwrap();
    // As where the answer to the first was lost.
    send(&url, &["ops@example.com"], &message("incidents-17")).unwrap();
    let mails = server.messages(2);
    assert_eq!(mails[0]["headers"]["message-id"], mails[1]["headers"]["message-id"]);
    assert_eq!(mails[0]["parts"], mails[1]["parts"]);
}

#[test]
fn a_server_that_hangs_or_hangs_up_is_asked_again() {
    let Some(server) = MailServer::start() else { return };
    let attempt = |fault, timeout| {
        let proxy = Proxy::start(([127, 0, 0, 1], server.smtp).into());
        proxy.set(fault);
        let url = format!("smtp://ops:pass-word@127.0.0.1:{}", proxy.port());
        let told = later(deliver(&mail(&url, &["ops@example.com"], timeout), SystemClock, &message("a")));
        let (who, why) = told.split_once("/***: ").unwrap();
        assert_eq!(who, format!("smtp://127.0.0.1:{}", proxy.port()));
        assert!(!why.contains("pass-word"), "{why}");
        why.to_owned()
    };
    assert_eq!(attempt(Fault::Stall, Duration::from_millis(300)), "no answer within 300ms");
    attempt(Fault::Refuse, PATIENCE);
    // In the greeting, among the answers to EHLO, and about the login.
    for bytes in [10, 100, 250] {
        attempt(Fault::Truncate { bytes }, PATIENCE);
    }
    assert!(!server.log().contains("<="), "{}", server.log());
}

#[test]
fn over_tls_it_is_sent_to_a_server_that_is_trusted() {
    let send = |url: &str| send(url, &["ops@example.com"], &message("a")).unwrap();
    if in_a_process_that_trusts(send) {
        return;
    }
    let Some(server) = MailServer::start() else { return };
    for (mails, url) in [
        (1, format!("smtps://ops:pass-word@localhost:{}", server.smtps)),
        (2, format!("smtp://ops:pass-word@localhost:{}?tls=required", server.smtp)),
    ] {
        let name = "mails::over_tls_it_is_sent_to_a_server_that_is_trusted";
        again_in_a_process_that_trusts(server.folder(), name, &url);
        server.messages(mails);
    }
    assert_eq!(server.log().matches("A=plain:ops").count(), 2, "{}", server.log());
}

#[test]
fn nothing_is_sent_over_tls_to_a_server_that_is_not_trusted() {
    let Some(server) = MailServer::start() else { return };
    for url in [
        format!("smtps://ops:pass-word@localhost:{}", server.smtps),
        format!("smtp://ops:pass-word@localhost:{}?tls=required", server.smtp),
    ] {
        let told = later(send(&url, &["ops@example.com"], &message("a")));
        assert!(told.ends_with("invalid peer certificate: UnknownIssuer"), "{told}");
    }
    let log = server.log();
    assert!(!log.contains("<=") && !log.contains("A=plain"), "{log}");
}

/// Ten minutes of the daemon's time are a second.
const FACTOR: u32 = 600;

#[test]
fn what_happens_while_the_mail_server_is_down_for_an_hour_is_told_when_it_is_back() {
    let Some(server) = MailServer::start() else { return };
    server.stop();
    let programme = Programme::new(Backend::Sqlite);
    programme.scratch.query("UPDATE votes SET cc = '-1.00000000' WHERE id = 20");
    programme.configure(&format!(
        "[notify]\ninterval = \"1m\"\n[notify.receivers.ops]\nkind = \"mail\"\nurl = \"smtp://127.0.0.1:{}\"\n\
         from = \"rewardd@example.com\"\nto = [\"ops@example.com\"]\n",
        server.smtp
    ));
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &clock("2026-11-19T05:31:00Z", FACTOR))]);
    // The pauses between eight attempts are of 1, 2, 4, 8, 16, 32 and 60 minutes.
    until_true("the mail server has been down for an hour", || {
        programme.count("reward_notifications WHERE attempts >= 7 AND delivered_at IS NULL") == 1
    });
    // Meanwhile everything else went on.
    assert!(programme.runs() >= 16, "{}", programme.runs());
    server.restart();
    let told = |heading: &str| {
        until(&format!("the failure is told under {heading:?}"), || {
            let mut texts = server
                .arrived()
                .into_iter()
                .map(|mail| mail["parts"][0]["text"].as_str().unwrap().to_owned());
            texts.find(|text| {
                let part = text.split(heading).nth(1).and_then(|rest| rest.split("\n\n").next());
                part.is_some_and(|part| part.contains("run failed: hour 10 of 2026-11-18"))
            })
        })
    };
    assert!(told("New:").contains("cc is -1.00000000"));
    let column = |name: &str| -> DateTime<Utc> {
        let sql = format!("SELECT {name} FROM reward_notifications ORDER BY created_at LIMIT 1");
        format!("{}Z", programme.scratch.one(&sql).replace(' ', "T")).parse().unwrap()
    };
    until_true("the delivery is written down", || {
        programme.count("reward_notifications WHERE delivered_at IS NOT NULL") >= 1
    });
    assert!(column("delivered_at") - column("created_at") >= TimeDelta::hours(1));

    programme.scratch.query("UPDATE votes SET cc = '1.00000000' WHERE id = 20");
    told("Solved:");
    // Each message came once.
    let mut ids: Vec<String> = server
        .arrived()
        .iter()
        .map(|mail| mail["headers"]["message-id"][0].as_str().unwrap().to_owned())
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    daemon.stop();
}
