//! A day against the crowd and against each partner's own last days.

use super::cohort::lifts;
use super::profile::Profile;
use super::statistics::{Spread, log2};
use crate::rewards::suspicions::{Measure, Suspicion};

/// Fewer partners than that are no crowd, and say nothing about what is usual.
pub const MIN_CROWD: usize = 20;

/// Units of 10⁻⁸ in a thousandth.
const UNITS_A_THOUSANDTH: i128 = 100_000;

/// A partner's day past a stage of a suspicion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    pub partner_id: i64,
    /// The suspicion's name.
    pub suspicion: String,
    pub measure: Measure,
    /// Counts from 1. Past the last of the configured ones, each doubling of the score is a further one.
    pub stage: u32,
    /// Standard deviations above the ordinary, in thousandths.
    pub score: i64,
    pub figure: i64,
    pub crowd: Compared,
    /// None where there are too few days of the partner's own.
    pub own: Option<Compared>,
}

/// What a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// In the units of the figure.
    pub median: i64,
    /// Partners, or days.
    pub count: usize,
    /// In thousandths.
    pub score: i64,
}

/// A day to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Today<'a> {
    /// By partner.
    pub profiles: &'a [Profile],
    /// The last days, each by partner.
    pub history: &'a [Vec<Profile>],
}

/// What stands out on a day, in the order of the suspicions and partners.
#[must_use]
pub fn judge(day: Today<'_>, suspicions: &[Suspicion]) -> Vec<Crossing> {
    if suspicions.is_empty() {
        return vec![];
    }
    let pasts: Vec<Vec<&Profile>> = pasts(day);
    let lifts = match suspicions.iter().any(|suspicion| suspicion.measure == Measure::Cohort) {
        true => lifts(day.profiles, |profile| is_new(day, profile.partner_id)),
        false => vec![],
    };
    suspicions.iter().flat_map(|suspicion| judge_by(suspicion, day, &pasts, &lifts)).collect()
}

/// Each partner's last days, in the order of the profiles.
fn pasts<'a>(day: Today<'a>) -> Vec<Vec<&'a Profile>> {
    let mut pasts = vec![Vec::with_capacity(day.history.len()); day.profiles.len()];
    for past in day.history {
        let mut from = past.as_slice();
        for (profile, known) in day.profiles.iter().zip(&mut pasts) {
            // Both are by partner: nobody before this one is looked for again.
            from = &from[from.partition_point(|other| other.partner_id < profile.partner_id)..];
            known.extend(from.first().filter(|other| other.partner_id == profile.partner_id));
        }
    }
    pasts
}

/// Without any history nobody is new, or all are.
fn is_new(day: Today<'_>, partner_id: i64) -> bool {
    let knows =
        |past: &Vec<Profile>| past.binary_search_by_key(&partner_id, |other| other.partner_id).is_ok();
    !day.history.is_empty() && !day.history.iter().any(knows)
}

fn judge_by(suspicion: &Suspicion, day: Today<'_>, pasts: &[Vec<&Profile>], lifts: &[i64]) -> Vec<Crossing> {
    let measure = suspicion.measure;
    let min_days = suspicion.min_days as usize;
    let mut measured = vec![];
    for (index, profile) in day.profiles.iter().enumerate() {
        if u64::from(profile.votes) < suspicion.min_votes {
            continue;
        }
        let figure = match measure {
            Measure::Cohort => Some(lifts[index]),
            _ => figure(measure, profile),
        };
        let own = own(measure, &pasts[index], min_days);
        if let Some(figure) = figure {
            measured.push(Measured { profile, figure, own });
        }
    }
    // A jump is what is above a partner's own usual: who has none cannot jump.
    if measure == Measure::PositionJump {
        measured.retain(|measured| measured.own.is_some());
    }
    let mut heights: Vec<i64> = measured.iter().map(|measured| measured.height(measure)).collect();
    let Some(crowd) = Spread::of(&mut heights).filter(|crowd| crowd.count >= MIN_CROWD) else {
        return vec![];
    };
    let mut figures: Vec<i64> = measured.iter().map(|measured| measured.figure).collect();
    let usual = super::statistics::median(&mut figures).unwrap_or_default();
    measured.iter().filter_map(|measured| measured.crossing(suspicion, &crowd, usual)).collect()
}

/// A partner's figure, and what is usual for it.
struct Measured<'a> {
    profile: &'a Profile,
    figure: i64,
    /// Of the own heights, and the median of the own figures.
    own: Option<(Spread, i64)>,
}

impl Measured<'_> {
    /// Where the figure stands among those of the crowd.
    fn height(&self, measure: Measure) -> i64 {
        let height = height(measure, self.figure);
        match (measure, &self.own) {
            (Measure::PositionJump, Some((own, _))) => height - own.median,
            _ => height,
        }
    }

    fn crossing(&self, suspicion: &Suspicion, crowd: &Spread, usual: i64) -> Option<Crossing> {
        let measure = suspicion.measure;
        let floor = floor(measure);
        let score = crowd.score(self.height(measure), floor);
        let crowd = Compared { median: usual, count: crowd.count, score };
        let own = self.own.map(|(own, median)| {
            let score = own.score(height(measure, self.figure), floor);
            Compared { median, count: own.count, score }
        });
        let score = own.map_or(score, |own| own.score.min(score));
        let stage = stage(suspicion, score)?;
        // Of whom nothing is known yet, the crowd alone speaks: that has to be one stage louder.
        let least =
            if own.is_none() && is_compared_with_own(measure) { 2.min(suspicion.stages.len()) } else { 1 };
        (stage as usize >= least).then(|| Crossing {
            partner_id: self.profile.partner_id,
            suspicion: suspicion.name.clone(),
            measure,
            stage,
            score,
            figure: self.figure,
            crowd,
            own,
        })
    }
}

/// Whoever always votes as much, at such hours, for so much ECC is not suspected of it. But a program that always was one
/// is one, and a farm does not become honest by staying: these are compared with the crowd alone.
const fn is_compared_with_own(measure: Measure) -> bool {
    !matches!(measure, Measure::Regularity | Measure::Cohort)
}

/// What is measured, in the units that people read: votes, units of ECC, thousandths of a doubling, positions.
fn figure(measure: Measure, profile: &Profile) -> Option<i64> {
    match measure {
        Measure::Votes => Some(i64::from(profile.votes)),
        Measure::EccPerVote => Some(i64::try_from(profile.ecc_per_vote).unwrap_or(i64::MAX)),
        Measure::Regularity => profile.regularity.map(i64::from),
        Measure::Night => Some(i64::from(profile.night)),
        Measure::PositionJump => Some(i64::from(profile.position)),
        Measure::Cohort => None,
    }
}

/// A figure on the scale on which it is compared: the higher, the more suspicious. What spreads over orders of magnitude
/// is compared by its logarithm.
fn height(measure: Measure, figure: i64) -> i64 {
    match measure {
        Measure::Votes | Measure::EccPerVote => log2(figure.unsigned_abs()),
        Measure::PositionJump => -log2(figure.unsigned_abs()),
        Measure::Night => log2(figure.unsigned_abs().saturating_add(1)),
        Measure::Regularity | Measure::Cohort => figure,
    }
}

/// The least deviation that counts, where hardly anybody differs: on the scale of [`height`], in thousandths.
const fn floor(measure: Measure) -> i64 {
    match measure {
        // 23 % more or fewer.
        Measure::Votes => 300,
        // 15 %.
        Measure::EccPerVote => 200,
        Measure::Regularity => 300,
        // Twice as many: most have none, and a few now and then are nothing.
        Measure::Night => 1000,
        // 41 % of the position.
        Measure::PositionJump => 500,
        Measure::Cohort => 500,
    }
}

fn own(measure: Measure, past: &[&Profile], min_days: usize) -> Option<(Spread, i64)> {
    if !is_compared_with_own(measure) || past.len() < min_days {
        return None;
    }
    let mut figures: Vec<i64> = past.iter().filter_map(|profile| figure(measure, profile)).collect();
    let mut heights: Vec<i64> = figures.iter().map(|figure| height(measure, *figure)).collect();
    Some((Spread::of(&mut heights)?, super::statistics::median(&mut figures)?))
}

/// The stage that a score has passed.
fn stage(suspicion: &Suspicion, score: i64) -> Option<u32> {
    let score = i128::from(score) * UNITS_A_THOUSANDTH;
    let passed = suspicion.stages.iter().take_while(|stage| score >= stage.count()).count();
    let last = suspicion.stages.last()?.count().max(1);
    let doublings = if passed == suspicion.stages.len() { (score / last).max(1).ilog2() } else { 0 };
    (passed > 0).then_some(passed as u32 + doublings)
}
