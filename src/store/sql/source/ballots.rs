//! How many votes one partner cast, for those who look at its history.

use async_trait::async_trait;

use super::{SourceNames, SqlSource, bound, quoted};
use crate::rewards::window::Window;
use crate::store::Ballots;
use crate::store::error::SourceError;

impl SourceNames {
    /// Counts a partner's votes of a span: all votes of the span are passed over in its index.
    #[must_use]
    pub fn count_votes(&self) -> String {
        format!(
            "/* votes_of */ SELECT COUNT(*) FROM {table} \
             WHERE {voted_at} >= ? AND {voted_at} < ? AND {partner_id} = ?",
            table = quoted(&self.votes_table),
            voted_at = quoted(&self.voted_at),
            partner_id = quoted(&self.partner_id),
        )
    }
}

#[async_trait]
impl Ballots for SqlSource {
    async fn votes_of(&self, partner_id: i64, windows: &[Window]) -> Result<Vec<u64>, SourceError> {
        let table = &self.names.votes_table;
        let failed = |source| SourceError::Database { table: table.clone(), source };
        let query = self.names.count_votes();
        let mut counts = Vec::with_capacity(windows.len());
        for window in windows {
            let values = [bound(window.start).into(), bound(window.end).into(), partner_id.into()];
            let rows = self.database.fetch(query.clone(), &values).await.map_err(failed)?;
            let count = rows.first().map_or(Ok(0), |row| row.int(0)).map_err(failed)?;
            counts.push(u64::try_from(count).unwrap_or_default());
        }
        Ok(counts)
    }
}
