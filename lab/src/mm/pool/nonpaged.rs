//! Nonpaged pool: the host's heap.

use std::alloc::{Layout, alloc, dealloc};

use pagewise_contract::PAGE_SIZE;

use super::alignment;

fn layout(bytes: usize) -> Option<Layout> {
    // A power of two as large as the block keeps it from crossing a page boundary.
    let align = bytes.checked_next_power_of_two()?.clamp(alignment(bytes), PAGE_SIZE);
    Layout::from_size_align(bytes, align).ok()
}

/// `bytes` is not zero.
pub(super) fn allocate(bytes: usize) -> Option<usize> {
    let layout = layout(bytes)?;
    // SAFETY: the size is not zero.
    let block = unsafe { alloc(layout) };
    (!block.is_null()).then(|| block.expose_provenance())
}

/// Gives back what [`allocate`] gave for as many bytes.
pub(super) fn free(address: usize, bytes: usize) {
    if let Some(layout) = layout(bytes) {
        // SAFETY: only tracked blocks come here, with the size they were allocated with.
        unsafe { dealloc(std::ptr::with_exposed_provenance_mut(address), layout) };
    }
}
