use std::time::Duration;

use super::*;
use crate::rewards::window::Instant;

const VALID: Duration = Duration::from_secs(900);

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn statement(by: &str) -> Statement {
    Statement {
        scope: "Europe/Budapest 2026-11-01".to_owned(),
        subject: "rules/7".to_owned(),
        verdict: "confirmed".to_owned(),
        what: "0123abcd".to_owned(),
        by: by.to_owned(),
        issued_at: at("2026-11-21T12:00:00Z"),
        nonce: Statement::nonce().unwrap(),
    }
}

fn person(name: &str, role: Role, token: Option<&Token>) -> Person {
    Person { name: name.to_owned(), role, key: token.map(Token::public_key), login: None }
}

fn token() -> Token {
    Token::generate().unwrap().0
}

#[test]
fn a_token_is_read_back_and_shown_nowhere() {
    let (token, text) = Token::generate().unwrap();
    assert_eq!(Token::parse(&format!(" {text}\n")).unwrap().public_key(), token.public_key());
    assert_eq!(format!("{token:?}"), "Token(***)");
    assert_eq!(PublicKey::parse(&token.public_key().to_string()), Ok(token.public_key()));
    for wrong in ["", "rewardd_", "rewardd_12", &text[8..], &text.to_uppercase(), &format!("{text}0")] {
        let why = Token::parse(wrong).unwrap_err();
        assert!(why.starts_with("a token is rewardd_ and 64 digits") && !why.contains(&text[8..]), "{why}");
    }
    assert!(PublicKey::parse("12").is_err() && PublicKey::parse(&"é".repeat(32)).is_err());
}

#[test]
fn only_the_person_with_the_role_and_the_token_decides() {
    let (anna, bela) = (token(), token());
    let people = [
        person("anna", Role::Admin, Some(&anna)),
        person("bela", Role::Reviewer, Some(&bela)),
        person("cili", Role::Admin, None),
    ];
    let ask = |name: &str, token| {
        authorize(&people, name, Role::Admin, token, statement(name)).map(|decider| decider.name)
    };
    assert_eq!(ask("anna", Some(&anna)), Ok("anna".to_owned()));
    assert!(matches!(ask("anna", Some(&bela)), Err(Refused::NotTheToken { .. })));
    assert!(matches!(ask("anna", None), Err(Refused::NoToken { .. })));
    assert!(matches!(ask("bela", Some(&bela)), Err(Refused::Role { .. })));
    assert!(matches!(ask("cili", Some(&anna)), Err(Refused::NoKey { .. })));
    let unknown = ask("dora", Some(&anna)).unwrap_err().to_string();
    assert_eq!(unknown, "there is no [people.dora] in the configuration; there is anna, bela, cili");
}

#[test]
fn where_nobody_is_configured_any_name_is_taken_down() {
    let ask = |name: &str| authorize(&[], name, Role::Admin, None, statement(name));
    assert_eq!(ask("night shift"), Ok(Decider { name: "night shift".to_owned(), signed: None }));
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert!(matches!(ask(name), Err(Refused::NoName { .. })), "{name:?}");
    }
}

#[test]
fn a_signature_counts_for_one_statement_for_a_while() {
    let anna = token();
    let people = [person("anna", Role::Admin, Some(&anna)), person("bela", Role::Admin, Some(&token()))];
    let signed = statement("anna").sign(&anna);
    let now = at("2026-11-21T12:10:00Z");
    let scope = "Europe/Budapest 2026-11-01";
    let judge = |signed: &Signed, about, now| signed.judge(&people, about, now, VALID);
    let about = (scope, "rules/7", "confirmed", "anna");
    assert_eq!(judge(&signed, about, now), Ok(()));
    for other in [
        ("UTC 2026-11-01", "rules/7", "confirmed", "anna"),
        (scope, "rules/8", "confirmed", "anna"),
        (scope, "rules/7", "rejected", "anna"),
        (scope, "rules/7", "confirmed", "bela"),
    ] {
        assert!(matches!(judge(&signed, other, now), Err(SignedError::Forged(_))), "{other:?}");
    }
    assert!(matches!(
        judge(&signed, (scope, "rules/7", "confirmed", "dora"), now),
        Err(SignedError::NoKey(_))
    ));
    let changed = [
        Signed { what: "0123abce".to_owned(), ..signed.clone() },
        Signed { nonce: "00".to_owned(), ..signed.clone() },
        Signed { issued_at: "2026-11-21T12:05:00.000000Z".to_owned(), ..signed.clone() },
        Signed { signature: signed.signature.replace(&signed.signature[..1], "g"), ..signed.clone() },
        Signed { signature: String::new(), ..signed.clone() },
    ];
    for signed in changed {
        assert!(matches!(judge(&signed, about, now), Err(SignedError::Forged(_))), "{signed:?}");
    }
    assert!(matches!(judge(&signed, about, at("2026-11-21T12:15:01Z")), Err(SignedError::Expired { .. })));
    assert!(matches!(judge(&signed, about, at("2026-11-21T11:57:59Z")), Err(SignedError::Early { .. })));
}
