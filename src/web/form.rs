//! Forms that decide something: sent by POST, by somebody with the role, from a page that was made for this session.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{MethodRouter, post};
use maud::{Markup, html};

use super::answer::{Failure, Outcome, respond};
use super::context::Ctx;
use super::layout::role_name;
use super::site::Site;
use super::tables::{Tone, state};
use super::texts::fill;
use crate::people::Role;

/// The field that shows a form to be of a session.
pub const FORM_KEY: &str = "form_key";
/// A note, and thousands of rows that are ticked.
const LONGEST_FORM: usize = 256 * 1024;

/// What was sent.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form of at most so many bytes; a longer one is an empty one.
    pub async fn read(body: Body, most: usize) -> Self {
        Self::parse(&to_bytes(body, most).await.unwrap_or_default())
    }

    fn parse(body: &Bytes) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field, empty where it is not there.
    pub fn get<'f>(&'f self, name: &'f str) -> &'f str {
        self.all(name).next().unwrap_or_default()
    }

    /// The values of a field that is there more than once.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }
}

/// Takes a form for whoever has the role. The handler is told the person's name.
pub fn decide<F, Fut>(role: Role, handler: F) -> MethodRouter<Arc<Site>>
where
    F: Fn(Ctx, String, Form) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    post(async move |ctx: Ctx, request: Request| {
        let outcome = match read(&ctx, role, request).await {
            Ok((name, form)) => handler(ctx.clone(), name, form).await,
            Err(failure) => Err(failure),
        };
        respond(&ctx, outcome)
    })
}

async fn read(ctx: &Ctx, role: Role, request: Request) -> Result<(String, Form), Failure> {
    let guest = ctx.guest.as_ref().filter(|guest| guest.role >= role);
    let Some((guest, name)) = guest.and_then(|guest| Some((guest, guest.name.clone()?))) else {
        return Err(Failure::Forbidden(role));
    };
    let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str().is_ok_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    });
    let form = if is_form { Form::read(request.into_body(), LONGEST_FORM).await } else { Form::default() };
    if !guest.has_made(form.get(FORM_KEY)) {
        return Err(Failure::Stale);
    }
    Ok((name, form))
}

/// Why something is decided, in characters.
const LONGEST_NOTE: usize = 2000;

/// The field for the reason. `of` tells it from others on the page.
pub fn note_field(ctx: &Ctx, of: &str) -> Markup {
    let id = format!("note-{}", of.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    html! {
        div.field {
            label for=(id) { (ctx.deciding.note) }
            input id=(id) name="note" required maxlength=(LONGEST_NOTE) autocomplete="off";
        }
    }
}

/// The reason, which every decision has.
pub fn note(ctx: &Ctx, form: &Form) -> Result<String, Failure> {
    let note = form.get("note");
    match note.chars().count() {
        1..=LONGEST_NOTE => Ok(note.to_owned()),
        _ => Err(Failure::BadRequest(ctx.deciding.note_missing.to_owned())),
    }
}

/// Says that a decision was written, to whoever comes from its form.
pub fn decided(ctx: &Ctx) -> Markup {
    let number = ctx.params.get("decided").and_then(|number| number.parse::<u64>().ok());
    html! {
        @if let Some(number) = number {
            p role="status" { (state(Tone::Good, &fill(ctx.deciding.is_written, &[&number.to_string()]))) }
        }
    }
}

/// Says who may decide, to those who may not.
pub fn who_decides(ctx: &Ctx, needed: Role) -> Markup {
    html! { p.note { (fill(ctx.deciding.who_decides, &[role_name(ctx, needed), needed.name()])) } }
}
