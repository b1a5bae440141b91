//! Every named statement is one that every backend takes.

use rewardd::app::source_names;
use rewardd::config::{Config, DatabaseUrl};
use rewardd::rewards::window::Kind;
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
        }
        all.push(statements::figures_of(3));
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
