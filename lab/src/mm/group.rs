//! Pages that share their fate: a section of an image, its headers, or the whole of paged pool.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::mm::protection::Protection;

/// What the linker asked of the memory manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByLink {
    /// Not to be paged out.
    Resident,
    /// A section whose name begins with `PAGE`.
    Pageable,
    /// `IMAGE_SCN_MEM_DISCARDABLE`: gone once `DriverEntry` has succeeded; resident until then.
    Discardable,
}

/// A run of pages of one kind. Its address is the section handle that drivers hold.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) pages: Range<usize>,
    pub(crate) protection: Protection,
    pub(crate) by_link: ByLink,
    /// `MmLockPagable*` less `MmUnlockPagable*`. Changed under the region's lock.
    locks: AtomicU32,
}

impl Group {
    pub(crate) const fn new(pages: Range<usize>, protection: Protection, by_link: ByLink) -> Self {
        Self { pages, protection, by_link, locks: AtomicU32::new(0) }
    }

    pub(crate) fn locks(&self) -> u32 {
        self.locks.load(Ordering::Relaxed)
    }

    /// One lock more.
    pub(super) fn add_lock(&self) {
        self.locks.fetch_add(1, Ordering::Relaxed);
    }

    /// One lock less; false when there is none.
    pub(super) fn take_lock(&self) -> bool {
        let fewer = |locks: u32| locks.checked_sub(1);
        self.locks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }
}
