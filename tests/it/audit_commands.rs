//! A checkpoint that was kept elsewhere shows whether the history is still the same.

use std::fs;
use std::process::{Output, Stdio};

use insta::assert_snapshot;
use serde_json::Value;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, shown};

const VOTES: &str = "id,partner_id,vote_type,cc,ecc,voted_at\n1,7,cc,2,3,2026-11-19T00:10:00Z\n";
const RATES: &str = "quoted_at,rate\n2026-11-01T00:00:00Z,1.25\n";

fn started(backend: Backend) -> Scratch {
    let scratch = Scratch::new(backend);
    scratch.write_config("[programme]\nstart = \"2026-11-19\"");
    scratch.import(VOTES, RATES);
    scratch
}

fn pay(scratch: &Scratch, as_of: &str) {
    scratch.run(&["once", "--as-of", as_of]);
}

fn check(scratch: &Scratch, what: &str) -> Output {
    scratch.rewardd(&["audit", "check", what]).output().unwrap()
}

/// With the hashes and instants of this run taken out.
fn says(output: &Output) -> String {
    let shown = shown(output, &[]);
    let is_hash = |word: &str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mut text = String::new();
    for line in shown.lines() {
        let word = |word: &str| {
            let bare = word.trim_end_matches([':', ',']);
            let is_instant = bare.len() == 27 && bare.ends_with('Z');
            if is_hash(bare) || is_instant {
                word.replace(bare, if is_instant { "INSTANT" } else { "HASH" })
            } else {
                word.to_owned()
            }
        };
        text.push_str(&line.split(' ').map(word).collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}

on_every_backend!(a_checkpoint_holds_until_the_history_is_another);

fn a_checkpoint_holds_until_the_history_is_another(backend: Backend) {
    let scratch = started(backend);
    let none = scratch.rewardd(&["audit", "checkpoint"]).output().unwrap();
    assert_snapshot!("nothing_paid", shown(&none, &[]));
    pay(&scratch, "2026-11-19T05:00:00Z");
    let first = scratch.run(&["audit", "checkpoint"]);
    let told: Value = serde_json::from_str(&scratch.run(&["audit", "checkpoint", "--json"])).unwrap();
    assert_eq!(told["line"].as_str().unwrap(), first.trim_end());
    assert_eq!((told["record_version"].as_u64(), told["sequence"].as_u64()), (Some(1), Some(5)), "{told}");
    assert_eq!(told["window"]["time"], "2026-11-19T04:00:00.000000Z");
    assert!(!first.contains(":secret@"), "{first}");

    pay(&scratch, "2026-11-19T08:00:00Z");
    let second = scratch.run(&["audit", "checkpoint"]);
    let kept = scratch.path("checkpoints.txt");
    fs::write(&kept, format!("{first}\n{second}")).unwrap();
    let kept = kept.to_str().unwrap();
    assert_snapshot!("same", says(&check(&scratch, kept)));
    assert_eq!(check(&scratch, first.trim_end()).status.code(), Some(0));
    let judged = |scratch: &Scratch| -> Value {
        let told = scratch.rewardd(&["audit", "check", "--json", kept]).output().unwrap();
        serde_json::from_slice(&told.stdout).unwrap()
    };
    let told = judged(&scratch);
    assert_eq!((&told["holds"], &told["rows"]), (&Value::Bool(true), &Value::from(8)), "{told}");

    // A row before the checkpoint is changed.
    let record = scratch.one("SELECT record FROM reward_distribution_logs WHERE sequence = 3");
    scratch.query("UPDATE reward_distribution_logs SET record = '{}' WHERE sequence = 3");
    assert_snapshot!("changed_row", says(&check(&scratch, kept)));
    let told = judged(&scratch);
    assert_eq!(told["holds"], false, "{told}");
    assert!(told["breaks"][0].as_str().unwrap().contains("row 4"), "{told}");
    assert_eq!(told["checkpoints"][1]["same"], false, "{told}");
    scratch.query(&format!("UPDATE reward_distribution_logs SET record = '{record}' WHERE sequence = 3"));
    assert_eq!(check(&scratch, kept).status.code(), Some(0));

    // The end is cut off, and the books with it, so that the chain by itself is whole.
    let (head, hash) = (
        "SELECT previous_hash FROM reward_distribution_logs WHERE sequence = 8",
        "SELECT chain_head FROM reward_programme",
    );
    let (at_seven, at_eight) = (scratch.one(head), scratch.one(hash));
    scratch.query(&format!("UPDATE reward_programme SET runs = 7, chain_head = '{at_seven}'"));
    let surplus = check(&scratch, kept);
    assert_eq!(surplus.status.code(), Some(6), "{}", shown(&surplus, &[]));
    scratch.query("CREATE TABLE removed AS SELECT * FROM reward_distribution_logs WHERE sequence = 8");
    scratch.query("DELETE FROM reward_distribution_logs WHERE sequence = 8");
    assert_snapshot!("cut_off", says(&check(&scratch, kept)));
    scratch.query("INSERT INTO reward_distribution_logs SELECT * FROM removed");
    scratch.query(&format!("UPDATE reward_programme SET runs = 8, chain_head = '{at_eight}'"));

    // The last row is forged together with the hash in the books.
    scratch.query("UPDATE reward_distribution_logs SET total_amount = '9.00000000' WHERE sequence = 8");
    let broken = scratch.rewardd(&["audit", "checkpoint"]).output().unwrap();
    assert_snapshot!("checkpoint_of_a_broken_chain", says(&broken));
    let text = shown(&broken, &[]);
    let forged = text.split_whitespace().last().unwrap();
    scratch.query(&format!("UPDATE reward_programme SET chain_head = '{forged}'"));
    assert_snapshot!("forged_end", says(&check(&scratch, kept)));
    assert!(scratch.run(&["audit", "checkpoint"]).contains(forged), "the chain by itself is whole");

    scratch.query("DELETE FROM reward_distribution_logs WHERE sequence = 4");
    assert_snapshot!("missing_row", says(&check(&scratch, kept)));
}

#[test]
fn what_is_no_checkpoint_is_refused_with_its_place() {
    let scratch = started(Backend::Sqlite);
    pay(&scratch, "2026-11-19T01:00:00Z");
    fs::write(scratch.path("bad.txt"), "\nrewardd-checkpoint v1 sequence=x\n").unwrap();
    fs::write(scratch.path("empty.txt"), "\n").unwrap();
    for (name, what) in [
        ("no_file", "nowhere.txt"),
        ("bad_line_of_a_file", "bad.txt"),
        ("empty_file", "empty.txt"),
        ("bad_line", "rewardd-checkpoint v2 sequence=1"),
    ] {
        assert_snapshot!(name, shown(&check(&scratch, what), &[]));
    }
    let line = scratch.run(&["audit", "checkpoint"]);
    let mut piped = scratch.rewardd(&["audit", "check", "-"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut piped.stdin.take().unwrap(), line.as_bytes()).unwrap();
    assert!(piped.wait_with_output().unwrap().status.success());
}
