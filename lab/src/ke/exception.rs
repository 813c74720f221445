//! Exceptions of routines that do not capture their caller's registers. No handler is looked for: such
//! an exception is at once the bug check that an unhandled one is. What can be handled is raised by
//! [`super::seh`].

use crate::bugcheck;

const KMODE_EXCEPTION_NOT_HANDLED: u32 = 0x1E;

/// Raises `status` because of the object at `address`: bug check 0x1E.
#[cold]
pub(crate) fn raise(status: i32, address: usize) -> ! {
    let parameters = [u64::from(status as u32), 0, address as u64, 0];
    bugcheck::bug_check(KMODE_EXCEPTION_NOT_HANDLED, parameters);
}
