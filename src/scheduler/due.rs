//! What is due and not yet done (rules, section 2).

use chrono::TimeDelta;

use crate::jobs::Walk;
use crate::rewards::window::{Calendar, Kind, Window};
use crate::store::{Result, Store};

/// Windows that have ended and are not paid, in the order of payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub open: Vec<Window>,
    /// Those that ended longer ago than catch-up reaches.
    pub overdue: Vec<Window>,
}

/// Finds what is due. Windows past catch-up are only counted while none of them is missing, so this costs the same
/// after years.
///
/// # Errors
/// [`crate::store::StoreError`].
pub async fn due(store: &dyn Store, calendar: &Calendar, walk: &Walk) -> Result<Due> {
    let catch_up = TimeDelta::from_std(walk.catch_up).unwrap_or(TimeDelta::MAX);
    let horizon = walk.now.checked_sub_signed(catch_up);
    let in_reach = |window: &Window| horizon.is_none_or(|horizon| window.end >= horizon);
    let mut found = Due::default();
    for (kind, as_of) in &walk.kinds {
        let windows: Vec<Window> = calendar.due(*kind, walk.start, *as_of).collect();
        let (open, old): (Vec<Window>, Vec<Window>) = windows.into_iter().partition(in_reach);
        found.open.extend(unpaid(store, *kind, &open).await?);
        if let (Some(first), Some(last)) = (old.first(), old.last()) {
            let paid = store.paid_count(*kind, first.start, last.end).await?;
            if paid < old.len() as u64 {
                found.overdue.extend(unpaid(store, *kind, &old).await?);
            }
        }
    }
    found.open.sort_by_key(Window::order);
    found.overdue.sort_by_key(Window::order);
    Ok(found)
}

async fn unpaid(store: &dyn Store, kind: Kind, windows: &[Window]) -> Result<Vec<Window>> {
    let Some(first) = windows.first() else { return Ok(vec![]) };
    let paid = store.paid_since(kind, first.start).await?;
    Ok(windows.iter().filter(|window| !paid.contains(&window.start)).copied().collect())
}
