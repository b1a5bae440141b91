//! The dashboard in a real Chromium: every page at the width of a telephone and of a wide screen, in light and in dark,
//! in both languages, by links and forms as people use them. Screenshots are kept in `target/screenshots`.
//!
//! Debian's packages `chromium` and `chromium-driver` drive it, axe-core from npm judges whether everybody can use it;
//! `tests/servers install` brings them. Where they cannot be had, `tests/run` says so.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::daemon::process::{Daemon, Programme, clock};
use crate::support::{Backend, vectors};
use crate::web::LISTEN;
use crate::web::million::million;
use crate::web::oidc;
use crate::web::people::guarded;

mod driver;

use driver::{Browser, Screen};

/// One of the voters among a million rows.
const PARTNER: &str = "77";

/// Pages, and the names of their screenshots.
const PAGES: [(&str, &str); 15] = [
    ("overview", "/"),
    ("windows", "/windows"),
    ("day", "/windows/day/2026-11-18"),
    ("report", "/report/daily/2026-11-18.html"),
    ("hour", "/windows/hour/2026-11-18T12:00:00Z"),
    ("partners", "/partners"),
    ("partner", "/partners/392"),
    ("explanation-day", "/partners/392/day/2026-11-18"),
    ("explanation-hour", "/partners/392/hour/2026-11-18T12:00:00Z"),
    ("audit", "/audit"),
    ("record", "/audit/24"),
    ("rules", "/rules"),
    ("rules-diff", "/rules/2"),
    ("transfers", "/transfers"),
    ("not-found", "/nowhere"),
];

/// The pages on which something is decided.
const GUARD: [(&str, &str); 5] = [
    ("alarms", "/alarms"),
    ("holds", "/holds"),
    ("cases", "/cases"),
    ("changes", "/changes"),
    ("rules-waiting", "/rules"),
];

fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The worked case `town` in the evening of its second day: a pool that grows, two versions of the rules, transfers
/// that are delivered and some that wait.
fn town(environment: &[(&str, &str)]) -> (Programme, Daemon, SocketAddr) {
    let case: PathBuf = vectors().into_iter().find(|case| case.ends_with("town")).unwrap();
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let programme = Programme::empty(Backend::Sqlite);
    programme.scratch.import(&read("votes.csv"), &read("rates.csv"));
    programme.scratch.run(&["once", "all", "--as-of", "2026-11-19T06:30:00Z"]);
    let clock = clock("2026-11-19T18:31:00Z", 0);
    let rules = ("REWARDD__RULES__DAILY__MIN_ACTIVE_HOURS", "2");
    let special = ("REWARDD__SPECIAL__PARTNERS", "[3, 392, 1112]");
    let mut all = vec![LISTEN, ("REWARDD_CLOCK", &*clock), rules, special];
    all.extend(environment);
    let daemon = programme.start("daemon", &all);
    let address = daemon.address();
    programme.until_paid(1 + 24 + 18);
    programme.scratch.query(
        "UPDATE special_transfers SET delivered_at = NULL, attempts = 3, next_attempt_at = '2026-11-19 18:40:00.000000', \
         last_error = 'connecting to the remote database: connection refused' \
         WHERE time >= '2026-11-19 09:00:00.000000'",
    );
    (programme, daemon, address)
}

/// Nobody logs a complaint, nothing sticks out, and axe finds nothing serious.
async fn assert_well(browser: &Browser, what: &str) {
    let sticks_out = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.run(sticks_out).await, json!(0), "{what}: the page is wider than its window");
    let unloaded = "return [...document.styleSheets].length";
    assert_eq!(browser.run(unloaded).await, json!(1), "{what}: the style is there");
    if let Some(found) = browser.axe().await {
        let serious =
            |violation: &&Value| ["serious", "critical"].iter().any(|impact| violation["impact"] == *impact);
        let serious: Vec<&Value> = found.iter().filter(serious).collect();
        assert!(serious.is_empty(), "{what}: {serious:#?}");
    }
    // A page that is not there is an answer of its own, which the browser notes.
    let complaints: Vec<Value> = browser.complaints();
    let unexpected =
        |complaint: &&Value| !(what.contains("not-found") && complaint.to_string().contains("404"));
    let complaints: Vec<&Value> = complaints.iter().filter(unexpected).collect();
    assert!(complaints.is_empty(), "{what}: {complaints:#?}");
}

#[test]
fn every_page_is_whole_on_every_screen() {
    let Some(browser) = Browser::there() else { return };
    let (programme, mut daemon, address) = town(&[]);
    programme.scratch.block_on(async {
        let browser = browser.start().await;
        for lang in ["en", "hu"] {
            for screen in Screen::ALL {
                browser.show_as(screen);
                for (name, path) in PAGES {
                    let what = format!("{name}-{lang}-{}", screen.name());
                    browser.open(address, &format!("{path}?lang={lang}")).await;
                    assert_well(&browser, &what).await;
                    let picture = browser.picture(screen).await;
                    fs::write(screenshots().join(format!("{what}.png")), picture).unwrap();
                }
            }
        }
        browser.close().await;
    });
    daemon.stop();
}

#[test]
fn somebody_finds_out_why_a_partner_got_what_it_got() {
    let Some(browser) = Browser::there() else { return };
    let (programme, mut daemon, address) = million();
    programme.scratch.block_on(async {
        let browser = browser.start().await;
        browser.show_as(Screen::ALL[3]);
        let client = &browser.client;
        for path in
            ["/", "/windows", "/windows/day/2026-11-10", "/partners/77", "/audit", "/rules", "/transfers"]
        {
            browser.open(address, path).await;
            assert_well(&browser, path).await;
        }
        browser.open(address, "/").await;
        // From the overview to the last window, and by its ranking to a partner's explanation.
        client.find(Locator::LinkText("Windows")).await.unwrap().click().await.unwrap();
        browser.until_there(Locator::LinkText("18 Nov 2026")).await.click().await.unwrap();
        browser.until_titled("18 Nov 2026").await;
        let form = client.form(Locator::Css("#positions form")).await.unwrap();
        form.set_by_name("partner", PARTNER).await.unwrap();
        form.submit().await.unwrap();
        let row = browser.until_there(Locator::Css("tr.marked")).await;
        assert!(row.text().await.unwrap().contains(PARTNER));
        row.find(Locator::Css("td:nth-child(3) a")).await.unwrap().click().await.unwrap();
        browser.until_titled("Partner 77: 18 Nov 2026").await;
        let body = client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        assert!(
            body.contains("every amount comes out as it was paid") && body.contains("decided by"),
            "{body}"
        );

        // The language stays with the visitor.
        client.find(Locator::Css(".languages a[lang=hu]")).await.unwrap().click().await.unwrap();
        browser.until_titled("77. partner: 2026. 11. 18.").await;
        client.find(Locator::Css(".trail a")).await.unwrap().click().await.unwrap();
        browser.until_titled("77. partner").await;
        let body = client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        assert!(body.contains("Jutalmak naponként"), "{body}");

        // The search box finds a partner and a day, and is clear about anything else.
        for (asked, title) in [
            ("5", "5. partner"),
            ("2026-11-18", "2026. 11. 18."),
            ("' OR 1=1 --", "A kérés nem értelmezhető"),
        ] {
            let form = client.form(Locator::Css("form.search")).await.unwrap();
            form.set_by_name("q", asked).await.unwrap();
            form.submit().await.unwrap();
            browser.until_titled(title).await;
        }

        // By keyboard alone: the first stop leads past the navigation.
        browser.open(address, "/?lang=en").await;
        browser.press("Tab");
        let first = browser.run("return document.activeElement.className").await;
        assert_eq!(first, json!("skip"));
        browser.press("Enter");
        assert_eq!(browser.run("return document.activeElement.id").await, json!("content"));
        browser.close().await;
    });
    daemon.stop();
}

#[test]
fn a_token_opens_the_door_and_logging_out_closes_it() {
    let Some(browser) = Browser::there() else { return };
    let (programme, mut daemon, address) = town(&[("REWARDD__HTTP__TOKEN", "correct-horse-battery-staple")]);
    programme.scratch.block_on(async {
        let browser = browser.start().await;
        browser.show_as(Screen::ALL[0]);
        let client = &browser.client;
        browser.open(address, "/audit").await;
        assert_well(&browser, "login").await;
        fs::write(screenshots().join("login.png"), browser.picture(Screen::ALL[0]).await).unwrap();
        let answers = [
            ("wrong-horse-battery-staple", Locator::Css("p.wrong")),
            ("correct-horse-battery-staple", Locator::Css(".logout button")),
        ];
        for (token, answer) in answers {
            let form = client.form(Locator::Css("form.login")).await.unwrap();
            form.set_by_name("token", token).await.unwrap();
            form.submit().await.unwrap();
            browser.until_there(answer).await;
        }
        browser.until_titled("Audit log").await;
        assert_eq!(browser.run("return document.cookie").await, json!(""), "no script sees a cookie");
        client.find(Locator::Css(".logout button")).await.unwrap().click().await.unwrap();
        browser.until_titled("Log in").await;
        browser.open(address, "/audit").await;
        browser.until_titled("Log in").await;
        browser.close().await;
    });
    daemon.stop();
}

#[test]
fn somebody_releases_what_is_held_by_click() {
    let Some(browser) = Browser::there() else { return };
    let (programme, mut daemon, address, [anna, bela, _]) = guarded(Backend::Sqlite);
    programme.scratch.block_on(async {
        let browser = browser.start().await;
        let client = &browser.client;
        for (token, name) in [(&bela, "bela"), (&anna, "anna")] {
            browser.show_as(Screen::ALL[0]);
            browser.open(address, "/holds").await;
            let form = client.form(Locator::Css("form.login")).await.unwrap();
            form.set_by_name("token", token).await.unwrap();
            form.submit().await.unwrap();
            browser.until_titled("Holds").await;
            let guest = client.find(Locator::Css(".guest")).await.unwrap().text().await.unwrap();
            assert!(guest.starts_with(name), "{guest}");
            let forms = client.find_all(Locator::Css("form.decide")).await.unwrap();
            assert_eq!(forms.is_empty(), name == "bela", "who looks has nothing to press");
            if name == "bela" {
                client.find(Locator::Css(".logout button")).await.unwrap().click().await.unwrap();
                browser.until_titled("Log in").await;
            }
        }
        for lang in ["hu", "en"] {
            for screen in Screen::ALL {
                browser.show_as(screen);
                for (name, path) in GUARD {
                    let what = format!("{name}-{lang}-{}", screen.name());
                    browser.open(address, &format!("{path}?lang={lang}")).await;
                    assert_well(&browser, &what).await;
                    let picture = browser.picture(screen).await;
                    fs::write(screenshots().join(format!("{what}.png")), picture).unwrap();
                }
            }
        }
        browser.open(address, "/holds").await;
        client.find(Locator::Css("input[name=hold]")).await.unwrap().click().await.unwrap();
        let note = client.find(Locator::Css("form.decide input[name=note]")).await.unwrap();
        note.send_keys("a school class").await.unwrap();
        client.find(Locator::Css("button[value=release]")).await.unwrap().click().await.unwrap();
        let status = browser.until_there(Locator::Css("p[role=status]")).await.text().await.unwrap();
        assert!(status.contains("is written"), "{status}");
        assert_well(&browser, "decided").await;
        browser.close().await;
    });
    let decided =
        "reward_decisions WHERE decided_by = 'anna' AND verdict = 'released' AND note = 'a school class'";
    assert_eq!(programme.count(decided), 1);
    assert_eq!(programme.count("reward_holds WHERE state = 'released'"), 1);
    daemon.stop();
}

/// The provider is another site than the dashboard, as it is everywhere.
#[test]
fn somebody_logs_in_at_the_provider_by_click() {
    let Some(browser) = Browser::there() else { return };
    if !oidc::is_there() {
        return;
    }
    let people = "[people.anna]\nrole = \"reviewer\"\nlogin = \"anna@example.org\"\n";
    let mut set = oidc::Set::new(people, "");
    let provider = set.provider();
    set.programme.scratch.block_on(async {
        let browser = browser.start().await;
        browser.show_as(Screen::ALL[0]);
        let client = &browser.client;
        browser.open(set.address, "/audit").await;
        browser.until_titled("Log in").await;
        assert_well(&browser, "login-provider").await;
        client.find(Locator::Css(".provider a")).await.unwrap().click().await.unwrap();
        browser.until_titled("Provider").await;
        let form = client.form(Locator::Css("form")).await.unwrap();
        form.set_by_name("account", "subject-of-anna").await.unwrap();
        form.submit().await.unwrap();
        browser.until_titled("Audit log").await;
        let guest = client.find(Locator::Css(".guest")).await.unwrap().text().await.unwrap();
        assert!(guest.starts_with("anna"), "{guest}");
        browser.close().await;
    });
    drop(provider);
    set.daemon.stop();
}
