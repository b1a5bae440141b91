//! What is thought of columns: whether their types hold what rewardd reads, exactly.

use super::super::Finding;
use super::super::facts::{Column, Engine, Place, Table};
use crate::store::sql::source::{SourceNames, quoted};

/// What a column is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Named in messages, whatever it is.
    Name,
    Number,
    Text,
    Amount,
    /// An amount of ours, which needs all of its digits.
    PaidAmount,
    /// An instant that orders votes.
    Instant,
    /// An instant on a whole second.
    Hour,
}

impl Holds {
    /// The type that is right on a server, and in SQLite.
    const fn right_type(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Self::Name | Self::Number, Engine::Sqlite) => "INTEGER",
            (_, Engine::Sqlite) => "TEXT",
            (Self::Name | Self::Number, _) => "BIGINT",
            (Self::Text, _) => "VARCHAR(64)",
            (Self::Amount | Self::PaidAmount, _) => "DECIMAL(28,8)",
            (Self::Instant | Self::Hour, _) => "DATETIME(6)",
        }
    }
}

/// A column that is read or written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'n> {
    pub column: &'n str,
    /// Its key in `[source.columns]`, where it has one.
    pub key: Option<&'static str>,
    pub holds: Holds,
}

impl<'n> Wanted<'n> {
    pub fn votes(names: &'n SourceNames) -> [Self; 6] {
        let wanted = |column, key, holds| Self { column, key: Some(key), holds };
        [
            wanted(&names.id, "id", Holds::Name),
            wanted(&names.partner_id, "partner_id", Holds::Number),
            wanted(&names.vote_type, "vote_type", Holds::Text),
            wanted(&names.cc, "cc", Holds::Amount),
            wanted(&names.ecc, "ecc", Holds::Amount),
            wanted(&names.voted_at, "voted_at", Holds::Instant),
        ]
    }

    pub fn rates(names: &'n SourceNames) -> [Self; 2] {
        let wanted = |column, key, holds| Self { column, key: Some(key), holds };
        [wanted(&names.quoted_at, "quoted_at", Holds::Hour), wanted(&names.rate, "rate", Holds::Amount)]
    }
}

/// What is wrong with a type: a warning or a problem, and why.
enum Verdict {
    Right,
    Doubtful(&'static str),
    Wrong(&'static str),
}

/// One line per column that is not as it should be, or one for all where all are.
pub(super) fn judge(
    check: &'static str,
    place: &Place,
    name: &str,
    table: &Table,
    wanted: &[Wanted<'_>],
) -> Vec<Finding> {
    let engine = place.engine();
    let mut findings: Vec<Finding> = storage(check, name, table).into_iter().collect();
    for wanted in wanted {
        findings.extend(match table.column(wanted.column) {
            Some(column) => judge_column(check, engine, name, table, column, wanted),
            None => Some(missing(check, name, table, wanted)),
        });
    }
    findings.extend(clock(check, place, name, table, wanted));
    if findings.is_empty() {
        let types = wanted.iter().filter_map(|wanted| table.column(wanted.column));
        let types = types.map(|column| format!("{} {}", column.name, column.full_type.to_lowercase()));
        findings.push(Finding::ok(check, format!("{name}: {}", types.collect::<Vec<_>>().join(", "))));
    }
    findings
}

fn missing(check: &'static str, name: &str, table: &Table, wanted: &Wanted<'_>) -> Finding {
    let found = format!("{name} has no column {}", wanted.column);
    let there = table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
    let advice = match wanted.key {
        Some(key) => format!("{key} = \"…\" under [source.columns], naming one of {there}"),
        None => format!("make the table as README.md says; this one has {there}"),
    };
    Finding::problem(check, found, advice)
}

fn judge_column(
    check: &'static str,
    engine: Engine,
    name: &str,
    table: &Table,
    column: &Column,
    wanted: &Wanted<'_>,
) -> Option<Finding> {
    let verdict = match engine {
        Engine::Sqlite => in_file(column, table.is_strict, wanted.holds),
        _ => on_server(column, wanted.holds),
    };
    let shown = match column.full_type.as_str() {
        "" => "no type".to_owned(),
        full_type => full_type.to_uppercase(),
    };
    let found = |why| format!("{name}.{} is {shown}: {why}", column.name);
    let change = |to: &str| match (engine, table.is_view) {
        (_, true) => format!("let the view give it as {to}"),
        (Engine::Sqlite, _) => format!("make the table anew with {} {to} NOT NULL", quoted(&column.name)),
        _ => format!("ALTER TABLE {} MODIFY {} {to} NOT NULL", quoted(name), quoted(&column.name)),
    };
    let right = wanted.holds.right_type(engine);
    match verdict {
        Verdict::Wrong(why) => Some(Finding::problem(check, found(why), change(right))),
        Verdict::Doubtful(why) => Some(Finding::warning(check, found(why), change(right))),
        // What is written is never NULL; what is read may be, but a view says so of columns that are not.
        Verdict::Right
            if column.is_nullable
                && wanted.key.is_some()
                && wanted.holds != Holds::Name
                && !table.is_view =>
        {
            let found = format!("{name}.{} may be NULL, which stops the window it is in", column.name);
            Some(Finding::warning(check, found, change(&shown)))
        }
        Verdict::Right => None,
    }
}

/// By what `source_row.rs` takes.
fn on_server(column: &Column, holds: Holds) -> Verdict {
    const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
    const TEXTS: [&str; 12] = [
        "char",
        "varchar",
        "tinytext",
        "text",
        "mediumtext",
        "longtext",
        "enum",
        "binary",
        "varbinary",
        "tinyblob",
        "blob",
        "longblob",
    ];
    let kind = column.data_type.as_str();
    // The protocol shows a tinyint(1) as a boolean.
    let is_integer = INTEGERS.contains(&kind) && !column.full_type.starts_with("tinyint(1)");
    match holds {
        Holds::Name => Verdict::Right,
        Holds::Number if is_integer => Verdict::Right,
        Holds::Number => Verdict::Wrong("not a whole number of 64 bits"),
        Holds::Text if TEXTS.contains(&kind) => Verdict::Right,
        Holds::Text => Verdict::Wrong("not a text"),
        Holds::PaidAmount if kind == "decimal" && column.scale >= Some(8) => Verdict::Right,
        Holds::PaidAmount => Verdict::Wrong("it cannot hold every amount to its last digit"),
        Holds::Amount if kind == "decimal" && column.scale > Some(8) => {
            Verdict::Doubtful("an amount that uses more than 8 digits after the point is refused")
        }
        Holds::Amount if kind == "decimal" || is_integer => Verdict::Right,
        Holds::Amount if ["float", "double"].contains(&kind) => {
            Verdict::Wrong("a binary fraction is not exact, and is refused")
        }
        Holds::Amount if TEXTS.contains(&kind) => {
            Verdict::Doubtful("a text may hold what is no amount, which stops its window")
        }
        Holds::Amount => Verdict::Wrong("not an exact number"),
        Holds::Instant | Holds::Hour if !["datetime", "timestamp"].contains(&kind) => {
            Verdict::Wrong("not an instant")
        }
        Holds::Instant if column.second_digits < Some(6) => {
            Verdict::Doubtful("votes lose the fraction of their second, which decides between equals")
        }
        Holds::Instant | Holds::Hour => Verdict::Right,
    }
}

/// What SQLite makes of what is written into a column, by the rules of its documentation ("Type Affinity").
#[derive(Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    /// Values stay as they are written.
    None,
    Real,
    Numeric,
}

fn affinity(data_type: &str) -> Affinity {
    let has = |parts: &[&str]| parts.iter().any(|part| data_type.contains(part));
    match data_type {
        "" | "any" => Affinity::None,
        _ if has(&["int"]) => Affinity::Integer,
        _ if has(&["char", "clob", "text"]) => Affinity::Text,
        _ if has(&["blob"]) => Affinity::None,
        _ if has(&["real", "floa", "doub"]) => Affinity::Real,
        _ => Affinity::Numeric,
    }
}

fn in_file(column: &Column, is_strict: bool, holds: Holds) -> Verdict {
    let is_time = ["date", "time"].iter().any(|part| column.data_type.contains(part));
    let affinity = affinity(&column.data_type);
    match (holds, affinity) {
        (Holds::Name, _) | (Holds::Number, Affinity::Integer | Affinity::Numeric) => Verdict::Right,
        (Holds::Number, Affinity::Text | Affinity::Real) => Verdict::Wrong("not a whole number of 64 bits"),
        (_, Affinity::None) => Verdict::Doubtful("SQLite keeps here whatever is written"),
        (_, Affinity::Text) => Verdict::Right,
        (Holds::Text, _) => {
            Verdict::Doubtful("SQLite makes a number of what looks like one, which is refused")
        }
        (Holds::Amount, Affinity::Integer) if is_strict => Verdict::Right,
        (Holds::Amount | Holds::PaidAmount, Affinity::Integer) => {
            Verdict::Wrong("SQLite makes a binary fraction of what is no whole number, which is refused")
        }
        (Holds::Amount | Holds::PaidAmount, _) => {
            Verdict::Wrong("SQLite makes a binary fraction of an amount, which is not exact, and is refused")
        }
        (Holds::Instant | Holds::Hour, Affinity::Numeric) if is_time => Verdict::Right,
        (Holds::Instant | Holds::Hour, Affinity::Numeric) => {
            Verdict::Doubtful("SQLite makes a number of what looks like one, which is refused")
        }
        (Holds::Instant | Holds::Hour, _) => Verdict::Wrong("not a text such as 2026-11-19 13:00:00.000000"),
    }
}

/// Without snapshots, votes and rates are not of one moment, and what is written is not all or nothing.
fn storage(check: &'static str, name: &str, table: &Table) -> Option<Finding> {
    let storage = table.storage.as_deref()?;
    if ["innodb", "rocksdb"].contains(&storage.to_lowercase().as_str()) {
        return None;
    }
    let found = format!("{name} is stored by {storage}, which knows no transactions");
    Some(Finding::warning(check, found, format!("ALTER TABLE {} ENGINE = InnoDB", quoted(name))))
}

/// A DATETIME that the server's clock fills in is in the server's zone; rewardd reads it as UTC.
fn clock(
    check: &'static str,
    place: &Place,
    name: &str,
    table: &Table,
    wanted: &[Wanted<'_>],
) -> Option<Finding> {
    let Place::Server(server) = place else { return None };
    let mut instants = wanted.iter().filter(|wanted| matches!(wanted.holds, Holds::Instant | Holds::Hour));
    let column = instants
        .find_map(|wanted| table.column(wanted.column))
        .filter(|column| column.defaults_to_now && column.data_type == "datetime")?;
    if server.writes_utc() {
        return None;
    }
    let found = format!(
        "{name}.{} is filled in from the server's clock, whose zone is not UTC; rewardd reads it as UTC",
        column.name
    );
    let advice = "SET GLOBAL time_zone = '+00:00', and default_time_zone = '+00:00' in the server's options; or let who \
                  writes votes and rates give their instants, in UTC";
    Some(Finding::warning(check, found, advice))
}
