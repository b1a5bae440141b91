//! Watched lists and repositories, and what was found to have changed in them; see [`Changes`].

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::decisions;
use super::driver::Tx;
use super::ledger::number;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::audit::text_hash;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{
    BeforeAfter, Change, ChangeState, Changes, DecidedChanges, DecidingChanges, Look, NewChange, OpenChange,
    Result, StoreError, Waits, WatchState, Watched,
};

/// Rows of one statement at most, in number and in bytes.
const ROWS: usize = 100;
const BYTES: usize = 1024 * 1024;

#[async_trait]
impl Changes for SqlStore {
    async fn watches(&self) -> Result<Vec<Watched>> {
        self.page(sql::WATCHES, &[], "reading the watches").await?.iter().map(watched).collect()
    }

    async fn watch_state(&self, name: &str) -> Result<WatchState> {
        // First of all: what another writes after it makes what is decided here stale.
        let watch = self.page(sql::WATCH, &[name.into()], "reading a watch").await?;
        let unseen = || Watched { name: name.to_owned(), ..Watched::default() };
        let mut state = WatchState {
            watch: watch.first().map_or_else(|| Ok(unseen()), watched)?,
            ..WatchState::default()
        };
        for row in self.page(sql::WATCHED_ROWS, &[name.into()], "reading a watched list").await? {
            let row = OwnRow { table: "reward_watched_rows", row: &row };
            let key = row.text(0)?;
            if row.int(2)? != 0 {
                state.rejected.insert(key.clone(), row.optional_text(3)?);
            }
            state.known.extend(row.optional_text(1)?.map(|content| (key, content)));
        }
        for row in self.page(sql::OPEN_CHANGES, &[name.into()], "reading the changes that wait").await? {
            let row = OwnRow { table: "reward_changes", row: &row };
            let open = OpenChange { number: row.count(0, "number")?, after: row.optional_text(2)? };
            state.open.insert(row.text(1)?, open);
        }
        Ok(state)
    }

    async fn confirmed_rows(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let WatchState { watch, known, .. } = self.watch_state(name).await?;
        Ok(watch.has_baseline.then_some(known))
    }

    async fn pending_changes(&self, watch: Option<&str>) -> Result<Vec<Change>> {
        let what = "reading the changes that wait";
        let rows = match watch {
            Some(watch) => self.page(sql::PENDING_OF_WATCH, &[watch.into()], what).await?,
            None => self.page(sql::PENDING_CHANGES, &[], what).await?,
        };
        rows.iter().map(change).collect()
    }

    async fn waiting_changes(&self, first: u32) -> Result<Vec<Waits>> {
        let mut counts = BTreeMap::new();
        for row in self.page(sql::COUNT_PENDING, &[], "counting the changes that wait").await? {
            let row = OwnRow { table: "reward_changes", row: &row };
            counts.insert(row.text(0)?, row.count(1, "count")?);
        }
        let mut waiting = vec![];
        for watch in self.watches().await? {
            let count = counts.get(&watch.name).copied().unwrap_or_default();
            if count == 0 && watch.trouble.is_none() {
                continue;
            }
            let values = [watch.name.as_str().into(), i64::from(first).into()];
            let rows = self.page(sql::FIRST_PENDING, &values, "reading the changes that wait").await?;
            let first = rows.iter().map(change).collect::<Result<_>>()?;
            let rows = self.page(sql::NEWEST_PENDING, &values[..1], "reading the changes that wait").await?;
            let newest = rows.first().map(change).transpose()?;
            waiting.push(Waits { watch, count, first, newest });
        }
        Ok(waiting)
    }

    async fn changes_page(&self, before: u64, limit: u32) -> Result<Vec<Change>> {
        let values = [number(before), i64::from(limit).into()];
        self.page(sql::CHANGES_PAGE, &values, "reading changes").await?.iter().map(change).collect()
    }

    async fn change(&self, wanted: u64) -> Result<Option<(Change, BeforeAfter)>> {
        let rows = self.page(sql::CHANGE, &[number(wanted)], "reading a change").await?;
        let Some(found) = rows.first().map(change).transpose()? else { return Ok(None) };
        let rows = self.page(sql::CHANGE_CONTENTS, &[number(wanted)], "reading a change").await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let row = OwnRow { table: "reward_changes", row };
        Ok(Some((found, BeforeAfter { before: row.optional_text(0)?, after: row.optional_text(1)? })))
    }

    async fn record_look(&self, look: &Look<'_>) -> Result<()> {
        self.write(&RecordLook(look)).await
    }

    async fn decide_changes(&self, deciding: &DecidingChanges<'_>) -> Result<DecidedChanges> {
        self.write(&DecideChanges(deciding)).await
    }
}

fn watched(row: &Row) -> Result<Watched> {
    let row = OwnRow { table: "reward_watches", row };
    Ok(Watched {
        name: row.text(0)?,
        version: row.count(1, "version")?,
        has_baseline: row.int(2)? != 0,
        position: row.optional_text(3)?,
        trouble: row.optional_text(4)?,
    })
}

fn change(row: &Row) -> Result<Change> {
    let row = OwnRow { table: "reward_changes", row };
    let unreadable = |column, value: String, why: &str| StoreError::Unreadable {
        table: "reward_changes",
        column,
        value,
        why: why.to_owned(),
    };
    let (detail, state) = (row.text(5)?, row.text(7)?);
    let decision = row.optional_int(8)?.map(|_| row.count(8, "decision")).transpose()?;
    let ended_at = row.optional_text(9)?.map(|_| row.instant(9, "ended_at")).transpose()?;
    Ok(Change {
        number: row.count(0, "number")?,
        watch: row.text(1)?,
        key: row.text(2)?,
        author: row.optional_text(3)?,
        revision: row.optional_text(4)?,
        detail: serde_json::from_str(&detail).map_err(|_| unreadable("detail", detail, "is no JSON"))?,
        seen_at: row.instant(6, "seen_at")?,
        state: ChangeState::named(&state).ok_or_else(|| unreadable("state", state, "is no state"))?,
        decision,
        ended_at,
    })
}

struct RecordLook<'a>(&'a Look<'a>);

impl Work for RecordLook<'_> {
    const NAME: &'static str = "record_look";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Look {
            watch,
            version_before,
            position,
            trouble,
            announced,
            superseded,
            withdrawn,
            forgotten,
            now,
        } = self.0;
        let mut values: Vec<Value<'_>> =
            vec![(*position).into(), (*trouble).into(), (*watch).into(), number(*version_before)];
        let advanced = tx.execute(sql::ADVANCE_WATCH, &values).await.map_err(doing("locking a watch"))?;
        if advanced == 0 {
            let known = tx.fetch(sql::WATCH, &[(*watch).into()]).await.map_err(doing("reading a watch"))?;
            if *version_before != 0 || !known.is_empty() {
                return Err(StoreError::Stale);
            }
            values.pop();
            tx.execute(sql::INSERT_WATCH, &values).await.map_err(doing("beginning a watch"))?;
        }
        for (numbers, state) in [(superseded, ChangeState::Superseded), (withdrawn, ChangeState::Withdrawn)] {
            for change in *numbers {
                end(tx, *change, state, None, *now).await?;
            }
        }
        for key in *forgotten {
            let values = [(*watch).into(), text_hash(key).into()];
            tx.execute(sql::FORGET_REJECTED, &values).await.map_err(doing("forgetting a rejected row"))?;
        }
        announce(tx, watch, announced, *now).await
    }
}

/// Ends a change that waits. The caller holds its watch, so nobody has ended it meanwhile.
async fn end(
    tx: &mut Tx,
    change: u64,
    state: ChangeState,
    decision: Option<u64>,
    now: Instant,
) -> Result<()> {
    let values =
        [state.name().into(), decision.map_or(Value::Null, number), sql_time(now).into(), number(change)];
    let ended = tx.execute(sql::END_CHANGE, &values).await.map_err(doing("ending a change"))?;
    if ended == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

async fn announce(tx: &mut Tx, watch: &str, announced: &[NewChange], now: Instant) -> Result<()> {
    if announced.is_empty() {
        return Ok(());
    }
    let last = tx.fetch(sql::LAST_CHANGE, &[]).await.map_err(doing("numbering changes"))?;
    let last = last.first().map(|row| OwnRow { table: "reward_changes", row }.optional_int(0)).transpose()?;
    let last = last.flatten().and_then(|last| u64::try_from(last).ok()).unwrap_or_default();
    let seen_at = sql_time(now);
    let row = |(index, change): (usize, &'_ NewChange)| -> Vec<Value<'static>> {
        vec![
            number(last + 1 + index as u64),
            watch.to_owned().into(),
            text_hash(&change.key).into(),
            change.key.clone().into(),
            change.before.clone().into(),
            change.after.clone().into(),
            change.author.clone().into(),
            change.revision.clone().into(),
            change.detail.to_string().into(),
            seen_at.clone().into(),
        ]
    };
    let rows = announced.iter().enumerate().map(row);
    insert(tx, rows, sql::insert_changes, "writing down changes").await
}

/// Writes rows, as many in a statement as may be.
async fn insert(
    tx: &mut Tx,
    rows: impl Iterator<Item = Vec<Value<'static>>> + Send,
    statement: fn(usize) -> String,
    what: &'static str,
) -> Result<()> {
    let (mut values, mut count, mut bytes) = (vec![], 0, 0);
    for row in rows {
        bytes +=
            row.iter().map(|value| if let Value::Text(text) = value { text.len() } else { 8 }).sum::<usize>();
        values.extend(row);
        count += 1;
        if count == ROWS || bytes > BYTES {
            tx.execute(statement(count), &values).await.map_err(doing(what))?;
            values.clear();
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        tx.execute(statement(count), &values).await.map_err(doing(what))?;
    }
    Ok(())
}

struct DecideChanges<'a>(&'a DecidingChanges<'a>);

impl Work for DecideChanges<'_> {
    const NAME: &'static str = "decide_changes";
    type Output = DecidedChanges;

    async fn run(&self, tx: &mut Tx) -> Result<DecidedChanges> {
        let DecidingChanges { numbers, rows, confirm, decision } = self.0;
        let (mut changes, mut others) = (vec![], vec![]);
        for wanted in *numbers {
            let found = tx.fetch(sql::CHANGE, &[number(*wanted)]).await.map_err(doing("reading a change"))?;
            match found.first().map(change).transpose()? {
                Some(change) if change.state == ChangeState::Pending => changes.push(change),
                other => others.push((*wanted, other.map(|change| change.state))),
            }
        }
        if !others.is_empty() {
            return Ok(DecidedChanges::NotPending(others));
        }
        let mut wholes = BTreeMap::new();
        for change in &changes {
            let contents = tx.fetch(sql::CHANGE_CONTENTS, &[number(change.number)]).await;
            let contents = contents.map_err(doing("reading a change"))?;
            let row = contents.first().ok_or(StoreError::Stale)?;
            let after = OwnRow { table: "reward_changes", row }.optional_text(1)?;
            wholes.insert(change.number, after);
        }
        if let Some(missing) = rows.and_then(|rows| missing_rows(&changes, &wholes, rows)) {
            return Ok(DecidedChanges::NoSuchRows(missing));
        }
        let decided = decisions::write(tx, decision).await?;
        let state = if *confirm { ChangeState::Confirmed } else { ChangeState::Rejected };
        let mut watches: BTreeMap<&str, bool> = BTreeMap::new();
        for change in &changes {
            end(tx, change.number, state, Some(decided), decision.at).await?;
            let after = wholes.remove(&change.number).flatten();
            let begins = *confirm && change.is_whole();
            *watches.entry(&change.watch).or_default() |= begins;
            if begins {
                confirm_whole(tx, &change.watch, &after.unwrap_or_default(), *rows).await?;
            } else if change.is_of_list() {
                decide_row(tx, change, after, *confirm).await?;
            }
        }
        for (watch, begins) in watches {
            let values = [i64::from(begins).into(), watch.into()];
            tx.execute(sql::DECIDED_WATCH, &values).await.map_err(doing("noting a decision of a watch"))?;
        }
        Ok(DecidedChanges::Done(decided))
    }
}

/// What is asked for and not in the one list that waits as a whole; none where all is there.
fn missing_rows(
    changes: &[Change],
    contents: &BTreeMap<u64, Option<String>>,
    rows: &[String],
) -> Option<Vec<String>> {
    let whole = changes.iter().find(|change| change.is_whole());
    let whole = whole.and_then(|change| contents.get(&change.number).cloned().flatten());
    let listed = whole.map(|whole| rows_of_whole(&whole)).unwrap_or_default();
    let missing: Vec<String> = rows.iter().filter(|row| !listed.contains_key(*row)).cloned().collect();
    (!missing.is_empty()).then_some(missing)
}

/// The rows of a list that waits as a whole. It was written by us.
fn rows_of_whole(whole: &str) -> BTreeMap<String, serde_json::Value> {
    serde_json::from_str(whole).unwrap_or_default()
}

async fn confirm_whole(tx: &mut Tx, watch: &str, whole: &str, only: Option<&[String]>) -> Result<()> {
    let mut listed = rows_of_whole(whole);
    if let Some(only) = only {
        listed.retain(|key, _| only.contains(key));
    }
    let values = [watch.into(), text_hash("").into()];
    tx.execute(sql::FORGET_REJECTED, &values).await.map_err(doing("forgetting a rejected list"))?;
    let row = |(key, content): (String, serde_json::Value)| -> Vec<Value<'static>> {
        vec![
            watch.to_owned().into(),
            text_hash(&key).into(),
            key.into(),
            content.to_string().into(),
            0.into(),
            Value::Null,
        ]
    };
    insert(tx, listed.into_iter().map(row), sql::insert_watched_rows, "writing down a confirmed list").await
}

async fn decide_row(tx: &mut Tx, change: &Change, after: Option<String>, confirm: bool) -> Result<()> {
    let hash = text_hash(&change.key);
    let after: Value<'static> = after.into();
    let values = [after.clone(), change.watch.as_str().into(), hash.as_str().into()];
    let statement = if confirm { sql::CONFIRM_ROW } else { sql::REJECT_ROW };
    let updated = tx.execute(statement, &values).await.map_err(doing("deciding a row"))?;
    if updated == 0 {
        let (content, rejected) = if confirm { (after, Value::Null) } else { (Value::Null, after) };
        let values = [
            change.watch.as_str().into(),
            hash.as_str().into(),
            change.key.as_str().into(),
            content,
            i64::from(!confirm).into(),
            rejected,
        ];
        tx.execute(sql::insert_watched_rows(1), &values).await.map_err(doing("deciding a row"))?;
    }
    Ok(())
}
