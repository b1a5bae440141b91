//! What the page calls things.

use crate::proof::explain::{Change, Condition, Figure, Whole};
use crate::rewards::allocation::Share;
use crate::rewards::money::Units;
use crate::rewards::rules::RankKey;
use crate::rewards::vote::Reach;

/// A number without the zeros that end it: shares, weights, rates.
pub(super) fn short(number: Units) -> String {
    let text = number.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The category of a reward column.
pub(super) fn category(column: &str) -> &str {
    match column {
        "daily_reward_top10p_ecc" => "top10% ECC",
        "daily_reward_top50p" => "top50%",
        "hourly_reward_top10p" => "top10%",
        "cc_market_reward" => "market bonus",
        _ => column.trim_start_matches("hourly_reward_").trim_start_matches("daily_reward_"),
    }
}

pub(super) const fn whole(whole: Whole) -> &'static str {
    match whole {
        Whole::HourlyShare => "what the hour shares",
        Whole::DailyPool => "the pool",
        Whole::FixedPart => "what the fixed tiers get",
    }
}

/// A weight of all weights, a percentage where they are set as such, of something.
pub(super) fn portion(share: &Share, of: &str) -> String {
    let percent = share.weight.floor_mul(Units::whole(100)).ok().filter(|_| share.weights == Units::ONE);
    let mut portion = match percent {
        Some(percent) => format!("{} %", short(percent)),
        None => format!("{}/{}", short(share.weight), short(share.weights)),
    };
    if !of.is_empty() {
        portion.push_str(&format!(" of {of}"));
    }
    if share.has_unit() {
        portion.push_str(" + 1 unit left over");
    }
    portion
}

/// What became of the units that flooring left over.
pub(super) fn left_over(share: &Share) -> String {
    match (share.left_over as u64, share.has_unit()) {
        (0, _) => String::new(),
        (left, true) => format!(", and one of {} left over", counted(left, "unit")),
        (left, false) => format!(", and none of {} left over", counted(left, "unit")),
    }
}

/// How a key orders partners.
pub(super) const fn order(key: RankKey) -> &'static str {
    match key {
        RankKey::Votes => "more votes",
        RankKey::Ecc => "more ECC",
        RankKey::EarliestLastVote => "the earlier last vote",
    }
}

/// What the one who stands before the other has.
pub(super) const fn ahead_by(key: Option<RankKey>) -> &'static str {
    match key {
        Some(key) => order(key),
        None => "all the same, the lower id",
    }
}

/// What the one who stands after the other has.
pub(super) const fn behind_by(key: Option<RankKey>) -> &'static str {
    match key {
        Some(RankKey::Votes) => "fewer votes",
        Some(RankKey::Ecc) => "less ECC",
        Some(RankKey::EarliestLastVote) => "the later last vote",
        None => "all the same, the higher id",
    }
}

/// A condition that is met.
pub(super) fn met(condition: &Condition, reach: Reach, voters: u32) -> String {
    match *condition {
        Condition::Position { had, .. } if reach == Reach::All => format!("position {had}, everyone"),
        Condition::Position { last, had } => format!("position {had}, up to {}", up_to(last, reach, voters)),
        Condition::MinVotes { needed, had } | Condition::TierMinVotes { needed, had } => {
            format!("needs {}, had {had}", counted(needed, "vote"))
        }
        Condition::MinActiveHours { needed, had } => {
            format!("needs votes in {}, had {had}", counted(needed, "hour"))
        }
    }
}

/// A condition that is not.
pub(super) fn unmet(condition: &Condition, reach: Reach, voters: u32) -> String {
    match *condition {
        Condition::Position { last, had } => {
            format!("needs a position up to {}, had {had}", up_to(last, reach, voters))
        }
        Condition::MinVotes { .. } | Condition::MinActiveHours { .. } => "is not eligible".to_owned(),
        Condition::TierMinVotes { .. } => met(condition, reach, voters),
    }
}

fn up_to(last: u32, reach: Reach, voters: u32) -> String {
    match reach {
        // Who has a position is never past a limit that is larger than all of them.
        Reach::Top(k) => k.to_string(),
        Reach::Percent(x) => format!("{last} ({x} % of {voters})"),
        Reach::All => last.to_string(),
    }
}

/// What has changed since a payment, and how.
pub(super) fn change(change: &Change) -> String {
    let what = match &change.figure {
        Figure::Votes => "votes".to_owned(),
        Figure::Voters => "voters".to_owned(),
        Figure::VotesOf(vote_type) => format!("votes of type {vote_type}"),
        Figure::CcOf(vote_type) => format!("CC of type {vote_type}"),
        Figure::CcTotal => "CC that brings money".to_owned(),
        Figure::CcRate => "CC rate".to_owned(),
        Figure::Tallies => return "what the votes add up to, partner by partner".to_owned(),
        Figure::HourCc(hour) => format!("CC that brings money, hour {hour}"),
        Figure::HourRate(hour) => format!("CC rate, hour {hour}"),
        Figure::RateEnd => "CC rate at the end".to_owned(),
        Figure::RateReference => "CC rate before the day".to_owned(),
        Figure::BonusRatio => "market bonus ratio".to_owned(),
        Figure::EccCap => "ECC cap".to_owned(),
        Figure::Shared => "what there is to share".to_owned(),
        Figure::Part(column) => format!("the part of {}", category(column)),
        Figure::Members(column) => format!("members of {}", category(column)),
    };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    format!("{what}: {} then, {} now", or_none(&change.then), or_none(&change.now))
}
