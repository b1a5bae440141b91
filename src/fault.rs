//! Points at which tests stop the process the hard way. In a release build there are none.

/// Ends (`kill`) or halts (`stop`) the process at the point that `REWARDD_FAULT` names: `kill@statement:7` is the seventh
/// time that the point `statement` is passed, `any` stands for every point.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::{LazyLock, Mutex};

    use rustix::process::{Signal, getpid, kill_process};

    static WANTED: LazyLock<Option<(Signal, String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("REWARDD_FAULT").ok()?;
        let (signal, place) = text.split_once('@')?;
        let (point, count) = place.split_once(':')?;
        let signal = if signal == "stop" { Signal::STOP } else { Signal::KILL };
        Some((signal, point.to_owned(), count.parse().ok()?))
    });
    static PASSED: Mutex<u64> = Mutex::new(0);

    let Some((signal, wanted, count)) = &*WANTED else { return };
    if name != wanted && wanted != "any" {
        return;
    }
    let mut passed = PASSED.lock().expect("counting does not panic");
    *passed += 1;
    if *passed == *count {
        // The line that a test waits for before it goes on.
        eprintln!("fault at {name}");
        let _ = kill_process(getpid(), *signal);
        if *signal == Signal::STOP {
            // It reaches the threads one after the other, and until then this one would go on.
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

#[cfg(not(debug_assertions))]
pub const fn point(_name: &str) {}
