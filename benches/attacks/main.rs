//! Attacks on a day of a million votes, and which alarm catches whom: `cargo bench --bench attacks -- --seed 7`. In
//! memory, without a database; the honest votes are those of the daily benchmark.
//!
//! The limits were set before any seed was looked at: by what a person can do, and by what a vote of this programme can
//! have at most.

#[allow(dead_code, reason = "the daily benchmark uses the rest of it")]
#[path = "../daily/generate.rs"]
mod generate;

mod attack;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use attack::Group;
use generate::{DAY, SIZES};
use rewardd::config::Config;
use rewardd::frames::{Gathered, Vote, Watch, turnout};
use rewardd::guard::alarms::judge;
use rewardd::rewards::alarms::{Action, Alarm, AlarmRule};
use rewardd::rewards::daily;
use rewardd::rewards::money::Units;
use rewardd::rewards::pool::Books;
use rewardd::rewards::rates::{Quote, Quotes};
use rewardd::rewards::window::{Calendar, Kind, Window};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What found each partner: names of rules.
type Findings = BTreeMap<i64, BTreeSet<&'static str>>;

fn main() -> Outcome<()> {
    let seed = seed(std::env::args().skip(1))?;
    let calendar = Calendar::new(chrono_tz::UTC);
    let day = calendar.day(DAY.parse()?);
    let alarms = alarms()?;
    let mut gathered = Gathered::new(day, false).watching(Watch::new(&alarms, &day, &calendar));
    let groups = fill(&mut gathered, &day, seed)?;
    let (findings, voters) = hard_alarms(gathered, &alarms, &calendar)?;
    println!("{}", report(seed, &groups, &findings, voters));
    Ok(())
}

/// Of the command line.
fn seed(mut arguments: impl Iterator<Item = String>) -> Outcome<u64> {
    let mut seed = 1;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" => seed = arguments.next().ok_or("--seed takes a number")?.parse()?,
            "--bench" => {} // said by cargo
            _ => return Err(format!("{argument} is not known; there is --seed N").into()),
        }
    }
    Ok(seed)
}

/// What a person does not do, and what a vote of this programme cannot have.
fn alarms() -> Outcome<Vec<Alarm>> {
    let alarm = |rule: AlarmRule| Alarm {
        name: rule.name().to_owned(),
        rule,
        action: Action::HoldPartner,
        kinds: vec![Kind::Daily],
        partners: None,
        except: vec![],
    };
    let at_most = |text| Ok::<_, Box<dyn Error>>(Some(Units::parse(text)?));
    Ok(vec![
        alarm(AlarmRule::VotesPerMinute(30)),
        alarm(AlarmRule::VotesPerHour(500)),
        alarm(AlarmRule::VotesPerWindow(5_000)),
        alarm(AlarmRule::EqualSpacing { votes: 10, below: Duration::from_secs(1) }),
        alarm(AlarmRule::CcPerVote { at_least: None, at_most: at_most("50")? }),
        alarm(AlarmRule::EccPerVote { at_least: None, at_most: at_most("12.5")? }),
        alarm(AlarmRule::ShareOfVotes { limit: Units::parse("0.01")?, min_votes: 1_000 }),
    ])
}

/// The honest million, and all who attack.
fn fill(gathered: &mut Gathered, day: &Window, seed: u64) -> Outcome<Vec<Group>> {
    let start = day.start.timestamp_micros();
    let mut push = |vote: generate::Vote| {
        gathered.push(Vote {
            partner_id: vote.partner as i64,
            vote_type: vote.kind,
            cc: vote.cc as i64,
            ecc: vote.ecc as i64,
            voted_at: start + vote.at as i64,
        });
    };
    generate::each_vote(SIZES[0], seed, |vote| {
        push(vote);
        Ok(())
    })?;
    Ok(attack::groups(seed, &mut push))
}

/// What hard alarms find, and how many voters there are.
fn hard_alarms(mut gathered: Gathered, alarms: &[Alarm], calendar: &Calendar) -> Outcome<(Findings, usize)> {
    let (day, rules) = (*gathered.window(), Config::parse("[database]\nurl = \"sqlite::memory:\"")?.rules);
    let watched = gathered.take_watched();
    let turnout = turnout(gathered, &rules)?;
    let voters = turnout.voters();
    let quotes = Quotes::new(vec![Quote { at: day.start, rate: Units::ONE }]).map_err(|_| "one quote")?;
    let books = Books { carry_day: calendar.day_after(day.day), ..Books::default() };
    let plan = daily::plan(day, turnout, &quotes, &books, calendar, &rules)?;
    let mut findings = Findings::new();
    for raised in judge(&plan, &watched, &[], alarms) {
        findings.entry(raised.partner_id.ok_or("a partner")?).or_default().insert(raised.rule);
    }
    Ok((findings, voters))
}

fn report(seed: u64, groups: &[Group], findings: &Findings, voters: usize) -> String {
    let mut text = format!(
        "Seed {seed}, {voters} voters.\n\n| who | partners | caught | by |\n| --- | ---: | ---: | --- |\n"
    );
    let caught = |group: &Group| findings.keys().filter(|partner| group.partners.contains(partner)).count();
    for group in groups {
        let by = found_by(findings.iter().filter(|(partner, _)| group.partners.contains(partner)));
        text += &format!("| {} | {} | {} | {by} |\n", group.name, group.partners.len(), caught(group));
    }
    let is_in_group = |partner: &i64| groups.iter().any(|group| group.partners.contains(partner));
    let crowd = || findings.iter().filter(|(partner, _)| !is_in_group(partner));
    let grouped: usize = groups.iter().map(|group| group.partners.len()).sum();
    text += &format!("| all others | {} | {} | {} |\n", voters - grouped, crowd().count(), found_by(crowd()));

    let attacks = || groups.iter().filter(|group| group.is_attack);
    let attackers: usize = attacks().map(|group| group.partners.len()).sum();
    let hits: usize = attacks().map(caught).sum();
    text += &format!(
        "\nHonest partners troubled: {}. Precision {}, recall {}.",
        findings.len() - hits,
        share(hits, findings.len()),
        share(hits, attackers)
    );
    text
}

/// How many partners each rule found.
fn found_by<'f>(findings: impl Iterator<Item = (&'f i64, &'f BTreeSet<&'static str>)>) -> String {
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    findings.flat_map(|(_, by)| by).for_each(|rule| *rules.entry(rule).or_default() += 1);
    rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect::<Vec<_>>().join(", ")
}

/// A part in per cent, to a tenth.
fn share(part: usize, whole: usize) -> String {
    match (part * 1_000).checked_div(whole) {
        Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
        None => "–".to_owned(),
    }
}
