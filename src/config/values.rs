//! How the text of one value becomes what a key takes. Each error says what is wrong and what is allowed; the
//! caller adds the place and the key.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{Datelike, NaiveDate, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::parser::{CronParser, Seconds};
use toml::de::DeValue;

use super::error::nearest;
use super::secret::Secret;
use super::url::DatabaseUrl;
use crate::rewards::money::{MoneyError, Units};

/// A value as it was set.
pub(super) enum Value<'t> {
    /// The text of an environment variable: the key decides how it is read.
    Variable(String),
    Toml(DeValue<'t>),
}

pub(super) fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, String> {
    match value {
        Value::Variable(text) => Ok(text),
        Value::Toml(DeValue::String(text)) => Ok(text),
        Value::Toml(other) => Err(format!("must be text in quotes, not {}", kind(other))),
    }
}

pub(super) fn integer(value: &Value<'_>) -> Result<i64, String> {
    match value {
        Value::Variable(text) => text.trim().parse().map_err(|_| format!("{text:?} is not a whole number")),
        Value::Toml(DeValue::Integer(digits)) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_err(|_| format!("{digits} is out of range")),
        Value::Toml(other) => Err(format!("must be a whole number, not {}", kind(other))),
    }
}

/// A decimal of at most 8 fractional digits that is not negative.
pub(super) fn decimal(value: &Value<'_>) -> Result<Units, String> {
    let text = match value {
        Value::Toml(DeValue::Integer(_)) => integer(value)?.to_string(),
        Value::Toml(DeValue::Float(digits)) => {
            return Err(format!("without quotes, {digits} is not exact: write \"{digits}\""));
        }
        Value::Toml(other) if !other.is_str() => {
            return Err(format!("must be a decimal in quotes, not {}", kind(other)));
        }
        _ => text(value)?.to_owned(),
    };
    let units = Units::parse(&text).map_err(|error| match error {
        MoneyError::NotANumber => format!("{text:?} is not a decimal number such as \"0.25\""),
        error => format!("{text:?} {error}"),
    })?;
    if units.is_negative() { Err(format!("must not be negative, as {text:?} is")) } else { Ok(units) }
}

/// The items of an array, in order and without duplicates.
pub(super) fn list<T: PartialEq>(
    value: &Value<'_>,
    item: impl Fn(&Value<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let values = match value {
        Value::Variable(text) => match DeValue::parse(text).map(toml::Spanned::into_inner) {
            Ok(DeValue::Array(values)) => values,
            _ => return Err(format!("{text:?} is not an array such as [1, 2] or [\"a\", \"b\"]")),
        },
        Value::Toml(DeValue::Array(values)) => values.clone(),
        Value::Toml(other) => return Err(format!("must be an array in [ ], not {}", kind(other))),
    };
    let mut items = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let problem = |what| format!("item {}: {what}", index + 1);
        let value = item(&Value::Toml(value.into_inner())).map_err(problem)?;
        if items.contains(&value) {
            return Err(problem("is there already".to_owned()));
        }
        items.push(value);
    }
    Ok(items)
}

pub(super) fn not_empty<T>(items: Vec<T>) -> Result<Vec<T>, String> {
    if items.is_empty() { Err("must not be empty".to_owned()) } else { Ok(items) }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text in quotes",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn whole<T>(range: RangeInclusive<i64>) -> impl Fn(&Value<'_>) -> Result<T, String>
where
    T: TryFrom<i64, Error: Debug>,
{
    move |value| {
        let number = integer(value)?;
        if range.contains(&number) {
            return Ok(T::try_from(number).expect("the type holds the whole range"));
        }
        let (low, high) = (range.start(), range.end());
        Err(match *high {
            i64::MAX => format!("must be at least {low}, not {number}"),
            _ => format!("must be {low} to {high}, not {number}"),
        })
    }
}

/// A part of a whole, 0 to 1.
pub(super) fn share(value: &Value<'_>) -> Result<Units, String> {
    let share = decimal(value)?;
    if share > Units::ONE { Err("must be 0 to 1".to_owned()) } else { Ok(share) }
}

/// One of the words of `table`.
pub(super) fn word<T: Copy>(table: &[(&str, T)], value: &Value<'_>) -> Result<T, String> {
    let text = text(value)?;
    table.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
        format!("{text:?} is not one of {}", words.join(", "))
    })
}

/// `read` of what is not empty; empty text stands for "not set".
pub(super) fn optional<T>(
    value: &Value<'_>,
    read: impl Fn(&Value<'_>) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match value {
        Value::Variable(text) if text.is_empty() => Ok(None),
        Value::Toml(DeValue::String(text)) if text.is_empty() => Ok(None),
        value => read(value).map(Some),
    }
}

pub(super) fn filled(value: &Value<'_>) -> Result<String, String> {
    let text = text(value)?;
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn path(value: &Value<'_>) -> Result<PathBuf, String> {
    filled(value).map(PathBuf::from)
}

pub(super) fn url(value: &Value<'_>) -> Result<DatabaseUrl, String> {
    DatabaseUrl::parse(text(value)?)
}

pub(super) fn address(value: &Value<'_>) -> Result<SocketAddr, String> {
    let text = text(value)?;
    let allowed = "an IP address with a port, such as \"127.0.0.1:9464\", nor \"\" for off";
    text.parse().map_err(|_| format!("{text:?} is not {allowed}"))
}

pub(super) fn secret(value: &Value<'_>) -> Result<Secret, String> {
    Secret::parse(text(value)?)
}

/// A date of the years that every backend can hold.
pub(super) fn date(value: &Value<'_>) -> Result<NaiveDate, String> {
    let text = match value {
        Value::Toml(DeValue::Datetime(date)) => date.to_string(),
        value => text(value)?.to_owned(),
    };
    let date = NaiveDate::from_str(&text).ok().filter(|date| (1970..=9998).contains(&date.year()));
    date.ok_or_else(|| format!("{text:?} is not a date such as \"2026-11-01\""))
}

/// A time of the day, to the minute.
pub(super) fn time_of_day(value: &Value<'_>) -> Result<NaiveTime, String> {
    let text = match value {
        Value::Toml(DeValue::Datetime(time)) => time.to_string(),
        value => text(value)?.to_owned(),
    };
    // TOML's own times have seconds.
    let minutes = text.strip_suffix(":00").filter(|rest| rest.contains(':')).unwrap_or(&text);
    NaiveTime::parse_from_str(minutes, "%H:%M")
        .map_err(|_| format!("{text:?} is not a time of the day such as \"08:00\"; midnight is \"00:00\""))
}

pub(super) fn time_zone(value: &Value<'_>) -> Result<Tz, String> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        let city = |name: &&str| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
        let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
        let near = names().find(city).or_else(|| nearest(text, names()));
        let hint = near.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
        format!("{text:?} is not an IANA time zone such as \"Europe/Budapest\" or \"UTC\"{hint}")
    })
}

/// A cron pattern of six fields, as the scheduler takes it, that comes round at all.
pub(super) fn cron(value: &Value<'_>) -> Result<String, String> {
    let text = text(value)?;
    let parser = CronParser::builder().seconds(Seconds::Required).dom_and_dow(true).build();
    let wrong = |why: String| {
        let fields = "second minute hour day month weekday";
        format!("{text:?} is not cron with seconds ({fields}, such as \"0 30 * * * *\"): {why}")
    };
    // The parser takes "," for a field without values, and would look for its next time through thousands of years.
    if text.split_whitespace().flat_map(|field| field.split(',')).any(str::is_empty) {
        return Err(wrong("a part is empty".to_owned()));
    }
    let pattern = parser.parse(text).map_err(|error| wrong(error.to_string()))?;
    // Not the present, for the same text is valid or not whenever it is read.
    let past = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc();
    match pattern.find_next_occurrence(&past, true) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text:?} names a time that never comes")),
    }
}

/// A duration as people write it: "72h", "1h 30m". The range ends at a whole hour.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Value<'_>) -> Result<Duration, String> {
    move |value| {
        let text = text(value)?;
        let duration = humantime::parse_duration(text)
            .map_err(|error| format!("{text:?} is not a duration such as \"72h\" or \"30s\": {error}"))?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (low, high) = (humantime::format_duration(*range.start()), range.end().as_secs() / 3600);
        Err(format!("must be {low} to {high}h, not {text}"))
    }
}

/// An amount of memory as people write it: "256MB", "1GiB"; in bytes.
pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&Value<'_>) -> Result<usize, String> {
    move |value| {
        let text = text(value)?;
        let size = ByteSize::from_str(text)
            .map_err(|_| format!("{text:?} is not an amount of memory such as \"256MB\" or \"1GiB\""))?;
        if range.contains(&size.as_u64()) {
            return Ok(usize::try_from(size.as_u64()).expect("the range is within what can be addressed"));
        }
        Err(format!("must be {} to {}, not {text}", show_size(*range.start()), show_size(*range.end())))
    }
}

/// An amount of memory in the largest unit that says it exactly.
pub(super) fn show_size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let exact = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    exact.map_or_else(|| format!("{bytes}B"), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// A column's name as it can be quoted into SQL.
pub(super) fn column(value: &Value<'_>) -> Result<String, String> {
    identifier(value, 1, "a column's name: 1 to 64 of A-Z, a-z, 0-9, _ and $")
}

/// A table's name as it can be quoted into SQL, also with its schema before a dot.
pub(super) fn table(value: &Value<'_>) -> Result<String, String> {
    identifier(
        value,
        2,
        "a table's name: 1 to 64 of A-Z, a-z, 0-9, _ and $, also with a schema and a dot before",
    )
}

fn identifier(value: &Value<'_>, max_parts: usize, allowed: &str) -> Result<String, String> {
    let text = text(value)?;
    let plain = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
        (1..=64).contains(&part.len()) && part.bytes().all(known)
    };
    if text.split('.').count() <= max_parts && text.split('.').all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not {allowed}"))
    }
}
