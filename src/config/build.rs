//! From settings to the typed configuration: the kind and the range of every key, and what keys mean together.

use std::time::Duration;

use super::settings::Settings;
use super::url::DatabaseUrl;
use super::values::{
    address, column, cron, date, decimal, duration, filled, integer, list, not_empty, optional, path, secret,
    share, size, table, time_zone, url, whole, word,
};
use super::{
    AGGREGATES, Aggregate, Columns, Config, ConfigError, ConfirmMode, Database, FORMATS, Http, LEVELS,
    Logging, Process, Programme, RANK_KEYS, ROTATIONS, Remote, Retention, Role, SPLIT_PARTS, Schedule,
    Source,
};
use super::{alarms, confirm, notify, oidc, people, suspicions};
use crate::rewards::alarms::{Alarm, Needs};
use crate::rewards::money::Units;
use crate::rewards::rules::{
    DAILY_TIERS, DailyRules, HOURLY_CATEGORIES, HourlyRules, MarketBonusRules, PoolRules, Rules,
};

/// In bytes.
const MEGABYTE: u64 = 1_000_000;

const DAY: Duration = Duration::from_hours(24);

/// What becomes of a configuration without `database.url`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutUrl {
    Refuse,
    /// A database in memory, for what keeps nothing.
    InMemory,
}

/// # Errors
/// [`ConfigError::Invalid`] with everything that is wrong in any layer.
pub(super) fn build(mut settings: Settings<'_>, without_url: WithoutUrl) -> Result<Config, ConfigError> {
    let s = &mut settings;
    let config = Config {
        programme: Programme {
            timezone: s.read("programme.timezone", time_zone),
            start: s.read("programme.start", |v| optional(v, date)),
        },
        database: database(s, without_url),
        source: source(s),
        remote: Remote {
            url: s.read("remote.url", |v| optional(v, url)),
            table: s.read("remote.table", table),
        },
        schedule: Schedule {
            hourly: s.read("schedule.hourly", cron),
            daily: s.read("schedule.daily", cron),
            transfers: s.read("schedule.transfers", cron),
            catch_up: s.read("schedule.catch_up", duration(Duration::from_secs(1)..=3660 * DAY)),
        },
        rules: rules(s),
        suspicions: suspicions::read(s),
        confirm: confirm::read(s),
        people: people::read(s),
        logging: Logging {
            dir: s.read("logging.dir", path),
            level: s.read("logging.level", |v| word(&LEVELS, v)),
            format: s.read("logging.format", |v| word(&FORMATS, v)),
            rotation: s.read("logging.rotation", |v| word(&ROTATIONS, v)),
            keep: s.read("logging.keep", whole(1..=100_000)),
        },
        retention: retention(s),
        http: http(s),
        notify: notify::read(s),
        process: Process {
            state_file: s.read("process.state_file", path),
            shutdown_grace: s.read("process.shutdown_grace", duration(Duration::ZERO..=DAY)),
            lease: s.read("process.lease", duration(Duration::from_secs(1)..=DAY)),
        },
    };
    judge_together(s, &config);
    settings.finish(config)
}

/// What is wrong with keys of different sections together.
fn judge_together(settings: &mut Settings<'_>, config: &Config) {
    let moved = [
        ("retention.hourly_rewards", config.retention.hourly_rewards),
        ("retention.transfers", config.retention.transfers),
    ];
    for (key, age) in moved {
        if age.is_some_and(|age| age < config.schedule.catch_up) {
            settings.report(key, "must be at least schedule.catch_up: until then windows may still be paid");
        }
    }
    let may_sign = |role: Role| {
        let people = config.people.iter();
        people.filter(|person| person.key.is_some() && person.role >= role).count()
    };
    // A reviewer can propose, an admin confirms, and nobody does both.
    let can_be_confirmed = may_sign(Role::Reviewer) >= 2 && may_sign(Role::Admin) >= 1;
    if config.confirm.mode == ConfirmMode::FourEyes && !can_be_confirmed {
        settings.report(
            "confirm.mode",
            "takes two people who can sign: give two in [people] a key, one the role admin, the other reviewer or \
             admin",
        );
    }
    if config.http.oidc.is_some() && config.people.iter().all(|person| person.login.is_none()) {
        settings.report("http.oidc", "lets nobody in: give somebody in [people] a login");
    }
    if config.source.aggregate == Aggregate::Server && config.source_url().is_sqlite() {
        settings.report(
            "source.aggregate",
            "SQLite keeps amounts as text and cannot add them up: set it to \"daemon\"",
        );
    }
    let by_single_votes: Vec<String> = needing_single_votes(&config.rules).collect();
    if config.source.aggregate == Aggregate::Server && !by_single_votes.is_empty() {
        settings.report(
            "source.aggregate",
            &format!(
                "leaves single votes on the server, and these alarms are judged by them: {}. Set it to \"daemon\", or \
                 take the alarms out",
                by_single_votes.join(", ")
            ),
        );
    }
}

fn database(s: &mut Settings<'_>, without_url: WithoutUrl) -> Database {
    let problems = s.problem_count();
    let given = s.read("database.url", |v| optional(v, url));
    if given.is_none() && without_url == WithoutUrl::Refuse && s.problem_count() == problems {
        s.report(
            "database.url",
            "is missing: say where rewards go, as in url = \"sqlite://data/rewardd.db\" under [database], or set \
             REWARDD__DATABASE__URL",
        );
    }
    Database {
        url: given.unwrap_or_else(DatabaseUrl::in_memory),
        max_connections: s.read("database.max_connections", whole(1..=10_000)),
    }
}

fn retention(s: &mut Settings<'_>) -> Retention {
    Retention {
        archive: s.read("retention.archive", path),
        hourly_rewards: s.read("retention.hourly_rewards", |v| optional(v, duration(2 * DAY..=36_600 * DAY))),
        transfers: s.read("retention.transfers", |v| optional(v, duration(2 * DAY..=36_600 * DAY))),
        logs: s.read("retention.logs", |v| optional(v, duration(DAY..=36_600 * DAY))),
    }
}

/// Where anybody on the network can ask, nobody is answered without a token.
fn http(s: &mut Settings<'_>) -> Http {
    let problems = s.problem_count();
    let listen = s.read("http.listen", |v| optional(v, address));
    let token = s.read("http.token", |v| optional(v, secret));
    let is_open = listen.is_some_and(|address| !address.ip().is_loopback());
    if is_open && token.is_none() && s.problem_count() == problems {
        s.report(
            "http.listen",
            "is not a loopback address such as 127.0.0.1, so others could read what is paid: set http.token as well",
        );
    }
    Http { listen, token, oidc: oidc::read(s) }
}

fn source(s: &mut Settings<'_>) -> Source {
    Source {
        url: s.read("source.url", |v| optional(v, url)),
        votes_table: s.read("source.votes_table", table),
        rates_table: s.read("source.rates_table", table),
        connections: s.read("source.connections", whole(1..=64)),
        memory_budget: s.read("source.memory_budget", size(MEGABYTE..=1_000_000 * MEGABYTE)),
        aggregate: s.read("source.aggregate", |v| word(&AGGREGATES, v)),
        columns: Columns {
            id: s.read("source.columns.id", column),
            partner_id: s.read("source.columns.partner_id", column),
            vote_type: s.read("source.columns.vote_type", column),
            cc: s.read("source.columns.cc", column),
            ecc: s.read("source.columns.ecc", column),
            voted_at: s.read("source.columns.voted_at", column),
            quoted_at: s.read("source.columns.quoted_at", column),
            rate: s.read("source.columns.rate", column),
        },
    }
}

fn rules(s: &mut Settings<'_>) -> Rules {
    let mut vote_types = s.read("rules.pool.vote_types", |v| not_empty(list(v, filled)?));
    vote_types.sort_unstable();
    let hourly_share = s.read("rules.pool.hourly_share", share);
    let ranking = s.read("rules.ranking.order", |v| not_empty(list(v, |item| word(&RANK_KEYS, item))?));
    let hourly = HourlyRules { weights: weights(s, "rules.hourly.weights", HOURLY_CATEGORIES) };
    let daily = DailyRules {
        min_votes: s.read("rules.daily.min_votes", whole(0..=i64::MAX)),
        // The longest day has 25 hours: asking for more would pay nobody, ever.
        min_active_hours: s.read("rules.daily.min_active_hours", whole(0..=25)),
        split: split(s),
        tier_weights: weights(s, "rules.daily.fixed.weights", DAILY_TIERS),
        tier_min_votes: DAILY_TIERS
            .map(|tier| s.read(&format!("rules.daily.fixed.min_votes.{tier}"), whole(0..=i64::MAX))),
        ecc_cap_multiplier: s.read("rules.daily.ecc.cap_multiplier", decimal),
        market_bonus: MarketBonusRules {
            sensitivity: s.read("rules.daily.market_bonus.sensitivity", decimal),
            lookback_days: s.read("rules.daily.market_bonus.lookback_days", whole(1..=3660)),
            max_ratio: s.read("rules.daily.market_bonus.max_ratio", decimal),
        },
    };
    let mut special_partners = s.read("special.partners", |v| list(v, integer));
    special_partners.sort_unstable();
    Rules {
        pool: PoolRules { vote_types, hourly_share },
        ranking,
        hourly,
        daily,
        special_partners,
        alarms: alarms::read(s),
    }
}

/// The alarms that sums do not suffice for.
fn needing_single_votes(rules: &Rules) -> impl Iterator<Item = String> {
    let needs_them = |alarm: &&Alarm| alarm.kinds.iter().any(|kind| alarm.rule.needs(*kind) != Needs::Sums);
    rules.alarms.iter().filter(needs_them).map(|alarm| format!("{} ({})", alarm.name, alarm.rule.name()))
}

/// One decimal per name; their sum is positive and can be held.
fn weights(s: &mut Settings<'_>, section: &str, names: [&str; 5]) -> [Units; 5] {
    let weights = names.map(|name| s.read(&format!("{section}.{name}"), decimal));
    match Units::checked_sum(weights) {
        Ok(sum) if sum.is_zero() => s.report(section, "must not all be 0: nothing would ever be paid"),
        Ok(_) => {}
        Err(error) => s.report(section, &format!("their sum {error}")),
    }
    weights
}

/// The fixed, ECC and top-50 % parts. Their sum is judged only where each is valid by itself.
fn split(s: &mut Settings<'_>) -> [Units; 3] {
    let problems = s.problem_count();
    let split = SPLIT_PARTS.map(|part| s.read(&format!("rules.daily.split.{part}"), share));
    let sum: Units = split.into_iter().sum();
    if sum != Units::ONE && s.problem_count() == problems {
        let sum = super::show::plain(sum);
        s.report("rules.daily.split", &format!("fixed, ecc and top50 must add up to exactly 1, not {sum}"));
    }
    split
}
