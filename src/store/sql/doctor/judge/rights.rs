//! What is thought of a user's rights: what lacks, and what is more than rewardd needs.

use std::collections::BTreeSet;

use super::super::facts::Server;
use super::super::grants::{ALL, GRANT_OPTION, Grants, Scope};
use super::super::{Finding, Uses};
use super::columns::Wanted;
use crate::store::sql::source::quoted;

const CHECK: &str = "grants";

/// What the first start does to the rewards' database, before its tables are there.
const REWARDS_NEED: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "CREATE"];
/// What the runs of a migrated database need beside reading, table by table as deploy/grants/daemon.sql gives it.
const ADDED_TO: [&str; 8] = [
    "reward_runs",
    "reward_list_hourly",
    "reward_list_daily",
    "reward_log",
    "reward_distribution_logs",
    "reward_rules_versions",
    "reward_decisions",
    "reward_alarms",
];
const KEPT_UP: [&str; 16] = [
    "reward_programme",
    "reward_pool_state",
    "reward_settlements",
    "special_transfers",
    "reward_holds",
    "reward_held_windows",
    "reward_rules_pending",
    "reward_receivers",
    "reward_incidents",
    "reward_notifications",
    "reward_watches",
    "reward_watched_rows",
    "reward_changes",
    "reward_profiles",
    "reward_cases",
    "reward_watchlist",
];
const ONE_ROW: [&str; 3] = ["reward_lease", "reward_notices", "reward_guard"];
/// What later versions' migrations may do, too.
const REWARDS_MAY: [&str; 9] =
    ["SELECT", "INSERT", "UPDATE", "CREATE", "ALTER", "INDEX", "REFERENCES", "LOCK TABLES", "SHOW VIEW"];
const REWARDS_GIVE: &str = "SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX";
const REWARDS_AND_LOCK: &str = "SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX, LOCK TABLES";
/// What is there is never changed. (Earlier versions needed UPDATE all the same, so it may still be given.)
const REMOTE_NEED: [&str; 2] = ["SELECT", "INSERT"];
const REMOTE_MAY: [&str; 3] = ["SELECT", "INSERT", "UPDATE"];
/// What moving rows to archives needs beside, as deploy/grants/retention.sql gives it.
const MOVED_FROM: [&str; 2] = ["reward_list_hourly", "special_transfers"];
const ARCHIVES: &str = "reward_archives";
/// [`REWARDS_MAY`] where rows are moved.
const MOVING_MAY: [&str; 10] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "LOCK TABLES",
    "SHOW VIEW",
];
const MOVING_GIVE: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX";
const MOVING_AND_LOCK: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, LOCK TABLES";
const SOURCE_MAY: [&str; 5] = ["SELECT", "LOCK TABLES", "SHOW VIEW", "EXECUTE", "CREATE TEMPORARY TABLES"];

/// Rights on everything that change nothing, in rows or in the server.
const HARMLESS_EVERYWHERE: [&str; 11] = [
    "SELECT",
    "LOCK TABLES",
    "SHOW VIEW",
    "SHOW DATABASES",
    "PROCESS",
    "EXECUTE",
    "CREATE TEMPORARY TABLES",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
];

/// How many rights are named before the rest is counted.
const NAMED: usize = 6;

/// `takes_all`: whether the server takes every statement of ours, so that what they need is given, by whatever way; none
/// where they could not be tried, as a migration is not in.
pub(super) fn judge(server: &Server, uses: &Uses, takes_all: Option<bool>) -> Vec<Finding> {
    let grants = match &server.grants {
        Ok(lines) => Grants::parse(lines),
        Err(why) => return vec![Finding::unseen(CHECK, why)],
    };
    let needs = Needs { server, grants: &grants, user: quoted_user(&server.user) };
    let mut findings: Vec<Finding> = needs.missing(uses, takes_all).into_iter().collect();
    findings.extend(needs.too_many(uses));
    if findings.is_empty() {
        let what = match (uses.rewards, &uses.remote_table, &uses.source) {
            (true, ..) => "what a start and its runs need, and no more",
            (_, Some(_), _) => "what a delivery needs, and no more",
            _ => "reading, and no more",
        };
        findings.push(Finding::ok(CHECK, what));
    }
    findings.extend(needs.lock_tables(uses));
    findings
}

/// A schema that rewardd uses.
struct Room<'r> {
    schema: &'r str,
    may: &'static [&'static str],
    /// What to give where nothing is given yet.
    give: &'static str,
    /// What is said of more.
    why: &'static str,
}

struct Needs<'a> {
    server: &'a Server,
    grants: &'a Grants,
    user: String,
}

impl Needs<'_> {
    /// The schema and the bare name of a table.
    fn split<'n>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        name.split_once('.').unwrap_or((self.schema(), name))
    }

    fn schema(&self) -> &str {
        self.server.schema.as_deref().unwrap_or_default()
    }

    /// The rights that lack, as the statements that give them.
    fn missing(&self, uses: &Uses, takes_all: Option<bool>) -> Option<Finding> {
        let mut lacking: Vec<(Vec<&str>, String)> = vec![];
        if uses.rewards {
            lacking.extend(self.missing_of_rewards(takes_all, uses.moves));
        }
        if let Some(names) = &uses.source {
            let (votes, rates) = (Wanted::votes(names), Wanted::rates(names));
            for (table, columns) in [(&names.votes_table, &votes[..]), (&names.rates_table, &rates[..])] {
                let columns: Vec<&str> = columns.iter().map(|wanted| wanted.column).collect();
                let (schema, bare) = self.split(table);
                if !self.grants.on_columns("SELECT", schema, bare, &columns) {
                    lacking.push((vec!["SELECT"], quoted(&format!("{schema}.{bare}"))));
                }
            }
        }
        if let Some(table) = &uses.remote_table {
            let (schema, bare) = self.split(table);
            let need = self.missing_on(&REMOTE_NEED, schema, bare);
            lacking.push((need, quoted(&format!("{schema}.{bare}"))));
        }
        lacking.retain(|(rights, _)| !rights.is_empty());
        if lacking.is_empty() {
            return None;
        }
        let found = lacking.iter().map(|(rights, on)| format!("{} on {on}", rights.join(", ")));
        let give = lacking
            .iter()
            .map(|(rights, on)| format!("GRANT {} ON {on} TO {}", rights.join(", "), self.user));
        let (found, give): (Vec<_>, Vec<_>) = (found.collect(), give.collect());
        Some(Finding::problem(CHECK, format!("{} lacks {}", self.user, found.join(" and ")), give.join("; ")))
    }

    /// Of the rewards' database: on the whole schema while its tables are not there, then table by table.
    fn missing_of_rewards(&self, takes_all: Option<bool>, moves: bool) -> Vec<(Vec<&'static str>, String)> {
        let schema = self.schema();
        let on_schema = |needs: &[&'static str]| {
            let lacks = needs.iter().filter(|right| !self.grants.on_schema(right, schema));
            (lacks.copied().collect(), format!("{}.*", quoted(schema)))
        };
        match takes_all {
            Some(true) => vec![],
            None => vec![on_schema(&REWARDS_NEED)],
            Some(false) => {
                let added_to = ADDED_TO.iter().map(|table| (*table, &["INSERT"][..]));
                let kept_up = KEPT_UP.iter().map(|table| (*table, &["INSERT", "UPDATE"][..]));
                let one_row = ONE_ROW.iter().map(|table| (*table, &["UPDATE"][..]));
                let moved_from = MOVED_FROM.iter().map(|table| (*table, &["DELETE"][..]));
                let archives = [(ARCHIVES, &["INSERT", "UPDATE", "DELETE"][..])];
                let moving = moved_from.chain(archives).filter(|_| moves);
                let tables = added_to.chain(kept_up).chain(one_row).chain(moving).map(|(table, needs)| {
                    (self.missing_on(needs, schema, table), quoted(&format!("{schema}.{table}")))
                });
                std::iter::once(on_schema(&["SELECT"])).chain(tables).collect()
            }
        }
    }

    fn missing_on(&self, needs: &[&'static str], schema: &str, table: &str) -> Vec<&'static str> {
        let lacks = needs.iter().filter(|right| !self.grants.on_table(right, schema, table));
        lacks.copied().collect()
    }

    /// Rights that rewardd never uses, and that somebody who gets hold of its password would.
    fn too_many(&self, uses: &Uses) -> Vec<Finding> {
        let mut findings = vec![];
        let everywhere: Vec<String> =
            self.grants.everywhere().flat_map(|grant| grant.more_than(&HARMLESS_EVERYWHERE)).collect();
        if !everywhere.is_empty() {
            let found = format!("{} may do {} on everything (*.*)", self.user, listed(&everywhere));
            findings.push(Finding::warning(CHECK, found, self.own_user(uses)));
        }
        for room in self.rooms(uses) {
            let mut more: Vec<String> = vec![];
            let mut less: Vec<String> = vec![];
            for grant in self.grants.within(room.schema) {
                let rights = grant.more_than(room.may);
                let has = |right: &str| rights.iter().any(|name| name == right);
                if has(ALL) {
                    let all = if has(GRANT_OPTION) { "ALL PRIVILEGES, GRANT OPTION" } else { ALL };
                    // That right is one of schemas only.
                    let is_table = matches!(grant.scope, Scope::Table(..));
                    let give = if is_table { room.give.trim_end_matches(", LOCK TABLES") } else { room.give };
                    less.push(format!("REVOKE {all} ON {} FROM {}", grant.scope, self.user));
                    less.push(format!("GRANT {give} ON {} TO {}", grant.scope, self.user));
                } else if !rights.is_empty() {
                    less.push(format!("REVOKE {} ON {} FROM {}", rights.join(", "), grant.scope, self.user));
                }
                more.extend(rights);
            }
            if !more.is_empty() {
                let found =
                    format!("{} may do {} on {}, which {}", self.user, listed(&more), room.schema, room.why);
                findings.push(Finding::warning(CHECK, found, less.join("; ")));
            }
        }
        findings
    }

    /// The schemas that rewardd uses, each for its most.
    fn rooms<'r>(&'r self, uses: &'r Uses) -> Vec<Room<'r>> {
        const NEVER: &str = "rewardd never needs";
        const READS: &str = "is more than reading, all that rewardd does there";
        let mut rooms: Vec<Room<'r>> = vec![];
        if uses.rewards {
            let give = match (uses.source.is_some(), uses.moves) {
                (true, true) => MOVING_AND_LOCK,
                (true, false) => REWARDS_AND_LOCK,
                (false, true) => MOVING_GIVE,
                (false, false) => REWARDS_GIVE,
            };
            let may: &[&str] = if uses.moves { &MOVING_MAY } else { &REWARDS_MAY };
            rooms.push(Room { schema: self.schema(), may, give, why: NEVER });
        }
        for table in uses.source.iter().flat_map(|names| [&names.votes_table, &names.rates_table]) {
            let give = "SELECT, LOCK TABLES";
            rooms.push(Room { schema: self.split(table).0, may: &SOURCE_MAY, give, why: READS });
        }
        if let Some(table) = &uses.remote_table {
            let give = "SELECT, INSERT";
            rooms.push(Room { schema: self.split(table).0, may: &REMOTE_MAY, give, why: NEVER });
        }
        let mut seen = BTreeSet::new();
        rooms.retain(|room| seen.insert(room.schema));
        rooms
    }

    /// Who may do everything is often somebody else too, whose rights are not to be taken away.
    fn own_user(&self, uses: &Uses) -> String {
        let (name, host) = self.server.user.rsplit_once('@').unwrap_or((&self.server.user, "%"));
        let own = if name == "rewardd" { "rewardd_own" } else { "rewardd" };
        let user = quoted_user(&format!("{own}@{host}"));
        let give = self.rooms(uses).into_iter();
        let give = give.map(|room| format!("; GRANT {} ON {}.* TO {user}", room.give, quoted(room.schema)));
        format!("a user of its own: CREATE USER {user} IDENTIFIED BY '…'{}", give.collect::<String>())
    }

    /// Several connections see one moment if no table changes while each begins to look.
    fn lock_tables(&self, uses: &Uses) -> Option<Finding> {
        const CHECK: &str = "lock_tables";
        let names = uses.source.as_ref().filter(|_| !self.server.is_galera())?;
        let schemas = [&names.votes_table, &names.rates_table].map(|table| self.split(table).0);
        let lacking = schemas.iter().find(|schema| !self.grants.on_schema("LOCK TABLES", schema));
        Some(match lacking {
            None => Finding::ok(CHECK, "allowed: a load may use several connections"),
            Some(schema) => Finding::hint(
                CHECK,
                "not allowed: a load uses one connection",
                format!("for several: GRANT LOCK TABLES ON {}.* TO {}", quoted(schema), self.user),
            ),
        })
    }
}

fn listed(rights: &[String]) -> String {
    // What says most comes first.
    let mut rights: Vec<&str> = rights.iter().map(String::as_str).collect();
    rights.sort_unstable_by_key(|right| {
        (![ALL, GRANT_OPTION, "SUPER", "DROP", "DELETE"].contains(right), *right)
    });
    rights.dedup();
    match rights.len() {
        0..=NAMED => rights.join(", "),
        count => format!("{} and {} more", rights[..NAMED].join(", "), count - NAMED),
    }
}

/// `'name'@'host'`, as statements take it.
fn quoted_user(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    format!("'{}'@'{}'", name.replace('\'', "''"), host.replace('\'', "''"))
}
