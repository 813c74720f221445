//! Exceptions that routines raise. The lab has no structured exception handling, so an exception is
//! at once the bug check that an unhandled one is.

use crate::bugcheck;

const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;

/// Raises `status` because of the object at `address`: bug check 0x1E.
#[cold]
pub(crate) fn raise(status: i32, address: usize) -> ! {
    let parameters = [u64::from(status as u32), 0, address as u64, 0];
    bugcheck::bug_check(KMODE_EXCEPTION_NOT_HANDLED, parameters);
}
