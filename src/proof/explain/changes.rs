//! What a run recorded, beside what it would record now.

use std::collections::BTreeMap;

use crate::audit::{InputsRecord, RunRecord, TypeRecord};

/// Something that the run recorded otherwise than it comes out now, both as its record writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub figure: Figure,
    /// None where the run had no such thing.
    pub then: Option<String>,
    /// None where there is no such thing now.
    pub now: Option<String>,
}

/// What a change is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    Votes,
    Voters,
    /// Votes of a type.
    VotesOf(String),
    /// Σcc of a type.
    CcOf(String),
    /// Σcc that brings money.
    CcTotal,
    CcRate,
    /// What the votes add up to, partner by partner, as a digest.
    Tallies,
    /// Σcc of an hour that the run settled, by the hour's start.
    HourCc(String),
    /// The rate of such an hour.
    HourRate(String),
    RateEnd,
    RateReference,
    BonusRatio,
    EccCap,
    /// What there was to share.
    Shared,
    /// The part of a reward column.
    Part(String),
    /// Who shares the part of a reward column.
    Members(String),
}

/// All that differs between two records of one run, what went in first.
pub(super) fn between(then: &RunRecord, now: &RunRecord) -> Vec<Change> {
    let mut changes = Changes::default();
    changes.inputs(&then.inputs, &now.inputs);
    for now in &now.settlements {
        let hour = || now.hour_start.clone();
        let then = then.settlements.iter().find(|then| then.hour_start == now.hour_start);
        changes.note(Figure::HourCc(hour()), then.map(|then| &then.cc_total), Some(&now.cc_total));
        changes.note(Figure::HourRate(hour()), then.map(|then| &then.cc_rate), Some(&now.cc_rate));
    }
    let daily = |record: &RunRecord| {
        let daily = record.daily.as_ref();
        let rate_end = daily.map(|daily| daily.rate_end.clone());
        let reference = daily.and_then(|daily| daily.rate_reference.clone());
        let ratio = daily.map(|daily| daily.bonus_ratio.clone());
        (rate_end, reference, ratio, daily.and_then(|daily| daily.ecc_cap.clone()))
    };
    let (then_daily, now_daily) = (daily(then), daily(now));
    changes.note(Figure::RateEnd, then_daily.0, now_daily.0);
    changes.note(Figure::RateReference, then_daily.1, now_daily.1);
    changes.note(Figure::BonusRatio, then_daily.2, now_daily.2);
    changes.note(Figure::EccCap, then_daily.3, now_daily.3);
    changes.note(Figure::Shared, Some(&then.shared), Some(&now.shared));
    for (then, now) in then.parts.iter().zip(&now.parts) {
        changes.note(Figure::Part(now.column.clone()), Some(&then.part), Some(&now.part));
        changes.note(Figure::Members(now.column.clone()), Some(then.members), Some(now.members));
    }
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn note(&mut self, figure: Figure, then: Option<impl ToString>, now: Option<impl ToString>) {
        let (then, now) = (then.map(|value| value.to_string()), now.map(|value| value.to_string()));
        if then != now {
            self.0.push(Change { figure, then, now });
        }
    }

    fn inputs(&mut self, then: &InputsRecord, now: &InputsRecord) {
        self.note(Figure::Votes, Some(then.votes), Some(now.votes));
        self.note(Figure::Voters, Some(then.voters), Some(now.voters));
        let (then_types, now_types) = (by_name(&then.by_type), by_name(&now.by_type));
        let mut names: Vec<&str> = then_types.keys().chain(now_types.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (then, now) = (then_types.get(name), now_types.get(name));
            let votes = |of: Option<&&TypeRecord>| of.map(|of| of.votes);
            let cc = |of: Option<&&TypeRecord>| of.map(|of| of.cc.clone());
            self.note(Figure::VotesOf(name.to_owned()), votes(then), votes(now));
            self.note(Figure::CcOf(name.to_owned()), cc(then), cc(now));
        }
        self.note(Figure::CcTotal, Some(&then.cc_total), Some(&now.cc_total));
        self.note(Figure::CcRate, Some(&then.cc_rate), Some(&now.cc_rate));
        self.note(Figure::Tallies, Some(&then.digest), Some(&now.digest));
    }
}

fn by_name(types: &[TypeRecord]) -> BTreeMap<&str, &TypeRecord> {
    types.iter().map(|total| (total.vote_type.as_str(), total)).collect()
}
