//! What deploy/ ships besides the unit: the Debian package and the container name only files that there are, and the same
//! versions; a service's configuration is config.toml with four lines changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{rewardd, shown, succeed};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn assert_there(path: &str, named_in: &str) {
    let (folder, pattern) = path.rsplit_once('/').unwrap_or(("", path));
    let found = match pattern.split_once('*') {
        None => repository().join(path).exists(),
        Some((head, tail)) => fs::read_dir(repository().join(folder)).unwrap().any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with(head) && name.ends_with(tail)
        }),
    };
    assert!(found, "{named_in} names {path}, which is not there");
}

/// The words of a text that follow one of these, up to a space or another end.
fn words_after<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let word = |rest: &'t str| rest.split([' ', '"', ':', ',', '\n']).next().unwrap();
    text.split(before).skip(1).map(word).collect()
}

#[test]
fn the_service_s_configuration_is_config_toml_without_a_database_and_with_its_own_folders() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let made = succeed(
        Command::new("sed").args(["-f", "deploy/service.sed", "config.toml"]).current_dir(repository()),
    );
    fs::write(&file, &made).unwrap();
    let (before, after) = (read("config.toml"), made);
    let changed: Vec<_> =
        before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(changed.len(), 4, "{changed:?}");

    let config = |more: &[(&str, &str)], command: &str| {
        let mut command_line = rewardd();
        command_line.args(["--config", file.to_str().unwrap(), "config", command]);
        shown(&command_line.envs(more.iter().copied()).output().unwrap(), &[])
    };
    let refused = config(&[], "check");
    assert!(
        refused.starts_with("exit code 78\n") && refused.contains("database.url: is missing"),
        "{refused}"
    );
    let shown = config(&[("REWARDD__DATABASE__URL", "mysql://h/d")], "show");
    for line in [
        "dir = \"/var/log/rewardd\"",
        "archive = \"/var/lib/rewardd/archive\"",
        "state_file = \"/var/lib/rewardd/processes.json\"",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
}

#[test]
fn the_package_names_only_files_that_there_are() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let script = read("deploy/package");
    let mut assets = vec![];
    for asset in deb["assets"].as_array().unwrap() {
        let from = asset[0].as_str().unwrap();
        match from.strip_prefix("target/debian/stage/") {
            // Made by the script; the completions in a loop over their shells.
            Some(staged) => {
                let named = staged.split(['/', '.']).next().unwrap();
                assert!(script.contains(&format!("$stage/{named}")), "deploy/package makes {staged}");
            }
            None => assert_there(from, "Cargo.toml"),
        }
        assets.push(asset[1].as_str().unwrap());
    }
    for script in ["postinst", "prerm", "postrm"] {
        assert_there(&format!("{}/{script}", deb["maintainer-scripts"].as_str().unwrap()), "Cargo.toml");
    }
    for path in ["usr/lib/sysusers.d/rewardd.conf", "usr/lib/tmpfiles.d/rewardd.conf", "etc/rewardd/"] {
        assert!(assets.contains(&path), "{path}");
    }
}

#[test]
fn the_image_is_built_from_files_that_there_are_and_that_are_sent() {
    let (dockerfile, ignored) = (read("deploy/Dockerfile"), read(".dockerignore"));
    let copied: BTreeSet<&str> = dockerfile
        .lines()
        .filter(|line| line.starts_with("COPY ") && !line.contains("--from="))
        .flat_map(|line| {
            let words: Vec<_> = line.split(' ').skip(1).collect();
            words[..words.len() - 1].to_vec()
        })
        .collect();
    let sent: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(copied, sent, "what is copied is what .dockerignore lets through");
    for path in copied {
        assert_there(path, "deploy/Dockerfile");
    }
    // What the sources include lies in a folder that is copied.
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let rust = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-slim-bookworm AS build\n")), "Rust {rust}");
    assert!(dockerfile.contains("\nFROM debian:bookworm-slim\n"), "the C library that it was built with");
    assert!(
        dockerfile.contains("\\[\\[bench\\]\\]"),
        "benches are left out of the manifest, as they are not copied"
    );
    // The configuration's lines that the image changes are as it expects them.
    let service = succeed(
        Command::new("sed").args(["-f", "deploy/service.sed", "config.toml"]).current_dir(repository()),
    );
    for line in words_after(&dockerfile, "-e 's|^") {
        assert!(service.contains(line), "{line}");
    }
}

#[test]
fn compose_mounts_files_that_there_are_and_its_prometheus_and_versions_agree() {
    let compose = read("deploy/compose.yaml");
    for path in words_after(&compose, "- ./") {
        assert_there(&format!("deploy/{path}"), "deploy/compose.yaml");
    }
    assert_eq!(words_after(&compose, "dockerfile: "), ["deploy/Dockerfile"]);
    let image = format!("image: rewardd:{}\n", env!("CARGO_PKG_VERSION"));
    assert!(compose.contains(&image), "{image}");

    // Secrets that are used are declared, and the guide says how each is made.
    let guide = read("deploy/CONTAINER.md");
    let declared: BTreeSet<&str> = words_after(&compose, "file: ./secrets/")
        .into_iter()
        .map(|name| name.trim_end_matches([' ', '}']))
        .collect();
    let used: BTreeSet<&str> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("secrets: [")?.strip_suffix(']'))
        .flat_map(|names| names.split(", "))
        .collect();
    assert_eq!(used, declared);
    for secret in declared {
        assert!(guide.contains(&format!("secrets/{secret}")), "deploy/CONTAINER.md makes {secret}");
    }

    let prometheus = read("deploy/compose/prometheus.yml");
    let http = words_after(&read("config.toml"), "listen = \"127.0.0.1").len();
    assert_eq!(http, 1, "the address that the image opens to others");
    assert!(prometheus.contains("rewardd:9464") && compose.contains("9464:9464"));
}
