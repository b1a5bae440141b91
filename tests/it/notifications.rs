//! What is not well becomes messages that reach their receivers, whatever happens to either side meanwhile.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use rewardd::app::open_notices;
use rewardd::config::Config;
use rewardd::rewards::window::Instant;
use rewardd::store::{Incident, NotTaken, Notes, Notices, Outgoing, StoreError, Told};
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::process::{AT_ONCE, DUE, Programme, STANDS, clock, machine_time, until, until_true};
use crate::metrics::Scraped;
use crate::on_every_backend;
use crate::support::proxy::{Fault, Proxy, address};
use crate::support::receiver::{Received, Receiver};
use crate::support::{Backend, Scratch, shown};

fn at(minute: i64) -> Instant {
    STANDS.parse::<Instant>().unwrap() + TimeDelta::minutes(minute)
}

fn incident(opened: u64, subject: &str) -> Incident {
    Incident {
        opened,
        kind: "run_failed".to_owned(),
        subject: subject.to_owned(),
        detail: format!("{subject} — was not paid: árvíztűrő"),
        opened_at: at(1),
        closed: None,
    }
}

fn message(id: &str, receiver: &str, minute: i64) -> Outgoing {
    Outgoing {
        id: id.to_owned(),
        receiver: receiver.to_owned(),
        event: "incidents".to_owned(),
        created_at: at(minute),
        message: r#"{"subject":"s"}"#.to_owned(),
    }
}

on_every_backend!(
    what_is_noted_is_there_as_a_whole_or_not_at_all,
    an_outbox_is_sent_in_order_and_waits_as_a_whole_for_one_that_is_away,
);

fn what_is_noted_is_there_as_a_whole_or_not_at_all(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    let config = Config::default_with_url(&scratch.url).unwrap();
    scratch.block_on(async {
        let (database, notices) = open_notices(&config).await.unwrap();
        assert_eq!(notices.changes().await.unwrap(), 0);
        let told = |number, reported| Told {
            receiver: "ops".to_owned(),
            told: number,
            told_at: Some(at(1)),
            reported,
        };
        let once = Incident { closed: Some((3, at(1))), ..incident(3, "lease 4") };
        let first = Notes {
            changes_before: 0,
            changes: 3,
            opened: vec![incident(1, "hour 1"), incident(2, "hour 2"), once.clone()],
            told: vec![told(3, None)],
            messages: vec![message("a", "ops", 1)],
            ..Notes::default()
        };
        notices.note(&first).await.unwrap();
        assert!(
            matches!(notices.note(&first).await, Err(StoreError::Stale)),
            "what is decided twice is written once"
        );
        assert_eq!(notices.open_incidents().await.unwrap(), [incident(1, "hour 1"), incident(2, "hour 2")]);
        assert_eq!(notices.incidents_closed_after(2).await.unwrap(), [once]);
        assert!(notices.has_happened("run_failed", "lease 4").await.unwrap());
        assert!(!notices.has_happened("run_failed", "hour 1").await.unwrap(), "it is not over");

        // Of a kind and subject one is open at most, and what cannot be written takes all else with it.
        let doubled = Notes {
            changes_before: 3,
            changes: 5,
            opened: vec![incident(4, "hour 3"), incident(5, "hour 2")],
            messages: vec![message("b", "ops", 2)],
            ..Notes::default()
        };
        assert!(notices.note(&doubled).await.is_err());
        assert_eq!((notices.changes().await.unwrap(), notices.open_incidents().await.unwrap().len()), (3, 2));

        let closed = Incident { closed: Some((4, at(9))), ..incident(2, "hour 2") };
        let second = Notes {
            changes_before: 3,
            changes: 5,
            opened: vec![Incident { opened_at: at(10), ..incident(5, "hour 3") }],
            closed: vec![closed.clone()],
            details: vec![(1, "worded anew".to_owned())],
            told: vec![told(5, Some(7))],
            messages: vec![message("b", "ops", 2)],
            ..Notes::default()
        };
        notices.note(&second).await.unwrap();
        let open = notices.open_incidents().await.unwrap();
        assert_eq!(open.iter().map(|open| open.opened).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(open[0].detail, "worded anew");
        assert_eq!(notices.incidents_closed_after(3).await.unwrap(), [closed]);
        assert_eq!(notices.told().await.unwrap(), [told(5, Some(7))]);
        // It may come again once it is closed.
        let again =
            Notes { changes_before: 5, changes: 6, opened: vec![incident(6, "hour 2")], ..Notes::default() };
        notices.note(&again).await.unwrap();

        notices.notification_delivered("a", at(3)).await.unwrap();
        database.close().await;
    });
    let waiting = "SELECT CAST(COUNT(*) AS CHAR) FROM reward_notifications WHERE delivered_at IS NULL";
    assert_eq!(scratch.one(waiting), "1");
}

fn an_outbox_is_sent_in_order_and_waits_as_a_whole_for_one_that_is_away(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    let config = Config::default_with_url(&scratch.url).unwrap();
    scratch.block_on(async {
        let (database, notices) = open_notices(&config).await.unwrap();
        let messages =
            vec![message("late", "ops", 2), message("early", "ops", 1), message("else", "chat", 1)];
        notices.note(&Notes { changes: 1, messages, ..Notes::default() }).await.unwrap();
        let due = |receiver, minute| {
            let notices = &notices;
            async move {
                let due = notices.due_notification(receiver, at(minute)).await.unwrap();
                due.map(|(message, attempts)| (message.id, attempts))
            }
        };
        assert_eq!(due("ops", 0).await, None);
        assert_eq!(due("ops", 5).await, Some(("early".to_owned(), 0)));
        let failed = NotTaken {
            id: "early",
            receiver: "ops",
            error: "no answer",
            refused: false,
            next_attempt_at: at(10),
        };
        notices.notification_failed(&failed).await.unwrap();
        assert_eq!(due("ops", 9).await, None, "the other one waits with it");
        assert_eq!(due("chat", 9).await, Some(("else".to_owned(), 0)), "and nobody else does");
        assert_eq!(
            due("ops", 10).await,
            Some(("late".to_owned(), 0)),
            "it is not kept waiting by the other one"
        );
        notices.notification_failed(&NotTaken { id: "late", ..failed }).await.unwrap();
        assert_eq!(due("ops", 10).await, Some(("early".to_owned(), 1)), "in order, where both were tried");
        let refused = NotTaken { error: "400", refused: true, next_attempt_at: at(1450), ..failed };
        notices.notification_failed(&refused).await.unwrap();
        assert_eq!(due("ops", 10).await, Some(("late".to_owned(), 1)), "a refused one keeps none waiting");
        notices.notification_delivered("late", at(11)).await.unwrap();
        assert_eq!(due("ops", 11).await, None);
        let waiting = notices.waiting_notifications(10).await.unwrap();
        let kept = waiting.iter().find(|waiting| waiting.id == "early").unwrap();
        assert_eq!((kept.attempts, kept.refused, kept.last_error.as_deref()), (2, true, Some("400")));
        assert_eq!(due("ops", 1450).await, Some(("early".to_owned(), 2)));
        let replaced = ["early", "else"].map(|id| (id.to_owned(), "next".to_owned())).to_vec();
        notices.note(&Notes { changes_before: 1, changes: 2, replaced, ..Notes::default() }).await.unwrap();
        notices.notification_failed(&refused).await.unwrap();
        let waiting = notices.waiting_notifications(10).await.unwrap();
        let ids: Vec<&str> = waiting.iter().map(|waiting| &*waiting.id).collect();
        assert_eq!(ids, ["else"], "only what was refused is replaced, and it stays so");
        database.close().await;
    });
}

/// An address that nobody listens at, until somebody does: below the ports that the kernel gives to connections, of which
/// one could take it meanwhile.
fn free_address() -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let mut addresses = std::iter::repeat_with(|| {
        let number = std::process::id() * 64 + GIVEN.fetch_add(1, Ordering::Relaxed);
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(20_000 + number % 12_000).unwrap()))
    });
    addresses.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

/// A programme whose fifth hour cannot be paid, and receivers.
fn failing(backend: Backend, receivers: &str) -> Programme {
    let programme = Programme::new(backend);
    programme.scratch.query("UPDATE votes SET cc = '-1.00000000' WHERE id = 10");
    programme.configure(&format!("[notify]\ninterval = \"5m\"\n{receivers}"));
    programme
}

fn webhook(name: &str, address: impl std::fmt::Display) -> String {
    format!("[notify.receivers.{name}]\nkind = \"webhook\"\nurl = \"http://{address}/{name}\"\n")
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).unwrap()
}

fn subjects(list: &Value) -> Vec<&str> {
    list["incidents"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect()
}

/// The rows of the outbox: id, attempts, and whether it was delivered.
fn outbox(scratch: &Scratch) -> Vec<(String, u32, bool)> {
    let sql = "SELECT id, CAST(attempts AS CHAR), CAST(delivered_at AS CHAR) FROM reward_notifications \
               ORDER BY created_at, id";
    let row = |row: Vec<Option<String>>| {
        (row[0].clone().unwrap(), row[1].as_ref().unwrap().parse().unwrap(), row[2].is_some())
    };
    scratch.query(sql).into_iter().map(row).collect()
}

const HOUR_5: &str = "hourly 2026-11-18T05:00:00.000000Z";

on_every_backend!(a_failing_run_is_told_over_a_kill_and_an_hour_without_the_receiver);

fn a_failing_run_is_told_over_a_kill_and_an_hour_without_the_receiver(backend: Backend) {
    let address = free_address();
    let programme = failing(backend, &webhook("ops", address));
    let secret = ("REWARDD__NOTIFY__RECEIVERS__OPS__SECRET", "correct-horse-battery");
    // Six minutes a second.
    let running = clock("2026-11-19T05:31:00Z", 360);
    let environment = [secret, ("REWARDD_CLOCK", running.as_str())];
    let mut killed =
        programme.start("daemon", &[environment[0], environment[1], ("REWARDD_FAULT", "kill@send:1")]);
    until("it is killed before it sends", || killed.child.try_wait().unwrap());
    let written = outbox(&programme.scratch);
    let [(id, 0, false)] = &written[..] else { panic!("one message, never sent: {written:?}") };
    assert!(id.starts_with("incidents/ops/"), "{id}");

    let daemon = programme.start("daemon", &environment);
    // A minute, two and four between them, and five seconds of the machine are half an hour here.
    until_true("the receiver is away for more than an hour", || outbox(&programme.scratch)[0].1 >= 4);
    assert!(outbox(&programme.scratch).iter().all(|(_, _, delivered)| !delivered));
    let receiver = Receiver::start_on(address);
    until_true("it is told, and of what came meanwhile", || receiver.received().len() >= 2);
    let received = receiver.received();
    assert_eq!(
        received[0].header("x-rewardd-delivery"),
        Some(id.as_str()),
        "under the id of before the kill"
    );
    assert!(received[0].header("x-rewardd-signature").unwrap().starts_with("sha256="));
    let first = body(&received[0]);
    assert!(subjects(&first["details"]["new"]).contains(&HOUR_5), "{first}");
    assert!(first["text"].as_str().unwrap().contains("votes row 10: cc is -1.00000000"), "{first}");
    let second = body(&received[1]);
    assert!(
        second["text"].as_str().unwrap().contains("lease taken over: "),
        "the one that was killed: {second}"
    );
    assert!(subjects(&second["details"]["open"]).contains(&HOUR_5), "{second}");

    programme.scratch.query("UPDATE votes SET cc = '1.00000000' WHERE id = 10");
    let solved = until("that it is solved is told", || {
        let told = receiver.received().iter().map(body).collect::<Vec<_>>();
        told.into_iter().find(|told| subjects(&told["details"]["solved"]).contains(&HOUR_5))
    });
    assert!(solved["text"].as_str().unwrap().contains(", after "), "{solved}");
    let mut daemon = daemon;
    daemon.stop();
    let ids: Vec<String> =
        receiver.received().iter().map(|one| one.header("x-rewardd-delivery").unwrap().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no message came twice: {ids:?}");
    let openings = receiver
        .received()
        .iter()
        .filter(|one| subjects(&body(one)["details"]["new"]).contains(&HOUR_5))
        .count();
    assert_eq!(openings, 1, "it is told once that it failed");
}

#[test]
fn a_receiver_that_never_answers_keeps_nobody_waiting() {
    // The kernel takes connections for it, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let receiver = Receiver::start();
    let dead = webhook("dead", silent.local_addr().unwrap());
    let receivers = format!("{dead}timeout = \"1m\"\n{}", webhook("ops", receiver.address()));
    let programme = failing(Backend::Sqlite, &receivers);
    let mut daemon = programme.start("daemon", &[("REWARDD__HTTP__LISTEN", "127.0.0.1:0")]);
    let address = daemon.address();
    until_true("the other one is told", || receiver.received().len() == 1);
    // All but the hour, and the day that waits for it.
    until_true("what can be paid is paid", || programme.runs() == DUE - 2);
    until_true("what waits for whom is measured", || {
        let scraped = Scraped::of(address);
        let waiting = |name: &str| {
            scraped.0.get(&format!("rewardd_notifications_waiting{{receiver=\"{name}\"}}")).cloned()
        };
        waiting("dead").as_deref() == Some("1") && waiting("ops").as_deref() == Some("0")
    });
    until_true("the hour has failed, and the day waits for it", || {
        let scraped = Scraped::of(address);
        let open = |kind: &str| scraped.count(&format!("rewardd_incidents_open{{kind=\"{kind}\"}}"));
        (open("run_failed"), open("window_overdue")) == (1, 1)
    });
    let asked = machine_time();
    daemon.stop();
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    let told = status(&programme, &["--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let notifications = &told["database"]["notifications"];
    assert_eq!(notifications["incidents_open"], 2, "{notifications}");
    assert_eq!(notifications["waiting"][0]["receiver"], "dead");
    assert!(
        status(&programme, &[])
            .contains("\nincidents   2 open\n            run failed: hour 5 of 2026-11-18")
    );
}

fn status(programme: &Programme, args: &[&str]) -> String {
    let mut command = programme.scratch.rewardd(&[&["status"], args].concat());
    command.env("REWARDD_CLOCK", clock(STANDS, 0));
    command.env("REWARDD__PROCESS__STATE_FILE", programme.scratch.path("daemon.json"));
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn each_day_that_is_paid_is_reported_once_also_over_a_restart() {
    let receiver = Receiver::start();
    let programme = Programme::new(Backend::Sqlite);
    programme.configure(&format!("{}events = [\"daily_report\"]\n", webhook("ops", receiver.address())));
    // Nothing has ended yet of the 18th: it is seen from here on who wants a report.
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &clock("2026-11-18T00:10:00Z", 0))]);
    until_true("the receiver is known", || programme.count("reward_receivers WHERE reported = 0") == 1);
    daemon.stop();
    let mut daemon = programme.start("daemon", &[("REWARDD_FAULT", "kill@send:1")]);
    until("it is killed before it sends", || daemon.child.try_wait().unwrap());
    assert!(receiver.received().is_empty());
    let mut daemon = programme.start("daemon", &[]);
    until_true("the day is reported", || receiver.received().len() == 1);
    programme.until_paid(DUE);
    daemon.stop();
    let mut daemon = programme.start("daemon", &[("REWARDD__HTTP__LISTEN", "127.0.0.1:0")]);
    let address = daemon.address();
    until_true("it has looked again", || {
        Scraped::of(address).0.contains_key("rewardd_notifications_waiting{receiver=\"ops\"}")
    });
    daemon.stop();
    let received = receiver.received();
    let [report] = &received[..] else { panic!("one report: {received:?}") };
    assert_eq!(report.header("x-rewardd-delivery"), Some("daily_report/2026-11-18/ops"));
    let report = body(report);
    assert_eq!((&report["event"], &report["details"]["day"]), (&"daily_report".into(), &"2026-11-18".into()));
    assert_eq!(programme.count("reward_notifications"), 1);
}

#[test]
fn a_database_that_is_away_is_told_without_it_and_only_once() {
    let receiver = Receiver::start();
    let programme = Programme::new(Backend::MariaDb);
    programme.configure(&webhook("ops", receiver.address()));
    let proxy = Proxy::start(address(&programme.scratch.url));
    let url = proxy.url(&programme.scratch.url);
    let running = clock("2026-11-19T05:31:00Z", 60);
    let daemon = programme.start("daemon", &[("REWARDD__DATABASE__URL", &url), ("REWARDD_CLOCK", &running)]);
    programme.until_paid(DUE);
    proxy.set(Fault::Refuse);
    proxy.hang_up();
    until_true("it is told", || !receiver.received().is_empty());
    let told = body(&receiver.received()[0]);
    assert!(
        told["subject"]
            .as_str()
            .unwrap()
            .starts_with("rewardd: run failed: the rewards' database cannot be reached"),
        "{told}"
    );
    proxy.set(Fault::Pass);
    until_true("that it is back is told", || {
        let told = receiver.received().iter().map(body).collect::<Vec<_>>();
        told.iter().any(|told| subjects(&told["details"]["solved"]) == ["database"])
    });
    daemon.signal(Signal::KILL);
}

#[test]
fn verify_opens_and_closes_an_incident_that_the_daemon_tells() {
    let receiver = Receiver::start();
    let programme = Programme::new(Backend::Sqlite);
    programme.configure(&webhook("ops", receiver.address()));
    let running = clock("2026-11-19T05:31:00Z", 60);
    let mut daemon = programme.start("daemon", &[("REWARDD_CLOCK", &running)]);
    programme.until_paid(DUE);
    programme.scratch.query("UPDATE votes SET cc = '7.00000000' WHERE id = 3");
    let verify = |args: &[&str]| {
        programme.scratch.rewardd(&[&["verify", "--notify"], args].concat()).output().unwrap()
    };
    let output = verify(&[]);
    assert_eq!(output.status.code(), Some(4), "{}", shown(&output, &[]));
    let until_told = |list: &str| {
        until(list, || {
            let told = receiver.received().iter().map(body).collect::<Vec<_>>();
            told.into_iter().find(|told| subjects(&told["details"][list]).contains(&"verify"))
        })
    };
    let told = until_told("new");
    assert!(told["text"].as_str().unwrap().contains(" × drift; the first: "), "{told}");
    programme.scratch.query("UPDATE votes SET cc = '103.07000000' WHERE id = 3");
    assert_eq!(verify(&["--to", "2026-11-18"]).status.code(), Some(0));
    assert_eq!(programme.count("reward_incidents WHERE is_open = 1"), 1, "a part of the days closes nothing");
    assert_eq!(verify(&[]).status.code(), Some(0));
    until_told("solved");
    daemon.stop();
}

#[test]
fn that_verify_cannot_look_is_noted_and_measured_without_a_receiver() {
    let programme = Programme::new(Backend::Sqlite);
    programme.configure("");
    let running = clock("2026-11-19T05:31:00Z", 60);
    let environment = [("REWARDD_CLOCK", running.as_str()), ("REWARDD__HTTP__LISTEN", "127.0.0.1:0")];
    let mut daemon = programme.start("daemon", &environment);
    let address = daemon.address();
    programme.until_paid(DUE);
    let gone = format!("sqlite://{}", programme.scratch.path("gone.db").display());
    let mut verify = programme.scratch.rewardd(&["verify", "--notify"]);
    let output = verify.env("REWARDD__SOURCE__URL", gone).output().unwrap();
    assert_ne!(output.status.code(), Some(0), "{}", shown(&output, &[]));
    let open = || Scraped::of(address).count("rewardd_incidents_open{kind=\"verify_findings\"}");
    until_true("it is measured", || open() == 1);
    programme.scratch.run(&["verify", "--notify"]);
    until_true("that it is solved is measured", || open() == 0);
    daemon.stop();
}

#[test]
fn a_test_message_says_what_each_receiver_answers() {
    let receiver = Receiver::start();
    let nobody = free_address();
    let programme = Programme::new(Backend::Sqlite);
    programme.configure(&format!("{}{}", webhook("ops", receiver.address()), webhook("away", nobody)));
    let test =
        |args: &[&str]| programme.scratch.rewardd(&[&["notify", "test"], args].concat()).output().unwrap();
    let output = test(&["ops"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.starts_with("ops: taken: ") && said.contains("200"), "{said}");
    assert_eq!(body(&receiver.received()[0])["subject"], "rewardd: a test");
    let output = test(&[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("away: not taken: ") && said.contains("ops: taken: "), "{said}");
    receiver.answer(400, &[], "no such channel");
    let output = test(&["ops"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("no such channel"));
    let output = test(&["nobody"]);
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("there is no receiver nobody; those of [notify.receivers] are away, ops")
    );
}
