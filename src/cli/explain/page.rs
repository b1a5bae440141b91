//! An explanation in plain words, on one page.

use std::fmt;

use super::words::{ahead_by, behind_by, category, change, counted, met, order, short, unmet, whole};
use crate::proof::explain::{
    Agreement, Amount, BonusExplained, Condition, Cut, Explanation, Money, Neighbour, PartExplained,
    TransferExplained,
};
use crate::rewards::allocation::Share;
use crate::rewards::money::Units;
use crate::rewards::vote::Tally;
use crate::rewards::window::{Kind, show};

/// So many changes are named; the JSON has all.
const NAMED_CHANGES: usize = 6;

/// The page of an explanation. Where other partners are left out of it, they are left out of the page.
pub(super) struct Page<'e>(pub &'e Explanation);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.votes(f)?;
        self.standing(f)?;
        self.money(f)?;
        self.parts(f)?;
        self.foot(f)
    }
}

type Written = fmt::Result;
type Out<'a, 'b> = &'a mut fmt::Formatter<'b>;

impl Page<'_> {
    /// An amount of the first column.
    fn width(&self) -> usize {
        let explanation = self.0;
        let largest = match explanation.source {
            Money::Hour { total, .. } => total,
            Money::Day { shared, .. } => shared,
        };
        // A stored sum may be anything, and so may have been what the pool held.
        let amounts = [Some(largest), Some(explanation.computed_sum()), explanation.stored_sum()];
        amounts.iter().flatten().map(|amount| amount.text().as_str().len()).max().unwrap_or_default()
    }

    /// What has been said of an amount goes on below, in the second column.
    fn below(&self, f: Out<'_, '_>, text: &str) -> Written {
        writeln!(f, "  {:width$}  {text}", "", width = self.width())
    }

    fn beside(&self, f: Out<'_, '_>, amount: Option<Units>, text: &str) -> Written {
        let amount = amount.map_or("none".to_owned(), |amount| amount.to_string());
        writeln!(f, "  {amount:>width$}  {text}", width = self.width())
    }

    fn head(&self, f: Out<'_, '_>) -> Written {
        let Explanation { window, run, tally, .. } = self.0;
        writeln!(f, "Partner {}, {window}", tally.partner_id)?;
        match self.0.stored_sum() {
            Some(sum) => writeln!(f, "Paid {sum} CC, by run {} at {}", run.sequence, show(run.committed_at))?,
            None => {
                let (run, at) = (run.sequence, show(run.committed_at));
                writeln!(f, "No row of this partner is stored; the window was paid by run {run} at {at}")?;
            }
        }
        // Enough to find them by; the JSON has all of it.
        writeln!(f, "by the rules {:.12}", run.rules_version)?;
        self.agreement(f)
    }

    /// Whether what follows is what was paid.
    fn agreement(&self, f: Out<'_, '_>) -> Written {
        let named = |columns: &[&str]| columns.join(", ");
        let differing = self.0.differing();
        match self.0.agreement() {
            Agreement::Agrees => {
                return writeln!(f, "What is stored agrees with the votes, to the last unit.");
            }
            Agreement::Drifted => {
                writeln!(
                    f,
                    "\nVotes or rates have changed since. What was paid is what they came to then; this page"
                )?;
                writeln!(f, "shows what they come to now. Changed:")?;
            }
            Agreement::Differs => {
                writeln!(
                    f,
                    "\nWARNING: what is stored is not what these votes come to, and the votes have not changed."
                )?;
            }
        }
        for changed in self.0.changes.iter().take(NAMED_CHANGES) {
            writeln!(f, "  {}", change(changed))?;
        }
        if self.0.changes.len() > NAMED_CHANGES {
            writeln!(f, "  and {} more figures, which --json names", self.0.changes.len() - NAMED_CHANGES)?;
        }
        match (differing.is_empty(), &self.0.stored) {
            (true, _) => writeln!(f, "This partner's row is the same for all that."),
            (false, None) => Ok(()),
            (false, Some(_)) => writeln!(f, "Other than it comes out now: {}.", named(&differing)),
        }
    }

    fn votes(&self, f: Out<'_, '_>) -> Written {
        let tally = &self.0.tally;
        let by_type = self.0.votes_by_type.iter().map(|by| {
            let brings = if by.in_pool { " (bring money into the pool)" } else { "" };
            format!("{} {}{brings}", by.votes, by.vote_type)
        });
        let by_type: Vec<String> = by_type.collect();
        writeln!(f, "\nVotes        {}: {}", tally.votes, by_type.join(", "))?;
        let hours = match self.0.window.kind {
            Kind::Hourly => String::new(),
            Kind::Daily => format!("in {} of the day, ", counted(u64::from(tally.active_hours), "hour")),
        };
        writeln!(f, "             {hours}the last at {}", show(tally.last))?;
        writeln!(f, "CC spent     {}", tally.cc)?;
        writeln!(f, "ECC earned   {}", tally.ecc)
    }

    fn standing(&self, f: Out<'_, '_>) -> Written {
        let Explanation { position, voters, ranking, tally, neighbours, .. } = self.0;
        let keys: Vec<&str> = ranking.iter().map(|key| order(*key)).chain(["the lower id"]).collect();
        writeln!(f, "\nPosition     {position} of {voters}. First comes who has {}", keys.join(", then "))?;
        let Some(neighbours) = neighbours else { return Ok(()) };
        let other = |f: Out<'_, '_>, neighbour: Option<&Neighbour>, is_before: bool| match neighbour {
            None => Ok(()),
            Some(Neighbour { position, tally, decided_by }) => {
                let why = if is_before { ahead_by(*decided_by) } else { behind_by(*decided_by) };
                line(f, *position, tally, why)
            }
        };
        other(f, neighbours.before.as_ref(), true)?;
        line(f, *position, tally, "this partner")?;
        other(f, neighbours.after.as_ref(), false)
    }

    fn money(&self, f: Out<'_, '_>) -> Written {
        match self.0.source {
            Money::Hour { cc_total, rate, total, hourly_share, shared } => {
                writeln!(f, "\nThe hour's money")?;
                let made = format!("brought: {cc_total} CC of votes that bring money × rate {}", short(rate));
                self.beside(f, Some(total), &made)?;
                let cut = format!("shared now: {} of it; the rest is the day's", short(hourly_share));
                self.beside(f, Some(shared), &cut)
            }
            Money::Day { pool_before, settled, late_cc, late_total, shared } => {
                writeln!(f, "\nThe day's pool")?;
                self.beside(f, Some(pool_before), "held when the day was paid")?;
                self.beside(f, Some(settled), "from hours that were settled with it")?;
                let late = if late_cc.is_negative() {
                    "from late votes: none, some votes have vanished"
                } else {
                    "from votes that came after their hour was settled"
                };
                self.beside(f, Some(late_total), late)?;
                self.beside(f, Some(shared), "to share:")?;
                self.splits(f)
            }
        }
    }

    /// The shares of a day's pool that its parts are cut from.
    fn splits(&self, f: Out<'_, '_>) -> Written {
        for (index, part) in self.0.parts.iter().enumerate() {
            let Some(Cut { share, .. }) = part.cuts.first() else { continue };
            if part.cuts.len() == 1 {
                self.beside(
                    f,
                    Some(share.amount()),
                    &format!("{} for {}", portion(share), category(part.column)),
                )?;
            } else if index == 0 {
                self.beside(f, Some(share.amount()), &format!("{} for the fixed tiers", portion(share)))?;
            }
        }
        Ok(())
    }

    fn parts(&self, f: Out<'_, '_>) -> Written {
        writeln!(f, "\nWhat the partner gets")?;
        self.eligibility(f)?;
        let amounts = &self.0.amounts;
        for (part, amount) in self.0.parts.iter().zip(amounts) {
            self.part(f, part, amount)?;
        }
        if let (Some(bonus), Some(amount)) = (&self.0.bonus, amounts.last()) {
            self.bonus(f, bonus, amount)?;
        }
        self.beside(f, self.0.stored_sum(), "in all")?;
        if self.0.stored_sum().is_some_and(|sum| sum != self.0.computed_sum()) {
            self.below(f, &format!("comes out as {} now", self.0.computed_sum()))?;
        }
        Ok(())
    }

    /// The conditions that are the same for all parts of a day.
    fn eligibility(&self, f: Out<'_, '_>) -> Written {
        let Some(part) = self.0.parts.first() else { return Ok(()) };
        let common: Vec<&Condition> = part
            .conditions
            .iter()
            .filter(|condition| {
                matches!(condition, Condition::MinVotes { .. } | Condition::MinActiveHours { .. })
            })
            .collect();
        if common.is_empty() {
            return Ok(());
        }
        let says =
            if common.iter().all(|condition| condition.is_met()) { "eligible" } else { "not eligible" };
        let rules = common.iter().map(|condition| met(condition, part.reach, self.0.voters));
        self.below(f, &format!("{says}: {}", rules.collect::<Vec<_>>().join("; ")))
    }

    fn part(&self, f: Out<'_, '_>, part: &PartExplained, amount: &Amount) -> Written {
        let name = category(part.column);
        self.beside(f, amount.stored, &format!("{name}: {}", self.outcome(part)))?;
        self.comes_out(f, amount)?;
        self.below(f, &self.made(part))?;
        if let Some(ecc) = &part.ecc {
            let best = match ecc.top_members {
                1 => "the ECC of position 1".to_owned(),
                last => format!("the mean ECC of positions 1 to {last}"),
            };
            let capped = if ecc.is_capped(&self.0.tally) { "the partner has more" } else { "not reached" };
            self.below(f, &format!("cap {} = {} × {best}; {capped}", ecc.cap, short(ecc.multiplier)))?;
        }
        let Some(share) = &part.share else { return Ok(()) };
        let by = match part.ecc {
            Some(_) => format!("{} × {} / {} together", share.of, share.weight, share.weights),
            None => format!("{} / {}", share.of, part.members),
        };
        let unit = match (share.left_over, share.has_unit()) {
            (0, _) => String::new(),
            (left, true) => format!(", and one of {} left over", counted(left as u64, "unit")),
            (left, false) => format!(", and none of {} left over", counted(left as u64, "unit")),
        };
        self.below(f, &format!("{by} = {}{unit}", share.base))
    }

    /// How a part came about, and for how many.
    fn made(&self, part: &PartExplained) -> String {
        let mut made = format!("{} for {}", part.part, counted(u64::from(part.members), "member"));
        if let Some(Cut { from, share }) = part.cuts.last() {
            made.push_str(&format!(": {} of {}", portion(share), whole(*from)));
        }
        if !part.undistributed.is_zero() {
            let to = match self.0.window.kind {
                Kind::Hourly => "the pool of the oldest unpaid day",
                Kind::Daily => "the pool of the next day",
            };
            made.push_str(&format!("; nobody gets it, it goes to {to}"));
        }
        made
    }

    fn outcome(&self, part: &PartExplained) -> String {
        let voters = self.0.voters;
        if !part.is_member() {
            let unmet = part.conditions.iter().filter(|condition| !condition.is_met());
            let mut why: Vec<String> =
                unmet.map(|condition| self::unmet(condition, part.reach, voters)).collect();
            why.dedup();
            return format!("not paid — {}", why.join("; "));
        }
        if part.share.is_none() {
            return "not paid — no member has ECC that counts".to_owned();
        }
        let own = part.conditions.iter().filter(|condition| {
            matches!(condition, Condition::Position { .. } | Condition::TierMinVotes { .. })
        });
        own.map(|condition| met(condition, part.reach, voters)).collect::<Vec<_>>().join("; ")
    }

    fn bonus(&self, f: Out<'_, '_>, bonus: &BonusExplained, amount: &Amount) -> Written {
        let made = format!("market bonus: {} × {}, the sum of the above", short(bonus.ratio), bonus.of);
        self.beside(f, amount.stored, &made)?;
        self.comes_out(f, amount)?;
        let Some(reference) = bonus.reference else {
            let none = format!("no rate was quoted in the {} before, so there is none", days(bonus));
            return self.below(f, &none);
        };
        self.below(
            f,
            &format!(
                "rate {} at the day's end, {} on average in the {} before;",
                short(bonus.rate_end),
                short(reference),
                days(bonus)
            ),
        )?;
        self.below(
            f,
            &format!(
                "its rise × sensitivity {}, from 0 up to {}",
                short(bonus.sensitivity),
                short(bonus.max_ratio)
            ),
        )
    }

    fn comes_out(&self, f: Out<'_, '_>, amount: &Amount) -> Written {
        if amount.agrees() {
            return Ok(());
        }
        self.below(f, &format!("comes out as {} now", amount.computed))
    }

    fn foot(&self, f: Out<'_, '_>) -> Written {
        let Some(TransferExplained { computed, stored }) = &self.0.transfer else { return Ok(()) };
        let Some(stored) = stored else {
            return writeln!(f, "\nSpecial partner: nothing is queued for the remote database");
        };
        let amount = stored.transfer.amount;
        let state = match (stored.delivered_at, &stored.last_error) {
            (Some(at), _) => format!("delivered at {}", show(at)),
            (None, None) => "waits to be delivered".to_owned(),
            (None, Some(error)) => {
                format!("waits after {}: {error}", counted(u64::from(stored.attempts), "attempt"))
            }
        };
        writeln!(f, "\nSpecial partner: {amount} CC for the remote database, {state}")?;
        match computed {
            Some(computed) if *computed == amount => Ok(()),
            Some(computed) => writeln!(f, "  comes out as {computed} now"),
            None => writeln!(f, "  but by the rules of this run the partner is not special"),
        }
    }
}

fn line(f: Out<'_, '_>, position: u32, tally: &Tally, why: &str) -> Written {
    let Tally { partner_id, votes, ecc, last, .. } = tally;
    let votes = counted(*votes, "vote");
    writeln!(f, "  {position:>7}  partner {partner_id:<8} {votes:>9}  {ecc} ECC  {}  {why}", show(*last))
}

/// A weight of all weights: a percentage where they are set as such.
fn portion(share: &Share) -> String {
    let unit = if share.has_unit() { " + 1 unit left over" } else { "" };
    let percent = share.weight.floor_mul(Units::whole(100)).ok().filter(|_| share.weights == Units::ONE);
    match percent {
        Some(percent) => format!("{} %{unit}", short(percent)),
        None => format!("{}/{}{unit}", short(share.weight), short(share.weights)),
    }
}

fn days(bonus: &BonusExplained) -> String {
    counted(u64::from(bonus.lookback_days), "day")
}
