use polars::prelude::{Column as Values, *};

use super::*;

/// Writes columns as `votes.parquet`, in row groups of two rows.
fn file(columns: Vec<Values>) -> Scratch {
    scratch("votes.parquet", bytes(columns))
}

fn bytes(columns: Vec<Values>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(2)).finish(&mut frame).unwrap();
    bytes
}

fn values<T, P: ?Sized>(name: &str, values: T) -> Values
where
    Series: NamedFrom<T, P>,
{
    Series::new(name.into(), values).into()
}

fn cast(column: Values, to: DataType) -> Values {
    column.strict_cast(&to).unwrap()
}

/// Whole numbers of `10^-scale`.
fn decimals(name: &str, counts: &[i128], scale: usize) -> Values {
    Int128Chunked::from_slice(name.into(), counts).into_decimal_unchecked(38, scale).into_series().into()
}

fn timestamps(name: &str, since_1970: &[i64], unit: TimeUnit) -> Values {
    cast(values(name, since_1970), DataType::Datetime(unit, None))
}

/// Five votes, of which a test replaces columns.
fn five(replaced: Vec<Values>) -> Vec<Values> {
    let midnight = 1_795_046_400_000_000;
    let mut columns = vec![
        values("remark", [1.5, 2.5, 3.5, 4.5, 5.5]),
        timestamps(
            "voted_at",
            &[midnight, midnight + 1, midnight + 2, midnight + 3, midnight + 4],
            TimeUnit::Microseconds,
        ),
        values("id", [1_i64, 2, 3, 4, 5]),
        values("partner_id", [10_i64, 20, 30, 40, -50]),
        values("vote_type", ["cc", "free", "cc", "cc", "free"]),
        decimals("cc", &[1, 2, 3, 0, 5], 8),
        decimals("ecc", &[1, 2, 3, 0, 5], 2),
    ];
    for column in replaced {
        let place = columns.iter_mut().find(|old| old.name() == column.name());
        *place.expect("a column of this name") = column;
    }
    columns
}

fn read(replaced: Vec<Values>) -> Result<VoteFile, String> {
    let file = file(five(replaced));
    read_votes(&file.path, &mut |_| ()).map_err(|error| message(&error, &file))
}

/// `cc` of the votes that `column` gives.
fn cc(column: Values) -> Result<Vec<i64>, String> {
    Ok(read(vec![column])?.votes.iter().map(|vote| vote.cc).collect())
}

fn voted_at(column: Values) -> Result<Vec<String>, String> {
    let at = |vote: Vote<'_>| show(Instant::from_timestamp_micros(vote.voted_at).unwrap());
    Ok(read(vec![column])?.votes.iter().map(at).collect())
}

#[test]
fn votes_of_several_row_groups_come_in_the_order_of_the_file() {
    let file = read(vec![]).unwrap();
    assert_eq!(file.ids, [1, 2, 3, 4, 5]);
    let at = "2026-11-19T00:00:00Z".parse::<Instant>().unwrap().timestamp_micros();
    let last = Vote { partner_id: -50, vote_type: "free", cc: 5, ecc: 5_000_000, voted_at: at + 4 };
    assert_eq!(file.votes.get(4), last);
    assert_eq!(file.votes.iter().map(|vote| vote.voted_at - at).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn rates_and_files_without_rows_are_read() {
    let quoted_at = || values("quoted_at", ["2026-11-01T00:00:00Z", "2026-11-02 00:00:00"]);
    let file = scratch("rates.parquet", bytes(vec![values("rate", ["1.25", "1.5"]), quoted_at()]));
    let quotes = read_rates(&file.path).unwrap();
    assert_eq!(quotes[1].rate.to_string(), "1.50000000");
    let empty = vec![values("rate", Vec::<i64>::new()), values("quoted_at", Vec::<&str>::new())];
    assert!(read_rates(&scratch("rates.parquet", bytes(empty)).path).unwrap().is_empty());
    let negative = bytes(vec![decimals("rate", &[1, -125], 2), quoted_at()]);
    let file = scratch("rates.parquet", negative);
    let error = message(&read_rates(&file.path).unwrap_err(), &file);
    assert!(error.starts_with("rates.parquet, row 2: rate is -1.25, which must not be negative"), "{error}");
}

#[test]
fn amounts_are_exact_whatever_exact_type_they_have() {
    let thousandths = [1_500, 0, 92_233_720_368_547, 1, 2];
    assert_eq!(
        cc(decimals("cc", &thousandths, 3)),
        Ok(vec![150_000_000, 0, 9_223_372_036_854_700_000, 100_000, 200_000])
    );
    let zeros_past_eight = thousandths.map(|amount| amount * 10_i128.pow(15));
    assert_eq!(
        cc(decimals("cc", &zeros_past_eight, 18)),
        Ok(vec![150_000_000, 0, 9_223_372_036_854_700_000, 100_000, 200_000])
    );
    assert_eq!(cc(values("cc", [1_i32, 0, 2, 3, 4])).unwrap()[4], 400_000_000);
    assert_eq!(cc(values("cc", ["1.5", "0", "2", "3", "0.00000001"])).unwrap()[4], 1);
    for (column, part) in [
        (
            decimals("cc", &[0, 0, 1_000_000_001, 0, 0], 9),
            "row 3 (id 3): cc is 1.000000001, which has more than 8",
        ),
        (
            decimals("cc", &[0, 0, 0, 1, 0], 30),
            "cc is 0.000000000000000000000000000001, which has more than 8",
        ),
        (decimals("cc", &[0, 0, 0, 0, -1], 0), "row 5 (id 5): cc is -1, which must not be negative"),
        (decimals("cc", &[10_i128.pow(37), 0, 0, 0, 0], 0), "which is out of range"),
        (
            values("cc", [92_233_720_369_i64, 0, 0, 0, 0]),
            "cc is 92233720369, which is out of range (an amount of",
        ),
        (values("cc", ["1", "2", "3", "4", ""]), "row 5 (id 5): cc is empty, which must not be NULL"),
    ] {
        let error = cc(column).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn binary_floating_point_amounts_are_refused_before_a_row_is_read() {
    for column in [values("cc", [0.5_f64, 1.0, 1.0, 1.0, 1.0]), values("cc", [0.5_f32, 1.0, 1.0, 1.0, 1.0])] {
        assert_eq!(
            cc(column).unwrap_err(),
            "votes.parquet: the column cc holds binary floating point numbers, which are not exact; write it as \
             DECIMAL or as text, which are exact"
        );
    }
}

#[test]
fn every_integer_type_is_an_id() {
    for dtype in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::String,
        DataType::Decimal(18, 0),
    ] {
        let ids = cast(values("id", [1_i64, 2, 3, 4, 5]), dtype.clone());
        assert_eq!(read(vec![ids]).unwrap().ids, [1, 2, 3, 4, 5], "{dtype}");
    }
    let too_large = read(vec![values("id", [1_u64, 2, u64::MAX, 4, 5])]).unwrap_err();
    assert!(
        too_large.contains("row 3: id is 18446744073709551615, which is not a whole number"),
        "{too_large}"
    );
}

#[test]
fn categories_are_texts() {
    let categories = DataType::from_categories(Categories::global());
    let types = cast(values("vote_type", ["cc", "free", "cc", "cc", "free"]), categories);
    let file = read(vec![types]).unwrap();
    assert_eq!(
        file.votes.iter().map(|vote| vote.vote_type).collect::<Vec<_>>(),
        ["cc", "free", "cc", "cc", "free"]
    );
}

#[test]
fn timestamps_of_every_unit_are_instants() {
    let seconds = 1_795_046_400;
    let utc = "2026-11-19T00:00:00.000000Z";
    for (unit, per_second) in [
        (TimeUnit::Milliseconds, 1_000),
        (TimeUnit::Microseconds, 1_000_000),
        (TimeUnit::Nanoseconds, 1_000_000_000),
    ] {
        let at = timestamps("voted_at", &[seconds * per_second; 5], unit);
        assert_eq!(voted_at(at.clone()).unwrap(), [utc; 5]);
        let zoned = cast(at, DataType::Datetime(unit, Some(TimeZone::UTC)));
        assert_eq!(voted_at(zoned).unwrap(), [utc; 5]);
    }
    assert_eq!(voted_at(values("voted_at", ["2026-11-19T02:00:00+02:00"; 5])).unwrap(), [utc; 5]);
    for (column, part) in [
        (
            timestamps("voted_at", &[1; 5], TimeUnit::Nanoseconds),
            "row 1 (id 1): voted_at is 1 ns since 1970, which has more",
        ),
        (timestamps("voted_at", &[i64::MAX; 5], TimeUnit::Milliseconds), "is not an instant of the calendar"),
        (
            timestamps("voted_at", &[i64::MIN / 200; 5], TimeUnit::Microseconds),
            "is not in the years 1000 to 9999",
        ),
        (
            values("voted_at", [seconds; 5]),
            "the column voted_at holds whole numbers; write it as timestamps or as text",
        ),
    ] {
        let error = voted_at(column).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn null_is_named_with_its_row_and_column() {
    for (column, part) in [
        (
            values("id", [Some(1_i64), Some(2), None, Some(4), Some(5)]),
            "row 3: id is NULL, which must not be NULL",
        ),
        (
            values("vote_type", [Some("a"), None, None, None, None]),
            "row 2 (id 2): vote_type is NULL, which must",
        ),
        (
            values("cc", [Some(1_i64), Some(2), Some(3), Some(4), None]),
            "row 5 (id 5): cc is NULL, which must not",
        ),
        (
            cast(
                values("voted_at", [None, Some(0_i64), None, None, None]),
                DataType::Datetime(TimeUnit::Microseconds, None),
            ),
            "row 1 (id 1): voted_at is NULL, which must not be NULL",
        ),
    ] {
        let error = read(vec![column]).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn columns_that_are_missing_or_of_no_fitting_type_are_named() {
    let mut columns = five(vec![]);
    columns.remove(3);
    let file = file(columns);
    assert_eq!(
        message(&read_votes(&file.path, &mut |_| ()).err().unwrap(), &file),
        "votes.parquet has no column partner_id; it has remark, voted_at, id, vote_type, cc, ecc, and must have id, \
         partner_id, vote_type, cc, ecc, voted_at"
    );
    let error = read(vec![values("vote_type", [1_i64, 2, 3, 4, 5])]).unwrap_err();
    assert!(error.contains("the column vote_type holds whole numbers; write it as text"), "{error}");
    let error = read(vec![values("partner_id", [true; 5])]).unwrap_err();
    assert!(error.contains("the column partner_id holds truth values; write it as whole numbers"), "{error}");
}

#[test]
fn a_file_that_is_no_parquet_is_an_error() {
    for (bytes, part) in [
        (vec![], "votes.parquet is empty"),
        (b"id,partner_id\n".to_vec(), "votes.parquet is damaged or not a Parquet file ("),
        (b"PAR1\0\0\0\0PAR1".to_vec(), "votes.parquet is damaged or not a Parquet file ("),
    ] {
        let file = scratch("votes.parquet", bytes);
        let error = message(&read_votes(&file.path, &mut |_| ()).err().unwrap(), &file);
        assert!(error.starts_with(part), "{error}");
    }
}

#[test]
fn a_file_that_was_cut_short_is_an_error() {
    let bytes = bytes(five(vec![]));
    for length in (0..bytes.len()).step_by(7) {
        let file = scratch("votes.parquet", &bytes[..length]);
        assert!(read_votes(&file.path, &mut |_| ()).is_err(), "{length} bytes");
    }
}

proptest! {
    #[test]
    fn any_bytes_as_parquet_are_votes_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let file = scratch("votes.parquet", [b"PAR1", bytes.as_slice(), b"PAR1"].concat());
        let _ = read_votes(&file.path, &mut |_| ());
    }
}
