//! A TCP proxy between the program and a server that fails as told, at a byte and not at a time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the proxy does. It takes effect at once, on connections that are open too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Forwards everything.
    Pass,
    /// Accepts new connections and closes them at once. Those that are open go on; see [`Proxy::hang_up`].
    Refuse,
    /// Forwards this many bytes more, of both directions and all connections together, then closes both
    /// sides of the connection that carried the last one. With 0 the next byte does it, and is lost.
    /// Once done the proxy is back at `Pass`.
    CutAfter { bytes: u64 },
    /// The same, but counts what the server answers; what the client sends goes through. With 0 the server
    /// does all it is asked, and nobody hears of it.
    Truncate { bytes: u64 },
    /// Forwards nothing and keeps connections open. What came meanwhile goes on in the next mode.
    Stall,
}

/// What has happened since the proxy was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted, refused ones too.
    pub connections: u64,
    /// Connections closed by `CutAfter` and `Truncate`.
    pub cuts: u64,
    /// Directions in which `Stall` is holding something back now.
    pub held: u64,
}

pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy on a port of its own, at `Pass`. The server need not be there yet.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { fault: Fault::Pass, counts: Counts::default(), ending: false, open: vec![] };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener, upstream)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a server, led through the proxy: user, password, database and parameters stay.
    pub fn url(&self, server: &str) -> String {
        let host = host(server);
        let start = host.as_ptr().addr() - server.as_ptr().addr();
        format!("{}{}{}", &server[..start], self.address, &server[start + host.len()..])
    }

    /// Changes what the proxy does. Bytes count from here.
    pub fn set(&self, fault: Fault) {
        self.shared.state().fault = fault;
        self.shared.changed.notify_all();
    }

    /// The present mode, with the bytes that are left of it.
    pub fn fault(&self) -> Fault {
        self.shared.state().fault
    }

    /// Closes both sides of all connections that are open.
    pub fn hang_up(&self) {
        self.shared.close_all(&mut self.shared.state());
    }

    pub fn counts(&self) -> Counts {
        self.shared.state().counts
    }

    /// Waits until the counts are as a test wants them, so that it need not sleep.
    pub fn wait_until(&self, reached: impl Fn(&Counts) -> bool) {
        let patience = Duration::from_secs(60);
        let not_yet = |state: &mut State| !reached(&state.counts);
        let wait = self.shared.changed.wait_timeout_while(self.shared.state(), patience, not_yet);
        let (state, result) = wait.unwrap();
        assert!(!result.timed_out(), "the proxy still counts {:?}", state.counts);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.ending = true;
            self.shared.close_all(&mut state);
        }
        // The acceptor sees the end when it next accepts something.
        drop(TcpStream::connect(self.address));
        let ended = self.acceptor.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "a thread of the proxy panicked");
    }
}

/// The address of the server in a URL.
pub fn address(server: &str) -> SocketAddr {
    host(server).to_socket_addrs().unwrap().next().unwrap()
}

/// The `host:port` of a URL.
fn host(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

struct Connection {
    client: TcpStream,
    upstream: TcpStream,
    /// Set under the lock of the state: from then on nothing is forwarded but what was allowed before.
    closed: AtomicBool,
}

impl Connection {
    fn shut(&self) {
        // An error tells that this side is closed already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.upstream.shutdown(Shutdown::Both);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Question,
    Answer,
}

struct State {
    fault: Fault,
    counts: Counts,
    ending: bool,
    open: Vec<Weak<Connection>>,
}

/// How much of a read may go on, and whether the connection ends with it.
struct Verdict {
    bytes: usize,
    cut: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn close_all(&self, state: &mut State) {
        for connection in state.open.drain(..).filter_map(|open| open.upgrade()) {
            connection.closed.store(true, Ordering::Relaxed);
            connection.shut();
        }
        self.changed.notify_all();
    }

    /// Accepts until the end, then waits for the threads of all connections.
    fn accept(self: &Arc<Self>, listener: &TcpListener, upstream: SocketAddr) {
        let mut pumps = vec![];
        loop {
            let (client, _) = listener.accept().unwrap();
            let refuse = {
                let mut state = self.state();
                if state.ending {
                    break;
                }
                state.counts.connections += 1;
                state.fault == Fault::Refuse
            };
            self.changed.notify_all();
            if refuse {
                continue;
            }
            // A server that is not there looks like one that hangs up.
            let Ok(upstream) = TcpStream::connect(upstream) else { continue };
            client.set_nodelay(true).unwrap();
            upstream.set_nodelay(true).unwrap();
            let connection = Arc::new(Connection { client, upstream, closed: AtomicBool::new(false) });
            let mut state = self.state();
            if state.ending {
                break;
            }
            state.open.retain(|open| open.strong_count() > 0);
            state.open.push(Arc::downgrade(&connection));
            drop(state);
            for direction in [Direction::Question, Direction::Answer] {
                let (shared, connection) = (Arc::clone(self), Arc::clone(&connection));
                pumps.push(thread::spawn(move || shared.pump(&connection, direction)));
            }
        }
        for pump in pumps {
            pump.join().unwrap();
        }
    }

    fn pump(&self, connection: &Connection, direction: Direction) {
        if self.forward(connection, direction).is_err() {
            connection.shut();
        }
    }

    /// Forwards one direction until its end.
    fn forward(&self, connection: &Connection, direction: Direction) -> io::Result<()> {
        let (mut from, mut to) = match direction {
            Direction::Question => (&connection.client, &connection.upstream),
            Direction::Answer => (&connection.upstream, &connection.client),
        };
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer)?;
            let Some(verdict) = self.judge(connection, direction, read) else { return Ok(()) };
            to.write_all(&buffer[..verdict.bytes])?;
            if verdict.cut {
                connection.shut();
                self.state().counts.cuts += 1;
                self.changed.notify_all();
                return Ok(());
            }
            if read == 0 {
                return to.shutdown(Shutdown::Write);
            }
        }
    }

    /// Decides on `read` bytes, of which none is the end of the stream; waits while stalled. None once the
    /// connection is closed.
    fn judge(&self, connection: &Connection, direction: Direction, read: usize) -> Option<Verdict> {
        let closed = || connection.closed.load(Ordering::Relaxed);
        let mut state = self.state();
        if state.fault == Fault::Stall && !closed() {
            state.counts.held += 1;
            self.changed.notify_all();
            state = self.changed.wait_while(state, |state| state.fault == Fault::Stall && !closed()).unwrap();
            state.counts.held -= 1;
            self.changed.notify_all();
        }
        if closed() {
            return None;
        }
        let left = match &mut state.fault {
            Fault::CutAfter { bytes } => bytes,
            Fault::Truncate { bytes } if direction == Direction::Answer => bytes,
            _ => return Some(Verdict { bytes: read, cut: false }),
        };
        let bytes = usize::try_from(*left).map_or(read, |left| left.min(read));
        *left -= bytes as u64;
        let cut = *left == 0 && read > 0;
        if cut {
            state.fault = Fault::Pass;
            connection.closed.store(true, Ordering::Relaxed);
        }
        Some(Verdict { bytes, cut })
    }
}

mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A server that says everything back, and gives what it heard of a connection when that ends.
    fn echo() -> (SocketAddr, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, heard) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, ended) = (stream.unwrap(), ended.clone());
                thread::spawn(move || {
                    let (mut buffer, mut all) = ([0; 1024], vec![]);
                    while let Ok(read @ 1..) = stream.read(&mut buffer) {
                        all.extend(&buffer[..read]);
                        // Who hung up is noticed by the next read.
                        let _ = stream.write_all(&buffer[..read]);
                    }
                    // The test need not listen any more.
                    let _ = ended.send(String::from_utf8(all).unwrap());
                });
            }
        });
        (address, heard)
    }

    fn connect(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port())).unwrap()
    }

    /// Sends a text and reads back as much.
    fn talk(stream: &mut TcpStream, text: &str) -> String {
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Everything until the proxy closes; that may be a reset.
    fn rest(stream: &mut TcpStream) -> String {
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn passes_both_ways_and_the_end_too() {
        let proxy = Proxy::start(echo().0);
        let mut stream = connect(&proxy);
        assert_eq!(talk(&mut stream, "hello"), "hello");
        stream.write_all(b"bye").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&mut stream), "bye");
        assert_eq!(proxy.counts(), Counts { connections: 1, cuts: 0, held: 0 });
    }

    #[test]
    fn refuses_new_connections_and_keeps_old_ones() {
        let proxy = Proxy::start(echo().0);
        let mut old = connect(&proxy);
        assert_eq!(talk(&mut old, "a"), "a");
        proxy.set(Fault::Refuse);
        assert_eq!(rest(&mut connect(&proxy)), "");
        assert_eq!(talk(&mut old, "b"), "b");
        proxy.hang_up();
        assert_eq!(rest(&mut old), "");
        proxy.set(Fault::Pass);
        assert_eq!(talk(&mut connect(&proxy), "c"), "c");
        assert_eq!(proxy.counts().connections, 3);
    }

    #[test]
    fn cuts_a_statement_or_its_answer_at_the_byte() {
        for (bytes, asked, answered) in
            [(0, "", ""), (3, "sel", ""), (6, "select", ""), (8, "select", "se"), (12, "select", "select")]
        {
            let (address, heard) = echo();
            let proxy = Proxy::start(address);
            let mut stream = connect(&proxy);
            assert_eq!(talk(&mut stream, "."), ".");
            proxy.set(Fault::CutAfter { bytes });
            stream.write_all(b"select").unwrap();
            assert_eq!(rest(&mut stream), answered, "{bytes}");
            assert_eq!(heard.recv().unwrap(), format!(".{asked}"), "{bytes}");
            proxy.wait_until(|counts| counts.cuts == 1);
            assert_eq!(proxy.fault(), Fault::Pass);
            assert_eq!(talk(&mut connect(&proxy), "!"), "!", "the next connection is well");
        }
    }

    #[test]
    fn truncates_answers_only() {
        for (bytes, answered) in [(0, ""), (4, "comm"), (6, "commit")] {
            let (address, heard) = echo();
            let proxy = Proxy::start(address);
            let mut stream = connect(&proxy);
            proxy.set(Fault::Truncate { bytes });
            stream.write_all(b"commit").unwrap();
            assert_eq!(rest(&mut stream), answered);
            assert_eq!(heard.recv().unwrap(), "commit", "the server did it");
            proxy.wait_until(|counts| counts.cuts == 1);
        }
    }

    #[test]
    fn counts_over_all_connections() {
        let proxy = Proxy::start(echo().0);
        let (mut one, mut two) = (connect(&proxy), connect(&proxy));
        proxy.set(Fault::CutAfter { bytes: 5 });
        assert_eq!(talk(&mut one, "aa"), "aa");
        assert_eq!(proxy.fault(), Fault::CutAfter { bytes: 1 });
        two.write_all(b"b").unwrap();
        assert_eq!(rest(&mut two), "");
        assert_eq!(talk(&mut one, "cc"), "cc");
    }

    #[test]
    fn stalls_and_loses_nothing() {
        let proxy = Proxy::start(echo().0);
        let mut stream = connect(&proxy);
        assert_eq!(talk(&mut stream, "a"), "a");
        proxy.set(Fault::Stall);
        stream.write_all(b"later").unwrap();
        proxy.wait_until(|counts| counts.held == 1);
        stream.set_nonblocking(true).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        proxy.set(Fault::Truncate { bytes: 2 });
        assert_eq!(rest(&mut stream), "la");
        assert_eq!(proxy.counts().held, 0);
    }

    #[test]
    fn ends_with_all_its_connections_in_every_mode() {
        for fault in [Fault::Pass, Fault::Refuse, Fault::Stall, Fault::CutAfter { bytes: 100 }] {
            let proxy = Proxy::start(echo().0);
            let mut stream = connect(&proxy);
            assert_eq!(talk(&mut stream, "a"), "a");
            proxy.set(fault);
            let shared = Arc::clone(&proxy.shared);
            if fault == Fault::Stall {
                stream.write_all(b"held").unwrap();
                proxy.wait_until(|counts| counts.held == 1);
            }
            drop(proxy);
            assert_eq!(rest(&mut stream), "");
            assert_eq!(Arc::strong_count(&shared), 1, "no thread is left");
        }
    }

    #[test]
    fn leads_a_url_through() {
        let proxy = Proxy::start(address("mysql://127.0.0.1:3306"));
        let port = proxy.port();
        let url = proxy.url("mysql://user:p%40ss@127.0.0.1:3306/rewards?ssl-mode=disabled");
        assert_eq!(url, format!("mysql://user:p%40ss@127.0.0.1:{port}/rewards?ssl-mode=disabled"));
        assert_eq!(proxy.url("mysql://localhost:1"), format!("mysql://127.0.0.1:{port}"));
    }
}
