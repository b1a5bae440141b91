//! Mail by SMTP. What the server takes is its own from then on; whether it arrives, it does not tell.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{excerpt, one_line};
use crate::config;
use crate::errors::chain;
use crate::notify::{Deliver, Message, SendError};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub struct Mail {
    settings: config::Mail,
}

impl Mail {
    pub const fn new(settings: config::Mail) -> Self {
        Self { settings }
    }

    /// The message as it is sent. It is the same at every attempt, its `Message-ID` too, so that one which arrives
    /// twice shows as one.
    fn compose(&self, message: &Message) -> Result<lettre::Message, String> {
        let from = mailbox(&self.settings.from)?;
        let id = format!("<{}@{}>", atom(&message.id), atom(from.email.domain()));
        let header =
            |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut mail = lettre::Message::builder()
            .from(from)
            .subject(one_line(&message.subject))
            .date(SystemTime::from(message.created_at))
            .message_id(Some(id))
            // So that no holiday notice answers (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Rewardd-Event", &one_line(&message.event)));
        for to in &self.settings.to {
            mail = mail.to(mailbox(to)?);
        }
        let mail = match &message.html {
            Some(html) => {
                mail.multipart(MultiPart::alternative_plain_html(message.text.clone(), html.clone()))
            }
            None => mail.singlepart(SinglePart::plain(message.text.clone())),
        };
        mail.map_err(|error| chain(&error))
    }

    async fn send(&self, mail: lettre::Message) -> Result<String, SendError> {
        let url = self.settings.url.expose().clone();
        // The roots that certificates are judged by are files.
        let patience = self.settings.timeout;
        let transport = spawn_blocking(move || transport(url.as_str(), patience)).await;
        let transport = transport.map_err(|error| self.later(&chain(&error)))?;
        let transport = transport.map_err(|error| self.never(&chain(&error)))?;
        match transport.send(mail).await {
            Ok(answer) => {
                let lines: Vec<&str> = answer.message().collect();
                Ok(format!("{} answers {} {}", self.settings.url, answer.code(), excerpt(&lines.join(" "))))
            }
            // A client's own error is one of the settings: a way to log in or an encryption that the server lacks.
            Err(error) if error.is_permanent() || error.is_client() => Err(self.never(&chain(&error))),
            Err(error) => Err(self.later(&chain(&error))),
        }
    }

    fn later(&self, why: &str) -> SendError {
        SendError::Later { why: self.told(why), after: None }
    }

    fn never(&self, why: &str) -> SendError {
        SendError::Never(self.told(why))
    }

    fn told(&self, why: &str) -> String {
        format!("{}: {}", self.settings.url, excerpt(why))
    }
}

#[async_trait]
impl Deliver for Mail {
    async fn deliver(&self, message: &Message) -> Result<String, SendError> {
        let mail = self.compose(message).map_err(|why| self.never(&why))?;
        let patience = self.settings.timeout;
        timeout(patience, self.send(mail)).await.unwrap_or_else(|_| {
            Err(self.later(&format!("no answer within {}", humantime::format_duration(patience))))
        })
    }
}

/// A connection's settings. Who it says it is, is the path of the URL, or else the machine's name.
fn transport(url: &str, patience: Duration) -> Result<Transport, lettre::transport::smtp::Error> {
    // Left alone, it gives up to connect after a minute, however long it may take.
    let builder = Transport::from_url(url)?.timeout(Some(patience));
    let named = url::Url::parse(url).is_ok_and(|url| url.path().len() > 1);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) && !host.is_empty();
    Ok(if named || !is_name { builder } else { builder.hello_name(ClientId::Domain(host)) }.build())
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|error| format!("{}: {}", excerpt(text), chain(&error)))
}

/// A text as a part of a `Message-ID` (RFC 5322, dot-atom).
fn atom(text: &str) -> String {
    let sign = |c: char| if c.is_ascii_alphanumeric() || "/._-".contains(c) { c } else { '-' };
    text.chars().map(sign).collect()
}

#[cfg(test)]
mod tests;
