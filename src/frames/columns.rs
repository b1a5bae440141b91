//! Votes in typed columns, as a source gathers them.

use std::collections::HashMap;

/// One vote, its amounts checked: `cc` and `ecc` in units of 10⁻⁸, not negative, each within 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote<'a> {
    pub partner_id: i64,
    pub vote_type: &'a str,
    pub cc: i64,
    pub ecc: i64,
    /// Microseconds since 1970, UTC.
    pub voted_at: i64,
}

/// Votes as one vector per column; vote types as codes into a short list.
#[derive(Clone, Debug, Default)]
pub struct VoteColumns {
    pub(super) partner_id: Vec<i64>,
    pub(super) vote_type: Vec<u32>,
    pub(super) cc: Vec<i64>,
    pub(super) ecc: Vec<i64>,
    pub(super) voted_at: Vec<i64>,
    pub(super) types: Vec<String>,
    codes: HashMap<String, u32>,
}

impl VoteColumns {
    /// Appends one vote.
    ///
    /// # Panics
    /// On a negative amount: sources refuse such rows by name before they come here.
    pub fn push(&mut self, vote: Vote<'_>) {
        assert!(vote.cc >= 0 && vote.ecc >= 0, "amounts of votes are not negative");
        let code = self.code(vote.vote_type);
        self.partner_id.push(vote.partner_id);
        self.vote_type.push(code);
        self.cc.push(vote.cc);
        self.ecc.push(vote.ecc);
        self.voted_at.push(vote.voted_at);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.partner_id.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partner_id.is_empty()
    }

    /// The votes in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = Vote<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> Vote<'_> {
        Vote {
            partner_id: self.partner_id[row],
            vote_type: &self.types[self.vote_type[row] as usize],
            cc: self.cc[row],
            ecc: self.ecc[row],
            voted_at: self.voted_at[row],
        }
    }

    fn code(&mut self, vote_type: &str) -> u32 {
        if let Some(code) = self.codes.get(vote_type) {
            return *code;
        }
        let code = u32::try_from(self.types.len()).expect("vote types are few");
        self.types.push(vote_type.to_owned());
        self.codes.insert(vote_type.to_owned(), code);
        code
    }
}
