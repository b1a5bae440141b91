//! What is thought of a SQLite file.

use super::super::facts::{File, WriteLock};
use super::super::{Finding, Uses};

/// Less than this is gone with the next few days of a large programme.
const LITTLE_FREE_BYTES: u64 = 1 << 30;
/// Less than this may not hold a single day's transaction and its journal.
const LEAST_FREE_BYTES: u64 = 100 << 20;

pub(super) fn judge(file: &File, uses: &Uses) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("version", format!("SQLite {}", file.version)), journal(file, uses)];
    findings.push(damage(file));
    findings.extend(file.write_lock.as_ref().map(|lock| match lock {
        Ok(lock) => write_lock(*lock, file),
        Err(why) => Finding::unseen("writable", why),
    }));
    if uses.writes() {
        findings.extend(file.free_bytes.map(|bytes| free_space(bytes, file)));
    }
    findings
}

fn journal(file: &File, uses: &Uses) -> Finding {
    const CHECK: &str = "journal_mode";
    match (file.journal_mode.as_str(), uses.rewards) {
        ("wal", _) => Finding::ok(CHECK, "wal"),
        (mode, true) => Finding::warning(
            CHECK,
            format!("{mode}: who reads and who writes wait for each other"),
            "rewardd migrate makes it wal (every start does this too)",
        ),
        (mode, false) => Finding::warning(
            CHECK,
            format!("{mode}: who reads and who writes wait for each other"),
            format!("sqlite3 '{}' 'PRAGMA journal_mode = WAL'", file.path.display()),
        ),
    }
}

fn damage(file: &File) -> Finding {
    const CHECK: &str = "integrity";
    match file.damage.as_deref() {
        Ok([]) => Finding::ok(CHECK, "quick_check finds nothing wrong"),
        Ok(lines) => Finding::problem(
            CHECK,
            format!("the file is damaged: {}", lines.join("; ").replace('\n', " ")),
            "stop what writes to it, keep a copy, and restore the last good backup",
        ),
        Err(why) => Finding::unseen(CHECK, why),
    }
}

fn write_lock(lock: WriteLock, file: &File) -> Finding {
    const CHECK: &str = "writable";
    let path = file.path.display();
    match lock {
        WriteLock::Free => Finding::ok(CHECK, "yes, the write lock is free"),
        WriteLock::Held => Finding::problem(
            CHECK,
            "no: another process has held the write lock for ten seconds",
            format!("fuser -v '{path}' names it; end its transaction"),
        ),
        WriteLock::Denied => Finding::problem(
            CHECK,
            "no: this user may not write the file or its folder",
            format!("chown both to the daemon's user, or run as that user: ls -la '{path}'"),
        ),
    }
}

fn free_space(bytes: u64, file: &File) -> Finding {
    const CHECK: &str = "free_space";
    let found = match bytes >> 20 {
        megabytes @ 0..10_240 => format!("{megabytes} MB"),
        megabytes => format!("{} GB", megabytes >> 10),
    };
    let advice = format!("make room on the file system of {}", file.path.display());
    match bytes {
        LITTLE_FREE_BYTES.. => Finding::ok(CHECK, found),
        LEAST_FREE_BYTES.. => Finding::warning(CHECK, found, advice),
        _ => Finding::problem(CHECK, found, advice),
    }
}
