//! What is dear to make and asked for again: a few of the last results, and a queue before the making.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::Failure;

/// The last results by key, the newest first, up to a weight.
#[derive(Debug)]
pub struct Recent<K, V> {
    kept: Mutex<VecDeque<(K, Arc<V>, usize)>>,
    most: usize,
}

impl<K: PartialEq, V> Recent<K, V> {
    pub const fn new(most: usize) -> Self {
        Self { kept: Mutex::new(VecDeque::new()), most }
    }

    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, ..)| known == key)?;
        let found = kept.remove(at)?;
        let value = Arc::clone(&found.1);
        kept.push_front(found);
        Some(value)
    }

    /// Keeps a result of some weight, and lets the oldest go. One that is heavier than all room is not kept.
    pub fn keep(&self, key: K, value: V, weight: usize) -> Arc<V> {
        let value = Arc::new(value);
        if weight <= self.most {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.retain(|(known, ..)| *known != key);
            kept.push_front((key, Arc::clone(&value), weight));
            while kept.iter().map(|(.., weight)| weight).sum::<usize>() > self.most {
                kept.pop_back();
            }
        }
        value
    }
}

/// Lets one in at a time, and only so many wait.
#[derive(Debug)]
pub struct Gate {
    turn: Semaphore,
    places: Semaphore,
}

/// A turn, until it is dropped.
pub struct Turn<'g> {
    _turn: SemaphorePermit<'g>,
    _place: SemaphorePermit<'g>,
}

impl Gate {
    pub const fn new(places: usize) -> Self {
        Self { turn: Semaphore::const_new(1), places: Semaphore::const_new(places) }
    }

    /// # Errors
    /// [`Failure::Busy`] where all places are taken.
    pub async fn enter(&self) -> Result<Turn<'_>, Failure> {
        let place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let turn = self.turn.acquire().await.map_err(|_| Failure::Busy)?;
        Ok(Turn { _turn: turn, _place: place })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_goes_when_the_room_is_full() {
        let recent = Recent::new(10);
        recent.keep("a", 1, 4);
        recent.keep("b", 2, 4);
        assert_eq!(recent.get(&"a").as_deref(), Some(&1));
        recent.keep("c", 3, 4);
        assert!(recent.get(&"b").is_none() && recent.get(&"a").is_some() && recent.get(&"c").is_some());
        assert_eq!(*recent.keep("d", 4, 11), 4);
        assert!(recent.get(&"d").is_none() && recent.get(&"a").is_some());
    }

    #[tokio::test]
    async fn one_works_and_a_few_wait() {
        let gate = Gate::new(2);
        let first = gate.enter().await.unwrap();
        let mut second = Box::pin(gate.enter());
        assert!(tokio::time::timeout(Duration::ZERO, &mut second).await.is_err(), "it waits");
        assert!(matches!(gate.enter().await, Err(Failure::Busy)));
        drop(first);
        second.await.unwrap_or_else(|_| panic!("it is its turn"));
    }
}
