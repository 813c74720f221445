//! Versions of the system and of files.

use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Storage::FileSystem::{
    GetFileVersionInfoSizeW, GetFileVersionInfoW, VS_FIXEDFILEINFO, VerQueryValueW,
};
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

use super::{done, failed, wide};
use crate::doctor::Version;
use crate::error::Error;
use crate::status::NtStatus;

/// The true version of the system, whatever the program's manifest says
/// (learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlgetversion).
///
/// # Errors
/// [`Error::Native`]
pub fn of_windows() -> Result<Version, Error> {
    let size = u32::try_from(size_of::<OSVERSIONINFOW>()).unwrap_or_default();
    let mut found = OSVERSIONINFOW { dwOSVersionInfoSize: size, ..OSVERSIONINFOW::default() };
    // SAFETY: the structure says its size and outlives the call.
    let status = NtStatus(unsafe { RtlGetVersion(&raw mut found) }.cast_unsigned());
    if !status.is_success() {
        return Err(Error::Native { operation: "RtlGetVersion".to_owned(), status });
    }
    let OSVERSIONINFOW { dwMajorVersion: major, dwMinorVersion: minor, .. } = found;
    Ok(Version { major, minor, build: found.dwBuildNumber })
}

/// The version that a file's resources tell
/// (learn.microsoft.com/windows/win32/api/winver/nf-winver-getfileversioninfow).
///
/// # Errors
/// [`Error::Win32`]
pub fn of_file(file: &Path) -> Result<[u16; 4], Error> {
    let path = wide::from_path(file);
    let operation = |function: &str| format!("{function} for {}", file.display());
    // SAFETY: the path ends with a zero and outlives the call.
    let bytes = unsafe { GetFileVersionInfoSizeW(path.as_ptr(), null_mut()) };
    if bytes == 0 {
        return Err(failed(operation("GetFileVersionInfoSize")));
    }
    let mut block = vec![0u32; (bytes as usize).div_ceil(4)];
    // SAFETY: the block has at least as many bytes as told.
    let result = unsafe { GetFileVersionInfoW(path.as_ptr(), 0, bytes, block.as_mut_ptr().cast()) };
    done(result, operation("GetFileVersionInfo"))?;
    let (mut fixed, mut length) = (null_mut(), 0);
    let root = wide::from_str("\\");
    // SAFETY: the block was filled by the system; it answers a pointer into it.
    let result = unsafe {
        VerQueryValueW(block.as_ptr().cast(), root.as_ptr(), &raw mut fixed, &raw mut length)
    };
    done(result, operation("VerQueryValue"))?;
    if (length as usize) < size_of::<VS_FIXEDFILEINFO>() {
        return Err(failed(operation("VerQueryValue")));
    }
    // SAFETY: the answer is as long as the structure, lies in the block, which lives on, and any
    // bytes are valid for it.
    let fixed: VS_FIXEDFILEINFO = unsafe { fixed.cast::<VS_FIXEDFILEINFO>().read_unaligned() };
    let halves = |word: u32| {
        let [a, b, c, d] = word.to_le_bytes();
        [u16::from_le_bytes([c, d]), u16::from_le_bytes([a, b])]
    };
    let ([major, minor], [build, revision]) =
        (halves(fixed.dwFileVersionMS), halves(fixed.dwFileVersionLS));
    Ok([major, minor, build, revision])
}
