//! The tables of a report, as text and HTML both show them: what is in them is said once, how they look is theirs.

use super::daily::{Category, Daily, Hour, Move};
use super::words::{column_label, count, local, places, short, span};
use crate::rewards::money::Units;
use crate::rewards::window::{Instant, Kind};

/// A column of a sheet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub title: &'static str,
    /// Set right, digits under digits.
    pub is_number: bool,
    /// Shown only where there is room.
    pub is_extra: bool,
}

/// A table with what is said above it.
#[derive(Debug)]
pub(super) struct Sheet {
    pub title: String,
    pub note: Option<String>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

const fn text(title: &'static str) -> Column {
    Column { title, is_number: false, is_extra: false }
}

const fn number(title: &'static str) -> Column {
    Column { title, is_number: true, is_extra: false }
}

const fn extra(title: &'static str) -> Column {
    Column { title, is_number: true, is_extra: true }
}

/// All tables that have something to tell, in order.
pub(super) fn sheets(daily: &Daily) -> Vec<Sheet> {
    let all = [
        Some(paid(daily)),
        Some(categories(daily)),
        Some(pool(daily)),
        Some(rates(daily)),
        Some(hours(daily)),
        (!daily.vote_types.is_empty()).then(|| votes(daily)),
        (!daily.top.is_empty()).then(|| top(daily)),
        changes(daily),
        (daily.transfers.queued > 0).then(|| transfers(daily)),
        (!daily.rules.changes.is_empty()).then(|| rules(daily)),
        Some(books(daily)),
    ];
    all.into_iter().flatten().collect()
}

fn sheet<const N: usize>(title: &str, columns: [Column; N], rows: Vec<[String; N]>) -> Sheet {
    let rows = rows.into_iter().map(Vec::from).collect();
    Sheet { title: title.to_owned(), note: None, columns: columns.to_vec(), rows }
}

/// One figure to a row.
fn figures(title: &str, unit: &'static str, rows: Vec<(String, Option<Units>)>) -> Sheet {
    let value = |value: Option<Units>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let rows = rows.into_iter().map(|(name, amount)| [name, value(amount)]).collect();
    sheet(title, [text(""), number(unit)], rows)
}

fn paid(daily: &Daily) -> Sheet {
    let paid = &daily.paid;
    let done = daily.hours.iter().filter(|hour| hour.payment.is_some()).count();
    let rows = vec![
        [
            format!("hourly, {done} of {} hours", daily.hours.len()),
            paid.hourly.to_string(),
            paid.hourly_payments.to_string(),
        ],
        ["daily, from the pool".to_owned(), paid.daily.to_string(), paid.partners.to_string()],
        ["market bonus".to_owned(), paid.market_bonus.to_string(), String::new()],
        ["in all".to_owned(), paid.total().to_string(), String::new()],
    ];
    let mut note = format!(
        "{} cast {}. Hours count a payment for each partner and hour, the day one for each partner.",
        count(daily.voters, "partner", "partners"),
        count(daily.votes, "vote", "votes")
    );
    let open = daily.hours.iter().filter(|hour| hour.payment.is_none());
    let held: Units = open.filter_map(|hour| Some(hour.settlement.as_ref()?.hourly_share)).sum();
    if !held.is_zero() {
        note.push_str(&format!(" {held} CC are held for hours that are not paid yet."));
    }
    Sheet { note: Some(note), ..sheet("What was paid", [text(""), number("CC"), number("payments")], rows) }
}

fn categories(daily: &Daily) -> Sheet {
    let row = |category: &Category| {
        let range = |take: fn((Units, Units)) -> Units| {
            category.range.map(take).map_or_else(|| "-".to_owned(), |amount| amount.to_string())
        };
        let kind = if category.kind == Kind::Hourly { "hour" } else { "day" };
        [
            kind.to_owned(),
            column_label(category.column).to_owned(),
            category.members.to_string(),
            category.paid.to_string(),
            range(|(least, _)| least),
            range(|(_, most)| most),
            category.part.to_string(),
            category.undistributed.to_string(),
        ]
    };
    let columns = [
        text("of the"),
        text("category"),
        number("members"),
        number("paid CC"),
        number("smallest"),
        number("largest"),
        extra("to share"),
        extra("undistributed"),
    ];
    sheet("By category", columns, daily.categories.iter().map(row).collect())
}

fn pool(daily: &Daily) -> Sheet {
    let pool = &daily.pool;
    let carried = pool.carried_to.map_or_else(|| "carried out".to_owned(), |day| format!("carried to {day}"));
    let late = match pool.late_cc {
        none if none.is_zero() => "late votes".to_owned(),
        gone if gone.is_negative() => format!("votes for {} CC, which have vanished", Units::ZERO - gone),
        late => format!("late votes for {late} CC"),
    };
    let rows = vec![
        ("carried in".to_owned(), Some(pool.carried_in)),
        ("the hours' contributions".to_owned(), Some(pool.contributed)),
        (late, Some(pool.late_contributed)),
        ("to share".to_owned(), Some(pool.to_share)),
        ("paid".to_owned(), Some(pool.paid)),
        (carried, Some(pool.carried_out)),
    ];
    figures("The day's pool", "CC", rows)
}

fn rates(daily: &Daily) -> Sheet {
    let rates = &daily.rates;
    let rows = vec![
        ("CC rate at the day's end".to_owned(), Some(rates.end)),
        ("reference rate of the days before".to_owned(), rates.reference),
        ("market bonus ratio".to_owned(), Some(rates.bonus_ratio)),
        ("ECC cap".to_owned(), rates.ecc_cap),
    ];
    figures("Rates and cap", "value", rows)
}

/// An instant by the programme's clock.
fn clock(daily: &Daily, at: Instant) -> String {
    at.with_timezone(&daily.calendar.zone()).format("%H:%M").to_string()
}

fn hours(daily: &Daily) -> Sheet {
    let row = |hour: &Hour| {
        let settled = hour.settlement.as_ref();
        let brought =
            |amount: Option<Units>| amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
        let payment = hour.payment.as_ref();
        let paid = payment.map_or_else(|| "not yet".to_owned(), |payment| payment.paid.to_string());
        let figure = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        [
            hour.window.hour.unwrap_or_default().to_string(),
            clock(daily, hour.window.start),
            brought(settled.map(|hour| hour.total)),
            brought(settled.map(|hour| hour.daily_share)),
            paid,
            figure(payment.map(|payment| payment.voters)),
            figure(payment.map(|payment| payment.votes)),
            brought(settled.map(|hour| hour.cc_total)),
            brought(settled.map(|hour| hour.rate)),
            brought(payment.map(|payment| payment.undistributed)),
            payment.map_or_else(|| "-".to_owned(), |payment| span(payment.at - hour.window.end)),
        ]
    };
    let columns = [
        number("hour"),
        text("from"),
        number("brought CC"),
        number("to the pool"),
        number("paid"),
        number("voters"),
        extra("votes"),
        extra("CC of votes"),
        extra("CC rate"),
        extra("undistributed"),
        extra("paid after"),
    ];
    let note = format!("By the clock of {}. An hour is paid after it has ended.", daily.calendar.zone());
    Sheet { note: Some(note), ..sheet("Hours", columns, daily.hours.iter().map(row).collect()) }
}

fn votes(daily: &Daily) -> Sheet {
    let types = daily.vote_types.iter();
    let rows = types.map(|(name, votes, cc)| [name.clone(), votes.to_string(), cc.to_string()]).collect();
    sheet("Votes by type", [text("type"), number("votes"), number("CC")], rows)
}

fn top(daily: &Daily) -> Sheet {
    let has_before = daily.changes.is_some();
    let rows = daily.top.iter().map(|placed| {
        let change = if has_before { places(placed.before, Some(placed.position)) } else { "-".to_owned() };
        [
            placed.position.to_string(),
            placed.partner_id.to_string(),
            change,
            placed.daily.to_string(),
            placed.market_bonus.to_string(),
            (placed.daily + placed.market_bonus).to_string(),
        ]
    });
    let columns = [
        number("position"),
        number("partner"),
        number("change"),
        number("daily CC"),
        number("bonus"),
        number("in all"),
    ];
    sheet("First positions", columns, rows.collect())
}

fn changes(daily: &Daily) -> Option<Sheet> {
    let changes = daily.changes.as_ref()?;
    let lists = [
        ("up", &changes.ups),
        ("down", &changes.downs),
        ("new", &changes.newcomers),
        ("gone", &changes.leavers),
    ];
    let rows = lists.into_iter().flat_map(|(sort, moves)| {
        let position =
            |position: Option<u32>| position.map_or_else(|| "-".to_owned(), |number| number.to_string());
        moves.iter().map(move |Move { partner_id, before, now }| {
            let change = if sort == "up" || sort == "down" { places(*before, *now) } else { String::new() };
            [sort.to_owned(), partner_id.to_string(), position(*before), position(*now), change]
        })
    });
    let columns = [text(""), number("partner"), number("before"), number("now"), number("places")];
    let note = format!(
        "{} up, {} down, {} as before, {} new, {} gone; the largest of each.",
        changes.risen, changes.fallen, changes.unchanged, changes.new, changes.gone
    );
    let title = format!("Changes of position since {}", changes.since);
    Some(Sheet { note: Some(note), ..sheet(&title, columns, rows.collect()) })
}

fn transfers(daily: &Daily) -> Sheet {
    let transfers = &daily.transfers;
    let row = |name: &str, number: u64, sum: Units| [name.to_owned(), number.to_string(), sum.to_string()];
    let rows = vec![
        row("queued", transfers.queued, transfers.queued_sum),
        row("delivered", transfers.delivered(), transfers.delivered_sum()),
        row("waiting", transfers.waiting, transfers.waiting_sum),
    ];
    sheet("Special transfers", [text(""), number("transfers"), number("CC")], rows)
}

fn rules(daily: &Daily) -> Sheet {
    let rules = &daily.rules;
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let rows =
        rules.changes.iter().map(|change| [change.key.clone(), value(&change.old), value(&change.new)]);
    let before = rules.before.as_deref().map_or("-", short);
    let note = format!("From {before} to {}.", short(&rules.version));
    Sheet {
        note: Some(note),
        ..sheet("Changes of the rules", [text("key"), text("before"), text("now")], rows.collect())
    }
}

fn books(daily: &Daily) -> Sheet {
    let books = &daily.books;
    let mut rows = vec![
        ("contributed".to_owned(), Some(books.contributed)),
        ("paid hourly".to_owned(), Some(books.hourly_paid)),
        ("paid daily".to_owned(), Some(books.daily_paid)),
        ("held in pools".to_owned(), Some(books.pools_held)),
        ("held for hours not yet paid".to_owned(), Some(books.hours_held)),
        ("difference, which must be zero".to_owned(), books.difference().ok()),
        ("market bonus, on top".to_owned(), Some(books.market_bonus)),
    ];
    if !books.set_aside.is_zero() {
        rows.insert(5, ("set aside by alarms, not decided".to_owned(), Some(books.set_aside)));
    }
    let note = format!("Over all runs, as of {}.", local(daily, daily.at));
    Sheet { note: Some(note), ..figures("The programme's books", "CC", rows) }
}
