//! A webhook: one POST of JSON, signed. `deploy/NOTIFICATIONS.md` says how a receiver checks the signature.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use serde_json::json;
use sha2::Sha256;
use tokio::time::timeout;

use super::{cut, excerpt};
use crate::clock::Clock;
use crate::config::{self, Body};
use crate::errors::chain;
use crate::notify::{Deliver, Message, SendError};
use crate::outgoing;
use crate::rewards::window::show;

/// What a body of the form `json` looks like; counted up where a reader of the old one would go wrong.
const VERSION: u32 = 1;
/// Slack breaks longer texts into several messages, and Mattermost takes four times as much.
const SLACK_CHARACTERS: usize = 4_000;
/// What is read of an answer, which only people look at.
const ANSWER_BYTES: usize = 4 * 1024;
/// What is shorter than this tells nobody anything.
const SECRET_CHARACTERS: usize = 4;

pub struct Webhook {
    settings: config::Webhook,
    clock: Arc<dyn Clock>,
}

/// What came back.
#[derive(Default)]
struct Answer {
    /// None until the head of the answer is there; from then on the body changes nothing.
    status: Option<StatusCode>,
    rest: Option<Duration>,
    body: Vec<u8>,
}

impl Webhook {
    pub fn new(settings: config::Webhook, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock }
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let body = match self.settings.body {
            Body::Json => json(message),
            Body::Slack => slack(message),
        };
        let timestamp = self.clock.now().timestamp();
        let mut request = Request::post(self.settings.url.expose().as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("rewardd/", env!("CARGO_PKG_VERSION")))
            .header("x-rewardd-delivery", &message.id)
            .header("x-rewardd-timestamp", timestamp);
        if let Some(secret) = &self.settings.secret {
            let signature = signature(secret.expose().as_bytes(), timestamp, &body);
            request = request.header("x-rewardd-signature", format!("sha256={signature}"));
        }
        request.body(Full::from(body))
    }

    /// Sends the request and takes the answer in, as far as it comes.
    async fn exchange(&self, request: Request<Full<Bytes>>, answer: &mut Answer) -> Result<(), String> {
        let response = outgoing::send(request).await?;
        answer.status = Some(response.status());
        answer.rest = rest(response.headers());
        let mut body = response.into_body();
        while answer.body.len() < ANSWER_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            answer.body.extend(frame.into_data().unwrap_or_default());
        }
        Ok(())
    }

    fn judge(&self, status: StatusCode, answer: &Answer) -> Result<String, SendError> {
        let mut told = format!("{} answers {status}", self.settings.url);
        let body = excerpt(&self.without_secrets(&String::from_utf8_lossy(&answer.body)));
        if !body.is_empty() {
            told = format!("{told}: {body}");
        }
        match status.as_u16() {
            200..=299 => Ok(told),
            408 | 429 | 500..=599 => Err(SendError::Later { why: told, after: answer.rest }),
            300..=399 => Err(SendError::Never(format!("{told}; redirects are not followed"))),
            _ => Err(SendError::Never(told)),
        }
    }

    /// Some receivers repeat the address they were asked for, which is a secret itself.
    fn without_secrets(&self, text: &str) -> String {
        let url = self.settings.url.expose();
        let segments = url.path_segments().into_iter().flatten();
        let parameters = url.query().into_iter().flat_map(|query| query.split(['&', '=']));
        let parts = segments.chain(parameters).filter(|part| part.len() >= SECRET_CHARACTERS);
        parts.fold(text.to_owned(), |text, part| text.replace(part, "***"))
    }
}

#[async_trait]
impl Deliver for Webhook {
    async fn deliver(&self, message: &Message) -> Result<String, SendError> {
        let request = self.request(message).map_err(|error| {
            SendError::Never(format!("{} cannot be asked: {}", self.settings.url, chain(&error)))
        })?;
        let mut answer = Answer::default();
        let ended = timeout(self.settings.timeout, self.exchange(request, &mut answer)).await;
        if let Some(status) = answer.status {
            return self.judge(status, &answer);
        }
        let why = match ended {
            Ok(Err(why)) => why,
            _ => format!("no answer within {}", humantime::format_duration(self.settings.timeout)),
        };
        Err(SendError::Later { why: format!("{}: {why}", self.settings.url), after: None })
    }
}

/// How long the receiver wants to be left alone, where it says so in seconds.
fn rest(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A message as programs read it.
fn json(message: &Message) -> String {
    json!({
        "version": VERSION,
        "id": message.id,
        "event": message.event,
        "created_at": show(message.created_at),
        "subject": message.subject,
        "text": message.text,
        "details": message.details,
    })
    .to_string()
}

/// A body as Slack and Mattermost take it. Three signs are markup there; the rest stays what it is.
fn slack(message: &Message) -> String {
    let text = format!("{}\n{}", message.subject, message.text);
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": cut(&escaped, SLACK_CHARACTERS) }).to_string()
}

/// HMAC-SHA256 over `TIMESTAMP.BODY` in hexadecimal: with the time in it, an old message cannot be sent again as a new
/// one.
fn signature(secret: &[u8], timestamp: i64, body: &str) -> String {
    hmac(secret, format!("{timestamp}.{body}").as_bytes())
}

fn hmac(key: &[u8], data: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
