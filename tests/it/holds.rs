//! What alarms hold: set aside, released, forfeited, and windows that wait; every unit of it accounted for.

use std::collections::BTreeSet;
use std::sync::Arc;

use rewardd::app::{App, Mode};
use rewardd::clock::SystemClock;
use rewardd::config::Config;
use rewardd::jobs::FirstDay;
use rewardd::rewards::alarms::{Action, Raised};
use rewardd::rewards::money::Units;
use rewardd::rewards::window::{Instant, Kind, Window};
use rewardd::store::{Commit, Committed, NewHeldWindow};
use serde_json::Value as Json;

use crate::on_every_backend;
use crate::support::tables::stored;
use crate::support::{Backend, Scratch, shown};
use crate::verify::{assert_clean, verify};

mod random;

const RATES: &str = "quoted_at,rate\n2026-11-12T00:00:00Z,1.1\n2026-11-19T00:00:00Z,1.25\n";
const AFTER_THE_DAY: &str = "2026-11-20T02:00:00Z";
/// The hour that alarms are raised in.
const HOUR: &str = "2026-11-19T04:00:00Z";
const DAY: &str = "2026-11-19T00:00:00Z";

fn config() -> &'static str {
    "[programme]\nstart = \"2026-11-19\"\n[special]\npartners = [7, 8]\n[schedule]\ncatch_up = \"1000h\""
}

/// An alarm about a partner, or about the window.
pub fn raised(partner_id: Option<i64>, action: Action) -> Raised {
    Raised {
        alarm: "case_1".to_owned(),
        rule: "case",
        action,
        partner_id,
        figure: "61 votes in the minute from 04:00".to_owned(),
        limit: "60 votes".to_owned(),
        stake: Units::ONE,
    }
}

/// The program in this process, on the scratch's database.
pub async fn open(scratch: &Scratch) -> App {
    let config = Config::load(&scratch.path("config.toml"), std::iter::empty()).unwrap();
    App::open(config, Arc::new(SystemClock), Mode::Pay).await.unwrap()
}

pub fn window(app: &App, kind: Kind, start: &str) -> Window {
    app.distributor.calendar.window_at(kind, start.parse().unwrap())
}

/// Pays a window with alarms raised, as a look does it.
pub async fn pay_with(app: &App, window: Window, raised: Vec<Raised>) -> Committed {
    let now: Instant = AFTER_THE_DAY.parse().unwrap();
    let distributor = &app.distributor;
    let configured = app.config.programme.start;
    let programme = distributor.open_programme(configured, FirstDay::Today, now).await.unwrap();
    let runs_before = app.store.runs().await.unwrap();
    let prepared = distributor.prepare(window, programme.start).await.unwrap();
    let plan = prepared.plan.hold(raised, &BTreeSet::new());
    let rules_version = &distributor.rules.version;
    app.store.commit(Commit { plan: &plan, runs_before, rules_version, now }).await.unwrap()
}

/// So many partners with a vote each in hours 4 and 5, and some of them with more.
fn votes(partners: u32) -> String {
    let mut votes = "id,partner_id,vote_type,cc,ecc,voted_at\n".to_owned();
    let mut id = 0;
    for hour in [4, 5] {
        for partner in 1..=partners {
            for vote in 0..1 + (partner % 7 == 0) as u32 * 5 {
                id += 1;
                let second = (partner + vote) % 3600;
                let at = format!("2026-11-19T{hour:02}:{:02}:{:02}Z", second / 60, second % 60);
                votes += &format!("{id},{partner},cc,{}.5,1.{:03},{at}\n", partner % 90, partner % 1000);
            }
        }
    }
    votes
}

/// The programme's first day, paid but for the hour and the day, which are paid with these partners held.
fn held(backend: Backend, partners: u32, hold: &[i64]) -> Scratch {
    let scratch = Scratch::new(backend);
    scratch.write_config(config());
    scratch.import(&votes(partners), RATES);
    scratch.run(&["once", "hourly", "--as-of", HOUR]);
    let holds = || hold.iter().map(|partner| raised(Some(*partner), Action::HoldPartner)).collect();
    scratch.block_on(async {
        let app = open(&scratch).await;
        assert_eq!(pay_with(&app, window(&app, Kind::Hourly, HOUR), holds()).await, Committed::Done);
        app.database.close().await;
    });
    scratch.run(&["once", "hourly", "--as-of", "2026-11-19T23:30:00Z"]);
    scratch.block_on(async {
        let app = open(&scratch).await;
        assert_eq!(pay_with(&app, window(&app, Kind::Daily, DAY), holds()).await, Committed::Done);
        app.database.close().await;
    });
    scratch.run(&["once", "all", "--as-of", AFTER_THE_DAY]);
    scratch
}

/// Every reward row, by table and in order; those of some partners by themselves.
fn rows(scratch: &Scratch, of: &[i64]) -> (Vec<String>, Vec<String>) {
    let nowhere = scratch.url.clone();
    scratch.query("CREATE TABLE cc_hourly (partner_id INTEGER, cc_reward INTEGER, time INTEGER)");
    let tables = stored(scratch, &nowhere);
    scratch.query("DROP TABLE cc_hourly");
    let rows = ["reward_list_hourly", "reward_list_daily"];
    let rows =
        rows.iter().flat_map(|table| tables[*table].lines().skip(1).map(move |row| format!("{table} {row}")));
    let is_of = |row: &String| {
        let partner = row.split(' ').nth(1).and_then(|row| row.split(',').next()).unwrap();
        of.contains(&partner.parse().unwrap())
    };
    rows.partition(|row| !is_of(row))
}

/// What a command ends with and says.
pub fn ended(scratch: &Scratch, args: &[&str]) -> (i32, String) {
    let output = scratch.rewardd(args).output().unwrap();
    (output.status.code().unwrap_or(-1), shown(&output, &[]))
}

pub const WHO: [&str; 4] = ["--as", "anna", "--note", "asked the partner"];

fn decide(scratch: &Scratch, args: &[&str]) -> (i32, String) {
    ended(scratch, &[&["holds"][..], args, &WHO].concat())
}

fn totals(scratch: &Scratch) -> Vec<Option<String>> {
    scratch
        .query(
            "SELECT CAST(contributed AS CHAR), CAST(hourly_paid AS CHAR), CAST(daily_paid AS CHAR), \
             CAST(market_bonus AS CHAR) FROM reward_programme",
        )
        .remove(0)
}

on_every_backend!(
    everyone_else_is_paid_as_if_nothing_was_held_and_a_release_pays_the_same,
    what_is_forfeited_goes_to_the_oldest_unpaid_day,
    of_two_releases_at_once_one_wins_and_the_other_says_so,
    what_cannot_be_decided_is_refused_and_changes_nothing,
    a_held_window_waits_blocks_its_day_and_is_paid_when_told,
    whatever_is_done_to_what_is_held_is_found,
);

fn everyone_else_is_paid_as_if_nothing_was_held_and_a_release_pays_the_same(backend: Backend) {
    // The servers are no other code, and slower to fill.
    let partners = if backend == Backend::Sqlite { 50_000 } else { 2_000 };
    let plain = held(backend, partners, &[]);
    let scratch = held(backend, partners, &[7, 9, 1_400]);
    let (others, as_computed) = rows(&plain, &[7, 9, 1_400]);
    let (found, zeros) = rows(&scratch, &[7, 9, 1_400]);
    assert!(found.len() >= 3 * (partners as usize - 3), "{} rows", found.len());
    assert!(found == others, "everyone else's rows are the same to the byte");
    // Hour 5 was paid to them.
    let kept = zeros.iter().zip(&as_computed).filter(|(found, computed)| found != computed).count();
    assert_eq!((zeros.len(), kept), (9, 6));
    let transfers = "SELECT CAST(COUNT(*) AS CHAR) FROM special_transfers";
    assert_eq!((plain.one(transfers), scratch.one(transfers)), ("4".to_owned(), "3".to_owned()));
    assert_clean(&scratch, "while they are held");
    let listed: Json = serde_json::from_str(&scratch.run(&["holds", "list", "--json"])).unwrap();
    assert_eq!(listed["holds"].as_array().map(Vec::len), Some(6), "{listed:#}");
    let shown = scratch.run(&["holds", "show", "hourly", HOUR, "7"]);
    assert!(shown.contains("case_1 (hold_partner), partner 7: 61 votes in the minute"), "{shown}");
    let explained = scratch.run(&["explain", "--partner", "7", "--hour", HOUR]);
    assert!(explained.contains("by the alarm case_1: 61 votes in the minute"), "{explained}");
    assert!(explained.contains("Nobody has decided yet.") && explained.contains("agrees"), "{explained}");
    let day = ["--from", "2026-11-19", "--to", "2026-11-19"];
    for table in ["reward_holds", "reward_alarms"] {
        let exported = scratch.run(&[&["export", "--table", table, "--format", "csv"][..], &day].concat());
        assert_eq!(exported.lines().count(), 7, "{exported}");
    }
    assert!(ended(&scratch, &["status"]).1.contains("holds       6 partners' amounts are set aside"));

    let (code, said) = decide(&scratch, &["release", "hourly", HOUR, "7", "1400"]);
    assert!(code == 0 && said.contains("1 transfers queued (decision "), "{said}");
    assert_clean(&scratch, "some are released");
    let (code, said) = decide(&scratch, &["release", "--all-of", "case_1"]);
    assert!(code == 0 && said.contains("(decision "), "{said}");
    let (found, released) = rows(&scratch, &[7, 9, 1_400]);
    assert!(found == others && released == as_computed, "all is as if nothing had been held");
    assert_eq!((plain.one(transfers), totals(&plain)), (scratch.one(transfers), totals(&scratch)));
    assert_clean(&scratch, "all are released");
    let explained = scratch.run(&["explain", "--partner", "7", "--hour", HOUR]);
    assert!(explained.contains("It was released by anna on "), "{explained}");
}

fn what_is_forfeited_goes_to_the_oldest_unpaid_day(backend: Backend) {
    let scratch = held(backend, 40, &[7, 9]);
    let pool = || {
        let sql =
            "SELECT CAST(accumulated_daily_pool AS CHAR) FROM reward_pool_state WHERE day = '2026-11-20'";
        scratch.query(sql).pop().and_then(|mut row| row.remove(0))
    };
    let amount = |text: Option<String>| text.map_or(Units::ZERO, |text| Units::parse(&text).unwrap());
    let before = amount(pool());
    // A day of which something is held stays where it can be released, also when its transfers have arrived.
    scratch.query(
        "UPDATE special_transfers SET next_attempt_at = NULL, delivered_at = '2026-11-20 00:00:00.000000'",
    );
    scratch.write_config(&format!("{}\n[retention]\nhourly_rewards = \"1000h\"", config()));
    let kept = ended(&scratch, &["retention", "--as-of", "2027-01-10T00:00:00Z", "--dry-run"]).1;
    assert!(kept.contains("4 partners' amounts of it are set aside, and not decided"), "{kept}");
    let from_pool = amount(Some(scratch.one(
        "SELECT CAST(from_pool AS CHAR) FROM reward_holds WHERE reward_type = 'daily' AND partner_id = 7",
    )));
    let (code, said) = decide(&scratch, &["forfeit", "daily", "2026-11-19", "7"]);
    assert!(code == 0 && said.contains("went to the oldest unpaid day"), "{said}");
    assert_eq!(amount(pool()), before + from_pool);
    assert_clean(&scratch, "forfeited");
    decide(&scratch, &["release", "daily", "2026-11-19", "9"]);
    decide(&scratch, &["forfeit", "hourly", HOUR, "7", "9"]);
    assert_clean(&scratch, "the rest");
    // The next day pays it, and the history of the pools goes on.
    scratch.run(&["once", "all", "--as-of", "2026-11-21T02:00:00Z"]);
    assert_clean(&scratch, "a day later");
    let list = scratch.run(&["holds", "list", "--state", "all"]);
    assert_eq!(list.matches("forfeited").count(), 3, "{list}");
}

fn of_two_releases_at_once_one_wins_and_the_other_says_so(backend: Backend) {
    let scratch = held(backend, 40, &[7]);
    let args = [&["holds", "release", "hourly", HOUR, "7"][..], &WHO].concat();
    let mut both: Vec<_> = (0..2)
        .map(|_| {
            let mut release = scratch.rewardd(&args);
            release.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            release.spawn().unwrap()
        })
        .collect();
    let outputs: Vec<_> = both.drain(..).map(|child| child.wait_with_output().unwrap()).collect();
    let mut ended: Vec<(Option<i32>, String)> =
        outputs.iter().map(|output| (output.status.code(), shown(output, &[]))).collect();
    ended.sort();
    assert_eq!((ended[0].0, ended[1].0), (Some(0), Some(1)), "{ended:#?}");
    assert!(ended[1].1.contains("was released by anna"), "{ended:#?}");
    assert_clean(&scratch, "released once");
}

fn what_cannot_be_decided_is_refused_and_changes_nothing(backend: Backend) {
    let scratch = held(backend, 40, &[7, 9]);
    let before = totals(&scratch);
    let decisions = || scratch.one("SELECT CAST(COUNT(*) AS CHAR) FROM reward_decisions");
    let decided = decisions();
    for (args, why) in [
        (&["release", "hourly", HOUR, "7", "10"][..], "10 is not held"),
        (&["forfeit", "hourly", "2026-11-19T05:00:00Z", "7"], "is not held"),
        (&["release", "hourly", "2026-11-19T04:30:00Z", "7"], "no hourly window starts at"),
        (&["pay", "hourly", HOUR], "is not held"),
    ] {
        let (code, said) = decide(&scratch, args);
        assert!(code == 1 && said.contains(why), "{args:?}: {said}");
    }
    assert_eq!(totals(&scratch), before);
    let (code, said) = decide(&scratch, &["release", "--all-of", "nothing"]);
    assert!(code == 0 && said.contains("Nothing of it is held"), "{said}");
    let (code, said) = ended(&scratch, &["holds", "release", "hourly", HOUR, "7", "--as", "anna"]);
    assert!(code == 2 && said.contains("--note"), "{said}");
    assert_eq!(decisions(), decided);
    // Somebody has written to the row meanwhile: nothing is paid on top of that.
    scratch.query("UPDATE reward_list_hourly SET hourly_reward_all = '1.00000000' WHERE partner_id = 7");
    let (code, said) = decide(&scratch, &["release", "hourly", HOUR, "7"]);
    assert!(code == 70 && said.contains("matched 0 rows instead of one"), "{said}");
}

fn a_held_window_waits_blocks_its_day_and_is_paid_when_told(backend: Backend) {
    let scratch = Scratch::new(backend);
    scratch.write_config(&config().replace("1000h", "10h"));
    scratch.import(&votes(40), RATES);
    scratch.run(&["once", "hourly", "--as-of", HOUR]);
    scratch.block_on(async {
        let app = open(&scratch).await;
        let raised = [raised(Some(9), Action::HoldPartner), raised(None, Action::HoldWindow)];
        let window = window(&app, Kind::Hourly, HOUR);
        let stake = raised[0].stake;
        let new = NewHeldWindow { window, raised: &raised, stake, now: AFTER_THE_DAY.parse().unwrap() };
        assert!(app.store.hold_window(new).await.unwrap());
        assert!(app.store.hold_window(new).await.unwrap(), "asked again, it is held as it was");
        app.database.close().await;
    });
    // Past catch-up it is no less held; the next hours are paid, its day waits.
    let (code, said) = ended(&scratch, &["once", "all", "--as-of", "2026-11-19T05:10:00Z"]);
    assert!(code == 3 && said.contains("an alarm holds it"), "{said}");
    for as_of in ["2026-11-19T14:00:00Z", "2026-11-19T23:10:00Z"] {
        ended(&scratch, &["once", "all", "--as-of", as_of]);
    }
    let (code, said) = ended(&scratch, &["once", "all", "--as-of", AFTER_THE_DAY]);
    assert!(code == 3 && said.contains("an alarm holds an hour of this day"), "{said}");
    assert!(!said.contains("past catch-up") && !said.contains("longer ago"), "{said}");
    let (code, said) = ended(&scratch, &["once", "hourly", "--window", HOUR, "--as-of", AFTER_THE_DAY]);
    assert!(code == 3 && said.contains("held by case_1"), "{said}");
    assert_clean(&scratch, "while it is held");
    let listed = scratch.run(&["holds", "list"]);
    assert!(listed.contains("nothing is paid, held by case_1"), "{listed}");

    let (code, said) = decide(&scratch, &["pay", "hourly", HOUR, "--hold", "7"]);
    assert!(code == 0 && said.contains("will be paid by the next look (decision "), "{said}");
    let (code, said) = decide(&scratch, &["pay", "hourly", HOUR]);
    assert!(code == 1 && said.contains("was approved by anna"), "{said}");
    let said = scratch.run(&["once", "all", "--as-of", AFTER_THE_DAY]);
    assert!(said.contains("hour 4 of 2026-11-19") && said.contains("set aside"), "{said}");
    assert_clean(&scratch, "paid");
    let shown = scratch.run(&["holds", "show", "hourly", HOUR]);
    assert!(shown.contains("Partner 7: held") && shown.contains("by an operator"), "{shown}");
    assert!(scratch.run(&["once", "all", "--as-of", AFTER_THE_DAY]).contains("Nothing else is due"));
    decide(&scratch, &["release", "hourly", HOUR, "7"]);
    assert_clean(&scratch, "and released");
}

fn whatever_is_done_to_what_is_held_is_found(backend: Backend) {
    let scratch = held(backend, 40, &[7, 9]);
    let of = "WHERE partner_id = 7 AND reward_type = 'hourly'";
    let kept = scratch.one(&format!("SELECT CAST(from_pool AS CHAR) FROM reward_holds {of}"));
    for (change, back, table, why) in [
        (
            format!("UPDATE reward_holds SET from_pool = '9.00000000' {of}"),
            format!("UPDATE reward_holds SET from_pool = '{kept}' {of}"),
            "reward_holds",
            "where the amounts make",
        ),
        (
            format!("UPDATE reward_holds SET state = 'released' {of}"),
            format!("UPDATE reward_holds SET state = 'held' {of}"),
            "reward_holds",
            "nobody has decided",
        ),
        (
            format!("UPDATE reward_holds SET partner_id = 10 {of}"),
            "UPDATE reward_holds SET partner_id = 7 WHERE partner_id = 10".to_owned(),
            "reward_holds",
            "partners_sha256",
        ),
        (
            "UPDATE reward_alarms SET alarm = 'case_2' WHERE partner_id = 9".to_owned(),
            "UPDATE reward_alarms SET alarm = 'case_1' WHERE partner_id = 9".to_owned(),
            "reward_alarms",
            "not those that the audit log names",
        ),
        (
            "UPDATE reward_list_daily SET daily_reward_all = '1.00000000' WHERE partner_id = 9".to_owned(),
            "UPDATE reward_list_daily SET daily_reward_all = '0.00000000' WHERE partner_id = 9".to_owned(),
            "reward_list_daily",
            "not 0.00000000",
        ),
        (
            "UPDATE reward_pool_state SET accumulated_daily_pool = '5.00000000' WHERE day = '2026-11-20'"
                .to_owned(),
            String::new(),
            "reward_pool_state",
            "where the runs left",
        ),
    ] {
        scratch.query(&change);
        let (code, found) = verify(&scratch, &[]);
        let findings = found["findings"].as_array().unwrap();
        let is_it = |finding: &Json| {
            finding["table"] == table && finding["what"].as_str().is_some_and(|what| what.contains(why))
        };
        // An alarm that is not the run's makes its record one that nothing leads to.
        let worst = if table == "reward_alarms" { 6 } else { 5 };
        assert!(code == worst && findings.iter().any(is_it), "{change}: {found:#}");
        if !back.is_empty() {
            scratch.query(&back);
            assert_clean(&scratch, &back);
        }
    }
    scratch.query("DELETE FROM reward_holds WHERE partner_id = 9");
    let (code, found) = verify(&scratch, &[]);
    assert!(code == 5 && found.to_string().contains("all runs together have set aside 4"), "{found:#}");
}
