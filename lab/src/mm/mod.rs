//! The memory manager: images and paged pool lose their pages and get them back.
//!
//! What is evicted has no access and, once purged, no memory; a reference to it is a fault of the
//! host, which [`fault`] resolves or turns into a bug check. Every outcome that Windows leaves
//! undocumented is a [`policy`].

pub(crate) mod counters;
mod driver_paging;
pub(crate) mod fault;
pub(crate) mod group;
pub(crate) mod mapping;
pub mod observe;
mod paging_file;
mod peek;
pub mod policy;
pub mod pool;
pub(crate) mod protection;
mod query;
pub(crate) mod region;
pub(crate) mod registry;
mod section_lock;
mod signal_stack;
mod spin;
pub(crate) mod table;
mod trap;

pub(crate) use peek::peek;
pub use protection::Access;

use std::io;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use pagewise_lab_wire::{Counters, Gone, Holder, Page, PageState, PageTruth, Paging};

use crate::bugcheck;
use crate::exports;
use crate::image::{self, Image};
use crate::trail;
use crate::verifier;
use driver_paging::{MmPageEntireDriver, MmResetDriverPaging};
use paging_file::PagingFile;
use protection::Protection;
use query::{MmGetSystemRoutineAddress, MmIsAddressValid};
use region::Kind;
use section_lock::{
    MmLockPagableDataSection, MmLockPagableSectionByHandle, MmUnlockPagableImageSection,
};

exports! {
    /// Routines for drivers.
    pub EXPORTS = [
        MmGetSystemRoutineAddress(_),
        MmIsAddressValid(_),
        MmLockPagableDataSection(_),
        MmLockPagableSectionByHandle(_),
        MmPageEntireDriver(_),
        MmResetDriverPaging(_),
        MmUnlockPagableImageSection(_),
    ];
}

/// Gets the memory manager going: the fault handler, the paging file, the bug check reporter. Once
/// is enough, more does nothing.
///
/// # Errors
/// What the host says of the paging file, the signal handlers or the reporter's thread.
pub fn boot() -> io::Result<()> {
    trail::start();
    paging_file()?;
    bugcheck::start_reporter()?;
    fault::install()?;
    signal_stack::attach()
}

/// The machine's paging file, made when first asked for.
pub(crate) fn paging_file() -> io::Result<&'static PagingFile> {
    static FILE: OnceLock<PagingFile> = OnceLock::new();
    static FIRST: Mutex<()> = Mutex::new(());
    let _one = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = FILE.get() {
        return Ok(file);
    }
    let file = tempfile::tempfile()?;
    Ok(FILE.get_or_init(|| PagingFile::new(file)))
}

/// Gives this thread a stack to handle faults on. Every thread that runs driver code or touches a
/// driver's memory calls it first; more than once does nothing.
pub fn attach_thread() {
    // Without one, faults are handled on the thread's own stack, which suffices until that is used
    // up: no reason to stop a machine.
    let _ = signal_stack::attach();
}

/// Takes every valid pageable page out of its working set; how many.
pub fn trim() -> u64 {
    counters::TRIMS.increment();
    registry::all().map(region::Region::trim).sum()
}

/// Every page that could be taken out of its working set now, in an order that is the same for the
/// same history.
pub(crate) fn evictable() -> Vec<(&'static region::Region, usize)> {
    let of = |region: &'static region::Region| region.evictable().map(move |page| (region, page));
    registry::all().flat_map(of).collect()
}

/// Writes every page in transition to the paging file and gives up its memory; how many.
pub fn purge() -> u64 {
    registry::all().map(region::Region::purge).sum()
}

/// The verifier's trim, at each raise under force IRQL checking. A page in transition is as fatal
/// above `APC_LEVEL` as one on disk, so only torture has them really leave memory. `frame` is as for
/// [`trail::paging::forced`].
pub(crate) fn evict_pageable(frame: usize) {
    let trimmed = trim();
    let mut action = Paging::ForcedTrim;
    if verifier::on(verifier::Check::ToDisk) {
        purge();
        action = Paging::ForcedPurge;
    }
    if trimmed > 0 {
        trail::paging::forced(action, trimmed, frame);
    }
}

/// The true state of each page of `image`; nothing of an image that is unloaded.
#[must_use]
pub fn pages(image: &Image) -> Vec<PageTruth> {
    image.region().truth().unwrap_or_default()
}

/// The true content of pages, wherever they are, read without disturbing them. `None` when the
/// image does not have them, or one of them is freed.
#[must_use]
pub fn contents(image: &Image, first: u32, pages: u32) -> Option<Vec<u8>> {
    let first = first as usize;
    image.region().contents(first..first + pages as usize)
}

/// Whether a reference to `address` would not fault now. Never faults itself.
#[inline]
#[must_use]
pub fn is_valid(address: usize) -> bool {
    match registry::find(address) {
        Some(region) => region.state(region.page_of(address)) == PageState::Valid,
        // Memory of the host's that is not the machine's to page.
        None => peek(address as u64, &mut [0]),
    }
}

/// Whether the memory manager may take the page of `address` now: it is in paged pool, or in an
/// image section that is pageable and not locked. Synchronisation objects must not be there.
#[must_use]
pub fn is_pageable(address: usize) -> bool {
    registry::find(address)
        .is_some_and(|region| region.pageable(region.group_of(region.page_of(address))))
}

/// What was counted since the machine booted. `irql_raises` is left at 0: `ke` counts them.
#[must_use]
pub fn counters() -> Counters {
    let (mut total, mut resident) = (0, 0);
    for image in image::loaded() {
        let region = image.region();
        let pageable = region.groups().iter().filter(|group| region.pageable(group));
        for page in pageable.flat_map(|group| group.pages.clone()) {
            let state = region.state(page);
            total += u64::from(state != PageState::Freed);
            resident += u64::from(state == PageState::Valid);
        }
    }
    Counters {
        soft_faults: counters::SOFT_FAULTS.get(),
        hard_faults: counters::HARD_FAULTS.get(),
        trims: counters::TRIMS.get(),
        irql_raises: 0,
        page_entire_calls: counters::PAGE_ENTIRE_CALLS.get(),
        reset_calls: counters::RESET_CALLS.get(),
        driver_pages_total: total,
        driver_pages_resident: resident,
    }
}

/// What the memory manager knows of an address, for reports. Takes no lock.
pub(crate) fn describe(address: u64) -> Page {
    let at = address as usize;
    if let Some(region) = registry::find(at) {
        return region.describe(at);
    }
    let unloaded = registry::find_retired(at).map(|region| (region, region.page_of(at)));
    Page {
        address,
        holder: unloaded.map_or(Holder::Nothing, |_| Holder::UnloadedImage),
        state: unloaded.map(|_| PageState::Freed),
        gone: unloaded.map(|_| Gone::Freed),
        number: unloaded.map_or(0, |(_, page)| page as u32),
        protection: String::new(),
        pageable: false,
        overridden: false,
        locks: 0,
    }
}

/// The name of the unloaded image that held `address`.
pub(crate) fn unloaded_name(address: usize) -> Option<String> {
    registry::find_retired(address).map(|region| region.name().to_owned())
}

/// The base of the image that holds `address`.
pub(crate) fn image_base(address: usize) -> Option<usize> {
    registry::find(address)
        .filter(|region| region.kind() == Kind::Image)
        .map(|region| region.base())
}

/// The memory of images and pools that is there, as addresses, and what may be done to it.
pub(crate) fn region_runs() -> impl Iterator<Item = (Range<usize>, Protection)> {
    registry::all().flat_map(region::Region::present)
}

/// Copies the page of an image or a pool, wherever it is; whether it could be read. `None` where the
/// address is in neither. Takes no lock, allocates nothing, moves no page.
pub(crate) fn page_content(address: usize, copy: &mut [u8]) -> Option<bool> {
    let region = registry::find(address)?;
    Some(region.copy_page(region.page_of(address), copy))
}

/// The content of the image that holds `address`; pages that are gone are zeroes.
pub(crate) fn snapshot(address: usize) -> Vec<u8> {
    registry::find(address).map(region::Region::snapshot).unwrap_or_default()
}

#[cfg(test)]
mod tests;
