//! A real HTTP receiver of notifications, on loopback, with or without TLS, that keeps what it is sent.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::succeed;

/// What was sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    headers: HeaderMap,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What is answered, until something else is set.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

type Shared = Arc<(Mutex<Answer>, Mutex<Vec<Received>>)>;

/// It ends with the test.
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    shared: Shared,
    runtime: Option<Runtime>,
}

impl Receiver {
    /// On a port of its own, answering 200.
    pub fn start() -> Self {
        Self::serve("http", None, "127.0.0.1:0")
    }

    /// On a given port: for one that was away and comes back.
    pub fn start_on(address: SocketAddr) -> Self {
        Self::serve("http", None, &address.to_string())
    }

    /// Over TLS, with a certificate of the authority in the folder (`ca.pem`), which nobody trusts yet.
    pub fn start_tls(folder: &Path) -> Self {
        certificates(folder);
        let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        Self::serve("https", Some(TlsAcceptor::from(Arc::new(config))), "127.0.0.1:0")
    }

    fn serve(scheme: &'static str, tls: Option<TlsAcceptor>, address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let answer = Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: "taken".to_owned() };
        let shared: Shared = Arc::new((Mutex::new(answer), Mutex::new(vec![])));
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        runtime.spawn(accept(listener, router, tls));
        Self { address, scheme, shared, runtime: Some(runtime) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn answer(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        *self.shared.0.lock().unwrap() = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(header).collect(),
            body: body.to_owned(),
        };
    }

    /// All that came, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.1.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Returns when its port is free again.
        drop(self.runtime.take());
    }
}

/// Makes the certificates of a test; see tests/certificates.
pub fn certificates(folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    succeed(Command::new(script).arg(folder));
}

async fn take(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> impl axum::response::IntoResponse {
    shared.1.lock().unwrap().push(Received { path: uri.to_string(), headers, body });
    let answer = shared.0.lock().unwrap();
    (answer.status, answer.headers.clone(), answer.body.clone())
}

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (router, tls) = (router.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, router).await,
                // A client that does not trust the certificate hangs up here.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, router).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
    let served =
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A client that goes before it has its answer is the test's own doing.
    drop(served.await);
}
