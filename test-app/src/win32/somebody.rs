//! Acting with the rights that everybody has.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::Security::{
    CreateRestrictedToken, CreateWellKnownSid, DISABLE_MAX_PRIVILEGE, ImpersonateLoggedOnUser,
    PSID, RevertToSelf, SECURITY_MAX_SID_SIZE, SID_AND_ATTRIBUTES, TOKEN_ASSIGN_PRIMARY,
    TOKEN_DUPLICATE, TOKEN_IMPERSONATE, TOKEN_QUERY, WinWorldSid,
};

use super::done;
use super::token::Token;
use crate::error::Error;

/// Does something in this thread with the rights of Everyone, whoever runs the program: by a token
/// that is restricted to that group, and has no privileges
/// (learn.microsoft.com/windows/win32/secauthz/restricted-tokens).
///
/// # Errors
/// [`Error::Win32`] where such a token cannot be had; then nothing was done.
pub fn as_everyone<T>(act: impl FnOnce() -> T) -> Result<T, Error> {
    let mut sid = everyone()?;
    let own =
        Token::open(TOKEN_ASSIGN_PRIMARY | TOKEN_DUPLICATE | TOKEN_IMPERSONATE | TOKEN_QUERY)?;
    let restricting = SID_AND_ATTRIBUTES { Sid: sid.as_mut_ptr().cast(), Attributes: 0 };
    let mut token: HANDLE = null_mut();
    // SAFETY: the token is open for this; the SID and its list of one outlive the call.
    let result = unsafe {
        CreateRestrictedToken(
            own.raw(),
            DISABLE_MAX_PRIVILEGE,
            0,
            null(),
            0,
            null(),
            1,
            &raw const restricting,
            &raw mut token,
        )
    };
    done(result, "CreateRestrictedToken")?;
    // SAFETY: the token was just made.
    let result = unsafe { ImpersonateLoggedOnUser(token) };
    let impersonating = done(result, "ImpersonateLoggedOnUser");
    // SAFETY: the token is open, the thread has its own reference, and nothing uses it after this.
    unsafe { CloseHandle(token) };
    impersonating?;
    let _reverting = Reverting;
    Ok(act())
}

/// Takes the thread's own rights back when it is dropped.
struct Reverting;

impl Drop for Reverting {
    fn drop(&mut self) {
        // SAFETY: it takes nothing, and concerns this thread only.
        let result = unsafe { RevertToSelf() };
        // With other rights than it believes to have, the program must not go on.
        assert!(result != 0, "RevertToSelf failed");
    }
}

/// The SID of Everyone, in words so that it is aligned.
fn everyone() -> Result<[u32; SECURITY_MAX_SID_SIZE as usize / 4], Error> {
    let mut sid = [0u32; SECURITY_MAX_SID_SIZE as usize / 4];
    let mut length = SECURITY_MAX_SID_SIZE;
    let buffer: PSID = sid.as_mut_ptr().cast();
    // SAFETY: the buffer has as many bytes as told.
    let result = unsafe { CreateWellKnownSid(WinWorldSid, null_mut(), buffer, &raw mut length) };
    done(result, "CreateWellKnownSid(WinWorldSid)")?;
    Ok(sid)
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};

    use super::*;

    /// Whether this thread acts with other rights than its process.
    fn is_impersonating() -> bool {
        // SAFETY: it takes nothing and cannot fail.
        let thread = unsafe { GetCurrentThread() };
        let mut token: HANDLE = null_mut();
        // SAFETY: the pseudo handle is valid, and `token` outlives the call.
        let opened = unsafe { OpenThreadToken(thread, TOKEN_QUERY, 1, &raw mut token) } != 0;
        if opened {
            // SAFETY: the token is open, and nothing uses it after this.
            unsafe { CloseHandle(token) };
        }
        opened
    }

    #[test]
    fn the_rights_are_given_up_and_taken_back() {
        assert!(!is_impersonating());
        assert!(as_everyone(is_impersonating).unwrap());
        assert!(!is_impersonating());
    }
}
