//! What is held, for people and for programs.

use serde_json::{Value, json};

use crate::cli::output::say;
use crate::jobs::Fate;
use crate::rewards::money::Units;
use crate::rewards::plan::columns;
use crate::rewards::window::{Window, show};
use crate::store::{Decided, DecidedHolds, Decisions, HeldWindow, Hold, RaisedAlarm};

/// Alarms of a window that are printed; of the others their number is told.
const SHOWN: usize = 50;

pub(super) fn list(windows: Vec<HeldWindow>, holds: &[Hold], as_json: bool) {
    if as_json {
        let windows: Vec<Value> = windows.iter().map(window_json).collect();
        let holds: Vec<Value> = holds.iter().map(hold_json).collect();
        say!("{:#}", json!({ "windows": windows, "holds": holds }));
        return;
    }
    if windows.is_empty() && holds.is_empty() {
        say!("Nothing is held.");
        return;
    }
    for held in &windows {
        say!(
            "{} {}: nothing is paid, held by {}; {} are at stake",
            held.kind,
            show(held.start),
            held.alarms.join(", "),
            held.stake
        );
    }
    if holds.is_empty() {
        return;
    }
    say!("kind    start                        partner      from pools   market bonus  state      held by");
    for hold in holds {
        say!(
            "{:<7} {} {:>10} {:>15} {:>14}  {:<9}  {}",
            hold.key.kind.name(),
            show(hold.key.start),
            hold.key.partner_id,
            hold.from_pool.to_string(),
            hold.market_bonus.to_string(),
            hold.state.name(),
            by(hold)
        );
    }
    let sum = |amount: fn(&Hold) -> Units| Units::checked_sum(holds.iter().map(amount));
    if let (Ok(from_pool), Ok(bonus)) = (sum(|hold| hold.from_pool), sum(|hold| hold.market_bonus)) {
        say!("{} in all: {from_pool} from pools, {bonus} market bonus", holds.len());
    }
}

/// The alarms that hold it.
fn by(hold: &Hold) -> String {
    if hold.alarms.is_empty() { "an operator".to_owned() } else { hold.alarms.join(", ") }
}

/// A window with what is held of it, or of one partner.
pub(super) async fn one_window(
    decisions: &dyn Decisions,
    window: &Window,
    held: Option<HeldWindow>,
    holds: &[Hold],
    alarms: &[RaisedAlarm],
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        let holds: Vec<Value> = holds.iter().map(hold_json).collect();
        let alarms: Vec<Value> = alarms.iter().map(alarm_json).collect();
        let window = held.as_ref().map(window_json);
        say!("{:#}", json!({ "window": window, "holds": holds, "alarms": alarms }));
        return Ok(());
    }
    say!("{window}");
    if let Some(held) = &held {
        let since = show(held.held_at);
        say!(
            "  {} since {since}, by {}: {} are at stake",
            held.state.name(),
            held.alarms.join(", "),
            held.stake
        );
        told(decisions, held.decided.as_ref()).await?;
        if !held.partners.is_empty() {
            say!("  set aside by the decision: partners {:?}", held.partners);
        }
    }
    for hold in holds {
        say!(
            "Partner {}: {} since {}, by {}",
            hold.key.partner_id,
            hold.state.name(),
            show(hold.held_at),
            by(hold)
        );
        let named = columns(window.kind).iter().zip(&hold.amounts);
        for (column, amount) in named.filter(|(_, amount)| !amount.is_zero()) {
            say!("  {:>20}  {column}", amount.to_string());
        }
        say!("  {:>20}  in all", (hold.from_pool + hold.market_bonus).to_string());
        told(decisions, hold.decided.as_ref()).await?;
        if let Some((day, _)) = hold.forfeited {
            say!("  {} went to the pool of {day}", hold.from_pool);
        }
    }
    if !alarms.is_empty() {
        say!("Alarms");
    }
    for alarm in alarms.iter().take(SHOWN) {
        let partner = alarm.partner_id.map_or_else(String::new, |partner| format!(", partner {partner}"));
        say!(
            "  {} ({}){partner}: {}; allowed: {}",
            alarm.alarm,
            alarm.action.name(),
            alarm.figure,
            alarm.limit
        );
    }
    if alarms.len() > SHOWN {
        say!("  and {} more", alarms.len() - SHOWN);
    }
    Ok(())
}

/// Who has decided, and why.
async fn told(decisions: &dyn Decisions, decided: Option<&Decided>) -> anyhow::Result<()> {
    let Some(Decided { number, by, at }) = decided else { return Ok(()) };
    let note = decisions.decision(*number).await?.map_or_else(String::new, |row| row.note);
    say!("  decided by {by} on {} (decision {number}): {note}", show(*at));
    Ok(())
}

pub(super) fn decided(fate: Fate, done: &DecidedHolds) {
    let DecidedHolds { number, from_pool, market_bonus, transfers } = done;
    match fate {
        Fate::Released => {
            let queued =
                if *transfers > 0 { format!(", {transfers} transfers queued") } else { String::new() };
            say!(
                "released: {from_pool} from pools and {market_bonus} market bonus are paid{queued} (decision {number})"
            );
        }
        Fate::Forfeited => {
            say!(
                "forfeited: {from_pool} went to the oldest unpaid day, {market_bonus} market bonus is not paid (decision {number})"
            );
        }
    }
}

fn decided_json(decided: Option<&Decided>) -> Value {
    decided.map_or(Value::Null, |made| json!({ "number": made.number, "by": made.by, "at": show(made.at) }))
}

fn hold_json(hold: &Hold) -> Value {
    let amounts: Vec<String> = hold.amounts.iter().map(Units::to_string).collect();
    json!({
        "kind": hold.key.kind.name(),
        "time": show(hold.key.start),
        "partner_id": hold.key.partner_id,
        "state": hold.state.name(),
        "amounts": amounts,
        "from_pool": hold.from_pool.to_string(),
        "market_bonus": hold.market_bonus.to_string(),
        "has_transfer": hold.has_transfer,
        "alarms": hold.alarms,
        "held_at": show(hold.held_at),
        "decision": decided_json(hold.decided.as_ref()),
        "pool_day": hold.forfeited.map(|(day, _)| day.to_string()),
    })
}

fn window_json(held: &HeldWindow) -> Value {
    json!({
        "kind": held.kind.name(),
        "time": show(held.start),
        "state": held.state.name(),
        "alarms": held.alarms,
        "stake": held.stake.to_string(),
        "held_at": show(held.held_at),
        "decision": decided_json(held.decided.as_ref()),
        "partners": held.partners,
    })
}

fn alarm_json(alarm: &RaisedAlarm) -> Value {
    json!({
        "alarm": alarm.alarm,
        "rule": alarm.rule,
        "action": alarm.action.name(),
        "partner_id": alarm.partner_id,
        "figure": alarm.figure,
        "limit": alarm.limit,
        "stake": alarm.stake.to_string(),
        "raised_at": show(alarm.raised_at),
    })
}
