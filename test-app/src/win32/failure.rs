//! `GetLastError`, as this program's errors.

use crate::error::Error;
use crate::status::Win32;

/// `GetLastError` of this thread.
#[must_use]
pub fn last_error() -> Win32 {
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or_default();
    Win32(error.cast_unsigned())
}

/// What a function that has just failed said, with what it was for.
pub fn failed(operation: impl Into<String>) -> Error {
    match last_error() {
        // It has failed all the same.
        Win32(0) => Error::Mute { operation: operation.into() },
        code => Error::Win32 { operation: operation.into(), code },
    }
}

/// Turns the `BOOL` of a function that sets the last error into a result.
///
/// # Errors
/// [`Error::Win32`] where it is zero.
pub fn done(result: i32, operation: impl Into<String>) -> Result<(), Error> {
    if result == 0 { Err(failed(operation)) } else { Ok(()) }
}
