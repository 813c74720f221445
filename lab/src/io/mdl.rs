//! Memory descriptor lists, as far as the lab needs them: memory here has one mapping and no
//! physical addresses, so an MDL describes a range that is there anyway.

use std::alloc::{self, Layout};
use std::ffi::c_void;
use std::ptr;

use pagewise_lab_nt as nt;

const PAGE_SIZE: usize = 4096;

/// `MDL_MAPPED_TO_SYSTEM_VA`
pub(super) const MAPPED_TO_SYSTEM_VA: i16 = 0x1;
/// `MDL_PAGES_LOCKED`
pub(super) const PAGES_LOCKED: i16 = 0x2;
/// `MDL_SOURCE_IS_NONPAGED_POOL`
const SOURCE_IS_NONPAGED_POOL: i16 = 0x4;

/// An MDL of the I/O manager's own.
#[derive(Debug)]
pub(super) struct Mdl(*mut nt::MDL);

impl Mdl {
    /// Describes `length` bytes at `start`, locked and mapped; nothing where there is none.
    pub(super) fn of_locked(start: *mut c_void, length: u32) -> Option<Self> {
        if start.is_null() || length == 0 {
            return None;
        }
        let mdl = allocate(start, length);
        if mdl.is_null() {
            return None;
        }
        // SAFETY: allocated above.
        let fields = unsafe { &mut *mdl };
        fields.MdlFlags |= MAPPED_TO_SYSTEM_VA | PAGES_LOCKED;
        fields.MappedSystemVa = start;
        Some(Self(mdl))
    }

    pub(super) fn as_ptr(&self) -> *mut nt::MDL {
        self.0
    }
}

impl Drop for Mdl {
    fn drop(&mut self) {
        // SAFETY: made by `allocate`, and the request it was for is over.
        unsafe { IoFreeMdl(self.0) };
    }
}

/// The structure, then one page frame number for each page it touches.
fn layout(start: usize, length: u32) -> Option<Layout> {
    let pages = (start % PAGE_SIZE + length as usize).div_ceil(PAGE_SIZE);
    let bytes = size_of::<nt::MDL>().checked_add(pages.checked_mul(size_of::<u64>())?)?;
    i16::try_from(bytes).ok()?;
    Layout::from_size_align(bytes, 16).ok()
}

fn allocate(start: *mut c_void, length: u32) -> *mut nt::MDL {
    let Some(layout) = layout(start.addr(), length) else { return ptr::null_mut() };
    // SAFETY: the layout has the structure's size at least.
    let mdl = unsafe { alloc::alloc_zeroed(layout) }.cast::<nt::MDL>();
    if mdl.is_null() {
        return mdl;
    }
    let offset = start.addr() % PAGE_SIZE;
    // SAFETY: allocated above, and zeroes are a valid MDL.
    let fields = unsafe { &mut *mdl };
    fields.Size = layout.size() as i16;
    fields.StartVa = start.wrapping_byte_sub(offset);
    fields.ByteOffset = offset as u32;
    fields.ByteCount = length;
    mdl
}

/// Makes an MDL for a range of memory, and chains it to an IRP's where there is one. Null where
/// there is no memory, or the range is longer than an MDL can describe here (16 MB).
///
/// Page: wdm/nf-wdm-ioallocatemdl.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `irp` is null or an IRP that the caller owns.
pub unsafe extern "win64" fn IoAllocateMdl(
    start: *mut c_void,
    length: u32,
    secondary: u8,
    _charge_quota: u8,
    irp: *mut nt::IRP,
) -> *mut nt::MDL {
    let mdl = allocate(start, length);
    // SAFETY: the caller vouches for the IRP.
    let Some(irp) = (unsafe { super::Irp::from_raw(irp) }) else { return mdl };
    if secondary == 0 || irp.mdl().is_null() {
        irp.set_mdl(mdl);
        return mdl;
    }
    let mut last = irp.mdl();
    loop {
        // SAFETY: the MDLs of an IRP are alive as long as they are chained to it.
        let next = unsafe { (*last).Next };
        if next.is_null() {
            break;
        }
        last = next;
    }
    // SAFETY: as above.
    unsafe { (*last).Next = mdl };
    mdl
}

/// Frees an MDL.
///
/// Page: wdm/nf-wdm-iofreemdl.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mdl` is of [`IoAllocateMdl`] and not used any more.
pub unsafe extern "win64" fn IoFreeMdl(mdl: *mut nt::MDL) {
    if mdl.is_null() {
        return;
    }
    // SAFETY: the caller vouches for the MDL.
    let bytes = unsafe { (*mdl).Size };
    let layout = Layout::from_size_align(bytes as usize, 16);
    let Ok(layout) = layout else { return };
    // SAFETY: `allocate` took the memory with this layout and noted its size.
    unsafe { alloc::dealloc(mdl.cast(), layout) };
}

/// Makes an MDL of nonpaged pool describe its pages, after which it counts as mapped.
///
/// Page: wdm/nf-wdm-mmbuildmdlfornonpagedpool.
///
/// # IRQL
/// <= `DISPATCH_LEVEL`.
///
/// # Safety
/// `mdl` is of [`IoAllocateMdl`], for nonpaged pool.
pub unsafe extern "win64" fn MmBuildMdlForNonPagedPool(mdl: *mut nt::MDL) {
    // SAFETY: the caller vouches for the MDL.
    let fields = unsafe { &mut *mdl };
    fields.MdlFlags |= SOURCE_IS_NONPAGED_POOL;
    fields.MappedSystemVa = fields.StartVa.wrapping_byte_add(fields.ByteOffset as usize);
}

crate::exports! {
    /// Memory descriptor lists.
    pub EXPORTS = [
        IoAllocateMdl(_, _, _, _, _),
        IoFreeMdl(_),
        MmBuildMdlForNonPagedPool(_),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mdl_describes_its_range() {
        let start = ptr::without_provenance_mut::<c_void>(0x7_1230);
        let mdl = Mdl::of_locked(start, 5000).unwrap();
        // SAFETY: made above.
        let fields = unsafe { &*mdl.as_ptr() };
        assert_eq!(fields.StartVa.addr(), 0x7_1000);
        assert_eq!((fields.ByteOffset, fields.ByteCount), (0x230, 5000));
        assert_eq!((fields.MappedSystemVa, fields.Size), (start, 48 + 2 * 8));
        assert!(Mdl::of_locked(start, 0).is_none());
        assert!(Mdl::of_locked(ptr::null_mut(), 9).is_none());
    }

    #[test]
    fn secondary_mdls_are_chained() {
        let irp = super::super::Irp::allocate(1).unwrap();
        let start = ptr::without_provenance_mut::<c_void>(0x1000);
        // SAFETY: the IRP is ours.
        let [first, second] =
            [0, 1].map(|more| unsafe { IoAllocateMdl(start, 1, more, 0, irp.as_ptr()) });
        assert_eq!(irp.mdl(), first);
        // SAFETY: allocated above.
        assert_eq!(unsafe { (*first).Next }, second);
        for mdl in [first, second] {
            // SAFETY: allocated above.
            unsafe { IoFreeMdl(mdl) };
        }
        // SAFETY: not used any more.
        unsafe { irp.free() };
    }
}
