//! Days as people make them, and as attackers do: votes of a programme over some days, all from a seed.

use std::collections::HashMap;
use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const DAY: i64 = 86_400_000_000;
const HOUR: f64 = 3_600e6;
const SECOND: f64 = 1e6;

/// Who stands behind a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Person,
    /// An honest one with a hundred times the votes of others, every day.
    Fan,
    /// An honest one who votes at night, every day.
    NightShift,
    /// Known for weeks, and today thirty times its votes within an hour.
    Burst,
    /// Known for weeks, and today each vote is worth twenty times as much.
    Worth,
    /// A vote about every eight seconds, for some hours.
    Bot,
    /// Two hundred who came today, all run by one script.
    Ring,
    /// Accounts that give twelve votes a day each, day and night, and have done so for a week.
    Drip,
    /// The same, in their first week; they are new each day.
    FreshDrip,
}

impl Who {
    pub const fn is_honest(self) -> bool {
        matches!(self, Self::Person | Self::Fan | Self::NightShift)
    }
}

/// A partner's votes on one day: microseconds since its begin, and ECC in units.
pub type Votes = Vec<(i64, i64)>;

/// One day: the votes of each partner who has any.
pub type Day = HashMap<i64, Votes>;

/// What makes a person.
struct Habit {
    who: Who,
    /// Votes on a usual day.
    votes: f64,
    /// How often it comes at all.
    presence: f64,
    /// The middle of its day, hours.
    peak: f64,
    /// ECC of a vote.
    ecc: f64,
    /// Days from the first one on which it comes.
    from: usize,
}

/// A programme of so many partners over so many days, the last of which has all the attacks.
pub struct World {
    pub days: Vec<Day>,
    pub who: HashMap<i64, Who>,
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn unit(&mut self) -> f64 {
        (self.0.random::<u64>() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }

    fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }
}

pub fn world(seed: u64, people: usize, days: usize) -> World {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let mut habits = vec![];
    for _ in 0..people {
        habits.push(person(&mut dice, days));
    }
    let last = days - 1;
    for (who, many, from) in [
        (Who::Burst, 5, 0),
        (Who::Worth, 10, 0),
        (Who::Bot, 20, last),
        (Who::Ring, 200, last),
        (Who::Drip, 500, last.saturating_sub(7)),
        (Who::FreshDrip, 500, last),
    ] {
        let ecc = dice.log_normal(0.5, 0.2);
        for _ in 0..many {
            let ecc = if matches!(who, Who::Burst | Who::Worth | Who::Bot) {
                dice.log_normal(0.5, 0.4)
            } else {
                ecc
            };
            let votes = if matches!(who, Who::Burst | Who::Worth) { dice.log_normal(20.0, 0.5) } else { 0.0 };
            habits.push(Habit { who, votes, presence: 1.0, peak: 8.0 + 12.0 * dice.unit(), ecc, from });
        }
    }
    let mut world = World { days: vec![], who: HashMap::new() };
    for day in 0..days {
        let mood = 0.9 + 0.2 * dice.unit();
        let mut votes = Day::new();
        for (index, habit) in habits.iter().enumerate() {
            let partner = index as i64 + 1;
            world.who.insert(partner, habit.who);
            if habit.from > day || dice.unit() > habit.presence {
                continue;
            }
            let mut cast = cast(&mut dice, habit, mood, day == last);
            cast.retain(|(at, _)| (0..DAY).contains(at));
            if !cast.is_empty() {
                votes.insert(partner, cast);
            }
        }
        world.days.push(votes);
    }
    world
}

fn person(dice: &mut Dice, days: usize) -> Habit {
    let kind = dice.unit();
    let (who, votes, peak) = match kind {
        k if k < 0.0005 => (Who::Fan, dice.log_normal(1500.0, 0.3), 15.0),
        k if k < 0.01 => (Who::NightShift, dice.log_normal(15.0, 0.8), 2.5),
        _ => (Who::Person, dice.log_normal(15.0, 1.2).min(600.0), 15.0 + 3.0 * dice.normal()),
    };
    // One in fifty comes for the first time on each day.
    let from = if dice.unit() < 0.02 * days as f64 { (dice.unit() * days as f64) as usize } else { 0 };
    Habit { who, votes, presence: 0.3 + 0.7 * dice.unit(), peak, ecc: dice.log_normal(0.5, 0.4), from }
}

fn cast(dice: &mut Dice, habit: &Habit, mood: f64, is_last: bool) -> Votes {
    let factor = if habit.who == Who::Worth && is_last { 20.0 } else { 1.0 };
    let ecc = habit.ecc * factor * dice.log_normal(1.0, 0.08);
    let times = match habit.who {
        Who::Person | Who::Fan | Who::NightShift | Who::Worth => {
            let count = dice.log_normal(habit.votes * mood, 0.4).round().max(1.0) as usize;
            sessions(dice, habit.peak, count)
        }
        Who::Burst => {
            let count = dice.log_normal(habit.votes * mood, 0.4).round().max(1.0) as usize;
            let mut times = sessions(dice, habit.peak, count);
            if is_last {
                let from = habit.peak * HOUR;
                times.extend((0..count * 30).map(|_| from + dice.unit() * HOUR));
            }
            times
        }
        Who::Bot => {
            let from = dice.unit() * 16.0 * HOUR;
            let jitter = 0.02 + 0.1 * dice.unit();
            let count = (2500.0 + 1000.0 * dice.normal()).max(500.0) as usize;
            spaced(dice, from, count, 8.0 * SECOND, jitter)
        }
        Who::Ring => {
            let count = (60.0 + 3.0 * dice.normal()) as usize;
            let from = 9.0 * HOUR + dice.unit() * HOUR;
            (0..count).map(|_| from + dice.unit() * 4.0 * HOUR).collect()
        }
        Who::Drip | Who::FreshDrip => {
            (0..12).map(|vote| (2.0 * f64::from(vote) + 1.0) * HOUR + (dice.unit() - 0.5) * HOUR).collect()
        }
    };
    let scripted = matches!(habit.who, Who::Ring | Who::Drip | Who::FreshDrip);
    times
        .into_iter()
        .map(|at| {
            let worth = if scripted {
                habit.ecc * dice.log_normal(1.0, 0.02)
            } else {
                ecc * dice.log_normal(1.0, 0.3)
            };
            (at as i64, (worth * 1e8) as i64)
        })
        .collect()
}

/// As people vote: a few times a day, each time some votes with pauses of any length between them.
fn sessions(dice: &mut Dice, peak: f64, count: usize) -> Vec<f64> {
    let many = 1 + (dice.unit() * 5.0) as usize;
    let begins: Vec<f64> = (0..many).map(|_| (peak + 3.5 * dice.normal()).rem_euclid(24.0) * HOUR).collect();
    let mut times = vec![];
    for (index, begin) in begins.iter().enumerate() {
        let mut at = *begin;
        for _ in 0..(count + index) / many {
            times.push(at);
            at += dice.log_normal(20.0, 1.0) * SECOND;
        }
    }
    times
}

fn spaced(dice: &mut Dice, from: f64, count: usize, gap: f64, jitter: f64) -> Vec<f64> {
    let mut at = from;
    let mut times = vec![];
    for _ in 0..count {
        times.push(at);
        at += gap * (1.0 + jitter * (2.0 * dice.unit() - 1.0));
    }
    times
}
