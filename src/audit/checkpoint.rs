//! A line about the newest row of the hash chain, to be kept elsewhere: whoever has it can tell later whether the
//! history up to that row was written anew, chain and all.

use std::fmt;
use std::str::FromStr;

use super::CHAIN_START;
use crate::rewards::window::{Instant, Kind, show};

/// What every such line begins with, its version included.
const OPENING: &str = "rewardd-checkpoint v1";

/// How the chain stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of the newest row.
    pub sequence: u64,
    /// Of the newest row, which stands for all rows before it.
    pub hash: String,
    /// The window that the row is of: its kind and start.
    pub window: (Kind, Instant),
    pub committed_at: Instant,
    /// Where the chain is; for people.
    pub database: String,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, hash, window: (kind, start), committed_at, database } = self;
        write!(
            f,
            "{OPENING} sequence={sequence} hash={hash} window={kind}/{} committed={} database={database}",
            show(*start),
            show(*committed_at)
        )
    }
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("it does not begin with `{OPENING}`")]
    Opening,
    #[error("it has no {0}= where there should be one")]
    Missing(&'static str),
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(line: &str) -> Result<Self, CheckpointError> {
        use CheckpointError::{Missing, Opening, Unreadable};
        let fields = line.trim().strip_prefix(OPENING).ok_or(Opening)?;
        // The database comes last, as a path may have blanks.
        let (fields, database) = fields.split_once(" database=").ok_or(Missing("database"))?;
        let mut fields = fields.split_whitespace();
        let mut field = |name: &'static str| {
            let value = fields.next().and_then(|field| field.strip_prefix(name)?.strip_prefix('='));
            value.ok_or(Missing(name))
        };
        let sequence = field("sequence")?.parse().map_err(|_| Unreadable("sequence"))?;
        let hash = field("hash")?;
        let is_hash = hash.len() == CHAIN_START.len() && hash.chars().all(|c| c.is_ascii_hexdigit());
        let (kind, start) = field("window")?.split_once('/').ok_or(Unreadable("window"))?;
        let kind = Kind::named(kind);
        let start = start.parse().map_err(|_| Unreadable("window"))?;
        let committed_at = field("committed")?.parse().map_err(|_| Unreadable("committed"))?;
        Ok(Self {
            sequence,
            hash: if is_hash { hash.to_ascii_lowercase() } else { return Err(Unreadable("hash")) },
            window: (kind.ok_or(Unreadable("window"))?, start),
            committed_at,
            database: database.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            sequence: 51,
            hash: "ab".repeat(32),
            window: (Kind::Daily, "2026-11-19T00:00:00Z".parse().unwrap()),
            committed_at: "2026-11-20T00:00:35.000001Z".parse().unwrap(),
            database: "sqlite:///srv/a folder/rewards.db".to_owned(),
        }
    }

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let line = checkpoint().to_string();
        assert_eq!(line.parse(), Ok(checkpoint()));
        assert_eq!(format!("  {line}\n").parse(), Ok(checkpoint()));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused_with_the_reason() {
        let line = checkpoint().to_string();
        let refused =
            |from: &str, to: &str| line.replace(from, to).parse::<Checkpoint>().unwrap_err().to_string();
        assert_eq!(refused("v1", "v2"), "it does not begin with `rewardd-checkpoint v1`");
        assert_eq!(refused("sequence=51 ", ""), "it has no sequence= where there should be one");
        assert_eq!(refused("=51", "=x"), "its sequence cannot be read");
        assert_eq!(refused("abab", "ab"), "its hash cannot be read");
        assert_eq!(refused("daily", "weekly"), "its window cannot be read");
        assert_eq!(refused(" database=", " "), "it has no database= where there should be one");
    }
}
