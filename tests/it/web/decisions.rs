//! Who may decide on the dashboard, and that each decision is one.

use super::access::request;
use super::people::{HELD, Visit, guarded};
use super::rows;
use crate::on_every_backend;
use crate::support::Backend;
use crate::support::http::get;

/// Every address that takes a decision.
const FORMS: [(&str, &str); 5] = [
    ("/holds", "reviewer"),
    ("/holds/windows", "admin"),
    ("/cases/1", "reviewer"),
    ("/changes", "reviewer"),
    ("/rules", "reviewer"),
];
/// Every page of the guard.
const PAGES: [&str; 5] = ["/alarms", "/holds", "/cases", "/changes", "/rules"];

fn decisions(programme: &crate::daemon::process::Programme) -> usize {
    programme.count("reward_decisions WHERE subject LIKE 'hold/%'")
}

on_every_backend!(what_is_held_is_decided_once_by_whoever_may,);

fn what_is_held_is_decided_once_by_whoever_may(backend: Backend) {
    let (programme, mut daemon, address, [anna, bela, cili]) = guarded(backend);
    let (anna, bela, cili) =
        (Visit::log_in(address, &anna), Visit::log_in(address, &bela), Visit::log_in(address, &cili));
    assert_eq!(programme.count("reward_holds WHERE state = 'held'"), HELD);
    let held = programme.scratch.query(
        "SELECT CAST(partner_id AS CHAR), CAST(from_pool AS CHAR) FROM reward_holds ORDER BY partner_id",
    );
    let partner = |at: usize| held[at][0].clone().unwrap();
    let paid = |partner: &str| {
        let sql = "SELECT CAST(daily_reward_all AS CHAR) FROM reward_list_daily WHERE partner_id = ";
        programme.scratch.one(&format!("{sql}{partner}"))
    };
    let zero = "0.00000000";
    assert_eq!(paid(&partner(0)), zero);

    // Who looks, sees what is there and no form; and is told what it takes.
    let page = bela.get("/holds");
    assert!(page.status == 200 && page.body.contains("busy"), "{page:?}");
    assert!(!page.body.contains("action=\"/holds\"") && page.body.contains("(reviewer)"), "{page:?}");
    let form = |visit: &Visit, at: usize, verdict: &str| {
        let key = visit.form_key();
        let hold = format!("daily,2026-11-18T00:00:00Z,{}", partner(at));
        format!("form_key={key}&hold={hold}&verdict={verdict}&note=looked+into+it")
    };
    let page = anna.get("/holds").body;
    assert!(page.contains("<strong>anna</strong> reviewer") && page.contains("action=\"/holds\""), "{page}");
    let refused = bela.post("/holds", &form(&bela, 0, "release"));
    assert!(refused.status == 403 && refused.body.contains("(reviewer)"), "{refused:?}");

    // A form without this session's key, or with another's, is none.
    for body in [
        form(&anna, 0, "release").split_once('&').unwrap().1.to_owned(),
        form(&anna, 0, "release").replacen(&anna.form_key(), &cili.form_key(), 1),
    ] {
        let refused = anna.post("/holds", &body);
        assert!(refused.status == 403 && refused.body.contains("not of your session"), "{refused:?}");
    }
    let without_note = form(&anna, 0, "release").replace("looked+into+it", "+");
    assert_eq!(anna.post("/holds", &without_note).status, 400);
    let asked = anna.get(&format!("/holds?{}", form(&anna, 0, "release")));
    assert_eq!(asked.status, 200, "{asked:?}");
    assert_eq!(decisions(&programme), 0, "nothing of this was a decision");

    // Sent twice, it is written once.
    let body = form(&anna, 0, "release");
    let done = anna.post("/holds", &body);
    assert_eq!(done.status, 303, "{done:?}");
    assert!(done.header("location").unwrap().starts_with("/holds?decided="), "{done:?}");
    assert!([303, 409].contains(&anna.post("/holds", &body).status));
    let other = cili.post("/holds", &form(&cili, 0, "forfeit"));
    assert!(other.status == 409 && other.body.contains("by anna"), "{other:?}");
    assert_eq!(decisions(&programme), 1);
    assert_ne!(paid(&partner(0)), zero);
    let done = cili.post("/holds", &form(&cili, 1, "forfeit"));
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!((decisions(&programme), paid(&partner(1)).as_str()), (2, zero));
    let decided = |by: &str| {
        programme.count(&format!("reward_decisions WHERE decided_by = '{by}' AND note = 'looked into it'"))
    };
    assert_eq!((decided("anna"), decided("cili"), decided("bela")), (1, 1, 0));
    let page = anna.get("/holds?state=released").body;
    assert!(page.contains(&format!("/partners/{}/day/2026-11-18", partner(0))), "{page}");
    daemon.stop();
}

#[test]
fn every_page_shows_and_every_form_asks_for_its_role() {
    let (programme, mut daemon, address, [anna, bela, _]) = guarded(Backend::Sqlite);
    for path in PAGES.iter().chain(&["/", "/windows"]) {
        assert_eq!(request(address, "GET", path, &[], "").status, 401, "{path}");
    }
    assert_eq!(get(address, "/metrics").status, 200, "what programs scrape stays open to this machine");
    assert_eq!(request(address, "GET", "/metrics", &[], "").status, 421);
    let (anna, bela) = (Visit::log_in(address, &anna), Visit::log_in(address, &bela));
    for path in PAGES {
        for lang in ["en", "hu"] {
            let page = bela.get(&format!("{path}?lang={lang}"));
            assert_eq!(page.status, 200, "{path}: {page:?}");
            assert!(!page.body.contains("class=\"decide\""), "{path}: {page:?}");
        }
        assert_eq!(anna.get(path).status, 200, "{path}");
    }
    for (path, role) in FORMS {
        let body = format!("form_key={}&verdict=release&note=x", bela.form_key());
        let refused = bela.post(path, &body);
        assert!(refused.status == 403 && refused.body.contains(&format!("({role})")), "{path}: {refused:?}");
        assert_eq!(request(address, "POST", path, &[], &body).status, 401, "{path}");
        let foreign = request(address, "POST", path, &["sec-fetch-site: cross-site"], &body);
        assert_eq!(foreign.status, 403, "{path}");
    }
    let as_reviewer = format!("form_key={}&window=hourly,2026-11-18T00:00:00Z&note=x", anna.form_key());
    assert_eq!(anna.post("/holds/windows", &as_reviewer).status, 403, "that takes an admin");
    assert_eq!(programme.count("reward_decisions WHERE decided_by IN ('anna', 'bela')"), 0);

    // The list of alarms, narrowed down.
    let listed = |path: &str| -> Vec<serde_json::Value> {
        let answer = anna.get(path);
        let table: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        table["rows"].as_array().unwrap().clone()
    };
    let all = listed("/alarms?format=json");
    assert_eq!(all.len(), HELD);
    assert!(all.iter().all(|row| row["alarm"] == "busy" && row["action"] == "hold_partner"), "{all:?}");
    let partner = all[0]["partner_id"].clone();
    assert_eq!(listed(&format!("/alarms?format=json&partner={partner}")).len(), 1);
    assert_eq!(listed("/alarms?format=json&alarm=busy&window=daily,2026-11-18T00:00:00Z").len(), HELD);
    assert_eq!(listed("/alarms?format=json&alarm=other").len(), 0);
    assert_eq!(listed("/alarms?format=json&table=by_alarm")[0]["daily"], HELD);
    daemon.stop();
}

#[test]
fn without_people_everything_is_shown_and_nothing_decided() {
    let programme = crate::daemon::process::Programme::new(Backend::Sqlite);
    programme.configure(super::people::ALARM);
    let (mut daemon, address) = super::served(&programme, &[]);
    assert_eq!(rows(address, "/holds?format=json").len(), HELD);
    for path in PAGES {
        let page = get(address, path);
        assert!(page.status == 200 && !page.body.contains("class=\"decide\""), "{path}: {page:?}");
    }
    let local = "host: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    for (path, _) in FORMS {
        let refused = crate::support::http::ask(address, &format!("POST {path} HTTP/1.1\r\n{local}"));
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
    }
    assert_eq!(programme.count("reward_decisions WHERE subject LIKE 'hold/%'"), 0);
    daemon.stop();
}
