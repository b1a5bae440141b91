//! The machine's processors: who uses them. What others do on the machine spoils a figure, so it is measured too.

use std::fs;
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use crate::Outcome;

/// The unit of the kernel's counts, the same on every Linux that this may run on.
const TICK: Duration = Duration::from_millis(10);
/// The largest part of the processors that others may use without disturbing a run.
pub const DISTURBED: f64 = 0.05;
const LOOK: Duration = Duration::from_secs(1);

/// Time that the processors spent on anything, or that another machine on the same host took from them.
fn busy() -> Outcome<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let counts = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    // user nice system idle iowait irq softirq steal; what follows is counted in those.
    let counts = counts.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    let [user, nice, system, _, _, irq, softirq, steal, ..] = counts[..] else {
        return Err("no counts in /proc/stat".into());
    };
    Ok(TICK * (user + nice + system + irq + softirq + steal))
}

/// Time that a process has spent so far.
fn spent(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which may hold anything, user time is the 12th field and system time the 13th.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let mut sum = 0;
    for field in fields {
        sum += field.parse::<u32>()?;
    }
    Ok(TICK * sum)
}

/// From its start on, who spends what.
pub struct Account {
    server: u32,
    server_spent: Duration,
    busy: Duration,
}

impl Account {
    pub fn open(server: u32) -> Outcome<Self> {
        Ok(Self { server, server_spent: spent(server)?, busy: busy()? })
    }

    /// What the server has spent, and the part of all processors' time that others have taken. `clock` has passed,
    /// and the measured process has spent `own`.
    pub fn close(&self, clock: Duration, own: Duration) -> Outcome<(Duration, f64)> {
        let server = spent(self.server)?.saturating_sub(self.server_spent);
        let others = busy()?.saturating_sub(self.busy).saturating_sub(server + own);
        let all = clock.max(TICK) * u32::try_from(available_parallelism()?.get())?;
        Ok((server, others.div_duration_f64(all)))
    }
}

/// Waits until nobody uses the processors, at most so long; how long it took.
pub fn wait_for_quiet(server: u32, patience: Duration) -> Outcome<Duration> {
    let mut waited = Duration::ZERO;
    while waited < patience {
        let account = Account::open(server)?;
        sleep(LOOK);
        waited += LOOK;
        let (server, others) = account.close(LOOK, Duration::ZERO)?;
        if others < DISTURBED && server.div_duration_f64(LOOK) < DISTURBED {
            break;
        }
    }
    Ok(waited)
}

/// Cores, model and memory, in words.
pub fn describe() -> Outcome<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    Ok(format!(
        "{} cores ({}), {} MB",
        available_parallelism()?,
        model.unwrap_or("unknown").trim(),
        memory.unwrap_or_default() / 1024,
    ))
}
