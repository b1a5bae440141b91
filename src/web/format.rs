//! Numbers, instants and spans of time as people of each language write them. Exact: nothing is rounded, and money is
//! never a float.

use chrono::{Datelike, NaiveDate, TimeDelta};
use maud::{Markup, html};

use super::texts::Lang;
use crate::rewards::money::Units;
use crate::rewards::window::{Calendar, Instant, Kind, Window};

/// English groups digits by a comma, Hungarian by a space that does not break.
const fn separators(lang: Lang) -> (char, char) {
    match lang {
        Lang::En => (',', '.'),
        Lang::Hu => ('\u{a0}', ','),
    }
}

/// A whole number with its thousands apart.
pub fn count(number: u64, lang: Lang) -> String {
    grouped(&number.to_string(), separators(lang).0)
}

fn grouped(digits: &str, separator: char) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// An amount in its two halves: whole CC with its sign, and the point with all 8 digits.
fn halves(amount: Units, lang: Lang) -> (String, String) {
    let (thousands, point) = separators(lang);
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("\u{2212}", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    (format!("{sign}{}", grouped(whole, thousands)), format!("{point}{fraction}"))
}

/// An amount with all of its 8 digits, as text.
pub fn amount_text(amount: Units, lang: Lang) -> String {
    let (whole, fraction) = halves(amount, lang);
    format!("{whole}{fraction}")
}

/// An amount with all of its 8 digits; those after the point stand back a little, so that sums are read at a glance.
pub fn amount(amount: Units, lang: Lang) -> Markup {
    let (whole, fraction) = halves(amount, lang);
    html! { span.amount { (whole) span.fraction { (fraction) } } }
}

/// A share, rate or multiplier: as many digits as it needs.
pub fn decimal(number: Units, lang: Lang) -> String {
    let text = amount_text(number, lang);
    text.trim_end_matches('0').trim_end_matches(separators(lang).1).to_owned()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date, short enough for a table.
pub fn date(date: NaiveDate, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{} {} {}", date.day(), MONTHS[date.month0() as usize], date.year()),
        Lang::Hu => format!("{}. {:02}. {:02}.", date.year(), date.month(), date.day()),
    }
}

/// An instant in the programme's zone, in UTC where the pointer rests on it.
pub fn time(instant: Instant, calendar: &Calendar, lang: Lang) -> Markup {
    let local = instant.with_timezone(&calendar.zone());
    let text = format!("{} {}", date(local.date_naive(), lang), local.format("%H:%M"));
    stamp(instant, &text)
}

/// [`time`] without its year, and without its date where it is today.
pub fn moment(instant: Instant, now: Instant, calendar: &Calendar, lang: Lang) -> Markup {
    if calendar.date_of(instant) != calendar.date_of(now) {
        let local = instant.with_timezone(&calendar.zone());
        let day = match lang {
            Lang::En => format!("{} {}", local.day(), MONTHS[local.month0() as usize]),
            Lang::Hu => local.format("%m. %d.").to_string(),
        };
        return stamp(instant, &format!("{day} {}", local.format("%H:%M")));
    }
    stamp(instant, &instant.with_timezone(&calendar.zone()).format("%H:%M").to_string())
}

fn stamp(instant: Instant, text: &str) -> Markup {
    let utc = instant.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(instant.format("%Y-%m-%dT%H:%M:%SZ")) title=(utc) { (text) } }
}

/// A window by its local name: `21 Nov 2026`, `21 Nov 2026 13:00–14:00`.
pub fn window(window: &Window, calendar: &Calendar, lang: Lang) -> String {
    let day = date(window.day, lang);
    match window.kind {
        Kind::Daily => day,
        Kind::Hourly => {
            let clock = |at: Instant| at.with_timezone(&calendar.zone()).format("%H:%M").to_string();
            format!("{day} {}\u{2013}{}", clock(window.start), clock(window.end))
        }
    }
}

/// A span of time in its two largest units: `2 d 3 h`, `4 min`, `12 s`.
pub fn span(span: TimeDelta, lang: Lang) -> String {
    let names = match lang {
        Lang::En => ["d", "h", "min", "s"],
        Lang::Hu => ["nap", "óra", "perc", "mp"],
    };
    let seconds = span.num_seconds().max(0);
    let parts = [seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
    let first = parts.iter().position(|part| *part > 0).unwrap_or(3);
    let shown = (first..=(first + 1).min(3)).filter(|index| *index == first || parts[*index] > 0);
    let shown: Vec<String> = shown.map(|index| format!("{}\u{a0}{}", parts[index], names[index])).collect();
    shown.join(" ")
}

/// A hash by its first digits, the whole of it where the pointer rests on it.
pub fn hash(hash: &str) -> Markup {
    let short: String = hash.chars().take(10).collect();
    html! { code.hash title=(hash) { (short) } }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe;

    use super::*;

    fn units(text: &str) -> Units {
        Units::parse(text).unwrap()
    }

    #[test]
    fn amounts_keep_all_their_digits_and_read_well() {
        for (text, english, hungarian) in [
            ("0", "0.00000000", "0,00000000"),
            ("1234567.5", "1,234,567.50000000", "1\u{a0}234\u{a0}567,50000000"),
            ("-1000.00000001", "\u{2212}1,000.00000001", "\u{2212}1\u{a0}000,00000001"),
            ("999", "999.00000000", "999,00000000"),
        ] {
            assert_eq!(amount_text(units(text), Lang::En), english);
            assert_eq!(amount_text(units(text), Lang::Hu), hungarian);
        }
        assert_eq!(decimal(units("1.25"), Lang::Hu), "1,25");
        assert_eq!(decimal(units("5"), Lang::En), "5");
        assert_eq!(count(1_000_000, Lang::En), "1,000,000");
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        for (seconds, english, hungarian) in [
            (0, "0\u{a0}s", "0\u{a0}mp"),
            (59, "59\u{a0}s", "59\u{a0}mp"),
            (60, "1\u{a0}min", "1\u{a0}perc"),
            (3_725, "1\u{a0}h 2\u{a0}min", "1\u{a0}óra 2\u{a0}perc"),
            (90_000, "1\u{a0}d 1\u{a0}h", "1\u{a0}nap 1\u{a0}óra"),
            (-5, "0\u{a0}s", "0\u{a0}mp"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds), Lang::En), english);
            assert_eq!(span(TimeDelta::seconds(seconds), Lang::Hu), hungarian);
        }
    }

    #[test]
    fn instants_are_local_with_utc_beside_them() {
        let calendar = Calendar::new(Europe::Budapest);
        let at: Instant = "2026-11-21T12:00:00Z".parse().unwrap();
        let english = time(at, &calendar, Lang::En).into_string();
        assert!(
            english.contains("21 Nov 2026 13:00") && english.contains("2026-11-21 12:00:00 UTC"),
            "{english}"
        );
        assert!(time(at, &calendar, Lang::Hu).into_string().contains("2026. 11. 21. 13:00"));
        let hour = calendar.window_at(Kind::Hourly, at);
        assert_eq!(window(&hour, &calendar, Lang::En), "21 Nov 2026 13:00\u{2013}14:00");
    }
}
