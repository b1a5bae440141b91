//! `rewardd explain`: what is explained adds up to what is stored, and says why.
//! (What the databases explain of statements is in `explain.rs`.)

use std::collections::BTreeMap;
use std::fs;

use insta::assert_snapshot;
use rewardd::app::Records;
use rewardd::config::Config;
use rewardd::proof::Prover;
use rewardd::proof::explain::{Agreement, Explainer, Explanation};
use rewardd::rewards::money::Units;
use rewardd::rewards::window::{Instant, Kind};
use rewardd::store::{RewardRow, StoredTransfer};
use serde_json::Value as Json;

use crate::on_every_backend;
use crate::support::{Backend, Scratch, read_tables, vectors};
use crate::vectors::paid;

on_every_backend!(
    every_payment_of_the_worked_cases_is_explained_to_the_last_unit,
    a_vote_after_payment_is_drift_and_what_was_paid_stays,
    a_changed_amount_is_said_to_differ,
    a_special_partners_transfer_is_followed,
);

async fn prover(scratch: &Scratch) -> Prover {
    let config = Config::parse(&fs::read_to_string(scratch.path("config.toml")).unwrap()).unwrap();
    Records::open(&config).await.unwrap().prover(&config).await.unwrap()
}

/// Explains a payment in this process.
fn explained(scratch: &Scratch, kind: Kind, at: &str, partner_id: i64) -> Explanation {
    let at: Instant = at.parse().unwrap();
    scratch.block_on(async {
        let prover = prover(scratch).await;
        prover.explain(prover.calendar.window_at(kind, at), partner_id).await.unwrap()
    })
}

/// How a command line ended, and all it printed.
fn said(scratch: &Scratch, args: &[&str]) -> (i32, String) {
    let output = scratch.rewardd(&[&["explain"][..], args].concat()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

async fn transfers(prover: &Prover) -> BTreeMap<(i64, Instant), StoredTransfer> {
    let all = prover.ledger.transfers_after(None, 100_000).await.unwrap();
    all.into_iter().map(|stored| ((stored.transfer.partner_id, stored.transfer.time), stored)).collect()
}

fn every_payment_of_the_worked_cases_is_explained_to_the_last_unit(backend: Backend) {
    for case in vectors() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let scratch = paid(&name, backend);
        // The servers run no other code, and what they read is the same.
        let step = if backend == Backend::Sqlite { 1 } else { 37 };
        let mut count = 0;
        scratch.block_on(async {
            let prover = prover(&scratch).await;
            let transfers = transfers(&prover).await;
            for run in prover.ledger.runs_after(0, 1000).await.unwrap() {
                let window = prover.window(&run);
                let recomputed = prover.recompute(window, true).await.unwrap();
                let explainer = Explainer::new(&recomputed);
                let rows = prover.ledger.reward_rows(run.kind, run.start, i64::MIN, 100_000).await.unwrap();
                count += rows.len();
                for row in rows.iter().step_by(step) {
                    let transfer = transfers.get(&(row.partner_id, run.start)).cloned();
                    let transfer = transfer.filter(|_| run.kind == Kind::Hourly);
                    let explained = explainer.explain(row.partner_id, Some(row.clone()), transfer).unwrap();
                    assert_adds_up(&explained, row, &format!("{name}: {} in {window}", row.partner_id));
                }
            }
        });
        let tables = read_tables(&case.join("expected"));
        let rows = |table: &str| tables[table].lines().count() - 1;
        assert_eq!(
            count,
            rows("reward_list_hourly") + rows("reward_list_daily"),
            "{name}: all rows were there"
        );
    }
}

/// The parts and the bonus are the stored columns, one by one and together.
fn assert_adds_up(explained: &Explanation, row: &RewardRow, what: &str) {
    assert_eq!(explained.agreement(), Agreement::Agrees, "{what}: {explained:#?}");
    assert_eq!(explained.position, row.position, "{what}");
    let parts = explained.parts.iter().map(|part| part.amount());
    let parts: Vec<Units> = parts.chain(explained.bonus.map(|bonus| bonus.amount)).collect();
    assert_eq!(parts, row.amounts, "{what}");
    assert_eq!(explained.computed_sum(), row.amounts.iter().copied().sum(), "{what}");
    let votes = explained.votes_by_type.iter().map(|by| by.votes);
    assert_eq!(votes.sum::<u64>(), explained.tally.votes, "{what}");
    for part in &explained.parts {
        let shares = !part.part.is_zero() && part.members > 0 && part.undistributed.is_zero();
        // Of a part of few units, members may get none.
        let may_be_none = part.part < Units::from_i64(part.members.into()) || part.ecc.is_some();
        assert!(part.is_member() || part.amount().is_zero(), "{what}: {part:?}");
        assert!(
            !part.is_member() || !shares || may_be_none || !part.amount().is_zero(),
            "{what}: a member gets its share: {part:?}"
        );
    }
    assert_eq!(explained.transfer.is_some(), explained.transfer.as_ref().is_some_and(|sent| sent.agrees()));
}

/// The partners of the case `town` by hand: who is in a tier follows from positions and the votes in the file.
#[test]
fn eligibility_is_as_the_votes_of_the_file_say() {
    let case = vectors().into_iter().find(|case| case.ends_with("town")).unwrap();
    let mut votes: BTreeMap<i64, u64> = BTreeMap::new();
    for line in fs::read_to_string(case.join("votes.csv")).unwrap().lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[5].starts_with("2026-11-18") {
            *votes.entry(cells[1].parse().unwrap()).or_default() += 1;
        }
    }
    let scratch = paid("town", Backend::Sqlite);
    scratch.block_on(async {
        let prover = prover(&scratch).await;
        let window = prover.calendar.day("2026-11-18".parse().unwrap());
        let recomputed = prover.recompute(window, true).await.unwrap();
        let explainer = Explainer::new(&recomputed);
        let rows = prover.ledger.reward_rows(Kind::Daily, window.start, i64::MIN, 100_000).await.unwrap();
        assert_eq!(rows.len(), votes.len());
        for row in rows {
            let explained = explainer.explain(row.partner_id, Some(row.clone()), None).unwrap();
            let (position, cast) = (row.position as usize, votes[&row.partner_id]);
            let top = |percent: usize| (votes.len() * percent).div_ceil(100);
            let expected = [
                position <= 10 && cast >= 20,
                position <= 100 && cast >= 10,
                position <= 1000 && cast >= 5,
                cast >= 2,
                true,
                position <= top(10),
                position <= top(50),
            ];
            let said: Vec<bool> = explained.parts.iter().map(|part| part.is_member()).collect();
            assert_eq!(said, expected, "{}", row.partner_id);
            let paid: Vec<bool> = row.amounts[..7].iter().map(|amount| !amount.is_zero()).collect();
            assert_eq!(said, paid, "{}: in this case every member gets something", row.partner_id);
        }
    });
}

#[test]
fn units_left_over_are_said_to_go_to_the_first() {
    let scratch = paid("remainder", Backend::Sqlite);
    let of = |partner| explained(&scratch, Kind::Daily, "2026-11-19T08:00:00Z", partner);
    let shares: Vec<_> = (1..=3).map(|partner| of(partner).parts[6].share).collect();
    let first = shares[0].unwrap();
    assert_eq!((first.of, first.base, first.left_over), (Units::from_i64(2), Units::from_i64(1), 0));
    assert_eq!(shares[2], None, "the third is not in the top half");
    let hour = explained(&scratch, Kind::Hourly, "2026-11-19T08:00:00Z", 1);
    // Two units over five equal categories, one each to the first two of them.
    let cuts = hour.parts.iter().map(|part| (part.cuts[0].share.has_unit(), part.part));
    let unit = Units::EPSILON;
    let zero = Units::ZERO;
    let expected = [(true, unit), (true, unit), (false, zero), (false, zero), (false, zero)];
    assert_eq!(cuts.collect::<Vec<_>>(), expected);
    let share = |partner| {
        let hour = explained(&scratch, Kind::Hourly, "2026-11-19T08:00:00Z", partner);
        hour.parts[1].share.unwrap()
    };
    assert_eq!((1..=3).map(|partner| share(partner).has_unit()).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((share(3).left_over, share(3).ahead), (1, 2));
    let (_, page) = said(&scratch, &["--partner", "2", "--hour", "2026-11-19T08:00:00Z"]);
    assert!(page.contains("and none of 1 unit left over"), "{page}");
}

#[test]
fn the_ecc_cap_says_what_made_it_and_whom_it_holds() {
    let scratch = paid("ecc-cap", Backend::Sqlite);
    let row = "SELECT CAST(partner_id AS CHAR) FROM reward_list_daily ORDER BY \
               CAST(daily_reward_top10p_ecc AS DECIMAL) DESC LIMIT 2";
    let ids: Vec<i64> =
        scratch.query(row).iter().map(|row| row[0].clone().unwrap().parse().unwrap()).collect();
    let day = scratch.one("SELECT CAST(MIN(time) AS CHAR) FROM reward_list_daily");
    let at = format!("{}T00:00:00Z", &day[..10]);
    let of = |partner| explained(&scratch, Kind::Daily, &at, partner);
    let capped: Vec<bool> =
        ids.iter().map(|id| of(*id).parts[5].ecc.unwrap().is_capped(&of(*id).tally)).collect();
    assert_eq!(capped, [true, false]);
    let explained = of(ids[0]);
    let ecc = explained.parts[5].ecc.unwrap();
    assert_eq!((ecc.top_members, ecc.multiplier, ecc.weight), (13, Units::whole(5), ecc.cap));
    let mean_of_five = ecc.top_ecc.mul_div(Units::whole(5), Units::whole(13)).unwrap().0;
    assert_eq!(ecc.cap, mean_of_five);
    assert!(explained.tally.ecc > ecc.cap);
    let (_, page) = said(&scratch, &["--partner", &ids[0].to_string(), "--day", &day[..10]]);
    assert!(page.contains("the mean ECC of positions 1 to 13; the partner has more"), "{page}");
}

#[test]
fn neighbours_are_told_apart_by_the_first_key_that_differs() {
    let scratch = paid("ties", Backend::Sqlite);
    // In order: 9 by its ECC, 4 by a microsecond, 3 before 5 by its id, 1 by the latest vote.
    let of = |partner| explained(&scratch, Kind::Hourly, "2026-11-19T10:00:00Z", partner);
    let around = |partner| {
        let neighbours = of(partner).neighbours.unwrap();
        let show = |neighbour: Option<rewardd::proof::explain::Neighbour>| {
            neighbour.map(|other| (other.tally.partner_id, other.decided_by.map(|key| format!("{key:?}"))))
        };
        (show(neighbours.before), show(neighbours.after))
    };
    let by = |id: i64, key: &str| Some((id, Some(key.to_owned())));
    assert_eq!(around(9), (None, by(4, "Ecc")));
    assert_eq!(around(4), (by(9, "Ecc"), by(3, "EarliestLastVote")));
    assert_eq!(around(3), (by(4, "EarliestLastVote"), Some((5, None))));
    assert_eq!(around(5), (Some((3, None)), by(1, "EarliestLastVote")));
    assert_eq!(around(1), (by(5, "EarliestLastVote"), None));
    let (_, page) = said(&scratch, &["--partner", "3", "--hour", "2026-11-19T10:59:00Z"]);
    assert!(page.contains("all the same, the higher id"), "{page}");
}

#[test]
fn a_page_that_is_handed_on_names_nobody_else() {
    let scratch = paid("ties", Backend::Sqlite);
    let args = ["--partner", "4", "--hour", "2026-11-19T10:00:00Z", "--without-others"];
    let (code, page) = said(&scratch, &args);
    assert_eq!(code, 0);
    assert!(page.contains("Position     2 of 5") && !page.contains("partner 9"), "{page}");
    let (_, json) = said(&scratch, &[&args[..], &["--json"]].concat());
    let record: Json = serde_json::from_str(&json).unwrap();
    assert_eq!((record.get("neighbours"), json.matches("partner_id\":").count()), (None, 1), "{json}");
}

#[test]
fn tiers_that_nobody_is_in_say_where_their_part_goes() {
    let scratch = paid("one-vote", Backend::Sqlite);
    let (code, page) = said(&scratch, &["--partner", "7", "--day", "2026-11-19"]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("top10: not paid — needs 20 votes, had 1\n"), "{page}");
    assert!(
        page.contains(
            "for 0 members: 1/5 of what the fixed tiers get; nobody gets it, it goes to the pool of"
        ),
        "{page}"
    );

    let scratch = paid("nobody-eligible", Backend::Sqlite);
    let partner = scratch.one("SELECT CAST(MIN(partner_id) AS CHAR) FROM reward_list_daily");
    let day = scratch.one("SELECT CAST(MIN(time) AS CHAR) FROM reward_list_daily");
    let (code, page) = said(&scratch, &["--partner", &partner, "--day", &day[..10]]);
    assert_eq!(code, 0, "{page}");
    assert!(page.contains("not eligible: needs ") && page.contains("not paid — is not eligible"), "{page}");
}

#[test]
fn the_market_bonus_says_how_its_ratio_came_about() {
    for (case, held) in [("market-bonus", false), ("market-bonus-max", true)] {
        let scratch = paid(case, Backend::Sqlite);
        let sql = "SELECT CAST(partner_id AS CHAR), CAST(MIN(time) AS CHAR) FROM reward_list_daily \
                   WHERE cc_market_reward <> '0.00000000' AND position = 1 GROUP BY partner_id";
        let row = &scratch.query(sql)[0];
        let (partner, day) = (row[0].clone().unwrap(), row[1].clone().unwrap());
        let explained =
            explained(&scratch, Kind::Daily, &format!("{}T00:00:00Z", &day[..10]), partner.parse().unwrap());
        let bonus = explained.bonus.unwrap();
        assert_eq!(bonus.of.floor_mul(bonus.ratio), Ok(bonus.amount));
        assert_eq!(bonus.of + bonus.amount, explained.computed_sum());
        assert_eq!(bonus.ratio == bonus.max_ratio, held, "{case}: {bonus:?}");
        assert!(bonus.reference.is_some_and(|reference| reference < bonus.rate_end));
        let (_, page) = said(&scratch, &["--partner", &partner, "--day", &day[..10]]);
        assert!(page.contains("on average in the 7 days before"), "{page}");
    }
}

fn add_vote(scratch: &Scratch, partner: i64) {
    scratch.query(&format!(
        "INSERT INTO votes (id, partner_id, vote_type, cc, ecc, voted_at) \
         VALUES ({}, {partner}, 'cc', '3.00000000', '1.00000000', '2026-11-19 10:40:00.000000')",
        90_000 + partner
    ));
}

fn a_vote_after_payment_is_drift_and_what_was_paid_stays(backend: Backend) {
    let scratch = paid("ties", backend);
    let hour = ["--hour", "2026-11-19T10:00:00Z"];
    let of = |partner: &str| said(&scratch, &[&["--partner", partner][..], &hour].concat());
    let paid_to = |page: &str| page.lines().nth(1).unwrap().to_owned();
    let before = of("4").1;
    add_vote(&scratch, 4);
    let (code, after) = of("4");
    assert_eq!(code, 4, "{after}");
    assert_eq!(paid_to(&before), paid_to(&after), "what was paid stays");
    for line in [
        "Votes or rates have changed since.",
        "votes: 5 then, 6 now",
        "CC of type cc: 4.00000000 then, 7.00000000 now",
        "Other than it comes out: position, hourly_reward_top10p",
        "comes out as",
    ] {
        assert!(after.contains(line), "{line}: {after}");
    }
    // One who was not there, and one who is there no longer.
    add_vote(&scratch, 77);
    let (code, page) = of("77");
    assert!(code == 4 && page.contains("No row of this partner is stored"), "{page}");
    scratch.query("DELETE FROM votes WHERE partner_id = 9");
    let (code, page) = of("9");
    assert!(
        code == 4 && page.contains("but has no vote in it now") && page.contains("at position 1"),
        "{page}"
    );
}

fn a_changed_amount_is_said_to_differ(backend: Backend) {
    let scratch = paid("ties", backend);
    let args = ["--partner", "4", "--hour", "2026-11-19T10:00:00Z"];
    assert_eq!(said(&scratch, &args).0, 0);
    scratch.query("UPDATE reward_list_hourly SET hourly_reward_all = '77.00000000' WHERE partner_id = 4");
    let (code, page) = said(&scratch, &args);
    assert_eq!(code, 5, "{page}");
    for line in [
        "WARNING: what is stored is not what these votes come to",
        "Other than it comes out: hourly_reward_all.",
        "77.00000000  all: ",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let (_, json) = said(&scratch, &[&args[..], &["--json"]].concat());
    let record: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(record["agreement"], "differs");
    assert_eq!(record["differing"], serde_json::json!(["hourly_reward_all"]));
    assert_eq!(record["amounts"][4]["stored"], "77.00000000");
    assert_eq!(record["amounts"][4]["explained"], record["amounts"][4]["computed"]);

    scratch.query("DELETE FROM reward_list_hourly WHERE partner_id = 4");
    let (code, page) = said(&scratch, &args);
    assert!(code == 5 && page.contains("No row of this partner is stored"), "{page}");
}

fn a_special_partners_transfer_is_followed(backend: Backend) {
    let scratch = paid("special", backend);
    let sql = "SELECT CAST(partner_id AS CHAR), CAST(time AS CHAR), CAST(cc_reward AS CHAR) \
               FROM special_transfers ORDER BY time, partner_id";
    let first = scratch.query(sql)[0].clone();
    let [partner, time, amount] = [0, 1, 2].map(|index| first[index].clone().unwrap());
    let hour = format!("{}T{}Z", &time[..10], &time[11..19]);
    let page = || said(&scratch, &["--partner", &partner, "--hour", &hour]);
    let set = |what: &str| {
        let key = format!("partner_id = {partner} AND time = '{time}'");
        scratch.query(&format!("UPDATE special_transfers SET {what} WHERE {key}"));
    };
    let sends = format!("Special partner: {amount} CC for the remote database, ");
    assert!(page().1.contains(&format!("{sends}delivered at 20")), "{}", page().1);
    set(
        "delivered_at = NULL, next_attempt_at = '2026-11-20 00:00:00.000000', attempts = 3, last_error = 'gone'",
    );
    let (code, said) = page();
    assert!(code == 0 && said.contains(&format!("{sends}waits after 3 attempts: gone")), "{said}");
    let alone = self::said(&scratch, &["--partner", &partner, "--hour", &hour, "--without-others"]).1;
    assert!(alone.contains("waits after 3 attempts") && !alone.contains("gone"), "{alone}");
    set("attempts = 0, last_error = NULL");
    assert!(page().1.contains(&format!("{sends}waits to be delivered")), "{}", page().1);
    set("cc_reward = '0.50000000'");
    let (code, said) = page();
    assert!(code == 5 && said.contains(&format!("comes out as {amount}")), "{said}");
}

#[test]
fn what_cannot_be_explained_says_why_and_what_to_do() {
    let scratch = paid("ties", Backend::Sqlite);
    for (args, code, why) in [
        (["--partner", "8", "--hour", "2026-11-19T10:00:00Z"], 1, "name a window that it voted in"),
        (["--partner", "4", "--day", "2026-11-18"], 1, "is before 2026-11-19, the programme's first day"),
        (
            ["--partner", "4", "--day", "2030-01-01"],
            1,
            "has not been paid; `rewardd once daily --window 2030",
        ),
        (["--partner", "4", "--hour", "2030-01-01T05:17:00Z"], 1, "--window 2030-01-01T05:00:00.000000Z"),
        (["--partner", "four", "--day", "2026-11-19"], 2, "a partner's id is a whole number"),
        (["--partner", "99999999999999999999", "--day", "2026-11-19"], 2, "a partner's id is a whole number"),
        (["--partner", "-4", "--hour", "2026-11-19T10:00:00Z"], 1, "partner -4 has no vote in hour 10 of"),
        (["--partner", "4", "--day", "19.11.2026"], 2, "write it as 2026-11-19"),
        (["--partner", "4", "--day", "+262142-12-31"], 2, "write it as 2026-11-19"),
        (["--partner", "4", "--hour", "2026-11-19 10"], 2, "write it as 2026-11-20T01:00:00Z"),
        (["--partner", "4", "--json", "--json"], 2, "cannot be used multiple times"),
    ] {
        let (found, text) = said(&scratch, &args);
        assert!(found == code && text.contains(why), "{args:?}: {found} {text}");
    }
    let (code, text) = said(&scratch, &["--partner", "4"]);
    assert!(code == 2 && text.contains("<--hour <START>|--day <DAY>>"), "{text}");
    let both = ["--partner", "4", "--day", "2026-11-19", "--hour", "2026-11-19T10:00:00Z"];
    assert_eq!(said(&scratch, &both).0, 2);

    let empty = Scratch::new(Backend::Sqlite);
    empty.run(&["migrate"]);
    let (code, text) = said(&empty, &["--partner", "4", "--day", "2026-11-19"]);
    assert!(code == 1 && text.contains("nothing has been paid yet"), "{text}");
}

/// What of an output is of the moment that it was made in.
fn timeless(scratch: &Scratch, text: &str) -> String {
    let mut text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    for row in scratch.query("SELECT CAST(committed_at AS CHAR), rules_version FROM reward_runs") {
        let (at, version) = (row[0].clone().unwrap().replace(' ', "T"), row[1].clone().unwrap());
        text = text.replace(&format!("{at}Z"), "[committed_at]");
        text = text.replace(&version, "[rules_version]").replace(&version[..12], "[rules_version]");
    }
    for row in scratch.query("SELECT CAST(delivered_at AS CHAR) FROM special_transfers") {
        let at = row[0].clone().unwrap().replace(' ', "T");
        text = text.replace(&format!("{at}Z"), "[delivered_at]");
    }
    text
}

#[test]
fn the_page_and_its_json_are_these() {
    let scratch = paid("town", Backend::Sqlite);
    for (name, partner, window) in
        [("hourly", "2", ["--hour", "2026-11-18T02:00:00Z"]), ("daily", "1076", ["--day", "2026-11-18"])]
    {
        let args = [&["--partner", partner][..], &window].concat();
        let (code, page) = said(&scratch, &args);
        assert_eq!(code, 0);
        assert!(page.lines().count() <= 60, "one page");
        assert_snapshot!(format!("{name}_page"), timeless(&scratch, &page));
        let (_, json) = said(&scratch, &[&args[..], &["--json"]].concat());
        assert_snapshot!(format!("{name}_json"), timeless(&scratch, &json));
    }
}
