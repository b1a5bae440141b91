//! Both halves of a person's key.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// What a token's text begins with, so that people and scanners of secrets know one.
const PREFIX: &str = "rewardd_";
/// Bytes of either half.
const HALF: usize = 32;
const SIGNATURE: usize = 64;

/// The private half: who has it decides as its owner. `Debug` masks it.
pub struct Token(Ed25519KeyPair);

impl Token {
    /// A new one and its text, which is shown once.
    ///
    /// # Errors
    /// Where the machine gives no randomness.
    pub fn generate() -> Result<(Self, String), getrandom::Error> {
        let mut seed = [0; HALF];
        getrandom::fill(&mut seed)?;
        let text = format!("{PREFIX}{}", hex(&seed));
        let token = Self::parse(&text).expect("any seed makes a key");
        Ok((token, text))
    }

    /// # Errors
    /// What a token looks like. The message never repeats the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("a token is {PREFIX} and {} digits of 0-9a-f, as `rewardd token new` prints it", HALF * 2)
        };
        let seed = text.trim().strip_prefix(PREFIX).and_then(bytes::<HALF>).ok_or_else(wrong)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(|_| wrong())
    }

    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let key = self.0.public_key().as_ref();
        PublicKey(key.try_into().expect("an Ed25519 key has 32 bytes"))
    }

    /// A signature of a text, in hexadecimal.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex(self.0.sign(text.as_bytes()).as_ref())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The public half, which the configuration has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; HALF]);

impl PublicKey {
    /// # Errors
    /// What a key looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        bytes(text).map(Self).ok_or_else(|| {
            format!("must be the public half of a token, {} digits of 0-9a-f: `rewardd token new`", HALF * 2)
        })
    }

    /// Whether the owner of the token has signed this text.
    #[must_use]
    pub fn verifies(&self, text: &str, signature: &str) -> bool {
        bytes::<SIGNATURE>(signature).is_some_and(|signature| {
            UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), &signature).is_ok()
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes of hexadecimal, and nothing else.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
