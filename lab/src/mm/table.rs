//! The loaded images. The fault handler looks here too, so the list is an array of pointers.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Pointers to things that live forever, which can be read without a lock.
#[derive(Debug)]
pub(crate) struct Table<T: 'static, const N: usize> {
    /// Slots in use are before this; a slot in use may be empty.
    used: AtomicUsize,
    slots: [AtomicPtr<T>; N],
    changes: Mutex<()>,
}

impl<T: Sync, const N: usize> Table<T, N> {
    pub(crate) const fn new() -> Self {
        Self {
            used: AtomicUsize::new(0),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; N],
            changes: Mutex::new(()),
        }
    }

    /// Every entry, in the order of their slots. Async-signal-safe.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static T> {
        let used = self.used.load(Ordering::Acquire);
        self.slots[..used].iter().filter_map(|slot| {
            let entry = slot.load(Ordering::Acquire).cast_const();
            // SAFETY: a slot is null or holds what was a `&'static T`.
            unsafe { entry.as_ref() }
        })
    }

    /// Adds an entry; false when there is no room.
    pub(crate) fn add(&self, entry: &'static T) -> bool {
        let _serial = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.slots.iter().position(|slot| slot.load(Ordering::Acquire).is_null());
        let Some(index) = free else { return false };
        self.slots[index].store(ptr::from_ref(entry).cast_mut(), Ordering::Release);
        self.used.fetch_max(index + 1, Ordering::AcqRel);
        true
    }

    /// Takes an entry out; false when it is not there.
    pub(crate) fn remove(&self, entry: &'static T) -> bool {
        let _serial = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |slot: &&AtomicPtr<T>| ptr::eq(slot.load(Ordering::Acquire), entry);
        let Some(slot) = self.slots.iter().find(known) else { return false };
        slot.store(ptr::null_mut(), Ordering::Release);
        true
    }

    /// Adds an entry in place of the oldest, which is returned.
    pub(crate) fn push_out(&self, entry: &'static T) -> Option<&'static T> {
        let _serial = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = self.slots[N - 1].load(Ordering::Acquire).cast_const();
        for index in (1..N).rev() {
            let newer = self.slots[index - 1].load(Ordering::Acquire);
            self.slots[index].store(newer, Ordering::Release);
        }
        self.slots[0].store(ptr::from_ref(entry).cast_mut(), Ordering::Release);
        self.used.store(N, Ordering::Release);
        // SAFETY: a slot is null or holds what was a `&'static T`.
        unsafe { oldest.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_and_go_and_a_full_table_says_so() {
        static ENTRIES: [u8; 3] = [0, 1, 2];
        static TABLE: Table<u8, 2> = Table::new();
        assert!(TABLE.add(&ENTRIES[0]) && TABLE.add(&ENTRIES[1]));
        assert!(!TABLE.add(&ENTRIES[2]));
        assert!(TABLE.remove(&ENTRIES[0]) && !TABLE.remove(&ENTRIES[0]));
        assert!(TABLE.add(&ENTRIES[2]));
        assert_eq!(TABLE.iter().copied().collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn the_oldest_is_pushed_out() {
        static ENTRIES: [u8; 3] = [0, 1, 2];
        static TABLE: Table<u8, 2> = Table::new();
        assert_eq!(TABLE.push_out(&ENTRIES[0]), None);
        assert_eq!(TABLE.push_out(&ENTRIES[1]), None);
        assert_eq!(TABLE.push_out(&ENTRIES[2]), Some(&0));
        assert_eq!(TABLE.iter().copied().collect::<Vec<_>>(), [2, 1]);
    }
}
