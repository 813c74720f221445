//! Room for one device.

use core::sync::atomic::{AtomicBool, Ordering};

/// The place of the one device that an image can have.
///
/// Paging is a property of the image: a second device would be paged, and torn down, by the first
/// one's rules.
#[derive(Debug, Default)]
pub struct Place {
    taken: AtomicBool,
}

impl Place {
    /// Takes the place; `false` if it is taken.
    ///
    /// # IRQL
    /// Any
    #[must_use]
    pub fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    /// Gives the place back.
    ///
    /// # IRQL
    /// Any
    pub fn leave(&self) {
        self.taken.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one() {
        let place = Place::default();
        assert!(place.take());
        assert!(!place.take());
        place.leave();
        assert!(place.take());
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let place = Place::default();
        let taken = std::thread::scope(|scope| {
            let takers: std::vec::Vec<_> = (0..16).map(|_| scope.spawn(|| place.take())).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).filter(|&got| got).count()
        });
        assert_eq!(taken, 1);
    }
}
