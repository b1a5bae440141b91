//! What the daemon shows by HTTP: metrics, health and the dashboard.
//!
//! A scrape or a health check asks no database: it shows what the daemon has seen last, so it is answered at once
//! whatever the database does. Pages read over connections of their own.
//!
//! ```text
//! server       one port, and little that a client can cost             server.rs
//!   → guard      who may look; headers                                   guard.rs, sessions.rs, login.rs, oidc/, form.rs
//!     → context    language, parameters, the present, the view             context.rs, texts.rs, site.rs
//!       → pages      a few rows by an index → tables                         overview.rs … transfers.rs
//!         → answer     HTML, CSV or JSON of the same tables                    answer.rs, layout.rs, tables.rs
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, json};
use tokio::time::timeout;
use tracing::warn;

mod alarms;
mod answer;
mod audit;
mod cases;
mod changes;
mod chart;
mod context;
mod decisions;
mod explained;
mod explanation;
mod form;
mod format;
mod guard;
mod health;
mod holds;
mod layout;
mod login;
mod oidc;
mod order;
mod overview;
mod partner;
mod recent;
mod report;
mod rules;
mod rules_pending;
mod search;
mod server;
mod sessions;
mod site;
mod tables;
mod texts;
mod transfers;
mod window;
mod windows;

pub use server::{HEADER_PATIENCE, MAX_CONNECTIONS, MAX_HEADER_BYTES, Server};
pub use site::{Desk, Pen, Site, Took, View, dashboard};

use crate::ops::health::Health;
use crate::ops::metrics::{Metrics, TEXT_FORMAT};

/// How long an answer may take to be made.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);
/// Requests have next to nothing to say.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Metrics and health, under limits of their own.
pub fn router(metrics: Arc<Metrics>, health: Arc<Health>) -> Router {
    let router = Router::new()
        .route("/metrics", get(scrape).with_state(metrics))
        .route("/healthz", get(alive).with_state(Arc::clone(&health)))
        .route("/readyz", get(ready).with_state(health));
    router.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).layer(middleware::from_fn(in_time))
}

/// Gives an answer up that takes too long.
async fn in_time(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    timeout(REQUEST_PATIENCE, next.run(request)).await.unwrap_or_else(|_| {
        warn!(path, "an answer took too long and was given up");
        (StatusCode::SERVICE_UNAVAILABLE, "this takes too long; try again later\n").into_response()
    })
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            warn!(%error, "the metrics cannot be shown");
            (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be shown; see the log\n").into_response()
        }
    }
}

async fn alive(State(health): State<Arc<Health>>) -> Response {
    match health.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let checks = health.checks();
    let ready = checks.iter().all(|check| check.found.is_ok());
    let shown = checks.into_iter().map(|check| {
        let (ok, found) = (check.found.is_ok(), check.found.unwrap_or_else(|why| why));
        (check.name.to_owned(), json!({ "ok": ok, "found": found }))
    });
    let body = json!({ "ready": ready, "checks": shown.collect::<Map<_, _>>() });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body:#}\n")).into_response()
}
