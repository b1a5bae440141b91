//! An explanation as the tables and facts of its page. Neighbours are positions here, and nothing more.

use maud::{Markup, html};

use super::context::Ctx;
use super::format;
use super::tables::{Cell, Row, Table, Tone, number, text};
use super::texts::{Texts, fill};
use super::window::category;
use crate::proof::explain::{
    Change, Condition, EccExplained, Explanation, Figure, Money, Neighbour, PartExplained,
};
use crate::rewards::money::Units;
use crate::rewards::rules::RankKey;
use crate::store::HoldState;

/// A sum over fewer partners than this says too much of each.
const FEW: u32 = 3;

/// Who stands next: where, and by which key; not who.
pub struct Near {
    position: u32,
    decided_by: Option<RankKey>,
}

impl From<Neighbour> for Near {
    fn from(Neighbour { position, decided_by, .. }: Neighbour) -> Self {
        Self { position, decided_by }
    }
}

/// An explanation without anything that belongs to other partners.
pub struct Explained {
    pub explanation: Explanation,
    before: Option<Near>,
    after: Option<Near>,
}

impl Explained {
    pub fn new(explanation: Explanation) -> Self {
        let (before, after) = match &explanation.neighbours {
            Some(neighbours) => (neighbours.before.map(Near::from), neighbours.after.map(Near::from)),
            None => (None, None),
        };
        Self { explanation: explanation.without_others(), before, after }
    }
}

/// Amounts, categories, votes by type, and what has changed since.
pub fn tables(ctx: &Ctx, explanation: &Explanation) -> [Table; 4] {
    [
        amounts(ctx, explanation),
        parts(ctx, explanation),
        votes(ctx, explanation),
        changes(ctx, &explanation.changes),
    ]
}

fn amounts(ctx: &Ctx, explanation: &Explanation) -> Table {
    let texts = ctx.texts;
    let agreement = |agrees| match agrees {
        true => Cell::State(Tone::Good, texts.as_paid.to_owned(), "agrees"),
        false => Cell::State(Tone::Bad, texts.otherwise_paid.to_owned(), "differs"),
    };
    let mut rows: Vec<Row> = explanation
        .amounts
        .iter()
        .map(|amount| {
            vec![
                Cell::Named(
                    category(texts, amount.column).to_owned(),
                    Box::new(Cell::Text(amount.column.to_owned())),
                ),
                Cell::Amount(amount.explained),
                Cell::optional(amount.stored, Cell::Amount),
                agreement(amount.agrees()),
            ]
            .into()
        })
        .collect();
    let (computed, stored) = (explanation.computed_sum(), explanation.stored_sum());
    rows.push(Row {
        cells: vec![
            Cell::Named(texts.sum.to_owned(), Box::new(Cell::Text("sum".to_owned()))),
            Cell::Amount(computed),
            Cell::optional(stored, Cell::Amount),
            agreement(stored == Some(computed)),
        ],
        is_total: true,
        ..Row::default()
    });
    Table {
        name: "amounts",
        caption: texts.amounts.to_owned(),
        columns: vec![
            text("reward", texts.category),
            number("explained_cc", texts.comes_out),
            number("paid_cc", texts.paid),
            text("agreement", texts.state),
        ],
        rows,
        empty: texts.none,
    }
}

fn parts(ctx: &Ctx, explanation: &Explanation) -> Table {
    let texts = ctx.texts;
    let row = |part: &PartExplained| -> Row {
        let member = match part.is_member() {
            true => Cell::State(Tone::Good, texts.shares_it.to_owned(), "member"),
            false => Cell::State(Tone::Plain, texts.shares_not.to_owned(), "no member"),
        };
        vec![
            Cell::Named(
                category(texts, part.column).to_owned(),
                Box::new(Cell::Text(part.column.to_owned())),
            ),
            Cell::Amount(part.part),
            Cell::Count(u64::from(part.members)),
            member,
            Cell::Text(why(ctx, part, explanation)),
            Cell::Amount(part.amount()),
        ]
        .into()
    };
    Table {
        name: "parts",
        caption: texts.parts.to_owned(),
        columns: vec![
            text("category", texts.category),
            number("part_cc", texts.part),
            number("members", texts.members),
            text("membership", texts.state),
            text("why", texts.why).wrapping(),
            number("amount_cc", texts.amount),
        ],
        rows: explanation.parts.iter().map(row).collect(),
        empty: texts.none,
    }
}

/// The conditions that were not met, or how the share comes out.
fn why(ctx: &Ctx, part: &PartExplained, explanation: &Explanation) -> String {
    let texts = ctx.texts;
    let unmet: Vec<String> = part
        .conditions
        .iter()
        .filter(|condition| !condition.is_met())
        .map(|unmet| condition(ctx, unmet))
        .collect();
    if !unmet.is_empty() {
        return unmet.join("; ");
    }
    let Some(share) = &part.share else { return texts.nobody_has_weight.to_owned() };
    let mut said = match &part.ecc {
        Some(ecc) => {
            let weight = format::decimal(ecc.weight, ctx.lang);
            let kind =
                if ecc.is_capped(&explanation.tally) { texts.share_capped } else { texts.share_by_ecc };
            match part.members < FEW {
                true => fill(kind, &[&weight, "Σ"]),
                false => fill(kind, &[&weight, &format::decimal(share.weights, ctx.lang)]),
            }
        }
        None => fill(texts.share_equal, &[&format::count(u64::from(part.members), ctx.lang)]),
    };
    if share.has_unit() {
        said = format!("{said}; {}", texts.remainder_unit);
    }
    said
}

fn condition(ctx: &Ctx, condition: &Condition) -> String {
    let texts = ctx.texts;
    let (text, needed, had) = match *condition {
        Condition::Position { last, had } => (texts.needs_position, u64::from(last), u64::from(had)),
        Condition::MinVotes { needed, had } => (texts.needs_votes, needed, had),
        Condition::MinActiveHours { needed, had } => (texts.needs_hours, needed, had),
        Condition::TierMinVotes { needed, had } => (texts.needs_tier_votes, needed, had),
    };
    fill(text, &[&format::count(needed, ctx.lang), &format::count(had, ctx.lang)])
}

fn votes(ctx: &Ctx, explanation: &Explanation) -> Table {
    let texts = ctx.texts;
    let rows = explanation.votes_by_type.iter().map(|of| -> Row {
        let in_pool = match of.in_pool {
            true => Cell::Label(texts.brings_money.to_owned(), "yes"),
            false => Cell::Label(texts.brings_none.to_owned(), "no"),
        };
        vec![Cell::Text(of.vote_type.clone()), Cell::Count(of.votes), in_pool].into()
    });
    Table {
        name: "votes",
        caption: texts.by_type.to_owned(),
        columns: vec![
            text("vote_type", texts.vote_type),
            number("votes", texts.votes),
            text("in_pool", texts.for_the_pool),
        ],
        rows: rows.collect(),
        empty: texts.none,
    }
}

fn changes(ctx: &Ctx, changes: &[Change]) -> Table {
    let texts = ctx.texts;
    let row = |change: &Change| -> Row {
        let value = |value: &Option<String>| Cell::optional(value.clone(), Cell::Text);
        vec![Cell::Text(figure(texts, &change.figure)), value(&change.then), value(&change.now)].into()
    };
    Table {
        name: "changes",
        caption: texts.changes.to_owned(),
        columns: vec![text("figure", texts.figure), text("then", texts.then), text("now", texts.today_now)],
        rows: changes.iter().map(row).collect(),
        empty: texts.none,
    }
}

fn figure(texts: &Texts, figure: &Figure) -> String {
    match figure {
        Figure::Votes => texts.votes.to_owned(),
        Figure::Voters => texts.voters.to_owned(),
        Figure::VotesOf(vote_type) => format!("{}: {vote_type}", texts.votes),
        Figure::CcOf(vote_type) => format!("{}: {vote_type}", texts.cc_total),
        Figure::HourCc(hour) => format!("{}: {hour}", texts.cc_total),
        Figure::HourRate(hour) => format!("{}: {hour}", texts.rate),
        Figure::CcTotal => texts.cc_total.to_owned(),
        Figure::CcRate | Figure::RateEnd => texts.rate.to_owned(),
        Figure::RateReference => texts.rate_reference.to_owned(),
        Figure::Tallies => texts.digest.to_owned(),
        Figure::BonusRatio => texts.bonus_ratio.to_owned(),
        Figure::EccCap => texts.ecc_cap.to_owned(),
        Figure::Shared => texts.to_share_card.to_owned(),
        Figure::Part(column) => format!("{}: {}", texts.part, category(texts, column)),
        Figure::Members(column) => format!("{}: {}", texts.members, category(texts, column)),
    }
}

fn key(texts: &'static Texts, key: RankKey) -> &'static str {
    match key {
        RankKey::Votes => texts.key_votes,
        RankKey::Ecc => texts.key_ecc,
        RankKey::EarliestLastVote => texts.key_last,
    }
}

/// Where the partner stands, and what decided it.
pub fn position_facts(ctx: &Ctx, explained: &Explained) -> Vec<(&'static str, Markup)> {
    let (texts, lang, explanation) = (ctx.texts, ctx.lang, &explained.explanation);
    let near = |near: &Option<Near>| match near {
        None => html! { span.none { (texts.nobody) } },
        Some(Near { position, decided_by }) => {
            let decided = decided_by.map_or(texts.key_id, |decided| key(texts, decided));
            html! { (fill(texts.decided_by, &[&format::count(u64::from(*position), lang), decided])) }
        }
    };
    let order: Vec<&str> =
        explanation.ranking.iter().map(|of| key(texts, *of)).chain([texts.key_id]).collect();
    vec![
        (texts.stands_before, near(&explained.before)),
        (texts.stands_after, near(&explained.after)),
        (texts.ranking_order, html! { (order.join(" → ")) }),
        (texts.last_vote, format::time(explanation.tally.last, &ctx.calendar, lang)),
        (texts.cc_total, format::amount(explanation.tally.cc, lang)),
    ]
}

/// Where the money comes from, the ECC cap and the bonus.
pub fn money_facts(ctx: &Ctx, explanation: &Explanation) -> Vec<(&'static str, Markup)> {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let amount = |units| format::amount(units, lang);
    let decimal = |units: Units| html! { (format::decimal(units, lang)) };
    let mut facts = match explanation.source {
        Money::Hour { cc_total, rate, total, hourly_share, shared } => vec![
            (texts.cc_of_all, amount(cc_total)),
            (texts.rate, decimal(rate)),
            (texts.total_hour, amount(total)),
            (texts.share_of_hour, decimal(hourly_share)),
            (texts.to_share_card, amount(shared)),
        ],
        Money::Day { pool_before, settled, late_total, shared, .. } => vec![
            (texts.pool_before, amount(pool_before)),
            (texts.settled_now, amount(settled)),
            (texts.late_reward, amount(late_total)),
            (texts.to_share_card, amount(shared)),
        ],
    };
    if let Some(ecc) = explanation.parts.iter().find_map(|part| part.ecc) {
        facts.extend(ecc_facts(ctx, explanation, &ecc));
    }
    if let Some(bonus) = &explanation.bonus {
        facts.extend([
            (texts.rate, decimal(bonus.rate_end)),
            (
                texts.rate_reference,
                bonus.reference.map_or_else(|| html! { span.none { (texts.none) } }, decimal),
            ),
            (texts.bonus_ratio, decimal(bonus.ratio)),
            (texts.bonus_of, amount(bonus.of)),
            (texts.bonus, amount(bonus.amount)),
        ]);
    }
    if let Some(kept) = &explanation.set_aside {
        let found =
            kept.alarms.iter().map(|alarm| format!("{}: {} ({})", alarm.alarm, alarm.figure, alarm.limit));
        let found: Vec<String> = found.collect();
        facts.push((texts.set_aside, html! { (amount(kept.amount)) " " (found.join(", ")) }));
        if let Some(made) = &kept.decided {
            let state = match kept.state {
                HoldState::Held => texts.hold_held,
                HoldState::Released => texts.hold_released,
                HoldState::Forfeited => texts.hold_forfeited,
            };
            facts.push((
                texts.decision,
                html! { (state) ", " (made.by) ", " (format::time(made.at, &ctx.calendar, ctx.lang)) },
            ));
        }
    }
    if let Some(transfer) = &explanation.transfer {
        let sent = transfer.stored.as_ref().map(|stored| stored.transfer.amount).or(transfer.computed);
        facts.push((texts.transfers, sent.map_or_else(|| html! { span.none { (texts.none) } }, amount)));
    }
    facts
}

/// How much ECC counts, and how much of the partner's did.
fn ecc_facts(ctx: &Ctx, explanation: &Explanation, ecc: &EccExplained) -> Vec<(&'static str, Markup)> {
    let (texts, lang) = (ctx.texts, ctx.lang);
    let own = format::decimal(explanation.tally.ecc, lang);
    let mut facts = vec![(texts.ecc_own, html! { (own) })];
    // The cap is the mean of the best; of very few it would tell what each of them has.
    if ecc.top_members >= FEW {
        let cap = fill(
            texts.cap_formula,
            &[
                &format::decimal(ecc.cap, lang),
                &format::decimal(ecc.multiplier, lang),
                &format::decimal(ecc.top_ecc, lang),
                &format::count(u64::from(ecc.top_members), lang),
            ],
        );
        facts.push((texts.ecc_cap, html! { (cap) }));
    }
    facts.push((texts.ecc_counted, html! { (format::decimal(ecc.weight, lang)) }));
    facts
}
