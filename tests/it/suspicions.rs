//! Suspicions from the paid day to the decision: cases are opened, raised, dismissed and confirmed, and who is confirmed
//! with a hold is not paid until the case is closed.

use std::sync::Arc;

use rewardd::app::{App, Mode};
use rewardd::clock::SystemClock;
use rewardd::config::Config;
use rewardd::jobs::JudgedDay;
use rewardd::rewards::money::Units;
use rewardd::rewards::suspicions::{Measure, Suspicion};
use rewardd::store::CaseState;
use serde_json::Value as Json;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown};

on_every_backend!(
    a_case_goes_from_the_paid_day_to_the_decision,
    killed_between_the_payment_and_the_case_the_day_is_judged_by_the_next_look,
);

/// The partner who does what nobody else does.
const LOUD: i64 = 7;
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.1\n";
const CONFIG: &str = "[programme]\nstart = \"2026-11-10\"\n[schedule]\ncatch_up = \"2000h\"";
const WHO: [&str; 4] = ["--as", "mara", "--note", "looked at it"];

/// A day of 30 partners with 4 to 11 votes each, and of one with so many.
fn votes(day: u32, loud: u32) -> String {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let mut id = day * 100_000;
    for partner in 1..=30 {
        let many = if i64::from(partner) == LOUD { loud } else { 4 + partner % 8 };
        for vote in 0..many {
            id += 1;
            let second = (vote * 7919 + partner * 131) % 72_000;
            let (hour, minute, second) = (second / 3600 + 1, second / 60 % 60, second % 60);
            votes += &format!("{id},{partner},cc,1,1,2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}Z\n");
        }
    }
    votes
}

fn suspicion() -> Suspicion {
    Suspicion {
        name: "many_votes".to_owned(),
        measure: Measure::Votes,
        stages: [3, 8].map(Units::whole).to_vec(),
        min_votes: 2,
        min_days: 2,
    }
}

/// Pays all that is due on the morning after a day.
fn pay(scratch: &Scratch, day: u32) {
    scratch.run(&["once", "--as-of", &morning_after(day)]);
}

fn morning_after(day: u32) -> String {
    format!("2026-11-{:02}T02:00:00Z", day + 1)
}

/// Judges what was paid, as of the morning after a day: each day with its findings and what became of them.
fn judge(scratch: &Scratch, day: u32) -> Vec<(String, usize, u64, u64)> {
    let mut config = Config::load(&scratch.path("config.toml"), std::iter::empty()).unwrap();
    config.suspicions = vec![suspicion()];
    let now = morning_after(day).parse().unwrap();
    scratch.block_on(async {
        let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await.unwrap();
        let judged = app.judging().look(now).await.unwrap();
        app.database.close().await;
        let told =
            |judged: &JudgedDay| (judged.day.to_string(), judged.findings, judged.opened, judged.raised);
        judged.iter().map(told).collect()
    })
}

fn json(scratch: &Scratch, args: &[&str]) -> Json {
    serde_json::from_str(&scratch.run(args)).unwrap()
}

/// A day of November with a number of findings, cases opened and cases raised.
fn told(day: u32, findings: usize, opened: u64, raised: u64) -> (String, usize, u64, u64) {
    (format!("2026-11-{day}"), findings, opened, raised)
}

fn a_case_goes_from_the_paid_day_to_the_decision(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.write_config(CONFIG);
    for (day, loud) in [(10, 11), (11, 11), (12, 11), (13, 60)] {
        scratch.import(&votes(day, loud), if day == 10 { RATES } else { "quoted_at,rate\n" });
    }
    pay(&scratch, 13);
    // Two days are learned from; then the days are judged, each once.
    assert_eq!(
        judge(&scratch, 13),
        [told(10, 0, 0, 0), told(11, 0, 0, 0), told(12, 0, 0, 0), told(13, 1, 1, 0)]
    );
    assert_eq!(judge(&scratch, 13), []);
    let listed = json(&scratch, &["case", "list", "--json"]);
    let [case] = listed["cases"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(
        (&case["partner"], &case["stage"], &case["day"]),
        (&LOUD.into(), &1.into(), &"2026-11-13".into())
    );
    assert_eq!((&case["detail"]["figure"], &case["detail"]["own"]["median"]), (&60.into(), &11.into()));

    let shown = json(&scratch, &["case", "show", "1", "--json"]);
    assert_eq!(shown["days"][0]["votes"], 60);
    assert_eq!(shown["days"][0]["position"], 1);
    assert_eq!(shown["votes_by_hour"].as_array().unwrap().len(), 24);
    let hours = shown["votes_by_hour"].as_array().unwrap().iter();
    assert_eq!(hours.map(|votes| votes.as_u64().unwrap()).sum::<u64>(), 60);
    let amount = |value: &Json| Units::parse(value.as_str().unwrap()).unwrap();
    let day = &shown["days"][0];
    assert_eq!(amount(&shown["stake"]), amount(&day["hourly"]) + amount(&day["daily"]));
    let text = scratch.run(&["case", "show", "1"]);
    assert!(text.contains("60 votes: score ") && text.contains("At stake: "), "{text}");
    assert!(text.contains("on 3 days of its own, the median is 11 votes"), "{text}");

    dismissed_and_raised(&scratch);
    confirmed_and_held(&scratch);
}

fn killed_between_the_payment_and_the_case_the_day_is_judged_by_the_next_look(backend: Backend) {
    let scratch = Scratch::new(backend);
    let suspicion = "[[suspicions]]\nname = \"many_votes\"\nmeasure = \"votes\"\nstages = [\"3\", \"8\"]\n\
                     min_votes = 2\nmin_days = 2";
    scratch.write_config(&format!("{CONFIG}\n{suspicion}"));
    for (day, loud) in [(10, 11), (11, 11), (12, 11), (13, 60)] {
        scratch.import(&votes(day, loud), if day == 10 { RATES } else { "quoted_at,rate\n" });
    }
    let cases = || scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_cases").parse::<u64>().unwrap();
    let disturbed = |fault: &str| {
        let mut once = scratch.rewardd(&["once", "--as-of", &morning_after(13)]);
        once.env("REWARDD_FAULT", fault).output().unwrap()
    };
    // All four days are paid before the first is judged.
    let output = disturbed("kill@judged:1");
    assert_eq!(output.status.code(), None, "{}", shown(&output, &[]));
    assert_eq!((paid_days(&scratch), cases()), (4, 0));
    let mut kills = 0;
    loop {
        let output = disturbed(&format!("kill@any:{}", kills + 1));
        if output.status.code().is_some() {
            assert!(output.status.success(), "{}", shown(&output, &[]));
            break;
        }
        kills += 1;
        assert!(cases() <= 1, "killed at point {kills}");
    }
    assert!(kills >= 10, "only {kills} points were met");
    assert_eq!((paid_days(&scratch), cases()), (4, 1));
    assert_eq!(judge(&scratch, 13), [], "every day was judged");
    // Looking again changes nothing, and pays nothing.
    assert!(!scratch.run(&["once", "--as-of", &morning_after(13)]).contains("suspicions"));
    assert_eq!(cases(), 1);
}

fn paid_days(scratch: &Scratch) -> u64 {
    let count = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_runs WHERE reward_type = 'daily'";
    scratch.one(count).parse().unwrap()
}

/// A dismissed stage is not opened again, the next one is.
fn dismissed_and_raised(scratch: &Scratch) {
    scratch.run(&[&["case", "dismiss", "1"][..], &WHO].concat());
    let again = scratch.rewardd(&[&["case", "confirm", "1"][..], &WHO].concat()).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("case 1 is dismissed; this takes one that is open")
    );
    scratch.import(&votes(14, 60), "quoted_at,rate\n");
    pay(scratch, 14);
    assert_eq!(judge(scratch, 14), [told(14, 1, 0, 0)], "up to this stage the partner is left alone");
    scratch.import(&votes(15, 400), "quoted_at,rate\n");
    pay(scratch, 15);
    assert_eq!(judge(scratch, 15), [told(15, 1, 1, 0)]);
    scratch.import(&votes(16, 20_000), "quoted_at,rate\n");
    pay(scratch, 16);
    assert_eq!(judge(scratch, 16), [told(16, 1, 0, 1)], "an open case is raised by a higher stage");
    let listed = json(scratch, &["case", "list", "--state", "all", "--json"]);
    let cases: Vec<(u64, &str, u64)> = listed["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            (
                case["number"].as_u64().unwrap(),
                case["state"].as_str().unwrap(),
                case["stage"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(cases, [(2, "open", 3), (1, "dismissed", 1)], "a doubling past the last stage is one more");
}

/// What a confirmed partner would get is set aside until the case is closed; all others are paid.
fn confirmed_and_held(scratch: &Scratch) {
    let held = || {
        scratch.query(
            "SELECT CAST(partner_id AS CHAR), reward_type, CAST(time AS CHAR) FROM reward_holds ORDER BY reward_type, time",
        )
    };
    assert_eq!(held().len(), 0);
    scratch.run(&[&["case", "confirm", "2", "--hold"][..], &WHO].concat());
    scratch.import(&votes(17, 11), "quoted_at,rate\n");
    pay(scratch, 17);
    let of_partner = held();
    assert!(of_partner.len() > 2, "hours and the day are held");
    assert!(of_partner.iter().all(|row| row[0].as_deref() == Some("7")));
    assert!(of_partner.iter().any(|row| row[1].as_deref() == Some("daily")));
    let alarm = scratch.query("SELECT DISTINCT alarm, action FROM reward_alarms");
    assert_eq!(alarm, [[Some("case_2".to_owned()), Some("hold_partner".to_owned())].to_vec()]);
    let shown = scratch.run(&["case", "show", "2"]);
    assert!(shown.contains("are set aside since") && shown.contains("confirmed by mara"), "{shown}");
    assert_eq!(judge(scratch, 17).len(), 1);
    scratch.block_on(async {
        let config = Config::load(&scratch.path("config.toml"), std::iter::empty()).unwrap();
        let app = App::open(config, Arc::new(SystemClock), Mode::Pay).await.unwrap();
        assert_eq!(app.store.watchlist().await.unwrap().len(), 1);
        assert_eq!(app.rewards.case(2).await.unwrap().unwrap().state, CaseState::Confirmed);
        assert_eq!(app.rewards.open_groups().await.unwrap(), []);
        app.database.close().await;
    });
    scratch.run(&[&["case", "close", "2"][..], &WHO].concat());
    scratch.import(&votes(18, 11), "quoted_at,rate\n");
    pay(scratch, 18);
    assert_eq!(held(), of_partner, "after it is closed the partner is paid as everyone else");
    let verdicts = scratch.query("SELECT subject, verdict, decided_by FROM reward_decisions WHERE subject LIKE 'case/%' ORDER BY number");
    let verdicts: Vec<String> = verdicts
        .iter()
        .map(|row| row.iter().map(|text| text.clone().unwrap()).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(verdicts, ["case/1 dismissed mara", "case/2 confirmed mara", "case/2 closed mara"]);
}
