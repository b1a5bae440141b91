//! Behaviour of the whole: layers, and the way back to TOML.

mod guards;
mod lists;
mod messages;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::audit::text_hash;
use crate::rewards::alarms::Action;
use crate::rewards::money::Units;

/// The top of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `text` as `c.toml`, with variables over it; `database.url` may be missing.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(n, t)| Variable::of_process((*n).to_owned(), (*t).to_owned()));
    Config::assemble("c.toml", text, variables, WithoutUrl::InMemory).map_err(|error| error.to_string())
}

fn valid(text: &str) -> Config {
    read(text, &[]).unwrap()
}

fn defaults() -> Config {
    valid("")
}

fn units(text: &str) -> Units {
    Units::parse(text).unwrap()
}

fn flatten(prefix: &str, table: toml::Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(&format!("{prefix}{name}."), inner, keys),
            _ => keys.push(format!("{prefix}{name}")),
        }
    }
}

#[test]
fn the_commented_file_holds_every_key_with_its_default() {
    let path = repository("config.toml");
    let config = Config::load(&path, std::iter::empty()).unwrap();
    assert_eq!(config, Config::default_with_url("sqlite://data/rewardd.db").unwrap());

    let text = fs::read_to_string(path)
        .unwrap()
        .replace("# start", "start")
        .replace("# url", "url")
        .replace("# token", "token");
    let (mut commented, mut shown) = (Vec::new(), Vec::new());
    flatten("", text.parse().unwrap(), &mut commented);
    flatten("", config.show().parse().unwrap(), &mut shown);
    assert_eq!(commented, shown);
}

#[test]
fn defaults_are_those_of_the_rules() {
    let Config { rules, schedule, http, programme, .. } = defaults();
    assert_eq!(programme, Programme { timezone: Tz::UTC, start: None });
    assert_eq!(schedule.catch_up, Duration::from_hours(72));
    assert_eq!(http.listen.unwrap().to_string(), "127.0.0.1:9464");
    assert_eq!(rules.pool.vote_types, ["cc"]);
    assert_eq!(rules.pool.hourly_share, units("0.25"));
    assert_eq!(rules.ranking, [RankKey::Votes, RankKey::Ecc, RankKey::EarliestLastVote]);
    assert_eq!(rules.hourly.weights, [Units::ONE; 5]);
    assert_eq!(rules.daily.split, [units("0.4"), units("0.4"), units("0.2")]);
    assert_eq!(rules.daily.tier_weights, [Units::ONE; 5]);
    assert_eq!(rules.daily.tier_min_votes, [20, 10, 5, 2, 1]);
    assert_eq!((rules.daily.min_votes, rules.daily.min_active_hours), (1, 1));
    assert_eq!(rules.daily.ecc_cap_multiplier, units("5"));
    assert_eq!(rules.daily.market_bonus.sensitivity, Units::ONE);
    assert_eq!(rules.daily.market_bonus.lookback_days, 7);
    assert_eq!(rules.daily.market_bonus.max_ratio, units("0.1"));
    assert_eq!(rules.special_partners, Vec::<i64>::new());
}

#[test]
fn a_key_that_is_set_leaves_all_others_at_their_default() {
    let mut expected = defaults();
    expected.rules.daily.min_votes = 3;
    assert_eq!(valid("[rules.daily]\nmin_votes = 3"), expected);
    expected.rules.daily.tier_min_votes[4] = 2;
    assert_eq!(valid("rules.daily = { min_votes = 3, fixed.min_votes.all = 2 }"), expected);
}

#[test]
fn every_form_of_a_value_is_read() {
    let config = valid(
        "programme = { timezone = 'Europe/Budapest', start = 2026-11-01 }
         rules.hourly.weights = { top10p = 2, top10 = '0.50', all = 0x10 }
         rules.pool.vote_types = ['gold', 'cc']
         special.partners = [7, -1, 3]
         http.listen = ''
         schedule.catch_up = '1h 30m'",
    );
    assert_eq!(config.programme.timezone, Tz::Europe__Budapest);
    assert_eq!(config.programme.start, NaiveDate::from_ymd_opt(2026, 11, 1));
    assert_eq!(config.rules.hourly.weights, ["2", "0.5", "1", "1", "16"].map(units));
    assert_eq!(config.rules.pool.vote_types, ["cc", "gold"]);
    assert_eq!(config.rules.special_partners, [-1, 3, 7]);
    assert_eq!(config.http.listen, None);
    assert_eq!(config.schedule.catch_up, Duration::from_mins(90));
}

#[test]
fn the_environment_wins_over_the_file_and_the_key_decides_how_its_text_is_read() {
    let config = read(
        "rules.daily.min_votes = 9\n[source]\nvotes_table = 'v'",
        &[
            ("REWARDD__RULES__DAILY__MIN_VOTES", "3"),
            ("REWARDD__RULES__POOL__HOURLY_SHARE", "0.5"),
            ("REWARDD__RULES__POOL__VOTE_TYPES", "['cc', \"x\"]"),
            ("REWARDD__SPECIAL__PARTNERS", "[2, 1]"),
            ("REWARDD__SOURCE__VOTES_TABLE", "2026"),
            ("REWARDD__SOURCE__COLUMNS__CC", "true"),
            ("REWARDD__DATABASE__URL", "mysql://u:12345@h/d"),
            ("REWARDD_DATABASE_URL", "somebody else's"),
            ("rewardd__database__url", "somebody else's"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(config.rules.daily.min_votes, 3);
    assert_eq!(config.rules.pool.hourly_share, units("0.5"));
    assert_eq!(config.rules.pool.vote_types, ["cc", "x"]);
    assert_eq!(config.rules.special_partners, [1, 2]);
    assert_eq!(config.source.votes_table, "2026");
    assert_eq!(config.source.columns.cc, "true");
    assert_eq!(config.database.url.expose(), "mysql://u:12345@h/d");
    assert_eq!(config.source_url(), &config.database.url);
}

#[test]
fn files_are_layered_with_the_dotenv_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let (path, dotenv) = (dir.path().join("c.toml"), dir.path().join(".env"));
    let message = |result: Result<Config, ConfigError>| {
        result.unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    assert_eq!(
        message(Config::load_with_environment(&path)),
        "there is no configuration file DIR/c.toml: copy the commented config.toml that comes with rewardd there, \
         or name the file you mean; a file with only database.url is enough"
    );
    assert_eq!(message(Config::load_rules_file(dir.path())), "cannot read DIR");

    fs::write(&path, "rules.daily.min_votes = 2\nlogging.keep = 5").unwrap();
    let without_dotenv = message(Config::load_with_environment(&path));
    assert!(without_dotenv.contains("DIR/c.toml: database.url: is missing"), "{without_dotenv}");

    fs::write(&dotenv, "OTHER=1\nREWARDD__DATABASE__URL='mysql://u:$e#cret@h/d'\nREWARDD__LOGGING__KEEP=6")
        .unwrap();
    let config = Config::load_with_environment(&path).unwrap();
    assert_eq!(config.database.url.expose(), "mysql://u:$e#cret@h/d");
    assert_eq!((config.rules.daily.min_votes, config.logging.keep), (2, 6));

    fs::write(&dotenv, "\nREWARDD__LOGGING__KEEP=0\nREWARDD__DATABASE__URL=").unwrap();
    assert_eq!(
        message(Config::load_with_environment(&path)),
        "the configuration is not valid:
  DIR/.env:3: database.url: is missing: say where rewards go, as in url = \"sqlite://data/rewardd.db\" under \
         [database], or set REWARDD__DATABASE__URL
  DIR/.env:2: logging.keep: must be 1 to 100000, not 0"
    );

    fs::write(&dotenv, "A=1\nREWARDD__DATABASE__URL=\"mysql://u:secret@h/d\n").unwrap();
    assert_eq!(
        message(Config::load_with_environment(&path)),
        "the configuration is not valid:
  DIR/.env:2: is not KEY=VALUE; a value with blanks or # goes in quotes, and quotes must be closed on the same line"
    );
}

#[test]
fn later_variables_win_over_earlier_ones() {
    let variables = [("REWARDD__LOGGING__KEEP", "6"), ("REWARDD__LOGGING__KEEP", "7")];
    assert_eq!(read("logging.keep = 5", &variables).unwrap().logging.keep, 7);
}

#[test]
fn what_is_shown_loads_again_and_hides_passwords() {
    let mut config = valid(
        "programme = { timezone = 'Europe/Budapest', start = '2026-11-01' }
         database.url = 'mysql://u:p%40ss@h/d'
         source.url = 'sqlite://a.db'
         http = { listen = '', token = 'correct-horse-battery' }
         rules.pool.hourly_share = '0.3333'",
    );
    let shown = config.show();
    assert!(!format!("{config:?}{shown}").contains("p%40ss"), "{shown}");
    assert!(!format!("{config:?}{shown}").contains("horse"), "{shown}");
    config.database.url = DatabaseUrl::parse("mysql://u:***@h/d").unwrap();
    let shown = shown.replace("token = \"***\"", "token = \"correct-horse-battery\"");
    assert_eq!(Config::parse(&shown).unwrap(), config);
}

/// This text is hashed as the rules version: a change of it says that the rules have changed.
#[test]
fn equal_rules_give_one_text_however_they_are_written() {
    let expected = r#"[rules.pool]
vote_types = ["cc"]
hourly_share = "0.25"

[rules.ranking]
order = ["votes", "ecc", "earliest_last_vote"]

[rules.hourly.weights]
top10p = "1"
top10 = "1"
top100 = "1"
top1000 = "1"
all = "1"

[rules.daily]
min_votes = 1
min_active_hours = 1

[rules.daily.split]
fixed = "0.4"
ecc = "0.4"
top50 = "0.2"

[rules.daily.fixed.weights]
top10 = "1"
top100 = "1"
top1000 = "1"
top10000 = "1"
all = "1"

[rules.daily.fixed.min_votes]
top10 = 20
top100 = 10
top1000 = 5
top10000 = 2
all = 1

[rules.daily.ecc]
cap_multiplier = "5"

[rules.daily.market_bonus]
sensitivity = "1"
lookback_days = 7
max_ratio = "0.1"

[special]
partners = []
"#;
    assert_eq!(defaults().rules_table(), expected);
    let version = "8f56361d8fc97b4da93bc9fafa0c8a4dbb23127a4ea0d79ccefb6f7d9b89144d";
    assert_eq!(text_hash(&defaults().rules_table()), version);
    let written =
        "special.partners = [3, 1]\nrules.pool = { vote_types = ['x', 'cc'], hourly_share = '0.250' }";
    let otherwise = "special.partners = [1, 3]\nrules.pool.vote_types = ['cc', 'x']\nlogging.keep = 3";
    assert_eq!(valid(written).rules_table(), valid(otherwise).rules_table());
    assert_ne!(valid(written).rules_table(), expected);
}

#[test]
fn the_rules_of_every_worked_case_load() {
    let mut loaded = 0;
    for entry in fs::read_dir(repository("tests/vectors")).unwrap() {
        let path = entry.unwrap().path().join("rules.toml");
        if path.exists() {
            Config::load_rules_file(&path).unwrap();
            loaded += 1;
        }
    }
    assert!(loaded > 0);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", lines in "([a-z.\\[\\]]{0,9} = [0-9'\"\\[\\]a-z.]{0,9}\n){0,5}") {
        let _ = Config::parse(&text);
        let _ = Config::parse(&lines);
        let _ = dotenv::parse(".env", &text);
    }

    #[test]
    fn no_value_makes_a_key_panic(index in any::<prop::sample::Index>(), text in "\\PC{0,40}|[-+0-9*/,#LW? .:a-zA-Z]{0,30}") {
        let (keys, variable) = (defaults().effective(), |key: &str| format!("{PREFIX}{}", key.replace('.', "__")).to_uppercase());
        let _ = read("", &[(&variable(&keys[index.index(keys.len())].0), &text)]);
        let _ = read(&format!("{} = {text}", keys[index.index(keys.len())].0), &[]);
    }
}

#[test]
fn receivers_have_names_of_their_own_and_take_their_secrets_from_the_environment() {
    let config = read(
        "[notify.receivers.ops]\nkind = 'webhook'\nurl = 'https://example.org/hook'\nevents = ['run_failed']
         [notify.receivers.on_call]\nkind = 'mail'\nurl = 'smtp://localhost'\nfrom = 'Rewards <r@example.org>'
         to = ['a@example.org', 'b@example.org']\ntimeout = '30s'",
        &[
            ("REWARDD__NOTIFY__RECEIVERS__OPS__SECRET", "correct-horse-battery"),
            ("REWARDD__NOTIFY__RECEIVERS__CHAT__KIND", "webhook"),
            ("REWARDD__NOTIFY__RECEIVERS__CHAT__URL", "https://chat.example.org/secret"),
            ("REWARDD__NOTIFY__RECEIVERS__CHAT__FORMAT", "slack"),
        ],
    )
    .unwrap();
    let names: Vec<_> = config.notify.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    assert_eq!(names, ["chat", "on_call", "ops"]);
    let [chat, on_call, ops] = config.notify.receivers.as_slice() else { panic!("three receivers") };
    assert!(matches!(&chat.channel, Channel::Webhook(Webhook { body: Body::Slack, secret: None, .. })));
    assert_eq!(chat.events, Event::INCIDENTS);
    let Channel::Mail(mail) = &on_call.channel else { panic!("a mail receiver") };
    assert_eq!((mail.to.len(), mail.timeout), (2, Duration::from_secs(30)));
    let Channel::Webhook(hook) = &ops.channel else { panic!("a webhook") };
    assert_eq!(hook.secret.as_ref().unwrap().expose(), "correct-horse-battery");
    assert!(ops.wants(Event::RunFailed) && !ops.wants(Event::DailyReport));

    let shown = config.show();
    assert!(!shown.contains("horse") && !shown.contains("/secret"), "{shown}");
    assert!(
        shown.contains("[notify.receivers.ops]\nkind = \"webhook\"\nurl = \"https://example.org/***\""),
        "{shown}"
    );
}

#[test]
fn the_examples_of_the_commented_file_are_valid() {
    let text = fs::read_to_string(repository("config.toml")).unwrap();
    let live: Vec<_> = text.lines().map(|line| line.strip_prefix("#   ").unwrap_or(line)).collect();
    let config = valid(&live.join("\n"));
    let kinds: Vec<_> = config.notify.receivers.iter().map(|receiver| &receiver.channel).collect();
    assert!(matches!(kinds[..], [Channel::Mail(_), Channel::Webhook(_)]), "{kinds:?}");
    let actions: Vec<_> = config.rules.alarms.iter().map(|alarm| alarm.action).collect();
    assert_eq!(actions, [Action::HoldPartner, Action::HoldWindow]);
    assert_eq!((config.suspicions.len(), config.people.len()), (6, 1));
    assert_eq!((config.confirm.files.len(), config.confirm.repositories.len()), (3, 1));
}
