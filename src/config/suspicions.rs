//! `[[suspicions]]`: what is out of the ordinary, and from when on.

use super::settings::{Keys, SUSPICIONS, Settings};
use super::show::{Entry, count, plain};
use super::values::{Value, decimal, list, whole, word};
use crate::rewards::money::Units;
use crate::rewards::suspicions::{Measure, Suspicion};

const MEASURES: [(&str, Measure); 6] = [
    (Measure::Votes.name(), Measure::Votes),
    (Measure::EccPerVote.name(), Measure::EccPerVote),
    (Measure::Regularity.name(), Measure::Regularity),
    (Measure::Night.name(), Measure::Night),
    (Measure::PositionJump.name(), Measure::PositionJump),
    (Measure::Cohort.name(), Measure::Cohort),
];

/// Reads the list.
pub(super) fn read(s: &mut Settings<'_>) -> Vec<Suspicion> {
    let names = s.names(SUSPICIONS).into_iter();
    names.filter_map(|name| suspicion(&mut Keys::new(s, SUSPICIONS, &name), name)).collect()
}

/// None where the measure was said to be a problem.
fn suspicion(keys: &mut Keys<'_, '_>, name: String) -> Option<Suspicion> {
    let words: Vec<_> = MEASURES.iter().map(|(word, _)| *word).collect();
    let why = format!("set it to one of {}", words.join(", "));
    let measure = keys.required("measure", |v| word(&MEASURES, v), &why);
    let stages = keys.read("stages", stages);
    let min_votes = keys.read("min_votes", whole(1..=i64::MAX));
    let min_days = keys.read("min_days", whole(2..=14));
    Some(Suspicion { name, measure: measure?, stages, min_votes, min_days })
}

/// Scores that grow.
fn stages(value: &Value<'_>) -> Result<Vec<Units>, String> {
    let stages = list(value, decimal)?;
    let grows = stages.is_sorted() && stages.first().is_some_and(|first| !first.is_zero());
    if grows && stages.len() <= 5 {
        Ok(stages)
    } else {
        Err("must be 1 to 5 scores above 0, each larger than the one before, as in [\"4\", \"6\"]".to_owned())
    }
}

/// The tables of the list, in order.
pub(super) fn entries(suspicions: &[Suspicion]) -> Vec<Entry> {
    let of_suspicion = |suspicion: &Suspicion| {
        let Suspicion { name, measure, stages, min_votes, min_days } = suspicion;
        let stages: Vec<_> = stages.iter().map(|stage| plain(*stage)).collect();
        let values: [(&str, toml::Value); 5] = [
            ("name", name.as_str().into()),
            ("measure", measure.name().into()),
            ("stages", stages.into()),
            ("min_votes", count(*min_votes).into()),
            ("min_days", (*min_days).into()),
        ];
        values.map(|(key, value)| (format!("{SUSPICIONS}.{name}.{key}"), value))
    };
    suspicions.iter().flat_map(of_suspicion).collect()
}
