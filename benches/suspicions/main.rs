//! Attacks hidden in a day of real-looking votes, after two weeks without: what each suspicion finds, at which stage, and
//! how many honest partners it troubles. `cargo bench --bench suspicions -- --seed 101 --people 40000`, in memory, without a
//! database; with 40 000 people the day has about a million votes.
//!
//! The stages are those of config.toml's example. They were set by the seeds 1, 2 and 3; any other shows what they are
//! worth.

#![expect(
    clippy::float_arithmetic,
    reason = "the people of a generator are drawn from distributions; no money"
)]

mod days;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;

use days::{Day, Who, World, world};
use rewardd::clock::Stopwatch;
use rewardd::config::Config;
use rewardd::frames::{Gathered, Vote, Watch, turnout};
use rewardd::guard::suspicion::{Crossing, Profile, Today, judge, profiles};
use rewardd::rewards::money::Units;
use rewardd::rewards::rules::Rules;
use rewardd::rewards::suspicions::{Measure, Suspicion};
use rewardd::rewards::window::Calendar;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Days before the one with the attacks.
const HISTORY: usize = 14;
const MORNING: i64 = 6 * 3_600_000_000;

fn main() -> Outcome<()> {
    let (seed, people) = arguments(std::env::args().skip(1))?;
    let rules = Config::default_with_url("sqlite://nowhere.db")?.rules;
    let world = world(seed, people, HISTORY + 1);
    let days: Vec<Vec<Profile>> =
        world.days.iter().map(|day| measured(day, &rules)).collect::<Outcome<_>>()?;
    let (history, today) = days.split_at(HISTORY);
    let suspicions = suspicions()?;
    let mut begun = Stopwatch::start();
    let found = judge(Today { profiles: &today[0], history }, &suspicions);
    let took = begun.lap();
    let votes: usize = world.days[HISTORY].values().map(Vec::len).sum();
    println!("Seed {seed}: {} partners, {votes} votes, judged in {} ms.\n", today[0].len(), took.as_millis());
    println!("{}", table(&world, &suspicions, &found));
    Ok(())
}

/// Seed and people of the command line.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Outcome<(u64, usize)> {
    let (mut seed, mut people) = (1, 40_000);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().ok_or_else(|| format!("{argument} takes a number"));
        match argument.as_str() {
            "--seed" => seed = number()?.parse()?,
            "--people" => people = number()?.parse()?,
            "--bench" => {} // said by cargo
            _ => return Err(format!("{argument} is not known; there is --seed N and --people N").into()),
        }
    }
    Ok((seed, people))
}

/// The example of config.toml.
fn suspicions() -> Outcome<Vec<Suspicion>> {
    let lists = [
        (Measure::Votes, ["4", "5", "7"], 20),
        (Measure::EccPerVote, ["4", "5", "7"], 10),
        (Measure::Regularity, ["4", "6", "8"], 30),
        (Measure::Night, ["5.5", "7", "9"], 20),
        (Measure::PositionJump, ["4", "5", "7"], 20),
        (Measure::Cohort, ["3", "4.5", "6"], 5),
    ];
    let suspicion = |(measure, stages, min_votes): (Measure, [&str; 3], u64)| {
        let stages = stages.iter().map(|stage| Units::parse(stage)).collect::<Result<_, _>>()?;
        Ok(Suspicion { name: measure.name().to_owned(), measure, stages, min_votes, min_days: 5 })
    };
    lists.into_iter().map(suspicion).collect()
}

/// The way of a paid day: gathered, ranked, measured.
fn measured(day: &Day, rules: &Rules) -> Outcome<Vec<Profile>> {
    let window = Calendar::new(chrono_tz::UTC).day("2026-11-20".parse()?);
    let start = window.start.timestamp_micros();
    let mut gathered = Gathered::new(window, false).watching(Some(Watch::of_times()));
    for (partner_id, votes) in day {
        for (at, ecc) in votes {
            gathered.push(Vote {
                partner_id: *partner_id,
                vote_type: "cc",
                cc: 1,
                ecc: *ecc,
                voted_at: start + at,
            });
        }
    }
    let watched = gathered.take_watched();
    let times =
        watched.times().map(|votes| (votes[0].partner_id, votes.iter().map(|vote| vote.voted_at).collect()));
    let mut times: HashMap<i64, Vec<i64>> = times.collect();
    Ok(profiles(&turnout(gathered, rules)?.ranking, &mut times, start + MORNING))
}

/// Which suspicion found how many of whom, by stage.
fn table(world: &World, suspicions: &[Suspicion], found: &[Crossing]) -> String {
    let today = &world.days[HISTORY];
    let mut of: BTreeMap<Who, BTreeSet<i64>> = BTreeMap::new();
    for partner in today.keys() {
        of.entry(world.who[partner]).or_default().insert(*partner);
    }
    let mut text = "| who | partners |".to_owned();
    suspicions.iter().for_each(|suspicion| text += &format!(" {} |", suspicion.name));
    text += " any |\n| --- | ---: |";
    text += &" --- |".repeat(suspicions.len() + 1);
    for (who, partners) in &of {
        text += &format!("\n| {who:?} | {} |", partners.len());
        for suspicion in suspicions {
            let mut stages: BTreeMap<u32, usize> = BTreeMap::new();
            let about = |crossing: &&Crossing| {
                crossing.suspicion == suspicion.name && partners.contains(&crossing.partner_id)
            };
            found.iter().filter(about).for_each(|crossing| *stages.entry(crossing.stage).or_default() += 1);
            let stages: Vec<String> =
                stages.iter().map(|(stage, many)| format!("{many} at {stage}")).collect();
            text += &format!(" {} |", stages.join(", "));
        }
        text += &format!(" {} |", among(found, partners).len());
    }
    let (honest, attackers): (Vec<_>, Vec<_>) = of.iter().partition(|(who, _)| who.is_honest());
    let count = |groups: &[(&Who, &BTreeSet<i64>)]| {
        let all: usize = groups.iter().map(|(_, partners)| partners.len()).sum();
        (all, groups.iter().map(|(_, partners)| among(found, partners).len()).sum::<usize>())
    };
    let ((honest, troubled), (attackers, caught)) = (count(&honest), count(&attackers));
    let percent = |part: usize, whole: usize| format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64);
    let (precision, recall) = (percent(caught, caught + troubled), percent(caught, attackers));
    text + &format!(
        "\n\n{caught} of {attackers} attackers caught (recall {recall}), {troubled} of {honest} honest partners \
         troubled; precision {precision}."
    )
}

/// Those of some partners that any suspicion found.
fn among(found: &[Crossing], partners: &BTreeSet<i64>) -> BTreeSet<i64> {
    let found = found.iter().map(|crossing| crossing.partner_id);
    found.filter(|partner| partners.contains(partner)).collect()
}
