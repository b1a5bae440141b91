//! Largest-remainder allocation (rules, section 1): P units over weighted members, exactly.

use std::cmp::Ordering;

use super::money::{MoneyError, Units};

/// What came of one allocation. Always: the sum of `shares` plus `undistributed` is what there was to share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// One amount per weight, in the order of the weights.
    pub shares: Vec<Units>,
    /// All of the amount where there is no member or no weight, else zero.
    pub undistributed: Units,
}

impl Allocation {
    /// What the members got together.
    #[must_use]
    pub fn allocated(&self) -> Units {
        self.shares.iter().copied().sum()
    }
}

/// One member's share, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What is shared.
    pub of: Units,
    pub weight: Units,
    /// Σw. Of equal members each weighs one unit, so this counts them.
    pub weights: Units,
    /// `floor(of · weight / Σw)`.
    pub base: Units,
    /// `of · weight mod Σw`: the larger, the sooner one of the units left over.
    pub remainder: Units,
    /// Units that flooring left over, over all members.
    pub left_over: usize,
    /// How many members come before this one when those are handed out.
    pub ahead: usize,
}

impl Share {
    /// Whether the member gets one of the units left over.
    #[must_use]
    pub const fn has_unit(&self) -> bool {
        self.ahead < self.left_over
    }

    #[must_use]
    pub fn amount(&self) -> Units {
        if self.has_unit() { self.base + Units::EPSILON } else { self.base }
    }
}

/// What flooring gives each member.
struct Floored {
    /// Σw, not zero.
    weights: Units,
    bases: Vec<Units>,
    /// Remainder and member, in the order of the members.
    remainders: Vec<(Units, usize)>,
    left: usize,
}

/// None where there is no member or no weight.
fn floored(amount: Units, weights: &[Units]) -> Result<Option<Floored>, MoneyError> {
    let total = Units::checked_sum(weights.iter().copied())?;
    if total.is_zero() {
        return Ok(None);
    }
    let mut bases = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (member, weight) in weights.iter().enumerate() {
        let (base, remainder) = amount.mul_div(*weight, total)?;
        bases.push(base);
        remainders.push((remainder, member));
    }
    let left = left_over(amount, &bases, weights.len());
    Ok(Some(Floored { weights: total, bases, remainders, left }))
}

/// Who gets one of the units left first: the larger remainder, of equal ones the earlier member.
fn by_remainder(a: &(Units, usize), b: &(Units, usize)) -> Ordering {
    b.0.cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Shares `amount` over members by weight: `floor(amount · wᵢ / Σw)` each, and the units left one each to the
/// largest remainders, ties to the earlier member. With no member or Σw = 0 all of it is undistributed.
///
/// # Errors
/// [`MoneyError::OutOfRange`] where the weights add up past what can be stored.
///
/// # Panics
/// On a negative amount or weight.
pub fn allocate(amount: Units, weights: &[Units]) -> Result<Allocation, MoneyError> {
    let Some(Floored { bases: mut shares, mut remainders, left, .. }) = floored(amount, weights)? else {
        return Ok(Allocation { shares: vec![Units::ZERO; weights.len()], undistributed: amount });
    };
    // Only who is among the first `left` matters, so a selection does what a sort would, in linear time.
    if left > 0 && left < remainders.len() {
        remainders.select_nth_unstable_by(left, by_remainder);
    }
    for (_, member) in &remainders[..left] {
        shares[*member] = shares[*member] + Units::EPSILON;
    }
    Ok(complete(amount, shares))
}

/// How the share of one member comes about under [`allocate`]; none where nothing is allocated.
///
/// # Errors
/// As [`allocate`].
///
/// # Panics
/// As [`allocate`], and where there is no such member.
pub fn share_of(amount: Units, weights: &[Units], member: usize) -> Result<Option<Share>, MoneyError> {
    let Some(floored) = floored(amount, weights)? else { return Ok(None) };
    let own = floored.remainders[member];
    let ahead = floored.remainders.iter().filter(|other| by_remainder(other, &own).is_lt());
    Ok(Some(Share {
        of: amount,
        weight: weights[member],
        weights: floored.weights,
        base: floored.bases[member],
        remainder: own.0,
        left_over: floored.left,
        ahead: ahead.count(),
    }))
}

/// [`allocate`] with equal weights: the first members get one unit more.
///
/// # Panics
/// On a negative amount.
#[must_use]
pub fn allocate_equally(amount: Units, members: usize) -> Allocation {
    if members == 0 {
        return Allocation { shares: Vec::new(), undistributed: amount };
    }
    let first = equal_share_of(amount, members, 0);
    let share = |ahead| Share { ahead, ..first }.amount();
    complete(amount, (0..members).map(share).collect())
}

/// How the share of one member comes about under [`allocate_equally`].
///
/// # Panics
/// On a negative amount, and where there is no such member.
#[must_use]
pub fn equal_share_of(amount: Units, members: usize, member: usize) -> Share {
    assert!(member < members, "member {member} is one of {members}");
    let weights = Units::from_i64(i64::try_from(members).expect("a member count fits 63 bits"));
    let (base, left) =
        amount.mul_div(Units::EPSILON, weights).expect("a part is within the range of the whole");
    let left_over = usize::try_from(left.count()).expect("flooring leaves less than one unit per member");
    Share { of: amount, weight: Units::EPSILON, weights, base, remainder: left, left_over, ahead: member }
}

/// The units that flooring left over: fewer than there are members.
fn left_over(amount: Units, shares: &[Units], members: usize) -> usize {
    let left = amount - shares.iter().copied().sum();
    let left = usize::try_from(left.count()).expect("flooring never hands out more than there is");
    assert!(left < members, "flooring leaves less than one unit per member");
    left
}

/// Every allocation leaves through here: what was handed out is what there was.
fn complete(amount: Units, shares: Vec<Units>) -> Allocation {
    let allocation = Allocation { shares, undistributed: Units::ZERO };
    assert_eq!(allocation.allocated(), amount, "an allocation hands out exactly what there was");
    allocation
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(counts: &[i64]) -> Vec<Units> {
        counts.iter().copied().map(Units::from_i64).collect()
    }

    #[test]
    fn the_units_left_go_to_the_largest_remainders_and_ties_to_the_earlier() {
        let shared = allocate(Units::from_i64(10), &units(&[1, 1, 1])).unwrap();
        assert_eq!(shared.shares, units(&[4, 3, 3]));
        let shared = allocate(Units::from_i64(10), &units(&[3, 3, 5])).unwrap();
        assert_eq!(shared.shares, units(&[3, 3, 4]), "remainders 8, 8, 6: the first two, then none is left");
        let shared = allocate(Units::from_i64(100), &units(&[1, 2, 4])).unwrap();
        assert_eq!(shared.shares, units(&[14, 29, 57]));
    }

    #[test]
    fn without_members_or_weight_nothing_is_allocated() {
        for weights in [&[][..], &[0, 0]] {
            let shared = allocate(Units::from_i64(7), &units(weights)).unwrap();
            assert_eq!((shared.allocated(), shared.undistributed), (Units::ZERO, Units::from_i64(7)));
        }
        assert_eq!(allocate_equally(Units::from_i64(7), 0).undistributed, Units::from_i64(7));
    }

    fn amount() -> impl Strategy<Value = Units> {
        prop_oneof![0..1000_i128, 0..10_i128.pow(28)].prop_map(|count| Units::new(count).unwrap())
    }

    proptest! {
        #[test]
        fn every_unit_is_accounted_for(amount in amount(), weights in prop::collection::vec(0..i64::MAX, 0..50)) {
            let shared = allocate(amount, &units(&weights)).unwrap();
            prop_assert_eq!(shared.allocated() + shared.undistributed, amount);
            for (share, weight) in shared.shares.iter().zip(&weights) {
                prop_assert!(*weight > 0 || share.is_zero(), "no weight, no share");
            }
        }

        #[test]
        fn equal_weights_are_the_equal_allocation_and_fall_with_position(amount in amount(), members in 1..200_usize, weight in 1..i64::MAX) {
            let equal = allocate_equally(amount, members);
            prop_assert_eq!(&equal, &allocate(amount, &vec![Units::from_i64(weight); members]).unwrap());
            prop_assert!(equal.shares.is_sorted_by(|earlier, later| earlier >= later));
            prop_assert!(equal.shares[0] - equal.shares[members - 1] <= Units::EPSILON);
        }

        #[test]
        fn each_share_comes_about_as_it_is_handed_out(amount in amount(), weights in prop::collection::vec(0..4_i64, 0..20)) {
            let shared = allocate(amount, &units(&weights)).unwrap();
            for (member, amount_of) in shared.shares.iter().enumerate() {
                let share = share_of(amount, &units(&weights), member).unwrap();
                prop_assert_eq!(share.map_or(Units::ZERO, |share| share.amount()), *amount_of);
            }
            let equal = allocate_equally(amount, weights.len());
            for (member, amount_of) in equal.shares.iter().enumerate() {
                let share = equal_share_of(amount, weights.len(), member);
                prop_assert_eq!(share.amount(), *amount_of);
                let even = vec![Units::EPSILON; weights.len()];
                prop_assert_eq!(share_of(amount, &even, member).unwrap(), Some(share));
            }
        }

        #[test]
        fn members_of_unequal_remainders_get_the_same_in_any_order(amount in amount(), weights in prop::collection::btree_set(1..i64::MAX, 1..30)) {
            let forward: Vec<i64> = weights.iter().copied().collect();
            let total = Units::checked_sum(units(&forward)).unwrap();
            let remainder = |weight: &i64| amount.mul_div(Units::from_i64(*weight), total).unwrap().1;
            let mut remainders: Vec<Units> = forward.iter().map(remainder).collect();
            remainders.sort();
            remainders.dedup();
            prop_assume!(remainders.len() == forward.len());
            let backward: Vec<i64> = forward.iter().rev().copied().collect();
            let mut mirrored = allocate(amount, &units(&backward)).unwrap().shares;
            mirrored.reverse();
            prop_assert_eq!(allocate(amount, &units(&forward)).unwrap().shares, mirrored);
        }
    }
}
