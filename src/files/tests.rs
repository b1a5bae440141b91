use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::rewards::window::show;

mod parquet;
mod tables;

const HEADER: &str = "id,partner_id,vote_type,cc,ecc,voted_at";

/// A file in a folder of its own, which is gone when this is.
struct Scratch {
    _dir: TempDir,
    path: PathBuf,
}

fn scratch(name: &str, bytes: impl AsRef<[u8]>) -> Scratch {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    Scratch { _dir: dir, path }
}

fn votes(bytes: impl AsRef<[u8]>) -> Result<VoteFile, String> {
    let file = scratch("votes.csv", bytes);
    read_votes(&file.path, &mut |_| ()).map_err(|error| message(&error, &file))
}

fn rates(bytes: impl AsRef<[u8]>) -> Result<Vec<Quote>, String> {
    let file = scratch("rates.csv", bytes);
    read_rates(&file.path).map_err(|error| message(&error, &file))
}

/// What an error says, without the folder.
fn message(error: &FileError, file: &Scratch) -> String {
    error.to_string().replace(&format!("{}/", file.path.parent().unwrap().display()), "")
}

fn refused(rows: &str) -> String {
    votes(format!("{HEADER}\n{rows}")).unwrap_err()
}

#[test]
fn columns_are_found_by_name_in_any_order_among_others() {
    let file = votes(
        "\u{feff}voted_at,remark,cc,ecc,id,vote_type,partner_id\r\n\
         2026-11-19T13:00:00+01:00,\"a, \"\"b\"\"\",1.5,0,7,cc,-4\r\n\
         2026-11-19 12:00:00.000001,,0.00000001,2,8,free,5",
    );
    let file = file.unwrap();
    assert_eq!(file.ids, [7, 8]);
    let at = "2026-11-19T12:00:00Z".parse::<Instant>().unwrap().timestamp_micros();
    let first = Vote { partner_id: -4, vote_type: "cc", cc: 150_000_000, ecc: 0, voted_at: at };
    let second = Vote { partner_id: 5, vote_type: "free", cc: 1, ecc: 200_000_000, voted_at: at + 1 };
    assert_eq!(file.votes.iter().collect::<Vec<_>>(), [first, second]);
}

#[test]
fn a_header_without_rows_is_a_file_without_votes() {
    for text in [HEADER.to_owned(), format!("{HEADER}\n\n"), format!("{HEADER}\r\n")] {
        assert!(votes(text).unwrap().ids.is_empty());
    }
    assert!(rates("quoted_at,rate\n").unwrap().is_empty());
}

#[test]
fn headers_that_do_not_name_each_column_once_are_refused() {
    for empty in ["", "\n\n", "\u{feff}"] {
        assert_eq!(
            votes(empty).unwrap_err(),
            "votes.csv is empty; its first line must name the columns id, partner_id, vote_type, cc, ecc, voted_at"
        );
    }
    assert_eq!(
        rates("quoted_at;rate\n").unwrap_err(),
        "rates.csv has no column quoted_at; it has quoted_at;rate, and must have quoted_at, rate"
    );
    assert_eq!(
        rates("rate,quoted_at,rate\n").unwrap_err(),
        "rates.csv has the column rate twice; it has rate, quoted_at, rate; rename or remove one"
    );
}

#[test]
fn a_bad_value_is_named_with_its_line_id_and_column() {
    let row = |text: &str| refused(&format!("1,2,cc,1,1,2026-11-19T00:00:00Z\n{text}\n"));
    assert_eq!(
        row("12,2,cc,-1,1,2026-11-19T00:00:00Z"),
        "votes.csv, line 3 (id 12): cc is \"-1\", which must not be negative; correct the file, nothing of it was used"
    );
    for (text, part) in [
        ("x,2,cc,1,1,2026-11-19T00:00:00Z", "line 3: id is \"x\", which is not a whole number of 64 bits"),
        ("12,,cc,1,1,2026-11-19T00:00:00Z", "line 3 (id 12): partner_id is empty, which must not be NULL"),
        ("12,2,\\N,1,1,2026-11-19T00:00:00Z", "vote_type is \"\\\\N\", which must not be NULL"),
        ("12,2,cc,1e2,1,2026-11-19T00:00:00Z", "cc is \"1e2\", which is not a decimal number"),
        ("12,2,cc,1,\"1,5\",2026-11-19T00:00:00Z", "ecc is \"1,5\", which is not a decimal number"),
        ("12,2,cc,1,0.123456789,2026-11-19T00:00:00Z", "ecc is \"0.123456789\", which has more than 8"),
        (
            "12,2,cc,92233720368.54775808,1,2026-11-19T00:00:00Z",
            "which is out of range (an amount of one vote",
        ),
        (
            "12,2,cc,1,1,2026-11-19T00:00:00",
            "voted_at is \"2026-11-19T00:00:00\", which is not written as 2026-",
        ),
    ] {
        assert!(row(text).contains(part), "{}", row(text));
    }
}

#[test]
fn a_line_that_is_no_row_is_refused_by_its_number() {
    assert_eq!(
        refused("1,2,cc,1,1,2026-11-19T00:00:00Z\n2,2,cc,1,2026-11-19T00:00:00Z\n"),
        "votes.csv, line 3: 5 fields where the header names 6; correct the line"
    );
    let mut bytes = format!("{HEADER}\n1,2,").into_bytes();
    bytes.extend(b"\xff,1,1,2026-11-19T00:00:00Z\n");
    assert_eq!(votes(bytes).unwrap_err(), "votes.csv, line 2: the text is not UTF-8; save the file as UTF-8");
    assert!(votes(b"id,\xff\n").unwrap_err().contains("line 1: the text is not UTF-8"));
}

#[test]
fn an_unclosed_quotation_mark_swallows_no_rows_in_silence() {
    let text = "quoted_at,rate,remark\n2026-11-01T00:00:00Z,1,\"oops\n2026-11-02T00:00:00Z,2,\"\n";
    assert!(rates(text).unwrap_err().starts_with("rates.csv, line 2: a field goes over the end of the line"));
}

#[test]
fn an_id_that_comes_twice_is_refused_with_both_rows() {
    let rows: String =
        [5, 9, 3, 9, 3].iter().map(|id| format!("{id},2,cc,1,1,2026-11-19T00:00:00Z\n")).collect();
    assert_eq!(
        refused(&rows),
        "votes.csv: the votes of rows 3 and 5 have the same id 3; remove one (the header is no row)"
    );
    let unsorted = format!("{HEADER}\n5,2,cc,1,1,2026-11-19T00:00:00Z\n4,2,cc,1,1,2026-11-19T00:00:00Z");
    assert_eq!(votes(unsorted).unwrap().ids, [5, 4]);
}

#[test]
fn rates_of_one_instant_must_agree_and_not_be_negative() {
    let text = "quoted_at,rate\n2026-11-02T00:00:00Z,2\n2026-11-01T01:00:00+01:00,1\n2026-11-01 00:00:00,1\n";
    let quotes = rates(text).unwrap();
    let shown: Vec<String> =
        quotes.iter().map(|quote| format!("{} {}", show(quote.at), quote.rate)).collect();
    assert_eq!(
        shown,
        [
            "2026-11-02T00:00:00.000000Z 2.00000000",
            "2026-11-01T00:00:00.000000Z 1.00000000",
            "2026-11-01T00:00:00.000000Z 1.00000000"
        ]
    );
    assert_eq!(
        rates(format!("{text}2026-11-01 00:00:00,3\n")).unwrap_err(),
        "rates.csv has two rates quoted at 2026-11-01T00:00:00.000000Z: 1.00000000 and 3.00000000; remove one"
    );
    assert_eq!(
        rates("quoted_at,rate\n2026-11-01 00:00:00,-3\n").unwrap_err(),
        "rates.csv, line 2: rate is \"-3\", which must not be negative; correct the file, nothing of it was used"
    );
}

#[test]
fn the_name_decides_how_a_file_is_read() {
    for name in ["votes.json", "votes.csv.gz", "votes", ".csv"] {
        let error = read_rates(Path::new(name)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{name}: the name must end in .csv or .parquet, which says how to read it")
        );
        assert!(!error.is_io());
    }
    for name in ["/nowhere/votes.CSV", "/nowhere/votes.Parquet"] {
        let error = read_rates(Path::new(name)).unwrap_err();
        assert!(error.is_io() && error.to_string().contains(name), "{error}");
    }
    for suffix in [".csv", ".parquet"] {
        let dir = tempfile::Builder::new().suffix(suffix).tempdir().unwrap();
        assert!(read_rates(dir.path()).unwrap_err().is_io());
    }
}

#[test]
fn progress_ends_with_the_number_of_rows() {
    let rows: String = (0..70_000).map(|id| format!("{id},2,cc,1,1,2026-11-19T00:00:00Z\n")).collect();
    let file = scratch("votes.csv", format!("{HEADER}\n{rows}"));
    let mut told = Vec::new();
    read_votes(&file.path, &mut |rows| told.push(rows)).unwrap();
    assert_eq!(told, [65_536, 70_000]);
}

#[test]
fn long_and_unprintable_values_are_shown_short_and_escaped() {
    let error = refused(&format!("1,2\u{7},cc,{},1,2026-11-19T00:00:00Z\n", "9".repeat(10_000)));
    assert!(error.contains("partner_id is \"2\\u{7}\""), "{error}");
    let error = refused(&format!("1,2,cc,{},1,2026-11-19T00:00:00Z\n", "9".repeat(10_000)));
    assert!(error.len() < 400 && error.contains(" …, which is out of range"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_as_csv_are_votes_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = votes(&bytes);
        let _ = votes([HEADER.as_bytes(), b"\n", &bytes].concat());
    }

    #[test]
    fn any_fields_as_csv_are_votes_or_an_error(rows in "([0-9a-z\\-+:TZ. \"\u{e9}]{0,30}[,\n]){0,40}") {
        let _ = votes(format!("{HEADER}\n{rows}"));
    }

    #[test]
    fn what_is_written_is_what_is_read(
        rows in prop::collection::vec(
            (any::<i64>(), "[a-z ,\"é]{1,8}", 0_i64.., 0_i64.., -30_000_000_000_000_000..=253_402_300_799_999_999_i64),
            0..20,
        ),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER.split(',')).unwrap();
        for (id, (partner_id, vote_type, cc, ecc, at)) in rows.iter().enumerate() {
            let (cc, ecc) = (Units::from_i64(*cc).to_string(), Units::from_i64(*ecc).to_string());
            let at = show(Instant::from_timestamp_micros(*at).unwrap());
            writer.write_record([&id.to_string(), &partner_id.to_string(), vote_type, &cc, &ecc, &at]).unwrap();
        }
        let file = votes(writer.into_inner().unwrap()).unwrap();
        let written = rows.iter().map(|(partner_id, vote_type, cc, ecc, voted_at)| {
            Vote { partner_id: *partner_id, vote_type, cc: *cc, ecc: *ecc, voted_at: *voted_at }
        });
        prop_assert!(file.votes.iter().eq(written));
        prop_assert_eq!(file.ids.len(), rows.len());
    }
}
