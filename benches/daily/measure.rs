//! Programs run and measured: by the kernel's count, through the little program `measure.c`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::machine::Account;

const MEASURE: &str = include_str!("measure.c");
const FLOOR: &str = include_str!("floor.c");

/// What one run took.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// What counts.
    pub time: Duration,
    /// The whole process, with its start and end.
    pub whole: Duration,
    /// Of the process' processors, not of the server's.
    pub cpu: Duration,
    /// The most memory that the process had.
    pub peak_kb: u64,
    /// What the server's processors spent meanwhile.
    pub server_cpu: Duration,
    /// How far the server's memory rose meanwhile.
    pub server_kb: u64,
    /// The part of the machine's processors that others took meanwhile.
    pub others: f64,
    /// Milliseconds by the program's own clock.
    pub phases: Vec<(String, f64)>,
}

/// The C programs, compiled, and where runs leave their files.
pub struct Tools {
    pub dir: PathBuf,
    measure: PathBuf,
    server: u32,
}

impl Tools {
    /// Compiles what all runs need. The server is a process that works for them.
    pub fn new(dir: &Path, server: u32) -> Outcome<Self> {
        fs::create_dir_all(dir)?;
        let dir = dir.canonicalize()?;
        let measure = compile(&dir, "measure", MEASURE, &[])?;
        Ok(Self { dir, measure, server })
    }

    /// Compiles the floor.
    pub fn floor(&self) -> Outcome<PathBuf> {
        let missing =
            "libmariadb-dev is missing: apt-get install libmariadb-dev, or leave the floor out by --only";
        let found = [
            ("mariadb_config", &["--cflags", "--libs"][..]),
            ("pkg-config", &["--cflags", "--libs", "libmariadb"]),
        ]
        .into_iter()
        .find_map(|(program, arguments)| Command::new(program).args(arguments).output().ok())
        .filter(|output| output.status.success())
        .ok_or(missing)?;
        let flags = String::from_utf8(found.stdout)?;
        compile(&self.dir, "floor", FLOOR, &flags.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs a command to its end; what it printed and what it took. `input` becomes its standard input.
    pub fn run(&self, command: &Command, input: Option<&Path>) -> Outcome<(String, Sample)> {
        let name = command.get_program().to_string_lossy().into_owned();
        let report = self.dir.join("measured");
        let mut measured = Command::new(&self.measure);
        measured.arg(&report).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => measured.env(key, value),
                None => measured.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            measured.current_dir(dir);
        }
        measured.stdin(match input {
            Some(path) => File::open(path)?.into(),
            None => Stdio::null(),
        });
        let (account, watch) = (Account::open(self.server)?, Watch::start(self.server)?);
        let output = measured.output()?;
        let (printed, complaints) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            return Err(format!("{name} failed, {}:\n{printed}{complaints}", output.status).into());
        }
        let report = fs::read_to_string(report)?;
        let numbers = report.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [clock, cpu, peak_kb] = numbers[..] else { return Err("measure gave no three numbers".into()) };
        let whole = Duration::from_nanos(clock);
        let cpu = Duration::from_micros(cpu);
        let (server_cpu, others) = account.close(whole, cpu)?;
        let server_kb = watch.rise()?;
        let sample =
            Sample { time: whole, whole, cpu, peak_kb, server_cpu, server_kb, others, phases: vec![] };
        Ok((printed.into_owned(), sample))
    }
}

fn compile(dir: &Path, name: &str, source: &str, flags: &[&str]) -> Outcome<PathBuf> {
    let (file, program) = (dir.join(format!("{name}.c")), dir.join(name));
    fs::write(&file, source)?;
    let mut command = Command::new("cc");
    command.args(["-O2", "-pthread", "-o"]).arg(&program).arg(&file).args(flags);
    let output = command.output().map_err(|_| "cc is missing: run 'tests/servers install'")?;
    if !output.status.success() {
        return Err(format!("{name}.c: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(program)
}

/// How far a process' memory rises while something else runs.
struct Watch {
    pid: u32,
    before: u64,
}

impl Watch {
    /// Forgets the highest mark so far.
    fn start(pid: u32) -> Outcome<Self> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        Ok(Self { pid, before: status(pid, "VmRSS:")? })
    }

    /// Kilobytes.
    fn rise(&self) -> Outcome<u64> {
        Ok(status(self.pid, "VmHWM:")?.saturating_sub(self.before))
    }
}

fn status(pid: u32, field: &str) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    Ok(value.ok_or_else(|| format!("no {field} of process {pid}"))?.parse()?)
}
