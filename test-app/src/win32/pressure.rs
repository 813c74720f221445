//! Need of memory: the one means to make a system page that needs no privilege and no secret.

use std::ptr::null;

use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE, VirtualAlloc, VirtualFree,
};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::{done, failed};
use crate::error::Error;
use crate::machine::Asked;

/// A machine with more is somebody's own, and filling it takes longer than a check may.
const MOST: u64 = 6 << 30;
const PAGE: usize = 4096;

/// Physical memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Physical {
    /// All that the system can use.
    pub total: u64,
    /// What is free, zeroed or on the standby list.
    pub available: u64,
}

/// How much there is
/// (learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-globalmemorystatusex).
///
/// # Errors
/// [`Error::Win32`]
pub fn physical() -> Result<Physical, Error> {
    let length = u32::try_from(size_of::<MEMORYSTATUSEX>()).unwrap_or_default();
    let mut status = MEMORYSTATUSEX { dwLength: length, ..MEMORYSTATUSEX::default() };
    // SAFETY: the structure says its size and outlives the call.
    let result = unsafe { GlobalMemoryStatusEx(&raw mut status) };
    done(result, "GlobalMemoryStatusEx")?;
    Ok(Physical { total: status.ullTotalPhys, available: status.ullAvailPhys })
}

/// Writes to as many pages as are available, and gives them back.
///
/// # Errors
/// [`Error::Skipped`] on a machine with much memory; [`Error::Win32`].
pub fn fill_memory() -> Result<Asked, Error> {
    let Physical { total, available } = physical()?;
    if total > MOST {
        let gibibytes = total >> 30;
        return Err(Error::Skipped(format!(
            "memory was not filled: {gibibytes} GiB are more than a test should take"
        )));
    }
    let bytes = usize::try_from(available).unwrap_or_default() & !(PAGE - 1);
    // SAFETY: no address is asked for, so that no memory in use can be meant.
    let memory = unsafe { VirtualAlloc(null(), bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    if memory.is_null() {
        return Err(failed("VirtualAlloc of the memory that is available"));
    }
    for page in (0..bytes).step_by(PAGE) {
        // SAFETY: below `bytes`, which is the size of the allocation.
        let place = unsafe { memory.cast::<u8>().add(page) };
        // SAFETY: it is committed, writable, and nobody else's.
        unsafe { place.write_volatile(1) };
    }
    // SAFETY: it was allocated above, and nobody refers to it any more.
    let freed = unsafe { VirtualFree(memory, 0, MEM_RELEASE) };
    done(freed, "VirtualFree")?;
    Ok(Asked {
        call: "VirtualAlloc of all memory that is available, each page written",
        effect: "makes the system trim working sets to find free pages",
        documented: true,
    })
}
