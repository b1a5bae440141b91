//! CSV: commas, a header, quotes where they are needed.

use super::{Fault, RawRow, twice};

/// # Errors
/// [`Fault`].
pub fn csv_rows(text: &str) -> Result<Vec<RawRow>, Fault> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(fault)?.clone();
    if header.is_empty() {
        return Err(Fault::at(1, "there is no header"));
    }
    if let Some(name) = twice(header.iter()) {
        return Err(Fault::at(1, format!("the header names the column {name:?} twice")));
    }
    let row = |record: csv::Result<csv::StringRecord>| {
        let record = record.map_err(fault)?;
        let line = record.position().map(|position| position.line() as usize);
        let pairs = header.iter().zip(record.iter());
        let values = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(RawRow { line, values })
    };
    reader.records().map(row).collect()
}

fn fault(error: csv::Error) -> Fault {
    let line = error.position().map(|position| position.line() as usize);
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} values where the header has {expected_len}")
        }
        _ => error.to_string(),
    };
    Fault { line, why }
}
