//! Signatures
//! (learn.microsoft.com/windows/win32/api/wintrust/nf-wintrust-winverifytrust).

use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Security::WinTrust::{
    WINTRUST_ACTION_GENERIC_VERIFY_V2, WINTRUST_DATA, WINTRUST_DATA_0, WINTRUST_FILE_INFO,
    WTD_CHOICE_FILE, WTD_REVOKE_NONE, WTD_STATEACTION_CLOSE, WTD_STATEACTION_VERIFY, WTD_UI_NONE,
    WinVerifyTrust,
};

use super::wide;
use crate::status::Win32;

/// Whether a file's own signature is valid and trusted on this machine; 0 if it is. Nobody is
/// asked, and nothing is fetched from elsewhere.
#[must_use]
pub fn verify(file: &Path) -> Win32 {
    let path = wide::from_path(file);
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or_default();
    let mut info = WINTRUST_FILE_INFO {
        cbStruct: size(size_of::<WINTRUST_FILE_INFO>()),
        pcwszFilePath: path.as_ptr(),
        ..WINTRUST_FILE_INFO::default()
    };
    let mut data = WINTRUST_DATA {
        cbStruct: size(size_of::<WINTRUST_DATA>()),
        dwUIChoice: WTD_UI_NONE,
        fdwRevocationChecks: WTD_REVOKE_NONE,
        dwUnionChoice: WTD_CHOICE_FILE,
        Anonymous: WINTRUST_DATA_0 { pFile: &raw mut info },
        dwStateAction: WTD_STATEACTION_VERIFY,
        ..WINTRUST_DATA::default()
    };
    let mut action = WINTRUST_ACTION_GENERIC_VERIFY_V2;
    // SAFETY: the structures say their sizes; they and the path outlive both calls.
    let answer = unsafe { WinVerifyTrust(null_mut(), &raw mut action, (&raw mut data).cast()) };
    data.dwStateAction = WTD_STATEACTION_CLOSE;
    // SAFETY: as above; this frees the state that the first call has left in `data`.
    unsafe { WinVerifyTrust(null_mut(), &raw mut action, (&raw mut data).cast()) };
    Win32::from_hresult(answer.cast_unsigned())
}
