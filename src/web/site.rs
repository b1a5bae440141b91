//! What the dashboard is made of: where its figures come from, who may look, what it keeps between requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::answer::{Failure, page, respond};
use super::context::Ctx;
use super::explanation::Explanations;
use super::form::decide;
use super::guard::guard;
use super::layout::{ICON, ICON_PATH, STYLE, STYLE_PATH};
use super::oidc::{self, Provider};
use super::order::Orders;
use super::recent::Gate;
use super::sessions::Sessions;
use super::{
    alarms, audit, cases, changes, explanation, holds, login, overview, partner, report, rules,
    rules_pending, search, transfers, window, windows,
};
use crate::clock::Clock;
use crate::config::{Config, Http};
use crate::jobs::Distributor;
use crate::ops::state_file::ProcessState;
use crate::people::{Person, Role};
use crate::proof::{ProofError, Prover};
use crate::rewards::suspicions::Suspicion;
use crate::rewards::window::{Calendar, Instant, Kind};
use crate::store::sql::Fence;
use crate::store::{Ballots, Result as StoreResult, RewardsDatabase, Source};

/// How long a page may take, the wait for its turn included.
const PAGE_PATIENCE: Duration = Duration::from_secs(60);
/// Pages that are made at the same time; more than all that may wait for something dear.
const PAGES_AT_ONCE: usize = 16;
/// How long a page waits to be one of them.
const PLACE_PATIENCE: Duration = Duration::from_secs(10);
/// How often the same failure of pages is logged.
const SAME_FAILURE: TimeDelta = TimeDelta::minutes(1);

/// Where figures come from: connections of the dashboard's own, so that no page ever waits for a payment or a payment
/// for a page. Replaced as a whole when the configuration is read again.
pub struct View {
    pub store: Arc<dyn RewardsDatabase>,
    pub source: Arc<dyn Source>,
    pub ballots: Arc<dyn Ballots>,
    pub calendar: Calendar,
    pub suspicions: Vec<Suspicion>,
    /// How long a signature may be on its way.
    pub signatures_valid: Duration,
    pen: Pen,
    prover: OnceCell<Prover>,
}

/// What decisions are written with: connections of their own, so that no decision waits for a page.
pub struct Pen {
    pub records: Arc<dyn RewardsDatabase>,
    /// What `records` writes behind.
    pub fence: Arc<Fence>,
    /// Carries out what is decided about holds; it pays nothing.
    pub distributor: Distributor,
}

impl View {
    #[must_use]
    pub fn new(
        store: Arc<dyn RewardsDatabase>,
        source: Arc<dyn Source>,
        ballots: Arc<dyn Ballots>,
        config: &Config,
        pen: Pen,
    ) -> Self {
        Self {
            store,
            source,
            ballots,
            calendar: Calendar::new(config.programme.timezone),
            suspicions: config.suspicions.clone(),
            signatures_valid: config.confirm.valid,
            pen,
            prover: OnceCell::new(),
        }
    }

    /// What decisions are written with, under the lease as it is now: beside a daemon that pays, this one or another.
    pub(super) async fn pen(&self) -> StoreResult<&Pen> {
        self.pen.fence.open(self.pen.records.lease().await?.fence);
        Ok(&self.pen)
    }

    /// What recomputes paid windows, with the rules that it has read so far.
    pub(super) async fn prover(&self) -> Result<&Prover, ProofError> {
        self.prover.get_or_try_init(|| Prover::new(self.store.clone(), Arc::clone(&self.source))).await
    }
}

/// How long each part of a run took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    pub load: Duration,
    pub rank: Duration,
    pub allocate: Duration,
    pub commit: Duration,
}

impl Took {
    pub(super) fn total(&self) -> Duration {
        self.load + self.rank + self.allocate + self.commit
    }
}

/// Where the dashboard is told what is going on.
pub trait Desk: Send + Sync {
    /// The view in force; none while the databases are being opened.
    fn view(&self) -> Option<Arc<View>>;

    /// Who may decide, as the configuration in force names them.
    fn people(&self) -> Arc<[Person]>;

    /// What the daemon does, and did last.
    fn process(&self) -> ProcessState;

    /// How long this process took to pay a window; none where it was another one, or long ago.
    fn took(&self, kind: Kind, start: Instant) -> Option<Took>;
}

/// See the module.
pub struct Site {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) sessions: Sessions,
    /// None where nobody logs in by OpenID Connect.
    pub(super) provider: Option<Provider>,
    pub(super) orders: Orders,
    pub(super) explanations: Explanations,
    /// One report at a time.
    pub(super) reports: Gate,
    places: Semaphore,
    /// The last failure of a page that was logged, and when.
    logged: Mutex<Option<(Instant, String)>>,
}

impl Site {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, desk: Arc<dyn Desk>, http: &Http) -> Self {
        let sessions = Sessions::new(http.token.as_ref());
        let provider = http.oidc.clone().map(Provider::new);
        let places = Semaphore::new(PAGES_AT_ONCE);
        let (orders, explanations) = (Orders::new(), Explanations::new());
        let reports = Gate::new(report::PLACES);
        Self {
            clock,
            desk,
            sessions,
            provider,
            orders,
            explanations,
            reports,
            places,
            logged: Mutex::new(None),
        }
    }

    /// Whether a failure is worth a line in the log: whoever asks again and again fills no disk with the same one.
    pub(super) fn is_news(&self, failure: &str, now: Instant) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(at, last): &(Instant, String)| last == failure && now - *at < SAME_FAILURE;
        if logged.as_ref().is_some_and(is_old) {
            return false;
        }
        *logged = Some((now, failure.to_owned()));
        true
    }
}

/// The pages, and before them and `others` the guard. `others` are served beside them.
pub fn dashboard(site: Arc<Site>, others: Router) -> Router {
    let pages = Router::new()
        .route("/", page(overview::show))
        .route("/windows", page(windows::list))
        .route("/windows/{kind}/{start}", page(window::show))
        .route("/report/daily/{file}", page(report::show))
        .route("/partners", page(partner::find))
        .route("/partners/{id}", page(partner::show))
        .route("/partners/{id}/{kind}/{start}", page(explanation::show))
        .route("/audit", page(audit::list))
        .route("/audit/{sequence}", page(audit::show))
        .route("/rules", page(rules::show).merge(decide(Role::Reviewer, rules_pending::decide)))
        .route("/rules/{number}", page(rules::version))
        .route("/transfers", page(transfers::show))
        .route("/search", page(search::go))
        .route("/alarms", page(alarms::show))
        .route("/holds", page(holds::show).merge(decide(Role::Reviewer, holds::decide)))
        .route("/holds/windows", decide(Role::Admin, holds::pay_window))
        .route("/cases", page(cases::list))
        .route("/cases/{number}", page(cases::show).merge(decide(Role::Reviewer, cases::decide)))
        .route("/changes", page(changes::list).merge(decide(Role::Reviewer, changes::decide)))
        .route("/changes/{number}", page(changes::show))
        .merge(login::routes())
        .merge(oidc::pages::routes())
        .fallback(async |ctx: Ctx| respond(&ctx, Err(Failure::NotFound)))
        .method_not_allowed_fallback(async |ctx: Ctx| respond(&ctx, Err(Failure::MethodNotAllowed)))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), in_time))
        .route(&STYLE_PATH, get(async || asset("text/css; charset=utf-8", STYLE)))
        .route(&ICON_PATH, get(async || asset("image/svg+xml", ICON)))
        .with_state(Arc::clone(&site));
    others.merge(pages).layer(middleware::from_fn_with_state(site, guard))
}

/// Makes so many pages at a time, and gives one up that takes too long.
async fn in_time(ctx: Ctx, State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let Ok(Ok(_place)) = timeout(PLACE_PATIENCE, site.places.acquire()).await else {
        return respond(&ctx, Err(Failure::Busy));
    };
    let answer = timeout(PAGE_PATIENCE, next.run(request)).await;
    answer.unwrap_or_else(|_| respond(&ctx, Err(Failure::Busy)))
}

fn asset(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")], content).into_response()
}
