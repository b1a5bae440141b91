//! How the report says things, and its shortest forms.

use chrono::TimeDelta;

use super::daily::{Daily, Level, Move};
use crate::rewards::window::Instant;

/// How much of a version's hash is shown: enough to name it by.
const SHORT: usize = 12;

/// Incidents that a summary names.
const NAMED: usize = 5;

/// A reward column as people read it.
pub(super) fn column_label(column: &'static str) -> &'static str {
    match column.trim_start_matches("hourly_reward_").trim_start_matches("daily_reward_") {
        "top10p" => "top 10%",
        "top10" => "top 10",
        "top100" => "top 100",
        "top1000" => "top 1000",
        "top10000" => "top 10000",
        "all" => "all",
        "top10p_ecc" => "ECC, top 10%",
        "top50p" => "top 50%",
        "cc_market_reward" => "market bonus",
        other => other,
    }
}

pub(super) fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// Numbers in order, runs of them drawn together: `0 to 3, 5`.
pub(super) fn numbers(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|one, next| *next == one + 1);
    let runs = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, second] => format!("{first}, {second}"),
        [first, .., last] => format!("{first} to {last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// A span of time in its two largest units: `2 d 3 h`, `4 min`, `12 s`.
pub(super) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(part, _)| *part > 0).unwrap_or(3);
    let shown = parts[first..].iter().take(2).enumerate();
    let shown = shown.filter(|(index, (part, _))| *index == 0 || *part > 0);
    shown.map(|(_, (part, name))| format!("{part} {name}")).collect::<Vec<_>>().join(" ")
}

/// An instant by the programme's clock.
pub(super) fn local(daily: &Daily, at: Instant) -> String {
    at.with_timezone(&daily.calendar.zone()).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The day and its run.
pub(super) fn about(daily: &Daily) -> String {
    let short_local = |at: Instant| at.with_timezone(&daily.calendar.zone()).format("%Y-%m-%d %H:%M");
    format!(
        "From {} to {} by the clock of {}. Paid at {} by run {}, by the rules {}.",
        short_local(daily.day.start),
        short_local(daily.day.end),
        daily.calendar.zone(),
        local(daily, daily.run.committed_at),
        daily.run.sequence,
        short(&daily.rules.version)
    )
}

/// A hash by its first digits.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}

/// How many places were won or lost.
pub(super) fn places(before: Option<u32>, now: Option<u32>) -> String {
    match (before, now) {
        (Some(before), Some(now)) if before == now => "=".to_owned(),
        (Some(before), Some(now)) if before > now => format!("+{}", before - now),
        (Some(before), Some(now)) => format!("-{}", now - before),
        (None, _) => "new".to_owned(),
        (_, None) => "gone".to_owned(),
    }
}

/// One line, as for the subject of an e-mail.
#[must_use]
pub fn subject(daily: &Daily) -> String {
    let of = |level: Level| daily.incidents.iter().filter(|incident| incident.level == level).count() as u64;
    let state = match (of(Level::Broken), of(Level::Warning)) {
        (0, 0) => "all well".to_owned(),
        (0, warnings) => count(warnings, "warning", "warnings"),
        (broken, 0) => format!("{broken} broken"),
        (broken, warnings) => format!("{broken} broken, {}", count(warnings, "warning", "warnings")),
    };
    format!("Rewards of {}: {} CC paid, {state}", daily.day.day, daily.paid.total())
}

/// A few lines, as for a chat message.
#[must_use]
pub fn summary(daily: &Daily) -> Vec<String> {
    let (paid, pool, transfers) = (&daily.paid, &daily.pool, &daily.transfers);
    let mut lines = vec![
        subject(daily),
        format!(
            "Hourly {}, daily {}, market bonus {}; {} of {} were paid by the day",
            paid.hourly,
            paid.daily,
            paid.market_bonus,
            paid.partners,
            count(daily.voters, "voter", "voters")
        ),
        format!(
            "Pool {}, of it {} carried in; {} carried out",
            pool.to_share, pool.carried_in, pool.carried_out
        ),
    ];
    if let Some(changes) = &daily.changes {
        let mut line = format!(
            "Positions since {}: {} up, {} down, {} new, {} gone",
            changes.since, changes.risen, changes.fallen, changes.new, changes.gone
        );
        if let Some(Move { partner_id, before: Some(before), now: Some(now) }) = changes.ups.first() {
            line.push_str(&format!("; partner {partner_id} rose most, from {before} to {now}"));
        }
        lines.push(line);
    }
    if transfers.queued > 0 {
        let waiting = match transfers.waiting {
            0 => "none waits".to_owned(),
            waiting => format!("{waiting} wait with {} CC", transfers.waiting_sum),
        };
        lines.push(format!(
            "Special transfers: {} of {} delivered, {waiting}",
            transfers.delivered(),
            transfers.queued
        ));
    }
    let named = daily.incidents.iter().take(NAMED);
    lines.extend(named.map(|incident| format!("{}: {}", incident.level.name(), incident.text)));
    if daily.incidents.len() > NAMED {
        lines.push(format!("and {} more", daily.incidents.len() - NAMED));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_drawn_together() {
        for (given, said) in
            [(&[5][..], "5"), (&[1, 2], "1, 2"), (&[0, 1, 2, 4, 8, 9, 10], "0 to 2, 4, 8 to 10"), (&[], "")]
        {
            assert_eq!(numbers(given), said);
        }
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        for (seconds, said) in [
            (0, "0 s"),
            (60, "1 min"),
            (3_725, "1 h 2 min"),
            (90_000, "1 d 1 h"),
            (86_460, "1 d"),
            (-5, "0 s"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), said);
        }
    }

    #[test]
    fn places_are_won_by_a_smaller_position() {
        let all =
            [(Some(9), Some(2)), (Some(2), Some(9)), (Some(4), Some(4)), (None, Some(1)), (Some(1), None)];
        assert_eq!(all.map(|(before, now)| places(before, now)), ["+7", "-7", "=", "new", "gone"]);
    }
}
