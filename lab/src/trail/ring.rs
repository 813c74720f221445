//! The last of what happened: fixed memory, written by anyone at any time.
//!
//! A signal handler may write, and the reporter reads while the thread that failed stands still
//! wherever it was, so there is no lock. A record is read only where its number stands before and
//! after.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Number of a slot that is being written, or never was.
const NONE: u64 = 0;

#[repr(align(64))]
struct Slot<const WORDS: usize> {
    number: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// The last `SLOTS` records of `WORDS` words.
pub(super) struct Ring<const SLOTS: usize, const WORDS: usize> {
    written: AtomicU64,
    slots: [Slot<WORDS>; SLOTS],
}

/// A record: its number, counted from 1, and its words.
pub(super) type Record<const WORDS: usize> = (u64, [u64; WORDS]);

impl<const SLOTS: usize, const WORDS: usize> Ring<SLOTS, WORDS> {
    pub(super) const fn new() -> Self {
        Self {
            written: AtomicU64::new(0),
            slots: [const {
                Slot { number: AtomicU64::new(NONE), words: [const { AtomicU64::new(0) }; WORDS] }
            }; SLOTS],
        }
    }

    fn slot(&self, number: u64) -> &Slot<WORDS> {
        &self.slots[(number % SLOTS as u64) as usize]
    }

    /// Writes a record over the oldest; `words` are made of its number. Where they are fewer than a
    /// record has, the others mean nothing. Async-signal-safe.
    #[inline]
    pub(super) fn push<const GIVEN: usize>(&self, words: impl FnOnce(u64) -> [u64; GIVEN]) {
        const { assert!(GIVEN <= WORDS) };
        let number = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        let slot = self.slot(number);
        slot.number.store(NONE, Ordering::Relaxed);
        fence(Ordering::Release);
        for (to, word) in slot.words.iter().zip(words(number)) {
            to.store(word, Ordering::Relaxed);
        }
        slot.number.store(number, Ordering::Release);
    }

    /// The newest record that satisfies `wanted`, to be amended in place.
    #[inline]
    pub(super) fn newest(
        &self,
        wanted: impl Fn(u64, &[AtomicU64; WORDS]) -> bool,
    ) -> Option<&[AtomicU64; WORDS]> {
        let last = self.written.load(Ordering::Relaxed);
        let oldest = last.saturating_sub(SLOTS as u64 - 1).max(1);
        (oldest..=last).rev().find_map(|number| {
            let slot = self.slot(number);
            let there = slot.number.load(Ordering::Acquire) == number;
            (there && wanted(number, &slot.words)).then_some(&slot.words)
        })
    }

    /// The records that are there, oldest first.
    pub(super) fn records(&self) -> Vec<Record<WORDS>> {
        let last = self.written.load(Ordering::Acquire);
        let oldest = last.saturating_sub(SLOTS as u64 - 1).max(1);
        (oldest..=last).filter_map(|number| self.read(number)).collect()
    }

    /// A record, unless it was overwritten or is being.
    fn read(&self, number: u64) -> Option<Record<WORDS>> {
        let slot = self.slot(number);
        if slot.number.load(Ordering::Acquire) != number {
            return None;
        }
        let words = std::array::from_fn(|index| slot.words[index].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (slot.number.load(Ordering::Relaxed) == number).then_some((number, words))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_oldest_make_room_and_the_newest_is_found_first() {
        let ring = Ring::<4, 2>::new();
        assert_eq!(ring.records(), []);
        for word in 10..16 {
            ring.push(|number| [number, word]);
        }
        assert_eq!(ring.records(), [(3, [3, 12]), (4, [4, 13]), (5, [5, 14]), (6, [6, 15])]);
        let even = |_, words: &[AtomicU64; 2]| words[1].load(Ordering::Relaxed).is_multiple_of(2);
        ring.newest(even).unwrap()[1].store(99, Ordering::Relaxed);
        assert_eq!(ring.records()[2], (5, [5, 99]));
        assert!(ring.newest(|number, _| number < 3).is_none(), "they are gone");
    }

    #[test]
    fn a_record_is_never_read_half_written() {
        static RING: Ring<8, 3> = Ring::new();
        thread::scope(|scope| {
            for writer in 0..2_u64 {
                scope.spawn(move || {
                    for _ in 0..50_000 {
                        RING.push(|number| [number, writer, number ^ writer]);
                    }
                });
            }
            for _ in 0..2_000 {
                for (number, [first, writer, last]) in RING.records() {
                    assert_eq!((first, last), (number, number ^ writer));
                }
            }
        });
        assert_eq!(RING.records().len(), 8);
    }

    #[test]
    fn a_record_that_is_being_written_is_left_out() {
        let ring = Ring::<2, 1>::new();
        ring.push(|_| [1]);
        ring.push(|number| {
            assert_eq!(ring.records().len(), 1, "{number} is not there yet");
            [2]
        });
        assert_eq!(ring.records(), [(1, [1]), (2, [2])]);
    }
}
