//! A real mail server of a test's own: Exim, see tests/mail.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::succeed;
use crate::daemon::process::until;

/// A message as Python's parser reads it: `headers` (a list for each name, in lower case), and `parts`, each with its
/// `type` and decoded `text`.
const PARSE: &str = r#"
import email, email.policy, json, sys
mail = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
headers = {}
for name, value in mail.items():
    headers.setdefault(name.lower(), []).append(str(value))
parts = [{"type": part.get_content_type(), "text": part.get_content()} for part in mail.walk() if not part.is_multipart()]
print(json.dumps({"headers": headers, "type": mail.get_content_type(), "parts": parts}))
"#;

/// A running server, or a stopped one. It ends with the test.
pub struct MailServer {
    folder: TempDir,
    pub smtp: u16,
    pub smtps: u16,
}

impl MailServer {
    /// None where there is no Exim; `tests/run` says loudly when there is none.
    pub fn start() -> Option<Self> {
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mail/exim4").exists() {
            eprintln!("NOT RUN with a mail server: tests/mail install brings one");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let (smtp, smtps) = start(folder.path());
        Some(Self { folder, smtp, smtps })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns when it is gone.
    pub fn stop(&self) {
        succeed(&mut script("stop", self.folder.path()));
    }

    /// Starts it again on its ports.
    pub fn restart(&self) {
        assert_eq!(start(self.folder.path()), (self.smtp, self.smtps));
    }

    /// What has arrived, in no order.
    pub fn arrived(&self) -> Vec<Value> {
        let files = fs::read_dir(self.folder.path().join("box/new")).into_iter().flatten();
        let parse = |file| succeed(Command::new("python3").args(["-c", PARSE]).arg(file));
        files.map(|file| serde_json::from_str(&parse(file.unwrap().path())).unwrap()).collect()
    }

    /// Waits until so many messages have arrived, and no more, and gives them.
    pub fn messages(&self, count: usize) -> Vec<Value> {
        let mails =
            until(&format!("{count} messages"), || Some(self.arrived()).filter(|mails| mails.len() >= count));
        assert_eq!(mails.len(), count);
        mails
    }

    /// What it wrote about its connections.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("mainlog")).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // A panic here would hide the one of the test; what is left behind, tests/run ends.
        let _ = script("stop", self.folder.path()).status();
    }
}

fn start(folder: &Path) -> (u16, u16) {
    let ports = succeed(&mut script("start", folder));
    let (smtp, smtps) = ports.trim_end().split_once(' ').unwrap();
    (smtp.parse().unwrap(), smtps.parse().unwrap())
}

fn script(action: &str, folder: &Path) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail"));
    command.arg(action).arg(folder);
    command
}
