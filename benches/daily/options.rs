//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Outcome;
use crate::generate::{SIZES, Size};

pub const USAGE: &str = "\
The daily benchmark: how long one day's run takes, beside what others need for the same day.

  cargo bench --bench daily -- [OPTION...]

  --size S|M|XL     1 million votes (the default), 10 million, 50 million
  --rounds N        measured rounds after the one that warms up; medians are shown [5, with --growth 3]
  --only NAME,...   of floor, rewardd, sql, polars_common, polars_tuned, polars_best, pandas_common
  --patience N      before each run, waits up to N seconds for a machine that does nothing else; a run that others
                    disturbed is repeated while the N seconds last [0]
  --seed N          other votes [1]
  --alarms          rewardd once more, as rewardd_alarms: with an alarm of every rule about partners, none of which the
                    day raises
  --growth          rewardd and the floor at all sizes instead; writes benches/growth.svg
  --serve           only makes the votes and leaves the server running, for trials
  --keep DIR        keeps the databases in DIR [target/bench-daily]
  --rewardd PATH    measures this program instead of the one just built

It needs MariaDB and a C compiler ('tests/servers install'), libmariadb-dev for the floor, and python3-venv for
the peers in Python.
";

/// Whom `--only` may name.
const CONTESTANTS: [&str; 7] =
    ["floor", "rewardd", "sql", "polars_common", "polars_tuned", "polars_best", "pandas_common"];

/// What to measure.
#[derive(Clone)]
pub struct Options {
    pub size: Size,
    pub rounds: usize,
    /// All where empty.
    pub only: Vec<String>,
    pub patience: Duration,
    pub seed: u64,
    pub alarms: bool,
    pub growth: bool,
    pub serve: bool,
    pub keep: Option<PathBuf>,
    pub rewardd: Option<PathBuf>,
}

impl Options {
    /// None: only help was asked for.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Outcome<Option<Self>> {
        let mut options = Self {
            size: SIZES[0],
            rounds: 0,
            only: vec![],
            patience: Duration::ZERO,
            seed: 1,
            alarms: false,
            growth: false,
            serve: false,
            keep: None,
            rewardd: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, glued) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let mut value =
                || glued.clone().or_else(|| arguments.next()).ok_or(format!("{name} takes a value"));
            match name.as_str() {
                "--size" => options.size = size(&value()?)?,
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only = names(&value()?)?,
                "--patience" => options.patience = Duration::from_secs(value()?.parse()?),
                "--seed" => options.seed = value()?.parse()?,
                "--alarms" => options.alarms = true,
                "--growth" => options.growth = true,
                "--serve" => options.serve = true,
                "--keep" => options.keep = Some(value()?.into()),
                "--rewardd" => options.rewardd = Some(value()?.into()),
                "--bench" => {} // said by cargo
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{name} is not known; see --help").into()),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.growth { 3 } else { 5 };
        }
        Ok(Some(options))
    }

    pub fn wants(&self, contestant: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == contestant)
    }
}

fn names(list: &str) -> Outcome<Vec<String>> {
    let unknown = list.split(',').find(|name| !CONTESTANTS.contains(name));
    if let Some(name) = unknown {
        return Err(format!("there is no {name}; take of {}", CONTESTANTS.join(", ")).into());
    }
    Ok(list.split(',').map(str::to_owned).collect())
}

fn size(name: &str) -> Outcome<Size> {
    let found = SIZES.into_iter().find(|size| size.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("there is no size {name}; take S, M or XL").into())
}
