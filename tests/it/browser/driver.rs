//! Chromium, driven by its own driver: WebDriver through fantoccini, and by plain HTTP what WebDriver has no word for.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::process::until_true;
use crate::support::http::connect;

/// How long a page may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A width, and light or dark.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub width: u32,
    is_dark: bool,
}

impl Screen {
    pub const ALL: [Self; 4] = [
        Self { width: 360, is_dark: false },
        Self { width: 360, is_dark: true },
        Self { width: 1920, is_dark: true },
        Self { width: 1920, is_dark: false },
    ];

    pub fn name(self) -> String {
        format!("{}-{}", self.width, if self.is_dark { "dark" } else { "light" })
    }
}

/// The programs, where they are installed.
pub struct There {
    axe: Option<String>,
}

/// A browser with its driver; both end with the test.
pub struct Browser {
    pub client: Client,
    driver: Driver,
    session: String,
    axe: Option<String>,
}

struct Driver {
    child: Child,
    address: SocketAddr,
    profile: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A driver that is killed leaves its browsers behind: those with its profile are ours.
        let profile = self.profile.path().display().to_string();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let command = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            let pid = process.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| command.contains(&profile)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Where `tests/servers install` has put it.
fn axe_script() -> Option<String> {
    let path = std::env::var_os("REWARDD_TEST_AXE").map(PathBuf::from);
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/axe-core/package/axe.min.js");
    fs::read_to_string(path.unwrap_or(kept)).ok()
}

impl Browser {
    /// None, and a word about it, where there is no browser.
    pub fn there() -> Option<There> {
        let runs = |program: &str| {
            let mut asked = Command::new(program);
            asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            asked.status().is_ok_and(|status| status.success())
        };
        if !runs("chromedriver") || !runs("chromium") {
            eprintln!("NOT RUN: there is no chromium with its driver; tests/servers install brings them");
            return None;
        }
        let axe = axe_script();
        if axe.is_none() {
            eprintln!("NOT JUDGED by axe-core: tests/servers install brings it where there is npm");
        }
        Some(There { axe })
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    pub async fn open(&self, address: SocketAddr, path: &str) {
        self.client.goto(&format!("http://{address}{path}")).await.unwrap();
    }

    /// The element, once it is there: a form or a link that was just used leads to another page.
    pub async fn until_there(&self, locator: Locator<'_>) -> Element {
        self.client.wait().at_most(PATIENCE).for_element(locator).await.unwrap()
    }

    pub async fn until_titled(&self, title: &str) {
        self.until_there(Locator::XPath(&format!("//h1[normalize-space()=\"{title}\"]"))).await;
    }

    /// What axe-core objects to; none where it is not there.
    pub async fn axe(&self) -> Option<Vec<Value>> {
        let axe = self.axe.as_ref()?;
        self.client.execute(axe, vec![]).await.unwrap();
        let judge = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] })\
                     .then(found => done(found.violations.map(({ id, impact, nodes }) => \
                     ({ id, impact, nodes: nodes.map(node => node.html + ' ' + node.failureSummary) }))))\
                     .catch(error => done([{ id: String(error), impact: 'critical' }]))";
        let found = self.client.execute_async(judge, vec![]).await.unwrap();
        Some(found.as_array().unwrap().clone())
    }

    /// What the browser's console says since it was last asked.
    pub fn complaints(&self) -> Vec<Value> {
        let log = self.command("se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().clone()
    }

    pub fn show_as(&self, screen: Screen) {
        self.resize(screen.width, 900);
        let scheme = if screen.is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// The page from top to bottom, as far as a picture reasonably goes.
    pub async fn picture(&self, screen: Screen) -> Vec<u8> {
        let height = self.run("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        self.resize(screen.width, u32::try_from(height.clamp(900, 4000)).unwrap());
        let picture = self.client.screenshot().await.unwrap();
        self.resize(screen.width, 900);
        picture
    }

    /// Presses a key as a keyboard does.
    pub fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            other => panic!("which key is {other}?"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" && kind == "keyDown" { "\r" } else { "" };
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.devtools("Input.dispatchKeyEvent", &event);
        }
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// A command of the driver that WebDriver does not know.
    fn command(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = connect(self.driver.address);
        let (session, length) = (&self.session, body.len());
        let head = format!(
            "POST /session/{session}/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        // The driver keeps the connection open, whatever it is asked for.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            match line.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                None if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    pub async fn close(self) {
        self.client.close().await.unwrap();
    }
}

impl There {
    pub async fn start(self) -> Browser {
        let profile = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let driver =
            Driver { child: command.spawn().unwrap(), address: ([127, 0, 0, 1], port).into(), profile };
        until_true("the driver answers", || std::net::TcpStream::connect(driver.address).is_ok());
        let folder = driver.profile.path().display();
        // The tests may run as root, and in a container without its own shared memory.
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={folder}"),
        ];
        let wanted = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted.as_object().unwrap().clone());
        let client = builder.connect(&format!("http://{}", driver.address)).await.unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        Browser { client, driver, session, axe: self.axe }
    }
}
