//! A server of a test's own, for tests that kill it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{proxy, succeed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MariaDb,
    MySql,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }
}

/// A running server, or a killed one. It ends with the test.
pub struct Server {
    kind: Kind,
    dir: TempDir,
    url: String,
}

impl Server {
    /// A server with a new, empty database. Its port is its own and stays.
    pub fn start(kind: Kind) -> Self {
        let dir = TempDir::new().unwrap();
        let url = run("start", Some(kind), dir.path());
        Self { kind, dir, url }
    }

    /// Whether there is a MySQL to start; `tests/run` says loudly when there is none.
    pub fn mysql_available() -> bool {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let there = std::env::var_os("REWARDD_MYSQL_ROOT")
            .is_some_and(|root| repository.join(root).join("usr/sbin/mysqld").exists());
        if !there {
            eprintln!("NOT RUN on MySQL: REWARDD_MYSQL_ROOT is not set, or holds no server");
        }
        there
    }

    /// The server without a database: `mysql://user:password@127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn address(&self) -> SocketAddr {
        proxy::address(&self.url)
    }

    /// Kills it with SIGKILL, and returns when it is gone.
    pub fn kill(&self) {
        run("kill", None, self.dir.path());
    }

    /// Starts it again on its data and its port, and returns when it answers. One that runs is left alone.
    pub fn restart(&self) {
        assert_eq!(run("start", Some(self.kind), self.dir.path()), self.url);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A panic here would hide the one of the test; what is left behind, tests/run ends.
        let stopped = script("stop", None, self.dir.path()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = script("kill", None, self.dir.path()).status();
        }
    }
}

/// The command of tests/servers, see there.
fn script(action: &str, kind: Option<Kind>, dir: &Path) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers"));
    command.arg(action).args(kind.map(Kind::name)).arg(dir);
    command
}

fn run(action: &str, kind: Option<Kind>, dir: &Path) -> String {
    succeed(&mut script(action, kind, dir)).trim_end().to_owned()
}

mod tests {
    use std::io::Read;
    use std::net::TcpStream;

    use super::*;
    use crate::support::proxy::{Fault, Proxy};

    /// The version in the greeting of a server: 4 bytes of header, the protocol's 10, a text up to a zero.
    fn version(mut stream: TcpStream) -> Option<String> {
        let mut greeting = [0; 64];
        stream.read_exact(&mut greeting).ok()?;
        assert_eq!(greeting[4], 10);
        let text = greeting[5..].split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn comes_back_on_its_port(kind: Kind) {
        let server = Server::start(kind);
        let before = version(TcpStream::connect(server.address()).unwrap()).unwrap();
        let data = server.dir.path().join("data");
        server.kill();
        assert!(TcpStream::connect(server.address()).is_err(), "it is gone");
        server.restart();
        assert_eq!(version(TcpStream::connect(server.address()).unwrap()).unwrap(), before);

        let proxy = Proxy::start(server.address());
        let through = || TcpStream::connect(proxy::address(&proxy.url(server.url()))).unwrap();
        assert_eq!(version(through()), Some(before));
        proxy.set(Fault::Truncate { bytes: 20 });
        assert_eq!(version(through()), None, "the greeting is cut short");
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err() && !data.exists(), "nothing stays behind");
    }

    #[test]
    fn mariadb_comes_back_on_its_port() {
        comes_back_on_its_port(Kind::MariaDb);
    }

    #[test]
    fn mysql_comes_back_on_its_port() {
        if Server::mysql_available() {
            comes_back_on_its_port(Kind::MySql);
        }
    }
}
