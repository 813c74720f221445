//! What this process may do.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_NOT_ALL_ASSIGNED, HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetTokenInformation, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    SE_PRIVILEGE_ENABLED, TOKEN_ACCESS_MASK, TOKEN_ADJUST_PRIVILEGES, TOKEN_ELEVATION,
    TOKEN_PRIVILEGES, TOKEN_QUERY, TokenElevation,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::{done, host, last_error, wide};
use crate::error::Error;
use crate::status::Win32;

/// The token of this process, closed when it is dropped.
pub(super) struct Token(HANDLE);

impl Token {
    pub(super) fn open(access: TOKEN_ACCESS_MASK) -> Result<Self, Error> {
        // SAFETY: it takes nothing and cannot fail.
        let process = unsafe { GetCurrentProcess() };
        let mut token = null_mut();
        // SAFETY: the pseudo handle is valid, and `token` outlives the call.
        let result = unsafe { OpenProcessToken(process, access, &raw mut token) };
        done(result, "OpenProcessToken")?;
        Ok(Self(token))
    }

    pub(super) fn raw(&self) -> HANDLE {
        self.0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nothing uses it after this.
        unsafe { CloseHandle(self.0) };
    }
}

/// Whether the process has the rights of an administrator at present. Under Wine it always has:
/// newer ones run programs without an elevated token, and let them change everything all the same.
/// What cannot be found out is
/// no: the functions that need it say so themselves.
#[must_use]
pub fn is_elevated() -> bool {
    if host::is_wine() {
        return true;
    }
    let Ok(token) = Token::open(TOKEN_QUERY) else { return false };
    let mut elevation = TOKEN_ELEVATION::default();
    let (size, mut length) = (u32::try_from(size_of::<TOKEN_ELEVATION>()).unwrap_or_default(), 0);
    // SAFETY: the token is open for this, and the structure has as many bytes as told.
    let result = unsafe {
        GetTokenInformation(
            token.raw(),
            TokenElevation,
            (&raw mut elevation).cast(),
            size,
            &raw mut length,
        )
    };
    result != 0 && elevation.TokenIsElevated != 0
}

/// Enables a privilege for this process
/// (learn.microsoft.com/windows/win32/secauthz/enabling-and-disabling-privileges-in-c--).
///
/// # Errors
/// [`Error::Win32`] with `ERROR_NOT_ALL_ASSIGNED` where the user does not hold it.
pub fn enable(privilege: &str) -> Result<(), Error> {
    let operation = || format!("enabling {privilege}");
    let token = Token::open(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY)?;
    let name = wide::from_str(privilege);
    let mut luid = LUID::default();
    // SAFETY: null means this machine; the name ends with a zero, and `luid` outlives the call.
    let result = unsafe { LookupPrivilegeValueW(null(), name.as_ptr(), &raw mut luid) };
    done(result, operation())?;
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED }],
    };
    // SAFETY: the token is open for this, and nobody wants the previous state.
    let result = unsafe {
        AdjustTokenPrivileges(token.raw(), 0, &raw const wanted, 0, null_mut(), null_mut())
    };
    // Success may mean that not all were enabled.
    let code = last_error();
    done(result, operation())?;
    if code == Win32(ERROR_NOT_ALL_ASSIGNED) {
        return Err(Error::Win32 { operation: operation(), code });
    }
    Ok(())
}
