//! Taking a payment apart: pure.

use super::{
    Amount, BonusExplained, Change, Condition, Cut, EccExplained, Explanation, Money, Neighbour, Neighbours,
    PartExplained, SetAsideExplained, TransferExplained, TypeVotes, Whole, changes,
};
use crate::proof::{ProofError, Recomputed};
use crate::rewards::allocation::{equal_share_of, share_of};
use crate::rewards::daily::{self, TIERS, cap_basis, ecc_weight};
use crate::rewards::hourly;
use crate::rewards::money::{MoneyError, Units};
use crate::rewards::plan::{DailyFigures, Part, Plan, PlanError, columns};
use crate::rewards::rules::{DailyRules, RankKey, Rules};
use crate::rewards::vote::{Reach, Tally};
use crate::rewards::window::{Kind, Window};
use crate::store::{Hold, RewardRow, StoredTransfer};

/// Explains the payments of one recomputed run, any number of them.
pub struct Explainer<'run> {
    recomputed: &'run Recomputed,
    has_drifted: bool,
    changes: Vec<Change>,
    /// What has become of a partner's amounts since the run was recomputed.
    decided: Option<Hold>,
}

impl<'run> Explainer<'run> {
    /// `recomputed` has to know the votes by type.
    #[must_use]
    pub fn new(recomputed: &'run Recomputed) -> Self {
        let (then, now) = (&recomputed.record, recomputed.record_now());
        let changes = changes::between(then, &now);
        Self { recomputed, has_drifted: !now.has_inputs_of(then), changes, decided: None }
    }

    /// With a hold as it is now, where the run was recomputed a while ago.
    #[must_use]
    pub fn knowing(self, decided: Option<Hold>) -> Self {
        Self { decided, ..self }
    }

    /// Explains what a partner gets of the run, beside its stored row and transfer.
    ///
    /// # Errors
    /// [`ProofError::DidNotVote`], [`ProofError::VotesGone`].
    pub fn explain(
        &self,
        partner_id: i64,
        stored: Option<RewardRow>,
        transfer: Option<StoredTransfer>,
    ) -> Result<Explanation, ProofError> {
        let Recomputed { run, plan, rules, .. } = self.recomputed;
        let window = plan.window;
        let ranking = &plan.turnout.ranking;
        let Some(row) = ranking.iter().position(|tally| tally.partner_id == partner_id) else {
            return Err(absent(window, partner_id, stored));
        };
        let subject = Subject { plan, rules, row, tally: &ranking[row] };
        let explained = subject.parts().and_then(|parts| Ok((subject.bonus(&parts)?, parts)));
        let money = |source| ProofError::from(PlanError::Money { window, what: "the explanation", source });
        let (bonus, parts) = explained.map_err(money)?;
        let known = self.decided.as_ref().filter(|hold| hold.key.partner_id == partner_id);
        let hold = known.or_else(|| self.recomputed.holds.get(&partner_id));
        let is_paid = SetAsideExplained::is_paid(hold);
        let amounts = subject.amounts(&parts, bonus.as_ref(), stored.as_ref(), is_paid);
        let withheld = plan.withheld.iter().filter(|_| is_paid);
        let computed =
            plan.transfers.iter().chain(withheld).find(|transfer| transfer.partner_id == partner_id);
        let computed = computed.map(|transfer| transfer.amount);
        let has_transfer = computed.is_some() || transfer.is_some();
        Ok(Explanation {
            window,
            run: run.clone(),
            votes_by_type: votes_by_type(self.recomputed, partner_id),
            tally: ranking[row],
            position: position(row),
            voters: position(ranking.len() - 1),
            ranking: rules.ranking.clone(),
            neighbours: Some(neighbours(ranking, row, &rules.ranking)),
            source: money_of(plan, rules),
            parts,
            bonus,
            amounts,
            transfer: has_transfer.then_some(TransferExplained { computed, stored: transfer }),
            set_aside: hold.map(|hold| SetAsideExplained::new(hold, plan)),
            stored,
            has_drifted: self.has_drifted,
            changes: self.changes.clone(),
        })
    }
}

fn absent(window: Window, partner_id: i64, stored: Option<RewardRow>) -> ProofError {
    match stored {
        None => ProofError::DidNotVote { window, partner_id },
        Some(row) => {
            let paid = row.amounts.iter().copied().sum();
            ProofError::VotesGone { window, partner_id, position: row.position, paid }
        }
    }
}

/// The position of an index of the ranking.
fn position(row: usize) -> u32 {
    u32::try_from(row + 1).expect("positions are counted in 32 bits")
}

fn votes_by_type(recomputed: &Recomputed, partner_id: i64) -> Vec<TypeVotes> {
    let own = recomputed.type_counts.iter().filter(|(partner, ..)| *partner == partner_id);
    let mut votes: Vec<TypeVotes> = own
        .map(|(_, vote_type, votes)| TypeVotes {
            vote_type: vote_type.clone(),
            votes: *votes,
            in_pool: recomputed.rules.pool.vote_types.contains(vote_type),
        })
        .collect();
    votes.sort_by(|a, b| a.vote_type.cmp(&b.vote_type));
    votes
}

fn neighbours(ranking: &[Tally], row: usize, keys: &[RankKey]) -> Neighbours {
    let own = &ranking[row];
    let neighbour = |at: usize| {
        let tally = *ranking.get(at)?;
        let decided_by = keys.iter().copied().find(|key| differ(*key, own, &tally));
        Some(Neighbour { position: position(at), tally, decided_by })
    };
    Neighbours { before: row.checked_sub(1).and_then(neighbour), after: neighbour(row + 1) }
}

fn differ(key: RankKey, a: &Tally, b: &Tally) -> bool {
    match key {
        RankKey::Votes => a.votes != b.votes,
        RankKey::Ecc => a.ecc != b.ecc,
        RankKey::EarliestLastVote => a.last != b.last,
    }
}

fn money_of(plan: &Plan, rules: &Rules) -> Money {
    match &plan.daily {
        None => Money::Hour {
            cc_total: plan.cc_total,
            rate: plan.rate,
            total: plan.total,
            hourly_share: rules.pool.hourly_share,
            shared: plan.to_share,
        },
        Some(daily) => Money::Day {
            pool_before: plan.pool.0,
            settled: plan.settlements.iter().map(|settlement| settlement.daily_share).sum(),
            late_cc: daily.late_cc,
            late_total: daily.late_total,
            shared: plan.to_share,
        },
    }
}

/// The partner whose payment it is.
struct Subject<'run> {
    plan: &'run Plan,
    rules: &'run Rules,
    /// Its index in the ranking.
    row: usize,
    tally: &'run Tally,
}

impl Subject<'_> {
    fn parts(&self) -> Result<Vec<PartExplained>, MoneyError> {
        self.plan.parts.iter().enumerate().map(|(index, part)| self.part(index, part)).collect()
    }

    fn part(&self, index: usize, part: &Part) -> Result<PartExplained, MoneyError> {
        let reach = self.reach(index);
        let ecc = self.plan.daily.as_ref().filter(|_| index == TIERS);
        let ecc = ecc.map(|daily| self.ecc(daily)).transpose()?;
        let member = part.members.binary_search(&position(self.row)).ok();
        let share = match (member, ecc) {
            (None, _) => None,
            (Some(member), None) => Some(equal_share_of(part.part, part.members.len(), member)),
            (Some(member), Some(ecc)) => {
                let ranking = &self.plan.turnout.ranking;
                let weight = |position: &u32| ecc_weight(&ranking[*position as usize - 1], Some(ecc.cap));
                let weights: Vec<Units> = part.members.iter().map(weight).collect();
                share_of(part.part, &weights, member)?
            }
        };
        Ok(PartExplained {
            column: part.column,
            reach,
            cuts: self.cuts(index)?,
            part: part.part,
            members: u32::try_from(part.members.len()).expect("positions are counted in 32 bits"),
            conditions: self.conditions(index, reach),
            ecc,
            share,
            undistributed: part.undistributed,
        })
    }

    fn reach(&self, index: usize) -> Reach {
        match self.plan.window.kind {
            Kind::Hourly => hourly::REACHES[index],
            Kind::Daily => daily::REACHES[index],
        }
    }

    fn cuts(&self, index: usize) -> Result<Vec<Cut>, MoneyError> {
        let cut = |from, of, weights: &[Units], index| {
            let share = share_of(of, weights, index)?.expect("configured weights add up");
            Ok(Cut { from, share })
        };
        let shared = self.plan.to_share;
        if self.plan.window.kind == Kind::Hourly {
            return Ok(vec![cut(Whole::HourlyShare, shared, &self.rules.hourly.weights, index)?]);
        }
        let DailyRules { split, tier_weights, .. } = &self.rules.daily;
        if index >= TIERS {
            return Ok(vec![cut(Whole::DailyPool, shared, split, index - TIERS + 1)?]);
        }
        let fixed = cut(Whole::DailyPool, shared, split, 0)?;
        let tier = cut(Whole::FixedPart, fixed.share.amount(), tier_weights, index)?;
        Ok(vec![fixed, tier])
    }

    fn conditions(&self, index: usize, reach: Reach) -> Vec<Condition> {
        let last = self.plan.turnout.positions(reach);
        let last = u32::try_from(last).expect("positions are counted in 32 bits");
        let mut conditions = vec![Condition::Position { last, had: position(self.row) }];
        if self.plan.window.kind == Kind::Daily {
            let (rules, had) = (&self.rules.daily, self.tally.votes);
            conditions.push(Condition::MinVotes { needed: rules.min_votes, had });
            let hours = u64::from(self.tally.active_hours);
            conditions.push(Condition::MinActiveHours { needed: rules.min_active_hours, had: hours });
            if let Some(needed) = rules.tier_min_votes.get(index) {
                conditions.push(Condition::TierMinVotes { needed: *needed, had });
            }
        }
        conditions
    }

    fn ecc(&self, daily: &DailyFigures) -> Result<EccExplained, MoneyError> {
        let (top_members, top_ecc) = cap_basis(&self.plan.turnout)?;
        Ok(EccExplained {
            cap: daily.ecc_cap.unwrap_or_default(),
            multiplier: self.rules.daily.ecc_cap_multiplier,
            top_members: u32::try_from(top_members).expect("positions are counted in 32 bits"),
            top_ecc,
            weight: ecc_weight(self.tally, daily.ecc_cap),
        })
    }

    fn bonus(&self, parts: &[PartExplained]) -> Result<Option<BonusExplained>, MoneyError> {
        let Some(daily) = &self.plan.daily else { return Ok(None) };
        let (market, rules) = (&daily.market, &self.rules.daily.market_bonus);
        let of = parts.iter().map(PartExplained::amount).sum::<Units>();
        Ok(Some(BonusExplained {
            rate_end: market.rate_end,
            reference: market.rate_reference,
            lookback_days: rules.lookback_days,
            sensitivity: rules.sensitivity,
            max_ratio: rules.max_ratio,
            ratio: market.ratio,
            of,
            amount: of.floor_mul(market.ratio)?,
        }))
    }

    /// Each column three times: taken apart, recomputed, stored.
    fn amounts(
        &self,
        parts: &[PartExplained],
        bonus: Option<&BonusExplained>,
        stored: Option<&RewardRow>,
        is_paid: bool,
    ) -> Vec<Amount> {
        let explained = parts.iter().map(PartExplained::amount).chain(bonus.map(|bonus| bonus.amount));
        let columns = columns(self.plan.window.kind).iter().zip(explained).enumerate();
        let amount = |(index, (column, explained)): (usize, (&&'static str, Units))| Amount {
            column,
            explained,
            computed: self.plan.amounts[index][self.row],
            due: if is_paid { self.plan.amounts[index][self.row] } else { Units::ZERO },
            stored: stored.map(|row| row.amounts[index]),
        };
        columns.map(amount).collect()
    }
}
