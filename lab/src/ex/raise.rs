//! Exceptions that drivers raise, and the mode they were called in.

use pagewise_lab_nt as nt;

use crate::ke::seh::{self, Context, capturing};

/// Raises an exception. Unhandled, it is bug check 0x1E.
///
/// Page: wdm/nf-wdm-exraisestatus.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// Called by a driver, whose frames say by their unwind information what is to be done.
#[unsafe(naked)]
pub unsafe extern "win64" fn ExRaiseStatus(status: i32) {
    capturing!(raise)
}

/// As [`ExRaiseStatus`] with `STATUS_ACCESS_VIOLATION`.
///
/// Page: wdm/nf-wdm-exraiseaccessviolation.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ExRaiseStatus`].
#[unsafe(naked)]
pub unsafe extern "win64" fn ExRaiseAccessViolation() {
    capturing!(raise_access_violation)
}

/// As [`ExRaiseStatus`] with `STATUS_DATATYPE_MISALIGNMENT`.
///
/// Page: wdm/nf-wdm-exraisedatatypemisalignment.
///
/// # IRQL
/// <= `APC_LEVEL`.
///
/// # Safety
/// As [`ExRaiseStatus`].
#[unsafe(naked)]
pub unsafe extern "win64" fn ExRaiseDatatypeMisalignment() {
    capturing!(raise_misalignment)
}

unsafe extern "win64" fn raise(status: i32, _: u64, _: u64, _: u64, context: *mut Context) {
    // SAFETY: the one frame above captured the context, and neither has anything to drop.
    unsafe { seh::raise(status, 0, context) }
}

unsafe extern "win64" fn raise_access_violation(
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    context: *mut Context,
) {
    // SAFETY: as in `raise`.
    unsafe { seh::raise(nt::STATUS_ACCESS_VIOLATION, 0, context) }
}

unsafe extern "win64" fn raise_misalignment(_: u64, _: u64, _: u64, _: u64, context: *mut Context) {
    // SAFETY: as in `raise`.
    unsafe { seh::raise(nt::STATUS_DATATYPE_MISALIGNMENT, 0, context) }
}

/// The mode of the caller of the current system service: kernel mode, since no user mode runs here,
/// and buffers of clients are the machine's by the time a driver sees them.
///
/// Page: wdm/nf-wdm-exgetpreviousmode.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub extern "win64" fn ExGetPreviousMode() -> i8 {
    const KERNEL_MODE: i8 = 0;
    KERNEL_MODE
}

crate::exports! {
    /// Exceptions.
    pub EXPORTS = [
        ExRaiseStatus(_),
        ExRaiseAccessViolation(),
        ExRaiseDatatypeMisalignment(),
        ExGetPreviousMode(),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::testing::dies;

    dies!(
        a_status_that_nobody_handles,
        {
            // SAFETY: no driver calls it, so nobody handles it.
            unsafe { ExRaiseStatus(nt::STATUS_INSUFFICIENT_RESOURCES) };
        },
        |code, parameters| assert_eq!((code, parameters[0]), (0x1E, 0xC000_009A))
    );
}
