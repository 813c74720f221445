//! The driver's image in memory.

use core::ptr;

use pagewise_contract::PAGE_SIZE;
use pagewise_core::LivePage;

unsafe extern "C" {
    /// The first byte of the image; every Windows linker defines it
    /// (devblogs.microsoft.com/oldnewthing/20041025-00/?p=37483).
    #[link_name = "__ImageBase"]
    static IMAGE_BASE: u8;
}

/// The address of the image.
///
/// # IRQL
/// Any
pub fn base() -> usize {
    (&raw const IMAGE_BASE).expose_provenance()
}

/// The page of the PE headers. It is mapped as long as the image is, but pageable, so that it is
/// read once, in `DriverEntry`.
///
/// # IRQL
/// `PASSIVE_LEVEL`
pub fn headers() -> &'static [u8] {
    let first: *const u8 = ptr::with_exposed_provenance(base());
    // SAFETY: the loader maps the headers at the image base, one page at least, for as long as this
    // code is loaded, and nobody writes to them.
    unsafe { core::slice::from_raw_parts(first, PAGE_SIZE) }
}

/// The first byte of a page.
///
/// # IRQL
/// Any; the page may not be resident.
pub fn address(page: LivePage) -> *mut u8 {
    let offset = (page.number() as usize).saturating_mul(PAGE_SIZE);
    ptr::with_exposed_provenance_mut(base().saturating_add(offset))
}
