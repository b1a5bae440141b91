//! What is set aside until somebody decides: partners' amounts by the alarms that hold them, and whole windows.

use maud::{Markup, html};

use super::alarms::{parse_window, window_cell, window_name};
use super::answer::{Answer, Failure, Outcome};
use super::context::Ctx;
use super::form::{Form, note, note_field};
use super::format;
use super::layout::{Page, Section, card, form_key, pager, sheet};
use super::tables::{Cell, Row, Table, number, text};
use super::texts::fill;
use super::windows::kind_cell;
use crate::jobs::Fate;
use crate::people::Role;
use crate::rewards::window::Instant;
use crate::store::{Deciding, HeldWindow, Hold, HoldKey, HoldState, WindowState};

/// Rows of a page: as many as are decided at once.
const ROWS: u32 = 100;

pub async fn show(ctx: Ctx) -> Outcome {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let store = ctx.view()?.store.as_ref();
    let state = match ctx.params.get("state") {
        None => HoldState::Held,
        Some(name) => HoldState::named(name).ok_or_else(|| ctx.bad(name))?,
    };
    let after = match ctx.params.get("after") {
        None => None,
        Some(name) => Some(parse_key(name).ok_or_else(|| ctx.bad(name))?),
    };
    let mut holds = store.holds(state, after, ROWS + 1).await?;
    let has_more = holds.len() > ROWS as usize;
    holds.truncate(ROWS as usize);
    let next =
        holds.last().filter(|_| has_more).map(|last| ctx.here(&[("after", Some(&key_name(&last.key)))]));
    let windows = store.held_windows().await?;
    let (table, of_windows) = (table(&ctx, &holds, deciding.set_aside), windows_table(&ctx, &windows));
    if let Some(answer) = ctx.export(&[&table, &of_windows], next.as_deref())? {
        return Ok(answer);
    }
    let (count, amount) = store.set_aside().await?;
    let first = after.is_some().then(|| (texts.first_page, ctx.here(&[("after", None)])));
    let pages = pager(&ctx, deciding.set_aside, first, next.map(|href| (texts.next, href)));
    let can_decide = state == HoldState::Held && ctx.may(Role::Reviewer);
    let body = html! {
        (super::form::decided(&ctx))
        div.cards role="group" aria-label=(texts.figures) {
            (card(deciding.set_aside, &html! { (format::amount(amount, ctx.lang)) span.unit { "CC" } }, &html! {
                (fill(deciding.set_aside_note, &[&format::count(count, ctx.lang)]))
            }))
            (card(deciding.held_windows, &html! { (format::count(windows.len() as u64, ctx.lang)) }, &html! {
                (deciding.held_windows_note)
            }))
        }
        @if !windows.is_empty() { (windows_section(&ctx, &windows, &of_windows)) }
        (states(&ctx, state))
        @if can_decide && !holds.is_empty() {
            @for (alarms, holds) in groups(&holds) { (group(&ctx, &alarms, &holds)) }
            (pages)
        } @else {
            (sheet(&ctx, &table, &pages))
            @if state == HoldState::Held { (super::form::who_decides(&ctx, Role::Reviewer)) }
        }
    };
    Ok(Answer::Page(Page { section: Section::Holds, title: deciding.holds.to_owned(), body }))
}

fn states(ctx: &Ctx, current: HoldState) -> Markup {
    let deciding = ctx.deciding;
    let names = [
        (HoldState::Held, deciding.undecided),
        (HoldState::Released, deciding.released),
        (HoldState::Forfeited, deciding.forfeited),
    ];
    html! {
        nav.tabs aria-label=(ctx.texts.state) {
            @for (state, name) in names {
                a.button href=(format!("/holds?state={}", state.name()))
                    aria-current=[(state == current).then_some("true")] { (name) }
            }
        }
    }
}

/// Those that the same alarms hold, together, in the order of the first of each.
fn groups(holds: &[Hold]) -> Vec<(String, Vec<&Hold>)> {
    let mut groups: Vec<(String, Vec<&Hold>)> = vec![];
    for hold in holds {
        let alarms = hold.alarms.join(", ");
        match groups.iter_mut().find(|(name, _)| *name == alarms) {
            Some((_, group)) => group.push(hold),
            None => groups.push((alarms, vec![hold])),
        }
    }
    groups
}

/// What the same alarms hold, to be ticked and decided.
fn group(ctx: &Ctx, alarms: &str, holds: &[&Hold]) -> Markup {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let title = if alarms.is_empty() { deciding.held_by_hand.to_owned() } else { alarms.to_owned() };
    let style = ctx.style();
    html! {
        section.panel {
            h2 { (title) " · " (format::count(holds.len() as u64, ctx.lang)) }
            form.decide action="/holds" method="post" {
                (form_key(ctx))
                div.scroll role="region" aria-label=(title) tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { span.hidden { (deciding.tick) } }
                            th scope="col" { (texts.window) }
                            th.number scope="col" { (texts.partner) }
                            th.number scope="col" { (deciding.from_pool) }
                            th.number scope="col" { (texts.market_bonus) }
                            th scope="col" { (deciding.held_since) }
                        } }
                        tbody { @for hold in holds { tr {
                            td { input type="checkbox" name="hold" value=(key_name(&hold.key))
                                aria-label=(fill(texts.partner_title, &[&hold.key.partner_id.to_string()])); }
                            th scope="row" { (window_cell(ctx, hold.key.kind, hold.key.start).html(&style)) }
                            td.number { a href=(explanation(ctx, &hold.key)) { (hold.key.partner_id) } }
                            td.number { (format::amount(hold.from_pool, ctx.lang)) }
                            td.number { (format::amount(hold.market_bonus, ctx.lang)) }
                            td { (format::time(hold.held_at, &ctx.calendar, ctx.lang)) }
                        } } }
                    }
                }
                label.tick { input type="checkbox" name="all" value="yes"; " " (deciding.all_of_these) }
                @for hold in holds { input type="hidden" name="shown" value=(key_name(&hold.key)); }
                (note_field(ctx, alarms))
                div.buttons {
                    button type="submit" name="verdict" value="release" { (deciding.release) }
                    button.grave type="submit" name="verdict" value="forfeit" { (deciding.forfeit) }
                }
                p.note { (deciding.release_note) }
            }
        }
    }
}

fn explanation(ctx: &Ctx, key: &HoldKey) -> String {
    let window = ctx.calendar.window_at(key.kind, key.start);
    super::window::explanation_path(key.partner_id, &window)
}

/// `hourly,2026-11-21T12:00:00.000000Z,7`
fn key_name(key: &HoldKey) -> String {
    format!("{},{}", window_name(key.kind, key.start), key.partner_id)
}

fn parse_key(text: &str) -> Option<HoldKey> {
    let (window, partner) = text.rsplit_once(',')?;
    let (kind, start) = parse_window(window)?;
    Some(HoldKey { kind, start, partner_id: partner.parse().ok()? })
}

fn table(ctx: &Ctx, holds: &[Hold], caption: &str) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let row = |hold: &Hold| -> Row {
        let decided = hold.decided.as_ref();
        vec![
            window_cell(ctx, hold.key.kind, hold.key.start),
            kind_cell(ctx.lang, hold.key.kind),
            Cell::link(explanation(ctx, &hold.key), Cell::Id(hold.key.partner_id)),
            Cell::Text(hold.alarms.join(", ")),
            Cell::Amount(hold.from_pool),
            Cell::Amount(hold.market_bonus),
            Cell::Label(state_name(ctx, hold.state).to_owned(), hold.state.name()),
            Cell::Time(hold.held_at),
            Cell::optional(decided.map(|decided| decided.by.clone()), Cell::Text),
            Cell::optional(decided.map(|decided| decided.at), Cell::Time),
            Cell::optional(hold.forfeited.map(|(day, _)| day), Cell::Day),
        ]
        .into()
    };
    Table {
        name: "holds",
        caption: caption.to_owned(),
        columns: vec![
            text("window", texts.window),
            text("kind", texts.kind),
            number("partner_id", texts.partner),
            text("alarms", deciding.alarms),
            number("from_pool_cc", deciding.from_pool),
            number("market_bonus_cc", texts.market_bonus),
            text("state", texts.state),
            text("held_at", deciding.held_since),
            text("decided_by", deciding.decided_by),
            text("decided_at", deciding.decided_at),
            text("pool_day", deciding.pool_day),
        ],
        rows: holds.iter().map(row).collect(),
        empty: deciding.no_holds,
    }
}

const fn state_name(ctx: &Ctx, state: HoldState) -> &'static str {
    match state {
        HoldState::Held => ctx.deciding.undecided,
        HoldState::Released => ctx.deciding.released,
        HoldState::Forfeited => ctx.deciding.forfeited,
    }
}

fn windows_table(ctx: &Ctx, windows: &[HeldWindow]) -> Table {
    let (texts, deciding) = (ctx.texts, ctx.deciding);
    let row = |window: &HeldWindow| -> Row {
        let (state, word) = match window.state {
            WindowState::Held => (deciding.undecided, "held"),
            WindowState::Approved => (deciding.approved, "approved"),
            WindowState::Paid => (texts.is_paid, "paid"),
        };
        vec![
            window_cell(ctx, window.kind, window.start),
            kind_cell(ctx.lang, window.kind),
            Cell::Text(window.alarms.join(", ")),
            Cell::Amount(window.stake),
            Cell::Label(state.to_owned(), word),
            Cell::Time(window.held_at),
            Cell::optional(window.decided.as_ref().map(|decided| decided.by.clone()), Cell::Text),
        ]
        .into()
    };
    Table {
        name: "windows",
        caption: deciding.held_windows.to_owned(),
        columns: vec![
            text("window", texts.window),
            text("kind", texts.kind),
            text("alarms", deciding.alarms),
            number("stake_cc", deciding.at_stake),
            text("state", texts.state),
            text("held_at", deciding.held_since),
            text("decided_by", deciding.decided_by),
        ],
        rows: windows.iter().map(row).collect(),
        empty: deciding.no_held_windows,
    }
}

/// The windows that are held, each with what lets it be paid.
fn windows_section(ctx: &Ctx, windows: &[HeldWindow], table: &Table) -> Markup {
    let deciding = ctx.deciding;
    html! {
        (sheet(ctx, table, &html! {}))
        @if ctx.may(Role::Admin) {
            @for window in windows.iter().filter(|window| window.state == WindowState::Held) {
                @let name = window_name(window.kind, window.start);
                section.panel {
                    h2 { (window_cell(ctx, window.kind, window.start).html(&ctx.style())) }
                    p { a href=(format!("/alarms?window={name}")) { (deciding.what_was_found) } }
                    form.decide action="/holds/windows" method="post" {
                        (form_key(ctx))
                        input type="hidden" name="window" value=(name);
                        div.field {
                            label for=(format!("partners-{name}")) { (deciding.set_aside_partners) }
                            input id=(format!("partners-{name}")) name="partners" placeholder="7, 12" maxlength="20000";
                        }
                        (note_field(ctx, &name))
                        div.buttons { button type="submit" { (deciding.have_paid) } }
                    }
                }
            }
        } @else { (super::form::who_decides(ctx, Role::Admin)) }
    }
}

/// Releases or forfeits what was ticked.
pub async fn decide(ctx: Ctx, by: String, form: Form) -> Outcome {
    let field = if form.get("all") == "yes" { "shown" } else { "hold" };
    let keys: Option<Vec<HoldKey>> = form.all(field).map(parse_key).collect();
    let keys = keys.ok_or_else(|| ctx.bad("hold"))?;
    if keys.is_empty() {
        return Err(Failure::BadRequest(ctx.deciding.nothing_ticked.to_owned()));
    }
    let note = note(&ctx, &form)?;
    let pen = ctx.view()?.pen().await?;
    let fate = match form.get("verdict") {
        "release" => Fate::Released,
        "forfeit" => Fate::Forfeited,
        other => return Err(ctx.bad(other)),
    };
    let deciding = deciding(by, note, ctx.now);
    let decided = pen.distributor.decide_holds(pen.records.as_ref(), &keys, fate, &deciding).await;
    let decided = decided.map_err(|error| Failure::Broken(format!("{:#}", error.into_error())))?;
    let decided = decided.map_err(|why| Failure::Conflict(why.to_string()))?;
    Ok(Answer::Redirect(format!("/holds?decided={}", decided.number)))
}

/// Has a held window paid, with some partners set aside.
pub async fn pay_window(ctx: Ctx, by: String, form: Form) -> Outcome {
    let (kind, start) = parse_window(form.get("window")).ok_or_else(|| ctx.bad(form.get("window")))?;
    let partners = form.get("partners").split([',', ' ']).filter(|part| !part.is_empty());
    let mut ids = vec![];
    for partner in partners {
        ids.push(partner.parse::<i64>().map_err(|_| ctx.bad(partner))?);
    }
    ids.sort_unstable();
    ids.dedup();
    let note = note(&ctx, &form)?;
    let window = ctx.calendar.window_at(kind, start);
    let pen = ctx.view()?.pen().await?;
    let decided = pen.records.approve_window(&window, &ids, &deciding(by, note, ctx.now)).await?;
    let number = decided.map_err(|why| Failure::Conflict(why.to_string()))?;
    Ok(Answer::Redirect(format!("/holds?decided={number}")))
}

/// Made in a session: there is no signature.
fn deciding(by: String, note: String, at: Instant) -> Deciding {
    Deciding { by, at, note, signed: serde_json::Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewards::window::{Kind, show as show_instant};

    #[test]
    fn a_hold_is_found_by_its_name_and_by_no_other() {
        let start = "2026-11-21T12:00:00Z".parse().unwrap();
        let key = HoldKey { kind: Kind::Hourly, start, partner_id: -7 };
        assert_eq!(key_name(&key), format!("hourly,{},-7", show_instant(start)));
        assert_eq!(parse_key(&key_name(&key)), Some(key));
        for wrong in [
            "",
            "hourly",
            "weekly,2026-11-21T12:00:00Z,7",
            "hourly,yesterday,7",
            "hourly,2026-11-21T12:00:00Z,x",
        ] {
            assert_eq!(parse_key(wrong), None, "{wrong}");
        }
    }
}
