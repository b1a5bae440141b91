//! What other rules would have changed: the last paid days walked once by each of two versions, from the same books and
//! the votes as they are now. Everything is in memory, and nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::{ProofError, Prover, read_record};
use crate::audit::{CategoryEffect, EffectRecord, OldNew, PartnerEffect};
use crate::frames;
use crate::rewards::money::Units;
use crate::rewards::plan::{Plan, columns};
use crate::rewards::rules::Rules;
use crate::rewards::window::{Instant, Kind, Window};
use crate::rewards::{plan_window, quotes_from};
use crate::store::memory::{MemoryStore, State};
use crate::store::{Commit, Loaded, Programme, Request, Store, Totals, end_of_time};

/// Days that are walked.
const DAYS: u32 = 7;

/// How many winners and losers are named.
const NAMED: usize = 10;

/// What both versions have paid so far.
#[derive(Debug, Default)]
struct Paid {
    by_partner: BTreeMap<i64, (Units, Units)>,
    by_column: BTreeMap<&'static str, (Units, Units)>,
}

/// Of the two amounts of a pair, the one of a version.
fn side(pair: &mut (Units, Units), is_new: bool) -> &mut Units {
    if is_new { &mut pair.1 } else { &mut pair.0 }
}

impl Paid {
    fn add(&mut self, plan: &Plan, is_new: bool) {
        for (column, amounts) in columns(plan.window.kind).iter().zip(&plan.amounts) {
            for (tally, amount) in plan.turnout.ranking.iter().zip(amounts) {
                let partner = side(self.by_partner.entry(tally.partner_id).or_default(), is_new);
                *partner = *partner + *amount;
                let column = side(self.by_column.entry(column).or_default(), is_new);
                *column = *column + *amount;
            }
        }
    }

    fn effect(&self, days: &[NaiveDate], carried: (Units, Units)) -> EffectRecord {
        let total = self
            .by_partner
            .values()
            .fold((Units::ZERO, Units::ZERO), |sum, paid| (sum.0 + paid.0, sum.1 + paid.1));
        let all = [Kind::Hourly, Kind::Daily].into_iter().flat_map(|kind| columns(kind).iter());
        let category = |column: &&'static str| CategoryEffect {
            column: (*column).to_owned(),
            amount: OldNew::of(self.by_column.get(*column).copied().unwrap_or_default()),
        };
        let mut changed: Vec<(i64, (Units, Units))> = self
            .by_partner
            .iter()
            .map(|(id, paid)| (*id, *paid))
            .filter(|(_, paid)| paid.0 != paid.1)
            .collect();
        // By gain, the largest first; a partner's number decides between equals.
        changed.sort_by_key(|(id, (old, new))| (*old - *new, *id));
        let partner = |(partner_id, paid): &(i64, (Units, Units))| PartnerEffect {
            partner_id: *partner_id,
            amount: OldNew::of(*paid),
        };
        let wins = |(_, (old, new)): &&(i64, (Units, Units))| new > old;
        let winners: Vec<PartnerEffect> = changed.iter().filter(wins).map(partner).collect();
        let losers: Vec<PartnerEffect> = changed.iter().rev().filter(|one| !wins(one)).map(partner).collect();
        EffectRecord {
            days: days.len() as u32,
            first_day: days.first().map(NaiveDate::to_string),
            last_day: days.last().map(NaiveDate::to_string),
            total: OldNew::of(total),
            carried: OldNew::of(carried),
            categories: all.map(category).collect(),
            partners: self.by_partner.len() as u64,
            winners: winners.len() as u64,
            losers: losers.len() as u64,
            top_winners: winners.into_iter().take(NAMED).collect(),
            top_losers: losers.into_iter().take(NAMED).collect(),
            ..EffectRecord::empty()
        }
    }
}

/// One version of the rules, and the books as they come out by it.
struct Version {
    rules: Arc<Rules>,
    store: MemoryStore,
}

impl Prover {
    /// What the last seven paid days would have come to by new rules, beside what they come to by the old ones. Alarms
    /// play no part: they change no amount.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn effect(&self, old: &Rules, new: &Rules) -> Result<EffectRecord, ProofError> {
        let runs = self.ledger.runs_of(Kind::Daily, Instant::UNIX_EPOCH, end_of_time(), DAYS).await?;
        let mut days: Vec<NaiveDate> = runs.iter().map(|run| self.window(run).day).collect();
        days.sort_unstable();
        let mut paid = Paid::default();
        let Some(first) = days.first() else { return Ok(paid.effect(&days, Default::default())) };
        let carried_in = self.carried_into(*first).await?;
        let version = |rules: &Rules| Version {
            rules: Arc::new(rules.clone()),
            store: MemoryStore::new(self.state_at(*first, carried_in)),
        };
        let versions = [version(old), version(new)];
        for (index, day) in days.iter().enumerate() {
            let next = days.get(index + 1).copied().unwrap_or_else(|| self.calendar.day_after(*day));
            for hour in self.calendar.hours(*day) {
                self.pay_by_both(hour, *day, &versions, &mut paid).await?;
            }
            self.pay_by_both(self.calendar.day(*day), next, &versions, &mut paid).await?;
        }
        let held = |version: &Version| version.store.state().pools.values().copied().sum();
        Ok(paid.effect(&days, (held(&versions[0]), held(&versions[1]))))
    }

    /// The pool of a paid day that its own hours have not brought.
    async fn carried_into(&self, day: NaiveDate) -> Result<Units, ProofError> {
        let window = self.calendar.day(day);
        let run =
            self.ledger.run_of(window.kind, window.start).await?.ok_or(ProofError::NotPaid { window })?;
        let row = self.ledger.log_row(run.sequence).await?;
        let row = row.ok_or(ProofError::NoRecord { sequence: run.sequence, window })?;
        let books = self.books_before(&window, &read_record(&row)?, run.sequence).await?;
        let pool = books.pools.get(&day).copied().unwrap_or_default();
        let of_hours: Units = books.settled.values().map(|hour| hour.daily_share).sum();
        Ok((pool - of_hours).max(Units::ZERO))
    }

    /// Books in which the days before one are done, and have left an amount in its pool.
    fn state_at(&self, day: NaiveDate, pool: Units) -> State {
        let timezone = self.calendar.zone().name().to_owned();
        State {
            programme: Some(Programme { timezone, start: day }),
            pools: BTreeMap::from([(day, pool)]),
            totals: Totals { contributed: pool, ..Totals::default() },
            ..State::default()
        }
    }

    /// Walks a window by both versions, from votes that are read once.
    async fn pay_by_both(
        &self,
        window: Window,
        carry_day: NaiveDate,
        versions: &[Version; 2],
        paid: &mut Paid,
    ) -> Result<(), ProofError> {
        let from = versions.each_ref().map(|version| quotes_from(&window, &self.calendar, &version.rules));
        let request = Request { window, quotes_from: from[0].min(from[1]), count_types: false, watch: None };
        let Loaded { votes, quotes } = self.source.load(&request).await?;
        for (index, (version, votes)) in versions.iter().zip([votes.clone(), votes]).enumerate() {
            let books = version.store.books(&window, carry_day).await?;
            let (rules, quotes, calendar) = (Arc::clone(&version.rules), quotes.clone(), self.calendar);
            let planned = tokio::task::spawn_blocking(move || {
                let turnout = frames::turnout(votes, &rules)?;
                Ok::<_, ProofError>(plan_window(window, turnout, &quotes, &books, &calendar, &rules)?)
            });
            let panicked =
                |panic: tokio::task::JoinError| ProofError::Panicked { window, why: panic.to_string() };
            let plan = planned.await.map_err(panicked)??;
            let runs_before = version.store.runs().await?;
            let commit = Commit { plan: &plan, runs_before, rules_version: "", now: window.end };
            version.store.commit(commit).await?;
            paid.add(&plan, index == 1);
        }
        Ok(())
    }
}
