//! What the memory manager counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Async-signal-safe.
    #[inline]
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// References to pages in transition.
pub(crate) static SOFT_FAULTS: Counter = Counter::new();
/// References to pages that had to be read.
pub(crate) static HARD_FAULTS: Counter = Counter::new();
/// Passes of trimming, forced ones included.
pub(crate) static TRIMS: Counter = Counter::new();
/// Calls to `MmPageEntireDriver`.
pub(crate) static PAGE_ENTIRE_CALLS: Counter = Counter::new();
/// Calls to `MmResetDriverPaging`.
pub(crate) static RESET_CALLS: Counter = Counter::new();
