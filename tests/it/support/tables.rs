//! The five tables of a database as the worked cases write them.

use super::{Backend, Scratch, Tables};
use rewardd::audit::LogRow;

/// Table, columns, order. Instants are marked by a star, everything else is cast to text as it is.
const TABLES: [(&str, &str, &str); 4] = [
    (
        "reward_list_hourly",
        "partner_id,position,*time,hourly_reward_top10p,hourly_reward_top10,hourly_reward_top100,\
         hourly_reward_top1000,hourly_reward_all",
        "time, position",
    ),
    (
        "reward_list_daily",
        "partner_id,position,*time,daily_reward_top10,daily_reward_top100,daily_reward_top1000,\
         daily_reward_top10000,daily_reward_all,daily_reward_top10p_ecc,daily_reward_top50p,cc_market_reward",
        "time, position",
    ),
    ("reward_pool_state", "day,accumulated_daily_pool", "day"),
    (
        "reward_log",
        "reward_type,*time,reward_hour,total_reward_cc,votes,voters,cc_total,cc_rate,hourly_share,daily_share,\
         distributed,undistributed,market_bonus,late_cc,ecc_cap",
        "sequence",
    ),
];

/// The tables of the rewards' database, and `cc_hourly` of the remote one.
pub fn stored(scratch: &Scratch, remote: &str) -> Tables {
    let mut tables: Tables = TABLES
        .iter()
        .map(|(table, columns, order)| {
            ((*table).to_owned(), csv(scratch, &scratch.url, table, columns, order))
        })
        .collect();
    let cc_hourly = csv(scratch, remote, "cc_hourly", "partner_id,cc_reward,*time", "time, partner_id");
    tables.insert("cc_hourly".to_owned(), cc_hourly);
    tables
}

fn csv(scratch: &Scratch, url: &str, table: &str, columns: &str, order: &str) -> String {
    let casts: Vec<String> = columns
        .split(',')
        .map(|column| format!("CAST({} AS CHAR)", column.trim_start_matches('*')))
        .collect();
    let rows = scratch.query_at(url, &format!("SELECT {} FROM {table} ORDER BY {order}", casts.join(", ")));
    let mut text = format!("{}\n", columns.replace('*', ""));
    for row in rows {
        let cells = columns.split(',').zip(row).map(|(column, value)| match value {
            Some(time) if column.starts_with('*') => format!("{}Z", time.replace(' ', "T")),
            value => value.unwrap_or_default(),
        });
        text.push_str(&format!("{}\n", cells.collect::<Vec<_>>().join(",")));
    }
    text
}

/// Makes the special partners' table in another database and gives its URL.
pub fn make_remote(scratch: &mut Scratch) -> String {
    let url = scratch.new_database("remote");
    scratch.query_at(&url, make_table(scratch.backend));
    url
}

/// The statement that makes the special partners' table.
pub const fn make_table(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => {
            "CREATE TABLE cc_hourly (partner_id INTEGER, cc_reward TEXT, time TEXT, PRIMARY KEY (partner_id, time))"
        }
        Backend::MariaDb | Backend::MySql => {
            "CREATE TABLE cc_hourly (partner_id BIGINT, cc_reward DECIMAL(28,8), time DATETIME(6), \
             PRIMARY KEY (partner_id, time))"
        }
    }
}

/// The rows of the audit log, in order.
pub fn log_rows(scratch: &Scratch) -> Vec<LogRow> {
    let rows = scratch.query(
        "SELECT CAST(sequence AS CHAR), reward_type, CAST(timestamp AS CHAR), CAST(total_amount AS CHAR), \
         CAST(user_counts AS CHAR), CAST(ecc_cap AS CHAR), CAST(record AS CHAR), previous_hash \
         FROM reward_distribution_logs ORDER BY sequence",
    );
    let log_row = |row: Vec<Option<String>>| {
        let text = |index: usize| row[index].clone().unwrap();
        LogRow {
            sequence: text(0).parse().unwrap(),
            reward_type: text(1),
            timestamp: format!("{}Z", text(2).replace(' ', "T")),
            total_amount: text(3),
            user_counts: text(4),
            ecc_cap: row[5].clone(),
            record: text(6),
            previous_hash: text(7),
        }
    };
    rows.into_iter().map(log_row).collect()
}
