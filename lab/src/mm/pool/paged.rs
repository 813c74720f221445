//! Paged pool: an arena that the memory manager pages like an image.
//!
//! Pages that hold no block are freed: to touch one is a bug check, whatever the IRQL.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pagewise_contract::PAGE_SIZE;

use super::alignment;
use crate::mm::group::{ByLink, Group};
use crate::mm::mapping::Mapping;
use crate::mm::protection::Protection;
use crate::mm::region::{Kind, Region};
use crate::mm::{paging_file, registry};

/// 64 MiB.
const PAGES: usize = 16 * 1024;

/// Blocks are made of these.
const GRANULE: usize = 16;

#[derive(Debug)]
struct Arena {
    region: &'static Region,
    /// Free runs: offset to length.
    free: BTreeMap<usize, usize>,
    /// How many blocks have a part in each page.
    blocks: Vec<u16>,
}

fn arena() -> Option<MutexGuard<'static, Arena>> {
    static ARENA: OnceLock<Option<Mutex<Arena>>> = OnceLock::new();
    let arena = ARENA.get_or_init(|| Arena::new().ok().map(Mutex::new)).as_ref()?;
    Some(arena.lock().unwrap_or_else(PoisonError::into_inner))
}

/// `bytes` is not zero.
pub(super) fn allocate(bytes: usize) -> Option<usize> {
    let mut arena = arena()?;
    let offset = arena.allocate(bytes)?;
    Some(arena.region.base() + offset)
}

/// Gives back what [`allocate`] gave for as many bytes.
pub(super) fn free(address: usize, bytes: usize) {
    if let Some(mut arena) = arena() {
        let offset = address - arena.region.base();
        arena.free(offset, bytes);
    }
}

impl Arena {
    fn new() -> io::Result<Self> {
        let mapping = Mapping::new("paged pool", PAGES)?;
        let pool = Group::new(0..PAGES, Protection::READ_WRITE, ByLink::Pageable);
        let region =
            Region::new("paged pool", Kind::PagedPool, mapping, paging_file()?, vec![pool]);
        let region: &'static Region = Box::leak(Box::new(region));
        registry::add(region);
        let free = BTreeMap::from([(0, PAGES * PAGE_SIZE)]);
        Ok(Self { region, free, blocks: vec![0; PAGES] })
    }

    fn allocate(&mut self, bytes: usize) -> Option<usize> {
        if bytes > PAGES * PAGE_SIZE {
            return None;
        }
        let bytes = bytes.next_multiple_of(GRANULE);
        let fit = |(&start, &length): (&usize, &usize)| {
            let offset = place(start, bytes);
            (offset + bytes <= start + length).then_some((start, length, offset))
        };
        let (start, length, offset) = self.free.iter().find_map(fit)?;
        let pages = offset / PAGE_SIZE..(offset + bytes).div_ceil(PAGE_SIZE);
        for page in pages.clone() {
            if self.blocks[page] == 0
                && self.region.commit(page..page + 1, Protection::READ_WRITE).is_err()
            {
                self.release(pages.start..page);
                return None;
            }
            self.blocks[page] += 1;
        }
        self.free.remove(&start);
        if offset > start {
            self.free.insert(start, offset - start);
        }
        if offset + bytes < start + length {
            self.free.insert(offset + bytes, start + length - offset - bytes);
        }
        Some(offset)
    }

    fn free(&mut self, offset: usize, bytes: usize) {
        let mut end = offset + bytes.next_multiple_of(GRANULE);
        self.release(offset / PAGE_SIZE..end.div_ceil(PAGE_SIZE));
        let mut start = offset;
        if let Some(after) = self.free.remove(&end) {
            end += after;
        }
        if let Some((&before, &length)) = self.free.range(..offset).next_back()
            && before + length == offset
        {
            self.free.remove(&before);
            start = before;
        }
        self.free.insert(start, end - start);
    }

    /// One block less in each of the pages; those without any are freed.
    fn release(&mut self, pages: std::ops::Range<usize>) {
        for page in pages {
            self.blocks[page] -= 1;
            if self.blocks[page] == 0 {
                self.region.free(page..page + 1);
            }
        }
    }
}

/// Where a block can begin in a free run: one that fills a page begins with it, and no other
/// crosses a page boundary.
fn place(start: usize, bytes: usize) -> usize {
    let start = start.next_multiple_of(alignment(bytes));
    let crosses = start / PAGE_SIZE != (start + bytes - 1) / PAGE_SIZE;
    if crosses && bytes < PAGE_SIZE { start.next_multiple_of(PAGE_SIZE) } else { start }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_placed_as_documented() {
        assert_eq!(place(16, 4096), 4096);
        assert_eq!(place(4000, 96), 4000);
        assert_eq!(place(4000, 112), 4096);
        assert_eq!(place(1, 8), 16);
    }

    proptest! {
        #[test]
        fn blocks_never_overlap_and_all_room_comes_back(
            sizes in proptest::collection::vec(1_usize..20_000, 1..60),
            keep in proptest::collection::vec(any::<bool>(), 60),
        ) {
            let mut arena = Arena::new().unwrap();
            let mut held: Vec<(usize, usize)> = Vec::new();
            for (&bytes, &keep) in sizes.iter().zip(&keep) {
                let offset = arena.allocate(bytes).unwrap();
                for &(other, length) in &held {
                    prop_assert!(offset + bytes <= other || other + length <= offset);
                }
                if keep { held.push((offset, bytes)) } else { arena.free(offset, bytes) }
            }
            for (offset, bytes) in held {
                arena.free(offset, bytes);
            }
            prop_assert_eq!(&arena.free, &BTreeMap::from([(0, PAGES * PAGE_SIZE)]));
            prop_assert!(arena.blocks.iter().all(|&blocks| blocks == 0));
            registry::retire(arena.region);
        }
    }
}
