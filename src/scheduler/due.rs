//! What is due and not yet done (rules, section 2).

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, TimeDelta};

use crate::jobs::Walk;
use crate::rewards::window::{Calendar, Kind, Window};
use crate::store::{Result, Store, WindowState};

/// Windows that have ended and are not paid, in the order of payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Those that alarms hold are among them, however long ago they ended: catch-up is for what nobody has looked at.
    pub open: Vec<Window>,
    /// Those of them that wait for a decision.
    pub held: Vec<Window>,
    /// Days of which an alarm holds an hour, whether hours were asked for or not: they are not to be paid.
    pub days_held: BTreeSet<NaiveDate>,
    /// Those that ended longer ago than catch-up reaches.
    pub overdue: Vec<Window>,
}

/// Finds what is due. Where nothing old is missing this costs the same after years: what was paid before the oldest
/// window that is not is counted, by one difference, and not read.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn due(store: &dyn Store, calendar: &Calendar, walk: &Walk) -> Result<Due> {
    let catch_up = TimeDelta::from_std(walk.catch_up).unwrap_or(TimeDelta::MAX);
    let horizon = walk.now.checked_sub_signed(catch_up);
    let known = store.held_windows().await?;
    let state = |window: &Window| {
        let known = known.iter().find(|known| (known.kind, known.start) == (window.kind, window.start));
        known.map(|known| known.state)
    };
    let in_reach =
        |window: &Window| horizon.is_none_or(|horizon| window.end >= horizon) || state(window).is_some();
    let first = first_to_look_at(store, calendar, walk).await?;
    let mut found = Due::default();
    for (kind, as_of) in &walk.kinds {
        let unpaid = unpaid(store, *kind, calendar.due(*kind, first, *as_of).collect()).await?;
        let (open, overdue): (Vec<Window>, Vec<Window>) = unpaid.into_iter().partition(in_reach);
        found.open.extend(open);
        found.overdue.extend(overdue);
    }
    found.open.sort_by_key(Window::order);
    found.overdue.sort_by_key(Window::order);
    let held = found.open.iter().filter(|window| state(window) == Some(WindowState::Held));
    found.held = held.copied().collect();
    let hours = known.iter().filter(|known| (known.kind, known.state) == (Kind::Hourly, WindowState::Held));
    found.days_held = hours.map(|hour| calendar.window_at(Kind::Hourly, hour.start).day).collect();
    Ok(found)
}

/// A day before which all is paid: today, or a day before it. The steps back double, as what waits has mostly not
/// waited for long.
async fn first_to_look_at(store: &dyn Store, calendar: &Calendar, walk: &Walk) -> Result<NaiveDate> {
    let today = calendar.date_of(walk.now);
    let (mut day, mut back) = (today, 0);
    while !is_all_paid_before(store, calendar, walk.start, day).await? {
        back = back * 2 + 1;
        day = today.checked_sub_days(Days::new(back)).unwrap_or(walk.start);
    }
    Ok(day.max(walk.start))
}

/// Whether every window of the programme before the midnight of a day is paid.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn is_all_paid_before(
    store: &dyn Store,
    calendar: &Calendar,
    start: NaiveDate,
    day: NaiveDate,
) -> Result<bool> {
    if day <= start {
        return Ok(true);
    }
    // No window is paid twice, and none before the start: where as many were paid as there are, each was.
    Ok(store.paid_before(calendar.midnight(day)).await? == calendar.windows_between(start, day))
}

async fn unpaid(store: &dyn Store, kind: Kind, windows: Vec<Window>) -> Result<Vec<Window>> {
    let Some(first) = windows.first() else { return Ok(vec![]) };
    let paid = store.paid_since(kind, first.start).await?;
    Ok(windows.into_iter().filter(|window| !paid.contains(&window.start)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono_tz::{America, Europe, Tz};
    use proptest::prelude::*;

    use super::*;
    use crate::rewards::window::Instant;
    use crate::store::memory::{MemoryStore, State};

    const BOTH: [Kind; 2] = [Kind::Daily, Kind::Hourly];

    fn start() -> NaiveDate {
        "2026-10-20".parse().unwrap()
    }

    /// What is due, found by looking at every window there is.
    fn by_hand(paid: &BTreeSet<(Kind, Instant)>, calendar: &Calendar, walk: &Walk) -> Due {
        let mut found = Due::default();
        for (kind, as_of) in &walk.kinds {
            for window in calendar.due(*kind, walk.start, *as_of) {
                if !paid.contains(&(*kind, window.start)) {
                    let in_reach = window.end >= walk.now - walk.catch_up;
                    (if in_reach { &mut found.open } else { &mut found.overdue }).push(window);
                }
            }
        }
        found.open.sort_by_key(Window::order);
        found.overdue.sort_by_key(Window::order);
        found
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    proptest! {
        #[test]
        fn nothing_that_is_due_is_overlooked(
            zone in prop::sample::select(vec![Tz::UTC, Europe::Budapest, America::Havana]),
            hours in 0_i64..500,
            as_of in 0_i64..100,
            catch_up in 0_u64..300,
            kinds in prop::sample::subsequence(BOTH.to_vec(), 0..=2),
            missing in prop::collection::vec(0_usize..520, 0..4),
            paid_hours in 0_i64..500,
        ) {
            let calendar = Calendar::new(zone);
            let now = calendar.midnight(start()) + TimeDelta::hours(hours);
            let kinds = kinds.into_iter().map(|kind| (kind, now - TimeDelta::hours(as_of))).collect();
            let catch_up = Duration::from_secs(catch_up * 3600);
            let walk = Walk { kinds, start: start(), now, catch_up };
            let until = calendar.midnight(start()) + TimeDelta::hours(paid_hours);
            let windows = BOTH.into_iter().flat_map(|kind| calendar.due(kind, start(), until));
            let paid: Vec<_> = windows.map(|window| (window.kind, window.start)).collect();
            let kept = paid.into_iter().enumerate().filter(|(index, _)| !missing.contains(index));
            let paid: BTreeSet<_> = kept.map(|(_, key)| key).collect();
            let state = State { runs: paid.len() as u64, paid: paid.clone(), ..State::default() };
            let store = MemoryStore::new(state);
            prop_assert_eq!(block_on(due(&store, &calendar, &walk)).unwrap(), by_hand(&paid, &calendar, &walk));

            let day = calendar.date_of(now);
            let mut before = BOTH.into_iter().flat_map(|kind| calendar.due(kind, start(), calendar.midnight(day)));
            let all_paid = before.all(|window| paid.contains(&(window.kind, window.start)));
            prop_assert_eq!(block_on(is_all_paid_before(&store, &calendar, start(), day)).unwrap(), all_paid);
        }
    }
}
