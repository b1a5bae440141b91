//! An explanation in plain words, on one page.

use super::words::{
    ahead_by, behind_by, category, change, counted, left_over, met, order, portion, short, unmet, whole,
};
use crate::proof::explain::{
    Agreement, AlarmExplained, Amount, BonusExplained, Condition, Cut, Explanation, Money, Neighbour,
    Neighbours, PartExplained, SetAsideExplained, TransferExplained,
};
use crate::rewards::money::Units;
use crate::rewards::vote::Tally;
use crate::rewards::window::{Kind, show};

/// So many changes, and so many types of votes, are named; the JSON has all.
const NAMED: usize = 6;

/// The page of an explanation. Where other partners are left out of it, they are left out of the page.
pub(super) fn page(explanation: &Explanation) -> String {
    let mut page = Page { explanation, width: width(explanation), lines: vec![] };
    page.head();
    page.votes();
    page.standing();
    page.money();
    page.parts();
    page.transfer();
    page.lines.join("\n")
}

/// Amounts stand in a first column, what they are beside them, and more of it below that.
struct Page<'e> {
    explanation: &'e Explanation,
    /// Of the first column.
    width: usize,
    lines: Vec<String>,
}

/// Of the largest amounts there are.
fn width(explanation: &Explanation) -> usize {
    let largest = match explanation.source {
        Money::Hour { total, .. } => total,
        Money::Day { shared, .. } => shared,
    };
    let amounts = [Some(largest), Some(explanation.computed_sum()), explanation.stored_sum()];
    amounts.iter().flatten().map(|amount| amount.text().as_str().len()).max().unwrap_or_default()
}

impl Page<'_> {
    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(text.into());
    }

    fn beside(&mut self, amount: Option<Units>, text: &str) {
        let amount = amount.map_or("none".to_owned(), |amount| amount.to_string());
        self.line(format!("  {amount:>width$}  {text}", width = self.width));
    }

    fn below(&mut self, text: &str) {
        self.line(format!("  {:width$}  {text}", "", width = self.width));
    }

    fn head(&mut self) {
        let Explanation { window, run, tally, .. } = self.explanation;
        self.line(format!("Partner {}, {window}", tally.partner_id));
        let by = format!("by run {} at {}", run.sequence, show(run.committed_at));
        self.line(match self.explanation.stored_sum() {
            Some(sum) => format!("Paid {sum} CC, {by}"),
            None => format!("No row of this partner is stored; the window was paid {by}"),
        });
        // Enough to find them by; the JSON has all of it.
        self.line(format!("by the rules {:.12}", run.rules_version));
        self.set_aside();
        self.agreement();
    }

    /// What an alarm has kept back, and what became of it.
    fn set_aside(&mut self) {
        let Some(SetAsideExplained { amount, alarms, decided, state }) = &self.explanation.set_aside else {
            return;
        };
        if alarms.is_empty() {
            self.line(format!("Set aside: {amount} CC, by an operator's decision"));
        }
        for AlarmExplained { alarm, figure, limit } in alarms {
            self.line(format!("Set aside: {amount} CC by the alarm {alarm}: {figure}, allowed: {limit}"));
        }
        self.line(match decided {
            None => "Nobody has decided yet.".to_owned(),
            Some(made) => {
                format!(
                    "It was {} by {} on {} (decision {}).",
                    state.name(),
                    made.by,
                    show(made.at),
                    made.number
                )
            }
        });
    }

    /// Whether what follows is what was paid.
    fn agreement(&mut self) {
        match self.explanation.agreement() {
            Agreement::Agrees => return self.line("What is stored agrees with the votes, to the last unit."),
            Agreement::Drifted => {
                self.line("");
                self.line(
                    "Votes or rates have changed since. What was paid is what they came to then; this page",
                );
                self.line("shows what they come to now. Changed:");
            }
            Agreement::Differs => {
                self.line("");
                self.line("WARNING: what is stored is not what these votes come to, and the votes have not changed.");
            }
        }
        let changes = &self.explanation.changes;
        for changed in changes.iter().take(NAMED) {
            self.line(format!("  {}", change(changed)));
        }
        if changes.len() > NAMED {
            self.line(format!("  and {} more figures, which --json names", changes.len() - NAMED));
        }
        let differing = self.explanation.differing();
        if differing.is_empty() {
            self.line("This partner's row is the same for all that.");
        } else if self.explanation.stored.is_some() {
            self.line(format!("Other than it comes out: {}.", differing.join(", ")));
        }
    }

    fn votes(&mut self) {
        let Explanation { tally, votes_by_type, window, .. } = self.explanation;
        let mut by_type: Vec<String> = vec![];
        for by in votes_by_type.iter().take(NAMED) {
            let brings = if by.in_pool { " (bring money into the pool)" } else { "" };
            by_type.push(format!("{} {}{brings}", by.votes, by.vote_type));
        }
        if votes_by_type.len() > NAMED {
            by_type.push(format!("and {} more types", votes_by_type.len() - NAMED));
        }
        self.line("");
        self.line(format!("Votes        {}: {}", tally.votes, by_type.join(", ")));
        let hours = match window.kind {
            Kind::Hourly => String::new(),
            Kind::Daily => format!("in {} of the day, ", counted(u64::from(tally.active_hours), "hour")),
        };
        self.line(format!("             {hours}the last at {}", show(tally.last)));
        self.line(format!("CC spent     {}", tally.cc));
        self.line(format!("ECC earned   {}", tally.ecc));
    }

    fn standing(&mut self) {
        let Explanation { position, voters, ranking, tally, neighbours, .. } = self.explanation;
        let keys: Vec<&str> = ranking.iter().map(|key| order(*key)).chain(["the lower id"]).collect();
        self.line("");
        self.line(format!("Position     {position} of {voters}, by {}", keys.join(", then ")));
        let Some(Neighbours { before, after }) = neighbours else { return };
        let mut rows = vec![(*position, tally, "this partner")];
        if let Some(Neighbour { position, tally, decided_by }) = before {
            rows.insert(0, (*position, tally, ahead_by(*decided_by)));
        }
        if let Some(Neighbour { position, tally, decided_by }) = after {
            rows.push((*position, tally, behind_by(*decided_by)));
        }
        let width =
            rows.iter().map(|(_, tally, _)| tally.ecc.text().as_str().len()).max().unwrap_or_default();
        for (position, tally, why) in rows {
            let Tally { partner_id, votes, ecc, last, .. } = tally;
            let (votes, last) = (counted(*votes, "vote"), show(*last));
            self.line(format!(
                "  {position:>7}  partner {partner_id:<8} {votes:>9}  {ecc:>width$} ECC  {last}  {why}"
            ));
        }
    }

    fn money(&mut self) {
        self.line("");
        match self.explanation.source {
            Money::Hour { cc_total, rate, total, hourly_share, shared } => {
                self.line("The hour's money");
                let made = format!("brought: {cc_total} CC of votes that bring money × rate {}", short(rate));
                self.beside(Some(total), &made);
                let cut = format!("shared now: {} of it; the rest is the day's", short(hourly_share));
                self.beside(Some(shared), &cut);
            }
            Money::Day { pool_before, settled, late_cc, late_total, shared } => {
                self.line("The day's pool");
                self.beside(Some(pool_before), "held when the day was paid");
                self.beside(Some(settled), "from hours that were settled with it");
                let late = if late_cc.is_negative() {
                    "from late votes: none, some votes have vanished"
                } else {
                    "from votes that came after their hour was settled"
                };
                self.beside(Some(late_total), late);
                self.beside(Some(shared), "to share:");
                self.splits();
            }
        }
    }

    /// The shares of a day's pool that its parts are cut from; the first of them is that of all fixed tiers.
    fn splits(&mut self) {
        for (index, part) in self.explanation.parts.iter().enumerate() {
            let whose = if part.cuts.len() == 1 { category(part.column) } else { "the fixed tiers" };
            if let (Some(Cut { share, .. }), true) = (part.cuts.first(), part.cuts.len() == 1 || index == 0) {
                self.beside(Some(share.amount()), &format!("{} for {whose}", portion(share, "")));
            }
        }
    }

    fn parts(&mut self) {
        let Explanation { parts, amounts, bonus, .. } = self.explanation;
        self.line("");
        self.line("What the partner gets");
        self.eligibility();
        for (part, amount) in parts.iter().zip(amounts) {
            self.part(part, amount);
        }
        if let (Some(bonus), Some(amount)) = (bonus, amounts.last()) {
            self.bonus(bonus, amount);
        }
        let (stored, computed) = (self.explanation.stored_sum(), self.explanation.computed_sum());
        self.beside(stored, "in all");
        if stored != Some(computed) {
            self.below(&format!("comes out as {computed}"));
        }
    }

    /// The conditions that are the same for all parts of a day.
    fn eligibility(&mut self) {
        let Some(part) = self.explanation.parts.first() else { return };
        let mut common = part.conditions.clone();
        common.retain(|condition| {
            matches!(condition, Condition::MinVotes { .. } | Condition::MinActiveHours { .. })
        });
        if common.is_empty() {
            return;
        }
        let says = if common.iter().all(Condition::is_met) { "eligible" } else { "not eligible" };
        let rules = common.iter().map(|condition| met(condition, part.reach, self.explanation.voters));
        self.below(&format!("{says}: {}", rules.collect::<Vec<_>>().join("; ")));
    }

    fn part(&mut self, part: &PartExplained, amount: &Amount) {
        let outcome = format!("{}: {}", category(part.column), self.outcome(part));
        self.paid(amount, &outcome);
        self.below(&self.made(part));
        if let Some(ecc) = &part.ecc {
            let best = match ecc.top_members {
                1 => "the ECC of position 1".to_owned(),
                last => format!("the mean ECC of positions 1 to {last}"),
            };
            let has =
                if ecc.is_capped(&self.explanation.tally) { "the partner has more" } else { "not reached" };
            self.below(&format!("cap {} = {} × {best}; {has}", ecc.cap, short(ecc.multiplier)));
        }
        let Some(share) = &part.share else { return };
        let by = match part.ecc {
            Some(_) => format!("{} × {} / {}", share.of, share.weight, share.weights),
            None => format!("{} / {}", share.of, part.members),
        };
        self.below(&format!("{by} = {}{}", share.base, left_over(share)));
    }

    /// What was paid, and what comes out where that is something else.
    fn paid(&mut self, amount: &Amount, text: &str) {
        self.beside(amount.stored, text);
        if !amount.agrees() {
            self.below(&format!("comes out as {}", amount.computed));
        }
    }

    /// How a part came about, and for how many.
    fn made(&self, part: &PartExplained) -> String {
        let mut made = format!("{} for {}", part.part, counted(u64::from(part.members), "member"));
        if let Some(Cut { from, share }) = part.cuts.last() {
            made.push_str(&format!(": {}", portion(share, whole(*from))));
        }
        if !part.undistributed.is_zero() {
            let to = match self.explanation.window.kind {
                Kind::Hourly => "the pool of the oldest unpaid day",
                Kind::Daily => "the pool of the next day",
            };
            made.push_str(&format!("; nobody gets it, it goes to {to}"));
        }
        made
    }

    fn outcome(&self, part: &PartExplained) -> String {
        let voters = self.explanation.voters;
        if !part.is_member() {
            let unmet = part.conditions.iter().filter(|condition| !condition.is_met());
            let mut why: Vec<String> = unmet.map(|unmet| self::unmet(unmet, part.reach, voters)).collect();
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

    fn bonus(&mut self, bonus: &BonusExplained, amount: &Amount) {
        let made = format!("market bonus: {} × {}, the sum of the above", short(bonus.ratio), bonus.of);
        self.paid(amount, &made);
        let days = counted(u64::from(bonus.lookback_days), "day");
        let Some(reference) = bonus.reference else {
            return self.below(&format!("no rate was quoted in the {days} before, so there is none"));
        };
        let (end, reference) = (short(bonus.rate_end), short(reference));
        self.below(&format!("rate {end} at the day's end, {reference} on average in the {days} before;"));
        let (sensitivity, most) = (short(bonus.sensitivity), short(bonus.max_ratio));
        self.below(&format!("its rise × sensitivity {sensitivity}, from 0 up to {most}"));
    }

    fn transfer(&mut self) {
        let Some(TransferExplained { computed, stored }) = &self.explanation.transfer else { return };
        self.line("");
        let Some(stored) = stored else {
            return self.line("Special partner: nothing is queued for the remote database");
        };
        let amount = stored.transfer.amount;
        let attempts = counted(u64::from(stored.attempts), "attempt");
        let state = match (stored.delivered_at, &stored.last_error) {
            (Some(at), _) => format!("delivered at {}", show(at)),
            (None, Some(error)) => format!("waits after {attempts}: {error}"),
            (None, None) if stored.attempts > 0 => format!("waits after {attempts}"),
            (None, None) => "waits to be delivered".to_owned(),
        };
        self.line(format!("Special partner: {amount} CC for the remote database, {state}"));
        match computed {
            Some(computed) if *computed == amount => {}
            Some(computed) => self.line(format!("  comes out as {computed}")),
            None => self.line("  but by the rules of this run the partner is not special"),
        }
    }
}
