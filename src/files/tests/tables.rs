use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use chrono::NaiveDate;

use super::*;
use crate::config::Config;
use crate::frames::{Gathered, turnout};
use crate::rewards::plan::Plan;
use crate::rewards::pool::{Books, Settlement};
use crate::rewards::rates::Quotes;
use crate::rewards::rules::Rules;
use crate::rewards::window::{Calendar, Kind, Window};
use crate::rewards::{daily, hourly};

const NAMES: [&str; 5] = [
    "cc_hourly.csv",
    "reward_list_daily.csv",
    "reward_list_hourly.csv",
    "reward_log.csv",
    "reward_pool_state.csv",
];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// A worked case while it is paid out, without any store.
struct Case {
    calendar: Calendar,
    rules: Rules,
    votes: VoteColumns,
    quotes: Quotes,
    settled: BTreeMap<Instant, Settlement>,
    pools: BTreeMap<NaiveDate, Units>,
    first_unpaid: NaiveDate,
}

impl Case {
    fn read(dir: &Path) -> Self {
        let config = match dir.join("rules.toml") {
            path if path.exists() => Config::load_rules_file(&path).unwrap(),
            _ => Config::default_with_url("sqlite::memory:").unwrap(),
        };
        let calendar = Calendar::new(config.programme.timezone);
        let votes = read_votes(&dir.join("votes.csv"), &mut |_| ()).unwrap().votes;
        let first = votes.iter().map(|vote| vote.voted_at).min().unwrap();
        let first = calendar.window_at(Kind::Daily, Instant::from_timestamp_micros(first).unwrap());
        Self {
            calendar,
            rules: config.rules,
            votes,
            quotes: Quotes::new(read_rates(&dir.join("rates.csv")).unwrap()).unwrap(),
            settled: BTreeMap::new(),
            pools: BTreeMap::new(),
            first_unpaid: first.day,
        }
    }

    fn due(&self, until: Instant) -> Vec<Window> {
        let kinds = [Kind::Hourly, Kind::Daily];
        let mut due: Vec<_> =
            kinds.iter().flat_map(|kind| self.calendar.due(*kind, self.first_unpaid, until)).collect();
        due.sort_by_key(Window::order);
        due
    }

    fn pay(&mut self, window: Window) -> Plan {
        let mut votes = Gathered::new(window, false);
        let inside = |at| window.contains(Instant::from_timestamp_micros(at).unwrap());
        self.votes.iter().filter(|vote| inside(vote.voted_at)).for_each(|vote| votes.push(vote));
        let turnout = turnout(votes, &self.rules).unwrap();
        let settled =
            self.settled.range(window.start..window.end).map(|(hour, s)| (*hour, s.clone())).collect();
        let next_day = self.calendar.day_after(window.day);
        let (pools, rules) = (self.pools.clone(), &self.rules);
        let plan = match window.kind {
            Kind::Hourly => {
                let books = Books { settled, pools, carry_day: self.first_unpaid };
                hourly::plan(window, turnout, &self.quotes, &books, rules)
            }
            Kind::Daily => {
                self.first_unpaid = next_day;
                let books = Books { settled, pools, carry_day: next_day };
                daily::plan(window, turnout, &self.quotes, &books, &self.calendar, rules)
            }
        };
        let plan = plan.unwrap();
        self.settled.extend(plan.settlements.iter().map(|s| (s.hour_start, s.clone())));
        self.pools.extend(plan.pool_changes.iter().map(|change| (change.day, change.after)));
        plan
    }
}

fn listed(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn the_tables_of_every_worked_case_are_the_expected_ones_byte_for_byte() {
    for name in listed(&vectors()).into_iter().filter(|name| !name.ends_with(".md")) {
        let dir = vectors().join(&name);
        let mut case = Case::read(&dir);
        let until = fs::read_to_string(dir.join("until.txt")).unwrap().trim().parse().unwrap();
        let out = tempfile::tempdir().unwrap();
        let mut tables = Tables::create(out.path()).unwrap();
        for window in case.due(until) {
            tables.add(&case.pay(window)).unwrap();
        }
        tables.finish(&case.pools).unwrap();
        assert_eq!(listed(out.path()), NAMES);
        for table in NAMES {
            let [written, expected] = [out.path().to_owned(), dir.join("expected")]
                .map(|dir| fs::read_to_string(dir.join(table)).unwrap());
            assert!(written == expected, "{name}: {table} is not as expected");
        }
    }
}

#[test]
fn nothing_half_done_stays_and_nothing_old_is_touched_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/folder");
    let tables = Tables::create(&out).unwrap();
    assert_eq!(listed(&out).len(), 5);
    drop(tables);
    assert!(listed(&out).is_empty());

    fs::write(out.join(NAMES[0]), "old").unwrap();
    let mut tables = Tables::create(&out).unwrap();
    let mut case = Case::read(&vectors().join("one-vote"));
    let window = case.due("2026-11-20T00:00:00Z".parse().unwrap())[0];
    tables.add(&case.pay(window)).unwrap();
    assert_eq!(fs::read_to_string(out.join(NAMES[0])).unwrap(), "old");
    tables.finish(&case.pools).unwrap();
    assert_eq!(fs::read_to_string(out.join(NAMES[0])).unwrap(), "partner_id,cc_reward,time\n");
    let mode = fs::metadata(out.join(NAMES[0])).unwrap().permissions().mode();
    fs::write(out.join("any"), "").unwrap();
    assert_eq!(mode, fs::metadata(out.join("any")).unwrap().permissions().mode(), "as any new file");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Tables::create(&file).err().unwrap();
    assert_eq!(error.to_string(), format!("cannot create {}", file.display()));
    assert!(error.is_io());
}
