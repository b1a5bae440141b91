//! A private MariaDB of the benchmark's own, and its command line client.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::Outcome;

const USER: &str = "rewardd";
const PASSWORD: &str = "rewardd-test";
/// Where Debian keeps servers; not on the path of a plain user.
const SERVER_PATHS: &str = "/usr/sbin:/sbin";
const TICK: Duration = Duration::from_millis(100);
/// How often [`TICK`] a server may take to start, or to be gone.
const PATIENCE: u32 = 1_800;

/// What makes the server fit for a benchmark: everything fits in memory, commits are honest, nothing else runs.
const SETTINGS: [&str; 16] = [
    "--innodb-log-file-size=2G",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-io-capacity=20000",
    "--innodb-io-capacity-max=40000",
    "--innodb-sort-buffer-size=64M",
    "--tmp-table-size=1G",
    "--max-heap-table-size=1G",
    "--skip-log-bin",
    "--local-infile=ON",
    "--performance-schema=OFF",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-allowed-packet=256M",
];

/// A running server. It ends with this value, unless it is [left running](Server::leave).
pub struct Server {
    dir: PathBuf,
    port: u16,
    pid: u32,
    stop_on_drop: bool,
}

impl Server {
    /// Starts a server on the folder, which is made when new. One that a run left behind there is ended first.
    pub fn start(dir: &Path) -> Outcome<Server> {
        for program in ["mariadbd", "mariadb-install-db", "mariadb"] {
            let mut probe = tool(program);
            if probe.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
                return Err(format!("{program} is missing: run 'tests/servers install'").into());
            }
        }
        fs::create_dir_all(dir.join("tmp"))?;
        let dir = dir.canonicalize()?;
        end(&dir)?;
        if !dir.join("data").exists() {
            initialise(&dir)?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let init = format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        );
        fs::write(dir.join("init.sql"), init)?;
        let log = OpenOptions::new().create(true).append(true).open(dir.join("log"))?;
        let mut command = tool("mariadbd");
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", dir.join("data").display()))
            .arg(format!("--tmpdir={}", dir.join("tmp").display()))
            .arg(format!("--init-file={}", dir.join("init.sql").display()))
            .args(as_user()?)
            .args(["--bind-address=127.0.0.1", "--socket=mysqld.sock"])
            .args([format!("--port={port}"), buffer_pool()?])
            .args(SETTINGS)
            .process_group(0) // the terminal's Ctrl-C ends the benchmark; the next run ends the server
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut child = command.spawn()?;
        let server = Server { pid: child.id(), dir, port, stop_on_drop: true };
        fs::write(server.dir.join("pid"), server.pid.to_string())?;
        fs::write(server.dir.join("url"), server.url())?;
        let ours = format!("{}/\n", server.dir.join("data").display());
        for _ in 0..PATIENCE {
            if server.sql("", "SELECT @@datadir").is_ok_and(|found| found == ours) {
                return Ok(server);
            }
            if child.try_wait()?.is_some() {
                break;
            }
            sleep(TICK);
        }
        Err(format!("MariaDB does not start; see {}", server.dir.join("log").display()).into())
    }

    /// Where clients connect, without a database.
    pub fn url(&self) -> String {
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Host, port, user and password, as the C programs take them.
    pub fn address(&self) -> [String; 4] {
        ["127.0.0.1".into(), self.port.to_string(), USER.into(), PASSWORD.into()]
    }

    /// Lets the server go on after the benchmark.
    pub fn leave(mut self) {
        self.stop_on_drop = false;
    }

    /// What the server is and how it was started, for the report.
    pub fn describe(&self) -> Outcome<String> {
        let version = self.sql("", "SELECT VERSION()")?;
        let settings = SETTINGS.map(|setting| setting.trim_start_matches("--"));
        let pool = buffer_pool()?;
        Ok(format!("MariaDB {}: {} {}", version.trim(), pool.trim_start_matches("--"), settings.join(" ")))
    }

    /// The command line client, connected to a database (or to none where its name is empty).
    pub fn client(&self, database: &str) -> Command {
        let mut command = tool("mariadb");
        command
            .args(["--no-defaults", "-h", "127.0.0.1", "-P", &self.port.to_string(), "-u", USER])
            .args(["--local-infile=1", "--default-character-set=utf8mb4", "-BN"])
            .env("MYSQL_PWD", PASSWORD);
        if !database.is_empty() {
            command.args(["-D", database]);
        }
        command
    }

    /// Runs statements and returns the rows they give, tab separated.
    pub fn sql(&self, database: &str, statements: &str) -> Outcome<String> {
        let output = self.client(database).args(["-e", statements]).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("{}: {statements}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `LOAD DATA` of what `write` writes, which is streamed: nothing is kept on disk but the table.
    pub fn load(
        &self,
        database: &str,
        table: &str,
        write: impl FnOnce(&mut BufWriter<std::process::ChildStdin>) -> std::io::Result<()>,
    ) -> Outcome<()> {
        // Without these checks an empty table is filled in bulk, its index built by a sort.
        let statement = format!(
            "SET unique_checks = 0, foreign_key_checks = 0; LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table}"
        );
        let mut client = self.client(database).args(["-e", &statement]).stdin(Stdio::piped()).spawn()?;
        let written = client.stdin.take().ok_or("the client has no input").map(|input| {
            let mut input = BufWriter::with_capacity(1 << 20, input);
            write(&mut input).and_then(|()| input.flush())
        })?;
        if !client.wait()?.success() {
            return Err(format!("loading {database}.{table} failed").into());
        }
        Ok(written?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop_on_drop
            && let Err(error) = end(&self.dir)
        {
            eprintln!("{error}");
        }
    }
}

fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:{SERVER_PATHS}", std::env::var("PATH").unwrap_or_default()));
    command
}

/// Both the server and what makes its folder refuse to be run by root unless told.
fn as_user() -> Outcome<Option<&'static str>> {
    Ok((fs::metadata("/proc/self")?.uid() == 0).then_some("--user=root"))
}

/// 6 GB, which holds the largest day's index, or half of a smaller machine's memory.
fn buffer_pool() -> Outcome<String> {
    let info = fs::read_to_string("/proc/meminfo")?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let total: u64 = total.ok_or("no MemTotal in /proc/meminfo")?.trim().parse()?;
    Ok(format!("--innodb-buffer-pool-size={}M", (total / 1024 / 2).min(6 * 1024)))
}

/// Made aside and renamed, so that a start cut short leaves no half of a database.
fn initialise(dir: &Path) -> Outcome<()> {
    let _ = fs::remove_dir_all(dir.join("new"));
    let log = OpenOptions::new().create(true).append(true).open(dir.join("log"))?;
    // From within, by a bare name: mariadb-install-db does not bear a path with a space in it.
    let status = tool("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-name-resolve", "--force"])
        .args(["--skip-test-db", "--datadir=./new"])
        .args(as_user()?)
        .current_dir(dir)
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()?;
    if !status.success() {
        return Err(format!("no data folder could be made; see {}", dir.join("log").display()).into());
    }
    Ok(fs::rename(dir.join("new"), dir.join("data"))?)
}

/// Ends the server that runs on the folder, if one does.
fn end(dir: &Path) -> Outcome<()> {
    let Ok(pid) = fs::read_to_string(dir.join("pid")) else { return Ok(()) };
    let ours = format!("--datadir={}", dir.join("data").display());
    let runs = || {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split('\0').any(|argument| argument == ours))
    };
    if runs() {
        Command::new("kill").arg(&pid).status()?;
        for _ in 0..PATIENCE {
            if !runs() {
                break;
            }
            sleep(TICK);
        }
        if runs() {
            return Err(format!("the server {pid} in {} does not end", dir.display()).into());
        }
    }
    Ok(fs::remove_file(dir.join("pid"))?)
}
