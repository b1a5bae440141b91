//! What is said about a configuration that is wrong.

use super::super::{Config, DatabaseUrl};
use super::{defaults, read};

/// The problems of `text`, without the heading.
pub(super) fn problems(text: &str, variables: &[(&str, &str)]) -> String {
    let message = read(text, variables).expect_err(text);
    message.strip_prefix("the configuration is not valid:\n  ").expect("a heading").replace("\n  ", "\n")
}

/// A key, a wrong value of it, and what is said about it after place and key.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "programme.timezone",
        "'Budapest'",
        r#""Budapest" is not an IANA time zone such as "Europe/Budapest" or "UTC"; did you mean "Europe/Budapest"?"#,
    ),
    (
        "programme.timezone",
        "'+02:00'",
        r#""+02:00" is not an IANA time zone such as "Europe/Budapest" or "UTC""#,
    ),
    ("programme.start", "'1.11.2026'", r#""1.11.2026" is not a date such as "2026-11-01""#),
    ("programme.start", "2026-11-01T00:00:00", r#""2026-11-01T00:00:00" is not a date such as "2026-11-01""#),
    (
        "database.url",
        "'postgres://u:secret@h/d'",
        "must be a URL that begins with sqlite:, mysql: or mariadb:",
    ),
    ("database.url", "5", "must be text in quotes, not a whole number"),
    ("source.url", "'u:secret@h'", "must be a URL that begins with sqlite:, mysql: or mariadb:"),
    ("remote.url", "'sqlite:'", "must be a URL that begins with sqlite:, mysql: or mariadb:"),
    ("database.max_connections", "0", "must be 1 to 10000, not 0"),
    ("database.max_connections", "'8'", "must be a whole number, not text in quotes"),
    ("database.max_connections", "99999999999999999999", "99999999999999999999 is out of range"),
    (
        "source.votes_table",
        "'a.b.c'",
        r#""a.b.c" is not a table's name: 1 to 64 of A-Z, a-z, 0-9, _ and $, also with a schema and a dot before"#,
    ),
    ("source.connections", "0", "must be 1 to 64, not 0"),
    ("source.memory_budget", "'much'", r#""much" is not an amount of memory such as "256MB" or "1GiB""#),
    ("source.memory_budget", "'1kB'", "must be 1MB to 1000GB, not 1kB"),
    ("source.aggregate", "'nobody'", r#""nobody" is not one of daemon, server"#),
    ("source.columns.cc", "'a.b'", r#""a.b" is not a column's name: 1 to 64 of A-Z, a-z, 0-9, _ and $"#),
    (
        "source.columns.id",
        "'x`; --'",
        r#""x`; --" is not a column's name: 1 to 64 of A-Z, a-z, 0-9, _ and $"#,
    ),
    ("source.columns.id", "''", r#""" is not a column's name: 1 to 64 of A-Z, a-z, 0-9, _ and $"#),
    (
        "schedule.hourly",
        "'30 * * * *'",
        r#""30 * * * *" is not cron with seconds (second minute hour day month weekday, such as "0 30 * * * *"): Invalid pattern: Pattern must have 6 or 7 fields when seconds are required and years are optional."#,
    ),
    (
        "schedule.daily",
        "'0 , * * * *'",
        r#""0 , * * * *" is not cron with seconds (second minute hour day month weekday, such as "0 30 * * * *"): a part is empty"#,
    ),
    ("schedule.daily", "'0 0 0 30 2 *'", r#""0 0 0 30 2 *" names a time that never comes"#),
    ("schedule.catch_up", "'0s'", "must be 1s to 87840h, not 0s"),
    (
        "schedule.catch_up",
        "'soon'",
        r#""soon" is not a duration such as "72h" or "30s": expected number at 0"#,
    ),
    ("rules.pool.vote_types", "[]", "must not be empty"),
    ("rules.pool.vote_types", "['cc', 'cc']", "item 2: is there already"),
    ("rules.pool.vote_types", "['']", "item 1: must not be empty"),
    ("rules.pool.vote_types", "'cc'", "must be an array in [ ], not text in quotes"),
    ("rules.pool.hourly_share", "'1.00000001'", "must be 0 to 1"),
    ("rules.pool.hourly_share", "0.25", r#"without quotes, 0.25 is not exact: write "0.25""#),
    ("rules.pool.hourly_share", "'-0.1'", r#"must not be negative, as "-0.1" is"#),
    ("rules.pool.hourly_share", "'1/4'", r#""1/4" is not a decimal number such as "0.25""#),
    ("rules.pool.hourly_share", "true", "must be a decimal in quotes, not true or false"),
    ("rules.hourly.weights.all", "'0.123456789'", r#""0.123456789" has more than 8 fractional digits"#),
    ("rules.daily.ecc.cap_multiplier", "-1", r#"must not be negative, as "-1" is"#),
    (
        "rules.ranking.order",
        "['votes', 'cc']",
        r#"item 2: "cc" is not one of votes, ecc, earliest_last_vote"#,
    ),
    ("rules.ranking.order", "['ecc', 'ecc']", "item 2: is there already"),
    ("rules.ranking.order", "[]", "must not be empty"),
    ("rules.daily.min_votes", "-1", "must be at least 0, not -1"),
    ("rules.daily.min_votes", "1.5", "must be a whole number, not a fraction"),
    ("rules.daily.min_active_hours", "26", "must be 0 to 25, not 26"),
    ("rules.daily.fixed.min_votes.top10", "-1", "must be at least 0, not -1"),
    ("rules.daily.market_bonus.lookback_days", "0", "must be 1 to 3660, not 0"),
    ("special.partners", "[1, 2, 1]", "item 3: is there already"),
    ("special.partners", "['1']", "item 1: must be a whole number, not text in quotes"),
    ("logging.dir", "''", "must not be empty"),
    ("logging.level", "'loud'", r#""loud" is not one of error, warn, info, debug, trace"#),
    ("logging.format", "'xml'", r#""xml" is not one of text, json"#),
    ("logging.rotation", "'weekly'", r#""weekly" is not one of never, hourly, daily"#),
    ("logging.keep", "0", "must be 1 to 100000, not 0"),
    (
        "http.listen",
        "'localhost:9464'",
        r#""localhost:9464" is not an IP address with a port, such as "127.0.0.1:9464", nor "" for off"#,
    ),
    (
        "http.listen",
        "'0.0.0.0:9464'",
        "is not a loopback address such as 127.0.0.1, so others could read what is paid: set http.token as well",
    ),
    (
        "http.token",
        "'short'",
        "must be 16 to 256 letters, digits and signs of ASCII without a blank, as `openssl rand -hex 32` prints them",
    ),
    ("process.shutdown_grace", "'25h'", "must be 0s to 24h, not 25h"),
];

#[test]
fn a_variable_that_sets_no_key_is_named() {
    let variables = [
        ("REWARDD__", "1"),
        ("REWARDD__DATABASE____URL", "1"),
        ("REWARDD__DATABASE", "1"),
        ("REWARDD__DATABASE__URL__HOST", "1"),
        ("REWARDD__DATABASE__URI", "mysql://u:secret@h/d"),
        ("REWARDD__database__url", "1"),
        ("REWARDD__RULES.DAILY__MIN_VOTES", "1"),
        ("REWARDD__COLOUR", "1"),
    ];
    let expected = "\
environment variable REWARDD__: has an empty part: two underscores part a section from its key, as in REWARDD__DATABASE__URL
environment variable REWARDD__DATABASE____URL: has an empty part: two underscores part a section from its key, as in REWARDD__DATABASE__URL
environment variable REWARDD__DATABASE: database is a section, it takes no value itself
environment variable REWARDD__DATABASE__URL__HOST: database.url takes a value, it is not a section
environment variable REWARDD__DATABASE__URI: sets no key there is; did you mean REWARDD__DATABASE__URL?
environment variable REWARDD__database__url: sets no key there is; did you mean REWARDD__DATABASE__URL?
environment variable REWARDD__RULES.DAILY__MIN_VOTES: sets no key there is; did you mean REWARDD__RULES__DAILY__MIN_VOTES?
environment variable REWARDD__COLOUR: sets no key there is";
    assert_eq!(problems("", &variables), expected);
}

#[test]
fn a_key_that_does_not_exist_is_named_with_its_line_and_the_nearest_one() {
    let text = "colour = 1
rules = { daily = { min_vote = 3 }, 'daily.min_votes' = 3 }
[daily]
min_votes = 3
[database.url]
host = 'x'
[[special]]
[Logging]
";
    let expected = "\
c.toml:8: Logging: there is no such section; did you mean logging?
c.toml:1: colour: there is no such key
c.toml:3: daily: there is no such section; did you mean rules.daily?
c.toml:5: database.url: takes a value, it is not a section
c.toml:2: rules.daily.min_vote: there is no such key; did you mean rules.daily.min_votes?
c.toml:2: rules.\"daily.min_votes\": there is no such key; did you mean rules.daily.min_votes?
c.toml:7: special: is a section, it takes no value itself";
    assert_eq!(problems(text, &[]), expected);
}

#[test]
fn each_wrong_value_is_answered_with_what_is_allowed() {
    for (key, value, expected) in WRONG {
        assert_eq!(problems(&format!("\n{key} = {value}"), &[]), format!("c.toml:2: {key}: {expected}"));
    }
}

#[test]
fn a_wrong_variable_is_named_with_its_key() {
    let variables = [("REWARDD__RULES__DAILY__MIN_VOTES", "three"), ("REWARDD__SPECIAL__PARTNERS", "1,2")];
    let expected = r#"environment variable REWARDD__RULES__DAILY__MIN_VOTES: rules.daily.min_votes: "three" is not a whole number
environment variable REWARDD__SPECIAL__PARTNERS: special.partners: "1,2" is not an array such as [1, 2] or ["a", "b"]"#;
    assert_eq!(problems("", &variables), expected);
}

#[test]
fn keys_that_belong_together_are_judged_together() {
    let text = "[rules.daily.split]\nfixed = '0.5'\n[rules.hourly.weights]\ntop10p = 0\ntop10 = 0\ntop100 = 0
top1000 = 0\nall = 0\n[rules.daily.fixed.weights]\nall = '99999999999999999999'\n";
    let expected = "\
c.toml:8: rules.hourly.weights: must not all be 0: nothing would ever be paid
c.toml:2: rules.daily.split: fixed, ecc and top50 must add up to exactly 1, not 1.1
c.toml:10: rules.daily.fixed.weights: their sum is out of range (at most 20 digits before the point)";
    assert_eq!(problems(text, &[]), expected);
    assert_eq!(
        problems("rules.daily.split = { fixed = 'x', ecc = '0.1' }", &[]),
        r#"c.toml:1: rules.daily.split.fixed: "x" is not a decimal number such as "0.25""#
    );
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_line_and_without_its_text() {
    assert_eq!(
        problems("[database]\nurl = \"mysql://u:secret@h/d\nmax_connections = 3", &[]),
        "c.toml:2: is not TOML: invalid basic string, expected `\"`"
    );
    assert_eq!(problems("a = 1\na = 2", &[]), "c.toml:2: is not TOML: duplicate key");
}

#[test]
fn a_missing_url_is_an_error_but_for_what_keeps_nothing() {
    let expected = "the configuration is not valid:
  configuration: database.url: is missing: say where rewards go, as in url = \"sqlite://data/rewardd.db\" under \
                    [database], or set REWARDD__DATABASE__URL";
    assert_eq!(Config::parse("").unwrap_err().to_string(), expected);
    assert_eq!(defaults().database.url, DatabaseUrl::in_memory());
}

#[test]
fn receivers_that_cannot_be_reached_are_named() {
    let of = |keys: &str| problems(&format!("[notify.receivers.ops]\n{keys}"), &[]);
    assert_eq!(
        of("url = 'https://example.org'"),
        "c.toml:2: notify.receivers.ops: kind is missing: set it to \"webhook\" or \"mail\""
    );
    assert_eq!(
        of("kind = 'webhook'"),
        "c.toml:2: notify.receivers.ops: url is missing: say where messages go"
    );
    assert_eq!(
        of("kind = 'webhook'\nurl = 'smtp://geheim'"),
        "c.toml:3: notify.receivers.ops.url: must be a URL that begins with https:// or http:// and a host"
    );
    assert_eq!(
        of("kind = 'webhook'\nurl = 'https://example.org'\nto = ['a@b']"),
        "c.toml:4: notify.receivers.ops.to: is not for a receiver of this kind"
    );
    assert_eq!(
        of("kind = 'mail'\nurl = 'smtp://localhost'\nfrom = 'r@example.org'"),
        "c.toml:4: notify.receivers.ops: to is missing: say who gets them, as in [\"ops@example.org\"]"
    );
    assert_eq!(
        of("kind = 'mail'\nurl = 'smtp://localhost'\nfrom = 'nobody'\nto = ['a@b']"),
        "c.toml:4: notify.receivers.ops.from: \"nobody\" is not an address such as \"ops@example.org\" or \
         \"Ops <ops@example.org>\""
    );
    assert_eq!(
        of("kind = 'webhook'\nurl = 'https://example.org'\nevents = ['run']"),
        "c.toml:4: notify.receivers.ops.events: item 1: \"run\" is not one of run_failed, window_overdue, \
         catch_up_passed, transfer_stuck, conservation_broken, verify_findings, lease_taken_over, alarm, suspicion, \
         confirmation_pending, daily_report"
    );
    assert_eq!(
        of("kind = 'webhook'\nurl = 'https://example.org'\nsecrets = 'x'"),
        "c.toml:4: notify.receivers.ops.secrets: there is no such key; did you mean notify.receivers.ops.secret?"
    );
    assert_eq!(
        problems("[notify.receivers.Ops-Team]\nkind = 'mail'", &[]),
        "c.toml:1: notify.receivers.Ops-Team: a receiver's name is 1 to 32 of a-z, 0-9 and single _ between them"
    );
}

#[test]
fn nothing_is_moved_that_may_still_be_paid() {
    let text = "[retention]\nhourly_rewards = '47h'\ntransfers = '60h'\nlogs = '1h'\n";
    let expected = "\
c.toml:2: retention.hourly_rewards: must be 2days to 878400h, not 47h
c.toml:4: retention.logs: must be 1day to 878400h, not 1h
c.toml:3: retention.transfers: must be at least schedule.catch_up: until then windows may still be paid";
    assert_eq!(problems(text, &[]), expected);
    assert_eq!(
        super::valid("[retention]\ntransfers = '72h'").retention.transfers.unwrap().as_secs(),
        72 * 3600
    );
    assert!(!defaults().retention.is_on());
}
