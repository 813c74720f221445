//! What reports and dumps want of a region. The thread that failed may hold the region's lock: none of
//! this takes it.

use std::ops::Range;
use std::sync::atomic::Ordering;

use pagewise_contract::PAGE_SIZE;
use pagewise_lab_wire::{Gone, Holder, Page, PageState};

use super::{Kind, Region};
use crate::mm::group::{ByLink, Group};
use crate::mm::protection::Protection;

impl Region {
    /// What is known of an address in the region.
    pub(crate) fn describe(&self, address: usize) -> Page {
        let page = self.page_of(address);
        let (group, state) = (self.group_of(page), self.state(page));
        let gone = match state {
            PageState::Freed if page >= self.used.load(Ordering::Relaxed) => Some(Gone::Never),
            PageState::Freed if group.by_link == ByLink::Discardable => Some(Gone::Discarded),
            PageState::Freed => Some(Gone::Freed),
            _ => None,
        };
        Page {
            address: address as u64,
            holder: match self.kind {
                Kind::Image => Holder::Image,
                Kind::PagedPool => Holder::PagedPool,
                Kind::SpecialPool => Holder::SpecialPool,
            },
            state: Some(state),
            gone,
            number: page as u32,
            protection: group.protection.to_string(),
            pageable: gone.is_none() && self.pageable(group),
            overridden: self.overridden(),
            locks: group.locks(),
        }
    }

    /// The content of every page, zeroes where there is none.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.pages() * PAGE_SIZE];
        for (page, copy) in bytes.chunks_exact_mut(PAGE_SIZE).enumerate() {
            // A page that cannot be read stays zeroes, as one that is not there.
            self.copy_page(page, copy);
        }
        bytes
    }

    /// Copies the content of one page, wherever it is; false where there is none. Allocates nothing.
    pub(crate) fn copy_page(&self, page: usize, copy: &mut [u8]) -> bool {
        assert_eq!(copy.len(), PAGE_SIZE);
        match self.state(page) {
            PageState::Freed => false,
            PageState::OnDisk => self.file.read(self.slot + page, copy).is_ok(),
            PageState::Valid | PageState::Transition => {
                let alias = self.mapping.alias(page);
                // SAFETY: a page of the alias, and a buffer of our own; as in `contents`.
                unsafe { std::ptr::copy_nonoverlapping(alias, copy.as_mut_ptr(), PAGE_SIZE) };
                true
            }
        }
    }

    /// The runs of pages that are there, as addresses, and what may be done to them.
    pub(crate) fn present(&self) -> Vec<(Range<usize>, Protection)> {
        let address = |page: usize| self.base() + page * PAGE_SIZE;
        let of = |group: &Group| {
            let protection = group.protection;
            let runs = self.runs(group, |state| state != PageState::Freed);
            runs.map(|run| (address(run.start)..address(run.end), protection)).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of).collect()
    }
}
