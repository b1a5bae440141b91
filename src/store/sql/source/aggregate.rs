//! The votes of a window, added up by the source's server: one row per partner comes over, however many votes there
//! are. For servers that are many machines, or that keep columns instead of rows; on a single one, reading the votes
//! is faster.
//!
//! Only SQL that all of them take. `GROUP BY partner_id` stays within a shard where votes are sharded by partner.

use super::row::SourceRow;
use super::views::View;
use super::{SqlSource, bad_row, bound, not_negative, quoted};
use crate::frames::{Gathered, Sums};
use crate::store::Request;
use crate::store::error::{BadValue, SourceError};

/// The largest amount that one vote may have: what 64 bits hold.
const MOST_PER_VOTE: &str = "92233720368.54775807";

impl SqlSource {
    /// What [`Self::votes`] gives, to the byte.
    pub(super) async fn aggregated(
        &self,
        mut view: View,
        request: &Request,
    ) -> Result<Gathered, SourceError> {
        let mut gathered = request.gathered();
        let added = self.add_up(&mut view, &mut gathered, request.count_types).await;
        if let Err(bad @ SourceError::BadRow { .. }) = added {
            // Sums do not say which row is bad; reading the rows does.
            self.votes(vec![view], request).await?;
            return Err(bad);
        }
        added.map(|()| gathered)
    }

    async fn add_up(
        &self,
        view: &mut View,
        gathered: &mut Gathered,
        count_types: bool,
    ) -> Result<(), SourceError> {
        let table = &self.names.votes_table;
        let bounds = [bound(gathered.window().start), bound(gathered.window().end)];
        // Hours are counted from the window's start.
        let from_start = [bounds[0].clone(), bounds[0].clone(), bounds[1].clone()];

        let mut add = |row: &dyn SourceRow| self.add_partner(row, gathered);
        view.each_row(&self.partners_query(), &from_start, table, &mut add).await?;
        let mut add = |row: &dyn SourceRow| self.add_type(row, gathered);
        view.each_row(&self.types_query(), &from_start, table, &mut add).await?;
        if count_types {
            let mut add = |row: &dyn SourceRow| self.add_count(row, gathered);
            view.each_row(&self.counts_query(), &bounds, table, &mut add).await?;
        }
        if gathered.is_consistent() { Ok(()) } else { Err(SourceError::Moved { table: table.clone() }) }
    }

    fn partners_query(&self) -> String {
        let names = &self.names;
        let (vote_type, cc, ecc) = (quoted(&names.vote_type), quoted(&names.cc), quoted(&names.ecc));
        let bad_amount = |amount: &str| {
            format!(
                "{amount} IS NULL OR {amount} < 0 OR {amount} > {MOST_PER_VOTE} OR {amount} <> ROUND({amount}, 8)"
            )
        };
        format!(
            "/* aggregate */ SELECT {partner_id}, COUNT(*), SUM({cc}), SUM({ecc}), MAX({voted_at}), \
             BIT_OR(1 << TIMESTAMPDIFF(HOUR, ?, {voted_at})), \
             SUM(CASE WHEN {vote_type} IS NULL OR {bad_cc} OR {bad_ecc} THEN 1 ELSE 0 END) \
             FROM {table} WHERE {voted_at} >= ? AND {voted_at} < ? GROUP BY {partner_id}",
            partner_id = quoted(&names.partner_id),
            voted_at = quoted(&names.voted_at),
            bad_cc = bad_amount(&cc),
            bad_ecc = bad_amount(&ecc),
            table = quoted(&names.votes_table),
        )
    }

    /// Types are told apart byte by byte, whatever the column's collation makes of them.
    fn types_query(&self) -> String {
        let names = &self.names;
        format!(
            "/* aggregate */ SELECT CAST({vote_type} AS BINARY) AS type, \
             TIMESTAMPDIFF(HOUR, ?, {voted_at}) AS hour, COUNT(*), SUM({cc}) \
             FROM {table} WHERE {voted_at} >= ? AND {voted_at} < ? GROUP BY type, hour",
            vote_type = quoted(&names.vote_type),
            voted_at = quoted(&names.voted_at),
            cc = quoted(&names.cc),
            table = quoted(&names.votes_table),
        )
    }

    fn counts_query(&self) -> String {
        let names = &self.names;
        format!(
            "/* aggregate */ SELECT {partner_id}, CAST({vote_type} AS BINARY) AS type, COUNT(*) \
             FROM {table} WHERE {voted_at} >= ? AND {voted_at} < ? GROUP BY {partner_id}, type",
            partner_id = quoted(&names.partner_id),
            vote_type = quoted(&names.vote_type),
            voted_at = quoted(&names.voted_at),
            table = quoted(&names.votes_table),
        )
    }

    fn add_partner(&self, row: &dyn SourceRow, gathered: &mut Gathered) -> Result<(), SourceError> {
        let names = &self.names;
        let bad = |index, column| bad_row(&names.votes_table, row, index, column);
        let sum = |index| not_negative(row.amount(index)).map(|sum| sum.count());
        let partner_id = row.integer(0).map_err(bad(0, &names.partner_id))?;
        if row.amount(6).is_ok_and(|bad_rows| !bad_rows.is_zero()) {
            return Err(bad(6, &names.cc)(BadValue::Negative));
        }
        let votes = count(row, 1).and_then(|votes| u32::try_from(votes).map_err(|_| BadValue::NotAnInteger));
        let hours = count(row, 5).and_then(|hours| u32::try_from(hours).map_err(|_| BadValue::NotAnInstant));
        let sums = Sums {
            cc: sum(2).map_err(bad(2, &names.cc))?,
            ecc: sum(3).map_err(bad(3, &names.ecc))?,
            last: row.micros(4).map_err(bad(4, &names.voted_at))?,
            votes: votes.map_err(bad(1, "COUNT(*)"))?,
            hours: hours.map_err(bad(5, &names.voted_at))?,
        };
        gathered.add_partner(partner_id, &sums);
        Ok(())
    }

    fn add_type(&self, row: &dyn SourceRow, gathered: &mut Gathered) -> Result<(), SourceError> {
        let names = &self.names;
        let bad = |index, column| bad_row(&names.votes_table, row, index, column);
        let vote_type = row.text(0).map_err(bad(0, &names.vote_type))?;
        let hour = count(row, 1).map_err(bad(1, &names.voted_at))?;
        let votes = count(row, 2).map_err(bad(2, "COUNT(*)"))?;
        let cc = not_negative(row.amount(3)).map_err(bad(3, &names.cc))?;
        gathered.add_type(vote_type, hour as usize, votes, cc.count());
        Ok(())
    }

    fn add_count(&self, row: &dyn SourceRow, gathered: &mut Gathered) -> Result<(), SourceError> {
        let names = &self.names;
        let bad = |index, column| bad_row(&names.votes_table, row, index, column);
        let partner_id = row.integer(0).map_err(bad(0, &names.partner_id))?;
        let vote_type = row.text(1).map_err(bad(1, &names.vote_type))?;
        gathered.add_count(partner_id, vote_type, count(row, 2).map_err(bad(2, "COUNT(*)"))?);
        Ok(())
    }
}

fn count(row: &dyn SourceRow, index: usize) -> Result<u64, BadValue> {
    u64::try_from(row.integer(index)?).map_err(|_| BadValue::NotAnInteger)
}
