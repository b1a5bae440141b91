//! What was written is read back by the same readers as votes and rates, value by value.

use tempfile::TempDir;

use super::*;
use crate::files::{Column as Wanted, Holds as Held, Table, each_row};

const READ: Table = Table {
    columns: &[
        Wanted { name: "partner_id", holds: Held::Integer },
        Wanted { name: "time", holds: Held::Instant },
        Wanted { name: "cc_reward", holds: Held::Amount },
    ],
    keyed: false,
};

fn rows() -> Vec<Vec<Cell>> {
    let row = |partner: i64, count: i128, error: Option<&str>| {
        vec![
            Cell::Integer(partner),
            Cell::Instant("2026-11-19T13:00:00.000001Z".parse().unwrap()),
            Cell::Amount(Units::new(count).unwrap()),
            Cell::Integer(3),
            Cell::Null,
            error.map_or(Cell::Null, |error| Cell::Text(error.to_owned())),
            Cell::Null,
        ]
    };
    vec![
        row(i64::MAX, 10_i128.pow(28) - 1, Some("a comma, a \"quotation\" mark, ő")),
        row(-7, 1, None),
        row(0, -12_345_678_901, None),
    ]
}

#[test]
fn csv_and_parquet_are_read_back_exactly() {
    for (format, ending) in [(Format::Csv, "csv"), (Format::Parquet, "parquet")] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(format!("transfers.{ending}"));
        let output = Output::file(&path, false).unwrap();
        let mut sink = sink(Exported::Transfers, format, output.writer().unwrap(), output.path()).unwrap();
        sink.rows(&rows()).unwrap();
        sink.rows(&[]).unwrap();
        sink.finish().unwrap();
        assert!(!path.exists(), "it has no name before it is complete");
        output.finish().unwrap();
        let mut read = vec![];
        each_row(&path, &READ, &mut |row| {
            let value = |flaw: crate::files::value::Flaw| panic!("{flaw}");
            read.push((
                row.integer(0).unwrap_or_else(value),
                row.instant(1).unwrap_or_else(|flaw| panic!("{flaw}")),
                row.amount(2).unwrap_or_else(|flaw| panic!("{flaw}")),
            ));
            Ok(())
        })
        .unwrap();
        let written: Vec<_> = rows()
            .into_iter()
            .map(|row| match &row[..3] {
                [Cell::Integer(partner), Cell::Instant(time), Cell::Amount(amount)] => {
                    (*partner, *time, *amount)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(read, written, "{ending}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_where_that_is_said() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.csv");
    let begun = Output::file(&path, false).unwrap();
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(begun.finish(), Err(FileError::Exists { .. })), "it came meanwhile");
    assert!(matches!(Output::file(&path, false), Err(FileError::Exists { .. })));
    drop(Output::file(&path, true).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing stays of what was given up");
    Output::file(&path, true).unwrap().finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}
