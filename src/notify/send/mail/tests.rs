//! What is mailed, line by line.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::config::Endpoint;

const MAIL: &str = "From: Rewards <rewardd@example.com>
Subject: Paid on 2026-11-20
Date: Sat, 21 Nov 2026 00:01:00 +0000
Message-ID: <daily_report/2026-11-20/ops@example.com>
Auto-Submitted: auto-generated
X-Rewardd-Event: daily_report
To: ops@example.com, =?utf-8?b?w5xneWVsZXQ=?= <duty@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

1 partner
.

";

fn mail() -> Mail {
    Mail::new(config::Mail {
        url: Endpoint::mail("smtp://ops:pass-word@127.0.0.1:2525").unwrap(),
        from: "Rewards <rewardd@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned(), "Ügyelet <duty@example.com>".to_owned()],
        timeout: Duration::from_secs(10),
    })
}

fn message() -> Message {
    Message {
        id: "daily_report/2026-11-20/ops".to_owned(),
        created_at: "2026-11-21T00:01:00Z".parse().unwrap(),
        event: "daily_report".to_owned(),
        subject: "Paid on 2026-11-20".to_owned(),
        text: "1 partner\n.\n".to_owned(),
        html: None,
        details: Value::Null,
    }
}

fn composed(message: &Message) -> String {
    String::from_utf8(mail().compose(message).unwrap().formatted()).unwrap()
}

#[test]
fn a_mail_is_the_same_at_every_attempt() {
    assert_eq!(composed(&message()).replace("\r\n", "\n"), MAIL);
    assert_eq!(composed(&message()), composed(&message()));
}

#[test]
fn no_text_becomes_a_header() {
    let foreign = "no\r\nBcc: all@example.com\r\n\r\n<b>".to_owned();
    let message = Message {
        subject: foreign.clone(),
        id: foreign.clone(),
        event: foreign.clone(),
        text: foreign,
        html: Some("<p>á</p>".to_owned()),
        ..message()
    };
    let text = composed(&message);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\nBcc"), "{head}");
    let names: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .collect();
    let expected = [
        "From",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Rewardd-Event",
        "To",
        "MIME-Version",
        "Content-Type",
    ];
    assert_eq!(names, expected);
}

#[test]
fn an_address_that_is_none_is_named() {
    let mut mail = mail();
    mail.settings.to.push("no\r\naddress".to_owned());
    let refused = mail.compose(&message()).unwrap_err();
    assert!(refused.starts_with("no address: "), "{refused}");
}
