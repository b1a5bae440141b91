//! Incidents and the outbox of messages; see [`Notices`].

use async_trait::async_trait;

use super::bind::{Row, Value};
use super::driver::Tx;
use super::ledger::number;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::rewards::window::Instant;
use crate::store::error::doing;
use crate::store::{Incident, NotTaken, Notes, Notices, Outgoing, Result, StoreError, Told, Waiting};

#[async_trait]
impl Notices for SqlStore {
    async fn changes(&self) -> Result<u64> {
        let rows = self.page(sql::CHANGES, &[], "reading the number of changes").await?;
        let missing = || StoreError::Broken { what: "the row of reward_notices is missing".to_owned() };
        let row = rows.first().ok_or_else(missing)?;
        OwnRow { table: "reward_notices", row }.count(0, "changes")
    }

    async fn told(&self) -> Result<Vec<Told>> {
        let rows = self.page(sql::TOLD, &[], "reading what receivers were told").await?;
        rows.iter().map(told).collect()
    }

    async fn open_incidents(&self) -> Result<Vec<Incident>> {
        let rows = self.page(sql::OPEN_INCIDENTS, &[], "reading the open incidents").await?;
        rows.iter().map(incident).collect()
    }

    async fn incidents_closed_after(&self, change: u64) -> Result<Vec<Incident>> {
        let rows =
            self.page(sql::INCIDENTS_CLOSED_AFTER, &[number(change)], "reading closed incidents").await?;
        rows.iter().map(incident).collect()
    }

    async fn has_happened(&self, kind: &str, subject: &str) -> Result<bool> {
        let rows =
            self.page(sql::HAPPENED, &[kind.into(), subject.into()], "looking for an incident").await?;
        Ok(!rows.is_empty())
    }

    async fn waiting_notifications(&self, limit: u32) -> Result<Vec<Waiting>> {
        let values = [i64::from(limit).into()];
        let rows = self.page(sql::WAITING_NOTIFICATIONS, &values, "reading waiting messages").await?;
        rows.iter().map(waiting).collect()
    }

    async fn note(&self, notes: &Notes) -> Result<()> {
        self.write(&Note(notes)).await
    }

    async fn due_notification(&self, receiver: &str, now: Instant) -> Result<Option<(Outgoing, u32)>> {
        let values = [sql_time(now).into(), receiver.into()];
        let rows = self.page(sql::DUE_NOTIFICATION, &values, "reading the messages that are due").await?;
        rows.first().map(due).transpose()
    }

    async fn notification_delivered(&self, id: &str, now: Instant) -> Result<()> {
        self.write(&Delivered { id, now }).await
    }

    async fn notification_failed(&self, failed: &NotTaken<'_>) -> Result<()> {
        self.write(&Failed(failed)).await
    }
}

fn told(row: &Row) -> Result<Told> {
    let row = OwnRow { table: "reward_receivers", row };
    let reported = row.optional_int(3)?.map(|_| row.count(3, "reported")).transpose()?;
    let told_at = optional_instant(&row, 2, "told_at")?;
    Ok(Told { receiver: row.text(0)?, told: row.count(1, "told")?, told_at, reported })
}

fn incident(row: &Row) -> Result<Incident> {
    let row = OwnRow { table: "reward_incidents", row };
    let closed_at = optional_instant(&row, 6, "closed_at")?;
    let closed = closed_at.map(|at| row.count(5, "closed").map(|change| (change, at))).transpose()?;
    Ok(Incident {
        opened: row.count(0, "opened")?,
        kind: row.text(1)?,
        subject: row.text(2)?,
        detail: row.text(3)?,
        opened_at: row.instant(4, "opened_at")?,
        closed,
    })
}

fn waiting(row: &Row) -> Result<Waiting> {
    let row = OwnRow { table: "reward_notifications", row };
    Ok(Waiting {
        id: row.text(0)?,
        receiver: row.text(1)?,
        event: row.text(2)?,
        created_at: row.instant(3, "created_at")?,
        attempts: attempts(&row, 4)?,
        refused: row.int(5)? != 0,
        next_attempt_at: row.instant(6, "next_attempt_at")?,
        last_error: row.optional_text(7)?,
    })
}

fn due(row: &Row) -> Result<(Outgoing, u32)> {
    let row = OwnRow { table: "reward_notifications", row };
    let message = Outgoing {
        id: row.text(0)?,
        receiver: row.text(1)?,
        event: row.text(2)?,
        created_at: row.instant(3, "created_at")?,
        message: row.text(4)?,
    };
    Ok((message, attempts(&row, 5)?))
}

fn attempts(row: &OwnRow<'_>, index: usize) -> Result<u32> {
    Ok(u32::try_from(row.count(index, "attempts")?).unwrap_or(u32::MAX))
}

fn optional_instant(row: &OwnRow<'_>, index: usize, column: &'static str) -> Result<Option<Instant>> {
    row.optional_text(index)?.map(|_| row.instant(index, column)).transpose()
}

fn optional_time(instant: Option<Instant>) -> Value<'static> {
    instant.map(sql_time).into()
}

struct Note<'a>(&'a Notes);

impl Work for Note<'_> {
    const NAME: &'static str = "note";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Notes { changes_before, changes, opened, closed, details, told, messages, replaced } = self.0;
        let values = [number(*changes), number(*changes_before)];
        let advanced =
            tx.execute(sql::ADVANCE_CHANGES, &values).await.map_err(doing("locking the notices"))?;
        if advanced != 1 {
            return Err(StoreError::Stale);
        }
        for incident in opened {
            open(tx, incident).await?;
        }
        for incident in closed {
            let Some((change, at)) = incident.closed else { continue };
            let values = [number(change), sql_time(at).into(), number(incident.opened)];
            tx.execute(sql::CLOSE_INCIDENT, &values).await.map_err(doing("closing an incident"))?;
        }
        for (opened, detail) in details {
            let values = [detail.as_str().into(), number(*opened)];
            tx.execute(sql::UPDATE_INCIDENT, &values).await.map_err(doing("updating an incident"))?;
        }
        for told in told {
            remember(tx, told).await?;
        }
        for message in messages {
            queue(tx, message).await?;
        }
        for (id, by) in replaced {
            let why = format!("replaced by {by}");
            let values = [why.as_str().into(), id.as_str().into()];
            let done = tx.execute(sql::REPLACE_NOTIFICATION, &values).await;
            done.map_err(doing("replacing a refused message"))?;
        }
        Ok(())
    }
}

async fn open(tx: &mut Tx, incident: &Incident) -> Result<()> {
    let Incident { opened, kind, subject, detail, opened_at, closed } = incident;
    let values = [
        number(*opened),
        kind.as_str().into(),
        subject.as_str().into(),
        detail.as_str().into(),
        sql_time(*opened_at).into(),
        closed.map_or(Value::Null, |(change, _)| number(change)),
        optional_time(closed.map(|(_, at)| at)),
        closed.is_none().then_some(1).into(),
    ];
    tx.execute(sql::INSERT_INCIDENT, &values).await.map(drop).map_err(doing("opening an incident"))
}

async fn remember(tx: &mut Tx, told: &Told) -> Result<()> {
    let values = [
        number(told.told),
        optional_time(told.told_at),
        told.reported.map_or(Value::Null, number),
        told.receiver.as_str().into(),
    ];
    let updated = tx.execute(sql::UPDATE_TOLD, &values).await.map_err(doing("noting what was told"))?;
    if updated == 0 {
        tx.execute(sql::INSERT_TOLD, &values).await.map_err(doing("noting what was told"))?;
    }
    Ok(())
}

async fn queue(tx: &mut Tx, message: &Outgoing) -> Result<()> {
    let created_at = sql_time(message.created_at);
    let values = [
        message.id.as_str().into(),
        message.receiver.as_str().into(),
        message.event.as_str().into(),
        created_at.as_str().into(),
        message.message.as_str().into(),
        created_at.as_str().into(),
    ];
    tx.execute(sql::INSERT_NOTIFICATION, &values).await.map(drop).map_err(doing("queueing a message"))
}

struct Delivered<'a> {
    id: &'a str,
    now: Instant,
}

impl Work for Delivered<'_> {
    const NAME: &'static str = "notification_delivered";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let values = [sql_time(self.now).into(), self.id.into()];
        let noted = tx.execute(sql::NOTIFICATION_DELIVERED, &values).await;
        noted.map(drop).map_err(doing("noting a delivered message"))
    }
}

struct Failed<'a>(&'a NotTaken<'a>);

impl Work for Failed<'_> {
    const NAME: &'static str = "notification_failed";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let NotTaken { id, receiver, error, refused, next_attempt_at } = self.0;
        let next = sql_time(*next_attempt_at);
        let values = [i64::from(*refused).into(), (*error).into(), next.as_str().into(), (*id).into()];
        let noted = tx.execute(sql::NOTIFICATION_FAILED, &values).await;
        noted.map_err(doing("noting a message that was not taken"))?;
        if !refused {
            let values = [next.as_str().into(), next.as_str().into(), (*receiver).into()];
            let postponed = tx.execute(sql::NOTIFICATIONS_POSTPONED, &values).await;
            postponed.map_err(doing("postponing what waits for a receiver"))?;
        }
        Ok(())
    }
}
