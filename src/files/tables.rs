//! The five result tables as CSV files, as `simulate` writes them.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use tempfile::NamedTempFile;

use super::error::{self, FileError};
use crate::rewards::money::Units;
use crate::rewards::plan::{DAILY_COLUMNS, HOURLY_COLUMNS, Plan};
use crate::rewards::window::{Kind, show};

/// Columns of `reward_log.csv`.
const LOG_COLUMNS: [&str; 15] = [
    "reward_type",
    "time",
    "reward_hour",
    "total_reward_cc",
    "votes",
    "voters",
    "cc_total",
    "cc_rate",
    "hourly_share",
    "daily_share",
    "distributed",
    "undistributed",
    "market_bonus",
    "late_cc",
    "ecc_cap",
];

/// One file on its way: it has no name until it is complete, and is gone if it never gets one.
struct TableFile {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl TableFile {
    fn create(dir: &Path, name: &str, columns: &[&str]) -> Result<Self, FileError> {
        let path = dir.join(name);
        // As any new file, which the process's umask narrows; a temporary one would be its owner's only.
        let permissions = Permissions::from_mode(0o666);
        let file =
            tempfile::Builder::new().permissions(permissions).prefix(name).suffix(".part").tempfile_in(dir);
        let out = BufWriter::new(file.map_err(error::io("create", &path))?);
        let mut table = Self { path, out };
        table.write(|out| writeln!(out, "{}", columns.join(",")))?;
        Ok(table)
    }

    fn write(&mut self, rows: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
        rows(&mut self.out).map_err(error::io("write", &self.path))
    }

    /// Brings everything to the disk, still under the temporary name.
    fn close(self) -> Result<(PathBuf, NamedTempFile), FileError> {
        let failed = error::io("write", &self.path);
        let file = self.out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        Ok((self.path, file))
    }
}

/// The tables while runs are added. Nothing has its name before [`Tables::finish`]; dropped before, nothing stays.
pub struct Tables {
    hourly: TableFile,
    daily: TableFile,
    pools: TableFile,
    log: TableFile,
    transfers: TableFile,
}

impl Tables {
    /// Begins the tables in a folder, which is made where there is none.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn create(dir: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(dir).map_err(error::io("create", dir))?;
        let rewards = |amounts: &[&'static str]| [&["partner_id", "position", "time"], amounts].concat();
        Ok(Self {
            hourly: TableFile::create(dir, "reward_list_hourly.csv", &rewards(&HOURLY_COLUMNS))?,
            daily: TableFile::create(dir, "reward_list_daily.csv", &rewards(&DAILY_COLUMNS))?,
            pools: TableFile::create(dir, "reward_pool_state.csv", &["day", "accumulated_daily_pool"])?,
            log: TableFile::create(dir, "reward_log.csv", &LOG_COLUMNS)?,
            transfers: TableFile::create(dir, "cc_hourly.csv", &["partner_id", "cc_reward", "time"])?,
        })
    }

    /// Adds what one run pays. Runs come in their order, which is the order of every table.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn add(&mut self, plan: &Plan) -> Result<(), FileError> {
        let rewards = match plan.window.kind {
            Kind::Hourly => &mut self.hourly,
            Kind::Daily => &mut self.daily,
        };
        rewards.write(|out| write_rewards(out, plan))?;
        self.log.write(|out| write_log(out, plan))?;
        self.transfers.write(|out| write_transfers(out, plan))
    }

    /// Writes the pools as the last run left them, and gives every table its name.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn finish(mut self, pools: &BTreeMap<NaiveDate, Units>) -> Result<(), FileError> {
        self.pools.write(|out| pools.iter().try_for_each(|(day, pool)| writeln!(out, "{day},{pool}")))?;
        let tables = [self.hourly, self.daily, self.pools, self.log, self.transfers];
        // A full disk shows here, before the first of the old tables is replaced.
        let closed = tables.into_iter().map(TableFile::close).collect::<Result<Vec<_>, _>>()?;
        for (path, file) in closed {
            file.persist(&path).map_err(|error| error::io("write", &path)(error.error))?;
        }
        Ok(())
    }
}

fn write_rewards(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let (amounts, time) = (&plan.amounts, show(plan.window.start));
    for (index, tally) in plan.turnout.ranking.iter().enumerate() {
        write!(out, "{},{},{time}", tally.partner_id, index + 1)?;
        for column in amounts {
            write!(out, ",{}", column[index])?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_log(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let (kind, time) = (plan.window.kind, show(plan.window.start));
    let hour = plan.window.hour.map(|hour| hour.to_string()).unwrap_or_default();
    let (votes, voters) = (plan.turnout.votes, plan.turnout.voters());
    // What a day shares is its pool, which is its total; only an hour's total is parted into an hour's and a day's.
    let hourly_share = match kind {
        Kind::Hourly => plan.to_share,
        Kind::Daily => Units::ZERO,
    };
    let late_cc = plan.daily.as_ref().map_or(Units::ZERO, |daily| daily.late_cc);
    let ecc_cap = plan.daily.as_ref().and_then(|daily| daily.ecc_cap);
    let ecc_cap = ecc_cap.map(|cap| cap.to_string()).unwrap_or_default();
    write!(out, "{kind},{time},{hour},{},{votes},{voters}", plan.total)?;
    for amount in [plan.cc_total, plan.rate, hourly_share, plan.daily_share] {
        write!(out, ",{amount}")?;
    }
    for amount in [plan.distributed(), plan.undistributed(), plan.market_bonus(), late_cc] {
        write!(out, ",{amount}")?;
    }
    writeln!(out, ",{ecc_cap}")
}

fn write_transfers(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let row = |out: &mut dyn Write, (partner_id, amount, time)| writeln!(out, "{partner_id},{amount},{time}");
    plan.transfers.iter().try_for_each(|t| row(out, (t.partner_id, t.amount, show(t.time))))
}
