//! What is thought of indexes, and of the plan that a server makes with them.

use super::super::Finding;
use super::super::facts::{Engine, Index, Plan, Step, Table};
use crate::store::sql::source::{SourceNames, quoted};

/// Below this, a server may well go through a whole table rather than its index.
const FEW_ROWS: u64 = 10_000;

impl Index {
    fn starts_with(&self, column: &str) -> bool {
        matches!(self.columns.first(), Some(Some(first)) if first.eq_ignore_ascii_case(column))
    }

    fn holds(&self, column: &str) -> bool {
        self.columns.iter().flatten().any(|held| held.eq_ignore_ascii_case(column))
    }

    /// `votes_by_time (voted_at, cc)`.
    fn shown(&self) -> String {
        let columns = self.columns.iter().map(|column| column.as_deref().unwrap_or("…"));
        format!("{} ({})", self.name, columns.collect::<Vec<_>>().join(", "))
    }
}

/// The index that makes a window one range.
pub(super) fn votes(engine: Engine, table: &Table, names: &SourceNames) -> Option<Finding> {
    const CHECK: &str = "votes_index";
    if table.is_view {
        return None;
    }
    let (name, at) = (&names.votes_table, &names.voted_at);
    let all = [&names.partner_id, &names.vote_type, &names.cc, &names.ecc];
    let covers = |index: &&&Index| index.is_primary || all.iter().all(|column| index.holds(column));
    let by_time: Vec<&Index> = table.indexes.iter().filter(|index| index.starts_with(at)).collect();
    let used: Vec<&Index> = by_time.iter().copied().filter(|index| index.is_used).collect();
    let unused = by_time.iter().find(|index| !index.is_used);
    if let Some(covering) = used.iter().find(covers) {
        return Some(Finding::ok(CHECK, format!("{} covers all that a run reads", covering.shown())));
    }
    let covering = create_covering(engine, table, names);
    Some(match (used.first(), unused) {
        // In SQLite rows lie in the order they came, so those of a window are together anyhow.
        (Some(index), _) if engine == Engine::Sqlite => Finding::ok(CHECK, index.shown()),
        (Some(index), _) => Finding::warning(
            CHECK,
            format!("{} leaves out columns that a run reads, so it looks every vote up", index.shown()),
            covering,
        ),
        (None, Some(index)) => Finding::problem(
            CHECK,
            format!("{} is there, but not in use: every run reads the whole of {name}", index.shown()),
            show_again(engine, index, names),
        ),
        (None, None) => Finding::problem(
            CHECK,
            format!("no index of {name} begins with {at}: every run reads the whole table"),
            covering,
        ),
    })
}

fn create_covering(engine: Engine, table: &Table, names: &SourceNames) -> String {
    let mut columns = vec![&names.voted_at];
    if engine != Engine::Sqlite {
        columns.extend([&names.partner_id, &names.vote_type, &names.cc, &names.ecc]);
    }
    let create = create_index(engine, "INDEX", "by_time", &names.votes_table, &columns);
    // A server takes only the beginning of a long text into an index, and what is cut off covers nothing.
    let long = columns.iter().filter_map(|column| table.column(column));
    let long = long.filter(|column| column.data_type.ends_with("text") || column.data_type.ends_with("blob"));
    match long.map(|column| column.name.as_str()).next() {
        Some(column) if engine != Engine::Sqlite => {
            let table = quoted(&names.votes_table);
            format!("ALTER TABLE {table} MODIFY {} VARCHAR(64) NOT NULL; {create}", quoted(column))
        }
        _ => create,
    }
}

/// `bare` is what the index is called after its table.
fn create_index(engine: Engine, what: &str, bare: &str, table: &str, columns: &[&String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let columns = columns.join(", ");
    let (schema, name) = table.rsplit_once('.').unwrap_or(("", table));
    let index = format!("{name}_{bare}");
    match (engine, schema) {
        // SQLite wants the schema with the index, servers with the table.
        (Engine::Sqlite, schema) if !schema.is_empty() => {
            format!("CREATE {what} {} ON {} ({columns})", quoted(&format!("{schema}.{index}")), quoted(name))
        }
        _ => format!("CREATE {what} {} ON {} ({columns})", quoted(&index), quoted(table)),
    }
}

fn show_again(engine: Engine, index: &Index, names: &SourceNames) -> String {
    let table = quoted(&names.votes_table);
    match engine {
        Engine::Sqlite => create_index(engine, "INDEX", "by_time", &names.votes_table, &[&names.voted_at]),
        Engine::MariaDb => format!("ALTER TABLE {table} ALTER INDEX `{}` NOT IGNORED", index.name),
        Engine::MySql | Engine::TiDb => format!("ALTER TABLE {table} ALTER INDEX `{}` VISIBLE", index.name),
    }
}

/// The index that finds the newest rate.
pub(super) fn rates(engine: Engine, table: &Table, names: &SourceNames) -> Option<Finding> {
    const CHECK: &str = "rates_index";
    if table.is_view {
        return None;
    }
    let mut indexes = table.indexes.iter().filter(|index| index.is_used);
    Some(match indexes.find(|index| index.starts_with(&names.quoted_at)) {
        Some(index) => Finding::ok(CHECK, index.shown()),
        None => Finding::warning(
            CHECK,
            format!("no index of {} begins with {}", names.rates_table, names.quoted_at),
            create_index(engine, "INDEX", "by_time", &names.rates_table, &[&names.quoted_at, &names.rate]),
        ),
    })
}

/// How the votes of yesterday would be read.
pub(super) fn plan(plan: &Plan, table: &Table, names: &SourceNames) -> Finding {
    const CHECK: &str = "votes_plan";
    let steps = match plan {
        Plan::Steps(steps) => steps,
        Plan::Hidden(why) => {
            let advice = format!("run doctor as a user who may read what is under {}", names.votes_table);
            return Finding::warning(CHECK, format!("is not shown: {why}"), advice);
        }
        Plan::Refused(why) => {
            let advice = format!("GRANT SELECT ON {}, or mend what is said", quoted(&names.votes_table));
            return Finding::problem(CHECK, format!("the query for votes is refused: {why}"), advice);
        }
    };
    let used = |step: &Step| step.index.as_deref().map_or("no index".to_owned(), str::to_owned);
    let rows = |step: &Step| match step.rows {
        None => String::new(),
        Some(1) => ", about 1 row".to_owned(),
        Some(rows) => format!(", about {rows} rows"),
    };
    let is_large = |step: &&Step| step.is_scan && step.rows.is_none_or(|rows| rows >= FEW_ROWS);
    if let Some(scan) = steps.iter().find(is_large) {
        let found = format!("yesterday takes the whole of {}{}", names.votes_table, rows(scan));
        let has_index = table.indexes.iter().any(|index| index.is_used && index.starts_with(&names.voted_at));
        return match (has_index, table.is_view) {
            (true, _) => Finding::warning(
                CHECK,
                format!("{found}, although there is an index"),
                format!(
                    "ANALYZE TABLE {}, and look whether most votes are of yesterday",
                    quoted(&names.votes_table)
                ),
            ),
            (false, true) => {
                Finding::problem(CHECK, found, "index the tables under the view by the instant of a vote")
            }
            (false, false) => Finding::problem(CHECK, found, "see votes_index"),
        };
    }
    let shown = steps.iter().map(|step| {
        let way = match (step.is_scan, step.is_covered) {
            (true, _) => ", read whole since it is small",
            (false, true) => " alone",
            (false, false) => "",
        };
        format!("{}{way}{}", used(step), rows(step))
    });
    Finding::ok(CHECK, format!("yesterday takes {}", shown.collect::<Vec<_>>().join(", then ")))
}

/// The key by which a delivery that comes twice is one.
pub(super) fn remote(engine: Engine, table: &Table, name: &str) -> Finding {
    const CHECK: &str = "remote_key";
    let key = ["partner_id".to_owned(), "time".to_owned()];
    let create = create_index(engine, "UNIQUE INDEX", "once", name, &[&key[0], &key[1]]);
    if table.is_view {
        let advice = format!("look whether the table under it has one: {create}");
        return Finding::warning(CHECK, format!("{name} is a view, whose key cannot be seen"), advice);
    }
    let unique = || table.indexes.iter().filter(|index| index.is_unique && index.is_used);
    let is_of_key =
        |index: &Index| index.columns.iter().flatten().all(|column| key.contains(&column.to_lowercase()));
    if let Some(index) = unique().find(|index| index.columns.len() < key.len() && is_of_key(index)) {
        let found = format!("{} lets only one row in where many are to come", index.shown());
        let drop = match engine {
            Engine::Sqlite => format!("make the table anew without it; {create}"),
            _ => format!("DROP INDEX {} ON {}; {create}", quoted(&index.name), quoted(name)),
        };
        return Finding::problem(CHECK, found, drop);
    }
    match unique().find(|index| index.columns.len() == key.len() && is_of_key(index)) {
        Some(index) => Finding::ok(CHECK, index.shown()),
        None => Finding::problem(
            CHECK,
            format!("{name} has no key (partner_id, time): what is delivered again would be there twice"),
            create,
        ),
    }
}
