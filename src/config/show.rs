//! The effective configuration as TOML: for operators to read, and to load again.

use std::fmt::Write;

use toml::Value;

use super::notify::{BODIES, Channel, Mail, Receiver, Webhook};
use super::settings::{RECEIVERS, list_of};
use super::values::show_size;
use super::{AGGREGATES, Config, FORMATS, RANK_KEYS, ROTATIONS, SPLIT_PARTS, name_in};
use super::{alarms, oidc, people, suspicions};
use crate::rewards::money::Units;
use crate::rewards::rules::{DAILY_TIERS, HOURLY_CATEGORIES, Rules};

pub(super) type Entry = (String, Value);

impl Config {
    /// Every key with its effective value, in the order of the commented file; passwords are masked. What is not
    /// set is `""`.
    #[must_use]
    pub fn effective(&self) -> Vec<(String, Value)> {
        let mut entries = self.place_entries();
        entries.extend(rules_entries(&self.rules));
        entries.extend(suspicions::entries(&self.suspicions));
        entries.extend(self.confirm.entries());
        entries.extend(people::entries(&self.people));
        entries.extend(self.process_entries());
        entries
    }

    /// [`Config::effective`] as a TOML file, which can be loaded again but for the masked passwords.
    #[must_use]
    pub fn show(&self) -> String {
        render(&self.effective())
    }

    /// The effective `[rules]`, `[special]` and `[[alarms]]` in one canonical text: equal rules give equal text, however their
    /// numbers and lists are written. Made for hashing; its form is part of the rules version.
    #[must_use]
    pub fn rules_table(&self) -> String {
        render(&rules_entries(&self.rules))
    }

    /// The sections before the rules: where data lives, and when it is looked at.
    fn place_entries(&self) -> Vec<Entry> {
        let Self { programme, database, source, remote, schedule, .. } = self;
        let columns = &source.columns;
        vec![
            entry("programme.timezone", programme.timezone.name()),
            entry("programme.start", or_empty(programme.start.as_ref())),
            entry("database.url", database.url.to_string()),
            entry("database.max_connections", database.max_connections),
            entry("source.url", or_empty(source.url.as_ref())),
            entry("source.votes_table", &*source.votes_table),
            entry("source.rates_table", &*source.rates_table),
            entry("source.connections", source.connections),
            entry("source.memory_budget", show_size(source.memory_budget as u64)),
            entry("source.aggregate", name_in(&AGGREGATES, source.aggregate)),
            entry("source.columns.id", &*columns.id),
            entry("source.columns.partner_id", &*columns.partner_id),
            entry("source.columns.vote_type", &*columns.vote_type),
            entry("source.columns.cc", &*columns.cc),
            entry("source.columns.ecc", &*columns.ecc),
            entry("source.columns.voted_at", &*columns.voted_at),
            entry("source.columns.quoted_at", &*columns.quoted_at),
            entry("source.columns.rate", &*columns.rate),
            entry("remote.url", or_empty(remote.url.as_ref())),
            entry("remote.table", &*remote.table),
            entry("schedule.hourly", &*schedule.hourly),
            entry("schedule.daily", &*schedule.daily),
            entry("schedule.transfers", &*schedule.transfers),
            entry("schedule.catch_up", humantime::format_duration(schedule.catch_up).to_string()),
        ]
    }

    /// The sections after the rules.
    fn process_entries(&self) -> Vec<Entry> {
        let Self { logging, retention, http, notify, process, .. } = self;
        let age = |age: Option<std::time::Duration>| or_empty(age.map(humantime::format_duration));
        let mut entries = vec![
            entry("logging.dir", logging.dir.to_string_lossy().as_ref()),
            entry("logging.level", logging.level.name()),
            entry("logging.format", name_in(&FORMATS, logging.format)),
            entry("logging.rotation", name_in(&ROTATIONS, logging.rotation)),
            entry("logging.keep", logging.keep),
            entry("retention.archive", retention.archive.to_string_lossy().as_ref()),
            entry("retention.hourly_rewards", age(retention.hourly_rewards)),
            entry("retention.transfers", age(retention.transfers)),
            entry("retention.logs", age(retention.logs)),
            entry("http.listen", or_empty(http.listen.as_ref())),
            entry("http.token", or_empty(http.token.as_ref())),
        ];
        entries.extend(oidc::entries(http.oidc.as_ref()));
        entries.extend([
            entry("notify.interval", humantime::format_duration(notify.interval).to_string()),
            entry("notify.reminder", humantime::format_duration(notify.reminder).to_string()),
        ]);
        entries.extend(notify.receivers.iter().flat_map(receiver_entries));
        entries.extend([
            entry("process.state_file", process.state_file.to_string_lossy().as_ref()),
            entry("process.shutdown_grace", humantime::format_duration(process.shutdown_grace).to_string()),
            entry("process.lease", humantime::format_duration(process.lease).to_string()),
        ]);
        entries
    }
}

/// The section of a receiver: what its kind takes.
fn receiver_entries(receiver: &Receiver) -> Vec<Entry> {
    let of = |key: &str, value: Value| (format!("{RECEIVERS}.{}.{key}", receiver.name), value);
    let events: Vec<_> = receiver.events.iter().map(|event| event.name()).collect();
    let timeout = |timeout| humantime::format_duration(timeout).to_string();
    match &receiver.channel {
        Channel::Webhook(Webhook { url, secret, body, timeout: limit }) => vec![
            of("kind", "webhook".into()),
            of("url", url.to_string().into()),
            of("secret", or_empty(secret.as_ref()).into()),
            of("format", name_in(&BODIES, *body).into()),
            of("timeout", timeout(*limit).into()),
            of("events", events.into()),
            of("keywords", receiver.keywords.clone().into()),
        ],
        Channel::Mail(Mail { url, from, to, timeout: limit }) => vec![
            of("kind", "mail".into()),
            of("url", url.to_string().into()),
            of("from", from.as_str().into()),
            of("to", to.clone().into()),
            of("timeout", timeout(*limit).into()),
            of("events", events.into()),
            of("keywords", receiver.keywords.clone().into()),
        ],
    }
}

/// `[rules]`, `[special]` and `[[alarms]]`.
fn rules_entries(rules: &Rules) -> Vec<Entry> {
    let Rules { pool, ranking, hourly, daily, special_partners, alarms } = rules;
    let bonus = &daily.market_bonus;
    let order: Vec<_> = ranking.iter().map(|key| name_in(&RANK_KEYS, *key)).collect();
    let mut entries = vec![
        entry("rules.pool.vote_types", pool.vote_types.clone()),
        entry("rules.pool.hourly_share", plain(pool.hourly_share)),
        entry("rules.ranking.order", order),
    ];
    entries.extend(each("rules.hourly.weights", HOURLY_CATEGORIES, hourly.weights.map(plain)));
    entries.push(entry("rules.daily.min_votes", count(daily.min_votes)));
    entries.push(entry("rules.daily.min_active_hours", count(daily.min_active_hours)));
    entries.extend(each("rules.daily.split", SPLIT_PARTS, daily.split.map(plain)));
    entries.extend(each("rules.daily.fixed.weights", DAILY_TIERS, daily.tier_weights.map(plain)));
    entries.extend(each("rules.daily.fixed.min_votes", DAILY_TIERS, daily.tier_min_votes.map(count)));
    entries.extend([
        entry("rules.daily.ecc.cap_multiplier", plain(daily.ecc_cap_multiplier)),
        entry("rules.daily.market_bonus.sensitivity", plain(bonus.sensitivity)),
        entry("rules.daily.market_bonus.lookback_days", bonus.lookback_days),
        entry("rules.daily.market_bonus.max_ratio", plain(bonus.max_ratio)),
        entry("special.partners", special_partners.clone()),
    ]);
    entries.extend(alarms::entries(alarms));
    entries
}

pub(super) fn entry(key: &str, value: impl Into<Value>) -> Entry {
    (key.to_owned(), value.into())
}

fn each<const N: usize, V: Into<Value>>(
    section: &str,
    names: [&'static str; N],
    values: [V; N],
) -> impl Iterator<Item = Entry> {
    names.into_iter().zip(values).map(move |(name, value)| entry(&format!("{section}.{name}"), value))
}

fn or_empty<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// TOML's integers are signed; no larger count can have been read.
pub(super) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A decimal in its shortest form: the same for "0.40" and "0.4".
pub(super) fn plain(units: Units) -> String {
    let text = units.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Sections and the tables of lists follow one another as the entries do, a heading wherever the section changes.
fn render(entries: &[Entry]) -> String {
    let (mut text, mut open) = (String::new(), "");
    for (key, value) in entries {
        let (section, name) = key.rsplit_once('.').expect("every key has a section");
        if section != open {
            let gap = if open.is_empty() { "" } else { "\n" };
            let heading =
                list_of(section).map_or_else(|| format!("[{section}]"), |list| format!("[[{list}]]"));
            writeln!(text, "{gap}{heading}").expect("a String takes all text");
            open = section;
        }
        writeln!(text, "{name} = {value}").expect("a String takes all text");
    }
    text
}
