//! What code integrity is set to.

use windows_sys::Wdk::System::SystemInformation::SystemCodeIntegrityInformation;

use super::native;
use crate::error::Error;

/// `CodeIntegrityOptions` of `SYSTEM_CODEINTEGRITY_INFORMATION`
/// (learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation).
///
/// # Errors
/// [`Error::Native`]
pub fn options() -> Result<u32, Error> {
    // Its length, in bytes, then the options.
    let mut information = [8, 0];
    let name = "SystemCodeIntegrityInformation";
    native::query(SystemCodeIntegrityInformation, name, &mut information)?;
    Ok(information[1])
}
