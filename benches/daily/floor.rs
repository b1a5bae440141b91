//! The floor: what the database alone takes to give the votes away and to take the rewards in.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::data::{self, RESULT_TABLE, votes_database};
use crate::generate::{DAY, NEXT_DAY};
use crate::measure::Sample;
use crate::{Bench, Outcome, REFERENCE};

/// The rows that count as the floor.
pub const FLOOR: &str = "floor: read by 2, write";
const RESULT: &str = "bench_floor";

/// See the module.
pub struct Floor {
    program: PathBuf,
    /// The day's begin, the instant that halves its votes, its end.
    bounds: [String; 3],
    /// The rows that rewardd wrote, as a file.
    rows: PathBuf,
}

impl Floor {
    /// Dumps the reference result, which has to be there.
    pub fn new(bench: &Bench) -> Outcome<Self> {
        let (server, database) = (&bench.server, votes_database(bench.size));
        let half = format!(
            "SELECT voted_at FROM votes WHERE voted_at >= '{DAY}' ORDER BY voted_at LIMIT 1 OFFSET {}",
            bench.size.votes / 2
        );
        let half = server.sql(&database, &half)?.trim().to_owned();
        let rows = bench.tools.dir.join("rewards.tsv");
        fs::write(
            &rows,
            server.sql(REFERENCE, &format!("SELECT * FROM {RESULT_TABLE} ORDER BY partner_id"))?,
        )?;
        Ok(Self { program: bench.tools.floor()?, bounds: [DAY.to_owned(), half, NEXT_DAY.to_owned()], rows })
    }

    /// Reads by one and by two connections, then writes into the empty table and again over its rows.
    pub fn run(&self, bench: &Bench) -> Outcome<Vec<(String, Sample)>> {
        let [begin, half, end] = &self.bounds;
        let votes = votes_database(bench.size);
        let one = self.measure(bench, "read", &votes, &[begin, end])?;
        let two = self.measure(bench, "read", &votes, &[begin, half, end])?;
        data::fresh(&bench.server, RESULT, &[RESULT_TABLE])?;
        data::settle(&bench.server)?;
        let rows = self.rows.to_string_lossy().into_owned();
        let write = self.measure(bench, "write", RESULT, &[RESULT_TABLE, &rows, "keep"])?;
        data::compare(&bench.server, REFERENCE, RESULT)?;
        data::settle(&bench.server)?;
        let replace = self.measure(bench, "write", RESULT, &[RESULT_TABLE, &rows, "replace"])?;
        let floor = Sample {
            time: two.time + write.time,
            whole: two.whole + write.whole,
            cpu: two.cpu + write.cpu,
            peak_kb: two.peak_kb.max(write.peak_kb),
            server_cpu: two.server_cpu + write.server_cpu,
            server_kb: two.server_kb.max(write.server_kb),
            others: two.others.max(write.others),
            phases: vec![],
        };
        let named = [
            ("read by 1 connection", one),
            ("read by 2 connections", two),
            ("LOAD DATA", write),
            ("LOAD DATA REPLACE over the same rows", replace),
            (FLOOR, floor),
        ];
        Ok(named.map(|(name, sample)| (name.to_owned(), sample)).into())
    }

    fn measure(&self, bench: &Bench, job: &str, database: &str, arguments: &[&str]) -> Outcome<Sample> {
        let mut command = Command::new(&self.program);
        command.arg(job).args(bench.server.address()).arg(database).args(arguments);
        let (printed, mut sample) = bench.tools.run(&command, None)?;
        let numbers = printed.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [rows, nanoseconds] = numbers[..] else { return Err("floor gave no two numbers".into()) };
        if job == "read" && rows != bench.size.votes {
            return Err(format!("floor read {rows} of {} votes", bench.size.votes).into());
        }
        sample.time = Duration::from_nanos(nanoseconds);
        Ok(sample)
    }
}
