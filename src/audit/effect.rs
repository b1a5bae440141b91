//! What other rules would have changed, as it is kept and shown; amounts are texts of CC with 8 digits.

use serde::{Deserialize, Serialize};

use crate::rewards::money::Units;

/// The form of the record; it grows by one when a field changes its meaning or goes.
const RECORD_VERSION: u32 = 1;

/// An amount by the old rules and by the new ones, in CC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldNew {
    pub old: String,
    pub new: String,
    /// `new - old`.
    pub difference: String,
}

impl OldNew {
    #[must_use]
    pub fn of((old, new): (Units, Units)) -> Self {
        Self { old: old.to_string(), new: new.to_string(), difference: (new - old).to_string() }
    }
}

/// A reward column, over all days and partners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryEffect {
    pub column: String,
    pub amount: OldNew,
}

/// A partner's sum over all days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerEffect {
    pub partner_id: i64,
    pub amount: OldNew,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRecord {
    pub record_version: u32,
    /// How many days were walked: none where none has been paid.
    pub days: u32,
    /// The first and the last of them.
    pub first_day: Option<String>,
    pub last_day: Option<String>,
    /// All that is paid, market bonus included.
    pub total: OldNew,
    /// What the last day carries on.
    pub carried: OldNew,
    pub categories: Vec<CategoryEffect>,
    pub partners: u64,
    pub winners: u64,
    pub losers: u64,
    /// Those who win most first, ten at most.
    pub top_winners: Vec<PartnerEffect>,
    /// Those who lose most first, ten at most.
    pub top_losers: Vec<PartnerEffect>,
}

impl EffectRecord {
    /// With nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            record_version: RECORD_VERSION,
            days: 0,
            first_day: None,
            last_day: None,
            total: OldNew::of(Default::default()),
            carried: OldNew::of(Default::default()),
            categories: vec![],
            partners: 0,
            winners: 0,
            losers: 0,
            top_winners: vec![],
            top_losers: vec![],
        }
    }
}
