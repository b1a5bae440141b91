//! The HTTP server: one port, plain HTTP/1, and little that a slow or hostile client can cost.
//!
//! Payments come first. A port that cannot be bound is said once and tried again in the background, so of two daemons
//! on one host the second begins to answer when the first has gone; and a stop waits for no browser.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

/// Connections at a time; the next ones wait until one of these ends.
pub const MAX_CONNECTIONS: usize = 128;
/// The request line and all headers together.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
pub const MAX_HEADERS: usize = 64;
/// How long a client may take to send its headers, and to be idle between two requests.
pub const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// After this a connection ends with the answer it is at: whoever reads it byte by byte holds no place for ever.
const CONNECTION_LIFE: Duration = Duration::from_secs(120);
/// How long that last answer may take.
const LAST_ANSWER: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves in the background. `bound` is told the address once there is one: with port 0 it is the kernel's choice.
    #[must_use]
    pub fn start(
        listen: SocketAddr,
        router: Router,
        bound: impl FnOnce(SocketAddr) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let listener = tokio::select! {
                listener = listener(listen, bound) => listener,
                () = stop_asked(stopped.clone()) => return,
            };
            accept(&listener, &router, &stopped).await;
        });
        Self { stop, task }
    }

    /// Takes no more connections and ends those there are, each with the answer it is at, for as long as patience
    /// lasts.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.send_replace(true);
        if timeout(patience, &mut self.task).await.is_err() {
            debug!("clients that were still reading are cut off");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until the server is asked to stop.
async fn stop_asked(mut stopped: watch::Receiver<bool>) {
    // Where nobody can ask any more, the server is as good as stopped.
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Binds the port; one that cannot be had is tried again until it can.
async fn listener(listen: SocketAddr, bound: impl FnOnce(SocketAddr)) -> TcpListener {
    let mut pause = FIRST_PAUSE;
    let mut said = false;
    loop {
        match bind(listen).await {
            Ok((listener, address)) => {
                info!(%address, "metrics and health are served");
                bound(address);
                return listener;
            }
            Err(error) if !said => {
                said = true;
                error!(
                    %listen,
                    %error,
                    "http.listen cannot be bound; payments go on without metrics and health, and it is tried again"
                );
            }
            Err(error) => debug!(%listen, %error, "http.listen still cannot be bound"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn bind(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves connections until the stop; returns when the last of them has ended.
async fn accept(listener: &TcpListener, router: &Router, stopped: &watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            // Those that have ended are forgotten one by one.
            Some(_) = connections.join_next() => continue,
            () = stop_asked(stopped.clone()) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    connection(stream, peer, router, stopped).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                sleep(FIRST_PAUSE).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stopped: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        service.call(request)
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_PATIENCE)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(2 * MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        () = sleep(CONNECTION_LIFE) => None,
        () = stop_asked(stopped) => None,
    };
    let ended = match ended {
        Some(ended) => Ok(ended),
        None => {
            served.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER, served).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%peer, %error, "a connection ended badly"),
        Err(_) => debug!(%peer, "a client took too long to read its answer"),
    }
}
