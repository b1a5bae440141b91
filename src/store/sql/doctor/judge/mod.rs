//! What is thought of what was seen. Pure: facts in, findings out.

mod columns;
mod file;
mod indexes;
mod rights;
mod server;
#[cfg(test)]
mod tests;

use super::facts::{Engine, Facts, Looked, Place, Rewards, Source, Table};
use super::{Finding, Uses};
use crate::store::sql::source::{SourceNames, quoted};
use columns::{Holds, Wanted};

/// The findings on one database, in the order in which they are best mended. `key` is what the configuration calls its
/// URL.
pub(super) fn judge(facts: &Facts, uses: &Uses, key: &str) -> Vec<Finding> {
    let mut findings = match &facts.place {
        Place::Server(server) => server::judge(server, uses, key),
        Place::File(file) => file::judge(file, uses),
    };
    if let Some(rewards) = &facts.rewards {
        findings.extend(judge_rewards(rewards));
    }
    if let Place::Server(server) = &facts.place {
        let refused = facts.rewards.as_ref().and_then(|rewards| rewards.refused.as_ref());
        let takes_all = refused.map(Vec::is_empty);
        findings.extend(rights::judge(server, uses, takes_all));
    }
    if let (Some(source), Some(names)) = (&facts.source, &uses.source) {
        findings.extend(judge_source(&facts.place, source, names, uses.rewards));
    }
    if let (Some(remote), Some(name)) = (&facts.remote, &uses.remote_table) {
        findings.extend(judge_remote(&facts.place, remote, name));
    }
    findings
}

fn judge_rewards(rewards: &Rewards) -> Vec<Finding> {
    const CHECK: &str = "migrations";
    let migrations = match &rewards.migrations {
        Ok(migrations) => migrations,
        Err(why) => return vec![Finding::unseen(CHECK, why)],
    };
    let missing = migrations.iter().find(|migration| !migration.applied);
    let finding = match (rewards.newer, rewards.interrupted, missing) {
        (Some(newer), ..) => Finding::problem(
            CHECK,
            format!("a newer rewardd has brought this database to migration {newer}"),
            "run that version, or a later one",
        ),
        (_, Some(version), _) => Finding::problem(
            CHECK,
            format!("migration {version} was interrupted"),
            "rewardd migrate, by a user who may DELETE from _sqlx_migrations",
        ),
        (_, _, Some(missing)) => Finding::problem(
            CHECK,
            format!("migration {} ({}) is not in", missing.version, missing.description),
            "rewardd migrate (every start does this too)",
        ),
        _ => Finding::ok(CHECK, "all are in"),
    };
    let refused = rewards.refused.iter().filter_map(|refused| match refused.as_slice() {
        [] => None,
        [first, others @ ..] => Some(Finding::problem(
            "statements",
            match others.len() {
                0 => first.clone(),
                others => format!("{first} (and {others} more)"),
            },
            "give the rights that lack, or bring back what was changed in the tables of migrations/",
        )),
    });
    std::iter::once(finding).chain(refused).collect()
}

fn judge_source(place: &Place, source: &Source, names: &SourceNames, is_rewards: bool) -> Vec<Finding> {
    let mut findings = vec![];
    let engine = place.engine();
    let votes = Wanted::votes(names);
    if let Some(votes_table) =
        seen("votes_table", &names.votes_table, &source.votes, is_rewards, &mut findings)
    {
        findings.extend(columns::judge("votes_table", place, &names.votes_table, votes_table, &votes));
        findings.extend(indexes::votes(engine, votes_table, names));
        // Where a column is missing, that says it all.
        let is_whole = votes.iter().all(|wanted| votes_table.column(wanted.column).is_some());
        if let Some(plan) = source.plan.as_ref().filter(|_| is_whole) {
            findings.push(indexes::plan(plan, votes_table, names));
        }
    }
    let rates = Wanted::rates(names);
    if let Some(rates_table) =
        seen("rates_table", &names.rates_table, &source.rates, is_rewards, &mut findings)
    {
        findings.extend(columns::judge("rates_table", place, &names.rates_table, rates_table, &rates));
        findings.extend(indexes::rates(engine, rates_table, names));
    }
    findings
}

/// The table, or the finding that there is none.
fn seen<'t>(
    check: &'static str,
    name: &str,
    table: &'t Looked<Option<Table>>,
    is_rewards: bool,
    findings: &mut Vec<Finding>,
) -> Option<&'t Table> {
    let finding = match table {
        Ok(Some(table)) => return Some(table),
        Ok(None) if is_rewards && ["votes", "cc_rates"].contains(&name) => Finding::problem(
            check,
            format!("there is no table {name}, or this user may not see it"),
            format!("rewardd migrate makes it; or name another one in source.{check}"),
        ),
        Ok(None) => Finding::problem(
            check,
            format!("there is no table {name}, or this user may not see it"),
            format!("name the right one in source.{check}, or GRANT SELECT on it"),
        ),
        Err(why) => Finding::unseen(check, why),
    };
    findings.push(finding);
    None
}

fn judge_remote(place: &Place, table: &Looked<Option<Table>>, name: &str) -> Vec<Finding> {
    const CHECK: &str = "remote_table";
    let table = match table {
        Ok(Some(table)) => table,
        Ok(None) => {
            let (amount, time) = match place.engine() {
                Engine::Sqlite => ("TEXT", "TEXT"),
                _ => ("DECIMAL(28,8)", "DATETIME(6)"),
            };
            let advice = format!(
                "CREATE TABLE {} (partner_id BIGINT NOT NULL, cc_reward {amount} NOT NULL, time {time} NOT NULL, \
                 PRIMARY KEY (partner_id, time)); or name the right one in remote.table",
                quoted(name)
            );
            let found = format!("there is no table {name}, or this user may not see it");
            return vec![Finding::problem(CHECK, found, advice)];
        }
        Err(why) => return vec![Finding::unseen(CHECK, why)],
    };
    let wanted = [
        Wanted { column: "partner_id", key: None, holds: Holds::Number },
        Wanted { column: "cc_reward", key: None, holds: Holds::PaidAmount },
        Wanted { column: "time", key: None, holds: Holds::Hour },
    ];
    let mut findings = columns::judge(CHECK, place, name, table, &wanted);
    findings.push(indexes::remote(place.engine(), table, name));
    findings
}
