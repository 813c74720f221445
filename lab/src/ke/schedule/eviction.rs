//! Evictions that follow from the seed: at a scheduling point, some of the pages that may be taken.

use std::fmt::Write as _;

use pagewise_lab_wire::Paging;

use super::chance::Chance;
use crate::{mm, trail};

/// The most pages that are taken unless all are.
const SOME: u64 = 8;

/// Takes some pages or all, out of the working set or out of memory, and says which.
pub(super) fn evict(chance: &mut Chance) -> String {
    let pages = mm::evictable();
    if pages.is_empty() {
        return String::new();
    }
    let taken: Vec<_> = if chance.one_in(4) {
        pages
    } else {
        let many = 1 + chance.below(SOME);
        (0..many).map(|_| pages[chance.below(pages.len() as u64) as usize]).collect()
    };
    let to_disk = chance.one_in(2);
    trail::paging::note(Paging::Scheduled, taken.len() as u64, 0, 0);
    let mut said = String::from(if to_disk { ", evicts to disk" } else { ", evicts" });
    for (region, page) in taken {
        region.trim_page(page);
        // Writing to a String does not fail.
        let _ = write!(said, " {}:{page}", region.name());
    }
    if to_disk {
        mm::purge();
    }
    said
}
