//! Requests that nobody sends who means well: refused, in the same frame as every page, and nothing of the inside is
//! told.

use std::io::Write;

use rewardd::web::MAX_HEADER_BYTES;

use super::{assert_strict, served};
use crate::daemon::process::Programme;
use crate::support::Backend;
use crate::support::http::{ask, connect, get, until_closed};

/// Addresses, and what is answered.
const STRANGE: [(&str, u16); 45] = [
    ("/nowhere", 404),
    ("//", 404),
    ("//evil.example/", 404),
    ("/../../etc/passwd", 404),
    ("/..%2f..%2fetc%2fpasswd", 404),
    ("/%2e%2e/%2e%2e/etc/passwd", 404),
    ("/assets/../config.toml", 404),
    ("/assets/style-000000000000.css", 404),
    ("/windows/day/..%2f..%2f", 404),
    ("/windows/day/2026-13-45", 404),
    ("/windows/day/2030-01-01", 404),
    ("/windows/day/999999999-01-01", 404),
    ("/windows/day/-0001-01-01", 404),
    ("/windows/hour/2026-11-18T12:00:01Z", 404),
    ("/windows/hour/12", 404),
    ("/windows/week/2026-11-18", 404),
    ("/windows?kind=yearly", 400),
    ("/windows?until=tomorrow", 400),
    ("/windows?until=999999999-01-01", 400),
    ("/windows?before=x", 400),
    ("/windows?format=xml", 400),
    ("/windows?format=csv&table=votes", 404),
    ("/windows/day/2026-11-18?page=-1", 400),
    ("/windows/day/2026-11-18?page=18446744073709551616", 400),
    ("/windows/day/2026-11-18?partner=1%20OR%201=1", 400),
    ("/report/daily/2026-11-18", 404),
    ("/report/daily/2026-11-18.xml", 404),
    ("/report/daily/2030-01-01.html", 404),
    ("/report/daily/999999999-01-01.csv", 404),
    ("/report/daily/..%2f..%2fconfig.csv", 404),
    ("/partners/0", 404),
    ("/partners/99999", 404),
    ("/partners/9223372036854775808", 404),
    ("/partners/1;DROP%20TABLE%20votes", 404),
    ("/partners/3/day/2026-11-17", 404),
    ("/partners/99999/day/2026-11-18", 404),
    ("/partners/%00/day/2026-11-18", 404),
    ("/partners/%ff%fe", 404),
    ("/audit/0", 404),
    ("/audit/31", 404),
    ("/audit/18446744073709551615", 404),
    ("/rules/2", 404),
    ("/rules/1?against=x", 400),
    ("/transfers?after=%27;--", 400),
    ("/search?q=%27%20OR%201=1;%20DROP%20TABLE%20votes;--", 400),
];

#[test]
fn strange_addresses_are_refused_in_the_frame_of_every_page() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    for (path, status) in STRANGE {
        let answer = get(address, path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_strict(&answer, path);
        if !path.contains("format=") {
            assert!(answer.body.contains("<h1>") && answer.body.contains("/transfers"), "{path}: {answer:?}");
        }
        assert!(!answer.body.contains("href=\"//"), "{path}: {answer:?}");
        for inside in ["SELECT", "sqlx", "panicked", "src/", "reward_log", "root:"] {
            assert!(!answer.body.contains(inside), "{path}: {answer:?}");
        }
    }
    let asked = get(address, "/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(
        asked.status == 400 && !asked.body.contains("<script") && asked.body.contains("&lt;script"),
        "{asked:?}"
    );
    for (found, to) in [
        ("3", "/partners/3"),
        ("2026-11-18", "/windows/day/2026-11-18"),
        ("2026. 11. 18.", "/windows/day/2026-11-18"),
    ] {
        let answer = get(address, &format!("/search?q={}", found.replace(' ', "%20")));
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)));
    }
    assert_eq!(programme.count("votes"), 96, "nothing was dropped");
    daemon.stop();
}

#[test]
fn only_get_and_head_are_answered() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
        for path in ["/", "/windows", "/metrics"] {
            let answer = ask(
                address,
                &format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
            );
            assert!([400, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    let mut stream = connect(address);
    stream.write_all(b"HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let head = until_closed(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "a head has no body: {head}");
    daemon.stop();
}

#[test]
fn huge_requests_are_cut_off() {
    let programme = Programme::new(Backend::Sqlite);
    let (mut daemon, address) = served(&programme, &[]);
    let huge = "x".repeat(2 * MAX_HEADER_BYTES);
    for request in [
        format!("GET / HTTP/1.1\r\nhost: localhost\r\ncookie: {huge}\r\nconnection: close\r\n\r\n"),
        format!("GET /search?q={huge} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
    ] {
        let answer = ask(address, &request);
        assert!([414, 431].contains(&answer.status), "{answer:?}");
    }
    // As long as may be, and still nobody's: what follows the ? is left out.
    let long = "y".repeat(4000);
    let answer = get(address, &format!("/windows?until={long}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains(&long));
    let answer = get(address, &format!("/{long}"));
    assert!(answer.status == 404 && !answer.body.contains(&long), "{answer:?}");
    let form = format!("token={}", "z".repeat(100_000));
    let answer = ask(
        address,
        &format!(
            "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{form}",
            form.len()
        ),
    );
    assert_eq!(answer.status, 404, "there is no login without a token: {answer:?}");
    assert_eq!(get(address, "/").status, 200);
    daemon.stop();
}
