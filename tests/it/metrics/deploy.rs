//! What deploy/ ships for Prometheus and Grafana: understood by promtool, tested by it, and of metrics that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{LISTEN, Scraped};
use crate::daemon::process::{DUE, Programme};
use crate::support::http::get;
use crate::support::{Backend, shown, succeed};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The machine's own, or the one that `tests/servers install` has fetched.
fn promtool() -> Command {
    let fetched = std::env::var("REWARDD_PROMTOOL").unwrap_or_else(|_| "target/promtool".to_owned());
    let fetched = repository().join(fetched);
    let mut command = Command::new(if fetched.exists() { fetched } else { PathBuf::from("promtool") });
    let runs = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(runs.is_ok(), "no promtool: run tests/servers install, which fetches it");
    let mut command = Command::new(command.get_program());
    command.current_dir(repository().join("deploy/prometheus"));
    command
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(repository().join("deploy/grafana/rewardd.json")).unwrap())
        .unwrap()
}

/// The panels that show something.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard).flat_map(|panel| panel["targets"].as_array().unwrap());
    let of_panels = targets.map(|target| &target["expr"]);
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter().map(|one| &one["expr"]);
    of_panels.chain(annotations).map(|expression| expression.as_str().unwrap().to_owned()).collect()
}

/// The words of a text that name a metric of ours or of the process.
fn metrics_named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rewardd_") || word.starts_with("process_")).collect()
}

#[test]
fn promtool_takes_the_rules_and_their_tests_pass() {
    succeed(promtool().args(["check", "rules", "rewardd.rules.yml"]));
    succeed(promtool().args(["check", "config", "prometheus.yml"]));
    let said = succeed(promtool().args(["test", "rules", "rewardd.rules.test.yml"]));
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn every_alert_is_tested_and_says_what_to_do() {
    let read = |name| fs::read_to_string(repository().join("deploy/prometheus").join(name)).unwrap();
    let (rules, tests) = (read("rewardd.rules.yml"), read("rewardd.rules.test.yml"));
    let blocks: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(blocks.len() >= 15, "{}", blocks.len());
    for block in blocks {
        let name = block.lines().next().unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "no test makes {name} fire");
        for part in ["expr:", "severity:", "summary:", "description:", "action:"] {
            assert!(block.contains(part), "{name} has no {part}");
        }
    }
}

#[test]
fn the_dashboard_can_be_imported_and_asked() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    let mut places: Vec<[u64; 4]> = vec![];
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{panel}");
        let apart = |other: &[u64; 4]| {
            let [ox, oy, ow, oh] = *other;
            x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y
        };
        assert!(places.iter().all(apart), "{} lies upon another", panel["title"]);
        places.push([x, y, w, h]);
    }
    for panel in panels(&dashboard) {
        assert!(
            !panel["title"].as_str().unwrap().is_empty()
                && !panel["description"].as_str().unwrap().is_empty()
        );
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{}", panel["title"]);
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
    }
    // As rules, which promtool parses; Grafana's variables are put in as it would.
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, expression) in expressions(&dashboard).iter().enumerate() {
        let asked = expression
            .replace("$__rate_interval", "5m")
            .replace("$job", "rewardd")
            .replace("$instance", ".*");
        rules.push_str(&format!("  - record: panel_{number}\n    expr: {}\n", Value::String(asked)));
    }
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, rules).unwrap();
    succeed(promtool().args(["check", "rules"]).arg(file));
}

#[test]
fn promtool_takes_the_metrics_and_every_name_that_is_used_exists() {
    let programme = Programme::new(Backend::Sqlite);
    let mut daemon = programme.start("daemon", &[LISTEN]);
    let address = daemon.address();
    programme.until_paid(DUE);
    let metrics = programme.scratch.path("metrics");
    fs::write(&metrics, get(address, "/metrics").body).unwrap();
    let checked =
        promtool().args(["check", "metrics"]).stdin(fs::File::open(&metrics).unwrap()).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{}", shown(&checked, &[]));

    let scraped = Scraped::of(address);
    let names: BTreeSet<&str> = scraped.0.keys().map(|series| series.split('{').next().unwrap()).collect();
    let mut used = BTreeSet::new();
    let mut files = vec![];
    for name in ["rewardd.rules.yml", "rewardd.rules.test.yml"] {
        files.push(fs::read_to_string(repository().join("deploy/prometheus").join(name)).unwrap());
    }
    let dashboard = dashboard();
    files.extend(expressions(&dashboard));
    files.extend([dashboard["templating"].to_string()]);
    for file in &files {
        for name in metrics_named(file) {
            // Those of a histogram are also spoken of together.
            let together = format!("{name}_bucket");
            assert!(names.contains(name) || names.contains(together.as_str()), "there is no {name}");
            used.insert(name);
        }
    }
    let of_histograms =
        |name: &&str| name.ends_with("_bucket") || name.ends_with("_sum") || name.ends_with("_count");
    let unused: Vec<&&str> = names.difference(&used).filter(|name| !of_histograms(name)).collect();
    assert!(unused.is_empty(), "nobody looks at {unused:?}");
    daemon.stop();
}
