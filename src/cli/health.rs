//! `rewardd health`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::bail;
use axum::body::{Body, to_bytes};
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use clap::Args;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Exit, output::say};
use crate::config::Config;
use crate::errors::chain;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than it ever says, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Ask the daemon on this machine whether it lives, at http.listen.
///
/// For the health checks of containers and the like, where there is no curl. Opens no database. The token is not sent,
/// so where one is set only "ok" or "not ok" is said.
///
/// Exit codes: 0 it is well · 1 it is not, or it does not answer within five seconds.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Ask whether it can pay: whether its database answers and who holds the lease.
    #[arg(long)]
    ready: bool,
}

impl Health {
    pub async fn execute(self, config: Config) -> anyhow::Result<Exit> {
        let Some(listen) = config.http.listen else {
            bail!("http.listen is off, so the daemon cannot be asked");
        };
        let address = reachable(listen);
        let path = if self.ready { "/readyz" } else { "/healthz" };
        let answer = timeout(PATIENCE, ask(address, path)).await;
        let answer = answer.unwrap_or_else(|_| bail!("no answer within {} s", PATIENCE.as_secs()));
        // Whatever is wrong, whoever checks health knows 0 and 1.
        let problem = match answer {
            Ok((status, said)) if status.is_success() => {
                say!("{}", said.trim_end());
                return Ok(Exit::Done);
            }
            Ok((_, said)) => said.trim_end().to_owned(),
            Err(error) => format!("asking the daemon at http://{address}{path}: {}", chain(error.as_ref())),
        };
        eprintln!("error: {problem}");
        Ok(Exit::Failed)
    }
}

/// Where a listener is reached from this machine: one on every address, on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, address.to_string()).body(Body::empty())?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = to_bytes(Body::new(response.into_body()), ANSWER_LIMIT).await?;
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    // The connection moves the bytes of both, and may end with the answer.
    let connection = async {
        drop(connection.await);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answered = answered => answered,
        () = connection => bail!("the connection ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
