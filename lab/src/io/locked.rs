//! Memory that an MDL describes, locked and mapped. Memory here has one mapping and stays where it
//! is, so there is nothing to lock but what the memory manager pages, and nothing to map.

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use super::mdl::{MAPPED_TO_SYSTEM_VA, PAGES_LOCKED};

const PAGE: usize = 4096;

/// `IoReadAccess` is 0; `IoWriteAccess` and `IoModifyAccess` write.
const READ_ACCESS: u32 = 0;

/// Brings the pages in and marks the MDL as locked. Pages of paged pool and of images stay
/// pageable.
///
/// Page: wdm/nf-wdm-mmprobeandlockpages.
///
/// # IRQL
/// <= `APC_LEVEL` for memory that can be paged, else <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mdl` is of `IoAllocateMdl`, for a range that can be referenced.
pub unsafe extern "win64" fn MmProbeAndLockPages(mdl: *mut nt::MDL, _mode: i8, operation: u32) {
    // SAFETY: the caller vouches for the MDL.
    let fields = unsafe { &mut *mdl };
    let start = fields.StartVa.wrapping_byte_add(fields.ByteOffset as usize).cast::<u8>();
    let mut at = 0;
    while at < fields.ByteCount as usize {
        let byte = start.wrapping_add(at);
        // SAFETY: the caller vouches for the range; a page that is not there is a fault of his.
        let value = unsafe { byte.read_volatile() };
        if operation != READ_ACCESS {
            // SAFETY: as above, and what was there is written back.
            unsafe { byte.write_volatile(value) };
        }
        at += PAGE - byte.addr() % PAGE;
    }
    fields.MdlFlags |= PAGES_LOCKED;
}

/// Undoes [`MmProbeAndLockPages`].
///
/// Page: wdm/nf-wdm-mmunlockpages.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mdl` is locked.
pub unsafe extern "win64" fn MmUnlockPages(mdl: *mut nt::MDL) {
    // SAFETY: the caller vouches for the MDL.
    let fields = unsafe { &mut *mdl };
    fields.MdlFlags &= !(PAGES_LOCKED | MAPPED_TO_SYSTEM_VA);
}

/// A system address of the memory: where it is anyway.
///
/// Page: wdm/nf-wdm-mmmaplockedpagesspecifycache.
///
/// # IRQL
/// <= `DISPATCH_LEVEL` for a mapping in system space.
///
/// # Safety
/// `mdl` is locked.
pub unsafe extern "win64" fn MmMapLockedPagesSpecifyCache(
    mdl: *mut nt::MDL,
    _mode: i8,
    _cache: u32,
    _requested: *mut c_void,
    _bug_check_on_failure: u32,
    _priority: u32,
) -> *mut c_void {
    // SAFETY: the caller vouches for the MDL.
    let fields = unsafe { &mut *mdl };
    fields.MdlFlags |= MAPPED_TO_SYSTEM_VA;
    fields.MappedSystemVa = fields.StartVa.wrapping_byte_add(fields.ByteOffset as usize);
    fields.MappedSystemVa
}

/// Undoes [`MmMapLockedPagesSpecifyCache`].
///
/// Page: wdm/nf-wdm-mmunmaplockedpages.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mdl` is mapped.
pub unsafe extern "win64" fn MmUnmapLockedPages(_address: *mut c_void, mdl: *mut nt::MDL) {
    // SAFETY: the caller vouches for the MDL.
    let fields = unsafe { &mut *mdl };
    fields.MdlFlags &= !MAPPED_TO_SYSTEM_VA;
}

crate::exports! {
    /// Memory that an MDL describes.
    pub EXPORTS = [
        MmMapLockedPagesSpecifyCache(_, _, _, _, _, _),
        MmProbeAndLockPages(_, _, _),
        MmUnlockPages(_),
        MmUnmapLockedPages(_, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mdl::{IoAllocateMdl, IoFreeMdl};

    #[test]
    fn what_is_locked_can_be_mapped_where_it_is() {
        let mut bytes = vec![1_u8; 9000];
        let start = bytes.as_mut_ptr().cast::<c_void>();
        // SAFETY: there is no IRP.
        let mdl = unsafe { IoAllocateMdl(start, 9000, 0, 0, std::ptr::null_mut()) };
        // SAFETY: allocated above, for memory of ours.
        unsafe { MmProbeAndLockPages(mdl, 0, 1) };
        // SAFETY: locked above.
        let mapped =
            unsafe { MmMapLockedPagesSpecifyCache(mdl, 0, 1, std::ptr::null_mut(), 0, 16) };
        assert_eq!(mapped, start);
        // SAFETY: mapped above.
        unsafe { MmUnmapLockedPages(mapped, mdl) };
        // SAFETY: locked above.
        unsafe { MmUnlockPages(mdl) };
        // SAFETY: allocated above.
        assert_eq!(unsafe { (*mdl).MdlFlags } & (PAGES_LOCKED | MAPPED_TO_SYSTEM_VA), 0);
        // SAFETY: allocated above, and not used any more.
        unsafe { IoFreeMdl(mdl) };
        assert!(bytes.iter().all(|&byte| byte == 1));
    }
}
