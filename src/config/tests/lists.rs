//! Lists of tables with names: how they are read, shown and refused, alarms first.

use std::time::Duration;

use chrono::{NaiveTime, Weekday};

use super::messages::problems;
use super::{Config, defaults, units, valid};
use crate::audit::text_hash;
use crate::rewards::alarms::{Action, Alarm, AlarmRule};
use crate::rewards::window::Kind;

/// An alarm of each rule, each key that it takes set.
const EVERY_RULE: &str = r#"
[[alarms]]
name = "minute"
rule = "votes_per_minute"
limit = 60
partners = [9, -1, 3]
except = [5, 4]
action = "hold_partner"
[[alarms]]
name = "hour"
rule = "votes_per_hour"
limit = 0
window = ["daily"]
[[alarms]]
name = "all"
rule = "votes_per_window"
limit = 900
window = ["daily", "hourly"]
action = "hold_window"
[[alarms]]
name = "a_robot"
rule = "equal_spacing"
votes = 10
below = "250ms"
[[alarms]]
name = "cc"
rule = "cc_per_vote"
at_least = "0.10"
at_most = 100
[[alarms]]
name = "ecc"
rule = "ecc_per_vote"
at_most = "2.5"
[[alarms]]
name = "share"
rule = "share_of_votes"
limit = "0.05"
min_votes = 1000
[[alarms]]
name = "reward"
rule = "reward"
limit = "500"
[[alarms]]
name = "budget"
rule = "distribution"
limit = "100000"
action = "hold_window"
[[alarms]]
name = "growth"
rule = "pool_growth"
factor = "5"
windows = 14
[[alarms]]
name = "office"
rule = "allowed_times"
from = "22:30"
until = 06:00:00
days = ["fri", "mon"]
"#;

fn alarm(name: &str, rule: AlarmRule) -> Alarm {
    let kinds = vec![Kind::Hourly, Kind::Daily];
    Alarm { name: name.to_owned(), rule, action: Action::Notify, kinds, partners: None, except: vec![] }
}

fn every_rule() -> Vec<Alarm> {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    let minute = alarm("minute", AlarmRule::VotesPerMinute(60));
    let (at_least, at_most) = (Some(units("0.1")), Some(units("100")));
    let factor = units("5");
    let times = AlarmRule::AllowedTimes {
        from: time(22, 30),
        until: time(6, 0),
        days: vec![Weekday::Mon, Weekday::Fri],
    };
    vec![
        Alarm { partners: Some(vec![-1, 3, 9]), except: vec![4, 5], action: Action::HoldPartner, ..minute },
        Alarm { kinds: vec![Kind::Daily], ..alarm("hour", AlarmRule::VotesPerHour(0)) },
        Alarm { action: Action::HoldWindow, ..alarm("all", AlarmRule::VotesPerWindow(900)) },
        alarm("a_robot", AlarmRule::EqualSpacing { votes: 10, below: Duration::from_millis(250) }),
        alarm("cc", AlarmRule::CcPerVote { at_least, at_most }),
        alarm("ecc", AlarmRule::EccPerVote { at_least: None, at_most: Some(units("2.5")) }),
        alarm("share", AlarmRule::ShareOfVotes { limit: units("0.05"), min_votes: 1000 }),
        alarm("reward", AlarmRule::Reward(units("500"))),
        Alarm { action: Action::HoldWindow, ..alarm("budget", AlarmRule::Distribution(units("100000"))) },
        alarm("growth", AlarmRule::PoolGrowth { factor, windows: 14 }),
        alarm("office", times),
    ]
}

#[test]
fn alarms_are_read_in_the_order_of_the_file_and_shown_again() {
    let config = valid(EVERY_RULE);
    assert_eq!(config.rules.alarms, every_rule());
    assert_eq!(valid(&config.show()), config);
    assert_eq!(Config::parse_rules(&config.rules_table()).unwrap(), config.rules);
}

/// This text is hashed as a part of the rules version: a change of it says that the rules have changed.
#[test]
fn equal_alarms_give_one_text_however_they_are_written() {
    let expected = r#"
[[alarms]]
name = "minute"
rule = "votes_per_minute"
limit = 60
window = ["hourly", "daily"]
partners = [-1, 3, 9]
except = [4, 5]
action = "hold_partner"

[[alarms]]
name = "cc"
rule = "cc_per_vote"
at_least = "0.1"
at_most = "100"
window = ["daily"]
action = "notify"

[[alarms]]
name = "office"
rule = "allowed_times"
from = "08:00"
until = "00:00"
days = ["mon", "fri"]
window = ["hourly", "daily"]
action = "notify"
"#;
    let config = valid(
        "alarms = [
           { name = 'minute', rule = 'votes_per_minute', limit = 0x3c, partners = [9, 3, -1], except = [5, 4],
             action = 'hold_partner' },
           { name = 'cc', rule = 'cc_per_vote', at_most = '100.0', at_least = '0.10', window = ['daily'] },
           { name = 'office', rule = 'allowed_times', from = 08:00:00, days = ['fri', 'mon'] },
         ]",
    );
    assert_eq!(config.rules_table(), format!("{}{expected}", defaults().rules_table()));
    let suspects = "[[suspicions]]\nname = 'x'\nmeasure = 'votes'";
    assert_eq!(valid(suspects).rules_table(), defaults().rules_table());
    let version = "8f56361d8fc97b4da93bc9fafa0c8a4dbb23127a4ea0d79ccefb6f7d9b89144d";
    assert_eq!(text_hash(&valid("alarms = []").rules_table()), version);
}

/// Keys of an alarm `a` whose table begins on line 2, and what is said about them after the file's name.
const WRONG: &[(&str, &str)] = &[
    (
        "rule = 'votes_per_hour'",
        "2: alarms.a: limit is missing: say how many votes are allowed, as in limit = 60",
    ),
    ("rule = 'votes_per_hour'\nlimit = -1", "5: alarms.a.limit: must be at least 0, not -1"),
    ("rule = 'votes_per_hour'\nlimit = '9'", "5: alarms.a.limit: must be a whole number, not text in quotes"),
    (
        "rule = 'votes_per_hour'\nlimit = 9\nwindows = 3",
        "6: alarms.a.windows: is not for rule votes_per_hour, which takes limit",
    ),
    (
        "rule = 'votes_per_hour'\nlimit = 9\nlimits = 3",
        "6: alarms.a.limits: there is no such key; did you mean alarms.a.limit?",
    ),
    (
        "rule = 'equal_spacing'",
        "2: alarms.a: votes is missing: say how many in a row raise it, as in votes = 10",
    ),
    ("rule = 'equal_spacing'\nvotes = 2", "5: alarms.a.votes: must be 3 to 1000000, not 2"),
    ("rule = 'equal_spacing'\nvotes = 3\nbelow = '0s'", "6: alarms.a.below: must be 1us to 24h, not 0s"),
    (
        "rule = 'cc_per_vote'",
        "2: alarms.a: at_least or at_most is missing: say what a vote may have, as in at_most = \"100\"",
    ),
    (
        "rule = 'cc_per_vote'\nat_least = 2\nat_most = 1",
        "5: alarms.a.at_least: must not be above at_most: no vote would be allowed",
    ),
    ("rule = 'share_of_votes'\nlimit = '1.1'", "5: alarms.a.limit: must be 0 to 1"),
    ("rule = 'reward'", "2: alarms.a: limit is missing: say how much CC is allowed, as in limit = \"500\""),
    ("rule = 'reward'\nlimit = 0.5", "5: alarms.a.limit: without quotes, 0.5 is not exact: write \"0.5\""),
    ("rule = 'pool_growth'\nfactor = 0", "5: alarms.a.factor: must be above 0"),
    (
        "rule = 'pool_growth'",
        "2: alarms.a: factor is missing: say how many times the mean is allowed, as in factor = \"5\"",
    ),
    (
        "rule = 'allowed_times'",
        "2: alarms.a: from and until or days are missing: say when votes are allowed, as in from = \"08:00\"",
    ),
    (
        "rule = 'allowed_times'\nuntil = '24:00'",
        "5: alarms.a.until: \"24:00\" is not a time of the day such as \"08:00\"; midnight is \"00:00\"",
    ),
    (
        "rule = 'allowed_times'\nfrom = '08:00:30'",
        "5: alarms.a.from: \"08:00:30\" is not a time of the day such as \"08:00\"; midnight is \"00:00\"",
    ),
    (
        "rule = 'allowed_times'\ndays = ['monday']",
        "5: alarms.a.days: item 1: \"monday\" is not one of mon, tue, wed, thu, fri, sat, sun",
    ),
    ("rule = 'allowed_times'\ndays = []", "5: alarms.a.days: must not be empty"),
    ("rule = 'reward'\nlimit = 1\nwindow = []", "6: alarms.a.window: must not be empty"),
    (
        "rule = 'reward'\nlimit = 1\npartners = []",
        "6: alarms.a.partners: must not be empty: leave it out where the alarm is about all partners",
    ),
    ("rule = 'reward'\nlimit = 1\npartners = [1, 1]", "6: alarms.a.partners: item 2: is there already"),
    (
        "rule = 'reward'\nlimit = 1\naction = 'hold'",
        "6: alarms.a.action: \"hold\" is not one of notify, hold_partner, hold_window",
    ),
    (
        "rule = 'distribution'\nlimit = 1\naction = 'hold_partner'",
        "6: alarms.a.action: distribution is about the whole window: set it to \"notify\" or \"hold_window\"",
    ),
    (
        "rule = 'pool_growth'\nfactor = 1\nexcept = [3]",
        "6: alarms.a.except: is not for this rule: pool_growth is about the whole window",
    ),
    (
        "rule = 'reward'\nlimit = 1\n[alarms.x]",
        "6: alarms.a.x: there is no such section; did you mean alarms.a?",
    ),
];

#[test]
fn what_is_wrong_with_an_alarm_is_said_with_its_name_and_line() {
    let of = |keys: &str| problems(&format!("\n[[alarms]]\nname = 'a'\n{keys}"), &[]);
    for (keys, expected) in WRONG {
        assert_eq!(of(keys), format!("c.toml:{expected}"));
    }
    let rules = "votes_per_minute, votes_per_hour, votes_per_window, equal_spacing, cc_per_vote, ecc_per_vote, \
                 share_of_votes, reward, distribution, pool_growth, allowed_times";
    assert_eq!(of("limit = 3"), format!("c.toml:2: alarms.a: rule is missing: set it to one of {rules}"));
    assert_eq!(of("rule = 'votes'"), format!("c.toml:4: alarms.a.rule: \"votes\" is not one of {rules}"));
}

#[test]
fn a_table_of_a_list_has_a_name_of_its_own() {
    let votes = "rule = 'votes_per_hour'\nlimit = 1";
    let text = format!(
        "[[alarms]]\n{votes}\n[[alarms]]\nname = 'one'\n{votes}\n[[alarms]]\nname = 'one'\n{votes}\n[[alarms]]\n\
         name = 'One'\n{votes}\n[[alarms]]\nname = 1\n{votes}\n[[alarms]]\nname = 'case_12'\n{votes}"
    );
    let expected = "\
c.toml:1: alarms: table 1: name is missing: give each a name of its own, as in name = \"one\"
c.toml:8: alarms: table 3: name: \"one\" is the name of another one already
c.toml:12: alarms: table 4: an alarm's name is 1 to 32 of a-z, 0-9 and single _ between them
c.toml:16: alarms: table 5: name: must be text in quotes, not a whole number
c.toml:20: alarms.case_12: case_ and a number is how a confirmed case is named: take another name";
    assert_eq!(problems(&text, &[]), expected);
}

#[test]
fn what_is_no_list_and_what_only_looks_like_one_is_refused() {
    for (text, expected) in [
        ("[alarms]\nname = 'x'", "c.toml:1: alarms: is a list: begin each table of it with [[alarms]]"),
        ("[alarms.x]\nlimit = 1", "c.toml:1: alarms: is a list: begin each table of it with [[alarms]]"),
        ("alarms = 1", "c.toml:1: alarms: is a list: begin each table of it with [[alarms]]"),
        ("suspicions = [\n1]", "c.toml:2: suspicions: table 1: must be a table"),
        (
            "[confirm.files.x]",
            "c.toml:1: confirm.files: is a list: begin each table of it with [[confirm.files]]",
        ),
        ("[[alarm]]\nname = 'x'", "c.toml:1: alarm: there is no such key; did you mean alarms?"),
        ("[suspicion]", "c.toml:1: suspicion: there is no such section; did you mean suspicions?"),
        ("[[people]]\nname = 'x'", "c.toml:1: people: is a section, it takes no value itself"),
        ("[[confirm.file]]", "c.toml:1: confirm.file: there is no such key; did you mean confirm.files?"),
    ] {
        assert_eq!(problems(text, &[]), expected, "{text}");
    }
}

#[test]
fn no_variable_reaches_into_a_list() {
    let text = "[[alarms]]\nname = 'a'\nrule = 'votes_per_hour'\nlimit = 1";
    let variables = [
        ("REWARDD__ALARMS", "[]"),
        ("REWARDD__ALARMS__A__LIMIT", "2"),
        ("REWARDD__CONFIRM__FILES__X__PATH", "p"),
        ("REWARDD__CONFIRM__FILE", "p"),
    ];
    let expected = "\
environment variable REWARDD__ALARMS: no variable reaches into the list alarms: write [[alarms]] in the file
environment variable REWARDD__ALARMS__A__LIMIT: no variable reaches into the list alarms: write [[alarms]] in the file
environment variable REWARDD__CONFIRM__FILES__X__PATH: no variable reaches into the list confirm.files: write \
                    [[confirm.files]] in the file
environment variable REWARDD__CONFIRM__FILE: sets no key there is; did you mean REWARDD__CONFIRM__MODE?";
    assert_eq!(problems(text, &variables), expected);
}

#[test]
fn alarms_about_single_votes_and_sums_of_the_server_are_refused_together() {
    let server = "[source]\naggregate = 'server'\nurl = 'mysql://h/d'\n";
    let alarm = |name, rule, keys| format!("[[alarms]]\nname = '{name}'\nrule = '{rule}'\n{keys}\n");
    let sums = [
        alarm("all", "votes_per_window", "limit = 9"),
        alarm("hours", "votes_per_hour", "limit = 9\nwindow = ['hourly']"),
    ]
    .concat();
    valid(&format!("{server}{sums}"));
    let single = [
        alarm("hour", "votes_per_hour", "limit = 9"),
        alarm("cc", "cc_per_vote", "at_most = '5'"),
        alarm("night", "allowed_times", "from = '08:00'\nuntil = '20:00'"),
    ]
    .concat();
    assert_eq!(
        problems(&format!("{server}{sums}{single}"), &[]),
        "c.toml:2: source.aggregate: leaves single votes on the server, and these alarms are judged by them: hour \
         (votes_per_hour), cc (cc_per_vote), night (allowed_times). Set it to \"daemon\", or take the alarms out"
    );
    valid(&single);
}
