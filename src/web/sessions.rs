//! The token, sessions made with it, and a limit to guessing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;
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

/// What became of a token that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    /// Not even looked at: too many wrong ones came before it.
    TooMany,
}

/// See the module. Neither the token nor a session's id is kept, only their hashes.
#[derive(Debug)]
pub struct Sessions {
    token: Hash,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the hash of the cookie: when it ends.
    sessions: HashMap<Hash, Instant>,
    /// By address: when its last wrong token is forgotten.
    wrong: HashMap<IpAddr, Instant>,
    wrong_in_all: Option<Instant>,
}

impl Sessions {
    #[must_use]
    pub fn new(token: &Secret) -> Self {
        Self { token: hash(token.expose()), kept: Mutex::default() }
    }

    /// Whether a text is the token. Hashes are compared, in a time that says nothing of where they differ.
    pub fn check(&self, token: &str, peer: IpAddr, now: Instant) -> Verdict {
        let peer = network(peer);
        let mut kept = self.lock();
        let is_spent = |until: Option<&Instant>, (count, each): (i32, TimeDelta)| {
            until.is_some_and(|until| *until > now + each * (count - 1))
        };
        if is_spent(kept.wrong.get(&peer), PATIENCE_EACH)
            || is_spent(kept.wrong_in_all.as_ref(), PATIENCE_ALL)
        {
            return Verdict::TooMany;
        }
        if bool::from(hash(token).ct_eq(&self.token)) {
            return Verdict::Right;
        }
        kept.wrong.retain(|_, until| *until > now);
        let longer =
            |until: Option<Instant>, each: TimeDelta| until.map_or(now, |until| until.max(now)) + each;
        kept.wrong_in_all = Some(longer(kept.wrong_in_all, PATIENCE_ALL.1));
        if kept.wrong.len() < MOST_ADDRESSES || kept.wrong.contains_key(&peer) {
            let until = longer(kept.wrong.get(&peer).copied(), PATIENCE_EACH.1);
            kept.wrong.insert(peer, until);
        }
        Verdict::Wrong
    }

    /// A new session: the value of its cookie.
    ///
    /// # Errors
    /// Where the machine gives no random bytes.
    pub fn open(&self, now: Instant) -> Result<String, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut kept = self.lock();
        kept.sessions.retain(|_, end| *end > now);
        if kept.sessions.len() >= MOST_SESSIONS {
            let oldest = kept.sessions.iter().min_by_key(|(_, end)| **end).map(|(session, _)| *session);
            oldest.and_then(|oldest| kept.sessions.remove(&oldest));
        }
        kept.sessions.insert(hash(&id), now + TimeDelta::hours(SESSION_HOURS));
        Ok(id)
    }

    /// Whether a cookie is of a session that has not ended.
    pub fn holds(&self, session: &str, now: Instant) -> bool {
        self.lock().sessions.get(&hash(session)).is_some_and(|end| *end > now)
    }

    pub fn end(&self, session: &str) {
        self.lock().sessions.remove(&hash(session));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        (Sessions::new(&Secret::parse(TOKEN).unwrap()), "2026-11-21T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_session_lasts_its_hours_and_no_longer_than_its_logout() {
        let (sessions, now) = sessions();
        let (one, two) = (sessions.open(now).unwrap(), sessions.open(now).unwrap());
        assert_ne!(one, two);
        assert!(one.len() == 64 && !one.contains(TOKEN));
        assert!(sessions.holds(&one, now) && !sessions.holds(TOKEN, now) && !sessions.holds("", now));
        sessions.end(&one);
        assert!(!sessions.holds(&one, now) && sessions.holds(&two, now));
        assert!(!sessions.holds(&two, now + TimeDelta::hours(SESSION_HOURS)));
    }

    #[test]
    fn an_address_that_guesses_is_not_listened_to_and_others_are() {
        let (sessions, now) = sessions();
        let (bad, good): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..5 {
            assert_eq!(sessions.check("wrong-horse-battery", bad, now), Verdict::Wrong);
        }
        assert_eq!(sessions.check(TOKEN, bad, now), Verdict::TooMany);
        assert_eq!(sessions.check(TOKEN, good, now), Verdict::Right);
        assert_eq!(sessions.check(TOKEN, bad, now + TimeDelta::seconds(12)), Verdict::Right);
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
