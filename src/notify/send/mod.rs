//! The ways to a receiver. Each attempt stands alone: nothing is kept between two of them, neither connections nor
//! certificates, since messages are few and what has changed on either side counts from the next one on.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Channel;
use crate::notify::Deliver;

mod mail;
mod webhook;

/// How much of an answer is told, in characters.
const EXCERPT: usize = 200;

/// The way to a receiver.
#[must_use]
pub fn deliverer(channel: &Channel, clock: Arc<dyn Clock>) -> Box<dyn Deliver> {
    match channel {
        Channel::Webhook(settings) => Box::new(webhook::Webhook::new(settings.clone(), clock)),
        Channel::Mail(settings) => Box::new(mail::Mail::new(settings.clone())),
    }
}

/// A foreign text as one short line: what it holds cannot pretend to be another line of a log or another header.
fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The beginning of a foreign text, for a message.
fn excerpt(text: &str) -> String {
    cut(&one_line(text), EXCERPT)
}

/// At most so many characters; the last of them says where some are missing.
fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_stays_one_short_line() {
        assert_eq!(
            one_line("no\r\nBcc: all@example.com\u{0}\t or\u{85}so  "),
            "no Bcc: all@example.com or so"
        );
        assert_eq!(excerpt(&"á".repeat(200)), "á".repeat(200));
        assert_eq!(excerpt(&"á".repeat(201)), format!("{}…", "á".repeat(199)));
    }
}
