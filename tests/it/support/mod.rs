//! What the tests share: the binary, scratch databases on every backend, and the tables as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub mod backend;
pub mod history;
pub mod http;
pub mod mail;
pub mod proxy;
pub mod receiver;
pub mod server;
pub mod tables;

pub use backend::{Backend, Scratch, database_of, without_parameters};

/// The five tables by name, each as a CSV text in the form of `tests/vectors`.
pub type Tables = BTreeMap<String, String>;

/// The binary, with nothing of the machine's configuration.
pub fn rewardd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewardd"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REWARDD_")) {
        command.env_remove(name);
    }
    command
}

/// What a command printed and how it ended, as snapshots keep it: folders and ports of this run replaced.
pub fn shown(output: &Output, replace: &[(&str, &str)]) -> String {
    let mut text =
        format!("exit code {}\n", output.status.code().map_or("none".to_owned(), |code| code.to_string()));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let content = String::from_utf8_lossy(bytes);
        if !content.is_empty() {
            text.push_str(&format!("--- {name}\n{}\n", content.trim_end()));
        }
    }
    for (from, to) in replace {
        text = text.replace(from, to);
    }
    text
}

/// Runs a command that has to succeed, and gives its standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", shown(&output, &[]));
    String::from_utf8(output.stdout).unwrap()
}

/// The folders of the worked cases.
pub fn vectors() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 15, "the worked cases are there");
    folders
}

/// The CSV tables of a folder.
pub fn read_tables(folder: &Path) -> Tables {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| (name(&file), fs::read_to_string(&file).unwrap())).collect()
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Compares tables and names the first line that differs.
pub fn assert_same(found: &Tables, expected: &Tables, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (table, expected) in expected {
        let found = &found[table];
        for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "{what}: {table}.csv line {}", line + 1);
        }
        assert_eq!(found, expected, "{what}: {table}.csv has another number of lines");
    }
}
