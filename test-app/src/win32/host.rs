//! What this host is.

use std::env;
use std::path::PathBuf;

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};

use super::wide;

/// Whether this is Wine, which says so by an export of its ntdll that Windows does not have
/// (gitlab.winehq.org/wine/wine/-/wikis/Developer-FAQ).
#[must_use]
pub fn is_wine() -> bool {
    let ntdll = wide::from_str("ntdll.dll");
    // SAFETY: the name ends with a zero and outlives the call.
    let module = unsafe { GetModuleHandleW(ntdll.as_ptr()) };
    if module.is_null() {
        return false;
    }
    // SAFETY: ntdll.dll stays loaded as long as the process, and the name ends with a zero.
    unsafe { GetProcAddress(module, c"wine_get_version".as_ptr().cast()) }.is_some()
}

/// The folder of Windows.
#[must_use]
pub fn windows_folder() -> PathBuf {
    env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from)
}
