use std::slice::from_ref;
use std::time::Duration;

use serde_json::{Value, json};

use super::history::{SignedDetail, guard};
use super::*;
use crate::audit::DecisionRow;
use crate::config::ConfirmMode;
use crate::people::{Decider, Person, Role, Statement, Token, authorize};
use crate::rewards::window::Instant;
use crate::store::{PendingRules, PendingState, Programme, RulesVersion};

const VALID: Duration = Duration::from_mins(15);
const NUMBER: u64 = 2;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn programme() -> Programme {
    Programme { timezone: "Europe/Budapest".to_owned(), start: "2026-11-01".parse().unwrap() }
}

/// Anna and Bela are admins, Cili is a reviewer, Dora a viewer.
struct People {
    tokens: Vec<Token>,
    people: Vec<Person>,
}

impl People {
    fn new() -> Self {
        let roles =
            [("anna", Role::Admin), ("bela", Role::Admin), ("cili", Role::Reviewer), ("dora", Role::Viewer)];
        let tokens: Vec<Token> = roles.iter().map(|_| Token::generate().unwrap().0).collect();
        let person = |((name, role), token): (&(&str, Role), &Token)| Person {
            name: (*name).to_owned(),
            role: *role,
            key: Some(token.public_key()),
            login: None,
        };
        let people = roles.iter().zip(&tokens).map(person).collect();
        Self { tokens, people }
    }

    /// A decision as it is written, ten minutes after it was signed.
    fn row(&self, number: u64, about: u64, verdict: &str, name: &str, version: &str) -> DecisionRow {
        let person = self.people.iter().position(|person| person.name == name).unwrap();
        let subject = format!("rules/{about}");
        let scope = Scope::new(programme()).text();
        let statement = Statement {
            scope: scope.clone(),
            subject: subject.clone(),
            verdict: verdict.to_owned(),
            what: version.to_owned(),
            by: name.to_owned(),
            issued_at: at("2026-11-21T12:00:00Z"),
            nonce: Statement::nonce().unwrap(),
        };
        let token = Some(&self.tokens[person]);
        let Decider { signed, .. } = authorize(&self.people, name, Role::Viewer, token, statement).unwrap();
        let detail = SignedDetail { scope, version: version.to_owned(), signed: signed.unwrap() };
        DecisionRow {
            number,
            subject,
            verdict: verdict.to_owned(),
            decided_by: name.to_owned(),
            decided_at: "2026-11-21T12:10:00.000000Z".to_owned(),
            note: String::new(),
            detail: json!(detail).to_string(),
            previous_hash: String::new(),
        }
    }
}

fn rules() -> RulesInForce {
    RulesInForce::configured(&Config::default_with_url("sqlite::memory:").unwrap())
}

fn pending() -> PendingRules {
    let RulesInForce { version, text, .. } = rules();
    PendingRules {
        number: NUMBER,
        version,
        rules: text,
        seen_at: at("2026-11-21T11:00:00Z"),
        state: PendingState::Confirmed,
        effect: None,
        proposal: Some(8),
        decision: Some(9),
        gone_at: None,
    }
}

fn recorded(number: u64) -> RulesVersion {
    let RulesInForce { version, text, .. } = rules();
    RulesVersion { number, version, since: at("2026-11-21T12:20:00Z"), rules: text }
}

/// The row that says who may decide from a number on.
fn guarded(number: u64, mode: ConfirmMode, people: &[Person], in_force: u64) -> DecisionRow {
    let mut config = Config::default_with_url("sqlite::memory:").unwrap();
    config.confirm.mode = mode;
    config.people = people.to_vec();
    let decision = guard(&config, in_force, at("2026-11-20T00:00:00Z"));
    DecisionRow {
        number,
        subject: decision.subject.to_string(),
        verdict: decision.verdict.to_owned(),
        decided_by: decision.by,
        decided_at: "2026-11-20T00:00:00.000000Z".to_owned(),
        note: String::new(),
        detail: decision.detail.to_string(),
        previous_hash: String::new(),
    }
}

fn confirmed(people: &[Person], guards: &[DecisionRow]) -> Confirmed {
    Confirmed::new(programme(), people, guards).unwrap()
}

/// What an edit makes of a pair of decisions that counted.
fn judged(edit: impl FnOnce(&People, &mut Vec<DecisionRow>), valid: Duration) -> Result<(), String> {
    let (all, pending) = (People::new(), pending());
    let mut rows = vec![
        all.row(8, NUMBER, "proposed", "cili", &pending.version),
        all.row(9, NUMBER, "confirmed", "anna", &pending.version),
    ];
    edit(&all, &mut rows);
    confirmed(&all.people, &[]).may_adopt(&pending, &rows, valid)
}

#[test]
fn two_people_with_their_own_keys_make_a_version_count() {
    assert_eq!(judged(|_, _| {}, VALID), Ok(()));
    let version = pending().version;
    let two = |proposer: &'static str, confirmer: &'static str| {
        let version = version.clone();
        judged(
            move |all, rows| {
                rows[0] = all.row(8, NUMBER, "proposed", proposer, &version);
                rows[1] = all.row(9, NUMBER, "confirmed", confirmer, &version);
            },
            VALID,
        )
    };
    assert_eq!(two("bela", "anna"), Ok(()));
    assert!(two("anna", "anna").unwrap_err().contains("signed twice"));
    assert!(two("anna", "cili").unwrap_err().contains("takes a person with the role admin"));
    assert!(two("dora", "anna").unwrap_err().contains("takes a person with the role reviewer"));
}

#[test]
fn a_forged_altered_expired_or_replayed_signature_does_not_count() {
    let version = pending().version;
    let refused = |what: &str, edit: &dyn Fn(&People, &mut Vec<DecisionRow>)| {
        let why = judged(edit, VALID).unwrap_err();
        assert!(why.contains(what), "{what}: {why}");
    };
    // Signed with another's token.
    refused("is not anna's", &|all, rows| {
        rows[1] = all.row(9, NUMBER, "confirmed", "bela", &version);
        rows[1].decided_by = "anna".to_owned();
    });
    // Of another number, verdict or version.
    refused("is not anna's", &|all, rows| rows[1] = all.row(9, NUMBER + 1, "confirmed", "anna", &version));
    refused("is not anna's", &|all, rows| {
        rows[1] = all.row(9, NUMBER, "rejected", "anna", &version);
        rows[1].verdict = "confirmed".to_owned();
    });
    refused("for other rules", &|all, rows| rows[1] = all.row(9, NUMBER, "confirmed", "anna", "0123"));
    refused("is not anna's", &|_, rows| {
        let mut detail: Value = serde_json::from_str(&rows[1].detail).unwrap();
        detail["signed"]["issued_at"] = json!("2026-11-21T12:01:00.000000Z");
        rows[1].detail = detail.to_string();
    });
    refused("for another programme", &|_, rows| {
        rows[1].detail = rows[1].detail.replace("Budapest", "Vienna")
    });
    refused("it is not signed", &|_, rows| rows[1].detail = json!({ "version": version }).to_string());
    refused("counted until", &|_, rows| rows[1].decided_at = "2026-11-21T12:15:01.000000Z".to_owned());
    refused("used before", &|_, rows| rows.push(DecisionRow { number: 7, ..rows[1].clone() }));
    refused("no decisions of two people", &|_, rows| drop(rows.pop()));
}

#[test]
fn a_recorded_version_is_judged_by_what_held_when_it_came() {
    let all = People::new();
    let RulesVersion { version, .. } = recorded(NUMBER);
    let rows =
        [all.row(8, NUMBER, "proposed", "cili", &version), all.row(9, NUMBER, "confirmed", "anna", &version)];
    let taken = |number, by: &str| DecisionRow {
        number,
        verdict: "taken".to_owned(),
        decided_by: by.to_owned(),
        detail: json!({ "version": version }).to_string(),
        ..rows[0].clone()
    };
    let four = guarded(1, ConfirmMode::FourEyes, &all.people, 1);
    let log = guarded(1, ConfirmMode::Log, &all.people, 1);
    let judge = |people: &[Person], guards: &[DecisionRow], number, rows: &[DecisionRow]| {
        confirmed(people, guards).judge(&recorded(number), rows)
    };
    assert_eq!(judge(&all.people, from_ref(&four), NUMBER, &rows), Ok(()));
    // Those who signed have left since, and their keys were recorded.
    assert_eq!(judge(&[], from_ref(&four), NUMBER, &rows), Ok(()));
    let nobody = guarded(1, ConfirmMode::FourEyes, &[], 1);
    assert!(judge(&[], from_ref(&nobody), NUMBER, &rows).unwrap_err().contains("no [people"));
    assert!(judge(&all.people, from_ref(&four), NUMBER, &[]).unwrap_err().contains("nobody has confirmed"));
    assert_eq!(judge(&all.people, from_ref(&four), 1, &[]), Ok(()), "in force before decisions were kept");
    assert_eq!(judge(&all.people, &[], NUMBER, &[]), Ok(()), "nothing was decided yet");
    assert_eq!(judge(&all.people, from_ref(&log), NUMBER, &[taken(2, "configuration")]), Ok(()));
    let why = judge(&all.people, from_ref(&four), NUMBER, &[taken(2, "configuration")]).unwrap_err();
    assert!(why.contains("nobody has signed it"), "{why}");
    let changed = RulesVersion { rules: "x".to_owned(), ..recorded(1) };
    assert!(confirmed(&[], &[]).judge(&changed, &[]).unwrap_err().contains("another hash"));
}
