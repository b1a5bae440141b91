//! Along a hash chain: of `reward_distribution_logs` (rules, section 8), or of `reward_decisions`.

use super::CHAIN_START;

/// A row of a chain: it carries the hash of the row before it.
pub trait Link {
    /// Counts from 1 without a gap.
    fn number(&self) -> u64;
    fn previous_hash(&self) -> &str;
    /// Over every column of the row.
    fn hash(&self) -> String;
}

/// Follows the chain from its start, row by row, and says where it breaks.
#[derive(Debug)]
pub struct Chain {
    /// The row that was seen last, 0 before the first.
    sequence: u64,
    hash: String,
    is_broken: bool,
}

/// A link that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The first row that is missing, or the row that does not follow the one before it.
    pub sequence: u64,
    /// What is wrong, as a sentence.
    pub what: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { sequence: 0, hash: CHAIN_START.to_owned(), is_broken: false }
    }
}

impl Chain {
    /// The next row in the order of sequence numbers. Where it does not follow the one before it, what is wrong.
    pub fn follow(&mut self, row: &impl Link) -> Option<Break> {
        let expected = self.sequence + 1;
        let broken = if row.number() != expected {
            Some(missing(expected, row.number().saturating_sub(1)))
        } else if row.previous_hash() != self.hash {
            let what = format!(
                "row {} follows a row with the hash {}, but the row before it has {}: one of the two was changed",
                row.number(),
                row.previous_hash(),
                self.hash
            );
            Some(Break { sequence: row.number(), what })
        } else {
            None
        };
        self.is_broken |= broken.is_some();
        self.sequence = row.number();
        self.hash = row.hash();
        broken
    }

    /// Holds the end of the chain against what the books say: how many rows there are, and the hash of the last.
    #[must_use]
    pub fn end(&self, rows: u64, hash: &str) -> Option<Break> {
        if self.sequence < rows {
            return Some(missing(self.sequence + 1, rows));
        }
        (self.sequence == rows && self.hash != hash).then(|| {
            let last = &self.hash;
            let what =
                format!("the last row has the hash {last}, but the books name {hash}: one was changed");
            Break { sequence: rows, what }
        })
    }

    /// Of the row that was seen last.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many rows there are, by the number of the last.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.sequence
    }

    /// Whether a link was broken so far.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }
}

fn missing(first: u64, last: u64) -> Break {
    let rows = if last > first { format!("rows {first} to {last} are") } else { format!("row {first} is") };
    Break { sequence: first, what: format!("{rows} missing") }
}
