//! `NtQuerySystemInformation` and `NtSetSystemInformation`.
//!
//! The first is documented
//! (learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation), class by
//! class; the second is not: its prototype and classes are those of phnt
//! (github.com/winsiderss/phnt, `ntexapi.h`).

use std::ffi::c_void;

use windows_sys::Wdk::System::SystemInformation::NtQuerySystemInformation;

use crate::error::Error;
use crate::status::NtStatus;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtSetSystemInformation(class: i32, information: *const c_void, length: u32) -> i32;
}

/// Reads a class of system information into words; answers how many bytes were read.
///
/// # Errors
/// [`Error::Native`]
pub fn query(class: i32, name: &str, buffer: &mut [u32]) -> Result<usize, Error> {
    let bytes = u32::try_from(size_of_val(buffer)).unwrap_or(u32::MAX);
    let mut read = 0;
    // SAFETY: the buffer has as many bytes as told, and `read` outlives the call.
    let status = unsafe {
        NtQuerySystemInformation(class, buffer.as_mut_ptr().cast(), bytes, &raw mut read)
    };
    told("NtQuerySystemInformation", name, status)?;
    Ok(read as usize)
}

/// Sets a class of system information to a word.
///
/// # Errors
/// [`Error::Native`]
pub fn set(class: i32, name: &str, word: u32) -> Result<(), Error> {
    // SAFETY: the word outlives the call, and its size is told.
    let status = unsafe { NtSetSystemInformation(class, (&raw const word).cast(), 4) };
    told("NtSetSystemInformation", name, status)
}

fn told(function: &str, name: &str, status: i32) -> Result<(), Error> {
    let status = NtStatus(status.cast_unsigned());
    if status.is_success() {
        return Ok(());
    }
    Err(Error::Native { operation: format!("{function}({name})"), status })
}
