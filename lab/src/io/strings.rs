//! Counted strings between drivers and the kernel.

use pagewise_lab_nt as nt;

use crate::mm::pool;

/// `Io  `
const TAG: u32 = u32::from_le_bytes(*b"Io  ");

/// A copy of a driver's string; nothing where there is none. A copy, since the driver may keep it
/// in pageable memory.
///
/// # Safety
/// `string` is null or points to a string.
pub(crate) unsafe fn read(string: *const nt::UNICODE_STRING) -> Option<Vec<u16>> {
    // SAFETY: the caller vouches for it.
    let string = unsafe { string.as_ref() }?;
    // SAFETY: as above.
    Some(unsafe { nt::units(string) }.to_vec())
}

/// A string in paged pool, terminated, that a driver frees with `RtlFreeUnicodeString`.
pub(crate) fn allocate(text: &[u16]) -> Option<nt::UNICODE_STRING> {
    let bytes = u16::try_from(size_of_val(text)).ok()?;
    let terminated: Vec<u16> = text.iter().copied().chain([0]).collect();
    let buffer = allocate_units(&terminated)?;
    Some(nt::UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes.saturating_add(2),
        Buffer: buffer,
    })
}

/// Units in paged pool that a driver frees with `ExFreePool`.
pub(crate) fn allocate_units(units: &[u16]) -> Option<*mut u16> {
    let here = allocate_units as fn(&[u16]) -> Option<*mut u16> as usize;
    let block = pool::allocate(pool::Kind::Paged, size_of_val(units), TAG, here).cast::<u16>();
    if block.is_null() {
        return None;
    }
    // SAFETY: the block is new and of this size.
    unsafe { block.copy_from_nonoverlapping(units.as_ptr(), units.len()) };
    Some(block)
}
