//! What the doctor asks, by name. None of it writes.

use crate::store::sql::Database;
use crate::store::sql::source::{SourceNames, quoted};

pub const IDENTITY: &str = "/* doctor::server */ \
     SELECT CAST(VERSION() AS CHAR), CAST(CURRENT_USER() AS CHAR), CAST(DATABASE() AS CHAR)";

pub const PING: &str = "/* doctor::round_trip */ SELECT 1";

/// What `prepare_session` has set, as it arrived.
pub const SESSION_VARIABLES: &str = "/* doctor::server */ SHOW SESSION VARIABLES WHERE Variable_name IN \
     ('time_zone', 'sql_mode', 'transaction_isolation', 'tx_isolation', 'wait_timeout', 'max_allowed_packet')";

pub const GLOBAL_VARIABLES: &str = "/* doctor::server */ SHOW GLOBAL VARIABLES WHERE Variable_name IN \
     ('time_zone', 'system_time_zone', 'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', \
     'sync_binlog', 'binlog_format', 'read_only', 'super_read_only', 'innodb_read_only', 'wsrep_on')";

pub const STATUS: &str = "/* doctor::server */ SHOW SESSION STATUS WHERE Variable_name IN \
     ('Ssl_cipher', 'Ssl_version', 'wsrep_ready', 'wsrep_cluster_status', 'wsrep_cluster_size', \
     'wsrep_local_state_comment')";

pub const GRANTS: &str = "/* doctor::server */ SHOW GRANTS";

/// By name and schema, which may be NULL: a view or a table, and its storage engine.
pub const TABLE: &str = "/* doctor::table */ \
     SELECT CAST(table_type AS CHAR), CAST(engine AS CHAR) FROM information_schema.tables \
     WHERE table_name = ? AND table_schema = COALESCE(?, DATABASE())";

pub const COLUMNS: &str = "/* doctor::table */ \
     SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR), CAST(column_type AS CHAR), \
     CAST(numeric_scale AS CHAR), CAST(datetime_precision AS CHAR), CAST(is_nullable AS CHAR), \
     CAST(column_default AS CHAR) FROM information_schema.columns \
     WHERE table_name = ? AND table_schema = COALESCE(?, DATABASE()) ORDER BY ordinal_position";

/// The newest migration of all, and one that did not come to its end, as texts.
pub const HISTORY: &str = "/* doctor::history */ \
     SELECT CAST(MAX(version) AS CHAR), CAST(MAX(CASE WHEN success THEN NULL ELSE version END) AS CHAR) \
     FROM _sqlx_migrations";

pub const SQLITE_VERSION: &str = "/* doctor::file */ SELECT sqlite_version()";

pub const SQLITE_JOURNAL_MODE: &str = "/* doctor::file */ PRAGMA journal_mode";

/// Names three pages that are not as they should be, and reads all.
pub const SQLITE_QUICK_CHECK: &str = "/* doctor::file */ PRAGMA quick_check(3)";

pub const SQLITE_TABLE: &str = "/* doctor::table */ \
     SELECT type, strict FROM pragma_table_list(?1) WHERE schema = COALESCE(?2, 'main')";

pub const SQLITE_COLUMNS: &str = "/* doctor::table */ \
     SELECT name, type, \"notnull\" OR pk > 0 FROM pragma_table_xinfo(?1, COALESCE(?2, 'main')) ORDER BY cid";

pub const SQLITE_INDEXES: &str = "/* doctor::table */ \
     SELECT list.name, list.\"unique\", list.origin = 'pk', list.partial, info.name \
     FROM pragma_index_list(?1, COALESCE(?2, 'main')) list, \
     pragma_index_xinfo(list.name, COALESCE(?2, 'main')) info WHERE info.key ORDER BY list.seq, info.seqno";

/// A server's indexes of a table. `information_schema` does not say under one name which of them are in use.
#[must_use]
pub fn indexes(table: &str) -> String {
    format!("/* doctor::table */ SHOW INDEX FROM {}", quoted(table))
}

/// The plan of the query that reads votes.
#[must_use]
pub fn votes_plan(database: &Database, names: &SourceNames) -> String {
    let explain = match database {
        // Without a form, MySQL gives the one that `explain_format` asks for.
        Database::MySql(_) => "EXPLAIN FORMAT=TRADITIONAL",
        Database::Sqlite(_) => "EXPLAIN QUERY PLAN",
    };
    format!("/* doctor::plan */ {explain} {}", names.votes_query(false))
}

/// Every statement for a database of this kind, for the test that prepares them all.
#[must_use]
pub fn all(database: &Database, names: &SourceNames) -> Vec<String> {
    let mut all: Vec<String> = match database {
        Database::MySql(_) => {
            let all = [
                IDENTITY,
                PING,
                SESSION_VARIABLES,
                GLOBAL_VARIABLES,
                STATUS,
                GRANTS,
                TABLE,
                COLUMNS,
                HISTORY,
            ];
            all.map(str::to_owned).to_vec()
        }
        Database::Sqlite(_) => {
            let all = [
                HISTORY,
                SQLITE_VERSION,
                SQLITE_JOURNAL_MODE,
                SQLITE_QUICK_CHECK,
                SQLITE_TABLE,
                SQLITE_COLUMNS,
                SQLITE_INDEXES,
            ];
            all.map(str::to_owned).to_vec()
        }
    };
    if matches!(database, Database::MySql(_)) {
        all.push(indexes(&names.votes_table));
    }
    all.extend([names.votes_query(true), votes_plan(database, names)]);
    all
}
