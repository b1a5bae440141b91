//! Suspicions; see [`Cases`].

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{Datelike, NaiveDate};

use super::bind::{Row, Value};
use super::decisions;
use super::driver::Tx;
use super::ledger::number;
use super::statements as sql;
use super::store::SqlStore;
use super::text::{OwnRow, sql_time};
use super::transaction::Work;
use crate::rewards::window::{Instant, show};
use crate::store::error::doing;
use crate::store::{
    Case, CaseDecided, CaseGroup, CaseState, CaseVerdict, Cases, Decision, FINDINGS, Finding, Opened, Result,
    StoreError, WatchedPartner,
};

const TABLE: &str = "reward_cases";

/// Partners of a group that are named.
const LOUDEST: i64 = 10;

#[async_trait]
impl Cases for SqlStore {
    async fn judged_days(&self, from: NaiveDate) -> Result<BTreeSet<NaiveDate>> {
        let values = [from.to_string().into()];
        let rows = self.page(sql::JUDGED_DAYS, &values, "reading which days were judged").await?;
        rows.iter().map(|row| OwnRow { table: "reward_profiles", row }.date(0, "day")).collect()
    }

    async fn profiles_of(&self, day: NaiveDate) -> Result<Vec<Vec<u8>>> {
        let values = [slot(day), day.to_string().into()];
        let rows = self.page(sql::PROFILES_OF, &values, "reading the profiles of a day").await?;
        rows.iter().map(|row| row.bytes(0).map_err(doing("reading the profiles of a day"))).collect()
    }

    async fn open_cases(&self, day: NaiveDate, findings: &[Finding], now: Instant) -> Result<Opened> {
        assert!(findings.len() <= FINDINGS, "at most {FINDINGS} findings are written at once");
        self.write(&OpenCases { day, findings, now }).await
    }

    async fn keep_profiles(&self, day: NaiveDate, parts: &[Vec<u8>]) -> Result<()> {
        self.write(&KeepProfiles { day, parts }).await
    }

    async fn case(&self, wanted: u64) -> Result<Option<Case>> {
        let rows = self.page(sql::CASE, &[number(wanted)], "reading a case").await?;
        rows.first().map(case).transpose()
    }

    async fn cases_before(&self, state: Option<CaseState>, before: u64, limit: u32) -> Result<Vec<Case>> {
        let (before, limit) = (number(before), Value::from(i64::from(limit)));
        let rows = match state {
            None => self.page(sql::CASES_BEFORE, &[before, limit], "reading cases").await?,
            Some(state) => {
                let values = [state.name().into(), before, limit];
                self.page(sql::CASES_IN_STATE, &values, "reading cases").await?
            }
        };
        rows.iter().map(case).collect()
    }

    async fn open_groups(&self) -> Result<Vec<CaseGroup>> {
        let rows = self.page(sql::OPEN_GROUPS, &[], "counting the open cases").await?;
        let mut groups = vec![];
        for row in &rows {
            let row = OwnRow { table: TABLE, row };
            let (suspicion, day) = (row.text(0)?, row.date(1, "day")?);
            let values = [suspicion.as_str().into(), day.to_string().into(), LOUDEST.into()];
            let loudest = self.page(sql::LOUDEST_OF, &values, "reading open cases").await?;
            let one = |row| {
                let row = OwnRow { table: TABLE, row };
                Ok((row.count(0, "number")?, row.int(1)?))
            };
            groups.push(CaseGroup {
                cases: row.count(2, "number")?,
                stage: stage(&row, 3)?,
                loudest: loudest.iter().map(one).collect::<Result<_>>()?,
                suspicion,
                day,
            });
        }
        Ok(groups)
    }

    async fn decide_case(
        &self,
        number: u64,
        verdict: CaseVerdict,
        decision: &Decision,
    ) -> Result<CaseDecided> {
        self.write(&DecideCase { number, verdict, decision }).await
    }
}

/// Whose windows are set aside.
pub(super) async fn watchlist(store: &SqlStore) -> Result<Vec<WatchedPartner>> {
    let rows = store.page(sql::WATCHLIST, &[], "reading the watchlist").await?;
    let watched = |row| {
        let row = OwnRow { table: "reward_watchlist", row };
        let since = row.instant(2, "since")?;
        Ok(WatchedPartner { partner_id: row.int(0)?, case: row.count(1, "case_number")?, since })
    };
    rows.iter().map(watched).collect()
}

fn case(row: &Row) -> Result<Case> {
    let row = OwnRow { table: TABLE, row };
    let detail = row.text(8)?;
    Ok(Case {
        number: row.count(0, "number")?,
        partner_id: row.int(1)?,
        suspicion: row.text(2)?,
        day: row.date(3, "day")?,
        stage: stage(&row, 4)?,
        score: row.int(5)?,
        state: state(&row, 6)?,
        opened_at: row.instant(7, "opened_at")?,
        detail: serde_json::from_str(&detail).map_err(|error| unreadable("detail", &detail, error))?,
    })
}

fn stage(row: &OwnRow<'_>, index: usize) -> Result<u32> {
    Ok(u32::try_from(row.count(index, "stage")?).unwrap_or(u32::MAX))
}

fn state(row: &OwnRow<'_>, index: usize) -> Result<CaseState> {
    let text = row.text(index)?;
    CaseState::named(&text).ok_or_else(|| unreadable("state", &text, "is no state of a case"))
}

fn unreadable(column: &'static str, value: &str, why: impl ToString) -> StoreError {
    StoreError::Unreadable { table: TABLE, column, value: value.to_owned(), why: why.to_string() }
}

struct OpenCases<'a> {
    day: NaiveDate,
    findings: &'a [Finding],
    now: Instant,
}

impl Work for OpenCases<'_> {
    const NAME: &'static str = "open_cases";
    type Output = Opened;

    async fn run(&self, tx: &mut Tx) -> Result<Opened> {
        let rows = tx.fetch(sql::LAST_CASE, &[]).await.map_err(doing("reading the last case"))?;
        let last =
            rows.first().map(|row| OwnRow { table: TABLE, row }.optional_int(0)).transpose()?.flatten();
        let last = last.map_or(0, i64::unsigned_abs);
        let mut done = Opened::default();
        for finding in self.findings {
            let next = last + done.opened + 1;
            match self.place(tx, finding).await? {
                Place::None => {}
                Place::New => {
                    self.open(tx, finding, next).await?;
                    done.opened += 1;
                }
                Place::Raise(number) => {
                    self.raise(tx, finding, number).await?;
                    done.raised += 1;
                }
            }
        }
        Ok(done)
    }
}

/// Where a finding belongs.
enum Place {
    /// Nothing about it is new.
    None,
    New,
    /// An open case of a lower stage.
    Raise(u64),
}

impl OpenCases<'_> {
    async fn place(&self, tx: &mut Tx, finding: &Finding) -> Result<Place> {
        let values = [finding.partner_id.into(), finding.suspicion.as_str().into()];
        let rows = tx.fetch(sql::CASES_ABOUT, &values).await.map_err(doing("reading a partner's cases"))?;
        let mut place = Place::New;
        for row in &rows {
            let row = OwnRow { table: TABLE, row };
            let is_higher = finding.stage > stage(&row, 1)?;
            match state(&row, 2)? {
                CaseState::Open if is_higher => return Ok(Place::Raise(row.count(0, "number")?)),
                CaseState::Open | CaseState::Confirmed => return Ok(Place::None),
                CaseState::Dismissed if !is_higher => place = Place::None,
                CaseState::Dismissed | CaseState::Closed => {}
            }
        }
        Ok(place)
    }

    async fn open(&self, tx: &mut Tx, finding: &Finding, case: u64) -> Result<()> {
        let Finding { partner_id, suspicion, stage, score, detail } = finding;
        let values = [
            self.day.to_string().into(),
            i64::from(*stage).into(),
            (*score).into(),
            detail.to_string().into(),
            number(case),
            (*partner_id).into(),
            suspicion.as_str().into(),
            sql_time(self.now).into(),
        ];
        tx.execute(sql::INSERT_CASE, &values).await.map(drop).map_err(doing("opening a case"))
    }

    async fn raise(&self, tx: &mut Tx, finding: &Finding, case: u64) -> Result<()> {
        let Finding { stage, score, detail, .. } = finding;
        let values = [
            self.day.to_string().into(),
            i64::from(*stage).into(),
            (*score).into(),
            detail.to_string().into(),
            number(case),
        ];
        tx.execute(sql::RAISE_CASE, &values).await.map(drop).map_err(doing("raising a case"))
    }
}

/// Days that are kept at once: more than are ever looked back at.
const SLOTS: i32 = 32;

fn slot(day: NaiveDate) -> Value<'static> {
    i64::from(day.num_days_from_ce().rem_euclid(SLOTS)).into()
}

struct KeepProfiles<'a> {
    day: NaiveDate,
    parts: &'a [Vec<u8>],
}

impl Work for KeepProfiles<'_> {
    const NAME: &'static str = "keep_profiles";
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for (part, profiles) in (0_i64..).zip(self.parts) {
            let values =
                [self.day.to_string().into(), profiles.as_slice().into(), slot(self.day), part.into()];
            let keeping = "keeping the profiles of a day";
            if tx.execute(sql::UPDATE_PROFILES, &values).await.map_err(doing(keeping))? == 0 {
                tx.execute(sql::INSERT_PROFILES, &values).await.map_err(doing(keeping))?;
            }
        }
        Ok(())
    }
}

struct DecideCase<'a> {
    number: u64,
    verdict: CaseVerdict,
    decision: &'a Decision,
}

impl DecideCase<'_> {
    /// This very decision, where it was committed and only the answer was lost.
    async fn already_written(&self, tx: &mut Tx) -> Result<Option<u64>> {
        let Decision { subject, verdict, by, at, .. } = self.decision;
        let rows = tx.fetch(sql::DECISIONS_ABOUT, &[subject.to_string().into()]).await;
        let rows = rows.map_err(doing("reading the decisions about a case"))?;
        let Some(last) = rows.last().map(decisions::decision).transpose()? else { return Ok(None) };
        let is_this = last.verdict == *verdict && last.decided_by == *by && last.decided_at == show(*at);
        Ok(is_this.then_some(last.number))
    }
}

impl Work for DecideCase<'_> {
    const NAME: &'static str = "decide_case";
    type Output = CaseDecided;

    async fn run(&self, tx: &mut Tx) -> Result<CaseDecided> {
        let Self { number: wanted, verdict, decision } = self;
        let rows = tx.fetch(sql::CASE, &[number(*wanted)]).await.map_err(doing("reading a case"))?;
        let Some(case) = rows.first().map(case).transpose()? else { return Ok(CaseDecided::Missing) };
        if case.state != verdict.before() {
            let same = self.already_written(tx).await?;
            return Ok(same.map_or(CaseDecided::Is(case.state), CaseDecided::Done));
        }
        let stands = (verdict.after() == CaseState::Confirmed).then_some(1);
        let values =
            [verdict.after().name().into(), stands.into(), number(*wanted), verdict.before().name().into()];
        tx.execute(sql::UPDATE_CASE, &values).await.map_err(doing("deciding a case"))?;
        match verdict {
            CaseVerdict::Confirm { hold: true } => {
                let values = [number(*wanted), case.partner_id.into(), sql_time(decision.at).into()];
                tx.execute(sql::INSERT_WATCHED, &values).await.map_err(doing("watching a partner"))?;
            }
            CaseVerdict::Close => {
                let done = tx.execute(sql::WATCHED_NO_MORE, &[number(*wanted)]).await;
                done.map_err(doing("watching a partner no more"))?;
            }
            CaseVerdict::Confirm { hold: false } | CaseVerdict::Dismiss => {}
        }
        Ok(CaseDecided::Done(decisions::write(tx, decision).await?))
    }
}
