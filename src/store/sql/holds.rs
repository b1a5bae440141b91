//! What alarms found and set aside: written with a run or with the hold of a window, and read.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::bind::{Bound, Row, Sql, Value};
use super::commit::{broken, counted_sum};
use super::driver::{Database, Tx};
use super::statements as sql;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::rewards::alarms::{Action, Raised};
use crate::rewards::money::Units;
use crate::rewards::plan::Plan;
use crate::rewards::window::{Instant, Kind, Window};
use crate::store::error::doing;
use crate::store::{
    Decided, HeldSum, HeldWindow, Hold, HoldKey, HoldState, NewHeldWindow, RaisedAlarm, Result, StoreError,
    WindowState,
};

/// Rows in one statement, as of rewards.
const ROWS_PER_STATEMENT: usize = 500;

const HOLDS: &str = "reward_holds";
const ALARMS: &str = "reward_alarms";
const WINDOWS: &str = "reward_held_windows";

/// Writes rows, so many to a statement.
async fn insert(
    tx: &mut Tx,
    database: &Database,
    rows: &[Vec<Value<'_>>],
    statement: impl Fn(usize) -> String,
    what: &'static str,
) -> Result<()> {
    let full = Sql::from(Arc::<str>::from(statement(ROWS_PER_STATEMENT)));
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let sql = if rows.len() == ROWS_PER_STATEMENT { full.clone() } else { statement(rows.len()).into() };
        let values = rows.concat();
        let values = Bound::new(database, &values).map_err(doing(what))?;
        tx.execute_bound(sql, values).await.map_err(doing(what))?;
    }
    Ok(())
}

/// Writes what alarms found in a window, after what they have found in it before.
pub(super) async fn insert_alarms(
    tx: &mut Tx,
    database: &Database,
    window: &Window,
    raised: &[Raised],
    now: Instant,
) -> Result<()> {
    if raised.is_empty() {
        return Ok(());
    }
    let key = [window.kind.name().into(), sql_time(window.start).into()];
    let before = tx.fetch(sql::COUNT_ALARMS, &key).await.map_err(doing("counting the alarms"))?;
    let before = OwnRow { table: ALARMS, row: &before[0] }.int(0)?;
    let row = |(raised, number): (&Raised, i64)| {
        vec![
            window.kind.name().into(),
            Value::Instant(window.start),
            number.into(),
            raised.alarm.clone().into(),
            raised.rule.into(),
            raised.action.name().into(),
            raised.partner_id.into(),
            raised.figure.clone().into(),
            raised.limit.clone().into(),
            raised.stake.into(),
            Value::Instant(now),
        ]
    };
    let rows: Vec<Vec<Value<'_>>> = raised.iter().zip(before + 1..).map(row).collect();
    insert(tx, database, &rows, sql::insert_alarms, "writing the alarms").await
}

/// Writes what a plan sets aside.
pub(super) async fn insert_holds(tx: &mut Tx, database: &Database, plan: &Plan, now: Instant) -> Result<()> {
    let holders = plan.holders();
    let row = |held: crate::rewards::holds::SetAside| {
        let amounts: Vec<String> = held.amounts.iter().map(Units::to_string).collect();
        let alarms = holders.get(&held.partner_id).map(Vec::as_slice).unwrap_or_default();
        vec![
            plan.window.kind.name().into(),
            Value::Instant(plan.window.start),
            held.partner_id.into(),
            json(&amounts).into(),
            held.from_pool.into(),
            held.market_bonus.into(),
            i64::from(held.has_transfer).into(),
            json(alarms).into(),
            Value::Instant(now),
        ]
    };
    let rows: Vec<Vec<Value<'_>>> = plan.set_aside().map(row).collect();
    insert(tx, database, &rows, sql::insert_holds, "setting amounts aside").await
}

/// The number of rows that a run has set aside, and what they come to.
pub(super) async fn holds_written(tx: &mut Tx, database: &Database, plan: &Plan) -> Result<(u64, i128)> {
    let key = [plan.window.kind.name().into(), sql_time(plan.window.start).into()];
    let rows = tx.fetch(sql::holds_written(database), &key).await;
    counted_sum(HOLDS, &rows.map_err(doing("reading back what was set aside"))?[0])
}

/// How many amounts are set aside and not decided, and what they hold of the pools' money.
pub(super) async fn read_set_aside(tx: &mut Tx, database: &Database) -> Result<(u64, Units)> {
    let rows = tx.fetch(sql::set_aside(database), &[]).await;
    set_aside_of(&rows.map_err(doing("adding up what is set aside"))?)
}

/// The same from the row of [`sql::set_aside`].
pub(super) fn set_aside_of(rows: &[Row]) -> Result<(u64, Units)> {
    let (count, sum) = counted_sum(HOLDS, &rows[0])?;
    let broken = |error| StoreError::Broken { what: format!("the sum of {HOLDS}.from_pool {error}") };
    Ok((count, Units::new(sum).map_err(broken)?))
}

/// The state of a window that is or was held; none where it never was.
pub(super) async fn read_held_window(tx: &mut Tx, window: &Window) -> Result<Option<HeldWindow>> {
    let key = [window.kind.name().into(), sql_time(window.start).into()];
    let rows = tx.fetch(sql::HELD_WINDOW, &key).await.map_err(doing("looking for a held window"))?;
    rows.first().map(held_window).transpose()
}

/// Holds a window: nothing of it is written but why. Gives false where it has been paid meanwhile.
pub(super) struct HoldWindow<'a> {
    pub database: &'a Database,
    pub new: NewHeldWindow<'a>,
}

impl Work for HoldWindow<'_> {
    const NAME: &'static str = "hold_window";
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let NewHeldWindow { window, raised, stake, now } = &self.new;
        let key = [window.kind.name().into(), sql_time(window.start).into()];
        if !tx.fetch(sql::RUN, &key).await.map_err(doing("looking the run up"))?.is_empty() {
            return Ok(false);
        }
        match read_held_window(tx, window).await?.map(|known| known.state) {
            None => {}
            Some(WindowState::Held) => return Ok(true),
            Some(WindowState::Approved | WindowState::Paid) => return Err(StoreError::Stale),
        }
        let values = [
            window.kind.name().into(),
            sql_time(window.start).into(),
            json(&self.new.held().alarms).into(),
            (*stake).into(),
            sql_time(*now).into(),
        ];
        tx.execute(sql::INSERT_HELD_WINDOW, &values).await.map_err(doing("holding a window"))?;
        insert_alarms(tx, self.database, window, raised, *now).await?;
        Ok(true)
    }
}

pub(super) fn json<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).expect("texts and numbers are plain data")
}

/// A list that is kept as JSON.
fn list<T: DeserializeOwned>(row: &OwnRow<'_>, index: usize, column: &'static str) -> Result<Vec<T>> {
    let text = row.text(index)?;
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        table: row.table,
        column,
        value: text.clone(),
        why: format!("is no list of what it should hold: {error}"),
    };
    serde_json::from_str(&text).map_err(unreadable)
}

/// A word of ours.
fn word<T>(row: &OwnRow<'_>, index: usize, column: &'static str, named: fn(&str) -> Option<T>) -> Result<T> {
    let value = row.text(index)?;
    let unreadable = || StoreError::Unreadable {
        table: row.table,
        column,
        value: value.clone(),
        why: "is no word that stands there".to_owned(),
    };
    named(&value).ok_or_else(unreadable)
}

fn kind(row: &OwnRow<'_>) -> Result<Kind> {
    word(row, 0, "reward_type", Kind::named)
}

/// Number, name and instant from three columns in a row; none where they are NULL.
fn decided(row: &OwnRow<'_>, index: usize) -> Result<Option<Decided>> {
    let Some(number) = row.optional_int(index)? else { return Ok(None) };
    let by = row.optional_text(index + 1)?.unwrap_or_default();
    let at = row.instant(index + 2, "decided_at")?;
    Ok(Some(Decided { number: u64::try_from(number).unwrap_or_default(), by, at }))
}

pub(super) fn hold(row: &Row) -> Result<Hold> {
    let row = OwnRow { table: HOLDS, row };
    let unreadable = |value: &str, why: crate::rewards::money::MoneyError| StoreError::Unreadable {
        table: HOLDS,
        column: "amounts",
        value: value.to_owned(),
        why: why.to_string(),
    };
    let amounts: Vec<String> = list(&row, 3, "amounts")?;
    let amount = |text: &String| Units::parse(text).map_err(|why| unreadable(text, why));
    let forfeited = match (row.optional_text(13)?, row.optional_int(14)?) {
        (Some(_), Some(after)) => Some((row.date(13, "pool_day")?, u64::try_from(after).unwrap_or_default())),
        _ => None,
    };
    Ok(Hold {
        key: HoldKey { kind: kind(&row)?, start: row.instant(1, "time")?, partner_id: row.int(2)? },
        amounts: amounts.iter().map(amount).collect::<Result<_>>()?,
        from_pool: row.units(4, "from_pool")?,
        market_bonus: row.units(5, "market_bonus")?,
        has_transfer: row.int(6)? != 0,
        alarms: list(&row, 7, "alarms")?,
        state: word(&row, 8, "state", HoldState::named)?,
        held_at: row.instant(9, "held_at")?,
        decided: decided(&row, 10)?,
        forfeited,
    })
}

/// A row of [`sql::holds_by_state`].
pub(super) fn held_sum(row: &Row) -> Result<HeldSum> {
    let row = OwnRow { table: HOLDS, row };
    let sum = |at: usize| -> Result<Units> {
        let (whole, fraction) = (row.units(at, "sum")?, row.text(at + 1)?);
        let fraction: i128 = fraction.parse().map_err(|_| broken("a sum is no number".to_owned()))?;
        Units::new(whole.count() + fraction).map_err(|error| broken(format!("a sum of {HOLDS} {error}")))
    };
    let forfeited = match (row.optional_text(2)?, row.optional_int(3)?) {
        (Some(_), Some(after)) => Some((row.date(2, "pool_day")?, u64::try_from(after).unwrap_or_default())),
        _ => None,
    };
    Ok(HeldSum {
        state: word(&row, 0, "state", HoldState::named)?,
        kind: word(&row, 1, "reward_type", Kind::named)?,
        forfeited,
        count: row.count(4, "count")?,
        from_pool: sum(5)?,
        market_bonus: sum(7)?,
    })
}

pub(super) fn raised_alarm(row: &Row) -> Result<RaisedAlarm> {
    let row = OwnRow { table: ALARMS, row };
    Ok(RaisedAlarm {
        kind: kind(&row)?,
        start: row.instant(1, "time")?,
        number: row.count(2, "number")?,
        alarm: row.text(3)?,
        rule: row.text(4)?,
        action: word(&row, 5, "action", Action::named)?,
        partner_id: row.optional_int(6)?,
        figure: row.text(7)?,
        limit: row.text(8)?,
        stake: row.units(9, "stake")?,
        raised_at: row.instant(10, "raised_at")?,
    })
}

pub(super) fn held_window(row: &Row) -> Result<HeldWindow> {
    let row = OwnRow { table: WINDOWS, row };
    Ok(HeldWindow {
        kind: kind(&row)?,
        start: row.instant(1, "time")?,
        alarms: list(&row, 2, "alarms")?,
        stake: row.units(3, "stake")?,
        state: word(&row, 4, "state", WindowState::named)?,
        held_at: row.instant(5, "held_at")?,
        decided: decided(&row, 6)?,
        partners: list(&row, 9, "partners")?,
    })
}
