//! The pages of special pool, by kind of pool.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{io, ptr, slice};

use pagewise_contract::PAGE_SIZE;

use super::{Alignment, Found, Kind, PATTERN};
use crate::mm::group::{ByLink, Group};
use crate::mm::mapping::Mapping;
use crate::mm::protection::Protection;
use crate::mm::region::{self, Region};
use crate::mm::{paging_file, registry};

/// Blocks at a time. Each is a mapping of the host, which allows some 65,000 a process.
const NONPAGED_SLOTS: usize = 8192;
const PAGED_SLOTS: usize = 4096;

/// Blocks are aligned to this.
const GRANULE: usize = 16;

/// A block, in the page of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) bytes: usize,
    alignment: Alignment,
    pub(super) live: bool,
}

impl Slot {
    const LIVE: u32 = 1 << 31;
    const USED: u32 = 1 << 30;
    const AT_START: u32 = 1 << 29;

    const fn encode(self) -> u32 {
        let live = if self.live { Self::LIVE } else { 0 };
        let at_start = if matches!(self.alignment, Alignment::Start) { Self::AT_START } else { 0 };
        Self::USED | live | at_start | self.bytes as u32
    }

    const fn decode(word: u32) -> Option<Self> {
        if word & Self::USED == 0 {
            return None;
        }
        let at_start = word & Self::AT_START != 0;
        Some(Self {
            bytes: (word & 0xffff) as usize,
            alignment: if at_start { Alignment::Start } else { Alignment::End },
            live: word & Self::LIVE != 0,
        })
    }

    /// Bytes that the block takes.
    pub(super) const fn room(self) -> usize {
        self.bytes.next_multiple_of(GRANULE)
    }

    /// Where in its page it begins.
    pub(super) const fn offset(self) -> usize {
        match self.alignment {
            Alignment::End => PAGE_SIZE - self.room(),
            Alignment::Start => 0,
        }
    }
}

/// Pages by turns: one that faults, one for a block; and one that faults at the end.
#[derive(Debug)]
pub(super) struct Arena {
    kind: Kind,
    region: &'static Region,
    /// Read by the fault handler.
    slots: Box<[AtomicU32]>,
    /// The longest free comes first.
    free: Mutex<VecDeque<u32>>,
}

/// For the fault handler, which cannot wait for an arena to be made.
static MADE: [AtomicPtr<Arena>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

impl Arena {
    /// The arena of a kind, made when first asked for; `None` where the host has no room for it.
    pub(super) fn of(kind: Kind) -> Option<&'static Self> {
        static ARENAS: [OnceLock<Option<&'static Arena>>; 2] = [const { OnceLock::new() }; 2];
        *ARENAS[kind as usize].get_or_init(|| {
            let arena: &'static Self = Box::leak(Box::new(Self::new(kind).ok()?));
            MADE[kind as usize].store(ptr::from_ref(arena).cast_mut(), Ordering::Release);
            registry::add(arena.region).then_some(arena)
        })
    }

    /// The arena that holds an address. Async-signal-safe.
    pub(super) fn find(address: usize) -> Option<&'static Self> {
        MADE.iter()
            .filter_map(|made| {
                // SAFETY: null or an arena, which is never freed.
                unsafe { made.load(Ordering::Acquire).as_ref() }
            })
            .find(|arena| arena.region.contains(address))
    }

    fn new(kind: Kind) -> io::Result<Self> {
        let (slots, by_link) = match kind {
            Kind::NonPaged => (NONPAGED_SLOTS, ByLink::Resident),
            Kind::Paged => (PAGED_SLOTS, ByLink::Pageable),
        };
        let pages = 2 * slots + 1;
        let mapping = Mapping::new("special pool", pages)?;
        let groups = vec![Group::new(0..pages, Protection::READ_WRITE, by_link)];
        let kind_of_region = region::Kind::SpecialPool;
        let region = Region::new("special pool", kind_of_region, mapping, paging_file()?, groups);
        Ok(Self {
            kind,
            region: Box::leak(Box::new(region)),
            slots: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            free: Mutex::new((0..slots as u32).collect()),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn allocate(&self, bytes: usize, alignment: Alignment) -> Option<usize> {
        if bytes >= PAGE_SIZE {
            return None;
        }
        let index = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        let page = Self::page_of(index as usize);
        if self.region.commit(page..page + 1, Protection::READ_WRITE).is_err() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push_front(index);
            return None;
        }
        let slot = Slot { bytes, alignment, live: true };
        let start = self.address_of(page);
        let first: *mut u8 = ptr::with_exposed_provenance_mut(start);
        // SAFETY: a page that was committed now and is nobody else's; paged pool is allocated only
        // at an IRQL at which it may fault.
        unsafe { first.write_bytes(PATTERN, PAGE_SIZE) };
        self.slots[index as usize].store(slot.encode(), Ordering::Release);
        Some(start + slot.offset())
    }

    /// Gives a live block's page back.
    pub(super) fn free(&self, address: usize) {
        let Some((index, slot)) = self.slot_at(address) else { return };
        self.slots[index].store(Slot { live: false, ..slot }.encode(), Ordering::Release);
        let page = Self::page_of(index);
        self.region.free(page..page + 1);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(index as u32);
    }

    /// Where the pattern around a live block is not as it was made, and what that says.
    pub(super) fn corruption(&self, address: usize) -> Option<(usize, Found)> {
        let (index, slot) = self.slot_at(address)?;
        let start = self.address_of(Self::page_of(index));
        let page: *const u8 = ptr::with_exposed_provenance(start);
        // SAFETY: the page of a live block, which its owner has given up; paged pool is freed only
        // at an IRQL at which it may fault.
        let page = unsafe { slice::from_raw_parts(page, PAGE_SIZE) };
        let end = slot.offset() + slot.bytes;
        let wrong = |byte: &u8| *byte != PATTERN;
        if let Some(beyond) = page[end..].iter().position(wrong) {
            return Some((start + end + beyond, Found::Beyond));
        }
        let before = &page[..slot.offset()];
        let at = before.iter().rposition(wrong)?;
        let bits: u32 = before.iter().map(|byte| (byte ^ PATTERN).count_ones()).sum();
        Some((start + at, if bits == 1 { Found::SingleBit } else { Found::Nearby }))
    }

    /// The live block whose page holds `address`.
    pub(super) fn live_at(&self, address: usize) -> Option<Slot> {
        self.slot_at(address).map(|(_, slot)| slot).filter(|slot| slot.live)
    }

    fn slot_at(&self, address: usize) -> Option<(usize, Slot)> {
        let page = self.region.page_of(address);
        if page.is_multiple_of(2) {
            return None;
        }
        Some((page / 2, self.slot(page / 2)?))
    }

    /// The block that is, or was last, in a slot. Async-signal-safe.
    pub(super) fn slot(&self, index: usize) -> Option<Slot> {
        Slot::decode(self.slots.get(index)?.load(Ordering::Acquire))
    }

    /// The page of an address, and how far into it the address is. Async-signal-safe.
    pub(super) fn place_of(&self, address: usize) -> (usize, usize) {
        (self.region.page_of(address), address % PAGE_SIZE)
    }

    /// Where the block of a slot begins. Async-signal-safe.
    pub(super) fn block_of(&self, index: usize, slot: Slot) -> usize {
        self.address_of(Self::page_of(index)) + slot.offset()
    }

    const fn page_of(index: usize) -> usize {
        2 * index + 1
    }

    fn address_of(&self, page: usize) -> usize {
        self.region.base() + page * PAGE_SIZE
    }
}
