//! Who may import whom: the rooms of the house, held by reading the `use` lines.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may name. `cli` and `app` may name everything.
const ROOMS: [(&str, &[&str]); 19] = [
    ("rewards", &[]),
    ("people", &["rewards"]),
    ("clock", &["rewards"]),
    ("config", &["rewards", "people"]),
    ("frames", &["rewards"]),
    ("guard", &["rewards", "frames"]),
    ("audit", &["rewards"]),
    ("store", &["rewards", "audit", "frames", "config"]),
    ("pending", &["rewards", "people", "audit", "store", "config"]),
    ("jobs", &["rewards", "frames", "guard", "store", "clock", "scheduler", "pending"]),
    ("proof", &["rewards", "people", "frames", "guard", "audit", "store", "config", "pending"]),
    ("scheduler", &["rewards", "store", "jobs"]),
    ("files", &["rewards", "frames", "store", "audit"]),
    ("status", &["rewards", "audit", "store", "jobs", "scheduler", "ops", "config", "clock"]),
    ("report", &["rewards", "audit", "store", "config", "proof"]),
    ("confirm", &["rewards", "people", "config", "audit", "store"]),
    ("notify", &["rewards", "config", "store", "clock", "outgoing"]),
    ("ops", &["config", "rewards", "clock"]),
    (
        "web",
        &[
            "ops", "rewards", "config", "clock", "audit", "store", "proof", "report", "people", "outgoing",
            "jobs", "confirm", "pending",
        ],
    ),
];

/// The files of the program, its tests left out.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(&path) {
            found.push(path);
        }
    }
    found
}

/// Tests may name what they like.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// The room a file is in: its first folder, or its own name where it lies at the top.
fn room(file: &Path, src: &Path) -> String {
    let inside = file.strip_prefix(src).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut judged = 0;
    for file in sources(&src) {
        let room = room(&file, &src);
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else { continue };
        for line in fs::read_to_string(&file).unwrap().lines() {
            for part in line.split("crate::").skip(1) {
                let other: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                judged += 1;
                assert!(
                    other == room
                        || ["errors", "fault"].contains(&other.as_str())
                        || allowed.contains(&other.as_str()),
                    "{}: {room} may not name {other}: {line}",
                    file.display()
                );
            }
        }
    }
    assert!(judged > 50, "the sources were read");
}

#[test]
fn money_never_meets_floating_point() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for folder in ["rewards", "frames", "store", "jobs", "files", "report"] {
        for file in sources(&src.join(folder)) {
            for line in fs::read_to_string(&file).unwrap().lines() {
                let words = line.split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>();
                assert!(!words.contains(&"f64") && !words.contains(&"f32"), "{}: {line}", file.display());
            }
        }
    }
}
