use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::config::{Body, Channel, Endpoint, Webhook};
use crate::store::Outgoing;

const INTERVAL: Duration = Duration::from_mins(5);
const REMINDER: Duration = Duration::from_hours(6);

fn receiver(name: &str, events: &[Event]) -> Receiver {
    let url = Endpoint::webhook("http://localhost/").unwrap();
    let channel = Channel::Webhook(Webhook { url, secret: None, body: Body::Json, timeout: INTERVAL });
    Receiver { name: name.to_owned(), events: events.to_vec(), keywords: vec![], channel }
}

fn settings(receivers: Vec<Receiver>) -> Notify {
    Notify { interval: INTERVAL, reminder: REMINDER, receivers }
}

fn minute(minutes: i64) -> Instant {
    Instant::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn failed(subject: &str) -> Condition {
    Condition {
        event: Event::RunFailed,
        subject: subject.to_owned(),
        detail: format!("{subject} was not paid"),
    }
}

fn seen(subjects: &[&str]) -> Seen {
    Seen { conditions: subjects.iter().map(|subject| failed(subject)).collect(), ..Seen::default() }
}

/// The tables, as they are after each of the notes.
#[derive(Default)]
struct Tables {
    stored: Stored,
    closed: Vec<Incident>,
    sent: Vec<Outgoing>,
}

impl Tables {
    fn look(&mut self, seen: &Seen, settings: &Notify, now: Instant) -> Vec<Message> {
        self.stored.closed = self.closed.clone();
        let Some(notes) = digest(&self.stored, seen, settings, now) else { return vec![] };
        assert_eq!(notes.changes_before, self.stored.changes);
        assert!(notes.changes > notes.changes_before);
        self.stored.changes = notes.changes;
        for incident in notes.opened {
            if incident.closed.is_some() {
                self.closed.push(incident)
            } else {
                self.stored.open.push(incident)
            }
        }
        for incident in notes.closed {
            self.stored.open.retain(|open| open.opened != incident.opened);
            self.closed.push(incident);
        }
        for (opened, detail) in notes.details {
            self.stored.open.iter_mut().find(|open| open.opened == opened).unwrap().detail = detail;
        }
        for told in notes.told {
            self.stored.told.retain(|before| before.receiver != told.receiver);
            self.stored.told.push(told);
        }
        self.sent.extend(notes.messages.iter().cloned());
        notes.messages.into_iter().map(|message| Message::of(message).unwrap()).collect()
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.sent.iter().map(|message| message.id.as_str()).collect()
    }
}

#[test]
fn an_incident_is_told_when_it_opens_reminded_of_while_it_lasts_and_told_when_it_is_over() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    assert!(tables.look(&Seen::default(), &settings, minute(0)).is_empty());
    let opened = tables.look(&seen(&["hour 10"]), &settings, minute(1));
    assert_eq!(opened[0].subject, "rewardd: run failed: hour 10 was not paid");
    for quiet in [2, 100, 360] {
        assert!(tables.look(&seen(&["hour 10"]), &settings, minute(quiet)).is_empty(), "{quiet}");
    }
    let reminded = tables.look(&seen(&["hour 10"]), &settings, minute(361));
    assert_eq!(reminded[0].subject, "rewardd: still open: run failed: hour 10 was not paid");
    assert!(
        reminded[0].text.contains("- run failed: hour 10 was not paid, for 6h\n"),
        "{}",
        reminded[0].text
    );
    let closed = tables.look(&Seen::default(), &settings, minute(373));
    assert_eq!(closed[0].subject, "rewardd: solved: run failed: hour 10 was not paid");
    assert!(
        closed[0].text.contains("- run failed: hour 10 was not paid, after 6h 12m\n"),
        "{}",
        closed[0].text
    );
    assert!(tables.look(&Seen::default(), &settings, minute(10_000)).is_empty());
    assert_eq!(tables.ids().len(), 3);
}

#[test]
fn what_comes_within_the_interval_is_told_together_at_its_end() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    assert_eq!(tables.look(&seen(&["a"]), &settings, minute(0)).len(), 1);
    for (at, subjects) in [(1, vec![]), (2, vec!["b"]), (3, vec!["b", "c"]), (4, vec!["c"])] {
        assert!(tables.look(&seen(&subjects), &settings, minute(at)).is_empty());
    }
    let told = tables.look(&seen(&["c"]), &settings, minute(5));
    assert_eq!(told[0].subject, "rewardd: 1 new, 2 solved");
    assert_eq!(told[0].details["new"]["incidents"][0]["subject"], "c");
    assert_eq!(told[0].details["solved"]["count"], 2);
}

#[test]
fn many_incidents_are_one_message_with_a_list_that_is_cut() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let subjects: Vec<String> = (0..332).map(|number| format!("hour {number}")).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let told = Tables::default().look(&seen(&subjects), &settings, minute(0));
    let [message] = &told[..] else { panic!("one message") };
    assert_eq!(message.subject, "rewardd: 332 new problems");
    assert!(message.text.contains("- and 312 more\n"), "{}", message.text);
    assert_eq!(message.text.lines().count(), 24);
}

#[test]
fn while_a_message_waits_no_second_one_is_made_and_nothing_is_lost() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    tables.look(&seen(&["a"]), &settings, minute(0));
    tables.stored.waiting.insert("ops".to_owned());
    for at in 1..2000 {
        let subjects: &[&str] = if at % 7 < 3 { &["b"] } else { &[] };
        assert!(tables.look(&seen(subjects), &settings, minute(at)).is_empty());
    }
    tables.stored.waiting.clear();
    let told = tables.look(&Seen::default(), &settings, minute(2000));
    // The one that was told as open, and each of the others.
    assert_eq!(told[0].details["solved"]["count"], 2 + 1999 / 7);
}

#[test]
fn the_next_message_takes_the_place_of_one_that_was_refused() {
    let settings = settings(vec![receiver("chat", &Event::INCIDENTS), receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    tables.look(&seen(&["a"]), &settings, minute(0));
    tables.stored.refused = vec![("ops".to_owned(), tables.sent[1].id.clone())];
    assert_eq!(digest(&tables.stored, &seen(&["a"]), &settings, minute(10)), None);
    let notes = digest(&tables.stored, &seen(&["a"]), &settings, minute(361)).unwrap();
    assert_eq!(notes.replaced, [(tables.sent[1].id.clone(), notes.messages[1].id.clone())]);
    assert!(notes.replaced[0].1.starts_with("incidents/ops/"), "{:?}", notes.replaced);
}

#[test]
fn a_receiver_that_is_new_is_told_what_is_open_and_not_what_was() {
    let mut tables = Tables::default();
    let alone = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    tables.look(&seen(&["old", "lasting"]), &alone, minute(0));
    tables.look(&seen(&["lasting"]), &alone, minute(10));
    let both = settings(vec![receiver("chat", &Event::INCIDENTS), receiver("ops", &Event::INCIDENTS)]);
    let told = tables.look(&seen(&["lasting"]), &both, minute(20));
    let [message] = &told[..] else { panic!("one message: {told:?}") };
    assert!(message.id.starts_with("incidents/chat/"));
    assert_eq!(message.subject, "rewardd: still open: run failed: lasting was not paid");
}

#[test]
fn what_has_happened_once_is_told_once_and_verify_closes_what_it_has_opened() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    let taken = Condition {
        event: Event::LeaseTakenOver,
        subject: "lease 4".to_owned(),
        detail: "pay2 took it over from pay1".to_owned(),
    };
    let once = Seen { happened: vec![taken], ..Seen::default() };
    let told = tables.look(&once, &settings, minute(0));
    assert_eq!(told[0].subject, "rewardd: lease taken over: pay2 took it over from pay1");
    assert!(told[0].text.starts_with("New:\n- lease taken over: pay2 took it over from pay1, at 2024"));
    assert!(tables.look(&Seen::default(), &settings, minute(1000)).is_empty());

    let found = Condition {
        event: Event::VerifyFindings,
        subject: "verify".to_owned(),
        detail: "1 × drift".to_owned(),
    };
    let opened = verified(&tables.stored, Some(&found), minute(1001)).unwrap();
    tables.stored.changes = opened.changes;
    tables.stored.open.extend(opened.opened);
    assert_eq!(verified(&tables.stored, Some(&found), minute(1002)), None);
    let told = tables.look(&Seen::default(), &settings, minute(1003));
    assert_eq!(told[0].subject, "rewardd: verify has findings: 1 × drift");
    assert_eq!(tables.stored.open.len(), 1, "only verify closes it");
    let closed = verified(&tables.stored, None, minute(1004)).unwrap();
    tables.stored.changes = closed.changes;
    tables.stored.open.clear();
    tables.closed.extend(closed.closed);
    let told = tables.look(&Seen::default(), &settings, minute(1010));
    assert_eq!(told[0].subject, "rewardd: solved: verify has findings: 1 × drift");
}

#[test]
fn of_what_is_undecided_nothing_is_closed() {
    let settings = settings(vec![receiver("ops", &Event::INCIDENTS)]);
    let mut tables = Tables::default();
    tables.look(&seen(&["a", "b"]), &settings, minute(0));
    let undecided = BTreeSet::from(["a".to_owned()]);
    tables.look(&Seen { undecided, ..Seen::default() }, &settings, minute(1));
    assert_eq!(tables.stored.open.iter().map(|open| &*open.subject).collect::<Vec<_>>(), ["a"]);
}

/// The subjects in one list of a message.
fn subjects(message: &Message, part: &str) -> Vec<(String, String)> {
    let incidents = message.details[part]["incidents"].as_array().unwrap();
    let key = |incident: &serde_json::Value| {
        let text = |field: &str| incident[field].as_str().unwrap().to_owned();
        (text("subject"), text("opened_at"))
    };
    incidents.iter().map(key).collect()
}

const KINDS: [Event; 3] = [Event::RunFailed, Event::WindowOverdue, Event::TransferStuck];

proptest! {
    /// Whatever comes and goes, and however long receivers are away: each opening is told at most once and each closing
    /// exactly once, an incident that is open is told as opened, and no receiver gets more than it should.
    #[test]
    fn nothing_is_lost_doubled_or_told_too_often(
        steps in prop::collection::vec(
            (1_i64..90, prop::collection::btree_set((0_usize..3, 0_u8..3), 0..5), any::<bool>()),
            1..60,
        ),
        wanted in prop::sample::subsequence(KINDS.to_vec(), 1..=3),
    ) {
        let settings = settings(vec![receiver("all", &KINDS), receiver("some", &wanted)]);
        let mut tables = Tables::default();
        let mut now = 0;
        let mut made: BTreeMap<String, Vec<(Instant, Message)>> = BTreeMap::new();
        let mut last_open = BTreeMap::new();
        let calm = (0..3).map(|_| (400, BTreeSet::new(), false));
        for (minutes, present, away) in steps.into_iter().chain(calm) {
            now += minutes;
            let condition = |(kind, subject): (usize, u8)| {
                let event = KINDS[kind];
                Condition { event, subject: format!("{}{subject}", event.name()), detail: "d".to_owned() }
            };
            let seen = Seen { conditions: present.into_iter().map(condition).collect(), ..Seen::default() };
            tables.stored.waiting = if away { BTreeSet::from(["all".to_owned()]) } else { BTreeSet::new() };
            for message in tables.look(&seen, &settings, minute(now)) {
                let name = message.id.split('/').nth(1).unwrap().to_owned();
                prop_assert!(!(away && name == "all"), "nothing is made for one that is away");
                last_open.insert(name.clone(), now);
                made.entry(name).or_default().push((minute(now), message));
            }
            // What is open is spoken of as often as a reminder is due.
            for receiver in &settings.receivers {
                let open = tables.stored.open.iter().any(|open| {
                    receiver.wants(Event::named(&open.kind).unwrap())
                });
                let last = last_open.get(&receiver.name);
                if open && !(away && receiver.name == "all") {
                    prop_assert!(last.is_some_and(|last| now - last < 360), "{last:?} {now}");
                }
            }
        }
        prop_assert_eq!(tables.ids().len(), tables.sent.len());
        for receiver in &settings.receivers {
            let made = made.remove(&receiver.name).unwrap_or_default();
            for pair in made.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 >= TimeDelta::minutes(5));
            }
            let all = |part: &str| -> Vec<(String, String)> {
                made.iter().flat_map(|(_, message)| subjects(message, part)).collect()
            };
            let (new, solved) = (all("new"), all("solved"));
            let told: BTreeSet<_> = new.iter().collect();
            prop_assert_eq!(told.len(), new.len(), "an opening is told once");
            let is_wanted = |incident: &&Incident| receiver.wants(Event::named(&incident.kind).unwrap());
            let mut expected: Vec<_> = tables.closed.iter().filter(is_wanted)
                .map(|incident| (incident.subject.clone(), crate::rewards::window::show(incident.opened_at)))
                .collect();
            let mut solved = solved;
            expected.sort();
            solved.sort();
            prop_assert_eq!(solved, expected, "each closing is told once");
        }
    }
}

#[test]
fn a_receiver_with_keywords_is_told_only_what_holds_one_of_them() {
    let some =
        Receiver { keywords: vec!["HOUR 2".to_owned(), "nothing".to_owned()], ..receiver("some", &KINDS) };
    let other = Receiver { keywords: vec!["day".to_owned()], ..receiver("other", &KINDS) };
    let settings = settings(vec![receiver("all", &KINDS), some, other]);
    let mut tables = Tables::default();
    let told = |message: &Message| (message.id.split('/').nth(1).unwrap().to_owned(), message.text.clone());
    let first: Vec<_> =
        tables.look(&seen(&["hour 1", "hour 2"]), &settings, minute(0)).iter().map(told).collect();
    let [(all, both), (some, one)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((&**all, &**some), ("all", "some"));
    assert!(both.contains("hour 1") && both.contains("hour 2"), "{both}");
    assert!(!one.contains("hour 1") && one.contains("hour 2 was not paid"), "{one}");
    let solved = tables.look(&seen(&["hour 1"]), &settings, minute(10));
    let solved: Vec<_> = solved.iter().map(|message| told(message).0).collect();
    assert_eq!(solved, ["all", "some"]);

    assert!(is_told_of_the_database(&receiver("all", &KINDS)));
    let keywords = |word: &str| Receiver { keywords: vec![word.to_owned()], ..receiver("some", &KINDS) };
    assert!(is_told_of_the_database(&keywords("Database")) && !is_told_of_the_database(&keywords("hour")));
}
