use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use crate::config::FileFormat;
use crate::confirm::formats::RawRow;
use crate::confirm::{Entry, List, Shape, listed, rows_of, whole};

fn read_as(
    text: &str,
    format: FileFormat,
    at: &[&str],
    key: &[&str],
    columns: &[&str],
) -> Result<List, String> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (at, key, columns) = (owned(at), owned(key), owned(columns));
    let rows = rows_of(&"list", text.as_bytes(), format, &at).map_err(|error| error.to_string())?;
    listed(&"list", rows, Shape { key: &key, columns: &columns }).map_err(|error| error.to_string())
}

fn contents(list: &List) -> BTreeMap<&str, (&str, Option<usize>)> {
    list.iter().map(|(key, Entry { content, line })| (key.as_str(), (content.as_str(), *line))).collect()
}

#[test]
fn a_csv_file_becomes_rows_by_key() {
    let text = "\u{feff}partner_id,bonus,note\n7,0.50,\"two\nlines\"\n8,1.5,\n";
    let list = read_as(text, FileFormat::Csv, &[], &["partner_id"], &[]).unwrap();
    let expected = BTreeMap::from([
        ("7", (r#"{"bonus":"0.50","note":"two\nlines","partner_id":"7"}"#, Some(2))),
        ("8", (r#"{"bonus":"1.5","note":"","partner_id":"8"}"#, Some(4))),
    ]);
    assert_eq!(contents(&list), expected);
}

#[test]
fn json_and_toml_keep_numbers_as_they_are_written() {
    let text = r#"{"programme": {"rows": [
        {"id": 7, "bonus": 0.50, "on": true, "tags": ["a", {"z": 1.0, "b": null}], "gone": null},
        {"bonus": 1e3, "id": "8"}
    ]}}"#;
    let list = read_as(text, FileFormat::Json, &["programme", "rows"], &["id"], &[]).unwrap();
    let tags = r#"[\"a\",{\"b\":null,\"z\":1.0}]"#;
    let seven = format!(r#"{{"bonus":"0.50","id":"7","on":"true","tags":"{tags}"}}"#);
    let expected =
        BTreeMap::from([("7", (seven.as_str(), Some(2))), ("8", (r#"{"bonus":"1e3","id":"8"}"#, Some(3)))]);
    assert_eq!(contents(&list), expected);

    let text = "[programme]\n[[programme.rows]]\nid = 7\nbonus = 0.50\nsince = 2026-11-01\n\n\
                [[programme.rows]]\nbonus = 1_000\nid = \"8\"\n";
    let list = read_as(text, FileFormat::Toml, &["programme", "rows"], &["id"], &["bonus"]).unwrap();
    let expected = BTreeMap::from([
        ("7", (r#"{"bonus":"0.50","id":"7"}"#, Some(2))),
        ("8", (r#"{"bonus":"1_000","id":"8"}"#, Some(7))),
    ]);
    assert_eq!(contents(&list), expected);
}

#[test]
fn a_key_of_several_columns_has_no_doubles() {
    let list =
        read_as("a,b\n\"x\",\"y,z\"\n\"x,y\",\"z\"\n", FileFormat::Csv, &[], &["a", "b"], &[]).unwrap();
    assert_eq!(list.keys().collect::<Vec<_>>(), [r#"["x","y,z"]"#, r#"["x,y","z"]"#]);
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let csv =
        |text, key: &[&str], columns: &[&str]| read_as(text, FileFormat::Csv, &[], key, columns).unwrap_err();
    assert_eq!(csv("id,a\n1,2\n1,3\n", &["id"], &[]), "list line 3: the key 1 is there already: list line 2");
    assert_eq!(csv("id,a\n1,2\n,3\n", &["id"], &[]), "list line 3: the key column \"id\" is empty");
    assert_eq!(csv("nr,a\n1,2\n", &["id"], &[]), "list line 2: the key column \"id\" is missing");
    assert_eq!(csv("id,a\n1,2\n3\n", &["id"], &[]), "list line 3: has 1 values where the header has 2");
    assert_eq!(csv("id,a,a\n", &["id"], &[]), "list line 1: the header names the column \"a\" twice");
    assert_eq!(csv("", &["id"], &[]), "list line 1: there is no header");
    assert_eq!(csv("id,a\n1,2\n", &["id"], &["b"]), "list: no row has the column \"b\"");
    let no_text = rows_of(&"list", b"id\n1\n\xff\n", FileFormat::Csv, &[]).unwrap_err();
    assert_eq!(no_text.to_string(), "list line 3: is not UTF-8");

    let json = |text, at: &[&str]| read_as(text, FileFormat::Json, at, &["id"], &[]).unwrap_err();
    assert_eq!(
        json("{\"id\": 1}", &[]),
        "list line 1: an array of rows is wanted here; `rows` names where it is"
    );
    assert_eq!(json("{\n\"a\": [1]}", &["a"]), "list line 2: an object is wanted here");
    assert_eq!(json("{}", &["a"]), "list: there is no \"a\", which `rows` names");
    assert_eq!(json("[{\"id\":1,\n\"id\":2}]", &[]), "list line 1: the name \"id\" is there twice");
    assert!(json("[{\"id\":1},\n", &[]).starts_with("list line 2: EOF"));
    let deep = format!("[{{\"id\":1,\"a\":{}{}}}]", "[".repeat(90), "]".repeat(90));
    assert_eq!(json(&deep, &[]), "list line 1: a: is nested deeper than 32 times");

    let toml = |text, at: &[&str]| read_as(text, FileFormat::Toml, at, &["id"], &[]).unwrap_err();
    assert_eq!(toml("a = 1\n", &["a"]), "list line 1: a is of type integer, not a list of tables");
    assert_eq!(toml("a = [1]\n", &["a"]), "list line 1: a row is of type integer, not a table");
    assert!(toml("a = 1\na = 2\n", &["a"]).starts_with("list line 2: "));
}

#[test]
fn the_whole_is_one_text_that_reads_back() {
    let list = read_as("id,a\n\"x\"\"y\",2\n", FileFormat::Csv, &[], &["id"], &[]).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&whole(&"list", &list).unwrap()).unwrap();
    assert_eq!(whole, json!({ "x\"y": { "id": "x\"y", "a": "2" } }));
}

proptest! {
    /// The order of rows and columns is nothing, in any format.
    #[test]
    fn a_list_is_the_same_in_any_order_and_format(
        rows in prop::collection::btree_map("[a-z]{1,5}", ("[ -~]{0,8}", "\\PC{0,8}"), 1..8),
        reversed in any::<bool>(),
    ) {
        let mut objects: Vec<_> =
            rows.iter().map(|(id, (a, b))| json!({ "id": id, "a": a, "b": b })).collect();
        let of_json = read_as(&json!(objects).to_string(), FileFormat::Json, &[], &["id"], &[]).unwrap();
        if reversed {
            objects.reverse();
        }
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.write_record(["b", "id", "a"]).unwrap();
        for object in &objects {
            writer.write_record(["b", "id", "a"].map(|name| object[name].as_str().unwrap())).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let of_csv = read_as(&text, FileFormat::Csv, &[], &["id"], &[]).unwrap();
        let raw = |object: &serde_json::Value| RawRow {
            line: None,
            values: ["a", "b", "id"].map(|name| (name.to_owned(), object[name].as_str().unwrap().to_owned())).into(),
        };
        let key = ["id".to_owned()];
        let of_table =
            listed(&"table", objects.iter().map(raw).collect(), Shape { key: &key, columns: &[] }).unwrap();
        let texts = |list: &List| list.iter().map(|(key, entry)| (key.clone(), entry.content.clone())).collect::<Vec<_>>();
        prop_assert_eq!(texts(&of_json), texts(&of_csv));
        prop_assert_eq!(texts(&of_json), texts(&of_table));
    }
}
