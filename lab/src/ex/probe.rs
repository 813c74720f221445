//! Checks of the addresses that clients give.
//!
//! A client's buffer is memory of the host's process, as a driver's own is, so the two cannot be
//! told apart by their address: what is checked is the range and the alignment, and that the memory
//! is there.

use std::ffi::c_void;

use pagewise_lab_nt as nt;

use crate::ke::seh::{self, Context, capturing};
use crate::mm;

/// `MmUserProbeAddress` of x64: the first address that is nobody's in user mode
/// (learn.microsoft.com/windows-hardware/drivers/gettingstarted/virtual-address-spaces).
const USER_PROBE_ADDRESS: u64 = 0x7FFF_FFFF_0000;

const PAGE: u64 = 4096;

/// The exception that a range is worth, if any.
fn judge(address: u64, length: u64, alignment: u32) -> Result<(), i32> {
    if length == 0 {
        return Ok(());
    }
    if address & u64::from(alignment.saturating_sub(1)) != 0 {
        return Err(nt::STATUS_DATATYPE_MISALIGNMENT);
    }
    match address.checked_add(length) {
        Some(end) if end <= USER_PROBE_ADDRESS => Ok(()),
        _ => Err(nt::STATUS_ACCESS_VIOLATION),
    }
}

/// Raises an exception where the range is not a client's, or not aligned. Nothing is referenced.
///
/// Page: wdm/nf-wdm-probeforread.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// Called by a driver, whose frames say by their unwind information what is to be done.
#[unsafe(naked)]
pub unsafe extern "win64" fn ProbeForRead(address: *const c_void, length: usize, alignment: u32) {
    capturing!(probe_for_read)
}

unsafe extern "win64" fn probe_for_read(
    address: u64,
    length: u64,
    alignment: u32,
    _: u64,
    context: *mut Context,
) {
    if let Err(status) = judge(address, length, alignment) {
        // SAFETY: the one frame above captured the context, and neither has anything to drop.
        unsafe { seh::raise(status, address as usize, context) };
    }
}

/// As [`ProbeForRead`], and each page is referenced and written to, so that one which cannot be
/// written to raises the exception here.
///
/// Page: wdm/nf-wdm-probeforwrite.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ProbeForRead`]; nobody else writes to the range meanwhile.
#[unsafe(naked)]
pub unsafe extern "win64" fn ProbeForWrite(address: *mut c_void, length: usize, alignment: u32) {
    capturing!(probe_for_write)
}

unsafe extern "win64" fn probe_for_write(
    address: u64,
    length: u64,
    alignment: u32,
    _: u64,
    context: *mut Context,
) {
    if let Err(status) = judge(address, length, alignment) {
        // SAFETY: as in `probe_for_read`.
        unsafe { seh::raise(status, address as usize, context) };
    }
    let mut at = address;
    while at < address + length {
        if !is_there(at) {
            // SAFETY: as in `probe_for_read`.
            unsafe { seh::raise(nt::STATUS_ACCESS_VIOLATION, at as usize, context) };
        }
        let byte = std::ptr::with_exposed_provenance_mut::<u8>(at as usize);
        // SAFETY: it is there; the driver vouches that nobody else writes to it.
        let value = unsafe { byte.read_volatile() };
        // SAFETY: as above, and what was there is written back.
        unsafe { byte.write_volatile(value) };
        at = (at & !(PAGE - 1)) + PAGE;
    }
}

/// Whether a reference ends well: memory of the host's that is there, or a page that comes in.
fn is_there(address: u64) -> bool {
    mm::is_pageable(address as usize) || mm::peek(address, &mut [0])
}

crate::exports! {
    /// Checks of addresses.
    pub EXPORTS = [
        ProbeForRead(_, _, _),
        ProbeForWrite(_, _, _),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::testing::dies;

    #[test]
    fn ranges_are_judged_by_their_ends_and_alignment() {
        assert_eq!(judge(0x1001, 4, 1), Ok(()));
        assert_eq!(judge(0x1001, 4, 4), Err(nt::STATUS_DATATYPE_MISALIGNMENT));
        assert_eq!(judge(0x1001, 0, 4), Ok(()), "of nothing, nothing is checked");
        assert_eq!(judge(USER_PROBE_ADDRESS - 4, 4, 1), Ok(()));
        assert_eq!(judge(USER_PROBE_ADDRESS - 4, 5, 1), Err(nt::STATUS_ACCESS_VIOLATION));
        assert_eq!(judge(u64::MAX, 2, 1), Err(nt::STATUS_ACCESS_VIOLATION));
    }

    #[test]
    fn probing_for_writing_changes_nothing() {
        let mut bytes = vec![7_u8; 10_000];
        // SAFETY: the range is ours.
        unsafe { ProbeForWrite(bytes.as_mut_ptr().cast(), bytes.len(), 1) };
        assert!(bytes.iter().all(|&byte| byte == 7));
    }

    dies!(
        a_range_that_is_nobodys,
        {
            // SAFETY: no driver calls it, so nobody handles it.
            unsafe { ProbeForRead(std::ptr::without_provenance(0xFFFF_8000_0000_0000), 1, 1) };
        },
        |code, parameters| {
            assert_eq!((code, parameters[0]), (0x1E, 0xC000_0005));
        }
    );
}
