//! What people decide about what is held; see [`Holds`]. Everything of a decision is one transaction: it is looked at
//! first, so where anything is not as the decision takes it to be, nothing is changed.

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::bind::Value;
use super::commit::{assert_rows, broken, read_books, read_pool, read_totals};
use super::decisions;
use super::driver::{Database, Tx};
use super::holds::{self, hold, raised_alarm, read_held_window, set_aside_of};
use super::ledger::number;
use super::statements as sql;
use super::store::SqlStore;
use super::text::sql_time;
use super::transaction::Work;
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind, Window, show};
use crate::store::error::doing;
use crate::store::{
    Decided, DecidedHolds, Deciding, Decision, Hold, HoldKey, HoldState, Holds, Movable, RaisedAlarm, Result,
    StoreError, Subject, Undecidable, Verdict, WindowState,
};

#[async_trait]
impl Holds for SqlStore {
    async fn holds(&self, state: HoldState, after: Option<HoldKey>, limit: u32) -> Result<Vec<Hold>> {
        let (time, kind, partner_id) = match after {
            Some(key) => (sql_time(key.start), key.kind.name(), key.partner_id),
            None => (sql_time(Instant::UNIX_EPOCH), "", i64::MIN),
        };
        let values = [
            state.name().into(),
            time.as_str().into(),
            time.as_str().into(),
            kind.into(),
            kind.into(),
            partner_id.into(),
            i64::from(limit).into(),
        ];
        self.page(sql::HOLDS, &values, "reading what is set aside").await?.iter().map(hold).collect()
    }

    async fn holds_of(&self, kind: Kind, start: Instant, after: i64, limit: u32) -> Result<Vec<Hold>> {
        let values = [kind.name().into(), sql_time(start).into(), after.into(), i64::from(limit).into()];
        self.page(sql::HOLDS_OF, &values, "reading what is set aside").await?.iter().map(hold).collect()
    }

    async fn holds_page(
        &self,
        kind: Kind,
        (start, partner): (Instant, i64),
        before: Instant,
        limit: u32,
    ) -> Result<Vec<Hold>> {
        let values = page_values(kind, start, partner.into(), before, limit);
        self.page(sql::HOLDS_PAGE, &values, "reading what is set aside").await?.iter().map(hold).collect()
    }

    async fn alarms_page(
        &self,
        kind: Kind,
        (start, after): (Instant, u64),
        before: Instant,
        limit: u32,
    ) -> Result<Vec<RaisedAlarm>> {
        let values = page_values(kind, start, number(after), before, limit);
        self.page(sql::ALARMS_PAGE, &values, "reading the alarms").await?.iter().map(raised_alarm).collect()
    }

    async fn hold(&self, key: HoldKey) -> Result<Option<Hold>> {
        let rows = self.page(sql::HOLD, &hold_key(&key), "reading what is set aside").await?;
        rows.first().map(hold).transpose()
    }

    async fn alarms_of(
        &self,
        kind: Kind,
        start: Instant,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RaisedAlarm>> {
        let values = [kind.name().into(), sql_time(start).into(), number(after), i64::from(limit).into()];
        self.page(sql::ALARMS_OF, &values, "reading the alarms").await?.iter().map(raised_alarm).collect()
    }

    async fn set_aside(&self) -> Result<(u64, Units)> {
        let statement = sql::set_aside(self.database());
        set_aside_of(&self.page(statement, &[], "adding up what is set aside").await?)
    }

    async fn decide_holds(
        &self,
        keys: &[HoldKey],
        verdict: Verdict,
        deciding: &Deciding,
    ) -> Result<Result<DecidedHolds, Undecidable>> {
        self.write(&DecideHolds { database: self.database(), keys, verdict, deciding }).await
    }

    async fn approve_window(
        &self,
        window: &Window,
        partners: &[i64],
        deciding: &Deciding,
    ) -> Result<Result<u64, Undecidable>> {
        self.write(&ApproveWindow { window, partners, deciding }).await
    }
}

/// Past a row of the first window, or in a later one.
fn page_values(
    kind: Kind,
    start: Instant,
    after: Value<'static>,
    before: Instant,
    limit: u32,
) -> [Value<'static>; 6] {
    let start = sql_time(start);
    let from = Value::from(start.clone());
    [kind.name().into(), from, sql_time(before).into(), start.into(), after, i64::from(limit).into()]
}

fn hold_key(key: &HoldKey) -> [Value<'static>; 3] {
    [key.kind.name().into(), sql_time(key.start).into(), key.partner_id.into()]
}

fn subject(key: &HoldKey) -> Subject {
    Subject::Hold { kind: key.kind, time: key.start, partner_id: key.partner_id }
}

/// Somebody has decided before.
fn decided(subject: &Subject, state: &'static str, decided: Option<Decided>) -> Undecidable {
    let Decided { number, by, at } = decided.unwrap_or_else(|| Decided {
        number: 0,
        by: "nobody that is known".to_owned(),
        at: Instant::UNIX_EPOCH,
    });
    Undecidable::Decided { subject: subject.to_string(), state, by, at, number }
}

/// Releases or forfeits amounts.
struct DecideHolds<'a> {
    database: &'a Database,
    keys: &'a [HoldKey],
    verdict: Verdict,
    deciding: &'a Deciding,
}

impl Work for DecideHolds<'_> {
    const NAME: &'static str = "decide_holds";
    type Output = Result<DecidedHolds, Undecidable>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Output> {
        let holds = match self.look(tx).await? {
            Ok(Looked::Open(holds)) => holds,
            Ok(Looked::Done(done)) => return Ok(Ok(done)),
            Err(why) => return Ok(Err(why)),
        };
        let mut done = sums(&holds).map_err(broken)?;
        done.number = decisions::write(tx, &self.decision(&holds, &done)).await?;
        let (runs, _, totals) = read_books(tx).await?;
        match self.verdict {
            Verdict::Release => {
                let mut totals = totals;
                for hold in &holds {
                    self.release(tx, hold).await?;
                    let (kind, from_pool, bonus) = (hold.key.kind, hold.from_pool, hold.market_bonus);
                    totals = totals
                        .released_with(kind, from_pool, bonus)
                        .map_err(|error| broken(format!("a total {error}")))?;
                }
                let values = [
                    totals.hourly_paid.into(),
                    totals.daily_paid.into(),
                    totals.market_bonus.into(),
                    number(runs),
                ];
                let corrected = tx.execute(sql::CORRECT_BOOKS, &values).await;
                assert_rows(corrected.map_err(doing("correcting the books"))?, "the books")?;
            }
            Verdict::Forfeit { pool_day, .. } => {
                let day = pool_day.to_string();
                let before = read_pool(tx, &day).await?;
                let after = before.unwrap_or_default().checked_add(done.from_pool);
                let after = after.map_err(|error| broken(format!("the pool of {day} {error}")))?;
                let statement = if before.is_some() { sql::UPDATE_POOL } else { sql::INSERT_POOL };
                let changed = tx.execute(statement, &[after.into(), day.into()]).await;
                assert_rows(changed.map_err(doing("changing a pool"))?, "the pool of the day")?;
            }
        }
        for hold in &holds {
            self.note(tx, hold, done.number, runs).await?;
        }
        read_totals(tx, self.database).await?.check().map_err(broken)?;
        Ok(Ok(done))
    }
}

/// What is there to be decided.
enum Looked {
    Open(Vec<Hold>),
    /// This very decision was made, and its answer lost.
    Done(DecidedHolds),
}

impl DecideHolds<'_> {
    /// Whether all of it can be decided.
    async fn look(&self, tx: &mut Tx) -> Result<Result<Looked, Undecidable>> {
        let mut holds = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            let rows = tx.fetch(sql::HOLD, &hold_key(key)).await.map_err(doing("looking a hold up"))?;
            let Some(row) = rows.first() else {
                return Ok(Err(Undecidable::NotHeld(subject(key).to_string())));
            };
            holds.push(hold(row)?);
        }
        let ours = |hold: &Hold| {
            let by_us = |made: &Decided| made.by == self.deciding.by && made.at == self.deciding.at;
            hold.state == self.verdict.leads_to() && hold.decided.as_ref().is_some_and(by_us)
        };
        if let Some(first) = holds.first().filter(|_| holds.iter().all(ours)) {
            let number = first.decided.as_ref().map_or(0, |made| made.number);
            let done = sums(&holds).map_err(broken)?;
            return Ok(Ok(Looked::Done(DecidedHolds { number, ..done })));
        }
        if let Some(other) = holds.iter().find(|hold| hold.state != HoldState::Held) {
            let why = decided(&subject(&other.key), other.state.name(), other.decided.clone());
            return Ok(Err(why));
        }
        match self.verdict {
            Verdict::Release => {
                for hold in &holds {
                    if let Some(why) = archived(tx, &hold.key).await? {
                        return Ok(Err(why));
                    }
                }
            }
            Verdict::Forfeit { pool_day, day_start } => {
                let key = [Kind::Daily.name().into(), sql_time(day_start).into()];
                if !tx.fetch(sql::RUN, &key).await.map_err(doing("looking the run up"))?.is_empty() {
                    return Ok(Err(Undecidable::DayPaid(pool_day)));
                }
            }
        }
        Ok(Ok(Looked::Open(holds)))
    }

    fn decision(&self, holds: &[Hold], sums: &DecidedHolds) -> Decision {
        let all: Vec<String> = holds.iter().map(|hold| subject(&hold.key).to_string()).collect();
        let mut detail = json!({
            "holds": all,
            "from_pool": sums.from_pool.to_string(),
            "market_bonus": sums.market_bonus.to_string(),
            "signed": self.deciding.signed,
        });
        if let Verdict::Forfeit { pool_day, .. } = self.verdict {
            detail["pool_day"] = Json::from(pool_day.to_string());
        }
        Decision {
            subject: subject(&holds[0].key),
            verdict: self.verdict.leads_to().name(),
            by: self.deciding.by.clone(),
            at: self.deciding.at,
            note: self.deciding.note.clone(),
            detail,
        }
    }

    /// Pays what was computed: the row from zeros to its amounts, and its transfer.
    async fn release(&self, tx: &mut Tx, hold: &Hold) -> Result<()> {
        let HoldKey { start, kind, partner_id } = hold.key;
        let mut values: Vec<Value<'_>> = hold.amounts.iter().map(|amount| Value::Amount(*amount)).collect();
        values.extend([Value::Instant(start), partner_id.into()]);
        let released = tx.execute(sql::release_reward(kind), &values).await;
        let what = format!("the reward row of {} as it was left", subject(&hold.key));
        assert_rows(released.map_err(doing("paying what was set aside"))?, &what)?;
        if hold.has_transfer {
            let now = sql_time(self.deciding.at);
            let values = [partner_id.into(), sql_time(start).into(), hold.from_pool.into(), now.into()];
            tx.execute(sql::INSERT_TRANSFER, &values).await.map_err(doing("queueing a transfer"))?;
        }
        Ok(())
    }

    /// Notes in its row what has become of it.
    async fn note(&self, tx: &mut Tx, hold: &Hold, decision: u64, runs: u64) -> Result<()> {
        let forfeited = match self.verdict {
            Verdict::Release => None,
            Verdict::Forfeit { pool_day, .. } => Some((pool_day, runs)),
        };
        let mut values = vec![
            self.verdict.leads_to().name().into(),
            number(decision),
            self.deciding.by.as_str().into(),
            sql_time(self.deciding.at).into(),
            forfeited.map(|(day, _)| day.to_string()).into(),
            forfeited.map_or(Value::Null, |(_, runs)| number(runs)),
        ];
        values.extend(hold_key(&hold.key));
        let noted = tx.execute(sql::DECIDE_HOLD, &values).await;
        assert_rows(noted.map_err(doing("noting a decision"))?, "the hold")
    }
}

/// What amounts come to together.
fn sums(holds: &[Hold]) -> std::result::Result<DecidedHolds, String> {
    let sum = |amount: fn(&Hold) -> Units| {
        let sum = Units::checked_sum(holds.iter().map(amount).collect::<Vec<_>>());
        sum.map_err(|error| format!("the sum of what is set aside {error}"))
    };
    Ok(DecidedHolds {
        number: 0,
        from_pool: sum(|hold| hold.from_pool)?,
        market_bonus: sum(|hold| hold.market_bonus)?,
        transfers: holds.iter().filter(|hold| hold.has_transfer).count() as u64,
    })
}

/// Whether the rewards of a window, or its transfers, have been moved away. Only hours ever are.
async fn archived(tx: &mut Tx, key: &HoldKey) -> Result<Option<Undecidable>> {
    if key.kind == Kind::Daily {
        return Ok(None);
    }
    for table in [Movable::HourlyRewards, Movable::Transfers] {
        let values = [table.name().into(), sql_time(key.start).into()];
        let rows = tx.fetch(sql::ARCHIVE_AT, &values).await.map_err(doing("looking for an archive"))?;
        let archive = rows.first().map(super::shelf::archived).transpose()?;
        if let Some(archive) = archive.filter(|archive| archive.holds(key.start)) {
            let subject = subject(key).to_string();
            return Ok(Some(Undecidable::Archived { subject, day: archive.day }));
        }
    }
    Ok(None)
}

/// Has a held window paid by the next look.
struct ApproveWindow<'a> {
    window: &'a Window,
    partners: &'a [i64],
    deciding: &'a Deciding,
}

impl Work for ApproveWindow<'_> {
    const NAME: &'static str = "approve_window";
    type Output = Result<u64, Undecidable>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Output> {
        let subject = Subject::Window { kind: self.window.kind, time: self.window.start };
        let Some(known) = read_held_window(tx, self.window).await? else {
            return Ok(Err(Undecidable::NotHeld(self.window.to_string())));
        };
        if known.state != WindowState::Held {
            let ours = |made: &&Decided| made.by == self.deciding.by && made.at == self.deciding.at;
            return Ok(match known.decided.as_ref().filter(ours) {
                Some(made) => Ok(made.number),
                None => Err(decided(&subject, known.state.name(), known.decided)),
            });
        }
        let decision = Decision {
            subject,
            verdict: WindowState::Approved.name(),
            by: self.deciding.by.clone(),
            at: self.deciding.at,
            note: self.deciding.note.clone(),
            detail: json!({
                "window": show(self.window.start),
                "stake": known.stake.to_string(),
                "hold": self.partners,
                "signed": self.deciding.signed,
            }),
        };
        let decision = decisions::write(tx, &decision).await?;
        let values = [
            number(decision),
            self.deciding.by.as_str().into(),
            sql_time(self.deciding.at).into(),
            holds::json(self.partners).into(),
            self.window.kind.name().into(),
            sql_time(self.window.start).into(),
        ];
        let approved = tx.execute(sql::APPROVE_WINDOW, &values).await;
        if approved.map_err(doing("approving a window"))? != 1 {
            return Err(StoreError::Stale);
        }
        Ok(Ok(decision))
    }
}
