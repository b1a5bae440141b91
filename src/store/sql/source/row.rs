//! Rows of a source, whose column types are not ours to choose: each value is taken exactly or refused.

use crate::rewards::money::Units;
use crate::rewards::window::Instant;
use crate::store::error::{BadValue, SourceError};

/// A row, column by column.
pub(super) trait SourceRow {
    fn text(&self, index: usize) -> Result<&str, BadValue>;
    fn integer(&self, index: usize) -> Result<i64, BadValue>;
    fn amount(&self, index: usize) -> Result<Units, BadValue>;

    /// Microseconds since 1970, UTC.
    fn micros(&self, index: usize) -> Result<i64, BadValue>;

    fn instant(&self, index: usize) -> Result<Instant, BadValue> {
        Instant::from_timestamp_micros(self.micros(index)?).ok_or(BadValue::NotAnInstant)
    }

    /// The value for a message; `NULL` where there is none.
    fn show(&self, index: usize) -> String;
}

/// What is done with each row; after its first error no more rows are handed over.
pub(super) type Take<'take> = &'take mut (dyn FnMut(&dyn SourceRow) -> Result<(), SourceError> + Send);
