//! Votes of a window, added up per partner as they come: memory grows with the partners, not with the votes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{FrameError, Vote, VoteTime, Watch, Watched};
use crate::rewards::vote::TypeTotal;
use crate::rewards::window::Window;

const HOUR_MICROS: i64 = 3_600_000_000;

/// What one partner takes in a [`Gathered`], bytes: a key and [`Sums`], in a table that is at worst half empty and for
/// a moment beside its own copy while it grows.
const PARTNER_BYTES: usize = 64 * 3;

/// How many votes wait to be added together. Partners lie all over the memory; the processor fetches several at a time
/// where nothing else is done between them, which halves the time that adding takes.
const BATCH: usize = 256;

/// One partner's votes so far. No sum can overflow: less than 2³² votes of 63 bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Σcc, in units of 10⁻⁸.
    pub cc: i128,
    /// Σecc, in units of 10⁻⁸.
    pub ecc: i128,
    /// The latest vote, microseconds since 1970, UTC.
    pub last: i64,
    pub votes: u32,
    /// Bit k is set where hour k of the window holds a vote.
    pub hours: u32,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.votes =
            self.votes.checked_add(other.votes).expect("a partner has less than 2³² votes in a window");
        self.cc += other.cc;
        self.ecc += other.ecc;
        self.last = self.last.max(other.last);
        self.hours |= other.hours;
    }
}

/// All votes of one type in one hour of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct HourOfType {
    votes: u64,
    cc: i128,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Gathered {
    window: Window,
    /// The window's bounds, microseconds since 1970, UTC.
    start: i64,
    end: i64,
    partners: HashMap<i64, Sums, RandomState>,
    /// Votes that are not yet in `partners`: see [`BATCH`].
    waiting: Vec<(i64, Sums)>,
    types: Vec<String>,
    codes: HashMap<String, usize>,
    /// The type of the last vote: mostly also that of the next.
    last_type: usize,
    /// One entry per hour for each type, in the order of `types`.
    hours_of_types: Vec<HourOfType>,
    /// Votes by partner and type, where somebody asked for them.
    counts: Option<HashMap<(i64, usize), u64>>,
    watched: Watched,
}

impl Gathered {
    /// No votes yet. `count_types` keeps how often each partner cast each type, which only the debug log wants.
    #[must_use]
    pub fn new(window: Window, count_types: bool) -> Self {
        Self {
            window,
            start: window.start.timestamp_micros(),
            end: window.end.timestamp_micros(),
            partners: HashMap::default(),
            waiting: Vec::with_capacity(BATCH),
            types: Vec::new(),
            codes: HashMap::new(),
            last_type: 0,
            hours_of_types: Vec::new(),
            counts: count_types.then(HashMap::new),
            watched: Watched::default(),
        }
    }

    /// The same, with an eye on what alarms need to know of single votes.
    #[must_use]
    pub fn watching(mut self, watch: Option<Arc<Watch>>) -> Self {
        self.watched = Watched::new(watch);
        self
    }

    /// Adds one vote.
    ///
    /// # Panics
    /// On a negative amount or a vote of another window: sources refuse such rows by name before they come here.
    pub fn push(&mut self, vote: Vote<'_>) {
        assert!(vote.cc >= 0 && vote.ecc >= 0, "amounts of votes are not negative");
        assert!((self.start..self.end).contains(&vote.voted_at), "{} holds all its votes", self.window);
        let hour = ((vote.voted_at - self.start) / HOUR_MICROS) as usize;
        let sums = Sums {
            votes: 1,
            cc: i128::from(vote.cc),
            ecc: i128::from(vote.ecc),
            last: vote.voted_at,
            hours: 1 << hour,
        };
        self.waiting.push((vote.partner_id, sums));
        if self.waiting.len() == BATCH {
            self.add_waiting();
        }
        self.add_type(vote.vote_type, hour, 1, sums.cc);
        if self.counts.is_some() {
            self.add_count(vote.partner_id, vote.vote_type, 1);
        }
        if self.watched.is_on() {
            self.watched.see(&vote);
        }
    }

    /// To be called before anybody looks at the partners.
    pub(super) fn add_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let time =
            |(partner_id, sums): &(i64, Sums)| VoteTime { partner_id: *partner_id, voted_at: sums.last };
        self.watched.keep_times(waiting.iter().map(time));
        for (partner_id, sums) in waiting.drain(..) {
            self.add_partner(partner_id, &sums);
        }
        self.waiting = waiting;
    }

    /// Adds what a partner's votes come to.
    pub fn add_partner(&mut self, partner_id: i64, sums: &Sums) {
        match self.partners.entry(partner_id) {
            Entry::Occupied(mut partner) => partner.get_mut().add(sums),
            Entry::Vacant(partner) => {
                partner.insert(*sums);
            }
        }
    }

    /// Adds what the votes of one type in hour k of the window come to; their CC in units of 10⁻⁸.
    pub fn add_type(&mut self, vote_type: &str, hour: usize, votes: u64, cc: i128) {
        if self.types.get(self.last_type).is_none_or(|last| last != vote_type) {
            self.last_type = self.code(vote_type);
        }
        let place = self.last_type * self.hours() + hour;
        let hour_of_type = &mut self.hours_of_types[place];
        hour_of_type.votes += votes;
        hour_of_type.cc += cc;
    }

    /// Counts votes of one type by one partner, for the debug log.
    pub fn add_count(&mut self, partner_id: i64, vote_type: &str, votes: u64) {
        let code = self.code(vote_type);
        *self.counts.get_or_insert_default().entry((partner_id, code)).or_default() += votes;
    }

    fn code(&mut self, vote_type: &str) -> usize {
        if let Some(code) = self.codes.get(vote_type) {
            return *code;
        }
        let code = self.types.len();
        self.types.push(vote_type.to_owned());
        self.codes.insert(vote_type.to_owned(), code);
        self.hours_of_types.resize(self.types.len() * self.hours(), HourOfType::default());
        code
    }

    /// Adds what another part of the same window has brought, and leaves that one empty.
    ///
    /// # Panics
    /// Where it is of another window.
    pub fn absorb(&mut self, part: &mut Self) {
        assert_eq!(self.window, part.window, "parts are of one window");
        self.add_waiting();
        part.add_waiting();
        if self.partners.len() < part.partners.len() && self.counts.is_none() {
            // The smaller one moves. Types have codes of their own in each, but who is whose part does not matter.
            std::mem::swap(self, part);
        }
        self.watched.absorb(&mut part.watched);
        for (partner_id, sums) in part.partners.drain() {
            self.add_partner(partner_id, &sums);
        }
        let hours = self.hours();
        for (code, name) in part.types.iter().enumerate() {
            for (hour, sum) in part.hours_of_types[code * hours..][..hours].iter_mut().enumerate() {
                let sum = std::mem::take(sum);
                self.add_type(name, hour, sum.votes, sum.cc);
            }
        }
        for ((partner_id, code), votes) in part.counts.iter_mut().flat_map(HashMap::drain) {
            self.add_count(partner_id, &part.types[code], votes);
        }
    }

    /// Whether the partners' votes and CC are those of all types, as they are where both come of the same votes.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let partners = self.partners.values().fold((0, 0), |(n, cc), p| (n + u64::from(p.votes), cc + p.cc));
        let types = self.hours_of_types.iter().fold((0, 0), |(n, cc), hour| (n + hour.votes, cc + hour.cc));
        partners == types
    }

    /// Whether the partners, and the times that are watched, take more memory than so many bytes.
    #[must_use]
    pub fn exceeds(&self, bytes: usize) -> bool {
        self.partners.len() * PARTNER_BYTES + self.watched.bytes() > bytes
    }

    /// What was seen of the votes, once all of them are there.
    #[must_use]
    pub fn take_watched(&mut self) -> Watched {
        self.add_waiting();
        let mut watched = std::mem::take(&mut self.watched);
        watched.sort();
        watched
    }

    #[must_use]
    pub const fn window(&self) -> &Window {
        &self.window
    }

    /// The partners and their sums, in no order.
    pub(super) fn partners(&self) -> impl Iterator<Item = (i64, &Sums)> {
        debug_assert!(self.waiting.is_empty(), "all votes are added");
        self.partners.iter().map(|(partner_id, sums)| (*partner_id, sums))
    }

    /// All votes of each type, by name of the type.
    pub(super) fn by_type(&self) -> Result<Vec<TypeTotal>, FrameError> {
        let mut by_type = Vec::with_capacity(self.types.len());
        for (vote_type, hours) in self.types.iter().zip(self.hours_of_types.chunks(self.hours())) {
            let cc = hours.iter().map(|hour| hour.cc).sum();
            let cc = super::units("cc", cc, || format!("of type {vote_type:?}"))?;
            let votes = hours.iter().map(|hour| hour.votes).sum();
            by_type.push(TypeTotal { vote_type: vote_type.clone(), votes, cc });
        }
        by_type.sort_by(|a, b| a.vote_type.cmp(&b.vote_type));
        Ok(by_type)
    }

    /// Σcc of some types in each hour of the window, in units.
    pub(super) fn cc_by_hour(&self, types: &[String]) -> Vec<i128> {
        let mut sums = vec![0_i128; self.hours()];
        let of_types = self.types.iter().zip(self.hours_of_types.chunks(self.hours()));
        for (_, hours) in of_types.filter(|(name, _)| types.contains(name)) {
            for (sum, hour) in sums.iter_mut().zip(hours) {
                *sum += hour.cc;
            }
        }
        sums
    }

    /// How often each partner cast each type of vote, by partner and type; nothing where nobody asked for it.
    #[must_use]
    pub fn type_counts(&self) -> Vec<TypeCount<'_>> {
        let count = |((partner_id, code), votes): (&(i64, usize), &u64)| TypeCount {
            partner_id: *partner_id,
            vote_type: &self.types[*code],
            votes: *votes,
        };
        let mut counts: Vec<_> = self.counts.iter().flatten().map(count).collect();
        counts.sort_by_key(|count| (count.partner_id, count.vote_type));
        counts
    }

    /// How many hours the window has, the last of them maybe a part of one.
    const fn hours(&self) -> usize {
        ((self.end - self.start + HOUR_MICROS - 1) / HOUR_MICROS) as usize
    }
}

/// How often one partner cast one type of vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCount<'frame> {
    pub partner_id: i64,
    pub vote_type: &'frame str,
    pub votes: u64,
}
