//! Every named statement is one that every backend takes.

use rewardd::app::source_names;
use rewardd::config::{Config, DatabaseUrl};
use rewardd::rewards::plan::{columns, reward_table};
use rewardd::rewards::window::Kind;
use rewardd::store::Movable;
use rewardd::store::sql::{Access, Database, doctor, statements};

use crate::on_every_backend;
use crate::support::{Backend, Scratch};

on_every_backend!(every_statement_is_prepared);

fn every_statement_is_prepared(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.run(&["migrate"]);
    let url = DatabaseUrl::parse(&scratch.url).unwrap();
    scratch.block_on(async {
        let database = Database::open(&url, Access::Write, 1).await.unwrap();
        let mut all: Vec<String> = statements::all().map(str::to_owned).collect();
        for kind in [Kind::Hourly, Kind::Daily] {
            all.push(statements::insert_rewards(kind, 3));
            all.push(statements::rewards_written(&database, kind));
            all.push(statements::reward_rows(kind));
            all.push(statements::next_reward_time(kind));
            all.push(statements::partner_rows(kind, 3));
            all.push(statements::positions(kind));
            all.push(statements::rows_of(kind, 3));
            all.push(statements::release_reward(kind));
        }
        for kind in [Kind::Hourly, Kind::Daily] {
            let (table, column) = (reward_table(kind), columns(kind)[0]);
            all.push(statements::last_reward_time(kind));
            all.push(statements::insert_into(table, kind, 3));
            all.push(statements::any_row(table));
            all.push(statements::count_rows(table));
            for column_type in ["double(20,8)", "text"] {
                let text = statements::as_text(&database, column, column_type);
                all.push(statements::old_texts(table, std::slice::from_ref(&text)));
                all.push(statements::old_rows(table, &[text], Some(("2026-11-19", "2026-11-20"))));
            }
        }
        all.push(statements::forms(&database, &["reward_log"]));
        all.push(statements::present_tables(&database, &["reward_log".to_owned()]));
        all.push(statements::drop_table("reward_log_converting"));
        all.push(statements::figures_of(3));
        for wanted in 0..8_u8 {
            all.push(statements::alarms_before(wanted & 1 > 0, wanted & 2 > 0, wanted & 4 > 0));
        }
        all.extend([statements::insert_changes(3), statements::insert_watched_rows(3)]);
        all.extend(Movable::ALL.map(|table| statements::movable_tally(&database, table)));
        all.extend(Movable::ALL.map(|table| statements::brought_back(&database, table)));
        all.push(statements::refill_transfers(3));
        all.extend([statements::insert_alarms(3), statements::insert_holds(3)]);
        all.extend([statements::set_aside(&database), statements::holds_written(&database)]);
        all.push(statements::holds_by_state(&database));
        let names = source_names(&Config::default_with_url(&scratch.url).unwrap());
        all.push(names.count_votes());
        all.extend(doctor::statements::all(&database, &names));
        for sql in all {
            assert!(sql.starts_with("/* "), "{sql} opens with its name");
            let prepared = database.prepare(&sql).await;
            assert!(prepared.is_ok(), "{sql}: {prepared:?}");
        }
        database.close().await;
    });
}
