//! Rules under four eyes: a change waits until two people have signed it, whatever happens meanwhile.

use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::process::{Programme, until, until_true};
use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown, succeed};
use crate::verify::{assert_clean, verify};

const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,20,3,2026-11-19T00:10:00Z\n\
                     2,8,cc,20,3,2026-11-19T02:10:00Z\n3,9,cc,20,3,2026-11-19T03:10:00Z\n";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";
const A: &str = "";
const B: &str = "[rules.pool]\nhourly_share = \"0.5\"\n";
const C: &str = "[rules.pool]\nhourly_share = \"0.75\"\n";

struct Person {
    name: &'static str,
    role: &'static str,
    token: String,
    key: String,
}

/// Anna and Bela are admins, Cili is a reviewer.
fn people() -> [Person; 3] {
    [("anna", "admin"), ("bela", "admin"), ("cili", "reviewer")].map(|(name, role)| {
        let said = succeed(crate::support::rewardd().args(["token", "new"]));
        let of = |what: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(what)).unwrap();
            line.trim().to_owned()
        };
        Person { name, role, token: of("token"), key: of("key") }
    })
}

/// A programme of the 19th with four eyes.
struct Place {
    scratch: Scratch,
    people: [Person; 3],
}

impl Place {
    /// Two hours are paid by A.
    fn new(backend: Backend) -> Self {
        let place = Self { scratch: Scratch::new(backend), people: people() };
        place.configure("four-eyes", A);
        place.scratch.import(VOTES, RATES);
        place.pay(2);
        place
    }

    fn configure(&self, mode: &str, rules: &str) {
        self.scratch.write_config(&format!(
            "[programme]\nstart = \"2026-11-19\"\n{rules}{}",
            guarded(mode, &self.people)
        ));
    }

    fn once(&self, hour: u32) -> Command {
        self.scratch.rewardd(&["once", "--as-of", &format!("2026-11-19T{hour:02}:00:00Z")])
    }

    /// Pays all that has ended by an hour.
    fn pay(&self, hour: u32) {
        succeed(&mut self.once(hour));
    }

    fn decide(&self, verdict: &str, version: &str, name: &str, token_of: &str) -> Output {
        let token = &self.people.iter().find(|person| person.name == token_of).unwrap().token;
        let args = ["rules", verdict, version, "--as", name, "--note", "as agreed"];
        self.scratch.rewardd(&args).env("REWARDD_TOKEN", token).output().unwrap()
    }

    /// A decision that is taken.
    fn decided(&self, verdict: &str, version: &str, name: &str) {
        let output = self.decide(verdict, version, name, name);
        assert!(output.status.success(), "{}", shown(&output, &[]));
    }

    /// One that is not.
    fn refused(&self, output: &Output, code: i32, why: &str) {
        let said = shown(output, &[]);
        assert!(output.status.code() == Some(code) && said.contains(why), "{why}: {said}");
    }

    fn pending(&self) -> (Option<i32>, Value) {
        let output = self.scratch.rewardd(&["rules", "pending", "--json"]).output().unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    }

    fn state(&self, number: u64) -> String {
        self.scratch.one(&format!("SELECT state FROM reward_rules_pending WHERE number = {number}"))
    }

    /// The part of an hour's money that it paid itself, which the rules set.
    fn share_of(&self, hour: u32) -> String {
        self.scratch.one(&format!(
            "SELECT CAST(hourly_share AS CHAR) FROM reward_log WHERE reward_type = 'hourly' \
             AND time = '2026-11-19 {hour:02}:00:00.000000'"
        ))
    }

    fn count(&self, what: &str) -> u64 {
        self.scratch.one(&format!("SELECT CAST(COUNT(*) AS CHAR) FROM {what}")).parse().unwrap()
    }

    fn versions(&self) -> u64 {
        self.count("reward_rules_versions")
    }

    /// A change to B, signed by both, under this number.
    fn confirmed(&self, hour: u32, number: &str) {
        self.configure("four-eyes", B);
        self.pay(hour);
        self.decided("propose", number, "anna");
        self.decided("confirm", number, "bela");
    }
}

fn guarded(mode: &str, people: &[Person]) -> String {
    let people: String = people
        .iter()
        .map(|person| {
            format!("[people.{}]\nrole = \"{}\"\nkey = \"{}\"\n", person.name, person.role, person.key)
        })
        .collect();
    format!("[confirm]\nmode = \"{mode}\"\n{people}")
}

on_every_backend!(
    a_change_is_in_force_from_the_window_after_two_people_have_signed_it,
    a_change_that_goes_is_superseded_or_withdrawn_and_a_rejected_one_begins_anew,
    what_was_written_past_the_program_is_refused,
    killed_between_confirmation_and_adoption_the_version_is_adopted_once,
    an_hour_that_was_loaded_before_the_confirmation_is_paid_by_one_version,
    without_four_eyes_changes_are_taken_and_written_down,
    a_daemon_simulates_what_is_pending_and_tells_of_it,
);

fn a_change_is_in_force_from_the_window_after_two_people_have_signed_it(backend: Backend) {
    let place = Place::new(backend);
    assert_eq!((place.versions(), place.pending().0), (1, Some(0)));
    place.configure("four-eyes", B);
    place.pay(3);
    let (code, said) = place.pending();
    assert_eq!(code, Some(3), "{said:#}");
    assert_eq!((&said["pending"]["number"], &said["pending"]["state"]), (&2.into(), &"seen".into()));
    assert_eq!(said["pending"]["changes"][0]["key"], "rules.pool.hourly_share", "{said:#}");

    place.refused(&place.decide("confirm", "2", "bela", "bela"), 2, "its author proposes it first");
    place.refused(&place.decide("propose", "9", "anna", "anna"), 2, "is not what is pending");
    place.refused(&place.decide("propose", "2", "anna", "bela"), 1, "not the token of anna");
    place.decided("propose", "2", "anna");
    place.refused(&place.decide("propose", "2", "bela", "bela"), 2, "another person confirms it");
    place.refused(&place.decide("confirm", "2", "anna", "anna"), 1, "it takes two people");
    place.refused(&place.decide("confirm", "2", "cili", "cili"), 1, "takes a person with the role admin");
    place.refused(&place.decide("confirm", "2", "bela", "anna"), 1, "not the token of bela");
    place.pay(4);
    assert_eq!((place.share_of(2), place.share_of(3)), ("6.25000000".to_owned(), "6.25000000".to_owned()));
    assert_clean(&place.scratch, "while it waits");

    let hash = place.pending().1["pending"]["version"].as_str().unwrap()[..10].to_owned();
    place.decided("confirm", &hash, "bela");
    assert_eq!((place.versions(), place.state(2)), (1, "confirmed".to_owned()));
    let dry = succeed(place.once(5).arg("--dry-run"));
    assert!(dry.contains("would pay"), "{dry}");
    assert_eq!(place.versions(), 1, "a dry run adopts nothing");
    place.pay(5);
    assert_eq!((place.versions(), place.state(2), place.pending().0), (2, "adopted".to_owned(), Some(0)));
    let (old, new) = (
        "SELECT rules_version FROM reward_runs WHERE sequence = 1",
        "SELECT rules_version FROM reward_runs \
                      WHERE time = '2026-11-19 04:00:00.000000'",
    );
    assert_ne!(place.scratch.one(old), place.scratch.one(new));
    assert!(place.scratch.one(new).starts_with(&hash));
    assert_clean(&place.scratch, "after it");

    // The day is paid, and what the next change would have meant can be said.
    place.configure("four-eyes", C);
    succeed(place.scratch.rewardd(&["once", "--as-of", "2026-11-20T01:00:00Z"]).stdout(Stdio::null()));
    let output = place.scratch.rewardd(&["rules", "effect", "3", "--json"]).output().unwrap();
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output, &[])));
    let effect = &said["effect"];
    assert_eq!((&effect["days"], &effect["partners"]), (&1.into(), &3.into()), "{said:#}");
    // Three hours of 25 CC: all of it is paid, by either rules; the hours' own parts are half and three quarters.
    let sum = |of: &str| {
        let all = effect["categories"].as_array().unwrap().iter();
        all.filter(|one| one["column"].as_str().unwrap().starts_with("hourly"))
            .map(|one| one["amount"][of].as_str().unwrap().replace('.', "").parse::<i64>().unwrap())
            .sum::<i64>()
    };
    assert_eq!((sum("old"), sum("new")), (3_750_000_000, 5_625_000_000), "{effect:#}");
    let total = effect["total"]["new"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    let carried = effect["carried"]["new"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    assert_eq!(total + carried, 7_500_000_000, "not a unit is lost: {effect:#}");
}

fn a_change_that_goes_is_superseded_or_withdrawn_and_a_rejected_one_begins_anew(backend: Backend) {
    let place = Place::new(backend);
    place.configure("four-eyes", B);
    place.pay(3);
    place.pay(3);
    place.decided("propose", "2", "anna");
    place.configure("four-eyes", C);
    place.pay(3);
    assert_eq!((place.state(2), place.state(3)), ("superseded".to_owned(), "seen".to_owned()));
    place.refused(&place.decide("confirm", "2", "bela", "bela"), 2, "is not what is pending");
    place.configure("four-eyes", A);
    place.pay(3);
    assert_eq!((place.state(3), place.pending().0), ("withdrawn".to_owned(), Some(0)));
    place.refused(&place.decide("propose", "3", "anna", "anna"), 2, "no version of the rules is pending");

    place.configure("four-eyes", B);
    place.pay(3);
    place.decided("propose", "4", "cili");
    place.decided("reject", "4", "bela");
    place.pay(4);
    assert_eq!(
        (place.state(4), place.count("reward_rules_pending"), place.pending().0),
        ("rejected".to_owned(), 3, Some(0))
    );
    place.refused(&place.decide("confirm", "4", "anna", "anna"), 2, "nothing is left to decide");
    place.decided("propose", "4", "cili");
    assert_eq!((place.state(4), place.state(5)), ("rejected".to_owned(), "proposed".to_owned()));
    place.decided("confirm", "5", "anna");
    place.pay(5);
    assert_eq!((place.state(5), place.versions()), ("adopted".to_owned(), 2));
    // There and back, each under a number of its own.
    place.configure("four-eyes", A);
    place.pay(6);
    place.decided("propose", "6", "anna");
    place.decided("confirm", "6", "bela");
    place.pay(7);
    let numbers = "SELECT CAST(number AS CHAR) FROM reward_rules_versions ORDER BY number";
    let numbers: Vec<String> =
        place.scratch.query(numbers).into_iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(numbers, ["1", "5", "6"]);
    assert_clean(&place.scratch, "after all");
}

/// What somebody who can write to the database may try.
fn what_was_written_past_the_program_is_refused(backend: Backend) {
    let place = Place::new(backend);
    place.configure("four-eyes", B);
    place.pay(3);
    let confirm = |number: u32| {
        place
            .scratch
            .query(&format!("UPDATE reward_rules_pending SET state = 'confirmed' WHERE number = {number}"));
    };
    let refused = |number: u64, hour: u32| {
        place.pay(hour);
        let (code, said) = place.pending();
        assert_eq!(
            (code, place.state(number).as_str(), place.versions()),
            (Some(6), "refused", 1),
            "{said:#}"
        );
        let decisions = said["pending"]["decisions"].as_array().unwrap();
        let refusal = decisions.iter().rfind(|decision| decision["verdict"] == "refused").unwrap();
        refusal["note"].as_str().unwrap().to_owned()
    };
    // Nobody has signed it.
    confirm(2);
    assert!(refused(2, 3).contains("no decisions of two people"));
    // One signature for two: it begins anew, as number 3.
    place.decided("propose", "2", "anna");
    place.scratch.query("UPDATE reward_rules_pending SET decision = proposal WHERE number = 3");
    confirm(3);
    assert!(refused(3, 4).contains("the decision is proposed"));
    // Other rules under the signatures of both.
    place.decided("propose", "3", "anna");
    place.decided("confirm", "4", "bela");
    place
        .scratch
        .query("UPDATE reward_rules_pending SET rules = REPLACE(rules, '0.5', '0.9') WHERE number = 4");
    assert!(refused(4, 5).contains("another hash"));
    let output = place.decide("propose", "4", "anna", "anna");
    place.refused(&output, 6, "another hash");
    // The signatures of number 4 for number 5.
    place.configure("four-eyes", A);
    place.pay(5);
    place.configure("four-eyes", B);
    place.pay(5);
    place.scratch.query(
        "INSERT INTO reward_decisions (number, subject, verdict, decided_by, decided_at, note, detail, previous_hash) \
         SELECT number + 1000, 'rules/5', verdict, decided_by, decided_at, note, detail, previous_hash \
         FROM reward_decisions WHERE subject = 'rules/4' AND verdict IN ('proposed', 'confirmed')",
    );
    place.scratch.query(
        "UPDATE reward_rules_pending SET \
         proposal = (SELECT number FROM reward_decisions WHERE subject = 'rules/5' AND verdict = 'proposed'), \
         decision = (SELECT number FROM reward_decisions WHERE subject = 'rules/5' AND verdict = 'confirmed') \
         WHERE number = 5",
    );
    confirm(5);
    assert!(refused(5, 6).contains("not anna's"));
    place.scratch.query("DELETE FROM reward_decisions WHERE number > 1000");
    assert_eq!(place.count("reward_runs WHERE reward_type = 'hourly'"), 6);

    // A version that nobody has seen pending: nothing is paid by it, and nothing at all.
    let row = |number: u32| {
        format!(
            "INSERT INTO reward_rules_versions SELECT {number}, version, since, rules FROM ({}) AS other",
            "SELECT version, seen_at AS since, rules FROM reward_rules_pending WHERE number = 5"
        )
    };
    place.scratch.query(&row(6));
    let output = place.once(7).output().unwrap();
    place.refused(&output, 6, "nobody has confirmed it");
    assert_eq!(place.count("reward_runs WHERE reward_type = 'hourly'"), 6);
    let (code, found) = verify(&place.scratch, &[]);
    assert_eq!(code, 6, "{found:#}");
    let named = |part: &str| found["findings"].as_array().unwrap().iter().any(|found| found["table"] == part);
    assert!(named("reward_rules_versions"), "{found:#}");
    place.scratch.query("DELETE FROM reward_rules_versions WHERE number = 6");
    place.pay(7);
    assert_eq!(place.count("reward_runs WHERE reward_type = 'hourly'"), 7);
}

fn killed_between_confirmation_and_adoption_the_version_is_adopted_once(backend: Backend) {
    let place = Place::new(backend);
    place.confirmed(3, "2");
    // The first transaction of a look adopts, or pays where it was adopted before.
    for (fault, versions) in [("kill@commit:1", 1), ("kill@committed:1", 2), ("kill@commit:1", 2)] {
        let output = place.once(4).env("REWARDD_FAULT", fault).output().unwrap();
        assert_eq!(output.status.code(), None, "{fault}: {}", shown(&output, &[]));
        assert_eq!((place.versions(), place.share_of(2).as_str()), (versions, "6.25000000"), "{fault}");
    }
    place.pay(4);
    assert_eq!((place.versions(), place.share_of(3).as_str()), (2, "12.50000000"));
    assert_eq!(place.count("reward_runs WHERE reward_type = 'hourly'"), 4);
    assert_clean(&place.scratch, "after the last");
}

fn an_hour_that_was_loaded_before_the_confirmation_is_paid_by_one_version(backend: Backend) {
    let place = Place::new(backend);
    place.configure("four-eyes", B);
    place.pay(2);
    place.decided("propose", "2", "anna");
    // Hours 2 and 3 are due; the first of them is loaded.
    let mut once = place.once(4).env("REWARDD_FAULT", "stop@loaded:1").stdout(Stdio::null()).spawn().unwrap();
    let stat = format!("/proc/{}/stat", once.id());
    until_true("the process halts", || {
        std::fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().starts_with(" T")
    });
    place.decided("confirm", "2", "bela");
    kill_process(Pid::from_child(&once), Signal::CONT).unwrap();
    assert!(once.wait().unwrap().success());
    assert_eq!((place.share_of(2).as_str(), place.share_of(3).as_str()), ("6.25000000", "12.50000000"));
    assert_eq!(place.versions(), 2);
    assert_clean(&place.scratch, "the hours before and after");
}

fn without_four_eyes_changes_are_taken_and_written_down(backend: Backend) {
    let place = Place { scratch: Scratch::new(backend), people: people() };
    place.configure("log", A);
    place.scratch.import(VOTES, RATES);
    place.pay(2);
    place.configure("log", B);
    place.pay(3);
    let decided = |verdict: &str| place.count(&format!("reward_decisions WHERE verdict = '{verdict}'"));
    assert_eq!((place.versions(), decided("taken"), decided("recorded")), (2, 2, 1));
    assert_eq!((place.share_of(2).as_str(), place.count("reward_rules_pending")), ("12.50000000", 0));
    place.refused(&place.decide("propose", "2", "anna", "anna"), 2, "no version of the rules is pending");
    // From here on with four eyes: what is in force stays, and that it was switched on is written down.
    place.configure("four-eyes", C);
    place.pay(4);
    assert_eq!((place.versions(), decided("recorded"), place.state(3)), (2, 2, "seen".to_owned()));
    assert_eq!(place.share_of(3), "12.50000000");
    // And back: whoever may change the configuration can do that, but not without a trace.
    place.configure("log", C);
    place.pay(5);
    assert_eq!((place.versions(), decided("recorded"), place.state(3)), (3, 3, "superseded".to_owned()));
    assert_clean(&place.scratch, "after all");
}

fn a_daemon_simulates_what_is_pending_and_tells_of_it(backend: Backend) {
    let programme = Programme::new(backend);
    let people = people();
    let receiver = "[notify.receivers.ops]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n";
    let configure =
        |rules: &str| programme.configure(&format!("{rules}{}{receiver}", guarded("four-eyes", &people)));
    configure(A);
    let mut daemon = programme.start("daemon", &[]);
    programme.until_paid(crate::daemon::process::DUE);
    configure(B);
    daemon.signal(Signal::HUP);
    let effect = "SELECT effect FROM reward_rules_pending WHERE number = 2 AND effect IS NOT NULL";
    let effect = until("it is simulated", || programme.scratch.query(effect).pop());
    let effect: Value = serde_json::from_str(effect[0].as_ref().unwrap()).unwrap();
    assert_eq!(effect["known"]["days"], 1, "{effect:#}");
    let told = |open: &str| {
        programme.count(&format!("reward_incidents WHERE kind = 'confirmation_pending' AND {open}"))
    };
    until_true("an incident is opened", || told("is_open = 1") == 1);
    let scratch = &programme.scratch;
    for (verdict, person) in [("propose", &people[2]), ("confirm", &people[0])] {
        let args = ["rules", verdict, "2", "--as", person.name, "--note", "as agreed"];
        succeed(scratch.rewardd(&args).env("REWARDD_TOKEN", &person.token));
    }
    until_true("the incident is closed", || told("is_open IS NULL") == 1);
    daemon.stop();
    assert_eq!(programme.count("reward_rules_versions"), 1, "no window was due since");
}
