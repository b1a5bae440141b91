//! Sessions: of people, and of whoever has `http.token`; and a limit to guessing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;
use crate::people::{Person, PublicKey, Role, Token};
use crate::rewards::window::Instant;

pub const SESSION_COOKIE: &str = "rewardd_session";

/// How long a session lasts.
pub const SESSION_HOURS: i64 = 12;
/// More sessions than operators; the oldest goes first.
const MOST_SESSIONS: usize = 256;

/// Wrong tokens in a row that an address is forgiven, and how long each is remembered.
const PATIENCE_EACH: (i32, TimeDelta) = (5, TimeDelta::seconds(12));
/// The same for all addresses together.
const PATIENCE_ALL: (i32, TimeDelta) = (50, TimeDelta::seconds(1));
/// Addresses that are remembered; beyond them the limit for all holds alone.
const MOST_ADDRESSES: usize = 4096;

type Hash = [u8; 32];

/// What became of an attempt to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    Right(T),
    Wrong,
    /// Not even looked at: too many wrong ones came before it.
    TooMany,
}

/// What somebody has come in with. A session is over when it counts no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `http.token`: it looks, whoever has it.
    HttpToken,
    /// The token of a person.
    Key { name: String, key: PublicKey },
    /// What the OpenID Connect provider says.
    Login { name: String, login: String },
}

impl Proof {
    /// The person, where it is one; none where the configuration knows this proof no more.
    fn judged(&self, people: &[Person]) -> Option<(Option<String>, Role)> {
        let person = match self {
            Self::HttpToken => return Some((None, Role::Viewer)),
            Self::Key { name, key } => {
                people.iter().find(|person| person.name == *name && person.key.as_ref() == Some(key))
            }
            Self::Login { name, login } => {
                people.iter().find(|person| person.name == *name && person.login.as_ref() == Some(login))
            }
        };
        person.map(|person| (Some(person.name.clone()), person.role))
    }
}

/// Somebody with a session.
#[derive(Clone, Debug)]
pub struct Guest {
    /// None where it is `http.token`'s.
    pub name: Option<String>,
    /// As the configuration has it now.
    pub role: Role,
    /// What each form of this session has to hold.
    form_key: String,
}

impl Guest {
    /// What each form of this session has to hold.
    pub fn form_key(&self) -> &str {
        &self.form_key
    }

    /// Whether a form is of this session. Hashes are compared, in a time that says nothing of where they differ.
    pub fn has_made(&self, form_key: &str) -> bool {
        bool::from(hash(form_key).ct_eq(&hash(&self.form_key)))
    }
}

/// See the module. Neither the token nor a session's id is kept, only their hashes.
#[derive(Debug)]
pub struct Sessions {
    token: Option<Hash>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Session {
    end: Instant,
    proof: Proof,
    form_key: String,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the hash of the cookie.
    sessions: HashMap<Hash, Session>,
    /// By address: when its last wrong token is forgotten.
    wrong: HashMap<IpAddr, Instant>,
    wrong_in_all: Option<Instant>,
}

impl Sessions {
    #[must_use]
    pub fn new(token: Option<&Secret>) -> Self {
        Self { token: token.map(|token| hash(token.expose())), kept: Mutex::default() }
    }

    /// Whether there is `http.token`.
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a text is `http.token`. Hashes are compared, in a time that says nothing of where they differ.
    pub fn check(&self, token: &str, peer: IpAddr, now: Instant) -> Verdict<Proof> {
        self.attempt(peer, now, || self.is_token(token).then_some(Proof::HttpToken))
    }

    /// Whose token a text is: `http.token`, or a person's, of which the public half is looked for.
    pub fn check_any(&self, token: &str, people: &[Person], peer: IpAddr, now: Instant) -> Verdict<Proof> {
        self.attempt(peer, now, || {
            if self.is_token(token) {
                return Some(Proof::HttpToken);
            }
            let key = Token::parse(token).ok()?.public_key();
            let person = people.iter().find(|person| person.key == Some(key))?;
            Some(Proof::Key { name: person.name.clone(), key })
        })
    }

    fn is_token(&self, token: &str) -> bool {
        self.token.is_some_and(|known| bool::from(hash(token).ct_eq(&known)))
    }

    /// Makes an attempt to come in, unless too many have failed of late.
    pub fn attempt<T>(&self, peer: IpAddr, now: Instant, look: impl FnOnce() -> Option<T>) -> Verdict<T> {
        if self.is_spent(peer, now) {
            return Verdict::TooMany;
        }
        match look() {
            Some(found) => Verdict::Right(found),
            None => {
                self.failed(peer, now);
                Verdict::Wrong
            }
        }
    }

    /// Whether an address, or all together, have failed too often of late.
    pub fn is_spent(&self, peer: IpAddr, now: Instant) -> bool {
        let kept = self.lock();
        let is_spent = |until: Option<&Instant>, (count, each): (i32, TimeDelta)| {
            until.is_some_and(|until| *until > now + each * (count - 1))
        };
        is_spent(kept.wrong.get(&network(peer)), PATIENCE_EACH)
            || is_spent(kept.wrong_in_all.as_ref(), PATIENCE_ALL)
    }

    /// Remembers that an attempt has failed.
    pub fn failed(&self, peer: IpAddr, now: Instant) {
        let peer = network(peer);
        let mut kept = self.lock();
        kept.wrong.retain(|_, until| *until > now);
        let longer =
            |until: Option<Instant>, each: TimeDelta| until.map_or(now, |until| until.max(now)) + each;
        kept.wrong_in_all = Some(longer(kept.wrong_in_all, PATIENCE_ALL.1));
        if kept.wrong.len() < MOST_ADDRESSES || kept.wrong.contains_key(&peer) {
            let until = longer(kept.wrong.get(&peer).copied(), PATIENCE_EACH.1);
            kept.wrong.insert(peer, until);
        }
    }

    /// A new session: the value of its cookie.
    ///
    /// # Errors
    /// Where the machine gives no random bytes.
    pub fn open(&self, proof: Proof, now: Instant) -> Result<String, getrandom::Error> {
        let (id, form_key) = (random()?, random()?);
        let mut kept = self.lock();
        kept.sessions.retain(|_, session| session.end > now);
        if kept.sessions.len() >= MOST_SESSIONS {
            let oldest = kept.sessions.iter().min_by_key(|(_, session)| session.end).map(|(id, _)| *id);
            oldest.and_then(|oldest| kept.sessions.remove(&oldest));
        }
        let session = Session { end: now + TimeDelta::hours(SESSION_HOURS), proof, form_key };
        kept.sessions.insert(hash(&id), session);
        Ok(id)
    }

    /// Whose session a cookie is of, where it has not ended.
    pub fn guest(&self, session: &str, people: &[Person], now: Instant) -> Option<Arc<Guest>> {
        let kept = self.lock();
        let session = kept.sessions.get(&hash(session)).filter(|session| session.end > now)?;
        let (name, role) = session.proof.judged(people)?;
        Some(Arc::new(Guest { name, role, form_key: session.form_key.clone() }))
    }

    pub fn end(&self, session: &str) {
        self.lock().sessions.remove(&hash(session));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 32 random bytes in hexadecimal.
///
/// # Errors
/// Where the machine gives none.
pub fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// Who has one IPv6 address mostly has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn sessions() -> (Sessions, Instant) {
        let token = Secret::parse(TOKEN).unwrap();
        (Sessions::new(Some(&token)), "2026-11-21T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_session_lasts_its_hours_and_no_longer_than_its_logout() {
        let (sessions, now) = sessions();
        let open = || sessions.open(Proof::HttpToken, now).unwrap();
        let (one, two) = (open(), open());
        assert_ne!(one, two);
        assert!(one.len() == 64 && !one.contains(TOKEN));
        let holds = |session: &str, at| sessions.guest(session, &[], at).is_some();
        assert!(holds(&one, now) && !holds(TOKEN, now) && !holds("", now));
        sessions.end(&one);
        assert!(!holds(&one, now) && holds(&two, now));
        assert!(!holds(&two, now + TimeDelta::hours(SESSION_HOURS)));
    }

    #[test]
    fn a_session_has_the_role_of_the_present_and_forms_of_its_own() {
        let (sessions, now) = sessions();
        let (token, text) = Token::generate().unwrap();
        let anna = Person {
            name: "anna".to_owned(),
            role: Role::Reviewer,
            key: Some(token.public_key()),
            login: Some("anna@example.org".to_owned()),
        };
        let people = [anna.clone()];
        let peer = IpAddr::from([10, 0, 0, 1]);
        let Verdict::Right(proof) = sessions.check_any(&text, &people, peer, now) else {
            panic!("it is hers");
        };
        let login = Proof::Login { name: "anna".to_owned(), login: "anna@example.org".to_owned() };
        let sessions_of_anna = [proof, login].map(|proof| sessions.open(proof, now).unwrap());
        let [guest, other] =
            [0, 1].map(|at: usize| sessions.guest(&sessions_of_anna[at], &people, now).unwrap());
        assert_eq!((guest.name.as_deref(), guest.role), (Some("anna"), Role::Reviewer));
        assert!(guest.has_made(guest.form_key()) && !guest.has_made(other.form_key()) && !guest.has_made(""));

        let promoted = [Person { role: Role::Admin, ..anna.clone() }];
        assert_eq!(sessions.guest(&sessions_of_anna[0], &promoted, now).unwrap().role, Role::Admin);
        let other_key = Token::generate().unwrap().0.public_key();
        let changed = [Person { key: Some(other_key), login: None, ..anna }];
        for session in &sessions_of_anna {
            assert!(sessions.guest(session, &changed, now).is_none(), "what it was made with counts no more");
            assert!(sessions.guest(session, &[], now).is_none());
        }
        assert_eq!(sessions.check_any(&text, &changed, peer, now), Verdict::Wrong);
        assert_eq!(sessions.check_any(TOKEN, &changed, peer, now), Verdict::Right(Proof::HttpToken));
        assert_eq!(Sessions::new(None).check_any("", &[], peer, now), Verdict::Wrong);
    }

    #[test]
    fn an_address_that_guesses_is_not_listened_to_and_others_are() {
        let (sessions, now) = sessions();
        let (bad, good): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..5 {
            assert_eq!(sessions.check("wrong-horse-battery", bad, now), Verdict::Wrong);
        }
        let right = Verdict::Right(Proof::HttpToken);
        assert_eq!(sessions.check(TOKEN, bad, now), Verdict::TooMany);
        assert_eq!(sessions.check(TOKEN, good, now), right);
        assert_eq!(sessions.check(TOKEN, bad, now + TimeDelta::seconds(12)), right);
    }

    #[test]
    fn many_addresses_that_guess_are_limited_together() {
        let (sessions, now) = sessions();
        for host in 0..50 {
            let peer = IpAddr::from([10, 0, 1, host]);
            assert_eq!(sessions.check("", peer, now), Verdict::Wrong);
        }
        assert_eq!(sessions.check(TOKEN, IpAddr::from([10, 0, 2, 1]), now), Verdict::TooMany);
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::2".parse().unwrap()));
    }
}
