//! What drivers may ask.
#![expect(non_snake_case, reason = "the routines' own names")]

use std::ptr;

use pagewise_lab_nt::{BOOLEAN, PUNICODE_STRING, PVOID, boolean, units};

use crate::verifier::intercept;
use crate::{exports, mm};

/// Whether a reference to `address` would not fault now. It tells pages that are not in memory from
/// those that are not in the working set as little as Windows does: neither is valid.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-mmisaddressvalid
///
/// # IRQL
/// At most `DISPATCH_LEVEL`.
pub(super) extern "win64" fn MmIsAddressValid(address: PVOID) -> BOOLEAN {
    boolean(mm::is_valid(address.addr()))
}

/// The address of a routine that the kernel or the HAL exports; null when there is none.
///
/// learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmgetsystemroutineaddress
///
/// # IRQL
/// `PASSIVE_LEVEL`.
///
/// # Safety
/// `name` points to a `UNICODE_STRING` whose buffer is valid.
pub(super) unsafe extern "win64" fn MmGetSystemRoutineAddress(name: PUNICODE_STRING) -> PVOID {
    // SAFETY: the caller vouches for the structure.
    let name = unsafe { name.read() };
    // SAFETY: the caller vouches for the buffer.
    let name = String::from_utf16_lossy(unsafe { units(&name) });
    exports::resolve(exports::KERNEL, &name)
        .map(|address| intercept::entry(&name, address))
        .map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
}
