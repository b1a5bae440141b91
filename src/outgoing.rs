//! Requests to servers of others. Nothing is kept between two of them, neither connections nor certificates, since they
//! are few and what has changed on either side counts from the next one on.
//!
//! Redirects are not followed: what is told is meant for one receiver. Certificates are judged by the machine's own
//! roots (`/etc/ssl/certs`, or `SSL_CERT_FILE`), so that a company's own authority is trusted where the machine does.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::task::spawn_blocking;

use crate::errors::chain;

/// Sends a request to `https`, or `http`, and gives the answer once its head is there.
///
/// # Errors
/// Why there is no answer.
pub async fn send(request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
    if request.uri().scheme_str() != Some("https") {
        return over(HttpConnector::new(), request).await;
    }
    // The roots are files.
    let tls = spawn_blocking(|| HttpsConnectorBuilder::new().with_native_roots());
    let tls = tls.await.map_err(|error| chain(&error))?.map_err(|error| chain(&error))?;
    over(tls.https_only().enable_http1().build(), request).await
}

async fn over<C>(connector: C, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    client.request(request).await.map_err(|error| chain(&error))
}
