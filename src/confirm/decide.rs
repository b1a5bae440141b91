//! What somebody decides: which changes, and what exactly is signed. The same for commands and for the dashboard.

use serde_json::json;

use crate::audit::text_hash;
use crate::people::Decider;
use crate::rewards::window::Instant;
use crate::store::{Changes, DecidedChanges, DecidingChanges, Decision, StoreError, Subject};

/// Changes that are decided at once: nothing waits long for so many.
const AT_ONCE: usize = 500;

/// Which changes somebody wants to decide.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// By their numbers.
    pub numbers: Vec<u64>,
    /// All of this watch.
    pub all_of: Option<String>,
    /// Of these only the rows with such keys; empty: all.
    pub rows: Vec<String>,
    /// Confirmed or rejected.
    pub confirm: bool,
}

/// Changes that wait, on their way to a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    pub numbers: Vec<u64>,
    /// Of a list that waits as a whole, only these rows.
    pub rows: Option<Vec<String>>,
    pub confirm: bool,
    /// What is signed: the numbers, and the hash of what is confirmed or rejected.
    pub what: String,
}

impl Matter {
    /// What the decision is about: the first change; its detail names all.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::Change(self.numbers.first().copied().unwrap_or_default())
    }

    #[must_use]
    pub const fn verdict(&self) -> &'static str {
        if self.confirm { "confirmed" } else { "rejected" }
    }
}

/// Why nothing can be decided.
#[derive(Debug, thiserror::Error)]
pub enum NoMatter {
    #[error("name the changes by their numbers, or all of a watch: `rewardd changes list`")]
    Nothing,
    #[error("there is no change {0}")]
    Unknown(u64),
    #[error("no change of {0} waits")]
    NoneWaits(String),
    #[error("no change of the row {0} waits")]
    NoRow(String),
    #[error(
        "{0} changes are more than can be decided at once ({AT_ONCE}); name them by their numbers, some at a time"
    )]
    TooMany(usize),
    #[error(
        "a list that waits as a whole is rejected as a whole: confirm the rows that are right, and reject the others then"
    )]
    RejectsRows,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds what is wanted.
///
/// # Errors
/// [`NoMatter`].
pub async fn matter(store: &dyn Changes, wanted: &Wanted) -> Result<Matter, NoMatter> {
    let mut numbers = wanted.numbers.clone();
    let mut rows = None;
    if let Some(watch) = &wanted.all_of {
        let mut waiting = store.pending_changes(Some(watch)).await?;
        if waiting.is_empty() {
            return Err(NoMatter::NoneWaits(watch.clone()));
        }
        if !wanted.rows.is_empty() {
            if waiting.iter().any(|change| change.is_whole()) {
                rows = Some(wanted.rows.clone());
            } else {
                let waits = |row: &&String| waiting.iter().any(|change| change.key == **row);
                if let Some(row) = wanted.rows.iter().find(|row| !waits(row)) {
                    return Err(NoMatter::NoRow(row.clone()));
                }
                waiting.retain(|change| wanted.rows.contains(&change.key));
            }
        }
        numbers.extend(waiting.iter().map(|change| change.number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.len() {
        0 => return Err(NoMatter::Nothing),
        count if count > AT_ONCE => return Err(NoMatter::TooMany(count)),
        _ if rows.is_some() && !wanted.confirm => return Err(NoMatter::RejectsRows),
        _ => {}
    }
    let mut contents = String::new();
    for number in &numbers {
        let found = store.change(*number).await?;
        let (change, both) = found.ok_or(NoMatter::Unknown(*number))?;
        let after = both.after.as_deref().map_or_else(|| "gone".to_owned(), text_hash);
        contents.push_str(&format!("{number} {} {} {after}\n", change.watch, text_hash(&change.key)));
    }
    for row in rows.iter().flatten() {
        contents.push_str(&format!("row {}\n", text_hash(row)));
    }
    let named: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let what = format!("changes {}, sha256 {}", named.join(","), text_hash(&contents));
    Ok(Matter { numbers, rows, confirm: wanted.confirm, what })
}

/// Decides. What is confirmed is known from then on; what is rejected is not announced again until it changes.
///
/// # Errors
/// [`StoreError`].
pub async fn decide(
    store: &dyn Changes,
    matter: &Matter,
    decider: Decider,
    note: &str,
    now: Instant,
) -> Result<DecidedChanges, StoreError> {
    let mut detail = json!({ "changes": matter.numbers, "what": matter.what });
    if let Some(rows) = &matter.rows {
        detail["rows"] = json!(rows);
    }
    if let Some(signed) = &decider.signed {
        detail["signed"] = json!(signed);
    }
    let decision = Decision {
        subject: matter.subject(),
        verdict: matter.verdict(),
        by: decider.name,
        at: now,
        note: note.to_owned(),
        detail,
    };
    let deciding = DecidingChanges {
        numbers: &matter.numbers,
        rows: matter.rows.as_deref(),
        confirm: matter.confirm,
        decision: &decision,
    };
    store.decide_changes(&deciding).await
}
