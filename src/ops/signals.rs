//! Signals, on a thread of their own.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// What an operator asks of the running daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
    /// SIGUSR1.
    Status,
}

/// Exit code of a process that a second SIGTERM or SIGINT has ended at once.
const ENDED_AT_ONCE: i32 = 130;

/// Listens to signals for the rest of the process's life. The second request to stop ends the process there and then:
/// whatever was open in a database is rolled back by it.
///
/// # Errors
/// Where the handlers cannot be set.
pub fn listen() -> std::io::Result<mpsc::UnboundedReceiver<Request>> {
    let (send, receive) = mpsc::unbounded_channel();
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut stops = 0;
        for signal in signals.forever() {
            let request = match signal {
                SIGHUP => Request::Reload,
                SIGUSR1 => Request::Status,
                _ => {
                    stops += 1;
                    Request::Stop
                }
            };
            if stops > 1 {
                std::process::exit(ENDED_AT_ONCE);
            }
            // A daemon that has stopped listening is on its way out.
            let _ = send.send(request);
        }
    })?;
    Ok(receive)
}
