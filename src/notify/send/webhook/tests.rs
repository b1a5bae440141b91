//! What is posted, byte by byte, and what of an answer is told.

use chrono::DateTime;
use serde_json::Value;

use super::*;
use crate::clock::ManualClock;
use crate::config::{Endpoint, Secret};

fn message() -> Message {
    Message {
        id: "incidents-17".to_owned(),
        created_at: "2026-11-19T05:31:00Z".parse().unwrap(),
        event: "incidents".to_owned(),
        subject: "2 incidents & <1> solved".to_owned(),
        text: "hour 10 was not paid\nday > hour".to_owned(),
        html: Some("<p>not for programs</p>".to_owned()),
        details: json!({ "incidents": [] }),
    }
}

fn webhook(url: &str, body: Body) -> Webhook {
    let settings = config::Webhook {
        url: Endpoint::webhook(url).unwrap(),
        secret: Some(Secret::parse("correct-horse-battery").unwrap()),
        body,
        timeout: Duration::from_secs(10),
    };
    Webhook::new(settings, Arc::new(ManualClock::new(DateTime::from_timestamp(1_795_239_120, 0).unwrap())))
}

/// Cases 1, 2, 3, 6 and 7.
#[test]
fn hmac_is_that_of_rfc_4231() {
    let cases: [(&[u8], &[u8], &str); 5] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to \
              be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, data, expected) in cases {
        assert_eq!(hmac(key, data), expected);
    }
}

#[test]
fn the_signature_covers_the_time_and_the_body() {
    let expected = hmac(b"correct-horse-battery", b"1795239120.{\"a\":1}");
    assert_eq!(signature(b"correct-horse-battery", 1_795_239_120, "{\"a\":1}"), expected);
    assert_ne!(signature(b"correct-horse-battery", 1_795_239_121, "{\"a\":1}"), expected);
}

#[test]
fn json_is_the_versioned_record() {
    let expected = concat!(
        r#"{"created_at":"2026-11-19T05:31:00.000000Z","details":{"incidents":[]},"event":"incidents","#,
        r#""id":"incidents-17","subject":"2 incidents & <1> solved","text":"hour 10 was not paid\nday > hour","#,
        r#""version":1}"#,
    );
    assert_eq!(json(&message()), expected);
}

#[test]
fn slack_gets_its_three_signs_escaped_and_no_more_than_one_message() {
    let expected = r#"{"text":"2 incidents &amp; &lt;1&gt; solved\nhour 10 was not paid\nday &gt; hour"}"#;
    assert_eq!(slack(&message()), expected);
    let long = Message { text: "<".repeat(10_000), ..message() };
    let body: Value = serde_json::from_str(&slack(&long)).unwrap();
    let text = body["text"].as_str().unwrap();
    assert_eq!(text.chars().count(), SLACK_CHARACTERS);
    assert!(text.ends_with("&lt;…"), "{}", &text[text.len() - 20..]);
}

#[test]
fn a_request_names_its_delivery_and_its_time() {
    let request = webhook("https://example.com/hook?key=abcdef", Body::Json).request(&message()).unwrap();
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let signature = signature(b"correct-horse-battery", 1_795_239_120, &json(&message()));
    let expected = [
        "content-type: application/json".to_owned(),
        format!("user-agent: rewardd/{}", env!("CARGO_PKG_VERSION")),
        "x-rewardd-delivery: incidents-17".to_owned(),
        format!("x-rewardd-signature: sha256={signature}"),
        "x-rewardd-timestamp: 1795239120".to_owned(),
    ];
    assert_eq!(headers, expected);
    assert_eq!(request.uri(), "https://example.com/hook?key=abcdef");
}

#[test]
fn without_a_secret_nothing_is_signed() {
    let mut webhook = webhook("http://127.0.0.1/", Body::Slack);
    webhook.settings.secret = None;
    assert!(!webhook.request(&message()).unwrap().headers().contains_key("x-rewardd-signature"));
}

#[test]
fn an_id_that_fits_no_header_is_an_error_and_no_panic() {
    let message = Message { id: "a\r\nx: y".to_owned(), ..message() };
    assert!(webhook("http://127.0.0.1/", Body::Json).request(&message).is_err());
}

#[test]
fn what_is_told_of_an_answer_holds_no_secret() {
    let webhook = webhook("https://hooks.example.com/services/T0123/B4567/abcdefgh?key=qwertz", Body::Slack);
    let answer = Answer {
        body: b"no hook /services/T0123/B4567/abcdefgh?key=qwertz,\r\nsorry".to_vec(),
        ..Answer::default()
    };
    let told = webhook.judge(StatusCode::NOT_FOUND, &answer);
    let expected =
        "https://hooks.example.com/*** answers 404 Not Found: no hook /***/***/***/***?key=***, sorry";
    assert_eq!(told, Err(SendError::Never(expected.to_owned())));
}

#[test]
fn receivers_say_how_long_they_want_to_rest() {
    let rest_of = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        rest(&headers)
    };
    assert_eq!(rest_of("30"), Some(Duration::from_secs(30)));
    assert_eq!(rest_of("99999999999"), Some(Duration::from_secs(99_999_999_999)));
    for no_seconds in ["", "-1", "1.5", "Thu, 19 Nov 2026 05:31:00 GMT"] {
        assert_eq!(rest_of(no_seconds), None, "{no_seconds}");
    }
    assert_eq!(rest(&HeaderMap::new()), None);
}
